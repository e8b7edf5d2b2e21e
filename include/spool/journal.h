/*
 * journal.h - acceptances, written down by a worker before anything else
 *
 * A worker has no spool, but one descriptor: it appends a line for each
 * transaction that the smarthost accepted, "ID INDEX[,INDEX...]\n", at once,
 * before it tells the manager. When the manager or the worker is killed in
 * between, the journal tells what must not be sent again.
 */
#ifndef POSTRIDER_SPOOL_JOURNAL_H
#define POSTRIDER_SPOOL_JOURNAL_H

#include <stddef.h>

#include "spool/spool.h"
#include "util/error.h"

/* Create state/journal.NUMBER, with the first number from *number on that is
 * free: a journal that exists is in use or not applied yet. The descriptor is for O_APPEND
 * writes. -1 with FAULT_IO. */
int journal_create(const struct spool *spool, unsigned *number,
                   struct error *err);

/* Append one line with one write(2). A failure is nobody's: returns. */
void journal_note(int fd, const char *id, const size_t *indices, size_t count);

/* Every line in state/journal.NUMBER; incomplete last lines are skipped. */
typedef void journal_line(void *context, const char *id,
                          const size_t *indices, size_t count);
void journal_read(const struct spool *spool, unsigned number,
                  journal_line *line, void *context);
void journal_remove(const struct spool *spool, unsigned number);

/* All journals that exist, at start-up. */
void journal_read_all(const struct spool *spool, journal_line *line,
                      void *context);
void journal_remove_all(const struct spool *spool);

#endif
