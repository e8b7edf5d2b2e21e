/*
 * race.h - connect to the address that answers first (RFC 8305 section 5)
 *
 * The next address starts when the one before has failed, or has not answered
 * for half a second: one that swallows packets costs that, and not its whole
 * time. The first connection wins, and the other attempts are given up. If the
 * winner turns out to be of no use, the race goes on among those that have
 * neither won nor failed.
 */
#ifndef POSTRIDER_NET_RACE_H
#define POSTRIDER_NET_RACE_H

#include <stddef.h>
#include <stdint.h>

#include "net/dial.h"
#include "util/error.h"

struct race;                /* fields: src/net/race.c */

/* Address number index, counted from 0 in the order they were added, failed:
 * called once for each that does. */
typedef void race_failed(void *context, size_t index, const struct error *err);

/* source_address: as for dial_begin(); borrowed. patience: milliseconds that an
 * address may take. */
struct race *race_new(const char *source_address, int64_t patience,
                      race_failed *failed, void *context);
void race_free(struct race *race);                      /* NULL is allowed */

/* Borrowed; all are added before the start. */
void race_add(struct race *race, const struct dial_address *address);

/*
 * The next connection, as of dial_begin(), and which address it is to. -1 when
 * there are no others, when one failed with FAULT_CONFIG, as all would, or at
 * the deadline: then failed() has been called for those that were tried.
 */
int race_next(struct race *race, size_t *winner, int64_t deadline);

#endif
