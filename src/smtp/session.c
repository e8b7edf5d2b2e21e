#include "smtp/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/dial.h"
#include "net/stream.h"
#include "net/tls.h"
#include "smtp/capability.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/secret.h"

#define QUIT_TIME 2000          /* milliseconds for the reply to QUIT */
#define REST_TIME 2000          /* ... for the rest of a reply that has begun */
#define LEAST_HIDDEN 8          /* octets that no text has by chance */

struct session {
    struct stream *stream;
    struct session_settings settings;
    char *literal;              /* for EHLO, where there is no name */
    struct capabilities caps;
    size_t queued;              /* commands not sent yet */
    size_t unanswered;          /* commands sent, reply not read */
    bool logging_in;            /* the reply is one to AUTH */
    struct buf hidden;          /* what was sent for that, a line each; wiped */
    bool spoiled;
    bool refused;               /* by the last reply */
    bool needs_reset;
    bool stopped;               /* nothing more is sent, because of why; */
    size_t answerable;          /* so many replies may still come */
    struct error why;
};

static void show_line(const struct session *session, enum trace_event event,
                      const char *line)
{
    if (session->settings.trace != NULL)
        session->settings.trace(session->settings.trace_context, event, line);
}

static void show_reply(const struct session *session,
                       const struct reply *reply)
{
    struct buf text;

    if (session->settings.trace == NULL)
        return;
    buf_init(&text, SIZE_MAX);
    if (session->logging_in && reply->code == 334)
        buf_add_text(&text, "334 ***");
    else
        reply_describe(reply, REPLY_SHOWN_MAX, &text);
    show_line(session, TRACE_RECEIVED, text.data);
    buf_free(&text);
}

/* Everything that goes wrong on the way names the host and ends the session. */
static bool lose_connection(struct session *session, struct error *err)
{
    session->spoiled = true;
    if (!session->stopped)
        return error_prefix(err, "%s", session->settings.host);
    *err = session->why;
    return false;
}

/* When all commands but the last pending ones are answered, the peer must not
 * have sent more: it would be a reply to a command that it has not got. */
static bool is_quiet(struct session *session, size_t pending,
                     struct error *err)
{
    return session_asked(session) > pending ||
           !stream_has_input(session->stream) ||
           error_set(err, FAULT_PROTOCOL, "the server sent a reply to no "
                     "command");
}

/* One more reply will come. The peer is read before the first command of a
 * flight is even queued, since a full buffer goes out by itself. */
static bool expect_reply(struct session *session, struct error *err)
{
    if (session->stopped || !is_quiet(session, 0, err))
        return false;
    session->queued++;
    return true;
}

/* A command that cannot be sent must not cost the replies to earlier ones: they
 * show what need not be sent again. */
static bool flush_commands(struct session *session, struct error *err)
{
    size_t before = session->unanswered;

    if (session->queued == 0)
        return true;
    session->unanswered += session->queued;
    session->queued = 0;
    if (stream_flush(session->stream, session->settings.timeout, err))
        return true;
    if (before == 0)
        return false;
    session->unanswered = before;
    lose_connection(session, err);
    session_stop(session, before, err);
    return true;
}

static void hide(const struct session *session, struct reply *reply,
                 const char *secret, size_t length)
{
    if (session->logging_in || length >= LEAST_HIDDEN)
        reply_hide(reply, secret, length);
}

/* A server that quotes what it was sent must not make us show a secret, during
 * AUTH or later. Later a short one is left as it is: if a common word were
 * hidden, that would show what the secret is. */
static void hide_secrets(const struct session *session, struct reply *reply)
{
    const struct secret *password = session->settings.secret;
    const char *line = session->hidden.data;
    const char *end;

    if (session->hidden.length == 0)
        return;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
        hide(session, reply, line, (size_t)(end - line));
    if (password != NULL)
        hide(session, reply, password->data, password->length);
}

/* The error of a line that is not a reply quotes its beginning, which may be a
 * part of what was sent: hide() finds only the whole of it. */
static bool hide_line(const struct session *session, struct error *err)
{
    if (session->logging_in && err->fault == FAULT_PROTOCOL)
        error_set(err, FAULT_PROTOCOL, "not an SMTP reply to AUTH; it may "
                  "quote the password, and is not shown");
    return false;
}

static bool read_reply(struct session *session, struct reply *reply,
                       int64_t timeout, struct error *err)
{
    if (session->stopped && session->answerable == 0)
        return false;
    if (!reply_read(reply, session->stream, clock_now() + timeout, err))
        return hide_line(session, err);
    if (session->unanswered > 0)
        session->unanswered--;
    if (session->answerable > 0)
        session->answerable--;
    if (!session->logging_in || reply->code != 334)
        hide_secrets(session, reply);
    show_reply(session, reply);
    session->refused = reply_class(reply) > 3;
    if (reply->code == 421)
        session->spoiled = true;
    return true;
}

bool session_reply(struct session *session, struct reply *reply,
                   int64_t timeout, struct error *err)
{
    return (flush_commands(session, err) &&
            read_reply(session, reply, timeout, err)) ||
           lose_connection(session, err);
}

bool session_flush(struct session *session, struct error *err)
{
    return flush_commands(session, err) || lose_connection(session, err);
}

static bool queue_line(struct session *session, const char *line,
                       size_t length, struct error *err)
{
    return (expect_reply(session, err) &&
            stream_write(session->stream, line, length,
                         session->settings.timeout, err) &&
            stream_write(session->stream, "\r\n", 2,
                         session->settings.timeout, err)) ||
           lose_connection(session, err);
}

static bool queue_format(struct session *session, struct error *err,
                         const char *format, va_list args)
{
    char *line = NULL;
    int length = vasprintf(&line, format, args);

    if (length == -1)
        return error_set(err, FAULT_TEMPORARY, "out of memory");
    /* A line end in it would let others send commands in our name. */
    bool whole = strpbrk(line, "\r\n") == NULL ||
                 error_set(err, FAULT_SOFTWARE, "a command with a line end");
    if (whole)
        show_line(session, TRACE_SENT, line);
    bool queued = whole && queue_line(session, line, (size_t)length, err);
    free(line);
    return queued;
}

bool session_command(struct session *session, struct error *err,
                     const char *format, ...)
{
    va_list args;

    va_start(args, format);
    bool queued = queue_format(session, err, format, args);
    va_end(args);
    return queued;
}

bool session_ask(struct session *session, struct reply *reply,
                 struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    bool queued = queue_format(session, err, format, args);
    va_end(args);
    return queued && session_reply(session, reply, session->settings.timeout,
                                   err);
}

bool session_ask_secret(struct session *session, struct reply *reply,
                        const struct buf *line, const char *shown,
                        struct error *err)
{
    size_t open = 0;            /* octets that are shown as they are */

    while (open < line->length && shown[open] == line->data[open])
        open++;
    show_line(session, TRACE_SENT, shown);
    buf_add(&session->hidden, line->data + open, line->length - open);
    buf_add_char(&session->hidden, '\n');
    session->logging_in = true;
    bool asked = queue_line(session, line->data, line->length, err) &&
                 session_reply(session, reply, session->settings.timeout, err);
    session->logging_in = false;
    stream_wipe(session->stream);
    return asked;
}

size_t session_asked(const struct session *session)
{
    return session->unanswered + session->queued;
}

void session_stop(struct session *session, size_t asked,
                  const struct error *err)
{
    session->spoiled = true;
    if (session->stopped)
        return;
    session->stopped = true;
    session->why = *err;
    session->answerable = asked;
    /* The queued commands may have been cut anywhere. */
    if (stream_read_on(session->stream)) {
        session->queued = 0;
        if (session->answerable > session->unanswered)
            session->answerable = session->unanswered;
    }
}

bool session_skip(struct session *session)
{
    if (session->stopped || stream_has_ended(session->stream))
        return false;
    if (session->unanswered > 0)
        session->unanswered--;
    return true;
}

bool session_is_silent(const struct session *session)
{
    return stream_is_silent(session->stream);
}

bool session_rest(struct session *session, int code, struct error *err)
{
    struct reply more;
    bool same = true;

    reply_init(&more);
    while (same && session_asked(session) == 0 &&
           stream_has_input(session->stream)) {
        same = session_reply(session, &more, REST_TIME, err);
        if (same && (more.code != code || code < 400))
            same = error_set(err, more.code == 421 ? FAULT_TEMPORARY
                                                   : FAULT_PROTOCOL,
                             "%s: the server sent a reply to no command",
                             session->settings.host);
    }
    reply_free(&more);
    session->spoiled |= !same;
    return same;
}

bool session_quiet(struct session *session, struct error *err)
{
    return is_quiet(session, 1, err) || lose_connection(session, err);
}

bool session_reply_early(struct session *session, struct reply *reply)
{
    struct error ignored;

    session->spoiled = true;
    if (!stream_has_input(session->stream))
        return false;
    stream_read_on(session->stream);
    session->answerable = 1;
    return read_reply(session, reply, session->settings.timeout, &ignored);
}

bool session_content(struct session *session, const char *data, size_t length,
                     struct error *err)
{
    return stream_write(session->stream, data, length,
                        session->settings.timeout, err) ||
           lose_connection(session, err);
}

bool session_expect(struct session *session, struct error *err)
{
    return expect_reply(session, err) || lose_connection(session, err);
}

void session_remark(struct session *session, const char *text)
{
    show_line(session, TRACE_REMARK, text);
}

void session_progress(struct session *session, const char *text)
{
    show_line(session, TRACE_PROGRESS, text);
}

void session_await(struct session *session, enum trace_event event)
{
    show_line(session, event, "");
}

void session_learn(struct session *session, const struct reply *reply)
{
    capabilities_free(&session->caps);
    if (reply != NULL)
        capabilities_parse(&session->caps, reply);
}

/* "PIPELINING, DSN: listed, but not used". */
static void remark_unused(const struct session *session, unsigned extensions)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    capabilities_describe(extensions, &text);
    buf_add_text(&text, ": listed, but not used");
    if (extensions != 0)
        show_line(session, TRACE_REMARK, text.data);
    buf_free(&text);
}

void session_recall(struct session *session)
{
    struct distrust *distrust = session->settings.distrust;
    unsigned unused = session->settings.ignored;

    if (distrust != NULL)
        unused |= distrust_of(distrust, session->caps.hello, clock_now());
    remark_unused(session, unused & session->caps.flags);
    capabilities_remove(&session->caps, unused);
}

void session_distrust(struct session *session, unsigned extensions)
{
    struct distrust *distrust = session->settings.distrust;

    extensions &= session->caps.flags;
    remark_unused(session, extensions);
    if (distrust != NULL && extensions != 0)
        distrust_add(distrust, extensions, session->caps.hello, clock_now());
    capabilities_remove(&session->caps, extensions);
}

static void show_tls(const struct session *session, const struct tls *tls)
{
    struct buf text;

    if (session->settings.trace == NULL)
        return;
    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "%s with %s, verified", tls_version(tls),
                   tls_cipher(tls));
    show_line(session, TRACE_REMARK, text.data);
    buf_clear(&text);
    buf_add_format(&text, "key exchange: %s", tls_group(tls));
    show_line(session, TRACE_REMARK, text.data);
    buf_clear(&text);
    buf_add_text(&text, "certificate: ");
    tls_describe(tls, &text);
    show_line(session, TRACE_REMARK, text.data);
    buf_free(&text);
}

int64_t session_certificate_end(const struct session *session)
{
    const struct tls *tls = stream_tls(session->stream);

    return tls != NULL ? tls_certificate_end(tls) : 0;
}

bool session_start_tls(struct session *session, struct error *err)
{
    const struct session_settings *settings = &session->settings;

    session_await(session, AWAITS_TLS);
    if (!stream_start_tls(session->stream, settings->tls, settings->host,
                          clock_now() + settings->timeout, err))
        return lose_connection(session, err);
    show_tls(session, stream_tls(session->stream));
    return true;
}

struct session *session_new(int fd, const struct session_settings *settings,
                            int64_t deadline)
{
    struct session *session = alloc_zero(1, sizeof *session);

    session->settings = *settings;
    if (settings->hello == NULL)
        session->settings.hello = session->literal = dial_own_literal(fd);
    session->stream = stream_new(fd, deadline);
    session->unanswered = 1;            /* the greeting */
    buf_init(&session->hidden, SIZE_MAX);
    return session;
}

static void send_quit(struct session *session)
{
    struct reply reply;
    struct error err;

    stream_set_deadline(session->stream, clock_now() + QUIT_TIME);
    reply_init(&reply);
    if (session_command(session, &err, "QUIT"))
        session_reply(session, &reply, QUIT_TIME, &err);
    reply_free(&reply);
}

void session_close(struct session *session)
{
    if (session == NULL)
        return;
    if (!session->spoiled && session_asked(session) == 0)
        send_quit(session);
    stream_close(session->stream);
    stream_free(session->stream);
    capabilities_free(&session->caps);
    buf_wipe(&session->hidden);
    free(session->literal);
    free(session);
}

const struct session_settings *
session_settings(const struct session *session)
{
    return &session->settings;
}

const char *session_host(const struct session *session)
{
    return session->settings.host;
}

bool session_login_undecided(const struct session *session)
{
    return session->settings.login_undecided &&
           session->caps.mechanisms.count > 0;
}

unsigned session_facts(const struct session *session)
{
    const struct session_settings *settings = &session->settings;
    bool no_login = strcmp(settings->auth, "none") == 0;
    unsigned facts = stream_tls(session->stream) != NULL ? IN_TLS : IN_CLEAR;

    if (!no_login)
        facts |= LOGIN_DONE;
    else if (!settings->login_undecided)
        facts |= NO_LOGIN | LOGIN_OFF;
    else
        facts |= NO_LOGIN | (session_login_undecided(session) ? LOGIN_OPEN : 0);
    if (!no_login && strcmp(settings->auth, "auto") != 0)
        facts |= AUTH_CHOSEN;
    if (settings->port == 25)
        facts |= TO_PORT_25;
    return facts;
}

static struct advice_case case_of(const struct session *session,
                                  enum advice_command command,
                                  const struct reply *reply)
{
    return (struct advice_case){
        .command = command,
        .facts = session_facts(session),
        .reply = reply,
        .detail = "",
    };
}

const char *session_advice(const struct session *session,
                           enum advice_command command,
                           const struct reply *reply)
{
    const struct advice_case refusal = case_of(session, command, reply);

    return advice_for(&refusal);
}

bool session_lacks(const struct session *session, enum advice_command command,
                   const struct reply *reply)
{
    const struct advice_case refusal = case_of(session, command, reply);

    return advice_is_for_lack(&refusal);
}

const struct capabilities *session_capabilities(const struct session *session)
{
    return &session->caps;
}

bool session_has(const struct session *session, enum capability capability)
{
    return (session->caps.flags & capability) != 0;
}

struct stream *session_stream(struct session *session)
{
    return session->stream;
}

int64_t session_timeout(const struct session *session)
{
    return session->settings.timeout;
}

void session_set_deadline(struct session *session, int64_t deadline)
{
    stream_set_deadline(session->stream, deadline);
}

bool session_usable(struct session *session)
{
    if (!session->spoiled && session_asked(session) == 0 &&
        (stream_has_input(session->stream) ||
         stream_has_ended(session->stream)))
        session->spoiled = true;        /* it sends goodbye unasked */
    return !session->spoiled;
}

void session_spoil(struct session *session)
{
    session->spoiled = true;
}

bool session_was_refused(const struct session *session)
{
    return session->refused;
}

bool session_is_spoiled(const struct session *session)
{
    return session->spoiled;
}

void session_need_reset(struct session *session)
{
    session->needs_reset = true;
}

bool session_take_reset(struct session *session)
{
    bool needed = session->needs_reset;

    session->needs_reset = false;
    return needed;
}
