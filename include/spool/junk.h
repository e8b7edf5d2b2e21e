/*
 * junk.h - log what is removed from the drop directory, at a limited rate
 */
#ifndef POSTRIDER_SPOOL_JUNK_H
#define POSTRIDER_SPOOL_JUNK_H

#include <stdint.h>
#include <sys/types.h>

struct junk;                /* fields: src/spool/junk.c */
struct junk *junk_new(void);
void junk_free(struct junk *junk);                      /* NULL is allowed */

/* Log that the named object of that owner was removed from drop/, and why: at
 * most one line a second an owner; the next has the number of lines that were
 * left out. now is clock_now()'s. */
void junk_report(struct junk *junk, uid_t uid, const char *name,
                 const char *why, int64_t now);

#endif
