/*
 * config_text.h - the text of a configuration file, made fit for libconfuse
 *
 * libconfuse puts variables of the environment into strings, and the
 * environment belongs to the caller of sendmail; it forgives a missing brace,
 * quote or end of a comment, drops characters that it does not know, and
 * miscounts lines after a comment. So all of that is dealt with before.
 */
#ifndef POSTRIDER_CONFIG_CONFIG_TEXT_H
#define POSTRIDER_CONFIG_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct buf;

/*
 * Append the text to out, with the same lines: comments blanked, "${" inside
 * quotes protected. FAULT_CONFIG with path and line for a character that must
 * not be there, and for a quote, comment or brace that is never closed.
 */
bool config_text_prepare(struct buf *out, const char *path, const char *text,
                         size_t length, struct error *err);

#endif
