/*
 * waiting.h - what becomes of the mail that waits, once it can leave
 */
#ifndef POSTRIDER_POSTRIDER_WAITING_H
#define POSTRIDER_POSTRIDER_WAITING_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct strings;
struct waiting;             /* fields: src/postrider/waiting.c */

/* The messages in the queue of that configuration that are not held, by the
 * daemon, or by the spool where none runs; with ids, these of them. */
struct waiting *waiting_note(const struct config *config,
                             const struct strings *ids);
void waiting_free(struct waiting *waiting);             /* NULL is allowed */

/* Of those that were noted, at the last look: */
struct waiting_sum {
    size_t noted, gone, left;
    bool unattended;            /* by no daemon */
    const char *reason;         /* why one of them waits; or NULL. Borrowed. */
};
struct waiting_sum waiting_sum(const struct waiting *waiting);

/* Wait until each of those that can be tried now has been; 0 seconds: for any
 * time. On a terminal, a line shows how far that is. */
void waiting_watch(struct waiting *waiting, const struct config *config,
                   int seconds);

/*
 * Have it tried now, wait until all of it has been, at most 20 s, and report
 * what has left and what waits still, and why. Nothing if nothing waited.
 */
void waiting_print(struct waiting *waiting, const struct config *config);

#endif
