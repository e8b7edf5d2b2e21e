/*
 * session.h - an SMTP connection, from greeting to QUIT
 *
 * smtp/open.h opens it: until TLS is verified no reply of the peer is final,
 * and what it listed is forgotten. A session belongs to one process and knows
 * nothing of files.
 */
#ifndef POSTRIDER_SMTP_SESSION_H
#define POSTRIDER_SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/advice.h"
#include "smtp/capability.h"
#include "smtp/reply.h"
#include "util/error.h"

struct distrust;
struct secret;
struct session;             /* fields: src/smtp/session.c */
struct stream;
struct tls_context;

enum session_security { SESSION_CLEAR, SESSION_STARTTLS, SESSION_IMPLICIT };

/* The events that a trace shows. Of a wait that no line asks for that was sent,
 * it is only the start, and no line. */
enum trace_event {
    TRACE_SENT,
    TRACE_RECEIVED,
    TRACE_REMARK,               /* of ours */
    AWAITS_PASSWORD,            /* of password_command */
    AWAITS_TOKEN,               /* of postrider-oauth */
    AWAITS_ADDRESS,             /* of the name server */
    AWAITS_CONNECTION,
    AWAITS_TLS,
    AWAITS_GREETING,
    TRACE_PROGRESS              /* of a large message: replaces the one before;
                                 * "" when it is over */
};

#define TRACE_MARKS "><*"       /* before the line of an event, for people */

/* Shows the dialogue line by line. AUTH is masked before it gets here. */
typedef void session_trace(void *context, enum trace_event event,
                           const char *line);

/* All pointers are borrowed and must outlive the session. */
struct session_settings {
    const char *host;           /* for SNI, the certificate and texts */
    unsigned port;              /* for advice */
    const char *hello;          /* EHLO argument; NULL: our address as the
                                 * connection has it, [192.0.2.1] */
    enum session_security security;
    struct tls_context *tls;    /* NULL with SESSION_CLEAR */
    const char *auth;           /* "auto", "none" or a mechanism, lower case */
    bool login_undecided;       /* no login is set, nor that none is needed */
    const char *user;
    const struct secret *secret;    /* NULL without one */
    bool secret_is_token;       /* it goes into no mechanism for passwords */
    bool has_client_certificate;    /* EXTERNAL is possible */
    bool password_in_clear;     /* allow LOGIN and PLAIN without TLS */
    unsigned ignored;           /* enum capability, or-ed: not used, though
                                 * listed */
    struct distrust *distrust;  /* the same, as found out; kept up to date.
                                 * NULL: nothing is remembered */
    int64_t timeout;            /* milliseconds for a reply; the one to the
                                 * final dot gets twice that */
    session_trace *trace;       /* or NULL */
    void *trace_context;
};

/* Take over a connected socket, on which the server is to send its greeting:
 * smtp/open.h is how that goes on. deadline is for the session as a whole. */
struct session *session_new(int fd, const struct session_settings *settings,
                            int64_t deadline);

/* Send QUIT if the connection allows it, and wait at most 2 s for its reply. */
void session_close(struct session *session);            /* NULL is allowed */

/* As they were given, with a name for EHLO. */
const struct session_settings *
session_settings(const struct session *session);
const char *session_host(const struct session *session);
const struct capabilities *session_capabilities(const struct session *session);

/* When the server's certificate ends, in seconds since 1970; 0: it has none. */
int64_t session_certificate_end(const struct session *session);

/* The configuration and steps so far, for advice: enum advice_fact, or-ed. */
unsigned session_facts(const struct session *session);

/* The remedy for a refusal of this session; NULL: not known. */
const char *session_advice(const struct session *session,
                           enum advice_command command,
                           const struct reply *reply);

/* Is a refusal for what the section lacks, as of smtp/advice.h? */
bool session_lacks(const struct session *session, enum advice_command command,
                   const struct reply *reply);

/* The server offers a login, and whether it must be had is not configured. */
bool session_login_undecided(const struct session *session);

bool session_has(const struct session *session, enum capability capability);
void session_learn(struct session *session, const struct reply *reply);
                                /* to EHLO; NULL: forget it */
/* The EHLO that counts has been read: do not use what is known not to work. */
void session_recall(struct session *session);
/* The server lists these but does not implement them: do not use them any more.
 */
void session_distrust(struct session *session, unsigned extensions);
bool session_start_tls(struct session *session, struct error *err);
struct stream *session_stream(struct session *session);
int64_t session_timeout(const struct session *session);
void session_set_deadline(struct session *session, int64_t deadline);

/* Can another transaction be started? Not after an error or a 421, nor when
 * the peer has sent something unasked or closed the connection. */
bool session_usable(struct session *session);
void session_spoil(struct session *session);            /* not any more */
bool session_is_spoiled(const struct session *session); /* without asking */
bool session_was_refused(const struct session *session);    /* by a reply, the
                                                         * last one */

/* The last transaction ended in a way that may have left recipients: RSET
 * comes before the next MAIL. session_take_reset() returns that, and
 * forgets it. */
void session_need_reset(struct session *session);
bool session_take_reset(struct session *session);

/*
 * Queue a command line (without CRLF, and with no line end in it:
 * FAULT_SOFTWARE); nothing is sent before a flush, or before a reply is read,
 * or a buffer is full. A peer that has sent something before the first command
 * of a flight, without having been asked, is a FAULT_PROTOCOL.
 */
bool session_command(struct session *session, struct error *err,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Send what is queued. */
bool session_flush(struct session *session, struct error *err);

/*
 * Send no more, because of err. As many replies as commands were asked then
 * (session_asked) can still be read, as far as these commands are known to be
 * sent; afterwards every call fails with err.
 */
size_t session_asked(const struct session *session);
void session_stop(struct session *session, size_t asked,
                  const struct error *err);

/*
 * After session_reply() was a FAULT_PROTOCOL: what came counts as a reply, and
 * the next one may be read. False if the connection is lost.
 */
bool session_skip(struct session *session);

/* Did a reply that was due not begin in its time, with the connection open? */
bool session_is_silent(const struct session *session);

/*
 * All was answered, with this code: does anything follow all the same? More
 * refusals with the code are lines of the same one, as a server means them that
 * forgets the hyphen; they are skipped. With code 0 there are none. Any other
 * reply is a FAULT_PROTOCOL; a 421 is a FAULT_TEMPORARY.
 */
bool session_rest(struct session *session, int code, struct error *err);

/* Is the peer silent where it has answered all, except perhaps the command
 * that is being sent? FAULT_PROTOCOL if not. */
bool session_quiet(struct session *session, struct error *err);

/*
 * The content could not be sent to its end: the reply that arrived meanwhile,
 * if there is a complete one. Only a refusal can be meant.
 */
bool session_reply_early(struct session *session, struct reply *reply);

/* Queue octets of a message: not a line of the dialogue. */
bool session_content(struct session *session, const char *data, size_t length,
                     struct error *err);

/* The content that is queued next will have a separate reply. As with a
 * command, the peer may have sent nothing yet. */
bool session_expect(struct session *session, struct error *err);

/* Show a remark of ours in the trace, or that a wait begins. */
void session_remark(struct session *session, const char *text);
void session_progress(struct session *session, const char *text);
void session_await(struct session *session, enum trace_event event);

/* Flush, then read the next reply within timeout milliseconds. A 421 spoils
 * the session. */
bool session_reply(struct session *session, struct reply *reply,
                   int64_t timeout, struct error *err);

/* Command, flush, reply. */
bool session_ask(struct session *session, struct reply *reply,
                 struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with a line no trace sees; shown instead: shown. Where the reply
 * quotes what differs, or the password, it has "***" afterwards. */
bool session_ask_secret(struct session *session, struct reply *reply,
                        const struct buf *line, const char *shown,
                        struct error *err);

#endif
