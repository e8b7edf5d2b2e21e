/*
 * client.h - this machine as the client of an oauth section (RFC 6749 2)
 *
 * The tokens are kept in a folder of their own, which belongs to the user who
 * has them fetched: the daemon's, or with direct delivery the caller.
 */
#ifndef POSTRIDER_OAUTH_CLIENT_H
#define POSTRIDER_OAUTH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/secret.h"

struct config;
struct key;
struct oauth;

struct client {
    const struct config *config;
    struct config *own_config;      /* the same, or NULL if it is borrowed */
    const struct oauth *oauth;      /* in config */
    struct secret secret;           /* of client_secret_file; or data NULL */
    struct key *key;                /* of client_key_file; or NULL */
    const char *subject;            /* jwt_bearer: the mailbox; "": not set */
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

/* The same for a section of a configuration that was read before, and outlives
 * the client; its folder is not made. */
bool client_open_section(struct client *client, const struct config *config,
                         const struct oauth *section, struct error *err);

/* Read the secret or the key by which the server knows it, and find out whom it
 * asks for: before client_confine(). FAULT_CONFIG, FAULT_PERMISSION. */
bool client_identify(struct client *client, struct error *err);

/* Give up the right to all files but its tokens, and what the network needs.
 * no_new_privs is set, too. sandbox = no leaves that out, as do kernels without
 * Landlock. */
void client_confine(const struct client *clients, size_t count);

void client_close(struct client *client);

#endif
