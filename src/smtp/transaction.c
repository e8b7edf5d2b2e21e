#include "smtp/transaction.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/commands.h"
#include "smtp/session.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#define FLIGHT_RECIPIENTS 100   /* RCPT in one flight: their replies fit into
                                 * the peer's buffers, and no one is stuck */
#define WINDOW 8                /* transactions with BDAT that are on their way
                                 * at a time: so many may arrive twice */
#define WINDOW_OCTETS 65536
#define SHOWN_MAX 500           /* octets of a reply in texts */

/* How the content goes. */
static bool by_bdat(const struct session *session)
{
    return session_has(session, CAP_CHUNKING);
}

static bool is_pipelined(const struct session *session)
{
    return session_has(session, CAP_PIPELINING);
}

/* May all of it, content included, be said in one flight? */
static bool fits_one_flight(const struct session *session,
                            const struct transaction *t)
{
    return by_bdat(session) && is_pipelined(session) &&
           t->count <= FLIGHT_RECIPIENTS &&
           transaction_size(t) <= WINDOW_OCTETS;
}

static void settle(struct transaction *t, const struct outcome *outcome)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->outcomes[i].kind == OUTCOME_NONE)
            outcome_copy(&t->outcomes[i], outcome);
}

/* Can this be the refusal of a client that has not logged in? Relaying is
 * denied with 5.7.1; 503 to MAIL says that AUTH must come before it. */
static bool may_want_login(const struct session *session,
                           enum outcome_stage stage, const struct reply *reply)
{
    if (!session_login_undecided(session))
        return false;
    if (text_starts(reply->status, "5.7."))
        return true;
    return stage == STAGE_MAIL &&
           (*reply->status == '\0' || reply->code == 503);
}

/*
 * 503 to what was said ahead of its turn is not about the message, nor is 530,
 * which asks for a login or for TLS (RFC 4954 section 6, RFC 3207 section 4).
 */
static void judge(const struct session *session, const struct transaction *t,
                  struct outcome *outcome, enum outcome_stage stage,
                  const struct reply *reply)
{
    outcome_from_reply(outcome, stage, reply);
    if (t->ahead && reply->code == 503)
        outcome_defer(outcome);
    else if (reply->code == 530)
        outcome_blame_login(outcome, session_host(session),
                            session_login_remedy(session));
    else if (outcome->kind == OUTCOME_FAILED && stage != STAGE_DATA)
        outcome->wants_login = may_want_login(session, stage, reply);
}

/* Where one recipient was welcome, the others were refused for themselves. */
static void forget_login(struct transaction *t)
{
    size_t refused = 0;

    for (size_t i = 0; i < t->count; i++)
        refused += t->outcomes[i].wants_login;
    for (size_t i = 0; refused < t->count && i < t->count; i++)
        t->outcomes[i].wants_login = false;
}

/* What a reply decides for all recipients that have no outcome yet. */
static void settle_reply(const struct session *session, struct transaction *t,
                         enum outcome_stage stage, const struct reply *reply)
{
    struct outcome outcome = { 0 };

    judge(session, t, &outcome, stage, reply);
    settle(t, &outcome);
    outcome_free(&outcome);
}

/* The connection is lost: for this transaction, and for those begun behind. A
 * server that said goodbye has taken none of them. */
static bool settle_lost(struct session *session, struct transaction *t,
                        bool said_goodbye, const struct error *err)
{
    session_spoil(session);
    for (; t != NULL && t->begun; t = t->next) {
        struct outcome outcome = { 0 };
        outcome_from_error(&outcome, t->content_sent ? STAGE_DATA
                                                     : STAGE_MAIL, err);
        outcome.uncertain = t->content_sent && !said_goodbye;
        settle(t, &outcome);
        outcome_free(&outcome);
    }
    return false;
}

/*
 * Refuse by ourselves what the server has said it cannot take. True if the
 * transaction has its outcomes.
 */
static bool settle_unfit(const struct session *session, struct transaction *t)
{
    uint64_t limit = session_capabilities(session)->size_limit;
    struct outcome outcome = { 0 };
    char *text = NULL;

    if (t->needs_utf8 && !session_has(session, CAP_SMTPUTF8)) {
        outcome_set(&outcome, OUTCOME_FAILED, STAGE_LOCAL, FAULT_DATA,
                    "5.6.7", "an address needs SMTPUTF8, which the smarthost "
                    "does not offer");
    } else if (limit > 0 && transaction_size(t) > limit) {
        text = alloc_format("the message has %" PRIu64 " octets, the "
                            "smarthost takes %" PRIu64, transaction_size(t),
                            limit);
        outcome_set(&outcome, OUTCOME_FAILED, STAGE_LOCAL, FAULT_DATA,
                    "5.3.4", text);
    }
    free(text);
    bool unfit = outcome.kind != OUTCOME_NONE;
    if (unfit)
        settle(t, &outcome);
    outcome_free(&outcome);
    return unfit;
}

/* Say MAIL, the first recipients and, where allowed, all the rest. */
static bool begin(struct session *session, struct transaction *t,
                  struct error *err)
{
    t->begun = true;
    if (!commands_mail(session, t, err))
        return false;
    if (!is_pipelined(session))
        return true;
    if (!commands_recipients(session, t, FLIGHT_RECIPIENTS, err))
        return false;
    if (t->offered < t->count)
        return true;
    if (!by_bdat(session)) {
        t->final_asked = true;
        return session_command(session, err, "DATA");
    }
    if (!fits_one_flight(session, t))
        return true;
    t->final_asked = true;
    return commands_chunk(session, t, err);
}

/* Begin one while the one in front is not answered. If that goes wrong, it must
 * not cost the answers to those in front. */
static bool begin_ahead(struct session *session, struct transaction *t)
{
    size_t asked = session_asked(session);
    struct error err;

    /* Should nobody be accepted for the one in front, its MAIL stands, and
     * another would be refused: not its fault (RFC 3030 section 2). */
    if (by_bdat(session))
        session_need_reset(session);
    t->ahead = true;
    if (begin(session, t, &err))
        return true;
    session_stop(session, asked, &err);
    return false;
}

/*
 * Begin what follows, as far as it goes without waiting. With BDAT whole
 * transactions are on their way, a small number; with DATA the next one's
 * commands go with the end of this one.
 */
static void begin_following(struct session *session, struct transaction *t)
{
    size_t count = 1;
    uint64_t octets = transaction_size(t);
    size_t recipients = 0;
    bool whole = by_bdat(session);

    if (!is_pipelined(session) || session_is_spoiled(session) ||
        t->other_sender != NULL)
        return;
    for (t = t->next; t != NULL && count < (whole ? WINDOW : 2); t = t->next) {
        octets += transaction_size(t);
        recipients += t->count;
        count++;
        if (!t->begun &&
            (recipients > FLIGHT_RECIPIENTS || settle_unfit(session, t) ||
             (whole && (octets > WINDOW_OCTETS ||
                        !fits_one_flight(session, t))) ||
             !begin_ahead(session, t)))
            return;
        if (!t->final_asked || t->other_sender != NULL)
            return;             /* it has more to say before others may */
    }
}

/* 421 is the last the server says, however much was asked (RFC 5321 section
 * 3.8): do not wait for more. */
static bool is_goodbye(const struct reply *reply, struct error *err)
{
    struct buf text;

    if (reply->code != 421)
        return false;
    buf_init(&text, SIZE_MAX);
    reply_describe(reply, SHOWN_MAX, &text);
    error_set(err, FAULT_TEMPORARY, "the smarthost closes the session: %s",
              text.data);
    buf_free(&text);
    return true;
}

/* The answer to RSET ahead of its turn shows whether server and we still count
 * alike: one that did not take a chunk as such would answer its lines, and
 * sooner or later one of them could look like an acceptance. */
static bool hear_reset(struct session *session, const struct transaction *t,
                       struct reply *reply, struct error *err)
{
    if (!session_reply(session, reply, session_timeout(session), err) ||
        is_goodbye(reply, err))
        return false;
    return !t->ahead || reply_class(reply) == 2 ||
           error_set(err, FAULT_PROTOCOL, "%d to RSET", reply->code);
}

/* Without PIPELINING, MAIL waits for the reply to RSET. */
static bool reset_in_lockstep(struct session *session, struct reply *reply,
                              struct error *err)
{
    if (is_pipelined(session) || !session_take_reset(session))
        return true;
    return session_ask(session, reply, err, "RSET") && !is_goodbye(reply, err);
}

static bool hear_mail(struct session *session, struct transaction *t,
                      struct reply *reply, struct error *err)
{
    if (t->reset_first && !hear_reset(session, t, reply, err))
        return false;
    if (!session_reply(session, reply, session_timeout(session), err))
        return false;
    if (reply_class(reply) == 3)
        return error_set(err, FAULT_PROTOCOL, "%d to MAIL", reply->code);
    if (reply_class(reply) == 2)
        return true;
    settle_reply(session, t, STAGE_MAIL, reply);
    return !is_goodbye(reply, err);
}

/* Replies to the RCPT said so far, from number heard on. */
static bool hear_recipients(struct session *session, struct transaction *t,
                            size_t heard, struct reply *reply,
                            struct error *err)
{
    for (size_t i = heard; i < t->offered; i++) {
        if (!session_reply(session, reply, session_timeout(session), err))
            return false;
        if (reply_class(reply) == 3)
            return error_set(err, FAULT_PROTOCOL, "%d to RCPT", reply->code);
        if (reply_class(reply) != 2 && t->outcomes[i].kind == OUTCOME_NONE)
            judge(session, t, &t->outcomes[i], STAGE_RCPT, reply);
        if (is_goodbye(reply, err))
            return false;
    }
    return true;
}

static size_t count_open(const struct transaction *t)
{
    size_t open = 0;

    for (size_t i = 0; i < t->count; i++)
        open += t->outcomes[i].kind == OUTCOME_NONE;
    return open;
}

/* Offer the recipients that have not been said, a flight at a time; one at a
 * time without PIPELINING. */
static bool offer_rest(struct session *session, struct transaction *t,
                       struct reply *reply, struct error *err)
{
    size_t flight = is_pipelined(session) ? FLIGHT_RECIPIENTS : 1;

    while (t->offered < t->count && count_open(t) > 0) {
        size_t heard = t->offered;
        if (!commands_recipients(session, t, flight, err) ||
            !hear_recipients(session, t, heard, reply, err))
            return false;
    }
    return true;
}

/* The content could not be sent to its end. A server that refuses it in the
 * midst and closes has answered it; one that accepts in the midst has not. */
static bool hear_refusal(struct session *session, struct transaction *t,
                         struct reply *reply)
{
    if (session_reply_early(session, reply) && reply_class(reply) > 3)
        settle_reply(session, t, STAGE_DATA, reply);
    return false;
}

static bool hear_final(struct session *session, struct transaction *t,
                       struct reply *reply, struct error *err)
{
    if (!session_flush(session, err))
        return hear_refusal(session, t, reply);
    /* RFC 1047: too short a wait here is what makes duplicates. */
    if (!session_reply(session, reply, 2 * session_timeout(session), err))
        return false;
    if (reply_class(reply) < 4 && reply->code != 250)
        return error_set(err, FAULT_PROTOCOL, "%d to the message",
                         reply->code);
    settle_reply(session, t, STAGE_DATA, reply);
    if (reply_class(reply) != 2)
        session_need_reset(session);
    return true;
}

/* DATA was refused, or nobody is left to send to. */
static bool end_without_content(struct session *session,
                                struct transaction *t, struct reply *reply,
                                struct error *err)
{
    session_need_reset(session);
    if (!t->final_asked || reply->code != 354)
        return true;
    /* Everybody was refused while DATA was on its way, and it was taken all
     * the same: a message of nothing to nobody (RFC 2920 section 3.1). */
    return session_expect(session, err) &&
           session_content(session, ".\r\n", 3, err) &&
           session_reply(session, reply, 2 * session_timeout(session),
                         err);
}

static bool send_by_data(struct session *session, struct transaction *t,
                         struct reply *reply, struct error *err)
{
    if (!t->final_asked && count_open(t) > 0) {
        t->final_asked = true;
        if (!session_command(session, err, "DATA"))
            return false;
    }
    if (t->final_asked &&
        !session_reply(session, reply, session_timeout(session), err))
        return false;
    if (t->final_asked && reply_class(reply) == 2)
        return error_set(err, FAULT_PROTOCOL, "%d to DATA", reply->code);
    if (count_open(t) == 0)
        return end_without_content(session, t, reply, err);
    if (reply->code != 354) {
        settle_reply(session, t, STAGE_DATA, reply);
        session_need_reset(session);
        return true;
    }
    /* Nothing that was said before the content can be meant for it. */
    if (!session_quiet(session, err))
        return false;
    if (!commands_content(session, t, err))
        return hear_refusal(session, t, reply);
    begin_following(session, t);
    return hear_final(session, t, reply, err);
}

static bool send_by_bdat(struct session *session, struct transaction *t,
                         struct reply *reply, struct error *err)
{
    if (!t->final_asked) {
        if (count_open(t) == 0) {
            session_need_reset(session);
            return true;
        }
        t->final_asked = true;
        if (!session_quiet(session, err))
            return false;
        if (!commands_chunk(session, t, err))
            return hear_refusal(session, t, reply);
    }
    return hear_final(session, t, reply, err);
}

static bool run(struct session *session, struct transaction *t,
                struct reply *reply, struct error *err)
{
    if (!t->begun && (!reset_in_lockstep(session, reply, err) ||
                      !begin(session, t, err)))
        return false;
    if (t->content_sent)
        begin_following(session, t);
    if (!hear_mail(session, t, reply, err) ||
        !hear_recipients(session, t, 0, reply, err) ||
        !offer_rest(session, t, reply, err))
        return false;
    return by_bdat(session) ? send_by_bdat(session, t, reply, err)
                            : send_by_data(session, t, reply, err);
}

/* Is it the sender that was refused? Some servers wait for RCPT to do that. */
static bool is_sender_refused(const struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct outcome *outcome = &t->outcomes[i];
        bool at_rcpt = outcome->stage == STAGE_RCPT &&
                       (strcmp(outcome->status, "5.1.7") == 0 ||
                        strcmp(outcome->status, "5.1.8") == 0 ||
                        text_starts(outcome->status, "5.7."));
        bool at_mail = outcome->stage == STAGE_MAIL &&
                       outcome->fault != FAULT_DATA;
        if (outcome->kind != OUTCOME_FAILED || (!at_rcpt && !at_mail))
            return false;
    }
    return true;
}

/* Nothing was begun behind it. */
static void take_other_sender(struct transaction *t)
{
    struct transaction *next = t->next;

    for (size_t i = 0; i < t->count; i++)
        outcome_free(&t->outcomes[i]);
    transaction_rewind(t);
    t->sender = t->other_sender;
    t->other_sender = NULL;
    t->next = next;
}

bool transaction_run(struct session *session, struct transaction *t)
{
    struct reply reply;
    struct error err = { 0 };

    if (!t->begun && settle_unfit(session, t))
        return session_usable(session);
    reply_init(&reply);
    bool done = run(session, t, &reply, &err);
    bool goodbye = reply.code == 421;
    if (done && goodbye)
        is_goodbye(&reply, &err);
    reply_free(&reply);
    if (done && !goodbye && t->other_sender != NULL &&
        !session_is_spoiled(session) && is_sender_refused(t)) {
        take_other_sender(t);
        return transaction_run(session, t);
    }
    forget_login(t);
    if (!done || goodbye)
        return settle_lost(session, done ? t->next : t, goodbye, &err);
    /* If no more can be said, those that were begun may still be answered. */
    return !session_is_spoiled(session) ||
           (t->next != NULL && t->next->begun);
}

void transaction_rewind(struct transaction *t)
{
    t->begun = t->content_sent = t->final_asked = false;
    t->reset_first = t->ahead = false;
    t->offered = 0;
    t->next = NULL;
}
