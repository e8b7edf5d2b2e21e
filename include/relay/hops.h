/*
 * hops.h - the next hops: each smarthost, whether it takes mail, its workers
 */
#ifndef POSTRIDER_RELAY_HOPS_H
#define POSTRIDER_RELAY_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/availability.h"
#include "relay/rates.h"
#include "relay/refusals.h"
#include "relay/workers.h"
#include "smtp/outcome.h"

struct config;
struct message;
struct moment;
struct smarthost;
struct strings;

/* Why all mail waits if there is none. */
#define HOPS_MISSING "no smarthost is configured: run postrider setup"

struct hop {
    const struct smarthost *smarthost;
    struct availability availability;
    struct workers *workers;
    struct refusals refusals;
    int64_t certificate_end;    /* as the last session had it, in seconds since
                                 * 1970; 0: not known */
    uint64_t attempts[OUTCOME_FAILED + 1];  /* at recipients, by outcome */
};

struct hops {
    struct hop *list;           /* in the order of the configuration */
    size_t count;
    struct rates rates;         /* how much was sent: for the next daemon */
};

/* All are borrowed; journals, of journal_list(), for this call. */
struct hops *hops_new(const struct config *config, struct launch *launch,
                      const struct spool *spool,
                      const struct strings *journals, const struct moment *now);
void hops_free(struct hops *hops);                      /* NULL is allowed */

/* An attempt at a recipient came to this there. */
void hops_note_attempt(struct hop *hop, enum outcome_kind kind);

/* Does any smarthost that may carry a message take mail at the moment? */
bool hops_take(const struct hops *hops, const struct message *message);

/* Why a message waits: it has no smarthost, its last reason, or that of a
 * smarthost; "" for none of them. */
const char *hops_reason(const struct hops *hops,
                        const struct message *message);

/* The error of the first smarthost that is not up, with what can be done; "" if
 * all are. The caller frees it. */
char *hops_describe_trouble(const struct hops *hops);

/* When one that waits may be tried, in milliseconds as now; INT64_MAX if only
 * an event can have it tried. */
int64_t hops_next_time(const struct hops *hops, const struct message *message,
                       int64_t now);

/* A message is about to be given to a worker of this smarthost. False: none may
 * go there now. */
bool hops_give_out(struct hops *hops, size_t smarthost,
                   const struct moment *now);
/* It could not be given after all. */
void hops_give_back(struct hops *hops, size_t smarthost,
                    const struct moment *now);
/* It is back. trial: the number that it went out with, of
 * availability_trial(). sent: it may have been sent; false: it was not. */
void hops_returned(struct hops *hops, size_t smarthost, unsigned trial,
                   bool sent, const struct moment *now);

/* Could no smarthost that may carry it be reached since then, though that was
 * tried for so long? False if there is none. */
bool hops_were_down(const struct hops *hops, const struct message *message,
                    int64_t from, int64_t duration);

/* How many workers there are; and has one of those that were asked to leave not
 * done so? */
size_t hops_workers(const struct hops *hops);
bool hops_leave(const struct hops *hops);

#endif
