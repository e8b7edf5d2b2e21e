#include "relay/queue_list.h"

#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/messages.h"
#include "relay/pickup.h"
#include "relay/question.h"
#include "relay/troubles.h"
#include "util/alloc.h"

/* When it is tried next, in seconds since 1970; 0: that is not known. */
static int64_t next_attempt(const struct question *q,
                            const struct message *message)
{
    const struct moment *now = q->now;

    if (message->place == MESSAGE_OUT || message->place == MESSAGE_HELD)
        return 0;
    int64_t next = hops_next_time(q->parts->hops, message, now->awake);
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

const char *queue_list_reason(const struct question *q,
                              const struct message *message)
{
    if (message->stranded)
        return "could be neither delivered nor returned, and its owner has no "
               "room left in failed/: remove it, or something from there";
    if (message->place == MESSAGE_HELD)
        return "held by the administrator";
    return message->place == MESSAGE_OUT
           ? "" : hops_reason(q->parts->hops, message);
}

static void list_message(void *context, struct message *message)
{
    static const enum queue_state states[] = {
        [MESSAGE_TIMED] = QUEUE_WAITING, [MESSAGE_READY] = QUEUE_WAITING,
        [MESSAGE_OUT] = QUEUE_ACTIVE, [MESSAGE_HELD] = QUEUE_HELD,
    };
    const struct question *q = context;
    size_t count;

    if (!question_may_see(q, message)) {
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
        .reason = queue_list_reason(q, message),
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

    troubles_collect(q->parts->troubles, troubles);
    for (size_t i = 0; i < TROUBLES_UNREAD; i++)
        if (!question_is_privileged(q))
            q->progress->hidden.count += troubles[i].count;
        else if (troubles[i].count > 0)
            protocol_put_unread(q->out, &(struct queue_unread){
                .count = troubles[i].count, .text = troubles[i].text });
    troubles_free_list(troubles);
}

enum control_reply queue_list_answer(const struct question *q)
{
    struct question context = *q;

    /* Messages that were committed before the question are in the list. */
    if (!q->progress->scanned) {
        q->progress->scanned = true;
        pickup_scan(q->parts->pickup);
        return CONTROL_MORE;
    }
    if (question_go_on(q, list_message, &context))
        return CONTROL_MORE;
    list_unread(q);
    if (q->progress->hidden.count > 0)
        protocol_put_others(q->out, &q->progress->hidden);
    return CONTROL_DONE;
}
