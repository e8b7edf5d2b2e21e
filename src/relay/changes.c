#include "relay/changes.h"

#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"
#include "relay/messages.h"
#include "relay/question.h"
#include "relay/schedule.h"
#include "relay/storage.h"
#include "spool/state.h"
#include "util/log.h"

/* CHANGE_LEFT: nothing has changed yet, but will unless the message is done
 * first. CHANGE_HELD: nothing will, as it is held. CHANGE_FAILED: that could
 * not be written, and is logged. */
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

    if (!question_may_see(q, message) ||
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

    return question_go_on(q, change_visited, &change) ? CONTROL_MORE
                                                      : report_changes(q);
}

/* All messages, or the one of a queue-id. */
static enum control_reply change_named(const struct question *q,
                                       change_message *apply)
{
    struct change change = { .question = q, .apply = apply };

    if (question_names_all(q))
        return change_all(q, apply, NULL);
    struct message *message = messages_find(q->parts->messages, q->argument);
    if (message != NULL)
        change_visited(&change, message);
    return report_changes(q);
}

static enum change_end retry_message(const struct question *q,
                                     struct message *message)
{
    if (message->place == MESSAGE_HELD)
        return CHANGE_HELD;
    if (message->place == MESSAGE_TIMED || message->place == MESSAGE_READY)
        schedule_at(q->parts->messages->schedule, message, q->now->awake);
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
        !storage_keep(q->parts->storage, message))
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
        schedule_hold(q->parts->messages->schedule, message);
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
    schedule_at(q->parts->messages->schedule, message, q->now->awake);
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
    messages_withdraw(q->parts->messages, message, q->now->awake);
    return CHANGE_DONE;
}

enum control_reply changes_retry(const struct question *q)
{
    return change_named(q, retry_message);
}

enum control_reply changes_retry_all(const struct question *q)
{
    return change_all(q, retry_message, NULL);
}

enum control_reply changes_retry_matched(const struct question *q)
{
    return change_all(q, retry_message, is_matched);
}

enum control_reply changes_hold(const struct question *q)
{
    return change_named(q, hold_message);
}

enum control_reply changes_release(const struct question *q)
{
    return change_named(q, release_message);
}

enum control_reply changes_remove(const struct question *q)
{
    return change_named(q, remove_message);
}

enum control_reply changes_requeue(const struct question *q)
{
    struct messages *messages = q->parts->messages;
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
