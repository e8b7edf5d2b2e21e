/*
 * waiting.h - what becomes of the mail that waits, once it can leave
 */
#ifndef POSTRIDER_POSTRIDER_WAITING_H
#define POSTRIDER_POSTRIDER_WAITING_H

struct config;
struct waiting;             /* fields: src/postrider/waiting.c */

/* The messages in the queue of that configuration, by the daemon, or by the
 * spool where none runs. */
struct waiting *waiting_note(const struct config *config);
void waiting_free(struct waiting *waiting);             /* NULL is allowed */

/*
 * Have it tried now, wait until all of it has been, at most 20 s, and report
 * what has left and what waits still, and why. Nothing if nothing waited.
 */
void waiting_tell(struct waiting *waiting, const struct config *config);

#endif
