#include "smtp/verdict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mail/ascii.h"
#include "mail/envelope.h"
#include "smtp/advice.h"
#include "smtp/commands.h"
#include "smtp/reply.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "smtp/words.h"
#include "util/alloc.h"
#include "util/text.h"

/* Where neither code nor status has it. */
#define IS_ABOUT_SYNTAX \
    "unrecognized command|unrecognised command|unknown command|" \
    "unsupported command|invalid command|bad command|command unrecognized|" \
    "command not recognized|command not recognised|command not known|" \
    "command not implemented|command not supported|command unknown|" \
    "unknown parameter|unrecognized parameter|unsupported parameter|" \
    "invalid parameter|parameter not|parameters not|parameter unknown|" \
    "parameter unrecognized|unknown option|unrecognized option|" \
    "unsupported option|option not"

/* RFC 5321 sections 4.2.2 and 4.1.1.11; RFC 3463 section 3.6. */
bool verdict_is_about_syntax(const struct reply *reply)
{
    static const char *const subjects[] = { ".5.1", ".5.2", ".5.4" };

    if ((reply->code >= 500 && reply->code <= 504) || reply->code == 555)
        return true;
    for (size_t i = 0; i < COUNT(subjects); i++)
        if (*reply->status != '\0' &&
            strcmp(reply->status + 1, subjects[i]) == 0)
            return reply_class(reply) > 3;
    return reply_class(reply) == 5 && words_in(reply, IS_ABOUT_SYNTAX);
}

static const enum advice_command commands[] = {
    [STAGE_MAIL] = AT_MAIL,
    [STAGE_RCPT] = AT_RCPT,
    [STAGE_DATA] = AT_DATA,
};

/* Can this be the refusal of a client that has not logged in? Its words may
 * show that. Relaying is denied with 5.7.1; 503 to MAIL means that AUTH must
 * come before it. */
static bool may_want_login(const struct session *session,
                           enum outcome_stage stage, const struct reply *reply)
{
    if (session_lacks(session, commands[stage], reply))
        return true;
    if (!session_login_undecided(session) || stage == STAGE_DATA)
        return false;
    if (text_starts(reply->status, "5.7."))
        return true;
    return stage == STAGE_MAIL &&
           (*reply->status == '\0' || reply->code == 503);
}

/*
 * Code 0 is what is not a reply; its text has the reason.
 *
 * 503 to what was sent ahead of its turn is not about the message, nor is 530,
 * which asks for a login or for TLS (RFC 4954 section 6, RFC 3207 section 4).
 */
static void judge_reply(const struct session *session,
                        const struct transaction *t,
                        struct outcome *outcome, enum outcome_stage stage,
                        const struct reply *reply)
{
    struct error none;

    if (reply->code == 0) {
        error_set(&none, FAULT_PROTOCOL, "%s", reply->text.data);
        outcome_from_error(outcome, stage, &none);
        outcome->uncertain = t->content_sent;
        return;
    }
    outcome_from_reply(outcome, stage, reply);
    outcome_advise(outcome, session_advice(session, commands[stage], reply));
    if (t->ahead && reply->code == 503)
        outcome_defer(outcome);
    else if (reply->code == 530)
        outcome_blame_login(outcome, session_host(session));
    else if (outcome->kind == OUTCOME_FAILED)
        outcome->wants_login = may_want_login(session, stage, reply);
}

/* Only SMTPUTF8 can have this address: its local part is not ASCII. */
static bool is_beyond_ascii(const char *path)
{
    char *ascii = ascii_address(path);

    free(ascii);
    return ascii == NULL;
}

/* Is there a recipient for whom it can go without SMTPUTF8? */
static bool goes_without_utf8(const struct transaction *t)
{
    bool some = false;

    for (size_t i = 0; !some && i < t->count; i++)
        some = !is_beyond_ascii(transaction_recipient(t, i)->path);
    return some && !is_beyond_ascii(transaction_sender(t));
}

/*
 * Of the extensions whose parameters MAIL had, the one that is most likely not
 * known; each is left out by itself.
 */
static unsigned suspect_of_mail(const struct transaction *t)
{
    static const unsigned order[] = {
        CAP_SMTPUTF8, CAP_DSN, CAP_8BITMIME, CAP_SIZE
    };

    for (size_t i = 0; i < COUNT(order); i++)
        if ((t->carried & order[i]) != 0 &&
            (order[i] != CAP_SMTPUTF8 || goes_without_utf8(t)))
            return order[i];
    return 0;
}

/* May a parameter be why this was refused? Then it is offered again without. */
static bool suspect_extension(struct transaction *t, unsigned extension,
                              const struct reply *reply,
                              struct outcome *outcome)
{
    if (extension == 0 || !verdict_is_about_syntax(reply))
        return false;
    outcome_defer(outcome);
    outcome->again = true;
    t->suspect = extension;
    return true;
}

void verdict_recipient(const struct session *session, struct transaction *t,
                       size_t i, const struct reply *reply)
{
    struct outcome *outcome = &t->outcomes[i];

    judge_reply(session, t, outcome, STAGE_RCPT, reply);
    suspect_extension(t, commands_asks_dsn(session, t, i) ? CAP_DSN : 0, reply,
                      outcome);
}

static void settle_open(struct transaction *t, const struct outcome *outcome)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->outcomes[i].kind == OUTCOME_NONE)
            outcome_copy(&t->outcomes[i], outcome);
}

void verdict_all(const struct session *session, struct transaction *t,
                 enum outcome_stage stage, const struct reply *reply)
{
    struct outcome outcome = { 0 };

    judge_reply(session, t, &outcome, stage, reply);
    if (stage == STAGE_MAIL)
        suspect_extension(t, suspect_of_mail(t), reply, &outcome);
    settle_open(t, &outcome);
    outcome_free(&outcome);
}

void verdict_accepted(struct session *session, struct transaction *t)
{
    if ((t->suspect & t->without) == 0)
        return;
    session_distrust(session, t->suspect);
    t->suspect = 0;
}

/* Without SMTPUTF8 a sender that needs it fails all recipients, and a recipient
 * that needs it fails alone. */
static void refuse_utf8(struct transaction *t)
{
    bool all = is_beyond_ascii(transaction_sender(t));

    for (size_t i = 0; i < t->count; i++)
        if (t->outcomes[i].kind == OUTCOME_NONE &&
            (all || is_beyond_ascii(transaction_recipient(t, i)->path)))
            outcome_refuse(&t->outcomes[i], "5.6.7", "an address needs "
                           "SMTPUTF8, which the smarthost does not offer");
}

static void refuse_size(struct transaction *t, uint64_t limit)
{
    struct outcome outcome = { 0 };
    char *text = alloc_format("the message has %" PRIu64 " octets, the "
                              "smarthost takes %" PRIu64, transaction_size(t),
                              limit);

    outcome_refuse(&outcome, "5.3.4", text);
    settle_open(t, &outcome);
    outcome_free(&outcome);
    free(text);
}

bool verdict_unfit(const struct session *session, struct transaction *t)
{
    const struct capabilities *caps = session_capabilities(session);

    if (t->wants_utf8 && (caps->flags & ~t->without & CAP_SMTPUTF8) == 0)
        refuse_utf8(t);
    if (caps->size_limit > 0 && transaction_size(t) > caps->size_limit)
        refuse_size(t, caps->size_limit);
    return verdict_open(t) == 0;
}

void verdict_cut(struct transaction *t, enum cut cut, const struct error *err)
{
    for (; t != NULL && t->begun; t = t->next) {
        struct outcome outcome = { 0 };
        outcome_from_error(&outcome, t->content_sent ? STAGE_DATA
                                                     : STAGE_MAIL, err);
        /* An extension may be what the server could not read, and it has not
         * got the message: it is offered again without. */
        outcome.again = cut == CUT_CHUNKING ||
                        (cut == CUT_PIPELINING && !t->content_sent) ||
                        (t->suspect != 0 && !t->answered);
        outcome.uncertain = t->content_sent && cut != CUT_GOODBYE &&
                            cut != CUT_CHUNKING;
        settle_open(t, &outcome);
        outcome_free(&outcome);
    }
}

static void withdraw_outcome(const struct transaction *t,
                             struct outcome *outcome, enum cut cut,
                             const struct error *err)
{
    if (outcome->stage == STAGE_LOCAL)
        return;
    if (outcome->kind == OUTCOME_DELIVERED && t->doubtful) {
        outcome_from_error(outcome, STAGE_DATA, err);
        outcome->uncertain = true;
    } else if (outcome->kind == OUTCOME_FAILED) {
        outcome_defer(outcome);
        outcome->uncertain = t->content_sent;
        outcome->wants_login = false;
    }
    if (cut == CUT_PIPELINING && outcome->kind == OUTCOME_DEFERRED)
        outcome->again = !t->content_sent;
}

void verdict_withdraw(struct transaction *first,
                      const struct transaction *end, enum cut cut,
                      const struct error *err)
{
    for (struct transaction *t = first; t != end; t = t->next)
        for (size_t i = 0; i < t->count; i++)
            withdraw_outcome(t, &t->outcomes[i], cut, err);
}

void verdict_forget_login(struct transaction *t)
{
    bool welcome = false;

    for (size_t i = 0; i < t->count; i++)
        welcome |= commands_is_sent(t, i) && !t->outcomes[i].wants_login;
    for (size_t i = 0; welcome && i < t->count; i++)
        t->outcomes[i].wants_login = false;
}

size_t verdict_open(const struct transaction *t)
{
    size_t open = 0;

    for (size_t i = 0; i < t->count; i++)
        open += t->outcomes[i].kind == OUTCOME_NONE;
    return open;
}

bool verdict_is_refusal(const struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->outcomes[i].kind == OUTCOME_FAILED)
            return true;
    return false;
}

/* Some servers refuse a sender only in reply to RCPT. */
bool verdict_is_of_sender(const struct transaction *t)
{
    size_t sent = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct outcome *outcome = &t->outcomes[i];
        if (!commands_is_sent(t, i))
            continue;
        sent++;
        bool at_rcpt = outcome->stage == STAGE_RCPT &&
                       (strcmp(outcome->status, "5.1.7") == 0 ||
                        strcmp(outcome->status, "5.1.8") == 0 ||
                        text_starts(outcome->status, "5.7."));
        bool at_mail = outcome->stage == STAGE_MAIL &&
                       outcome->fault != FAULT_DATA;
        if (outcome->kind != OUTCOME_FAILED || (!at_rcpt && !at_mail))
            return false;
    }
    return sent > 0;
}
