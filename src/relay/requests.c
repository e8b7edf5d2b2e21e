/* requests.c - answer the requests that come over the control socket */
#include "relay/desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/control.h"
#include "relay/metrics.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#define PART_SIZE 65536         /* octets of an answer made in one go */
#define PART_TIME 10            /* milliseconds for that */

/* Who asks what, and where the answer goes. */
struct question {
    struct desk *desk;
    uid_t uid;
    const char *argument;
    struct control_progress *progress;
    struct buf *out;
    char *waiting;              /* set to a queue-id: answer later */
};

/* Call visit for messages from where the answer has come to, until this part of
 * it is long enough. True: there are more. */
static bool go_on(const struct question *q, schedule_visit *visit,
                  void *context)
{
    size_t *place = &q->progress->place;
    int64_t end = clock_now() + PART_TIME;

    do
        schedule_each_at(q->desk->schedule, (*place)++, visit, context);
    while (*place < SCHEDULE_PLACES && q->out->length < PART_SIZE &&
           clock_now() < end);
    return *place < SCHEDULE_PLACES;
}

static bool is_administrator(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

static bool may_see(const struct question *q, const struct message *message)
{
    return is_administrator(q->uid) || message->uid == q->uid;
}

/* What people are told of it: what is on its way waits for nothing. */
static const char *shown_reason(const struct desk *desk,
                                const struct message *message)
{
    if (message->stranded)
        return "could be neither delivered nor returned, and its owner has no "
               "room left in failed/: remove it, or something from there";
    if (message->place == MESSAGE_HELD)
        return "held by the administrator";
    return message->place == MESSAGE_OUT ? ""
                                       : dispatch_reason(desk, message);
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

    if (!may_see(q, message))
        return;
    char *long_one = message->summary != NULL ? NULL
                                             : pickup_summary(q->desk, message);
    const char **addresses = addresses_of(long_one != NULL ? long_one
                                          : message->summary, &count);
    protocol_put_item(q->out, &(struct queue_item){
        .id = message->id,
        .state = states[message->place],
        .uid = message->uid,
        .size = message->size,
        .received = message->received,
        .attempts = message->attempts,
        .reason = shown_reason(q->desk, message),
        .sender = addresses[0],
        .recipients = addresses + 1,
        .recipient_count = count - 1,
    });
    free(addresses);
    free(long_one);
}

static void list_unread(const struct question *q)
{
    struct trouble troubles[TROUBLES];

    trouble_collect(q->desk, troubles);
    for (size_t i = 0; i < TROUBLES_UNREAD; i++)
        if (troubles[i].count > 0)
            protocol_put_unread(q->out, &(struct queue_unread){
                .count = troubles[i].count, .text = troubles[i].text });
    trouble_free(troubles);
}

static enum control_reply answer_list(const struct question *q)
{
    struct question context = *q;

    if (go_on(q, list_message, &context))
        return CONTROL_MORE;
    if (is_administrator(q->uid))
        list_unread(q);
    return CONTROL_DONE;
}

/* False: nothing has changed yet, but will unless the message is done first. */
typedef bool change_message(struct desk *desk, struct message *message);

/* What is to be done to the messages a request names. */
struct change {
    const struct question *question;
    bool (*applies)(const struct question *q, const struct message *message);
    change_message *apply;
};

static bool is_named(const struct question *q, const struct message *message)
{
    return strcmp(q->argument, "all") == 0 ||
           strcmp(q->argument, message->id) == 0;
}

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

static bool is_matched(const struct question *q, const struct message *message)
{
    struct message_filter filter;

    if (!protocol_parse_filter(q->argument, &filter))
        return false;
    if (filter.part == 'I')
        return (strstr(message->id, filter.text) != NULL) != filter.without;
    if (message->summary != NULL)
        return is_in_summary(&filter, message->summary) != filter.without;
    char *summary = pickup_summary(q->desk, message);
    bool matched = summary != NULL &&
                   is_in_summary(&filter, summary) != filter.without;
    free(summary);
    return matched;
}

static void change_visited(void *context, struct message *message)
{
    const struct change *change = context;
    const struct question *q = change->question;

    if (!may_see(q, message) || !change->applies(q, message))
        return;
    if (change->apply(q->desk, message))
        q->progress->done++;
    else
        q->progress->left++;
}

static enum control_reply change_all(const struct question *q,
                                     change_message *apply,
                                     bool (*applies)(const struct question *,
                                                     const struct message *))
{
    struct change change = { .question = q, .applies = applies,
                             .apply = apply };

    if (go_on(q, change_visited, &change))
        return CONTROL_MORE;
    protocol_put_changes(q->out, &(struct changes){
        .done = q->progress->done, .left = q->progress->left });
    return CONTROL_DONE;
}

static void flush_gates(struct desk *desk)
{
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        gate_flush(&desk->gates[i], clock_now());
}

/* A user gets their own mail tried, and once a minute: the daemon does it by
 * itself, and what others wait for must not come more often than that. */
static bool nudge_gates(const struct question *q)
{
    struct desk *desk = q->desk;
    size_t parked = 0;
    size_t count = desk->config->smarthost_count;
    int64_t wait = askers_note(&desk->askers, q->uid, clock_now());

    for (size_t i = 0; i < count; i++)
        parked += desk->gates[i].state == GATE_PARKED;
    if (wait > 0)
        protocol_put_refusal(q->out, "your mail was tried less than a minute "
                             "ago: ask again in %" PRId64 " s",
                             (wait + 999) / 1000);
    else if (parked == count && count > 0)
        protocol_put_refusal(q->out, "smarthost %s is parked, mailq has the "
                             "reason: only root and the daemon's user may "
                             "have it tried",
                             desk->config->smarthosts[0].name);
    else
        for (size_t i = 0; i < count; i++)
            gate_nudge(&desk->gates[i], clock_now());
    return q->out->length == 0;
}

/* False: the answer tells why not. */
static bool may_try(const struct question *q)
{
    if (!is_administrator(q->uid))
        return nudge_gates(q);
    flush_gates(q->desk);
    return true;
}

static bool retry_message(struct desk *desk, struct message *message)
{
    if (message->place == MESSAGE_TIMED || message->place == MESSAGE_READY)
        schedule_at(desk->schedule, message, clock_now());
    return true;
}

/* Whether a message is held must outlive the daemon. */
static bool write_held(struct desk *desk, struct message *message, bool held)
{
    struct error err = { 0 };
    int64_t received;
    struct state *state = NULL;

    if (message->entry != NULL && !pickup_store(desk, message))
        return false;
    struct entry *entry = queue_open(&desk->spool, message->id, &received,
                                     &err);
    if (entry != NULL)
        state = pickup_state(desk, message, entry, &err);
    bool done = state != NULL;
    if (done && state->held != held) {
        state->held = held;
        done = state_save(&desk->spool, message->id, state, &err);
        pickup_remember(message, done ? NULL : state);
    }
    if (!done)
        log_line(LOG_LEVEL_ERROR, "%s: %s", message->id, err.text);
    state_free(state);
    entry_free(entry);
    return done;
}

static bool hold_message(struct desk *desk, struct message *message)
{
    struct mission *mission = dispatch_of(desk, message);

    if (mission != NULL)                /* held when it comes back */
        mission->state->held = true;
    else if (write_held(desk, message, true))
        schedule_hold(desk->schedule, message);
    else
        return true;
    log_line(LOG_LEVEL_INFO, "%s: held", message->id);
    return true;
}

static bool release_message(struct desk *desk, struct message *message)
{
    struct mission *mission = dispatch_of(desk, message);

    if (mission != NULL)
        mission->state->held = false;
    if (message->place == MESSAGE_HELD && write_held(desk, message, false)) {
        schedule_at(desk->schedule, message, clock_now());
        log_line(LOG_LEVEL_INFO, "%s: released from hold", message->id);
    }
    return true;
}

/* What a worker has may be delivered in this moment: that shows when it comes
 * back. */
static bool remove_message(struct desk *desk, struct message *message)
{
    struct mission *mission = dispatch_of(desk, message);

    if (mission != NULL)
        mission->refused = true;
    if (mission != NULL || message->done)
        return false;
    entry_free(message->entry);
    message->entry = NULL;
    dispatch_withdraw(desk, message);
    return true;
}

/* A request is asked for its permission once: with the first part. */
static bool may_go_on(const struct question *q)
{
    return q->progress->place > 0 || may_try(q);
}

static enum control_reply answer_retry(const struct question *q)
{
    return may_go_on(q) ? change_all(q, retry_message, is_named)
                        : CONTROL_DONE;
}

static enum control_reply answer_flush(const struct question *q)
{
    struct question all = *q;

    all.argument = "all";
    if (!may_go_on(q))
        return CONTROL_DONE;
    if (is_administrator(q->uid) && q->progress->place == 0)
        pickup_unread(q->desk);
    return change_all(&all, retry_message, is_named);
}

static enum control_reply answer_run(const struct question *q)
{
    return may_go_on(q) ? change_all(q, retry_message, is_matched)
                        : CONTROL_DONE;
}

static enum control_reply answer_hold(const struct question *q)
{
    return change_all(q, hold_message, is_named);
}

static enum control_reply answer_release(const struct question *q)
{
    return change_all(q, release_message, is_named);
}

/* Whoever sent a message may take it back. */
static enum control_reply answer_remove(const struct question *q)
{
    return change_all(q, remove_message, is_named);
}

/*
 * A caller waits for the first attempt at what it has just committed. It may
 * ask before the file was found: so there is no message yet, or the message is
 * gone; the caller tells which by looking whether its file is.
 */
static enum control_reply answer_wait(const struct question *q)
{
    if (!drop_scan_hint(q->desk->scan, q->argument))
        q->desk->scan_due = true;
    struct message *message = schedule_find(q->desk->schedule, q->argument);
    if (message != NULL && !may_see(q, message)) {
        protocol_put_refusal(q->out, "no such message");
        return CONTROL_DONE;
    }
    if (message != NULL && message->place != MESSAGE_OUT &&
        *shown_reason(q->desk, message) != '\0') {
        protocol_put_outcome(q->out, &(struct wait_outcome){
            .kind = WAIT_DEFERRED, .address = "-", .status = "4.4.1",
            .text = shown_reason(q->desk, message) });
        return CONTROL_DONE;
    }
    memcpy(q->waiting, q->argument, RANDOM_ID_LENGTH + 1);
    return CONTROL_WAITS;
}

static enum control_reply answer_status(const struct question *q)
{
    tally_status(q->desk, is_administrator(q->uid), q->out);
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
};

enum control_reply answer_request(void *context,
                                  const struct control_request *what)
{
    const struct question question = {
        .desk = context,
        .uid = what->uid,
        .argument = what->argument,
        .progress = what->progress,
        .out = what->out,
        .waiting = what->waiting,
    };

    if (protocol_is_restricted(what->request) && !is_administrator(what->uid)) {
        protocol_put_refusal(what->out, "not permitted: only root and the "
                             "daemon's user may do that");
        return CONTROL_DONE;
    }
    return answers[what->request](&question);
}
