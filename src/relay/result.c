/* result.c - act on outcomes: record them, report, retry, remove */
#include "relay/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/address.h"
#include "mail/found.h"
#include "relay/control.h"
#include "relay/dsn.h"
#include "relay/report.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/strings.h"

static void set(char **text, const char *to)
{
    free(*text);
    *text = alloc_string(to);
}

/* Has the sender asked to hear of success, and did nobody else promise it? */
static bool owes_success(const struct entry *entry, size_t index,
                         bool dsn_passed_on)
{
    const struct envelope *env = &entry->envelope;

    return (env->recipients[index].notify & NOTIFY_SUCCESS) != 0 &&
           !dsn_passed_on && *envelope_reverse_path(env) != '\0';
}

/* Milliseconds since the message was accepted, as well as that is known. */
static int64_t delay_of(const struct mission *mission)
{
    int64_t attempt = clock_now() - mission->started;
    int64_t age = (time(NULL) - mission->ticket->received) * 1000;

    return age > attempt + 1000 ? age : attempt;
}

static void count(struct totals *totals, enum outcome_kind kind)
{
    totals->delivered += kind == OUTCOME_DELIVERED;
    totals->deferred += kind == OUTCOME_DEFERRED;
    totals->failed += kind == OUTCOME_FAILED;
}

void settle_outcome(struct mission *mission, struct desk *desk, size_t index,
                    const struct outcome *outcome, const char *relay,
                    bool dsn_passed_on)
{
    struct state *state = mission->state;

    if (state->recipients[index].result != STATE_OPEN)
        return;
    struct state_recipient *rcpt = &state->recipients[index];
    rcpt->when = time(NULL);
    rcpt->from_reply = outcome->code != 0;
    set(&rcpt->status, outcome->status);
    set(&rcpt->relay, relay);
    set(&rcpt->text, outcome->text);
    if (outcome->kind == OUTCOME_DELIVERED) {
        rcpt->result = STATE_DELIVERED;
        rcpt->notified = !owes_success(mission->entry, index, dsn_passed_on);
    } else if (outcome->kind == OUTCOME_FAILED) {
        rcpt->result = STATE_FAILED;
    }
    count(&desk->totals, outcome->kind);
    report_recipient(&(struct attempted){
        .entry = mission->entry,
        .index = index,
        .redirect = desk->config->redirect_all,
        .outcome = outcome,
        .relay = relay,
        .delay = delay_of(mission),
    });
}

/* What is known without an attempt of this process. received: 0 for now. */
static void tell(struct desk *desk, const struct entry *entry, size_t index,
                 const struct outcome *outcome, int64_t received)
{
    int64_t age = received == 0 ? 0 : time(NULL) - received;
    bool failed = outcome->kind == OUTCOME_FAILED;

    count(&desk->totals, outcome->kind);
    report_recipient(&(struct attempted){
        .entry = entry,
        .index = index,
        .redirect = failed ? "" : desk->config->redirect_all,
        .outcome = outcome,
        .relay = failed ? "none" : "unknown",
        .delay = age > 0 ? age * 1000 : 0,
    });
}

void settle_accepted(struct desk *desk, const struct entry *entry,
                     struct state *state, size_t index, int64_t received)
{
    struct outcome outcome = { .kind = OUTCOME_DELIVERED, .status = "2.0.0" };

    if (index >= state->count ||
        state->recipients[index].result != STATE_OPEN)
        return;
    struct state_recipient *rcpt = &state->recipients[index];
    rcpt->result = STATE_DELIVERED;
    rcpt->when = time(NULL);
    rcpt->notified = !owes_success(entry, index, false);
    rcpt->from_reply = false;
    set(&rcpt->status, outcome.status);
    set(&rcpt->relay, NULL);
    set(&rcpt->text, "a smarthost has accepted it");
    outcome.text = rcpt->text;
    if (desk != NULL)
        tell(desk, entry, index, &outcome, received);
}

bool settle_flawed(struct desk *desk, const struct entry *entry,
                   struct state *state)
{
    bool any = false;

    for (size_t i = 0; i < state->count; i++) {
        struct state_recipient *rcpt = &state->recipients[i];
        const char *flaw = entry->envelope.recipients[i].flaw;
        bool whole = entry->flaw != NULL;
        if ((!whole && flaw == NULL) || rcpt->result != STATE_OPEN)
            continue;
        struct outcome outcome = { .kind = OUTCOME_FAILED };
        snprintf(outcome.status, sizeof outcome.status, "%s",
                 whole ? entry->flaw_status : "5.1.3");
        rcpt->result = STATE_FAILED;
        rcpt->from_reply = false;
        rcpt->when = time(NULL);
        set(&rcpt->status, outcome.status);
        set(&rcpt->text, whole ? entry->flaw : flaw);
        outcome.text = rcpt->text;
        tell(desk, entry, i, &outcome, 0);
        any = true;
    }
    return any;
}

/* Everything about a message that is being settled. */
struct settlement {
    struct desk *desk;
    struct message *message;
    struct entry *entry;
    struct state *state;
    struct strings reports;     /* ids of the DSNs made: to be scheduled */
    bool in_trouble;            /* something could not be written */
};

/* Put what is known on disk, wherever the message is now. */
static bool record(struct settlement *s)
{
    struct error err;
    bool done;

    if (s->message->stored) {
        done = state_save(&s->desk->spool, s->message->id, s->state, &err);
    } else {
        done = queue_store(&s->desk->spool, s->entry, s->message->received,
                           s->state, &err);
        if (done) {
            pickup_is_stored(s->desk, s->message);
        }
    }
    if (!done) {
        log_line(LOG_LEVEL_ERROR, "%s: %s: will be tried again",
                 s->message->id, err.text);
        s->in_trouble = true;
    }
    return done;
}

/*
 * The id of a report is random, since callers choose theirs, and on disk before
 * the report is: so a repetition after a stop finds it. One about other
 * recipients is another report: of each kind they only become more (or, for
 * a delay, fewer), so that their number tells.
 */
static void name_report(struct state *state, enum dsn_kind kind, size_t count)
{
    static const char *const words[] = {
        [DSN_FAILURE] = "failure", [DSN_DELAY] = "delay",
        [DSN_SUCCESS] = "success", [DSN_DOUBLE] = "double",
    };
    char about[sizeof state->about];

    snprintf(about, sizeof about, "%s-%zu", words[kind], count);
    if (*state->report != '\0' && strcmp(state->about, about) == 0)
        return;
    random_id(state->report);
    memcpy(state->about, about, sizeof about);
}

/* A report has been made, or was before a stop. */
static bool make_report(struct settlement *s, enum dsn_kind kind,
                        const size_t *recipients, size_t count,
                        const struct strings *to)
{
    char *id = s->state->report;
    struct error err;

    /* Outcomes first: the report must not be newer than what it is about. */
    name_report(s->state, kind, count);
    if (!record(s))
        return false;
    struct draft *draft =
        dsn_compose(kind, s->desk->config, s->entry, s->state, recipients,
                    count, id, s->message->received,
                    (const char *const *)to->items, to->count, &err);
    bool made = draft != NULL &&
                queue_add(&s->desk->spool, draft, time(NULL), &err);
    draft_free(draft);
    if (!made) {
        log_line(LOG_LEVEL_ERROR, "%s: report: %s: will be tried again",
                 s->message->id, err.text);
        s->in_trouble = true;
        return false;
    }
    log_line(LOG_LEVEL_INFO, "%s: sender %s notification: %s", s->message->id,
             kind == DSN_DELAY ? "delay" : kind == DSN_SUCCESS
             ? "delivery status" : "non-delivery", id);
    strings_add(&s->reports, id);
    *id = '\0';
    s->state->reports++;
    s->desk->totals.reports++;
    if (kind == DSN_DELAY)
        s->state->warned = true;
    else
        for (size_t i = 0; i < count; i++)
            s->state->recipients[recipients[i]].notified = true;
    return true;
}

/* They were read before the manager was shut in. */
static void mind_aliases(struct desk *desk)
{
    if (desk->aliases_are_old || destinations_current(desk->destinations))
        return;
    desk->aliases_are_old = true;
    log_line(LOG_LEVEL_WARNING, "%s has changed: reports go by what was there "
             "until postrider is reloaded", desk->config->aliases);
}

/* Whom a report to the sender goes to: a reverse-path that was completed from a
 * local name is often no mailbox, and mail for that name has its place. */
static void find_sender(struct settlement *s, struct strings *to)
{
    const struct envelope *env = &s->entry->envelope;
    const char *path = envelope_reverse_path(env);
    const char *at = address_at(path);
    struct destinations *where = s->desk->destinations;
    struct found found = { 0 };
    struct error err = { 0 };

    mind_aliases(s->desk);
    if (env->from_local && at != NULL) {
        char *name = alloc_bytes(path, (size_t)(at - path));
        destinations_find_given(where, name, &found, &err);
        free(name);
    } else {
        destinations_find(where, path, &found, &err);
    }
    if (err.fault != FAULT_NONE)
        log_line(LOG_LEVEL_WARNING, "%s: report: %s: it goes to %s",
                 s->message->id, err.text, path);
    for (size_t i = 0; i < found.flaws.reasons.count; i++)
        log_line(LOG_LEVEL_WARNING, "%s: report: %s", s->message->id,
                 found.flaws.reasons.items[i]);
    for (size_t i = 0; i < found.addresses.count; i++)
        strings_add(to, found.addresses.items[i]);
    if (to->count == 0)
        strings_add(to, path);
    found_free(&found);
}

static bool report(struct settlement *s, enum dsn_kind kind)
{
    size_t count;
    size_t *recipients = dsn_recipients(kind, s->entry, s->state, &count);
    struct strings to = { 0 };
    bool done = true;

    if (count > 0) {
        find_sender(s, &to);
        done = make_report(s, kind, recipients, count, &to);
    }
    strings_free(&to);
    free(recipients);
    return done;
}

static bool is_among(const struct strings *list, const char *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (address_equal(list->items[i], address))
            return true;
    return false;
}

/*
 * A message from nobody failed: there is nobody to tell but the postmaster,
 * once. False: it must be kept in failed/.
 */
static bool tell_postmaster(struct settlement *s)
{
    const struct strings *to = &s->desk->postmaster;
    size_t count;
    size_t *recipients = dsn_recipients(DSN_DOUBLE, s->entry, s->state,
                                        &count);
    bool told = count == 0;

    if (!told && to->count > 0) {
        told = true;
        for (size_t i = 0; told && i < count; i++)
            told = !is_among(to, s->entry->envelope
                                     .recipients[recipients[i]].path);
        told = told && (make_report(s, DSN_DOUBLE, recipients, count, to) ||
                        s->in_trouble);
    }
    free(recipients);
    return told;
}

static void retry_later(struct settlement *s)
{
    schedule_at(s->desk->schedule, s->message,
                clock_now() + s->desk->config->retry_first);
}

/* What lies in failed/ is kept: this one stays in queue/, held. */
static void strand(struct settlement *s)
{
    struct desk *desk = s->desk;

    if (!s->state->held) {
        s->state->held = true;
        log_line(LOG_LEVEL_ALERT, "%s: cannot be delivered, nobody can be "
                 "told, and uid=%lu has as much in failed/ as one user may "
                 "have: it is held in queue/", s->message->id,
                 (unsigned long)s->message->owner);
        if (!record(s)) {
            s->state->held = false;
            retry_later(s);
            return;
        }
    }
    pickup_describe(s->message, s->entry, s->state);
    schedule_strand(desk->schedule, s->message);
}

static void keep_as_failed(struct settlement *s)
{
    struct error err;

    if (!failed_has_room(s->desk, s->message)) {
        strand(s);
        return;
    }
    s->state->held = false;
    bool kept = record(s);

    if (kept && !queue_fail(&s->desk->spool, s->message->id, &err)) {
        log_line(LOG_LEVEL_ALERT, "%s: cannot be delivered, and nobody can be "
                 "told: %s: will be tried again", s->message->id, err.text);
        kept = false;
    }
    if (!kept) {
        retry_later(s);
        return;
    }
    log_line(LOG_LEVEL_ALERT, "%s: cannot be delivered, and nobody can be "
             "told: it is in %s/failed now", s->message->id,
             s->desk->spool.path);
    failed_note(s->desk, s->message);
    pickup_forget(s->desk, s->message);
    s->message = NULL;
}

/* Nothing is open and everybody has been told. */
static void finish(struct settlement *s)
{
    const char *id = s->entry->id;
    bool stored = s->message->stored;
    struct error err;

    if (dispatch_finish(s->desk, s->message, s->state->reports > 0))
        log_line(LOG_LEVEL_INFO, "%s: removed", id);
    else if (stored)
        state_save(&s->desk->spool, id, s->state, &err);    /* for a restart */
    s->message = NULL;
}

/* The worker has it no more: put it where it waits for so many milliseconds. */
static void put_off(const struct settlement *s, int64_t delay)
{
    if (s->state->held)
        schedule_hold(s->desk->schedule, s->message);
    else
        schedule_at(s->desk->schedule, s->message, clock_now() + delay);
}

/* Some are open still: remember them, and when to try again. */
static void defer(struct settlement *s, bool attempt)
{
    const struct config *config = s->desk->config;
    int64_t delay = schedule_backoff(s->state->attempts > 0
                                     ? s->state->attempts - 1 : 0,
                                     config->retry_first,
                                     config->retry_longest);

    if (attempt)
        s->state->next = time(NULL) + delay / 1000;
    record(s);
    pickup_describe(s->message, s->entry, s->state);
    put_off(s, attempt ? delay : 0);
}

/* What every -odi caller wants to know: the outcomes, in one line. */
static void announce(const struct settlement *s)
{
    const struct state *state = s->state;
    size_t worst = 0;
    size_t delivered = 0;

    for (size_t i = 0; i < state->count; i++) {
        delivered += state->recipients[i].result == STATE_DELIVERED;
        if (state->recipients[i].result == STATE_FAILED ||
            (state->recipients[i].result == STATE_OPEN &&
             state->recipients[worst].result == STATE_DELIVERED))
            worst = i;
    }
    const struct state_recipient *rcpt = &state->recipients[worst];
    const struct wait_outcome outcome = {
        .kind = delivered == state->count ? WAIT_SENT
                : rcpt->result == STATE_FAILED ? WAIT_BOUNCED : WAIT_DEFERRED,
        .address = s->entry->envelope.recipients[worst].path,
        .status = rcpt->status != NULL ? rcpt->status : "-",
        .text = rcpt->text != NULL ? rcpt->text : "",
    };
    control_announce(s->desk->control, s->entry->id, &outcome);
}

/* What settling leaves behind: reports to send, an entry to give back, and
 * what could not be written: nobody gets it twice while we run. */
static void conclude(struct settlement *s)
{
    if (s->message != NULL)
        pickup_remember(s->message, s->in_trouble ? s->state : NULL);
    for (size_t i = 0; i < s->reports.count; i++)
        pickup_queued(s->desk, s->reports.items[i]);
    strings_free(&s->reports);
    if (s->message != NULL)
        dispatch_give_back(s->message, s->entry);
    else
        entry_free(s->entry);
}

static struct settlement settlement(struct desk *desk, struct message *message,
                                    struct entry *entry, struct state *state)
{
    return (struct settlement){
        .desk = desk,
        .message = message,
        .entry = entry,
        .state = state,
    };
}

void settle_late(struct desk *desk, struct message *message,
                 struct entry *entry, struct state *state)
{
    struct settlement s = settlement(desk, message, entry, state);
    int64_t due = message->due;
    bool timed = message->place == MESSAGE_TIMED;

    if (state_open_count(state) == 0) {
        settle_message(desk, message, entry, state, false);
        return;
    }
    report(&s, DSN_DELAY);
    state->warned = true;
    if (!s.in_trouble)
        record(&s);
    pickup_describe(message, entry, state);
    schedule_at(desk->schedule, message, timed ? due : clock_now());
    conclude(&s);
}

void settle_part(struct desk *desk, struct message *message,
                 struct entry *entry, struct state *state)
{
    struct settlement s = settlement(desk, message, entry, state);

    record(&s);
    pickup_describe(message, entry, state);
    put_off(&s, 0);
    conclude(&s);
}

void settle_message(struct desk *desk, struct message *message,
                    struct entry *entry, struct state *state, bool attempt)
{
    struct settlement s = settlement(desk, message, entry, state);

    if (attempt) {
        state->attempts++;
        message->tried = message->trying;
        state->last = time(NULL);
        if (state->count > 0)
            announce(&s);
    }
    bool reported = report(&s, DSN_FAILURE) && report(&s, DSN_SUCCESS);
    bool kept = false;
    if (reported && *envelope_reverse_path(&entry->envelope) == '\0')
        kept = !tell_postmaster(&s);
    /* A report is about recipients; without any there is none. */
    kept = kept || state->count == 0;
    if (state_open_count(state) > 0)
        defer(&s, attempt);
    else if (kept)
        keep_as_failed(&s);
    else if (!s.in_trouble)
        finish(&s);
    else
        retry_later(&s);
    conclude(&s);
}

void settle_prepare(struct desk *desk)
{
    struct found found = { 0 };
    struct error err = { 0 };

    desk->destinations = destinations_new(desk->config, false);
    if (!destinations_preload(desk->destinations, &err) ||
        (!destinations_find_given(desk->destinations, "postmaster",
                                  &found, &err) &&
         err.fault != FAULT_NONE))
        log_line(LOG_LEVEL_WARNING, "reports: %s", err.text);
    for (size_t i = 0; i < found.flaws.reasons.count; i++)
        log_line(LOG_LEVEL_WARNING, "reports: %s",
                 found.flaws.reasons.items[i]);
    desk->postmaster = found.addresses;
    flaws_free(&found.flaws);
}
