#include "smtp/auth.h"

#include <stdint.h>
#include <string.h>

#include "net/stream.h"
#include "net/tls.h"
#include "smtp/mechanism.h"
#include "smtp/session.h"
#include "smtp/words.h"
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
           (mechanism->secret == SASL_TOKEN || !settings->secret_is_token) &&
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

/* EXTERNAL needs a certificate instead. */
static bool lacks_password(const struct session_settings *settings)
{
    return settings->secret == NULL &&
           strcmp(settings->auth, "external") != 0 &&
           !settings->has_client_certificate;
}

static void list_offered(const struct strings *offered, struct buf *list)
{
    for (size_t i = 0; i < offered->count; i++)
        buf_add_format(list, "%s%s", i == 0 ? "" : " ", offered->items[i]);
}

/* None of those that are offered fits. */
static void advise_mechanism(const struct session_settings *settings,
                             struct error *err)
{
    if (settings->secret_is_token)
        error_remedy(err, "a token is for XOAUTH2 or OAUTHBEARER only: "
                     "set password_file instead of oauth");
    else if (strcmp(settings->auth, "auto") != 0)
        error_remedy(err, "set auth = auto, or to one of them");
    else if (settings->secret == NULL)
        error_remedy(err, "set auth = none if our certificate is enough, or "
                     "user and password_file");
    else
        error_remedy(err, "its administrator must offer PLAIN or LOGIN "
                     "(Exchange: basic authentication); or set auth = none "
                     "if it needs none");
}

static bool explain_no_mechanism(const struct exchange *x, struct error *err)
{
    const struct session_settings *settings = x->settings;
    const struct strings *offered =
        &session_capabilities(x->session)->mechanisms;
    /* Until TLS is verified nothing the peer sends is final. */
    enum fault fault = is_secure(x) || settings->security == SESSION_CLEAR
                       ? FAULT_PERMISSION : FAULT_TEMPORARY;
    struct buf list;

    if (lacks_password(settings))
        return error_set(err, FAULT_CONFIG, "%s: auth = %s needs a password",
                         settings->host, settings->auth) ||
               error_remedy(err, "set password_file");
    buf_init(&list, 400);
    list_offered(offered, &list);
    if (offered->count == 0) {
        error_set(err, fault, "%s offers no AUTH, and auth = %s",
                  settings->host, settings->auth);
        if (!is_secure(x) && session_has(x->session, CAP_STARTTLS))
            error_remedy(err, "set tls = starttls: it may offer AUTH then");
        else
            error_remedy(err, "set auth = none if it needs none");
    } else if (!is_secure(x) && !settings->password_in_clear) {
        error_set(err, fault, "%s offers AUTH %s without TLS, which would "
                  "show the password", settings->host, list.data);
        error_remedy(err, session_has(x->session, CAP_STARTTLS)
                     ? "set tls = starttls" : "set tls = starttls or implicit");
    } else {
        error_set(err, fault, "%s offers AUTH %s, and auth = %s fits none of "
                  "them", settings->host, list.data, settings->auth);
        advise_mechanism(settings, err);
    }
    buf_free(&list);
    return false;
}

/* The remedy for a refusal; NULL: not known. */
static const char *advice_of(const struct exchange *x)
{
    static const enum advice_fact means[] = {
        [SASL_PASSWORD] = BY_PASSWORD,
        [SASL_TOKEN] = BY_TOKEN,
        [SASL_CERTIFICATE] = BY_CERTIFICATE,
    };

    return advice_for(&(struct advice_case){
        .command = AT_AUTH,
        .facts = session_facts(x->session) |
                 (unsigned)means[x->mechanism->secret] |
                 (x->settings->secret_is_token ? BY_OAUTH : 0U),
        .reply = &x->reply,
        .detail = x->detail,
    });
}

static bool judge_reply(struct exchange *x, struct error *err)
{
    struct buf text;
    const struct reply *reply = &x->reply;

    if (reply->code == 235 ||
        (reply->code == 503 && words_in(reply, "already")))
        return true;
    if (reply->code == 334)
        return mechanism_cancel(x, "a challenge after the last answer", err);
    buf_init(&text, SIZE_MAX);
    reply_describe(reply, REPLY_SHOWN_MAX, &text);
    if (reply_class(reply) == 5 && !advice_is_for_now(reply))
        error_set(err, FAULT_PERMISSION, "%s: AUTH %s refused: %s",
                  x->settings->host, x->mechanism->name, text.data);
    else
        error_set(err, reply_class(reply) > 3 ? FAULT_TEMPORARY
                                              : FAULT_PROTOCOL,
                  "%s: AUTH %s: %s", x->settings->host, x->mechanism->name,
                  text.data);
    buf_free(&text);
    if (*x->detail != '\0')
        error_append(err, " (%s)", x->detail);
    if (advice_of(x) != NULL)
        error_remedy(err, "%s", advice_of(x));
    return error_reply(err, reply->code, reply->status);
}

/*
 * Some servers list what does not work for any account. Within TLS the next
 * mechanism may be tried, each once; what PLAIN and LOGIN are refused for is
 * final, unless it is the mechanism.
 */
static bool may_go_on(const struct exchange *x)
{
    int code = x->reply.code;
    bool is_mechanism = (code >= 500 && code <= 504) || code == 534 ||
                        code == 555;

    return is_secure(x) && strcmp(x->settings->auth, "auto") == 0 &&
           reply_class(&x->reply) > 3 &&
           (is_mechanism || !x->mechanism->in_clear) &&
           !advice_is_for_now(&x->reply) && session_usable(x->session);
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
