/*
 * token.h - the OAuth token of a smarthost, as postrider-oauth prints it
 */
#ifndef POSTRIDER_CONFIG_TOKEN_H
#define POSTRIDER_CONFIG_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct buf;

/*
 * Append what `postrider-oauth token NAME` prints; it has limit milliseconds.
 * The fault is that of its exit status, and the text is its own:
 * FAULT_TEMPORARY, FAULT_PERMISSION if only a person can mend it, FAULT_CONFIG,
 * also if the program is not installed.
 *
 * refused  digest_name() of a token that the smarthost refused, so that another
 *          one is wanted; or NULL
 */
bool token_run(const char *name, const char *refused, int64_t limit,
               struct buf *out, struct error *err);

#endif
