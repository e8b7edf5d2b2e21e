#include "relay/question.h"

#include <string.h>
#include <unistd.h>

#include "control/protocol.h"
#include "relay/control.h"
#include "util/buf.h"
#include "util/clock.h"

#define PART_SIZE 65536         /* octets of an answer made in one go */
#define PART_TIME 10            /* milliseconds for that */

bool question_is_privileged(const struct question *q)
{
    return q->uid == 0 || q->uid == geteuid();
}

bool question_may_see(const struct question *q, const struct message *message)
{
    return question_is_privileged(q) || message->uid == q->uid;
}

bool question_names_all(const struct question *q)
{
    return strcmp(q->argument, "all") == 0;
}

bool question_go_on(const struct question *q, messages_visit *visit,
                    void *context)
{
    size_t *place = &q->progress->place;
    int64_t end = clock_now() + PART_TIME;

    do
        messages_each_at(q->parts->messages, (*place)++, visit, context);
    while (*place < MESSAGES_PLACES && q->out->length < PART_SIZE &&
           clock_now() < end);
    return *place < MESSAGES_PLACES;
}
