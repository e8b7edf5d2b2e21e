/* pickup.c - take messages from drop/ and queue/ into the schedule */
#include "relay/desk.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "relay/control.h"
#include "relay/report.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

#define STEP_SIZE (1u << 20)    /* octets of a large message taken in one go */
#define ROUND_SIZE (32u << 20)  /* ... and in a round */
#define MEMORY_MAX 32768        /* octets of a copy that is kept in memory */
#define SUMMARY_MAX 300         /* octets: a reverse-path alone fits */
#define RECIPIENT_MORE 64       /* octets that memory takes for a recipient's
                                 * strings besides */
#define STATE_LINE 128          /* octets of a recipient in state/, about */
#define ROOM_TIME 60000         /* milliseconds after messages that should make
                                 * room could not be stored */
#define NAME_SHOWN 64           /* octets: any user can write a name */

static int smarthost_index(const struct config *config, const char *name)
{
    if (name == NULL)
        return SMARTHOST_ANY;
    for (size_t i = 0; i < config->smarthost_count; i++)
        if (strcmp(config->smarthosts[i].name, name) == 0)
            return (int)i;
    return SMARTHOST_MISSING;
}

/* A message that is bound to one smarthost never leaves by another: its section
 * was removed or renamed, or is in a caller's own configuration only. */
static struct message *add_message(struct desk *desk, const struct entry *entry)
{
    const struct config *config = desk->config;
    const char *name = entry->envelope.smarthost;
    int smarthost = smarthost_index(config, name);
    struct message *message = schedule_add(desk->schedule, entry->id,
                                         entry->uid, smarthost);

    if (message != NULL)
        message->owner = entry_user(entry, entry->uid);
    if (message != NULL && smarthost == SMARTHOST_MISSING)
        message->missing =
            alloc_format("no section smarthost \"%.*s\" in %s: add it and "
                         "reload postrider, or remove the message",
                         NAME_SHOWN, name, config->source);
    return message;
}

/* Reverse-path and open recipients, each with its NUL, and one more; NULL if
 * that is longer than max. */
static char *summary_of(const struct entry *entry, const struct state *state,
                        size_t max)
{
    struct buf text;

    buf_init(&text, max);
    const char *path = envelope_reverse_path(&entry->envelope);
    bool fits = buf_add(&text, path, strlen(path) + 1);
    for (size_t i = 0; fits && i < entry->envelope.count; i++) {
        if (state != NULL && state->recipients[i].result != STATE_OPEN)
            continue;
        path = entry->envelope.recipients[i].path;
        fits = buf_add(&text, path, strlen(path) + 1);
    }
    fits = fits && buf_add_char(&text, '\0');
    char *summary = fits ? alloc_bytes(text.data, text.length) : NULL;
    buf_free(&text);
    return summary;
}

static const char *last_reason(const struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->recipients[i].result == STATE_OPEN &&
            state->recipients[i].text != NULL)
            return state->recipients[i].text;
    return NULL;
}

void pickup_describe(struct message *message, const struct entry *entry,
                     const struct state *state)
{
    free(message->summary);
    message->summary = summary_of(entry, state, SUMMARY_MAX);
    message->size = entry->content_length;
    if (state == NULL)
        return;
    free(message->reason);
    message->reason = alloc_string(last_reason(state));
    message->attempts = state->attempts;
    message->warned = state->warned;
}

struct state *pickup_state(const struct desk *desk,
                           const struct message *message,
                           const struct entry *entry, struct error *err)
{
    struct state *state;

    if (message->unsaved != NULL)
        state = state_copy(message->unsaved);
    else if (!message->stored)
        state = state_new(entry->envelope.count);
    else
        state = state_load(&desk->spool, message->id, entry->envelope.count,
                           err);
    return state;
}

char *pickup_summary(struct desk *desk, const struct message *message)
{
    const struct mission *mission = dispatch_of(desk, message);
    struct entry *entry = message->entry;
    struct state *state = NULL;
    char *summary = NULL;
    struct error err;
    int64_t received;

    if (mission != NULL)
        return summary_of(mission->entry, mission->state, SIZE_MAX);
    if (entry == NULL)
        entry = queue_open(&desk->spool, message->id, &received, &err);
    if (entry != NULL)
        state = pickup_state(desk, message, entry, &err);
    if (state != NULL)
        summary = summary_of(entry, state, SIZE_MAX);
    state_free(state);
    if (entry != message->entry)
        entry_free(entry);
    return summary;
}

void pickup_remember(struct message *message, const struct state *unsaved)
{
    state_free(message->unsaved);
    message->unsaved = unsaved == NULL ? NULL : state_copy(unsaved);
}

/* Its smarthost is down or missing: a caller need not wait for an attempt. */
static void announce_kept(struct desk *desk, const struct message *message)
{
    const char *reason = dispatch_reason(desk, message);
    const struct wait_outcome outcome = {
        .kind = WAIT_DEFERRED, .address = "-", .status = "4.4.1",
        .text = *reason != '\0' ? reason : "no smarthost takes mail now",
    };

    control_announce(desk->control, message->id, &outcome);
}

/* What an entry takes while it is open, with its state; about. */
static size_t memory_of(const struct entry *entry)
{
    const struct envelope *env = &entry->envelope;
    size_t size = sizeof *entry + MEMORY_MAX;

    for (size_t i = 0; i < env->count; i++)
        size += sizeof env->recipients[i] + strlen(env->recipients[i].path) +
                sizeof(struct state_recipient) + RECIPIENT_MORE;
    return size;
}

uint64_t pickup_octets(const struct entry *entry)
{
    return entry->content_start + entry->content_length +
           entry->envelope.count * STATE_LINE;
}

static enum share_kind share_of(const struct message *message)
{
    return message->stored ? SHARE_QUEUE : SHARE_MEMORY;
}

static uint64_t charge_of(const struct message *message)
{
    return message->stored ? message->octets : message->memory;
}

static void charge(struct desk *desk, struct message *message,
                   const struct entry *entry)
{
    message->memory = memory_of(entry);
    message->octets = pickup_octets(entry);
    message->charged = true;
    desk->fresh += !message->stored;
    shares_add(desk->shares, share_of(message), message->owner,
               charge_of(message));
}

void pickup_discharge(struct desk *desk, struct message *message)
{
    if (!message->charged)
        return;
    message->charged = false;
    desk->fresh -= !message->stored;
    shares_remove(desk->shares, share_of(message), message->owner,
                  charge_of(message));
}

void pickup_is_stored(struct desk *desk, struct message *message)
{
    pickup_discharge(desk, message);
    message->stored = true;
    message->charged = true;
    shares_add(desk->shares, share_of(message), message->owner,
               charge_of(message));
}

void pickup_forget(struct desk *desk, struct message *message)
{
    pickup_discharge(desk, message);
    schedule_remove(desk->schedule, message);
}

bool pickup_has_room(void *context, uid_t uid, bool large)
{
    struct desk *desk = context;

    if (!shares_have_room(desk->shares, SHARE_QUEUE, uid)) {
        trouble_full(desk, uid);
        return false;
    }
    if (shares_crowd_out(desk->shares, SHARE_MEMORY, uid)) {
        desk->crowded = true;
        desk->crowded_out = uid;
    }
    return !(large && desk->taking != NULL) &&
           shares_have_room(desk->shares, SHARE_MEMORY, uid);
}

static bool store(struct desk *desk, struct message *message)
{
    struct error err;

    if (!queue_store(&desk->spool, message->entry, message->received,
                     message->unsaved, &err)) {
        log_line(LOG_LEVEL_ERROR, "%s: %s: it stays in drop", message->id,
                 err.text);
        return false;
    }
    entry_free(message->entry);
    message->entry = NULL;
    pickup_is_stored(desk, message);
    pickup_remember(message, NULL);
    return true;
}

bool pickup_store(struct desk *desk, struct message *message)
{
    bool stored = store(desk, message);

    if (stored)
        announce_kept(desk, message);
    return stored;
}

static void store_visited(void *context, struct message *message)
{
    if (message->entry != NULL && message->place != MESSAGE_OUT)
        pickup_store(context, message);
}

static void make_room_visited(void *context, struct message *message)
{
    struct desk *desk = context;

    if (desk->crowded && message->entry != NULL &&
        message->place != MESSAGE_OUT) {
        if (!pickup_store(desk, message))
            desk->next_room = clock_now() + ROOM_TIME;
        desk->crowded = desk->next_room == 0 &&
                        !shares_have_room(desk->shares, SHARE_MEMORY,
                                          desk->crowded_out);
    }
}

/* What waits may be slow, and of a few users who take all there is: enough of
 * it goes to queue/ for one more user. True: there is room now. */
static bool make_room(struct desk *desk)
{
    if (!desk->crowded || clock_now() < desk->next_room)
        return false;
    desk->next_room = 0;
    schedule_each(desk->schedule, make_room_visited, desk);
    bool made = !desk->crowded && desk->next_room == 0;
    desk->crowded = false;
    return made;
}

void pickup_store_all(struct desk *desk)
{
    desk->to_store = 0;
}

bool pickup_go_on_storing(struct desk *desk)
{
    bool made = make_room(desk);
    int64_t end = clock_now() + DESK_ROUND;

    if (desk->fresh == 0)
        desk->to_store = SCHEDULE_PLACES;
    while (desk->to_store < SCHEDULE_PLACES && clock_now() < end)
        schedule_each_at(desk->schedule, desk->to_store++, store_visited,
                         desk);
    return made || desk->to_store < SCHEDULE_PLACES;
}

/* Does any smarthost that may carry it take mail at the moment? */
static bool may_go(const struct desk *desk, const struct message *message)
{
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        if (message_may_use(message, i) &&
            desk->gates[i].state == GATE_UP)
            return true;
    return false;
}

/* What is known of a message before its first attempt: acceptances before a
 * stop, and what cannot be sent. */
static void recall(struct desk *desk, struct message *message,
                   const struct entry *entry, struct state *state)
{
    if (entry->flaw != NULL)
        log_line(LOG_LEVEL_WARNING, "%s: cannot be sent: %s", entry->id,
                 entry->flaw);
    bool accepted = recall_apply(desk, entry, message->received, state);
    bool flawed = settle_flawed(desk, entry, state);
    if (accepted || flawed)
        pickup_remember(message, state);
    pickup_describe(message, entry, state);
}

static void admit(struct desk *desk, struct entry *entry)
{
    struct message *message = add_message(desk, entry);
    struct state *state = state_new(entry->envelope.count);

    message->entry = entry;
    message->received = time(NULL);
    desk->totals.accepted++;
    report_entry(entry, entry->uid);
    /* Its copy in queue/ need not show what is wrong with it. */
    recall(desk, message, entry, state);
    state_free(state);
    charge(desk, message, entry);
    if (!may_go(desk, message))
        pickup_store(desk, message);
    else if (message->memory > DESK_HEAVY)
        store(desk, message);    /* and not in memory while it waits */
}

static void take_result(struct desk *desk, const char *id,
                        enum drop_result result, struct entry *entry,
                        const struct error *err)
{
    if (result == DROP_LATER) {
        desk->gains += drop_scan_set_aside(desk->scan, id, err);
        return;
    }
    drop_scan_forget(desk->scan, id);
    if (result == DROP_TAKEN)
        admit(desk, entry);
    desk->gains++;
}

bool pickup_knows(struct desk *desk, const char *id)
{
    const struct message *message = schedule_find(desk->schedule, id);

    if (desk->taking != NULL && strcmp(drop_taking_id(desk->taking), id) == 0)
        return true;
    return message != NULL && (!message->stored || message->done ||
                              !queue_has(&desk->spool, id));
}

/* Go on with a large message; true if it is done with. */
static bool take_more(struct desk *desk)
{
    char id[RANDOM_ID_LENGTH + 1];
    struct entry *entry = NULL;
    struct error err = { 0 };

    memcpy(id, drop_taking_id(desk->taking), sizeof id);
    enum drop_result result = drop_go_on(desk->taking, STEP_SIZE, &entry,
                                         &err);
    if (result == DROP_MORE)
        return false;
    desk->taking = NULL;
    take_result(desk, id, result, entry, &err);
    return true;
}

/* One that has grown since it was found must not be the second large one: it
 * is found again. */
static void take(struct desk *desk, const char *id)
{
    struct drop_taking *taking;
    struct entry *entry = NULL;
    struct error err = { 0 };

    if (pickup_knows(desk, id))
        return;
    enum drop_result result = drop_begin(&desk->spool, id,
                                         desk->config->message_size_limit,
                                         MEMORY_MAX, &taking, &entry, &err);
    for (uint64_t done = 0; result == DROP_MORE && done <= DROP_LARGE;
         done += STEP_SIZE)
        result = drop_go_on(taking, STEP_SIZE, &entry, &err);
    if (result != DROP_MORE)
        take_result(desk, id, result, entry, &err);
    else if (desk->taking == NULL)
        desk->taking = taking;
    else {
        drop_taking_free(taking);
        drop_scan_hint(desk->scan, id);
    }
}

/* What there was no room for is found by another pass: at once, unless what
 * took the room cannot be read, which the next rescan may find changed. */
static bool needs_another_pass(struct desk *desk)
{
    bool needed = drop_scan_left_out(desk->scan) && desk->gains > 0;

    if (!drop_scan_waiting(desk->scan))
        desk->gains = 0;
    return needed;
}

/* Small messages and a large one by turns. */
static void take_names(struct desk *desk)
{
    int64_t end = clock_now() + DESK_ROUND;
    char id[RANDOM_ID_LENGTH + 1];
    bool more = true;

    for (uint64_t size = 0; more && size < ROUND_SIZE && clock_now() < end;
         size += STEP_SIZE) {
        more = drop_scan_next(desk->scan, id);
        if (more)
            take(desk, id);
        if (desk->taking != NULL)
            more = take_more(desk) || more || desk->taking != NULL;
    }
}

/* Has all that the pass found been taken? */
static bool is_at_rest(const struct desk *desk)
{
    return desk->taking == NULL && !drop_scan_waiting(desk->scan);
}

bool pickup_run(struct desk *desk)
{
    if (desk->scan_due && drop_scan_more(desk->scan)) {
        desk->scan_due = false;
        desk->pass_done = true;
    }
    take_names(desk);
    if (!desk->scan_due && needs_another_pass(desk))
        desk->scan_due = true;
    if (desk->pass_done && !desk->scan_due && is_at_rest(desk)) {
        desk->pass_done = false;
        trouble_tell(desk);
    }
    return desk->scan_due || !is_at_rest(desk);
}

static void set_aside(struct desk *desk, const char *id,
                      const struct error *err)
{
    strings_add(&desk->unread, id);
    unread_add(&desk->unread_why, err);
}

bool pickup_fail(struct desk *desk, const char *id, struct error *why)
{
    struct error moving;

    if (why->fault != FAULT_DATA)
        return false;
    if (!queue_fail(&desk->spool, id, &moving)) {
        *why = moving;
        return false;
    }
    log_line(LOG_LEVEL_ALERT, "%s: %s: it is in failed/ now", id, why->text);
    return true;
}

void pickup_set_aside(struct desk *desk, struct message *message,
                      const struct error *err)
{
    set_aside(desk, message->id, err);
    pickup_forget(desk, message);
}

void pickup_unread(struct desk *desk)
{
    struct strings ids = desk->unread;

    desk->scan_due = true;
    drop_scan_retry(desk->scan);
    failed_look(desk);
    for (size_t i = 0; desk->workers != NULL &&
                       i < desk->config->smarthost_count; i++)
        workers_retry(desk->workers[i]);
    desk->unread = (struct strings){ 0 };
    unread_clear(&desk->unread_why);
    for (size_t i = 0; i < ids.count; i++)
        if (schedule_find(desk->schedule, ids.items[i]) == NULL &&
            queue_has(&desk->spool, ids.items[i]))
            pickup_queued(desk, ids.items[i]);
    strings_free(&ids);
}

/* How old a message was when it was tried last, all of it; 0: never. */
static int64_t last_age(const struct state *state, int64_t received)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->recipients[i].result == STATE_OPEN &&
            state->recipients[i].when == 0)
            return 0;
    return state->last > time(NULL) ? 0 : lifetime_age(received, state->last);
}

struct message *pickup_queued(struct desk *desk, const char *id)
{
    struct error err;
    int64_t received;
    struct entry *entry = queue_open(&desk->spool, id, &received, &err);
    struct state *state = NULL;

    if (entry != NULL)
        state = state_load(&desk->spool, id, entry->envelope.count, &err);
    if (state == NULL) {
        entry_free(entry);
        if (!pickup_fail(desk, id, &err))
            set_aside(desk, id, &err);
        return NULL;
    }
    struct message *message = add_message(desk, entry);
    if (message != NULL) {
        message->stored = true;
        message->received = lifetime_received(received, time(NULL));
        message->tried = last_age(state, message->received);
        recall(desk, message, entry, state);
        charge(desk, message, entry);
        if (state_open_count(state) == 0)
            schedule_unbind(desk->schedule, message);    /* but for a report */
        int64_t wait = state->next - time(NULL);
        if (wait > desk->config->retry_longest / 1000)
            wait = desk->config->retry_longest / 1000;
        if (state->held && state_open_count(state) == 0)
            schedule_strand(desk->schedule, message);
        else if (state->held)
            schedule_hold(desk->schedule, message);
        else
            schedule_at(desk->schedule, message,
                        clock_now() + (wait > 0 ? wait * 1000 : 0));
    }
    entry_free(entry);
    state_free(state);
    return message;
}

static void found_queued(void *context, const char *id)
{
    pickup_queued(context, id);
}

bool pickup_recover(struct desk *desk, struct error *err)
{
    /* Copies get their names first: what the journals say is about them. */
    if (!queue_mend(&desk->spool, err))
        return false;
    if (!recall_journals(desk, err) ||
        !queue_recover(&desk->spool, found_queued, desk, err))
        return false;
    failed_look(desk);
    return true;
}
