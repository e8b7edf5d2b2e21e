/*
 * providers.h - the smarthosts of well-known providers, from a file
 *
 * The file is etc/providers, installed as POSTRIDER_DATADIR "/providers"; its
 * beginning has the meaning of each key.
 */
#ifndef POSTRIDER_POSTRIDER_PROVIDERS_H
#define POSTRIDER_POSTRIDER_PROVIDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/strings.h"

/* Texts are NULL where the file has none. */
struct provider {
    char *id;
    char *short_id;
    char *name;
    struct strings domains;
    char *host;
    char *region;
    char *port;
    char *tls;
    char *auth;
    char *user;
    char *login;
    char *password;
    char *sender;
    char *connections;
    char *self_signed;
    char *tenant;
    char *token_url;
    char *device_url;
    char *authorize_url;
    char *revoke_url;
    char *scope;
    char *client_secret;
    struct strings notes;
};

struct providers {
    struct provider *items;         /* owned, in the order of the file */
    size_t count;
};

/* FAULT_CONFIG with path and line. */
bool providers_load(struct providers *providers, const char *path,
                    struct error *err);
void providers_free(struct providers *providers);

/* NULL if there is none: of that id, or short one; that has addresses of that
 * domain. */
const struct provider *providers_find(const struct providers *providers,
                                      const char *id);
const struct provider *providers_of_domain(const struct providers *providers,
                                           const char *domain);

/* Does it take nothing but tokens? Is every sender to be the account? */
bool provider_wants_token(const struct provider *provider);
bool provider_wants_sender(const struct provider *provider);

#endif
