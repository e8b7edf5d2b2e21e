#include "postrider/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/envelope.h"
#include "postrider/probe_message.h"
#include "postrider/terminal.h"
#include "relay/connect.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/scratch.h"
#include "util/strings.h"
#include "util/text.h"

#define REPLY_TIME 60000        /* milliseconds a person waits for a reply */
#define COLUMNS 79              /* of a terminal */

/* The dialogue, as it goes on. */
struct probe {
    const struct probe_task *task;
    struct probe_findings *findings;
    const struct config *config;
    const struct smarthost *smarthost;
    struct connector *connector;
    int64_t deadline;
    int64_t last;               /* microseconds: when the last step ended */
    struct strings asked;       /* commands, in order */
    size_t answered;            /* of them */
    bool greeted;
    bool in_exchange;           /* of AUTH: there is more to it */
    bool in_clear;              /* the greeting comes before TLS */
};

/* A line that fits the terminal: what is too long ends with dots. */
static void print_cut(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print_cut(FILE *out, const char *format, ...)
{
    struct buf whole, cut;
    va_list args;

    buf_init(&whole, SIZE_MAX);
    buf_init(&cut, COLUMNS - 3);
    va_start(args, format);
    text_escape_vformat(&whole, format, args);
    va_end(args);
    if (whole.length <= COLUMNS) {
        fprintf(out, "%s\n", whole.data);
    } else {
        text_escape(&cut, whole.data, whole.length);
        fprintf(out, "%s...\n", cut.data);
    }
    buf_free(&whole);
    buf_free(&cut);
}

/* Steps of note when nothing went wrong: a session, TLS, a login, and what
 * was found out about the mail to come. */
static bool is_of_note(const char *what)
{
    static const char *const steps[] = { "connected to ", "TLSv", "AUTH ",
                                         "MAIL ", "RCPT ", "the message",
                                         "BDAT " };

    for (size_t i = 0; i < COUNT(steps); i++)
        if (text_starts(what, steps[i]))
            return true;
    return false;
}

static void print_step(struct probe *probe, const char *what,
                       const char *came_of_it)
{
    const char *colon = *came_of_it != '\0' ? ": " : "";
    FILE *out = probe->task->out;
    int64_t now = clock_now_us();

    if (!probe->task->is_brief)
        text_print(out, "%8.1f ms  %s%s%s\n",
                   (double)(now - probe->last) / 1000, what, colon,
                   came_of_it);
    else if (is_of_note(what))
        print_cut(out, "  %s%s%s", what, colon, came_of_it);
    fflush(out);
    probe->last = now;
}

static void show_reply(struct probe *probe, const char *reply)
{
    const char *what = probe->greeted ? "the message" : "greeting";

    probe->in_exchange = text_starts(reply, "334 ");
    if (probe->in_exchange)
        return;
    if (probe->greeted && probe->answered < probe->asked.count)
        what = probe->asked.items[probe->answered++];
    probe->greeted = true;
    print_step(probe, what, reply);
}

static void await_reply(const struct probe *probe)
{
    const char *last = probe->answered < probe->asked.count
                       ? probe->asked.items[probe->answered] : "the message";
    char *what = alloc_format("the reply to %s", last);

    terminal_wait_for(what, NULL);
    free(what);
}

/* The reply that the trace awaits, and the possible cause where it does not
 * come for long. */
static void await_event(const struct probe *probe, enum trace_event event)
{
    static const struct {
        const char *what, *cause;
    } awaited[] = {
        [AWAITS_PASSWORD] = { "password_command",
                              "does it wait for a person, or for the "
                              "network?" },
        [AWAITS_TOKEN] = { "postrider-oauth",
                           "does the authorization server answer?" },
        [AWAITS_ADDRESS] = { "the name server",
                             "is the network up, and /etc/resolv.conf right?" },
        [AWAITS_CONNECTION] = { "a connection",
                                "a firewall on the way may block the port" },
        [AWAITS_TLS] = { "the TLS handshake", NULL },
        [AWAITS_GREETING] = { "the greeting",
                              "the server may look up this machine's address "
                              "first, or be slow on purpose" },
    };
    const char *cause = awaited[event].cause;

    if (probe->in_clear && event == AWAITS_GREETING)
        cause = "a server that wants TLS at once, as at port 465, sends none: "
                "then set tls = implicit; others look up this machine's "
                "address first, or are slow on purpose";
    terminal_wait_for(awaited[event].what, cause);
}

/* Commands may travel together: replies belong to the oldest. */
static void follow(void *context, enum trace_event event, const char *line)
{
    struct probe *probe = context;

    if (event == TRACE_PROGRESS)        /* its message is small */
        return;
    if (event == AWAITS_GREETING)       /* of a session that is new */
        probe->greeted = false;
    if (event > TRACE_REMARK) {
        await_event(probe, event);
        return;
    }
    if (event == TRACE_RECEIVED)
        show_reply(probe, line);
    else if (event == TRACE_REMARK)
        print_step(probe, line, "");
    else if (!probe->in_exchange)
        strings_add(&probe->asked, line);
    await_reply(probe);
}

/* The smarthost's reply to a part of the message. */
static bool explain_refusal(const struct probe *probe,
                            const struct outcome *outcome, const char *sender,
                            const char *recipient, struct error *err)
{
    const char *peer = connector_peer(probe->connector);
    const char *verb = outcome->kind == OUTCOME_FAILED ? "refuses" : "defers";

    switch (outcome->fault == FAULT_PERMISSION ? STAGE_CONNECT
                                               : outcome->stage) {
    case STAGE_CONNECT:         /* it is for want of a login, or of TLS */
        error_set(err, outcome->fault, "%s takes no mail: %s", peer,
                  outcome->text);
        break;
    case STAGE_MAIL:
        error_set(err, outcome->fault, "%s %s the sender <%s>: %s", peer, verb,
                  sender, outcome->text);
        break;
    case STAGE_RCPT:
        error_set(err, outcome->fault, "%s %s the recipient <%s>: %s", peer,
                  verb, recipient, outcome->text);
        break;
    default:
        error_set(err, outcome->fault, "%s %s the message: %s", peer, verb,
                  outcome->text);
    }
    if (outcome->remedy != NULL)
        error_remedy(err, "%s", outcome->remedy);
    else if (outcome->fault == FAULT_RECIPIENT || outcome->fault == FAULT_HOST)
        error_remedy(err, "check the address");     /* it was just typed */
    return error_reply(err, outcome->code, outcome->status);
}

/* True if it is to be sent again, in another session. */
static bool transact(struct session *session, struct transaction *transaction)
{
    bool usable = true, again = true;

    while (usable && again) {
        outcome_free(transaction->outcomes);
        usable = transaction_run(session, transaction);
        again = transaction->outcomes->again;
        transaction_rewind(transaction);
    }
    return again;
}

static bool send_message(const struct probe *probe, struct session **session,
                         const struct probe_message *message,
                         struct error *err)
{
    static const size_t first = 0;
    const struct envelope *env = &message->envelope;
    struct outcome outcome = { 0 };
    struct transaction transaction = {
        .envelope = env,
        .recipients = &first,
        .count = 1,
        .outcomes = &outcome,
        .prefix = "",
        .fd = message->content.fd,
        .length = message->content.length,
        .wants_utf8 = message->wants_utf8 || envelope_has_utf8_address(env),
    };

    while (transact(*session, &transaction)) {
        session_close(*session);
        *session = connector_open(probe->connector, probe->deadline, err);
        if (*session == NULL)
            break;
    }
    if (outcome.wants_login)
        outcome_blame_login(&outcome, session_host(*session));
    bool sent = outcome.kind == OUTCOME_DELIVERED ||
                (*session != NULL &&
                 explain_refusal(probe, &outcome, envelope_reverse_path(env),
                                 env->recipients[0].path, err));
    outcome_free(&outcome);
    return sent;
}

static bool ask_sender(struct session *session, const char *path,
                struct reply *reply, struct outcome *outcome,
                struct error *err)
{
    if (!session_ask(session, reply, err, "MAIL FROM:<%s>", path))
        return false;
    outcome_from_reply(outcome, STAGE_MAIL, reply);
    outcome_advise(outcome, session_advice(session, AT_MAIL, reply));
    if (reply->code == 530)
        outcome_blame_login(outcome, session_host(session));
    return outcome->kind != OUTCOME_DELIVERED ||
           session_ask(session, reply, err, "RSET");
}

/* Send MAIL with this reverse-path, and RSET if it is taken. The outcome, which
 * the caller frees, is that of MAIL. False if the session is lost. */
static bool probe_sender(struct session *session, const char *path,
                         struct outcome *outcome, struct error *err)
{
    struct reply reply;

    reply_init(&reply);
    bool done = ask_sender(session, path, &reply, outcome, err);
    reply_free(&reply);
    return done;
}

/* Was it this address that was refused, by a reply that any mail from it would
 * get? Not by one that asks for a login, nor where there may have to be one. */
static bool is_refused(const struct session *session,
                       const struct outcome *outcome)
{
    return outcome->kind != OUTCOME_DELIVERED &&
           outcome->fault != FAULT_PERMISSION &&
           !session_is_spoiled(session) && !session_login_undecided(session);
}

static bool try_sender(struct probe *probe, struct session *session,
                       struct error *err)
{
    struct probe_findings *findings = probe->findings;
    char *sender = probe_message_sender(probe->config, probe->task->sender);
    struct outcome outcome = { 0 };

    snprintf(findings->sender, sizeof findings->sender, "%s", sender);
    bool done = probe_sender(session, sender, &outcome, err);
    findings->refuses_sender = done &&
                               is_refused(session, &outcome);
    if (done && outcome.kind != OUTCOME_DELIVERED)
        done = explain_refusal(probe, &outcome, sender, NULL, err);
    outcome_free(&outcome);
    free(sender);
    return done;
}

/* Reports have it, and programs that want none. */
static void try_null(struct probe *probe, struct session *session)
{
    struct outcome outcome = { 0 };
    struct error ignored;
    bool is_own;
    const struct sender_rule *rule = config_sender_null(probe->config, &is_own);

    if (is_own && *rule->address != '\0')
        return;
    if (probe_sender(session, "", &outcome, &ignored))
        probe->findings->refuses_null =
            is_refused(session, &outcome);
    outcome_free(&outcome);
}

/* The rest goes in another session if this one was closed meanwhile. */
static bool try_senders(struct probe *probe, struct session **session,
                        struct error *err)
{
    if (!try_sender(probe, *session, err))
        return false;
    try_null(probe, *session);
    if (session_usable(*session))
        return true;
    session_close(*session);
    *session = connector_open(probe->connector, probe->deadline, err);
    return *session != NULL;
}

static void describe(struct probe *probe, const struct session *session)
{
    const struct capabilities *caps = session_capabilities(session);
    struct probe_findings *findings = probe->findings;
    struct buf list;

    /* A larger message would be taken from its caller, and come back. */
    if (caps->size_limit < probe->config->message_size_limit)
        findings->size_limit = caps->size_limit;
    if (!session_login_undecided(session))
        return;
    buf_init(&list, sizeof findings->mechanisms - 1);
    for (size_t i = 0; i < caps->mechanisms.count; i++)
        buf_add_format(&list, "%s%s", i == 0 ? "" : " ",
                       caps->mechanisms.items[i]);
    snprintf(findings->mechanisms, sizeof findings->mechanisms, "%s",
             list.data);
    buf_free(&list);
}

/* A certificate that the daemon's user, who this process is, cannot read; what
 * helps for passwords has been printed. */
static bool explain_failure(const struct probe *probe, struct error *err)
{
    const struct config *config = probe->config;

    if (config->delivery == DELIVERY_QUEUE && err->number == EACCES &&
        err->fault == FAULT_CONFIG && *err->remedy == '\0')
        error_remedy(err, "let user %s read it", config->user);
    if (*probe->smarthost->password_credential != '\0' &&
        getenv("CREDENTIALS_DIRECTORY") == NULL)
        error_remedy(err, "by hand: systemd-run --pipe -p LoadCredential="
                     "%s:FILE postrider test",
                     probe->smarthost->password_credential);
    return connector_name_others(probe->connector, err);
}

static bool run(struct probe *probe, const struct probe_message *message,
                struct error *err)
{
    struct session *session = connector_open(probe->connector,
                                             probe->deadline, err);
    bool done = session != NULL || explain_failure(probe, err);

    if (session != NULL)
        describe(probe, session);
    if (done && probe->task->tries_senders)
        done = try_senders(probe, &session, err);
    if (done && message != NULL)
        done = send_message(probe, &session, message, err);
    session_close(session);
    return done;
}

static void print_start(const struct probe *probe)
{
    static const char *const words[] = {
        [TLS_STARTTLS] = "STARTTLS",
        [TLS_IMPLICIT] = "TLS at once",
        [TLS_NONE] = "no TLS",
    };
    const struct smarthost *smarthost = probe->smarthost;
    FILE *out = probe->task->out;

    text_print(out, "smarthost %s: %s port %u, %s, %s\n", smarthost->name,
               smarthost->host, (unsigned)smarthost->port,
               words[smarthost->tls],
               *smarthost->user != '\0' ? smarthost->user : "no user");
    fflush(out);
}

bool probe_smarthost(const struct config *config,
                     const struct smarthost *smarthost,
                     const struct probe_task *task,
                     struct probe_findings *findings, struct error *err)
{
    struct smarthost patient = *smarthost;
    struct probe_message message = { .content = SCRATCH_NONE };
    const struct probe_message *wanted = task->recipient != NULL ? &message
                                                                 : NULL;
    int64_t start = clock_now_us();
    struct probe probe = {
        .task = task, .findings = findings, .config = config,
        .smarthost = smarthost, .last = start,
        .in_clear = smarthost->tls != TLS_IMPLICIT,
    };

    *findings = (struct probe_findings){ 0 };
    patient.timeout = clock_earlier(smarthost->timeout, REPLY_TIME);
    probe.deadline = clock_now() + 10 * patient.timeout;
    probe.connector = connector_new(config, &patient, follow, &probe);
    print_start(&probe);
    terminal_wait_begin(task->out);
    bool done = (wanted == NULL ||
                 probe_message_make(&message, config, task->recipient,
                                    task->uid, err)) &&
                run(&probe, wanted, err);
    terminal_wait_end();
    connector_free(probe.connector);
    if (done)
        text_print(task->out, "smarthost %s: ok, %" PRId64 " ms\n",
                   smarthost->name, (clock_now_us() - start) / 1000);
    else
        error_prefix(err, "smarthost %s", smarthost->name);
    strings_free(&probe.asked);
    probe_message_free(&message);
    return done;
}
