/* requests.c - answer the requests that come over the control socket */
#include "relay/desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/control.h"
#include "relay/tally.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
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

static void list_addresses(const struct question *q, const char *summary)
{
    const char *address = summary;

    if (address == NULL) {
        buf_add_text(q->out, "\t?\t?");
        return;
    }
    do {
        buf_add_format(q->out, "\t%s", address);
        address += strlen(address) + 1;
    } while (*address != '\0');
}

static void list_message(void *context, struct message *message)
{
    static const char marks[] = {
        [MESSAGE_TIMED] = '-', [MESSAGE_READY] = '-', [MESSAGE_OUT] = '*',
        [MESSAGE_HELD] = '!',
    };
    const struct question *q = context;

    if (!may_see(q, message))
        return;
    buf_add_format(q->out, "%s\t%c\t%lu\t%" PRIu64 "\t%" PRId64 "\t%u\t%s",
                   message->id, marks[message->place],
                   (unsigned long)message->uid, message->size,
                   message->received, message->attempts, shown_reason(q->desk, message));
    char *long_one = message->summary != NULL ? NULL
                                             : pickup_summary(q->desk, message);
    list_addresses(q, long_one != NULL ? long_one : message->summary);
    free(long_one);
    buf_add_char(q->out, '\n');
}

/* A line with fewer fields than a message has. */
static void list_unread(const struct question *q)
{
    struct trouble troubles[TROUBLES];

    trouble_collect(q->desk, troubles);
    for (size_t i = 0; i < TROUBLES_UNREAD; i++)
        if (troubles[i].count > 0)
            buf_add_format(q->out, "unread\t%zu\t%s\n", troubles[i].count,
                           troubles[i].text);
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

/* Is the text part of the sender ('S'), or of a recipient? */
static bool is_in_summary(char kind, const char *text, const char *summary)
{
    const char *address = summary;
    bool found = false;

    if (kind == 'S')
        return strstr(address, text) != NULL;
    while (!found && *(address += strlen(address) + 1) != '\0')
        found = strstr(address, text) != NULL;
    return found;
}

/* "I x", "R x", "S x", with "!" in front for "does not": part of the queue-id,
 * of a recipient, of the sender. */
static bool is_matched(const struct question *q, const struct message *message)
{
    const char *filter = q->argument;
    bool wanted = *filter != '!';

    filter += !wanted;
    if (strlen(filter) < 2)
        return false;
    const char *text = filter + 2;
    if (*filter == 'I')
        return (strstr(message->id, text) != NULL) == wanted;
    if (message->summary != NULL)
        return is_in_summary(*filter, text, message->summary) == wanted;
    char *summary = pickup_summary(q->desk, message);
    bool matched = summary != NULL &&
                   is_in_summary(*filter, text, summary) == wanted;
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
    buf_add_format(q->out, "%zu", q->progress->done);
    if (q->progress->left > 0)
        buf_add_format(q->out, " %zu", q->progress->left);
    buf_add_char(q->out, '\n');
    return CONTROL_DONE;
}

static enum control_reply refuse(const struct question *q)
{
    buf_add_text(q->out, "error not permitted: only root and the daemon's "
                 "user may do that\n");
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
        buf_add_format(q->out, "error your mail was tried less than a minute "
                       "ago: ask again in %" PRId64 " s\n",
                       (wait + 999) / 1000);
    else if (parked == count && count > 0)
        buf_add_format(q->out, "error smarthost %s is parked, mailq has the "
                       "reason: only root and the daemon's user may have it "
                       "tried\n", desk->config->smarthosts[0].name);
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
    return is_administrator(q->uid) ? change_all(q, hold_message, is_named)
                                    : refuse(q);
}

static enum control_reply answer_release(const struct question *q)
{
    return is_administrator(q->uid) ? change_all(q, release_message, is_named)
                                    : refuse(q);
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
    if (!random_is_id(q->argument)) {
        buf_add_text(q->out, "error no queue-id\n");
        return CONTROL_DONE;
    }
    if (!drop_scan_hint(q->desk->scan, q->argument))
        q->desk->scan_due = true;
    struct message *message = schedule_find(q->desk->schedule, q->argument);
    if (message != NULL && !may_see(q, message)) {
        buf_add_text(q->out, "error no such message\n");
        return CONTROL_DONE;
    }
    if (message != NULL && message->place != MESSAGE_OUT &&
        *shown_reason(q->desk, message) != '\0') {
        buf_add_format(q->out, "deferred - 4.4.1 %s\n",
                       shown_reason(q->desk, message));
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

static const struct {
    const char *name;
    enum control_reply (*answer)(const struct question *q);
} commands[] = {
    { "list", answer_list },
    { "status", answer_status },
    { "flush", answer_flush },
    { "run", answer_run },
    { "retry", answer_retry },
    { "hold", answer_hold },
    { "release", answer_release },
    { "remove", answer_remove },
    { "wait", answer_wait },
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

    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(what->command, commands[i].name) == 0)
            return commands[i].answer(&question);
    buf_add_text(what->out, "error unknown request\n");
    return CONTROL_DONE;
}
