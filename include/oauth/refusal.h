/*
 * refusal.h - what the refusal of an authorization server means
 */
#ifndef POSTRIDER_OAUTH_REFUSAL_H
#define POSTRIDER_OAUTH_REFUSAL_H

#include <stdbool.h>

#include "util/error.h"

struct client;
struct reply;
struct form_request;
struct words;

/*
 * Is the reply an answer that can be used? If not, err has the server's words,
 * escaped and cut, and what can be done: FAULT_TEMPORARY if that passes,
 * FAULT_PERMISSION if only a person can mend it.
 */
bool refusal_judge(const struct client *client,
                   const struct form_request *request,
                   const struct reply *reply, struct error *err);

/* Set the error to the words of a server, and to what can be done:
 * FAULT_TEMPORARY, FAULT_PERMISSION. The words are escaped and cut, and must
 * hold no secret. */
bool refusal_explain(const struct client *client, const struct words *words,
                     struct error *err);

/* Another reason to log in: FAULT_PERMISSION, with the remedy. */
bool refusal_needs_login(const struct client *client, const char *why,
                         struct error *err);

#endif
