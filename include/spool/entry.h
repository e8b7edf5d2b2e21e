/*
 * entry.h - a finished message file, read and proved
 */
#ifndef POSTRIDER_SPOOL_ENTRY_H
#define POSTRIDER_SPOOL_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "util/error.h"
#include "util/random.h"

struct entry {
    int fd;                 /* owned; read with pread only */
    char id[RANDOM_ID_LENGTH + 1];
    uid_t uid;              /* who sent it: owner of the file; of a queue
                             * file, what its last line says */
    bool has_claim;         /* the envelope says who sent it: */
    uid_t claimed_uid;      /* believed only of the daemon itself */
    bool queued;            /* it has the last line of spool/queue.h */
    int64_t received;       /* seconds since 1970, if queued */
    struct envelope envelope;
    uint64_t content_start; /* the message is [start, start + length) */
    uint64_t content_length;
    bool is_8bit;           /* the body has octets with the high bit set */
};

/*
 * Take over a descriptor and prove the file: regular, version, id equal to
 * name (unless name is NULL), envelope to the letter of spool/draft.h, END
 * line, length and checksum, lines of the message ended by CRLF. FAULT_DATA if
 * something of that is wrong, FAULT_IO if it cannot be read.
 * The descriptor is closed on failure, too.
 */
struct entry *entry_open(int fd, const char *name, struct error *err);

/* The same for a file that was proved when it was made: its octets are not
 * read again. */
struct entry *entry_reopen(int fd, const char *name, struct error *err);

void entry_free(struct entry *entry);                   /* NULL is allowed */

#endif
