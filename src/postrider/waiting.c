#include "postrider/waiting.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/strings.h"

#define ANSWER_TIME 5000        /* milliseconds */
#define WATCH_TIME 20           /* seconds */
#define PAUSE 200000            /* microseconds */

struct waiting_message {
    char *id;
    unsigned attempts;          /* when it was noted */
};

struct waiting {
    struct waiting_message *messages;
    size_t count;

    /* Of these, at the last look: */
    size_t left;                /* in the queue */
    size_t untried;             /* ... whose try has not come, or not ended */
    bool unattended;            /* by no daemon */
    char *reason;               /* why one of them waits; or NULL */
};

struct noting {
    struct waiting *waiting;
    const struct strings *ids;  /* the only ones, or NULL */
};

static void note_message(void *context, const struct queue_item *item,
                         bool unattended)
{
    const struct noting *noting = context;
    struct waiting *waiting = noting->waiting;

    (void)unattended;
    if (queue_states[item->state].released_by != NULL ||
        (noting->ids != NULL && !strings_has(noting->ids, item->id)))
        return;
    waiting->messages = alloc_resize(waiting->messages, waiting->count + 1,
                                     sizeof *waiting->messages);
    waiting->messages[waiting->count++] = (struct waiting_message){
        .id = alloc_string(item->id), .attempts = item->attempts };
}

static int compare(const void *a, const void *b)
{
    const struct waiting_message *one = a, *other = b;

    return strcmp(one->id, other->id);
}

struct waiting *waiting_note(const struct config *config,
                             const struct strings *ids)
{
    struct waiting *waiting = alloc_zero(1, sizeof *waiting);
    struct noting noting = { .waiting = waiting, .ids = ids };
    const struct listing_reader reader = { .visit = note_message,
                                           .context = &noting };
    struct error ignored;

    if (config->delivery == DELIVERY_QUEUE)
        (void)listing_each(config->control, config->spool, &reader, &ignored);
    if (waiting->count > 0)
        qsort(waiting->messages, waiting->count, sizeof *waiting->messages,
              compare);
    return waiting;
}

void waiting_free(struct waiting *waiting)
{
    if (waiting == NULL)
        return;
    for (size_t i = 0; i < waiting->count; i++)
        free(waiting->messages[i].id);
    free(waiting->messages);
    free(waiting->reason);
    free(waiting);
}

/* Is it on its way, or about to be? With a smarthost that is down, one message
 * is, and the others are tried once that has an answer. */
static bool is_being_tried(const struct queue_item *item, unsigned attempts)
{
    return item->state == QUEUE_ACTIVE ||
           (item->state == QUEUE_WAITING && item->attempts <= attempts &&
            item->next > 0 && item->next <= (int64_t)time(NULL));
}

static void look_at(void *context, const struct queue_item *item,
                    bool unattended)
{
    struct waiting *waiting = context;
    const struct waiting_message key = { .id = (char *)item->id };
    const struct waiting_message *noted =
        waiting->count == 0 ? NULL
        : bsearch(&key, waiting->messages, waiting->count,
                  sizeof *waiting->messages, compare);

    if (noted == NULL)
        return;
    waiting->left++;
    waiting->untried += is_being_tried(item, noted->attempts);
    waiting->unattended = unattended;
    if (*item->reason != '\0') {
        free(waiting->reason);
        waiting->reason = alloc_string(item->reason);
    }
}

static bool look(struct waiting *waiting, const struct config *config)
{
    const struct listing_reader reader = { .visit = look_at,
                                           .context = waiting };
    struct error ignored;

    waiting->left = waiting->untried = 0;
    free(waiting->reason);
    waiting->reason = NULL;
    return listing_each(config->control, config->spool, &reader, &ignored);
}

void waiting_watch(struct waiting *waiting, const struct config *config,
                   int seconds)
{
    int64_t deadline = seconds > 0 ? clock_now() + seconds * 1000 : INT64_MAX;

    while (look(waiting, config) && waiting->untried > 0 &&
           !waiting->unattended && clock_now() < deadline) {
        terminal_progress("%zu of %zu tried, %zu left the queue",
                          waiting->count - waiting->untried, waiting->count,
                          waiting->count - waiting->left);
        usleep(PAUSE);
    }
    terminal_progress("%s", "");
}

struct waiting_sum waiting_sum(const struct waiting *waiting)
{
    return (struct waiting_sum){
        .noted = waiting->count,
        .gone = waiting->count - waiting->left,
        .left = waiting->left,
        .unattended = waiting->unattended,
        .reason = waiting->reason,
    };
}

static void flush(struct waiting *waiting, const struct config *config)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_FLUSH,
        .patience = ANSWER_TIME,
    };
    struct error ignored;

    if (client_ask(&question, NULL, NULL, &ignored))
        waiting_watch(waiting, config, WATCH_TIME);
    else
        look(waiting, config);
}

void waiting_print(struct waiting *waiting, const struct config *config)
{
    if (waiting->count == 0)
        return;
    flush(waiting, config);
    const struct waiting_sum sum = waiting_sum(waiting);
    terminal_print("Of the mail that waited, %zu message%s left, and %zu "
                   "wait%s%s%s%s\n", sum.gone,
                   sum.gone == 1 ? " has" : "s have",
                   sum.left, sum.left == 1 ? "s" : "",
                   sum.unattended ? " for the daemon" : "",
                   sum.reason != NULL ? ": " : "",
                   sum.reason != NULL ? sum.reason : "");
}
