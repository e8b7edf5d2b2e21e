#include "relay/requests.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/protocol.h"
#include "relay/clocks.h"
#include "relay/control.h"
#include "relay/hops.h"
#include "relay/launch.h"
#include "relay/messages.h"
#include "relay/metrics.h"
#include "relay/pickup.h"
#include "relay/schedule.h"
#include "relay/shares.h"
#include "relay/storage.h"
#include "relay/troubles.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/random.h"
#include "util/text.h"

#define PART_SIZE 65536         /* octets of an answer made in one go */
#define PART_TIME 10            /* milliseconds for that */
#define WORD_TIME 1000          /* between lines to a client who waits */

struct requests {
    struct requests_parts parts;
    struct schedule *schedule;
    struct askers askers;       /* users, not administrators */
};

struct requests *requests_new(const struct requests_parts *parts)
{
    struct requests *requests = alloc_zero(1, sizeof *requests);

    requests->parts = *parts;
    requests->schedule = parts->messages->schedule;
    return requests;
}

void requests_free(struct requests *requests)
{
    free(requests);
}

/* The client, its question, and where the answer goes. */
struct question {
    struct requests *requests;
    const struct moment *now;
    uid_t uid;
    const char *argument;
    struct control_progress *progress;
    struct buf *out;
    char *waiting;              /* set to a queue-id: answer later */
};

/* Call visit for messages from where the answer is, until this part of
 * it is long enough. True: there are more. */
static bool go_on(const struct question *q, messages_visit *visit,
                  void *context)
{
    size_t *place = &q->progress->place;
    int64_t end = clock_now() + PART_TIME;

    do
        messages_each_at(q->requests->parts.messages, (*place)++, visit,
                         context);
    while (*place < MESSAGES_PLACES && q->out->length < PART_SIZE &&
           clock_now() < end);
    return *place < MESSAGES_PLACES;
}

static bool is_administrator(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

static bool may_see(const struct question *q, const struct message *message)
{
    return is_administrator(q->uid) || message->uid == q->uid;
}

/* The reason shown to people: what is on its way waits for nothing. */
static const char *shown_reason(const struct question *q,
                                const struct message *message)
{
    if (message->stranded)
        return "could be neither delivered nor returned, and its owner has no "
               "room left in failed/: remove it, or something from there";
    if (message->place == MESSAGE_HELD)
        return "held by the administrator";
    return message->place == MESSAGE_OUT
           ? "" : hops_reason(q->requests->parts.hops, message);
}

/* When it is tried next, in seconds since 1970; 0: that is not known. */
static int64_t next_attempt(const struct question *q,
                            const struct message *message)
{
    const struct moment *now = q->now;

    if (message->place == MESSAGE_OUT || message->place == MESSAGE_HELD)
        return 0;
    int64_t next = hops_next_time(q->requests->parts.hops, message,
                                  now->awake);
    return next == INT64_MAX ? 0 : moment_date(now, next);
}

/* The addresses of a summary, in which each has its NUL, and the last is
 * followed by another; the caller frees the array. A summary that is NULL could
 * not be read: the sender, and one recipient, are not known. */
static const char **addresses_of(const char *summary, size_t *count)
{
    const char *address = summary;
    size_t capacity = 16;
    const char **addresses = alloc_resize(NULL, capacity, sizeof *addresses);

    *count = 0;
    if (summary == NULL) {
        addresses[(*count)++] = "?";
        addresses[(*count)++] = "?";
        return addresses;
    }
    do {
        if (*count == capacity) {
            capacity *= 2;
            addresses = alloc_resize(addresses, capacity, sizeof *addresses);
        }
        addresses[(*count)++] = address;
        address += strlen(address) + 1;
    } while (*address != '\0');
    return addresses;
}

static void list_message(void *context, struct message *message)
{
    static const enum queue_state states[] = {
        [MESSAGE_TIMED] = QUEUE_WAITING, [MESSAGE_READY] = QUEUE_WAITING,
        [MESSAGE_OUT] = QUEUE_ACTIVE, [MESSAGE_HELD] = QUEUE_HELD,
    };
    const struct question *q = context;
    size_t count;

    if (!may_see(q, message)) {
        q->progress->hidden.count++;
        q->progress->hidden.octets += message->size;
        return;
    }
    char *long_one = message->summary != NULL ? NULL
                                              : message_summary(message);
    const char **addresses = addresses_of(long_one != NULL ? long_one
                                          : message->summary, &count);
    protocol_put_item(q->out, &(struct queue_item){
        .id = message->id,
        .state = states[message->place],
        .uid = message->uid,
        .size = message->size,
        .received = message->received,
        .attempts = message->attempts,
        .reason = shown_reason(q, message),
        .next = next_attempt(q, message),
        .sender = addresses[0],
        .recipients = addresses + 1,
        .recipient_count = count - 1,
    });
    free(addresses);
    free(long_one);
}

/* Of messages that cannot be read, administrators get the reason; for others
 * they are among those that they may not see. */
static void list_unread(const struct question *q)
{
    struct trouble troubles[TROUBLES];

    troubles_collect(q->requests->parts.troubles, troubles);
    for (size_t i = 0; i < TROUBLES_UNREAD; i++)
        if (!is_administrator(q->uid))
            q->progress->hidden.count += troubles[i].count;
        else if (troubles[i].count > 0)
            protocol_put_unread(q->out, &(struct queue_unread){
                .count = troubles[i].count, .text = troubles[i].text });
    troubles_free_list(troubles);
}

static enum control_reply answer_list(const struct question *q)
{
    struct question context = *q;

    /* Messages that were committed before the question are in the list. */
    if (!q->progress->scanned) {
        q->progress->scanned = true;
        pickup_scan(q->requests->parts.pickup);
        return CONTROL_MORE;
    }
    if (go_on(q, list_message, &context))
        return CONTROL_MORE;
    list_unread(q);
    if (q->progress->hidden.count > 0)
        protocol_put_others(q->out, &q->progress->hidden);
    return CONTROL_DONE;
}

/* The result: CHANGE_LEFT, nothing has changed yet, but will unless the
 * message is done first; CHANGE_HELD, nothing will, as it is held;
 * CHANGE_FAILED, that could not be written, and is logged. */
enum change_end { CHANGE_DONE, CHANGE_LEFT, CHANGE_HELD, CHANGE_FAILED };
typedef enum change_end change_message(const struct question *q,
                            struct message *message);

/* The change to the messages that a request names; applies may be NULL. */
struct change {
    const struct question *question;
    bool (*applies)(const struct question *q, struct message *message);
    change_message *apply;
};

/* Is the text part of the sender, or of a recipient? */
static bool is_in_summary(const struct message_filter *filter,
                          const char *summary)
{
    const char *address = summary;
    bool found = false;

    if (filter->part == 'S')
        return strstr(address, filter->text) != NULL;
    while (!found && *(address += strlen(address) + 1) != '\0')
        found = strstr(address, filter->text) != NULL;
    return found;
}

static bool is_matched(const struct question *q, struct message *message)
{
    struct message_filter filter;

    if (!request_parse_filter(q->argument, &filter))
        return false;
    if (filter.part == 'I')
        return (strstr(message->id, filter.text) != NULL) != filter.without;
    if (message->summary != NULL)
        return is_in_summary(&filter, message->summary) != filter.without;
    char *summary = message_summary(message);
    bool matched = summary != NULL &&
                   is_in_summary(&filter, summary) != filter.without;
    free(summary);
    return matched;
}

static void change_visited(void *context, struct message *message)
{
    const struct change *change = context;
    const struct question *q = change->question;

    if (!may_see(q, message) ||
        (change->applies != NULL && !change->applies(q, message)))
        return;
    q->progress->changes[change->apply(q, message)]++;
}

static enum control_reply report_changes(const struct question *q)
{
    protocol_put_changes(q->out, &(struct changes){
        .done = q->progress->changes[CHANGE_DONE],
        .left = q->progress->changes[CHANGE_LEFT],
        .held = q->progress->changes[CHANGE_HELD] });
    if (q->progress->changes[CHANGE_FAILED] > 0)
        protocol_put_refusal(q->out, "%zu not changed: that cannot be written; "
                             "the log has the reason",
                             q->progress->changes[CHANGE_FAILED]);
    return CONTROL_DONE;
}

static enum control_reply change_all(const struct question *q,
                                     change_message *apply,
                                     bool (*applies)(const struct question *,
                                                     struct message *))
{
    struct change change = { .question = q, .applies = applies,
                             .apply = apply };

    return go_on(q, change_visited, &change) ? CONTROL_MORE : report_changes(q);
}

static bool names_all(const struct question *q)
{
    return strcmp(q->argument, "all") == 0;
}

/* All messages, or the one of a queue-id. */
static enum control_reply change_named(const struct question *q,
                                       change_message *apply)
{
    struct change change = { .question = q, .apply = apply };

    if (names_all(q))
        return change_all(q, apply, NULL);
    struct message *message = messages_find(q->requests->parts.messages,
                                            q->argument);
    if (message != NULL)
        change_visited(&change, message);
    return report_changes(q);
}

/* A user gets their own mail tried, and once a minute: the daemon does it by
 * itself, and what others wait for must not come more often than that. */
static bool nudge_hops(const struct question *q)
{
    const struct hops *hops = q->requests->parts.hops;
    size_t parked = 0;
    int64_t wait = askers_note(&q->requests->askers, q->uid, q->now->awake);

    for (size_t i = 0; i < hops->count; i++)
        parked += hops->list[i].availability.state == HOP_PARKED;
    if (wait > 0)
        protocol_put_refusal(q->out, "your mail was tried less than a minute "
                             "ago: ask again in %" PRId64 " s",
                             (wait + 999) / 1000);
    else if (parked == hops->count && hops->count > 0)
        protocol_put_refusal(q->out, "smarthost %s is parked, mailq has the "
                             "reason: only root and the daemon's user may "
                             "have it tried", hops->list[0].smarthost->name);
    else
        for (size_t i = 0; i < hops->count; i++)
            availability_nudge(&hops->list[i].availability, q->now->awake);
    return q->out->length == 0;
}

/* False: the answer has the reason. */
static bool may_try(const struct question *q)
{
    const struct hops *hops = q->requests->parts.hops;

    if (!is_administrator(q->uid))
        return nudge_hops(q);
    for (size_t i = 0; i < hops->count; i++)
        availability_flush(&hops->list[i].availability, q->now->awake);
    return true;
}

static enum change_end retry_message(const struct question *q,
                                     struct message *message)
{
    if (message->place == MESSAGE_HELD)
        return CHANGE_HELD;
    if (message->place == MESSAGE_TIMED || message->place == MESSAGE_READY)
        schedule_at(q->requests->schedule, message, q->now->awake);
    return CHANGE_DONE;
}

static bool save_held(struct message *message, bool held, struct error *err)
{
    if (!message_open(message, err))
        return false;
    struct state *state = message_state(message);
    bool changes = state->held != held;
    state->held = held;
    bool saved = !changes || message_save(message, err);
    if (!saved)
        state->held = !held;
    message_close(message);
    return saved;
}

/* Whether a message is held must outlive the daemon. */
static bool write_held(const struct question *q, struct message *message,
                       bool held)
{
    struct error err;

    if (!message->stored && !message->done &&
        !storage_keep(q->requests->parts.storage, message))
        return false;
    if (save_held(message, held, &err))
        return true;
    log_line(LOG_LEVEL_ERROR, "%s: %s", message->id, err.text);
    return false;
}

static enum change_end hold_message(const struct question *q,
                                    struct message *message)
{
    if (message->place == MESSAGE_OUT)  /* held when it comes back */
        message_state(message)->held = true;
    else if (write_held(q, message, true))
        schedule_hold(q->requests->schedule, message);
    else
        return CHANGE_FAILED;
    log_line(LOG_LEVEL_INFO, "%s: held", message->id);
    return CHANGE_DONE;
}

static enum change_end release_message(const struct question *q,
                                       struct message *message)
{
    if (message->place == MESSAGE_OUT)
        message_state(message)->held = false;
    if (message->place != MESSAGE_HELD)
        return CHANGE_DONE;
    if (!write_held(q, message, false))
        return CHANGE_FAILED;
    schedule_at(q->requests->schedule, message, q->now->awake);
    log_line(LOG_LEVEL_INFO, "%s: released from hold", message->id);
    return CHANGE_DONE;
}

/* A message that a worker has may be delivered in this moment: that shows when
 * it comes back. */
static enum change_end remove_message(const struct question *q,
                                      struct message *message)
{
    bool out = message->place == MESSAGE_OUT;

    if (out)
        message->attempt->withdrawn = true;
    if (out || message->done)
        return CHANGE_LEFT;
    messages_withdraw(q->requests->parts.messages, message, q->now->awake);
    return CHANGE_DONE;
}

/* Files that could not be read, and journals. */
static void look_again(const struct question *q)
{
    const struct requests_parts *parts = &q->requests->parts;

    pickup_look_again(parts->pickup);
    messages_look_again(parts->messages, q->now);
    for (size_t i = 0; i < parts->hops->count; i++)
        workers_retry(parts->hops->list[i].workers);
}

/* A request is asked for its permission once: with the first part. */
static bool may_go_on(const struct question *q)
{
    return q->progress->place > 0 || may_try(q);
}

static enum control_reply answer_retry(const struct question *q)
{
    return may_go_on(q) ? change_named(q, retry_message) : CONTROL_DONE;
}

static enum control_reply answer_flush(const struct question *q)
{
    if (!may_go_on(q))
        return CONTROL_DONE;
    if (is_administrator(q->uid) && q->progress->place == 0)
        look_again(q);
    return change_all(q, retry_message, NULL);
}

static enum control_reply answer_run(const struct question *q)
{
    return may_go_on(q) ? change_all(q, retry_message, is_matched)
                        : CONTROL_DONE;
}

static enum control_reply answer_hold(const struct question *q)
{
    return change_named(q, hold_message);
}

static enum control_reply answer_release(const struct question *q)
{
    return change_named(q, release_message);
}

/* The sender of a message may take it back. */
static enum control_reply answer_remove(const struct question *q)
{
    return change_named(q, remove_message);
}

/* From failed/ back into the queue: it is due at once. */
static enum control_reply answer_requeue(const struct question *q)
{
    struct messages *messages = q->requests->parts.messages;
    struct changes changes = { 0 };
    struct error err;

    if (!messages_restore(messages, q->argument, q->now, &err)) {
        if (err.fault != FAULT_INPUT) {
            protocol_put_refusal(q->out, "%s", err.text);
            return CONTROL_DONE;
        }
    } else {
        changes.done = 1;
        log_line(LOG_LEVEL_INFO, "%s: queued again by the administrator",
                 q->argument);
    }
    protocol_put_changes(q->out, &changes);
    return CONTROL_DONE;
}

/*
 * A caller waits for the first attempt at what it has just committed. It may
 * ask before the file was found: so there is no message yet, or the message is
 * gone; the caller finds out which by its file.
 */
static enum control_reply answer_wait(const struct question *q)
{
    const struct requests_parts *parts = &q->requests->parts;

    if (!pickup_hint(parts->pickup, q->argument))
        pickup_scan(parts->pickup);
    struct message *message = messages_find(parts->messages, q->argument);
    if (message != NULL && !may_see(q, message)) {
        protocol_put_refusal(q->out, "no such message");
        return CONTROL_DONE;
    }
    if (message != NULL && message->place != MESSAGE_OUT &&
        *shown_reason(q, message) != '\0') {
        protocol_put_outcome(q->out, &(struct wait_outcome){
            .kind = WAIT_DEFERRED, .address = "-", .status = "4.4.1",
            .text = shown_reason(q, message) });
        return CONTROL_DONE;
    }
    memcpy(q->waiting, q->argument, RANDOM_ID_LENGTH + 1);
    return CONTROL_WAITS;
}

static enum control_reply answer_status(const struct question *q)
{
    metrics_status(q->requests->parts.metrics, is_administrator(q->uid),
                   q->now, q->out);
    return CONTROL_DONE;
}

static enum control_reply answer_reload(const struct question *q)
{
    launch_reload(q->requests->parts.launch);
    return CONTROL_DONE;
}

static enum control_reply (*const answers[REQUESTS])(const struct question *) =
{
    [REQUEST_LIST] = answer_list,
    [REQUEST_STATUS] = answer_status,
    [REQUEST_FLUSH] = answer_flush,
    [REQUEST_RUN] = answer_run,
    [REQUEST_RETRY] = answer_retry,
    [REQUEST_HOLD] = answer_hold,
    [REQUEST_RELEASE] = answer_release,
    [REQUEST_REMOVE] = answer_remove,
    [REQUEST_WAIT] = answer_wait,
    [REQUEST_RELOAD] = answer_reload,
    [REQUEST_REQUEUE] = answer_requeue,
};

/* What looks at all messages waits after a start until all are read. The client
 * sees how far that has come. */
static bool must_wait(const struct question *q, enum request request)
{
    const struct messages *messages = q->requests->parts.messages;
    size_t left = messages_to_read(messages);
    bool is_about_all = request == REQUEST_LIST || request == REQUEST_FLUSH ||
                        request == REQUEST_RUN || names_all(q);

    if (left == 0 || !is_about_all)
        return false;
    if (q->now->awake >= q->progress->next_word) {
        size_t all = messages_count(messages);
        protocol_put_progress(q->out, all - left, all);
        q->progress->next_word = q->now->awake + WORD_TIME;
    }
    return true;
}

enum control_reply requests_answer(struct requests *requests,
                                   const struct control_request *what,
                                   const struct moment *now)
{
    const struct question question = {
        .requests = requests,
        .now = now,
        .uid = what->uid,
        .argument = what->argument,
        .progress = what->progress,
        .out = what->out,
        .waiting = what->waiting,
    };

    if (request_is_restricted(what->request) && !is_administrator(what->uid)) {
        protocol_put_refusal(what->out, "not permitted: only root and the "
                             "daemon's user may do that");
        return CONTROL_DONE;
    }
    /* Permission for the request itself is asked for once, and later. */
    if (must_wait(&question, what->request))
        return CONTROL_MORE;
    return answers[what->request](&question);
}
