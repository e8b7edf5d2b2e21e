/*
 * renewals.h - logins that no mail uses, kept alive
 *
 * A login ends when its refresh token is not used for long: with Microsoft for
 * 90 days, with Google for six months. So the daemon has each renewed after the
 * time of its key `renew`, as the smarthosts would have it. For the launcher,
 * as the manager can start nothing; times are clock_now()'s.
 */
#ifndef POSTRIDER_RELAY_RENEWALS_H
#define POSTRIDER_RELAY_RENEWALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct config;
struct renewals;            /* fields: src/relay/renewals.c */

/* config is borrowed. */
struct renewals *renewals_new(const struct config *config);
void renewals_free(struct renewals *renewals);          /* NULL is allowed */

/* Start a process for each that is due; it logs what comes of it. */
void renewals_start(struct renewals *renewals);

/* When the next one is due; INT64_MAX: none ever is, or one has to end
 * first. */
int64_t renewals_next_time(const struct renewals *renewals);

/* A child ended, perhaps one of these. */
void renewals_reap(struct renewals *renewals, pid_t pid, int status);

#endif
