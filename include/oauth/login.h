/*
 * login.h - a login that a person makes in a browser
 */
#ifndef POSTRIDER_OAUTH_LOGIN_H
#define POSTRIDER_OAUTH_LOGIN_H

#include <stdbool.h>

#include "util/error.h"

struct client;
struct reply;
struct form_request;

/*
 * Send a request for the tokens of a login, and keep what comes. The caller
 * frees the reply, also where this is false. FAULT_PERMISSION without a refresh
 * token: such a login would end within the hour.
 */
bool login_fetch(const struct client *client, struct form_request *request,
                 struct reply *reply, struct error *err);

/* RFC 8252: any browser; the person pastes the address that it could not
 * open. */
bool login_by_paste(const struct client *client, struct error *err);

/* RFC 8628: the person enters a code in any browser. */
bool login_by_device(const struct client *client, struct error *err);

/* Is the server Google's? It wants parameters of its own. */
bool login_is_google(const struct client *client);

#endif
