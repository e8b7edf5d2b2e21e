#include "smtp/commands.h"

#include <inttypes.h>
#include <stdlib.h>

#include "mail/ascii.h"
#include "mail/envelope.h"
#include "smtp/dot_stuffing.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"

#define FLIGHT_OCTETS 32768     /* of RCPT commands without an answer */
#define PROGRESS_STEP (1u << 20)        /* octets */

uint64_t transaction_size(const struct transaction *t)
{
    uint64_t all = t->prefix_length + t->length;

    return t->is_ascii ? all - t->header_replaced + t->header_length : all;
}

const char *transaction_sender(const struct transaction *t)
{
    return t->sender != NULL ? t->sender : envelope_reverse_path(t->envelope);
}

const struct recipient *transaction_recipient(const struct transaction *t,
                                              size_t i)
{
    return &t->envelope->recipients[t->recipients[i]];
}

/* RFC 3461 section 4.3 and 4.4. */
static void add_dsn(struct buf *line, const struct envelope *env)
{
    if (env->dsn_return != RETURN_UNSPECIFIED)
        buf_add_format(line, " RET=%s", env->dsn_return == RETURN_FULL
                                        ? "FULL" : "HDRS");
    if (env->envelope_id != NULL)
        buf_add_format(line, " ENVID=%s", env->envelope_id);
}

/* RFC 3461 section 5.2.1: neither depends on the other. */
static void add_recipient_dsn(struct buf *line, const struct recipient *rcpt)
{
    if (rcpt->notify != 0)
        buf_add_format(line, " NOTIFY=%s", notify_text(rcpt->notify));
    if (rcpt->original != NULL)
        buf_add_format(line, " ORCPT=%s", rcpt->original);
}

/* As it goes with or without SMTPUTF8. */
static bool is_8bit(const struct transaction *t, bool is_ascii)
{
    return is_ascii && t->header_replaced > 0 ? t->replaced_is_8bit
                                              : t->is_8bit;
}

/* Which extensions MAIL needs parameters of, as far as they may be sent. */
static unsigned list_parameters(const struct session *session,
                                const struct transaction *t)
{
    const struct envelope *env = t->envelope;
    unsigned usable = session_capabilities(session)->flags & ~t->without;
    unsigned needed = CAP_SIZE;

    if (t->wants_utf8)
        needed |= CAP_SMTPUTF8;
    if (is_8bit(t, (needed & usable & CAP_SMTPUTF8) == 0))
        needed |= CAP_8BITMIME;
    if (env->dsn_return != RETURN_UNSPECIFIED || env->envelope_id != NULL)
        needed |= CAP_DSN;
    return needed & usable;
}

/* "MAIL FROM:<path>"; a domain that is not ASCII as the DNS has it, unless
 * SMTPUTF8 is sent. */
static void add_path(struct buf *line, const char *command, const char *path,
                     bool is_ascii)
{
    char *ascii = is_ascii ? ascii_address(path) : NULL;

    buf_add_format(line, "%s:<%s>", command, ascii != NULL ? ascii : path);
    free(ascii);
}

bool commands_mail(struct session *session, struct transaction *t,
                   struct error *err)
{
    struct buf line;

    t->reset_first = session_take_reset(session);
    if (t->reset_first && !session_command(session, err, "RSET"))
        return false;
    buf_init(&line, SIZE_MAX);
    t->carried = list_parameters(session, t);
    t->is_ascii = (t->carried & CAP_SMTPUTF8) == 0;
    add_path(&line, "MAIL FROM", transaction_sender(t), t->is_ascii);
    if ((t->carried & CAP_SIZE) != 0)
        buf_add_format(&line, " SIZE=%" PRIu64, transaction_size(t));
    if ((t->carried & CAP_8BITMIME) != 0)
        buf_add_text(&line, " BODY=8BITMIME");
    if ((t->carried & CAP_SMTPUTF8) != 0)
        buf_add_text(&line, " SMTPUTF8");
    if ((t->carried & CAP_DSN) != 0)
        add_dsn(&line, t->envelope);
    bool queued = session_command(session, err, "%s", line.data);
    buf_free(&line);
    return queued;
}

bool commands_asks_dsn(const struct session *session,
                       const struct transaction *t, size_t i)
{
    const struct recipient *rcpt = transaction_recipient(t, i);

    return (rcpt->notify != 0 || rcpt->original != NULL) &&
           session_has(session, CAP_DSN) && (t->without & CAP_DSN) == 0;
}

bool commands_is_sent(const struct transaction *t, size_t i)
{
    return t->outcomes[i].kind == OUTCOME_NONE ||
           t->outcomes[i].stage != STAGE_LOCAL;
}

bool commands_recipients(struct session *session, struct transaction *t,
                         size_t max, struct error *err)
{
    struct buf line;
    bool queued = true;
    size_t sent = 0, octets = 0;

    buf_init(&line, SIZE_MAX);
    while (queued && sent < max && octets < FLIGHT_OCTETS &&
           t->offered < t->count) {
        size_t i = t->offered++;
        const struct recipient *rcpt = transaction_recipient(t, i);
        if (!commands_is_sent(t, i))
            continue;
        buf_clear(&line);
        add_path(&line, "RCPT TO", rcpt->path, t->is_ascii);
        if (commands_asks_dsn(session, t, i))
            add_recipient_dsn(&line, rcpt);
        queued = session_command(session, err, "%s", line.data);
        sent++;
        octets += line.length + 2;
    }
    buf_free(&line);
    return queued;
}

static bool add_stuffed(struct session *session, struct dot_stuffing *state,
                        const char *data, size_t length, struct error *err)
{
    size_t done = 0;

    while (done < length) {
        size_t step = dot_stuffing_run(state, data + done, length - done);
        if (!session_content(session, data + done, step, err))
            return false;
        done += step;
        if (done < length && !session_content(session, ".", 1, err))
            return false;
    }
    return true;
}

/* From here on the message may arrive, whatever happens to us. */
static void mark_content_sent(struct transaction *t)
{
    if (t->stoppable != NULL)
        *t->stoppable = 0;
    t->content_sent = true;
}

/* With these octets a chunk is whole. It may arrive from here on, and what the
 * server has sent before cannot be an answer to it. */
static bool end_chunk(struct session *session, struct transaction *t,
                      const char *data, size_t length, struct error *err)
{
    if (!session_quiet(session, err))
        return false;
    mark_content_sent(t);
    return session_content(session, data, length, err);
}

/* A large message may take minutes. *shown: the mark of the last line. */
static void show_progress(struct session *session, const struct transaction *t,
                          uint64_t sent, uint64_t *shown)
{
    if (sent - *shown < PROGRESS_STEP)
        return;
    char *text = alloc_format("%" PRIu64 " of %" PRIu64 " MB sent", sent >> 20,
                              t->length >> 20);

    session_progress(session, text);
    free(text);
    *shown = sent;
}

/* Send the content, dot-stuffed if state is not NULL. Content that cannot be
 * read to its end must not be ended, either: the session is lost then. */
static bool add_content(struct session *session, struct transaction *t,
                        struct dot_stuffing *state, struct error *err)
{
    uint64_t done = t->is_ascii ? t->header_replaced : 0;
    struct io_blocks blocks = io_blocks(t->fd, t->start + done,
                                        t->start + t->length);
    uint64_t shown = 0;
    bool sent = true;

    while (sent && io_blocks_next(&blocks)) {
        if (state != NULL)
            sent = add_stuffed(session, state, blocks.data, blocks.length,
                               err);
        else if (blocks.at == blocks.end)
            sent = end_chunk(session, t, blocks.data, blocks.length, err);
        else
            sent = session_content(session, blocks.data, blocks.length, err);
        show_progress(session, t, blocks.at - t->start, &shown);
    }
    if (shown > 0)
        session_progress(session, "");
    if (!io_blocks_end(&blocks))
        return error_set(err, FAULT_IO, "the message cannot be read");
    return sent;
}

static void remark_size(struct session *session, const struct transaction *t)
{
    char *text = alloc_format("message of %" PRIu64 " octets",
                              transaction_size(t));

    session_remark(session, text);
    free(text);
}

bool commands_content(struct session *session, struct transaction *t,
                      struct error *err)
{
    struct dot_stuffing state = { 0 };

    remark_size(session, t);
    if (!add_stuffed(session, &state, t->prefix, t->prefix_length, err) ||
        (t->is_ascii &&
         !add_stuffed(session, &state, t->header, t->header_length, err)) ||
        !add_content(session, t, &state, err))
        return false;
    const char *end = state.in_line ? "\r\n.\r\n" : ".\r\n";
    if (!session_expect(session, err))
        return false;
    mark_content_sent(t);
    return session_content(session, end, state.in_line ? 5 : 3, err);
}

bool commands_chunk(struct session *session, struct transaction *t,
                    struct error *err)
{
    bool is_ascii = t->is_ascii && t->header_replaced > 0;

    /* The last octets to be sent, otherwise, are those that commit. */
    if (t->length == (is_ascii ? t->header_replaced : 0))
        mark_content_sent(t);
    remark_size(session, t);
    return session_command(session, err, "BDAT %" PRIu64 " LAST",
                           transaction_size(t)) &&
           session_content(session, t->prefix, t->prefix_length, err) &&
           (!is_ascii || session_content(session, t->header,
                                         t->header_length, err)) &&
           add_content(session, t, NULL, err);
}
