#include "relay/messages.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/recall.h"
#include "relay/retry.h"
#include "relay/schedule.h"
#include "relay/shares.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/queue_file.h"
#include "spool/recovery.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/log.h"

#define NAME_SHOWN 64           /* octets: any user can write a name */

struct messages *messages_new(const struct config *config,
                              const struct spool *spool,
                              struct totals *totals)
{
    struct messages *messages = alloc_zero(1, sizeof *messages);

    messages->config = config;
    messages->schedule = schedule_new(config->smarthost_count);
    messages->home.spool = spool;
    messages->home.shares = shares_new();
    messages->failed.spool = spool;
    messages->failed.shares = messages->home.shares;
    messages->recall = recall_new(config, spool, totals);
    messages->slot_count = MESSAGES_PLACES;
    messages->slots = alloc_zero(messages->slot_count,
                                 sizeof *messages->slots);
    return messages;
}

static void free_message(void *context, struct message *message)
{
    (void)context;
    message_free(message);
}

void messages_free(struct messages *messages)
{
    if (messages == NULL)
        return;
    schedule_free(messages->schedule);
    messages_each(messages, free_message, NULL);
    reasons_forget(&messages->home.reasons);
    shares_free(messages->home.shares);
    recall_free(messages->recall);
    recovery_free(messages->recovery);
    free(messages->slots);
    strings_free(&messages->unread_ids);
    unread_clear(&messages->unread);
    free(messages);
}

/* --- By queue-id. --- */

/* Ids are random, but callers choose theirs. */
static struct message **slot_of(struct messages *messages, const char *id)
{
    uint64_t hash = hash_start();

    for (; *id != '\0'; id++)
        hash = hash_octet(hash, *id);
    return &messages->slots[hash_slot(hash, messages->slot_count)];
}

static void link_message(struct messages *messages, struct message *message)
{
    struct message **slot = slot_of(messages, message->id);

    message->next_in_hash = *slot;
    *slot = message;
}

/* A visitor who adds messages is in the middle of a list. */
static void make_slots(struct messages *messages)
{
    struct message **slots = messages->slots;
    size_t count = messages->slot_count;

    if (messages->visits > 0 || schedule_count(messages->schedule) < count)
        return;
    messages->slot_count = count * 2;
    messages->slots = alloc_zero(messages->slot_count, sizeof *slots);
    for (size_t i = 0; i < count; i++)
        while (slots[i] != NULL) {
            struct message *message = slots[i];
            slots[i] = message->next_in_hash;
            link_message(messages, message);
        }
    free(slots);
}

static struct message *find_known(struct messages *messages, const char *id)
{
    struct message *message = *slot_of(messages, id);

    while (message != NULL && strcmp(message->id, id) != 0)
        message = message->next_in_hash;
    return message;
}

/* The slots of a place: what is in it stays in it when their number grows. */
void messages_each_at(struct messages *messages, size_t place,
                      messages_visit *visit, void *context)
{
    messages->visits++;
    for (size_t i = place; i < messages->slot_count; i += MESSAGES_PLACES) {
        struct message *message = messages->slots[i];
        while (message != NULL) {
            struct message *next = message->next_in_hash;
            visit(context, message);
            message = next;
        }
    }
    messages->visits--;
}

void messages_each(struct messages *messages, messages_visit *visit,
                   void *context)
{
    for (size_t i = 0; i < MESSAGES_PLACES; i++)
        messages_each_at(messages, i, visit, context);
}

static void note_oldest(void *context, struct message *message)
{
    int64_t *oldest = context;

    if (*oldest == 0 || message->received < *oldest)
        *oldest = message->received;
}

/* Probes ask for it again and again, of a queue that may be large: it is looked
 * for when the one that was found is gone. */
int64_t messages_oldest(struct messages *messages)
{
    if (!messages->knows_oldest) {
        messages->oldest = 0;
        messages_each(messages, note_oldest, &messages->oldest);
    }
    messages->knows_oldest = true;
    return messages->oldest;
}

/* By how much the clock was set, and what it was. */
struct shift {
    int64_t seconds;
    int64_t wall;
};

static void move_date(void *context, struct message *message)
{
    const struct shift *shift = context;

    if (message->received <= shift->wall)
        message->received += shift->seconds;
}

void messages_move_dates(struct messages *messages, int64_t wall,
                         int64_t seconds)
{
    struct shift shift = { .seconds = seconds, .wall = wall };

    messages_each(messages, move_date, &shift);
    messages->knows_oldest = false;
}

/* --- What they take. --- */

bool messages_have_room(const struct messages *messages, uid_t uid)
{
    return shares_have_room(messages->home.shares, SHARE_QUEUE, uid);
}

bool messages_are_full(const struct messages *messages)
{
    return shares_are_full(messages->home.shares, SHARE_QUEUE);
}

bool messages_have_memory(const struct messages *messages, uid_t uid)
{
    return shares_have_room(messages->home.shares, SHARE_MEMORY, uid);
}

bool messages_crowd_out(const struct messages *messages, uid_t uid)
{
    return shares_crowd_out(messages->home.shares, SHARE_MEMORY, uid);
}

size_t messages_fresh(const struct messages *messages)
{
    return shares_count(messages->home.shares, SHARE_MEMORY);
}

/* --- Those that come. --- */

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
static void bind(struct message *message, const struct config *config,
                 const char *name)
{
    message->smarthost = smarthost_index(config, name);
    if (message->smarthost == SMARTHOST_MISSING)
        message->missing =
            alloc_format("no section smarthost \"%.*s\" in %s; add it and "
                         "reload postrider, or remove the message",
                         NAME_SHOWN, name, config->source);
}

/* It is open. */
static void add(struct messages *messages, struct message *message,
                int64_t wall)
{
    const struct entry *entry = message_entry(message);
    const struct dates dates = { .received = message->received, .now = wall };

    bind(message, messages->config, entry->envelope.smarthost);
    make_slots(messages);
    link_message(messages, message);
    note_oldest(&messages->oldest, message);
    schedule_add(messages->schedule, message);
    if (recall_apply(messages->recall, entry, message_state(message), &dates))
        message_keep_state(message);
    message_describe(message);
}

struct message *messages_add_taken(struct messages *messages,
                                   struct entry *entry,
                                   const struct moment *now)
{
    struct message *message = message_new_taken(&messages->home, entry,
                                                now->wall);

    add(messages, message, now->wall);
    message_close(message);
    return message;
}

/* Where one belongs that was found in queue/. */
static void place_queued(struct messages *messages, struct message *message,
                         const struct moment *now)
{
    struct schedule *schedule = messages->schedule;
    const struct state *state = message_state(message);
    bool done = state_open_count(state) == 0;

    if (done)
        schedule_unbind(schedule, message);     /* but for a report */
    if (state->held && done)
        schedule_strand(schedule, message);
    else if (state->held)
        schedule_hold(schedule, message);
    else
        schedule_at(schedule, message, now->awake +
                    retry_remaining(messages->config, state, now->wall));
}

static void set_aside(struct messages *messages, const char *id,
                      const struct error *err)
{
    strings_add(&messages->unread_ids, id);
    unread_add(&messages->unread, err);
}

/* Wrong content will not mend itself: it goes to failed/. False: it stays; why
 * is set to what is in the way. */
static bool give_up_damaged(struct messages *messages, const char *id,
                            struct error *why)
{
    struct error moving;

    if (why->fault != FAULT_DATA)
        return false;
    if (!queue_fail(messages->home.spool, id, &moving)) {
        *why = moving;
        return false;
    }
    log_line(LOG_LEVEL_ALERT, "%s: %s: it is in failed/ now", id, why->text);
    return true;
}

/* A file in queue/, with what is known of it. */
struct found {
    struct entry *entry;        /* owned, as state */
    struct state *state;
    int64_t received;
};

/* False: it is gone, or in failed/; or it cannot be read, and why is set. */
static bool load(struct messages *messages, const char *id,
                 struct found *found, struct error *why)
{
    const struct spool *spool = messages->home.spool;

    *found = (struct found){ 0 };
    found->entry = queue_file_open(spool, id, &found->received, why);
    if (found->entry != NULL)
        found->state = state_load(spool, id, found->entry->envelope.count, why);
    if (found->state != NULL)
        return true;
    entry_free(found->entry);
    if (give_up_damaged(messages, id, why) || !queue_file_exists(spool, id))
        why->fault = FAULT_NONE;
    return false;
}

/* What was found is owned. */
static struct message *add_found(struct messages *messages,
                                 const struct found *found,
                                 const struct moment *now)
{
    struct state *state = found->state;
    int64_t received = clocks_received(found->received, now->wall);
    struct message *message = message_new_stored(&messages->home,
                                                 found->entry, state, received);

    message->tried = retry_tried_age(state, received, now->wall);
    add(messages, message, now->wall);
    place_queued(messages, message, now);
    message_close(message);
    return message;
}

static bool is_new_report(const struct found *found)
{
    return *envelope_reverse_path(&found->entry->envelope) == '\0' &&
           found->state->attempts == 0;
}

/*
 * A stop may have come after a report was made, and before that was noted in
 * the state of the message that it is about. That message finds the report in
 * queue/ when it is read, or makes it again. So a report, which might be sent
 * and gone by then, is put back in the first turn.
 */
static struct message *take(struct messages *messages, const char *id,
                            const struct moment *now, bool first)
{
    struct found found;
    struct error why;

    if (find_known(messages, id) != NULL)
        return NULL;
    if (!load(messages, id, &found, &why)) {
        if (why.fault != FAULT_NONE)
            set_aside(messages, id, &why);
        return NULL;
    }
    if (!first || !is_new_report(&found))
        return add_found(messages, &found, now);
    recovery_put_back(messages->recovery, id);
    entry_free(found.entry);
    state_free(found.state);
    return NULL;
}

struct message *messages_add_queued(struct messages *messages, const char *id,
                                    const struct moment *now)
{
    return take(messages, id, now, false);
}

/* One that cannot be read is set aside once: in its turn. */
struct message *messages_find(struct messages *messages, const char *id)
{
    struct message *message = find_known(messages, id);
    struct found found;
    struct error ignored;

    if (message == NULL && messages->recovery != NULL && random_is_id(id) &&
        recovery_find(messages->recovery, id) &&
        load(messages, id, &found, &ignored))
        message = add_found(messages, &found, &messages->now);
    return message;
}

/* True if there is more. */
static bool read_next(struct messages *messages)
{
    char id[RANDOM_ID_LENGTH + 1];
    enum recovery_step step = recovery_go_on(messages->recovery, id);

    if (step == RECOVERY_FOUND || step == RECOVERY_AGAIN)
        take(messages, id, &messages->now, step == RECOVERY_FOUND);
    if (step != RECOVERY_DONE)
        return true;
    recovery_free(messages->recovery);
    messages->recovery = NULL;
    alloc_trim();
    return false;
}

/* At least so many, and until a time. True if there is more. */
static bool read_some(struct messages *messages, const struct moment *now,
                      size_t least, int64_t end)
{
    bool more = messages->recovery != NULL;

    messages->now = *now;
    for (size_t i = 0; more && (i < least || clock_now() < end); i++)
        more = read_next(messages);
    shares_expect(messages->home.shares, SHARE_QUEUE,
                  messages_to_read(messages));
    return more;
}

bool messages_recover(struct messages *messages, const struct strings *journals,
                      const struct moment *now, struct error *err)
{
    const struct spool *spool = messages->home.spool;

    /* Copies get their names first: the journals are about them. */
    messages->recovery = recovery_new(spool, err);
    if (messages->recovery == NULL)
        return false;
    recall_journals(messages->recall, journals, messages->recovery, now->wall);
    read_some(messages, now, MESSAGES_AT_ONCE, 0);
    messages_look_again(messages, now);
    return true;
}

bool messages_read(struct messages *messages, const struct moment *now,
                   int64_t end)
{
    bool reading = messages->recovery != NULL;
    bool more = read_some(messages, now, 1, end);

    if (reading && !more)
        log_line(LOG_LEVEL_INFO, "queue/ is read: %zu queued",
                 schedule_count(messages->schedule));
    return more;
}

size_t messages_to_read(const struct messages *messages)
{
    return messages->recovery == NULL ? 0 : recovery_left(messages->recovery);
}

size_t messages_count(const struct messages *messages)
{
    return schedule_count(messages->schedule) + messages_to_read(messages);
}

struct looking {
    struct messages *messages;
    int64_t now;
};

static void let_go(void *context, struct message *message)
{
    const struct looking *looking = context;
    struct messages *messages = looking->messages;

    if (message->stranded && failed_has_room(&messages->failed, message))
        schedule_at(messages->schedule, message, looking->now);
}

void messages_look_again(struct messages *messages, const struct moment *now)
{
    struct looking looking = { messages, now->awake };
    struct strings ids = messages->unread_ids;

    if (failed_count(&messages->failed) &&
        schedule_count_stranded(messages->schedule) > 0)
        messages_each(messages, let_go, &looking);
    messages->unread_ids = (struct strings){ 0 };
    unread_clear(&messages->unread);
    for (size_t i = 0; i < ids.count; i++)
        if (queue_file_exists(messages->home.spool, ids.items[i]))
            messages_add_queued(messages, ids.items[i], now);
    strings_free(&ids);
}

/* --- Those that go. --- */

static void forget(struct messages *messages, struct message *message)
{
    struct message **link = slot_of(messages, message->id);

    schedule_remove(messages->schedule, message);
    if (message->received == messages->oldest)
        messages->knows_oldest = false;
    while (*link != message)
        link = &(*link)->next_in_hash;
    *link = message->next_in_hash;
    message_free(message);
}

bool messages_finish(struct messages *messages, struct message *message,
                     bool sync, int64_t now)
{
    bool again = message->done;

    if (message_remove(message, sync)) {
        forget(messages, message);
        return true;
    }
    /* While it is known, its file is not taken for a new message. */
    if (!again)
        log_line(LOG_LEVEL_ERROR, "%s: it is done, but its files cannot be "
                 "removed: will be tried again", message->id);
    schedule_unbind(messages->schedule, message);
    schedule_at(messages->schedule, message, now + RETRY_TROUBLE);
    return false;
}

void messages_withdraw(struct messages *messages, struct message *message,
                       int64_t now)
{
    log_line(LOG_LEVEL_INFO, "%s: removed on request", message->id);
    messages_finish(messages, message, false, now);
}

bool messages_fail(struct messages *messages, struct message *message,
                   struct error *err)
{
    if (!failed_take(&messages->failed, message, err))
        return false;
    forget(messages, message);
    return true;
}

bool messages_restore(struct messages *messages, const char *id,
                      const struct moment *now, struct error *err)
{
    if (messages_find(messages, id) != NULL)
        return error_set(err, FAULT_INPUT, "%s is in the queue", id);
    if (!queue_restore(messages->home.spool, id, err))
        return false;
    failed_count(&messages->failed);
    messages_add_queued(messages, id, now);
    return true;
}

/* A shortage passes; a right that was lost needs an administrator. */
void messages_cannot_open(struct messages *messages, struct message *message,
                          struct error *why, int64_t now)
{
    if (give_up_damaged(messages, message->id, why)) {
        forget(messages, message);
        return;
    }
    bool waits = why->fault == FAULT_PERMISSION || why->fault == FAULT_NEWER;
    if (waits && message_is_on_disk(message)) {
        set_aside(messages, message->id, why);
        forget(messages, message);
        return;
    }
    log_line(LOG_LEVEL_ERROR, "%s: %s", message->id, why->text);
    schedule_at(messages->schedule, message, now + RETRY_TROUBLE);
}
