/*
 * journal.h - acceptances, written down by a worker before anything else
 *
 * A worker has no spool, but one descriptor: it appends a line for each
 * transaction that the smarthost accepted, "ID INDEX[,INDEX...]\n", at once,
 * before it reports to the manager. When the manager or the worker is killed in
 * between, the journal shows what must not be sent again.
 *
 * Of a line that was not written whole the numbers that were count: a version
 * that has other lines gives its journals another name than journal.NUMBER.
 */
#ifndef POSTRIDER_SPOOL_JOURNAL_H
#define POSTRIDER_SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/spool.h"
#include "util/error.h"
#include "util/strings.h"

/* Create state/journal.NUMBER, with the first number from *number on that is
 * free: a journal that exists is in use or not applied yet. The descriptor is
 * for O_APPEND writes, and locks the journal for a worker of that smarthost, as
 * long as it or a copy of it is open. -1 with FAULT_IO. */
int journal_create(const struct spool *spool, const char *smarthost,
                   unsigned *number, struct error *err);

/* The names of all journals, at a start; state/ may be large, and is listed
 * once for all that follows. The caller frees them. False: FAULT_IO. */
bool journal_list(const struct spool *spool, struct strings *names,
                  struct error *err);

/* Descriptors of those that are locked by workers of that smarthost, which have
 * outlived their daemon. An array of *count, the caller's to close and free. */
int *journal_find_held(const struct spool *spool, const struct strings *names,
                       const char *smarthost, size_t *count);
/* Is one of those locked still? */
bool journal_is_held(int fd, const char *smarthost);

/* Append one line with one write(2). A failure is not reported: the
 * outcome still goes to the manager. */
void journal_note(int fd, const char *id, const size_t *indices, size_t count);

/* Called for a line. False: it could not be done, and must not be
 * forgotten. */
typedef bool journal_line(void *context, const char *id,
                          const size_t *indices, size_t count);

/* Every line in state/journal.NUMBER; incomplete last lines are skipped. True
 * if it could be read and each line was taken. */
bool journal_read(const struct spool *spool, unsigned number,
                  journal_line *line, void *context);
void journal_remove(const struct spool *spool, unsigned number);

/*
 * The lines of all of these journals, at a start. One of which each line was
 * taken is removed; the others, whose number is returned, stay for the next
 * start: no worker writes to a journal that exists.
 */
size_t journal_take_all(const struct spool *spool, const struct strings *names,
                        journal_line *line, void *context);

#endif
