/*
 * draft.h - a message file while it is written
 *
 * A message file holds an envelope and a message, and is what the programs
 * pass to each other. Version 1:
 *
 *     postrider 1 ID                       32 hexadecimal digits
 *     uid NUMBER                           for which user the daemon wrote it;
 *                                          trusted only from the daemon
 *     from REVERSE-PATH                    may be empty; twice, if it was
 *                                          completed from a local name
 *     to NOTIFY ORCPT FORWARD-PATH         one a recipient; "-" for none
 *     opt-flaw REASON                      the one before cannot be a path:
 *                                          no attempt; a report to the sender
 *     ret full|hdrs                        this and the next three only when
 *                                          set
 *     envid XTEXT
 *     smarthost NAME
 *     utf8
 *                                          an empty line, then the message:
 *     ...                                  CRLF lines, not dot-stuffed
 *     END OCTETS CHECKSUM FLAGS            octets of the message, CRC-32C of
 *                                          all before this line, 7 or 8 (bits)
 *
 * Envelope lines and the END line end with LF. No line holds a control
 * character. The END line has a fixed length, so that it is found from the
 * end: "END %020llu %08x %c\n". spool/format.h is about other versions.
 */
#ifndef POSTRIDER_SPOOL_DRAFT_H
#define POSTRIDER_SPOOL_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

#define DRAFT_VERSION 1
#define DRAFT_END_LENGTH 36     /* of the END line with its LF */

/* Bounds of the format: no writer exceeds them, and every reader takes all up
 * to them. That of recipients is in mail/envelope.h. */
#define DRAFT_ENVELOPE_MAX (16u << 20)    /* octets, with the empty line */
#define DRAFT_CONTENT_MAX ((uint64_t)1 << 40)   /* octets of the message */

struct draft;               /* fields: src/spool/draft.c */
struct envelope;
struct scratch;

/*
 * A draft without a name, for postrider direct: see util/scratch.h.
 * FAULT_TEMPORARY.
 */
struct draft *draft_new_unnamed(struct error *err);

/* The same with a queue-id that is given: a message of the daemon's own. It is
 * in folder if it is not in memory: see scratch_open_in(). */
struct draft *draft_new_report(const char *id, int folder, struct error *err);

/*
 * A draft in the drop directory of a spool, without a name until it is
 * committed (O_TMPFILE), or as .t<random> where the file system lacks that.
 * Mode 0640 and the directory's group are verified: FAULT_CONFIG, since the
 * daemon could never read it. FAULT_TEMPORARY if the directory cannot be
 * written.
 */
struct draft *draft_new_dropped(const char *spool, struct error *err);

/* Has a new file there a name at once, because the file system has none
 * without? */
bool draft_needs_names(const char *spool);

/*
 * Give an ended draft its name in the drop directory. On return it is durable
 * and the daemon's. FAULT_TEMPORARY: nothing of it is left.
 */
bool draft_commit(struct draft *draft, struct error *err);

/* A draft that was not committed leaves no file. NULL is allowed. */
void draft_free(struct draft *draft);

/* The queue-id, made with the draft. Borrowed. */
const char *draft_id(const struct draft *draft);

/* Record for which user it is, where the file's owner is the daemon: the sender
 * of a message that came over a socket; of a report, that of the message it is
 * about. Before draft_envelope. */
void draft_set_uid(struct draft *draft, uid_t uid);

/* The message may have so many octets; more is FAULT_SIZE. Without this, and
 * at most, DRAFT_CONTENT_MAX. */
void draft_set_limit(struct draft *draft, uint64_t limit);

/* First the envelope, then the message in pieces, CRLF lines. FAULT_TEMPORARY
 * when writing fails, with the remedy for a full disk; FAULT_DATA for an
 * envelope that is too large. */
bool draft_envelope(struct draft *draft, const struct envelope *env,
                    struct error *err);
bool draft_add(struct draft *draft, const char *data, size_t length,
               struct error *err);

/* Take back what was added of the message, so that another form of it can be
 * added: it goes to content, which is opened. FAULT_TEMPORARY. It can be done
 * where the file can be read, which a process that shut itself in cannot. */
bool draft_can_take_back(const struct draft *draft);
bool draft_take_back(struct draft *draft, struct scratch *content,
                     struct error *err);

/* The END line. Nothing can be added after it. */
bool draft_end(struct draft *draft, bool is_8bit, struct error *err);

/* The descriptor of an ended unnamed draft, offset 0; the draft keeps it. */
int draft_descriptor(struct draft *draft);

#endif
