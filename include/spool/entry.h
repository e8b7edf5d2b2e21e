/*
 * entry.h - a finished message file, read and verified
 */
#ifndef POSTRIDER_SPOOL_ENTRY_H
#define POSTRIDER_SPOOL_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "util/error.h"
#include "util/io.h"
#include "util/random.h"

struct header;

struct entry {
    int fd;                 /* owned; read with pread only */
    int original;           /* drop/ID itself, of which fd is a copy in memory;
                             * or -1; owned. The last one to close it when it
                             * is unlinked waits until its blocks are free. */
    char id[RANDOM_ID_LENGTH + 1];
    uid_t uid;              /* of the sender: the owner of the file; of a
                             * queue file, what its last line has */
    bool has_claim;         /* the envelope names a user: see entry_user() */
    uid_t claimed_uid;
    bool dropped;           /* taken from drop/ID, which is there still, as far
                             * as is known */
    bool copied;            /* queue/.ID is its file, or was begun as that */
    bool queued;            /* it has the last line of spool/queue_file.h */
    int64_t received;       /* seconds since 1970, if queued */
    struct envelope envelope;
    uint64_t content_start; /* the message is [start, start + length) */
    uint64_t content_length;
    uint32_t sum;           /* as its END line has it */
    bool is_8bit;           /* the body has octets with the high bit set */
    char *flaw;             /* why it cannot be sent although it is whole, or
                             * NULL; owned. Recipients have theirs. */
    const char *flaw_status;        /* enhanced status code of it */
    bool has_bare_ends;     /* a line of the message ends with less than CRLF:
                             * never to be sent so; known of entry_open only */
};

/*
 * Take over a descriptor and verify the frame of the file: regular, first line
 * with an id equal to name (unless name is NULL), envelope that ends, END line,
 * length and checksum. FAULT_DATA if something of that is wrong, FAULT_NEWER as
 * spool/format.h has it, FAULT_IO if it cannot be read. The descriptor is
 * closed on failure, too.
 *
 * A file with its frame is a message that was committed: anything else that is
 * wrong with it is a flaw of the entry or of a recipient.
 */
struct entry *entry_open(int fd, const char *name, struct error *err);

/* The same for a file that was verified when it was made: its octets are not
 * read again. */
struct entry *entry_reopen(int fd, const char *name, struct error *err);

/* As entry_open(), for a file that these octets have just been written to, no
 * more and no less: it is not read. The owner is not known. */
struct entry *entry_of_octets(int fd, const char *data, size_t length,
                              const char *name, struct error *err);

/* How far the octets of a file have been verified; { 0 } at first. */
struct entry_progress {
    uint64_t start, end;    /* of the content */
    uint64_t done;
    uint32_t sum;
    char before;            /* the last octet */
    bool has_bare_ends;     /* so far */
};

/*
 * Verify a file that entry_reopen opened: go on for about so many octets, holes
 * not counted. False with the faults of entry_open. It is verified when
 * entry_is_verified() is true.
 */
bool entry_verify(struct entry *entry, struct entry_progress *progress,
                  uint64_t octets, struct error *err);
bool entry_is_verified(const struct entry *entry,
                       const struct entry_progress *progress);

/*
 * A file that is being written has no entry yet. If its content will be where
 * that of another entry is, its octets can be verified on their way: start with
 * entry_progress() of that one, and add them in order; holes are left out. An
 * entry_verify() of the file itself goes on from there, and decides; if it has
 * its content elsewhere, it begins again.
 */
struct entry_progress entry_progress(const struct entry *entry);
void entry_verify_octets(struct entry_progress *progress, uint64_t at,
                         const char *data, size_t length);

/* Give it a flaw, unless it has one. status is static. */
void entry_blame(struct entry *entry, const char *status, const char *flaw);

/* Can it be sent to any recipient that has no flaw itself? FAULT_DATA with its
 * flaw. */
bool entry_check(const struct entry *entry, struct error *err);

/* The sender of a file that is or was in queue/, whose last line alone is read.
 * False: it has none, or cannot be read. */
bool entry_read_sender(int fd, uid_t *uid);

/* The user whom a message is from if its file, or its last line, has this
 * owner: what the envelope claims is trusted from the daemon itself. */
uid_t entry_user(const struct entry *entry, uid_t owner);

/* The octets [from, to) of the message, in blocks: io_blocks_next() them. */
struct io_blocks entry_blocks(const struct entry *entry, uint64_t from,
                              uint64_t to);

/* The fields that begin and end in the first 64 KB of the message, added to
 * header, which is empty before. */
void entry_header(const struct entry *entry, struct header *header);

/* Do both hold the same message of the same user? Id, uid and END line decide,
 * with its checksum of all before it. False, too, if one cannot be read. */
bool entry_is_same(const struct entry *one, const struct entry *other);

void entry_free(struct entry *entry);                   /* NULL is allowed */

/* A line of the envelope, for entry.c. A mistake in it becomes a flaw of the
 * entry, or of the recipient that it names. False with FAULT_NEWER if only a
 * newer version understands it. */
bool entry_read_line(struct entry *entry, const char *line, size_t length,
                     struct error *err);

#endif
