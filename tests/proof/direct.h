/*
 * direct.h - questions of util/text.h about an octet, without a call
 *
 * Where the octet is in a text, Eva learns from a condition that has the octet
 * itself, and not from what a function returns.
 */
#ifndef PROOF_DIRECT_H
#define PROOF_DIRECT_H

#include "util/text.h"

#define text_is_digit(c) ((c) >= '0' && (c) <= '9')
#define text_is_space(c) \
    ((c) == ' ' || (c) == '\t' || (c) == '\r' || (c) == '\n')
#define text_is_alpha(c) \
    (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define text_is_control(c) (((c) >= 0 && (c) < ' ') || (c) == 127)

#endif
