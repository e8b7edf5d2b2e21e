/*
 * answer.h - what an authorization server answers, as JSON (RFC 6749 5.1, 5.2)
 *
 * All of it is hostile until it is checked here.
 */
#ifndef POSTRIDER_OAUTH_ANSWER_H
#define POSTRIDER_OAUTH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define ANSWER_TOKEN_MAX 16384      /* octets of a token */
#define ANSWER_LIFE_MAX (7 * 86400) /* seconds of an access token */

struct answer;

/* An object, with or without a byte order mark before it. NULL with
 * FAULT_PROTOCOL if it is not one, or if it holds a name twice. */
struct answer *answer_parse(const char *text, size_t length,
                            struct error *err);
void answer_free(struct answer *answer);                /* NULL is allowed */

/* The text of that name; NULL if it is not there or is not text. Borrowed. */
const char *answer_text(const struct answer *answer, const char *name);

/* The same if it can be a token: up to ANSWER_TOKEN_MAX octets, all of them
 * visible ASCII (RFC 6749 A.12, A.17), so that it fits into any line. */
const char *answer_token(const struct answer *answer, const char *name);

/* A number of seconds from 1 to max, also where it is text; more is max. 0 if
 * it is not there or is not such a number. */
int64_t answer_seconds(const struct answer *answer, const char *name,
                       int64_t max);

/* Is code among error_codes? Those of Microsoft Entra. */
bool answer_has_code(const struct answer *answer, long code);

#endif
