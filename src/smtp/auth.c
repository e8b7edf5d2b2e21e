#include "smtp/auth.h"

#include <stdint.h>
#include <string.h>

#include "net/stream.h"
#include "net/tls.h"
#include "smtp/mechanism.h"
#include "smtp/session.h"
#include "util/buf.h"
#include "util/sasl.h"

static bool is_secure(const struct exchange *x)
{
    return stream_tls(session_stream(x->session)) != NULL;
}

static bool can_bind(const struct exchange *x)
{
    const struct tls *tls = stream_tls(session_stream(x->session));
    const char *name;
    struct buf data;

    buf_init(&data, SIZE_MAX);
    bool can = tls != NULL && tls_channel_binding(tls, &name, &data);
    buf_free(&data);
    return can;
}

/* Is this mechanism what the configuration asks for? */
static bool is_wanted(const struct exchange *x,
                      const struct sasl_mechanism *mechanism, bool tokens)
{
    const struct session_settings *settings = x->settings;

    if (strcmp(settings->auth, "auto") != 0)
        return strcmp(settings->auth, mechanism->key) == 0;
    if (mechanism->secret == SASL_CERTIFICATE)
        return settings->has_client_certificate && settings->secret == NULL;
    return settings->secret != NULL &&
           (mechanism->secret == SASL_TOKEN) == tokens;
}

static bool is_possible(const struct exchange *x,
                        const struct sasl_mechanism *mechanism)
{
    const struct session_settings *settings = x->settings;
    const struct strings *offered =
        &session_capabilities(x->session)->mechanisms;

    return strings_has(offered, mechanism->name) &&
           (mechanism->secret == SASL_CERTIFICATE ||
            settings->secret != NULL) &&
           (!mechanism->in_clear || is_secure(x) ||
            settings->password_in_clear) &&
           (!mechanism->binds || can_bind(x));
}

/* The strongest that is wanted and possible, from number *at on; the ones for
 * tokens after all others. *at is the next number then. */
static const struct sasl_mechanism *choose_mechanism(const struct exchange *x,
                                                     size_t *at)
{
    const struct sasl_mechanism *mechanism;
    size_t count = 0;

    while (sasl_at(count) != NULL)
        count++;
    while (*at < 2 * count) {
        bool tokens = *at >= count;
        mechanism = sasl_at((*at)++ % count);
        if (is_wanted(x, mechanism, tokens) && is_possible(x, mechanism))
            return mechanism;
    }
    return NULL;
}

static bool explain_no_mechanism(const struct exchange *x, struct error *err)
{
    const struct session_settings *settings = x->settings;
    const struct strings *offered =
        &session_capabilities(x->session)->mechanisms;
    /* Until TLS is verified nothing the peer says is final. */
    enum fault fault = is_secure(x) || settings->security == SESSION_CLEAR
                       ? FAULT_PERMISSION : FAULT_TEMPORARY;
    struct buf list;

    if (settings->secret == NULL &&
        strcmp(settings->auth, "external") != 0 &&
        !settings->has_client_certificate)
        return error_set(err, FAULT_CONFIG, "%s: auth = %s needs a password",
                         settings->host, settings->auth) ||
               error_remedy(err, "set password_file");
    buf_init(&list, 400);
    for (size_t i = 0; i < offered->count; i++)
        buf_add_format(&list, "%s%s", i == 0 ? "" : " ", offered->items[i]);
    if (offered->count == 0) {
        error_set(err, fault, "%s offers no AUTH, and auth = %s",
                  settings->host, settings->auth);
        error_remedy(err, "set auth = none if it needs none");
    } else if (!is_secure(x) && !settings->password_in_clear) {
        error_set(err, fault, "%s offers AUTH %s without TLS, which would "
                  "show the password", settings->host, list.data);
        error_remedy(err, "set tls = starttls or implicit");
    } else {
        error_set(err, fault, "%s offers AUTH %s, and auth = %s fits none of "
                  "them", settings->host, list.data, settings->auth);
    }
    buf_free(&list);
    return false;
}

static bool has_word(const struct reply *reply, const char *word)
{
    return strcasestr(reply->text.data, word) != NULL;
}

/* Is a refusal for good in truth one for now? */
static bool is_about_rate(const struct reply *reply)
{
    return reply_class(reply) == 5 &&
           (has_word(reply, "too many") || has_word(reply, "later") ||
            has_word(reply, "limit"));
}

/* What the reply asks for; NULL for nothing that we know of. */
static const char *remedy_of(const struct exchange *x)
{
    const char *status = x->reply.status;

    switch (x->reply.code) {
    case 535:
        /* Microsoft: basic authentication is disabled. */
        if (strcmp(status, "5.7.139") == 0 &&
            x->mechanism->secret != SASL_TOKEN)
            return "it takes OAuth tokens only: auth = xoauth2 with a "
                   "password_command";
        return "check user and password: user is often the whole address, and "
               "many providers want an app password";
    case 534:
        /* Google means the first, RFC 4954 section 6 the second. */
        if (strcmp(status, "5.7.9") == 0)
            return "make an app password in the account's settings and use "
                   "that, or set another auth";
        return "set another auth";
    case 530:
    case 538:
        return is_secure(x) ? NULL : "set tls = starttls or implicit";
    default:
        return NULL;
    }
}

static bool judge_reply(struct exchange *x, struct error *err)
{
    struct buf text;
    const struct reply *reply = &x->reply;

    if (reply->code == 235 ||
        (reply->code == 503 && has_word(reply, "already")))
        return true;
    if (reply->code == 334)
        return mechanism_cancel(x, "the server asks for more than there is "
                                "to say", err);
    buf_init(&text, SIZE_MAX);
    reply_describe(reply, REPLY_SHOWN_MAX, &text);
    if (reply_class(reply) == 5 && !is_about_rate(reply))
        error_set(err, FAULT_PERMISSION, "%s: AUTH %s refused: %s",
                  x->settings->host, x->mechanism->name, text.data);
    else
        error_set(err, reply_class(reply) > 3 ? FAULT_TEMPORARY
                                              : FAULT_PROTOCOL,
                  "%s: AUTH %s: %s", x->settings->host, x->mechanism->name,
                  text.data);
    buf_free(&text);
    if (err->fault == FAULT_PERMISSION && remedy_of(x) != NULL)
        error_remedy(err, "%s", remedy_of(x));
    return error_reply(err, reply->code, reply->status);
}

/*
 * Some servers list what does not work for any account. Within TLS the next
 * mechanism may be tried, each once; what PLAIN and LOGIN are told about the
 * password is so.
 */
static bool may_go_on(const struct exchange *x)
{
    int code = x->reply.code;
    bool is_broken = code == 500 || code == 502 || code == 504 || code == 534 ||
                     (code == 535 && !x->mechanism->in_clear) ||
                     (code == 454 && !x->mechanism->in_clear);

    return is_secure(x) && strcmp(x->settings->auth, "auto") == 0 &&
           is_broken && !is_about_rate(&x->reply) &&
           session_usable(x->session);
}

bool auth_run(struct session *session, const struct session_settings *settings,
              struct error *err)
{
    struct exchange x = { .session = session, .settings = settings };
    const struct sasl_mechanism *next;
    size_t at = 0;
    bool done = false;

    x.mechanism = choose_mechanism(&x, &at);
    if (x.mechanism == NULL)
        return explain_no_mechanism(&x, err);
    reply_init(&x.reply);
    buf_init(&x.data, SIZE_MAX);
    buf_init(&x.line, SIZE_MAX);
    while (mechanism_run(&x, err) && !(done = judge_reply(&x, err)) &&
           may_go_on(&x) && (next = choose_mechanism(&x, &at)) != NULL)
        x.mechanism = next;
    reply_free(&x.reply);
    buf_wipe(&x.data);
    buf_wipe(&x.line);
    return done;
}
