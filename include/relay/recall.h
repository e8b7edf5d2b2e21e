/*
 * recall.h - what is known of a message without an attempt of this process
 *
 * Recipients that the journals of workers name were accepted before a stop;
 * flaws are known before the first attempt. Both become part of the state, and
 * are logged and counted once.
 */
#ifndef POSTRIDER_RELAY_RECALL_H
#define POSTRIDER_RELAY_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct config;
struct entry;
struct recovery;
struct spool;
struct state;
struct strings;
struct totals;
struct recall;              /* fields: src/relay/recall.c */

/* Seconds since 1970: when a message was received, and now. */
struct dates {
    int64_t received;
    int64_t now;
};

struct recall *recall_new(const struct config *config,
                          const struct spool *spool, struct totals *totals);
void recall_free(struct recall *recall);                /* NULL is allowed */

/* At a start: record the acceptances in these journals; what goes to queue/ for
 * that is added to the recovery. An acceptance that cannot be recorded is
 * remembered for recall_apply(), and its journal is kept. */
void recall_journals(struct recall *recall, const struct strings *journals,
                     struct recovery *recovery, int64_t now);

/* Put into the state of a message what is remembered of it, and its flaws:
 * recipients that cannot be one, or all. True if there was anything. */
bool recall_apply(struct recall *recall, const struct entry *entry,
                  struct state *state, const struct dates *dates);

/* A recipient was accepted according to a journal. Whether the smarthost took
 * over the DSN is not known: a sender who asked for one rather gets two than
 * none. */
void recall_accepted(struct recall *recall, const struct entry *entry,
                     struct state *state, size_t index,
                     const struct dates *dates);

#endif
