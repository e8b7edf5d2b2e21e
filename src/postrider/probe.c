#include "postrider/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/envelope.h"
#include "postrider/patience.h"
#include "postrider/probe_message.h"
#include "postrider/probe_remedy.h"
#include "relay/connector.h"
#include "smtp/outcome.h"
#include "smtp/transaction.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/scratch.h"
#include "util/strings.h"
#include "util/text.h"

#define REPLY_TIME 60000        /* milliseconds a person waits for a reply */

/* The dialogue, as it goes on. */
struct probe {
    FILE *out;
    struct connector *connector;
    const struct smarthost *smarthost;
    int64_t last;               /* microseconds: when the last step ended */
    struct strings asked;       /* commands, in order */
    size_t answered;            /* of them */
    bool greeted;
    bool in_exchange;           /* of AUTH: there is more to it */
    bool in_clear;              /* the greeting comes before TLS */
};

static void print_step(struct probe *probe, const char *what,
                       const char *came_of_it)
{
    int64_t now = clock_now_us();

    text_print(probe->out, "%8.1f ms  %s%s%s\n",
               (double)(now - probe->last) / 1000, what,
               *came_of_it != '\0' ? ": " : "", came_of_it);
    fflush(probe->out);
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

    patience_await(what, NULL);
    free(what);
}

/* What may be the cause where nothing comes for long. */
static const char *cause_of(const struct probe *probe, const char *awaited)
{
    static const struct {
        const char *awaited, *cause;
    } causes[] = {
        { AWAITS_PASSWORD, "does it ask a person, or the network?" },
        { AWAITS_ADDRESS, "is the network up, and /etc/resolv.conf right?" },
        { AWAITS_CONNECTION, "a firewall on the way may block the port" },
        { AWAITS_GREETING, "the server may look up this machine's address "
          "first, or be slow on purpose" },
    };

    if (probe->in_clear && strcmp(awaited, AWAITS_GREETING) == 0)
        return "a server that wants TLS at once, as at port 465, sends none: "
               "then set tls = implicit; others look up this machine's address "
               "first, or are slow on purpose";
    for (size_t i = 0; i < COUNT(causes); i++)
        if (strcmp(awaited, causes[i].awaited) == 0)
            return causes[i].cause;
    return NULL;
}

/* Commands may travel together: replies belong to the oldest. */
static void follow(void *context, char direction, const char *line)
{
    struct probe *probe = context;

    if (direction == '?') {
        patience_await(line, cause_of(probe, line));
        return;
    }
    if (direction == '<')
        show_reply(probe, line);
    else if (direction == '*')
        print_step(probe, line, "");
    else if (!probe->in_exchange)
        strings_add(&probe->asked, line);
    await_reply(probe);
}

static bool has_login(const struct probe *probe)
{
    return *probe->smarthost->user != '\0';
}

/* What the smarthost said to which part of the message. */
static bool tell_refusal(const struct probe *probe,
                         const struct outcome *outcome,
                         const struct probe_message *message,
                         struct error *err)
{
    const char *peer = connector_peer(probe->connector);
    const char *verb = outcome->kind == OUTCOME_FAILED ? "refuses" : "defers";
    const char *path = message->envelope.recipients[0].path;

    switch (outcome->stage) {
    case STAGE_MAIL:
        error_set(err, outcome->fault, "%s %s the sender <%s>: %s", peer, verb,
                  envelope_reverse_path(&message->envelope), outcome->text);
        break;
    case STAGE_RCPT:
        error_set(err, outcome->fault, "%s %s the recipient <%s>: %s", peer,
                  verb, path, outcome->text);
        break;
    default:
        error_set(err, outcome->fault, "%s %s the message: %s", peer, verb,
                  outcome->text);
    }
    error_reply(err, outcome->code, outcome->status);
    return outcome->kind == OUTCOME_FAILED &&
           probe_remedy(outcome->stage, has_login(probe), err);
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
                         int64_t deadline, struct error *err)
{
    static const size_t first = 0;
    struct outcome outcome = { 0 };
    struct transaction transaction = {
        .envelope = &message->envelope,
        .recipients = &first,
        .count = 1,
        .outcomes = &outcome,
        .prefix = "",
        .fd = message->content.fd,
        .length = message->content.length,
        .wants_utf8 = message->wants_utf8 ||
                      envelope_has_utf8_address(&message->envelope),
    };

    while (transact(*session, &transaction)) {
        session_close(*session);
        *session = connector_open(probe->connector, deadline, err);
        if (*session == NULL)
            break;
    }
    if (outcome.wants_login)
        outcome_blame_login(&outcome, session_host(*session), NULL);
    bool sent = outcome.kind == OUTCOME_DELIVERED ||
                (*session != NULL &&
                 tell_refusal(probe, &outcome, message, err));
    outcome_free(&outcome);
    return sent;
}

/* What is larger would be taken from its caller, and come back. */
static void compare_size(struct probe *probe, const struct config *config,
                         const struct session *session)
{
    uint64_t limit = session_capabilities(session)->size_limit;

    if (limit > 0 && limit < config->message_size_limit)
        fprintf(probe->out, "note: it takes messages of %" PRIu64 " octets at "
                "most; set message_size_limit = %" PRIu64 "\n", limit, limit);
}

/* A certificate that the daemon's user, who this process is, cannot read; what
 * helps for passwords has been said. */
static bool tell_failure(const struct probe *probe,
                         const struct config *config, struct error *err)
{
    if (config->delivery == DELIVERY_QUEUE && err->number == EACCES &&
        err->fault == FAULT_CONFIG && *err->remedy == '\0')
        error_remedy(err, "let user %s read it", config->user);
    if (*probe->smarthost->password_credential != '\0' &&
        getenv("CREDENTIALS_DIRECTORY") == NULL)
        error_remedy(err, "by hand: systemd-run --pipe -p LoadCredential="
                     "%s:FILE postrider test",
                     probe->smarthost->password_credential);
    probe_remedy(STAGE_CONNECT, has_login(probe), err);
    return connector_name_others(probe->connector, err);
}

static bool run(struct probe *probe, const struct config *config,
                const struct smarthost *smarthost,
                const struct probe_message *message, struct error *err)
{
    struct connector *connector = connector_new(config, smarthost, follow,
                                                probe);
    int64_t deadline = clock_now() + 10 * smarthost->timeout;
    struct session *session = connector_open(connector, deadline, err);
    probe->connector = connector;
    bool done = session != NULL || tell_failure(probe, config, err);

    if (session != NULL)
        compare_size(probe, config, session);
    if (session != NULL && message != NULL)
        done = send_message(probe, &session, message, deadline, err);
    session_close(session);
    connector_free(connector);
    return done;
}

bool probe_smarthost(const struct config *config,
                     const struct smarthost *smarthost, const char *recipient,
                     uid_t uid, FILE *out, struct error *err)
{
    static const char *const words[] = {
        [TLS_STARTTLS] = "STARTTLS",
        [TLS_IMPLICIT] = "TLS at once",
        [TLS_NONE] = "no TLS",
    };
    struct smarthost patient = *smarthost;
    struct probe_message message = { .content = SCRATCH_NONE };
    int64_t start = clock_now_us();
    struct probe probe = { .out = out, .last = start,
                           .smarthost = smarthost,
                           .in_clear = smarthost->tls != TLS_IMPLICIT };

    patient.timeout = clock_earlier(smarthost->timeout, REPLY_TIME);
    text_print(out, "smarthost %s: %s port %u, %s, %s\n", smarthost->name,
               smarthost->host, (unsigned)smarthost->port,
               words[smarthost->tls],
               *smarthost->user != '\0' ? smarthost->user : "no user");
    fflush(out);
    patience_begin(out);
    bool done = (recipient == NULL ||
                 probe_message_make(&message, config, recipient, uid, err)) &&
                run(&probe, config, &patient,
                    recipient != NULL ? &message : NULL, err);
    patience_end();
    if (done)
        text_print(out, "smarthost %s: ok, %" PRId64 " ms\n", smarthost->name,
                   (clock_now_us() - start) / 1000);
    else
        error_prefix(err, "smarthost %s", smarthost->name);
    strings_free(&probe.asked);
    probe_message_free(&message);
    return done;
}
