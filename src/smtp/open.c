#include "smtp/open.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "net/stream.h"
#include "smtp/auth.h"
#include "smtp/words.h"
#include "util/buf.h"

/* A reply that ends the opening, whatever its class: not final, since the peer
 * may be any host before TLS, and overloaded or misconfigured after it. */
static bool refuse_opening(const struct session *session,
                           enum advice_command command,
                           const struct reply *reply, struct error *err)
{
    const char *advice = session_advice(session, command, reply);
    const char *what = command == AT_GREETING ? "greeting"
                       : command == AT_EHLO   ? "EHLO refused"
                       : command == AT_HELO   ? "HELO refused"
                                              : "STARTTLS refused";
    struct buf text;

    buf_init(&text, SIZE_MAX);
    reply_describe(reply, REPLY_SHOWN_MAX, &text);
    error_set(err, FAULT_TEMPORARY, "%s: %s: %s", session_host(session), what,
              text.data);
    buf_free(&text);
    if (advice != NULL)
        error_remedy(err, "%s", advice);
    return error_reply(err, reply->code, reply->status);
}

static bool await_greeting(struct session *session,
                           const struct session_settings *settings,
                           struct reply *reply, struct error *err)
{
    session_await(session, AWAITS_GREETING);
    if (session_reply(session, reply, settings->timeout, err))
        return reply->code == 220 ||
               refuse_opening(session, AT_GREETING, reply, err);
    if (settings->security != SESSION_IMPLICIT &&
        stream_is_silent(session_stream(session)))
        error_remedy(err, "if it wants TLS at once (port 465), set tls = "
                     "implicit");
    return false;
}

/* HELO is enough only for a server that need not be trusted with anything. */
static bool ask_hello(struct session *session,
                      const struct session_settings *settings,
                      struct reply *reply, struct error *err)
{
    session_learn(session, NULL);
    if (!session_ask(session, reply, err, "EHLO %s", settings->hello))
        return false;
    if (reply->code == 250) {
        session_learn(session, reply);
        return true;
    }
    bool plain = settings->security == SESSION_CLEAR &&
                 strcmp(settings->auth, "none") == 0;
    if (reply_class(reply) != 5 || !plain || session_is_spoiled(session))
        return refuse_opening(session, AT_EHLO, reply, err);
    if (!session_ask(session, reply, err, "HELO %s", settings->hello))
        return false;
    return reply->code == 250 ||
           refuse_opening(session, AT_HELO, reply, err);
}

/* What firewalls put in the place of a keyword that they do not know: one of
 * Cisco's "inspect esmtp" hides STARTTLS so. */
#define IS_MASKED "xxxxxxxa|xxxxxxxb|xxxxxxxc|xxxxxxxd"

static bool lack_starttls(const struct reply *hello, const char *host,
                          struct error *err)
{
    error_set(err, FAULT_TLS, "%s offers no STARTTLS", host);
    if (words_in(hello, IS_MASKED))
        return error_remedy(err, "a firewall on the way hides it (XXXXXXXA): "
                            "its administrator must let it pass; or set tls = "
                            "implicit and port = 465");
    return error_remedy(err, "set tls = implicit and port = 465 if it has "
                        "that, or tls = none if the way to it is safe");
}

static bool secure_session(struct session *session,
                           const struct session_settings *settings,
                           struct reply *reply, struct error *err)
{
    if (!session_has(session, CAP_STARTTLS))
        return lack_starttls(reply, settings->host, err);
    if (!session_ask(session, reply, err, "STARTTLS"))
        return false;
    if (reply->code != 220) {
        refuse_opening(session, AT_STARTTLS, reply, err);
        err->fault = FAULT_TLS;
        return false;
    }
    return session_start_tls(session, err) &&
           ask_hello(session, settings, reply, err);
}

static bool open_session(struct session *session, struct reply *reply,
                         struct error *err)
{
    const struct session_settings *settings = session_settings(session);

    if (settings->security == SESSION_IMPLICIT &&
        !session_start_tls(session, err)) {
        /* The peer has sent a greeting, or another text that is not TLS. */
        if (err->fault == FAULT_PROTOCOL || err->number == EPROTO)
            error_remedy(err, "if the port is one for STARTTLS, as 587 is, "
                         "set tls = starttls");
        return false;
    }
    if (!await_greeting(session, settings, reply, err) ||
        !ask_hello(session, settings, reply, err))
        return false;
    if (settings->security == SESSION_STARTTLS &&
        !secure_session(session, settings, reply, err))
        return false;
    return strcmp(settings->auth, "none") == 0 ||
           auth_run(session, settings, err);
}

struct session *session_open(int fd, const struct session_settings *settings,
                             int64_t deadline, struct error *err)
{
    struct session *session = session_new(fd, settings, deadline);
    struct reply reply;

    reply_init(&reply);
    bool opened = open_session(session, &reply, err);
    reply_free(&reply);
    if (opened) {
        session_recall(session);
        return session;
    }
    if (err->reach == REACH_NONE)
        err->reach = err->fault == FAULT_TLS        ? REACH_TLS
                     : session_was_refused(session) ? REACH_REPLY
                                                    : REACH_CONNECTED;
    session_close(session);
    return NULL;
}
