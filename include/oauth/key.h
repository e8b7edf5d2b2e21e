/*
 * key.h - the private key of a client, and what it signs: RFC 7523
 */
#ifndef POSTRIDER_OAUTH_KEY_H
#define POSTRIDER_OAUTH_KEY_H

#include <stdbool.h>

#include "util/error.h"

struct buf;
struct config;
struct key;                 /* fields: src/oauth/key.c */
struct oauth;

/*
 * Read client_key_file, with client_cert_file for its name at the server: PEM,
 * or for flow = jwt_bearer the JSON that Google has for a service account,
 * which holds the account's name, too. The caller owns it. NULL with
 * FAULT_CONFIG, FAULT_PERMISSION.
 */
struct key *key_read(const struct config *config, const struct oauth *oauth,
                     struct error *err);
void key_free(struct key *key);                         /* NULL is allowed */

/* Append a token that names the client, for a few minutes (section 2.2). */
bool key_sign_client(const struct key *key, const struct oauth *oauth,
                     struct buf *out, struct error *err);

/* ... or that asks for what the scope names, for subject (section 2.1). */
bool key_sign_grant(const struct key *key, const struct oauth *oauth,
                    const char *subject, struct buf *out, struct error *err);

#endif
