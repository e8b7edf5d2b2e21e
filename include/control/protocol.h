/*
 * protocol.h - what the daemon answers over the control socket
 *
 * A client sends one line, "REQUEST [ARGUMENT]", and gets lines back until the
 * daemon closes the connection:
 *
 *     list        a line a message, fields divided by tabs: queue-id, mark,
 *                 uid, size, received, attempts, reason, sender, recipients;
 *                 before one whose next attempt has a time "next", queue-id,
 *                 time;
 *                 then, for administrators, "unread", count, text; for users
 *                 "others", count, octets of what they may not see
 *     status      KEY NUMBER
 *                 since TIME NEXT NAME, before the line of that smarthost:
 *                 when its state began, and its next trial or 0
 *                 refused NUMBER OF TEXT, before it, too: so many of the last
 *                 messages were refused, and why
 *                 smarthost NAME up|down|parked WORKERS JOBS REASON
 *                 remedy TEXT, before the trouble that it is for
 *                 trouble PLACE KIND COUNT TEXT, for administrators
 *     hold, release, remove, retry, run, flush, requeue
 *                 held NUMBER, before the next line, of retry
 *                 CHANGED [LEFT]; then error, if others could not be changed
 *     wait        sent|deferred|bounced|removed ADDRESS STATUS TEXT
 *     reload      nothing: the daemon reads its files again soon afterwards, if
 *                 they are right
 *     any of them progress NUMBER OF, and again: the daemon has started, and is
 *                 to read the whole queue before it answers
 *                 error TEXT
 *                 again: the daemon stops, or reads its files again, before it
 *                 has sent all of it
 *
 * Client and daemon may be of different versions: while a package is upgraded,
 * before a restart, and where containers share a host's daemon. All versions
 * keep to this:
 *
 *   - A word, a mark and the place of a field keep their meaning. A new thing
 *     gets a new word, and a separate line or request.
 *   - A daemon refuses a request or an argument that it does not know with
 *     "error", and changes nothing.
 *   - A client passes over a line that it cannot parse; `postrider status`
 *     shows it as it is. A message with an unknown mark waits, and trouble of
 *     an unknown kind is trouble.
 */
#ifndef POSTRIDER_CONTROL_PROTOCOL_H
#define POSTRIDER_CONTROL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/request.h"

struct buf;

/* Messages */

/* Where a message is on its way through the queue. */
enum queue_state { QUEUE_WAITING, QUEUE_ACTIVE, QUEUE_HELD, QUEUE_STATES };

struct queue_state_words {
    char mark;                  /* in the list */
    char shown;                 /* by mailq, after the queue-id */
    const char *name;           /* for programs */
    const char *released_by;    /* one that is not tried until then; or NULL */
};
extern const struct queue_state_words queue_states[QUEUE_STATES];

struct queue_item {             /* all text is borrowed */
    const char *id;
    enum queue_state state;
    uid_t uid;
    uint64_t size;              /* octets */
    int64_t received;           /* seconds since 1970 */
    unsigned attempts;
    const char *reason;         /* why it waits; "" if nothing is known */
    const char *sender;         /* "" is the null reverse-path */
    const char *const *recipients;
    size_t recipient_count;
    int64_t next;               /* attempt, seconds since 1970; 0: not known */
};

/* Messages that cannot be read: how many of a kind, and about one of them why,
 * with the command that helps. */
struct queue_unread {
    size_t count;
    const char *text;
};

/* Messages of others, which the caller may not see. */
struct queue_others {
    uint64_t count;
    uint64_t octets;
};

/* When a message is tried next: it comes before the item, which is without. */
struct queue_next {
    const char *id;
    int64_t time;               /* seconds since 1970 */
};

enum list_kind { LIST_UNKNOWN, LIST_ITEM, LIST_NEXT, LIST_UNREAD,
                 LIST_OTHERS };

struct list_line {
    enum list_kind kind;
    struct queue_item item;
    struct queue_next next;
    struct queue_unread unread;
    struct queue_others others;
    char **fields;              /* owned */
};

/* With its next attempt, if that is known. */
void protocol_put_item(struct buf *out, const struct queue_item *item);
void protocol_put_unread(struct buf *out, const struct queue_unread *unread);
void protocol_put_others(struct buf *out, const struct queue_others *others);

/* Text is changed; what is parsed points into it. */
void protocol_parse_list(char *text, struct list_line *line);
void protocol_free_list(struct list_line *line);

/* The status */

enum smarthost_state { SMARTHOST_UP, SMARTHOST_DOWN, SMARTHOST_PARKED,
                       SMARTHOST_STATES };
extern const char *const smarthost_states[SMARTHOST_STATES];

/* The remedy for one that is not up. */
#define SMARTHOST_WAY_OUT "correct that, then run: postrider queue flush"

struct smarthost_status {
    const char *name;
    enum smarthost_state state;
    uint64_t workers;
    uint64_t jobs;              /* messages that these have */
    const char *reason;         /* "" if there is nothing to remark */
    int64_t since;              /* the state, in seconds since 1970; 0: not
                                 * known; not in its line, as is */
    int64_t next;               /* trial of one that is not up; 0: not known */
    uint64_t refused;           /* of the last messages that it was sent, so */
    uint64_t tried;             /* many; also not in its line, as is */
    const char *refusal;        /* the reason of the last refusal */
};

/* Why messages need an administrator. */
enum trouble_kind {
    TROUBLE_KIND_REFUSED,       /* by the file system or a security module */
    TROUBLE_KIND_NEWER,         /* written by a newer version */
    TROUBLE_KIND_FAILING,       /* another error */
    TROUBLE_KIND_GIVEN_UP,
    TROUBLE_KIND_NO_SMARTHOST,  /* theirs is not configured any more */
    TROUBLE_KIND_NO_ROOM,       /* in failed/ */
    TROUBLE_KIND_OTHER,         /* one that the client does not know */
    TROUBLE_KINDS
};

struct trouble_words {
    const char *name;           /* for programs */
    const char *what;           /* "N messages in drop ...": for people */
};
extern const struct trouble_words trouble_kinds[TROUBLE_KINDS];

struct trouble_status {
    const char *place;          /* folder of the spool */
    enum trouble_kind kind;
    uint64_t count;
    const char *text;           /* about one of them, with what helps */
    const char *remedy;         /* what helps, alone; NULL or "": not known */
};

struct figure_status {
    const char *name;
    uint64_t value;
};

enum status_kind { STATUS_UNKNOWN, STATUS_FIGURE, STATUS_SINCE, STATUS_REFUSED,
                   STATUS_SMARTHOST, STATUS_REMEDY, STATUS_TROUBLE };

struct status_line {
    enum status_kind kind;
    struct figure_status figure;
    struct smarthost_status smarthost;      /* of STATUS_SINCE name, since and
                                             * next only, of STATUS_REFUSED the
                                             * last three */
    struct trouble_status trouble;          /* of STATUS_REMEDY that only */
};

void protocol_put_figure(struct buf *out, const struct figure_status *figure);
void protocol_put_smarthost(struct buf *out,
                            const struct smarthost_status *smarthost);
void protocol_put_trouble(struct buf *out,
                          const struct trouble_status *trouble);

/* Text is changed; what is parsed points into it. */
void protocol_parse_status(char *text, struct status_line *line);

/* Changes */

struct changes {
    uint64_t done;              /* messages */
    uint64_t left;              /* on their way: not known yet */
    uint64_t held;              /* not tried for that; among none of both */
};

void protocol_put_changes(struct buf *out, const struct changes *changes);
/* A line of the answer, which is changed, goes to the members it is about; they
 * are 0 at first. True at the line that ends it. */
bool protocol_parse_changes(char *text, struct changes *changes);

/* Outcomes */

enum wait_kind { WAIT_SENT, WAIT_DEFERRED, WAIT_BOUNCED, WAIT_REMOVED,
                 WAIT_KINDS };

struct wait_outcome {           /* of the recipient with the worst one */
    enum wait_kind kind;
    const char *address;        /* "-": of none in particular */
    const char *status;         /* RFC 3463; "-": none is known */
    const char *text;
};

void protocol_put_outcome(struct buf *out, const struct wait_outcome *outcome);

/* Text is changed; what is parsed points into it. False: not known. */
bool protocol_parse_outcome(char *text, struct wait_outcome *outcome);

/* Refusals, and what comes before an answer */

/* So many messages have been read, of so many. */
void protocol_put_progress(struct buf *out, size_t done, size_t all);
bool protocol_parse_progress(const char *line, uint64_t *done, uint64_t *all);

void protocol_put_again(struct buf *out);
bool protocol_is_again(const char *line);

void protocol_put_refusal(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text of a refusal, within the line; NULL if it is none. */
const char *protocol_refusal(const char *line);

#endif
