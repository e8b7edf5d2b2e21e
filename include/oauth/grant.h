/*
 * grant.h - what an authorization server has granted to a client, on disk
 *
 * A file NAME.json in the folder of tokens, mode 0600, and NAME.lock, which is
 * held by the process that renews. The file is replaced as a whole: after any
 * stop it has the old tokens or the new ones.
 *
 * A reader leaves a file of a newer version as it is, and takes no notice of
 * members that it does not know.
 */
#ifndef POSTRIDER_OAUTH_GRANT_H
#define POSTRIDER_OAUTH_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct answer;
struct client;

/* Times are seconds since the epoch, 0 if not known. Strings are owned. */
struct grant {
    char *access_token;         /* NULL: there is none */
    int64_t obtained;           /* when that was */
    int64_t expires;
    char *scope;                /* that was asked for with it */
    char *refresh_token;        /* NULL: there is none */
    int64_t refresh_expires;
    int64_t login;              /* when a person logged in */
    int64_t wait_until;         /* the server wants no request before */
    int64_t refused;            /* when it refused, and only a person can mend
                                 * that; 0 since a renewal */
};

/* Read it. One that is not there is empty, as is one for another client_id,
 * token_url or subject, to whom its tokens must not be shown. FAULT_NEWER,
 * FAULT_PERMISSION if it is damaged. */
bool grant_load(const struct client *client, struct grant *grant,
                struct error *err);
void grant_free(struct grant *grant);                   /* empty again */

/* Take the tokens of an answer, asked for with this scope. Without a new
 * refresh token the old one stays. FAULT_PROTOCOL without an access token that
 * can be used; a refresh token is taken then, too: the old one may be void. */
bool grant_take(struct grant *grant, const struct answer *answer,
                const char *scope, struct error *err);

/* Drop the access token, and keep what the next one is had with. */
void grant_forget_access(struct grant *grant);

/* Is the access token good for a while? It is while more of its life is left
 * than the lesser of a half and of two minutes or a tenth, whichever is more;
 * and not more than its life: then the clock was set back. */
bool grant_is_fresh(const struct grant *grant, const char *scope, int64_t now);

/* Is it good at all, if no better one can be had? */
bool grant_is_alive(const struct grant *grant, const char *scope, int64_t now);

/* A grant that is about to be replaced. */
struct renewal {
    int lock;
    int draft;                  /* NAME.new, with room for what will come */
};

/* Wait for the lock. FAULT_TEMPORARY if it is not free before the deadline
 * (clock_now()). */
bool renewal_begin(struct renewal *renewal, const struct client *client,
                   int64_t deadline, struct error *err);

/* Take the room on the disk now: what a server gave must not be lost for want
 * of it, as it may have given it only once. FAULT_IO. */
bool renewal_reserve(struct renewal *renewal, const struct client *client,
                     struct error *err);

/* Put it in the place of the old one, durably. FAULT_IO. */
bool renewal_save(struct renewal *renewal, const struct client *client,
                  const struct grant *grant, struct error *err);
void renewal_end(struct renewal *renewal, const struct client *client);

/* Remove it, durably, with what a killed process left. */
bool grant_remove(const struct client *client, struct error *err);

#endif
