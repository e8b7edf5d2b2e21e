/*
 * queue_file.h - the daemon's own copy of a message: queue/ID
 *
 * A queue file is a message file (spool/draft.h) and one line more:
 * "QUEUED %020lld %010u\n": when it was taken (seconds since 1970), and
 * the sender's uid.
 */
#ifndef POSTRIDER_SPOOL_QUEUE_FILE_H
#define POSTRIDER_SPOOL_QUEUE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/entry.h"
#include "spool/spool.h"
#include "util/error.h"

#define QUEUE_LINE_LENGTH 39    /* of the QUEUED line with its LF */

/* Open queue/ID. received and uid come from its last line. NULL with FAULT_DATA
 * if it is damaged (the caller moves it to failed/); else with FAULT_NEWER, or
 * the fault of unread_explain(). */
struct entry *queue_file_open(const struct spool *spool, const char *id,
                              int64_t *received, struct error *err);

/* Is there a queue/ID? True if that cannot be known. */
bool queue_file_exists(const struct spool *spool, const char *id);

/* Is queue/NAME a whole queue file of message id? FAULT_DATA: it is not;
 * otherwise, FAULT_NEWER or FAULT_IO, that cannot be known. */
bool queue_file_verify(const struct spool *spool, const char *name,
                       const char *id, struct error *err);

#endif
