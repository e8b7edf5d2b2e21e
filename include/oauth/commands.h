/*
 * commands.h - the commands of postrider-oauth: postrider-oauth(1)
 *
 * Each gets its name and its arguments, and writes its output. False with what
 * is wrong, which main() prints.
 */
#ifndef POSTRIDER_OAUTH_COMMANDS_H
#define POSTRIDER_OAUTH_COMMANDS_H

#include <stdbool.h>

#include "util/error.h"

struct client;

bool command_token(int argc, char **argv, struct error *err);
bool command_login(int argc, char **argv, struct error *err);
bool command_status(int argc, char **argv, struct error *err);
bool command_logout(int argc, char **argv, struct error *err);

/* Print of one client what status prints, as login does at its end: when the
 * login was, until when it lasts, and no token. */
bool status_print(const struct client *client, struct error *err);

#endif
