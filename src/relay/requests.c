#include "relay/requests.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/protocol.h"
#include "relay/changes.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/launch.h"
#include "relay/messages.h"
#include "relay/metrics.h"
#include "relay/pickup.h"
#include "relay/question.h"
#include "relay/queue_list.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/random.h"

#define WORD_TIME 1000          /* between lines to a client who waits */

struct requests {
    struct question_parts parts;
    struct askers askers;       /* users, not administrators */
};

struct requests *requests_new(const struct question_parts *parts)
{
    struct requests *requests = alloc_zero(1, sizeof *requests);

    requests->parts = *parts;
    return requests;
}

void requests_free(struct requests *requests)
{
    free(requests);
}

/* A user gets their own mail tried, and once a minute: the daemon does it by
 * itself, and what others wait for must not come more often than that. */
static bool nudge_hops(const struct question *q)
{
    const struct hops *hops = q->parts->hops;
    size_t parked = 0;
    int64_t wait = askers_note(q->askers, q->uid, q->now->awake);

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
    const struct hops *hops = q->parts->hops;

    if (!question_is_privileged(q))
        return nudge_hops(q);
    for (size_t i = 0; i < hops->count; i++)
        availability_flush(&hops->list[i].availability, q->now->awake);
    return true;
}

/* New names in drop/, files that could not be read, and journals. */
static void look_again(const struct question_parts *parts,
                       const struct moment *now)
{
    pickup_look_again(parts->pickup);
    messages_look_again(parts->messages, now);
    for (size_t i = 0; i < parts->hops->count; i++)
        workers_retry(parts->hops->list[i].workers);
}

/* Permission to try mail is needed once, for the first part. */
static bool may_go_on(const struct question *q)
{
    return q->progress->place > 0 || may_try(q);
}

static enum control_reply answer_retry(const struct question *q)
{
    return may_go_on(q) ? changes_retry(q) : CONTROL_DONE;
}

static enum control_reply answer_flush(const struct question *q)
{
    if (!may_go_on(q))
        return CONTROL_DONE;
    if (question_is_privileged(q) && q->progress->place == 0)
        look_again(q->parts, q->now);
    return changes_retry_all(q);
}

static enum control_reply answer_run(const struct question *q)
{
    return may_go_on(q) ? changes_retry_matched(q) : CONTROL_DONE;
}

/*
 * A caller waits for the first attempt at what it has just committed. It may
 * ask before the file was found: so there is no message yet, or the message is
 * gone; the caller finds out which by its file.
 */
static enum control_reply answer_wait(const struct question *q)
{
    const struct question_parts *parts = q->parts;

    if (!pickup_hint(parts->pickup, q->argument))
        pickup_scan(parts->pickup);
    struct message *message = messages_find(parts->messages, q->argument);
    if (message != NULL && !question_may_see(q, message)) {
        protocol_put_refusal(q->out, "no such message");
        return CONTROL_DONE;
    }
    if (message != NULL && message->place != MESSAGE_OUT &&
        *queue_list_reason(q, message) != '\0') {
        protocol_put_outcome(q->out, &(struct wait_outcome){
            .kind = WAIT_DEFERRED, .address = "-", .status = "4.4.1",
            .text = queue_list_reason(q, message) });
        return CONTROL_DONE;
    }
    memcpy(q->waiting, q->argument, RANDOM_ID_LENGTH + 1);
    return CONTROL_WAITS;
}

static enum control_reply answer_status(const struct question *q)
{
    metrics_status(q->parts->metrics, question_is_privileged(q), q->now,
                   q->out);
    return CONTROL_DONE;
}

static enum control_reply answer_reload(const struct question *q)
{
    launch_reload(q->parts->launch);
    return CONTROL_DONE;
}

static enum control_reply (*const answers[REQUESTS])(const struct question *) =
{
    [REQUEST_LIST] = queue_list_answer,
    [REQUEST_STATUS] = answer_status,
    [REQUEST_FLUSH] = answer_flush,
    [REQUEST_RUN] = answer_run,
    [REQUEST_RETRY] = answer_retry,
    [REQUEST_HOLD] = changes_hold,
    [REQUEST_RELEASE] = changes_release,
    [REQUEST_REMOVE] = changes_remove,
    [REQUEST_WAIT] = answer_wait,
    [REQUEST_RELOAD] = answer_reload,
    [REQUEST_REQUEUE] = changes_requeue,
};

/* What looks at all messages waits after a start until all are read. The client
 * sees how far that has come. */
static bool must_wait(const struct question *q, enum request request)
{
    const struct messages *messages = q->parts->messages;
    size_t left = messages_to_read(messages);
    bool is_about_all = request == REQUEST_LIST || request == REQUEST_FLUSH ||
                        request == REQUEST_RUN || question_names_all(q);

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
        .parts = &requests->parts,
        .askers = &requests->askers,
        .now = now,
        .uid = what->uid,
        .argument = what->argument,
        .progress = what->progress,
        .out = what->out,
        .waiting = what->waiting,
    };

    if (request_is_restricted(what->request) &&
        !question_is_privileged(&question)) {
        protocol_put_refusal(what->out, "not permitted: only root and the "
                             "daemon's user may do that");
        return CONTROL_DONE;
    }
    /* Whether mail may be tried is asked later, and once. */
    if (must_wait(&question, what->request))
        return CONTROL_MORE;
    return answers[what->request](&question);
}

void requests_look_again(const struct requests *requests,
                         const struct moment *now)
{
    look_again(&requests->parts, now);
}
