/*
 * client.h - this machine as the client of an oauth section (RFC 6749 2)
 *
 * The tokens are kept in a folder of their own, which belongs to the user who
 * has them fetched: the daemon's, or with direct delivery the caller.
 */
#ifndef POSTRIDER_OAUTH_CLIENT_H
#define POSTRIDER_OAUTH_CLIENT_H

#include <stdbool.h>

#include "util/error.h"
#include "util/secret.h"

struct config;
struct oauth;

struct client {
    struct config *config;
    const struct oauth *oauth;      /* in config */
    struct secret secret;           /* of client_secret_file; or data NULL */
    char *folder;                   /* of tokens */
    int state;                      /* the same, open; -1: it is not there */
};

/*
 * Read the configuration, become the daemon's user if root calls and there is a
 * queue, open the folder of tokens. name is of an oauth section.
 *
 * make  make the folder if it is not there, as far as the user may
 *
 * FAULT_CONFIG, FAULT_PERMISSION if the folder is another user's.
 */
bool client_open(struct client *client, const char *name, bool make,
                 struct error *err);

/* Read its secret, if it has one: before the first request. */
bool client_read_secret(struct client *client, struct error *err);

void client_close(struct client *client);

#endif
