#include "smtp/transaction.h"

#include <stdint.h>
#include <string.h>

#include "smtp/commands.h"
#include "smtp/session.h"
#include "smtp/verdict.h"
#include "smtp/window.h"
#include "smtp/words.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/text.h"

#define LAST_WORDS 5000         /* milliseconds for replies after a 421 */

/*
 * Commands sent before the replies to them are read: as a rule those of one
 * transaction. With BDAT whole transactions follow it. Replies are counted, not
 * recognised: so all of a flight is read before any outcome of it counts.
 */
struct flight {
    struct session *session;
    struct transaction *first;
    bool whole;                 /* the content of first is in it */
    struct reply reply;         /* the last one that was read */
    struct buf accepted;        /* the last one that accepted a recipient, */
    struct buf reset;           /* and the last one to RSET: as a text */
    int refusal;                /* code of the last refusal of a recipient */
    bool unproved;              /* server and we may be out of step */
    bool goodbye;               /* 421 was read: err then has the reason */
    bool no_chunking;           /* BDAT is not known */
    bool no_pipelining;         /* a reply shows that this is not wanted */
    struct error farewell;
};

/*
 * The next reply. Where messages are on their way, what is not a reply counts
 * as one, and after a 421 others may follow: each that can still be read spares
 * a duplicate.
 */
static bool read_reply(struct flight *flight, int64_t timeout,
                       struct error *err)
{
    struct reply *reply = &flight->reply;

    if (flight->goodbye)
        timeout = clock_earlier(timeout, LAST_WORDS);
    if (session_reply(flight->session, reply, timeout, err))
        return true;
    if (flight->goodbye)
        *err = flight->farewell;
    if (!flight->whole || err->fault != FAULT_PROTOCOL ||
        !session_skip(flight->session))
        return false;
    flight->unproved = true;
    reply->code = 0;
    buf_clear(&reply->text);
    buf_add_text(&reply->text, err->text);
    return true;
}

/* "what: 554 no", of the last reply. */
static bool set_reply_error(const struct flight *flight, enum fault fault,
                            const char *what, struct error *err)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    reply_describe(&flight->reply, REPLY_SHOWN_MAX, &text);
    error_set(err, fault, "%s: %s", what, text.data);
    buf_free(&text);
    return false;
}

/* "554 SMTP synchronization error", "503 Improper use of SMTP command
 * pipelining": the keyword is not the server's who replies. */
static bool refuses_pipelining(struct flight *flight, struct error *err)
{
    const struct reply *reply = &flight->reply;

    if (!window_is_pipelined(flight->session) || reply_class(reply) < 4 ||
        !words_in(reply, "pipelining|synchronization|synchronisation"))
        return false;
    set_reply_error(flight, FAULT_PROTOCOL, "the smarthost lists PIPELINING, "
                    "but does not implement it", err);
    flight->no_pipelining = true;
    return true;
}

/* To any command but the one that ends the content. */
static bool read_reply_soon(struct flight *flight, struct error *err)
{
    return read_reply(flight, session_timeout(flight->session), err) &&
           !refuses_pipelining(flight, err);
}

/* Is a 421 the last the server sends, however much was asked (RFC 5321 section
 * 3.8)? Do not wait for more, then. */
static bool is_over(struct flight *flight, struct error *err)
{
    if (flight->reply.code != 421)
        return false;
    set_reply_error(flight, FAULT_TEMPORARY, "the smarthost closes the session",
                    err);
    flight->goodbye = true;
    flight->farewell = *err;
    return !flight->whole;
}

static void keep_reply(struct buf *text, const struct reply *reply)
{
    buf_clear(text);
    reply_describe(reply, REPLY_SHOWN_MAX, text);
}

/* The answer to RSET ahead of its turn shows whether server and we still count
 * alike: one that did not take a chunk as such would answer its lines, and
 * sooner or later one of them could look like an acceptance. */
static bool read_reset_reply(struct flight *flight, const struct transaction *t,
                             struct error *err)
{
    const struct reply *reply = &flight->reply;

    if (!read_reply_soon(flight, err) || is_over(flight, err))
        return false;
    keep_reply(&flight->reset, reply);
    bool in_step = reply_class(reply) == 2 || reply->code == 0 ||
                   reply->code == 421 ||
                   (!t->ahead && verdict_is_about_syntax(reply));
    return in_step || error_set(err, FAULT_PROTOCOL, "%d to RSET",
                                reply->code);
}

/* Without PIPELINING, MAIL waits for the reply to RSET. */
static bool reset_in_lockstep(struct flight *flight, struct error *err)
{
    struct session *session = flight->session;

    if (window_is_pipelined(session) || !session_take_reset(session))
        return true;
    return session_command(session, err, "RSET") &&
           read_reply_soon(flight, err) &&
           !is_over(flight, err);
}

static bool read_mail_reply(struct flight *flight, struct transaction *t,
                            struct error *err)
{
    const struct reply *reply = &flight->reply;

    if (t->reset_first && !read_reset_reply(flight, t, err))
        return false;
    if (!read_reply_soon(flight, err))
        return false;
    if (reply_class(reply) == 3)
        return error_set(err, FAULT_PROTOCOL, "%d to MAIL", reply->code);
    t->answered = true;
    if (reply_class(reply) == 2)
        return true;
    verdict_all(flight->session, t, STAGE_MAIL, reply);
    return !is_over(flight, err);
}

/* One of several lines of a refusal may lack its hyphen. Where a single command
 * was asked, the others show what they are. */
static bool read_rest(struct flight *flight, struct error *err)
{
    return window_is_pipelined(flight->session) || flight->whole ||
           session_rest(flight->session, flight->reply.code, err);
}

static bool read_recipient_reply(struct flight *flight, struct transaction *t,
                                 size_t i, struct error *err)
{
    const struct reply *reply = &flight->reply;

    if (!read_reply_soon(flight, err))
        return false;
    if (reply_class(reply) == 3)
        return error_set(err, FAULT_PROTOCOL, "%d to RCPT", reply->code);
    if (reply_class(reply) == 2) {
        keep_reply(&flight->accepted, reply);
        verdict_accepted(flight->session, t);
        return true;
    }
    if (t->outcomes[i].kind == OUTCOME_NONE) {
        verdict_recipient(flight->session, t, i, reply);
        flight->refusal = reply->code;
    }
    return !is_over(flight, err) && read_rest(flight, err);
}

/* Replies to the RCPT sent so far, from number first on. */
static bool read_recipient_replies(struct flight *flight, struct transaction *t,
                                   size_t first, struct error *err)
{
    for (size_t i = first; i < t->offered; i++)
        if (commands_is_sent(t, i) && !read_recipient_reply(flight, t, i, err))
            return false;
    return true;
}

/* Offer the recipients that have not been sent, a flight at a time; one at a
 * time without PIPELINING. */
static bool offer_rest(struct flight *flight, struct transaction *t,
                       struct error *err)
{
    size_t most = window_is_pipelined(flight->session) ? WINDOW_RECIPIENTS
                                                       : 1;

    while (t->offered < t->count && verdict_open(t) > 0) {
        size_t first = t->offered;
        if (!commands_recipients(flight->session, t, most, err) ||
            !read_recipient_replies(flight, t, first, err))
            return false;
    }
    return true;
}

/* The content could not be sent to its end. A server that refuses it in the
 * midst and closes has answered it; one that accepts in the midst has not. */
static bool read_refusal(struct flight *flight, struct transaction *t)
{
    if (session_reply_early(flight->session, &flight->reply) &&
        reply_class(&flight->reply) > 3) {
        verdict_all(flight->session, t, STAGE_DATA, &flight->reply);
        t->in_step = true;
    }
    return false;
}

/* 250; a server that has another code for it must not get the message again and
 * again (RFC 5321 section 4.2: the first digit counts). 220 and 221 are of the
 * session, 21z and 23z of other commands. */
static bool is_acceptance(const struct reply *reply)
{
    return reply->code == 200 || reply->code / 10 == 25;
}

/* Could this acceptance be the reply to another command? Those about addresses
 * have a separate status (RFC 3463 section 3.2), or are 251 and 252. */
static void doubt(struct flight *flight, struct transaction *t)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    reply_describe(&flight->reply, REPLY_SHOWN_MAX, &text);
    bool of_address = flight->reply.code != 250 ||
                      text_starts(flight->reply.status, "2.1.") ||
                      strcmp(text.data, flight->accepted.data) == 0;
    t->doubtful = of_address || strcmp(text.data, flight->reset.data) == 0;
    flight->unproved |= of_address;
    buf_free(&text);
}

/* BDAT is not known: a gateway has passed the keyword on. No word about the
 * message, and the chunk may have been taken for commands. */
static bool refuse_chunking(struct flight *flight, struct error *err)
{
    flight->no_chunking = true;
    return set_reply_error(flight, FAULT_PROTOCOL, "the smarthost lists "
                           "CHUNKING, but does not implement it", err);
}

static bool read_final_reply(struct flight *flight, struct transaction *t,
                             struct error *err)
{
    const struct reply *reply = &flight->reply;

    if (!session_flush(flight->session, err))
        return read_refusal(flight, t);
    /* RFC 1047: too short a wait here is what makes duplicates. */
    if (!read_reply(flight, 2 * session_timeout(flight->session), err))
        return false;
    if (reply_class(reply) < 4 && !is_acceptance(reply) && reply->code != 0)
        return error_set(err, FAULT_PROTOCOL, "%d to the message",
                         reply->code);
    if (window_is_bdat(flight->session) && verdict_open(t) > 0 &&
        verdict_is_about_syntax(reply))
        return refuse_chunking(flight, err);
    if (flight->whole && is_acceptance(reply))
        doubt(flight, t);
    verdict_all(flight->session, t, STAGE_DATA, reply);
    if (reply_class(reply) != 2)
        session_need_reset(flight->session);
    return !is_over(flight, err);
}

/* DATA was refused, or no recipient is left to send to. */
static bool end_without_content(struct flight *flight, struct transaction *t,
                                struct error *err)
{
    session_need_reset(flight->session);
    if (!t->final_asked || flight->reply.code != 354)
        return true;
    /* All were refused while DATA was on its way, and it was taken all the
     * same: an empty message without recipients (RFC 2920 section 3.1). */
    return session_expect(flight->session, err) &&
           session_content(flight->session, ".\r\n", 3, err) &&
           read_reply(flight, 2 * session_timeout(flight->session), err);
}

/* DATA was refused just like a recipient: is it a second line about that one?
 * The reply to RSET shows it. */
static bool read_data_refusal(struct flight *flight, struct transaction *t,
                              struct error *err)
{
    struct session *session = flight->session;
    struct reply refusal = flight->reply;

    if (refusal.code == flight->refusal && window_is_pipelined(session)) {
        reply_init(&flight->reply);
        bool in_step = session_command(session, err, "RSET") &&
                       read_reset_reply(flight, t, err);
        reply_free(&flight->reply);
        flight->reply = refusal;
        if (!in_step)
            return false;
    } else {
        session_need_reset(session);
    }
    verdict_all(session, t, STAGE_DATA, &refusal);
    return !is_over(flight, err);
}

static bool send_by_data(struct flight *flight, struct transaction *t,
                         struct error *err)
{
    struct session *session = flight->session;

    if (!t->final_asked && verdict_open(t) > 0) {
        t->final_asked = true;
        if (!session_command(session, err, "DATA"))
            return false;
    }
    if (t->final_asked && !read_reply_soon(flight, err))
        return false;
    if (t->final_asked && reply_class(&flight->reply) == 2)
        return error_set(err, FAULT_PROTOCOL, "%d to DATA",
                         flight->reply.code);
    if (verdict_open(t) == 0)
        return end_without_content(flight, t, err);
    if (flight->reply.code != 354)
        return read_data_refusal(flight, t, err);
    /* 354 answers nothing but DATA. A reply that came before the content was
     * sent cannot be meant for it. */
    t->in_step = true;
    if (!session_quiet(session, err))
        return false;
    if (!commands_content(session, t, err))
        return read_refusal(flight, t);
    window_fill(session, t);
    return read_final_reply(flight, t, err);
}

static bool send_by_bdat(struct flight *flight, struct transaction *t,
                         struct error *err)
{
    if (!t->final_asked) {
        if (verdict_open(t) == 0) {
            session_need_reset(flight->session);
            return true;
        }
        t->final_asked = true;
        if (!session_quiet(flight->session, err))
            return false;
        if (!commands_chunk(flight->session, t, err))
            return read_refusal(flight, t);
    }
    return read_final_reply(flight, t, err);
}

static bool read_transaction_replies(struct flight *flight,
                                     struct transaction *t, struct error *err)
{
    if (!read_mail_reply(flight, t, err) ||
        !read_recipient_replies(flight, t, 0, err) ||
        !offer_rest(flight, t, err))
        return false;
    return window_is_bdat(flight->session) ? send_by_bdat(flight, t, err)
                                           : send_by_data(flight, t, err);
}

/* Are server and we in step? The reply to QUIT is like no other. */
static bool verify_step(struct flight *flight, struct error *err)
{
    struct session *session = flight->session;
    bool in_step = !flight->goodbye &&
                   session_ask(session, &flight->reply, err, "QUIT") &&
                   flight->reply.code == 221;

    session_spoil(session);
    return in_step || error_set(err, FAULT_PROTOCOL, "replies out of step: "
                                "they may be to other commands");
}

/*
 * All replies to the flight, which ends with t, have come. Where one more would
 * change what they mean, none may be there.
 */
static bool end_flight(struct flight *flight, const struct transaction *t,
                       struct error *err)
{
    struct session *session = flight->session;
    bool matters = flight->whole || (window_is_pipelined(session) &&
                                     verdict_is_refusal(t));
    int code = t->content_sent && !flight->whole ? flight->reply.code : 0;

    if (matters && !flight->goodbye && !session_rest(session, code, err) &&
        err->fault == FAULT_PROTOCOL)
        return false;
    return !flight->unproved || verify_step(flight, err);
}

/* Up to the end of the flight. *at is the transaction that it has reached. */
static bool follow_flight(struct flight *flight, struct transaction **at,
                          struct error *err)
{
    struct transaction *t = flight->first;
    bool is_new = !t->begun;

    t->begun = true;
    if (is_new && (!reset_in_lockstep(flight, err) ||
                   !window_begin(flight->session, t, err)))
        return false;
    flight->whole = t->content_sent;
    if (flight->whole)
        window_fill(flight->session, t);
    while (read_transaction_replies(flight, t, err)) {
        t->ended = true;
        if (!flight->whole || t->next == NULL || !t->next->content_sent)
            return end_flight(flight, t, err);
        *at = t = t->next;
    }
    return false;
}

/* May replies have been taken for those to other commands? */
static bool is_doubted(const struct flight *flight,
                       const struct transaction *t, const struct error *err)
{
    const struct session *session = flight->session;

    if (flight->no_pipelining)
        return true;
    if (t->in_step || (!t->answered && !t->ahead))
        return false;
    return err->fault == FAULT_PROTOCOL ||
           ((window_is_pipelined(session) || window_is_bdat(session)) &&
            session_is_silent(session));
}

/* No recipient of the flight was accepted, and so no content. A server that is
 * slow could take it yet: then it arrives twice, as after any silence. */
static void forget_content(struct transaction *t)
{
    for (; t != NULL && t->begun; t = t->next)
        t->content_sent = false;
}

/* The flight was cut off, or is not trusted, at t. */
static void give_up_flight(struct flight *flight, struct transaction *t,
                           const struct error *err)
{
    struct session *session = flight->session;
    enum cut cut = flight->no_chunking ? CUT_CHUNKING
                   : flight->goodbye ? CUT_GOODBYE : CUT_LOST;

    session_spoil(session);
    if (cut == CUT_CHUNKING) {
        session_distrust(session, CAP_CHUNKING);
    } else if (is_doubted(flight, t, err)) {
        /* From now on this server gets a command at a time. */
        if (flight->no_pipelining ||
            (cut == CUT_LOST && window_is_pipelined(session) &&
             err->fault != FAULT_PROTOCOL))
            cut = CUT_PIPELINING;
        if (cut == CUT_PIPELINING && flight->accepted.length == 0)
            forget_content(flight->first);
        verdict_withdraw(flight->first, t->next, cut, err);
        session_distrust(session, CAP_PIPELINING | CAP_CHUNKING);
    }
    verdict_cut(t, cut, err);
}

static bool run_flight(struct session *session, struct transaction *t)
{
    struct flight flight = { .session = session, .first = t };
    struct error err = { 0 };

    reply_init(&flight.reply);
    buf_init(&flight.accepted, SIZE_MAX);
    buf_init(&flight.reset, SIZE_MAX);
    bool done = follow_flight(&flight, &t, &err);
    if (!done)
        give_up_flight(&flight, t, &err);
    else if (flight.goodbye)
        verdict_cut(t->next, CUT_GOODBYE, &flight.farewell);
    reply_free(&flight.reply);
    buf_free(&flight.accepted);
    buf_free(&flight.reset);
    return done;
}

/* For one that no other was begun after. */
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
    bool done = true;

    if (!t->begun && verdict_unfit(session, t))
        return session_usable(session);
    if (!t->ended)
        done = run_flight(session, t);
    if (done && t->other_sender != NULL && !session_is_spoiled(session) &&
        verdict_is_of_sender(t)) {
        take_other_sender(t);
        return transaction_run(session, t);
    }
    verdict_forget_login(t);
    /* If no more can be sent, those that were begun may still be answered. */
    done = done && (!session_is_spoiled(session) ||
                    (t->next != NULL && t->next->begun));
    if (!done && t->suspect != 0) {
        session_distrust(session, t->suspect);
        t->suspect = 0;
    }
    return done;
}

void transaction_rewind(struct transaction *t)
{
    t->without |= t->suspect;
    t->begun = t->content_sent = t->final_asked = t->answered = false;
    t->reset_first = t->ahead = t->ended = t->doubtful = false;
    t->in_step = false;
    t->offered = 0;
    t->next = NULL;
}
