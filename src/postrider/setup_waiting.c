/* setup_waiting.c - what becomes of the mail that waits, once it can leave */
#include "postrider/setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"

#define ANSWER_TIME 5000        /* milliseconds */
#define WATCH_TIME 20000
#define PAUSE 200000            /* microseconds */

struct waiting_message {
    char *id;
    unsigned attempts;          /* when it was noted */
};

struct setup_waiting {
    struct waiting_message *messages;
    size_t count;

    /* Of these, at the last look: */
    size_t left;                /* in the queue */
    size_t untried;             /* ... whose try has not come, or not ended */
    bool unattended;            /* by no daemon */
    char *reason;               /* why one of them waits; or NULL */
};

static void note_message(void *context, const struct queue_item *item,
                         bool unattended)
{
    struct setup_waiting *waiting = context;

    (void)unattended;
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

struct setup_waiting *setup_waiting_note(const struct config *config)
{
    struct setup_waiting *waiting = alloc_zero(1, sizeof *waiting);
    const struct listing_reader reader = { .visit = note_message,
                                           .context = waiting };
    struct error ignored;

    if (config->delivery == DELIVERY_QUEUE)
        (void)listing_each(config->control, config->spool, &reader, &ignored);
    if (waiting->count > 0)
        qsort(waiting->messages, waiting->count, sizeof *waiting->messages,
              compare);
    return waiting;
}

void setup_waiting_free(struct setup_waiting *waiting)
{
    if (waiting == NULL)
        return;
    for (size_t i = 0; i < waiting->count; i++)
        free(waiting->messages[i].id);
    free(waiting->messages);
    free(waiting->reason);
    free(waiting);
}

static void look_at(void *context, const struct queue_item *item,
                    bool unattended)
{
    struct setup_waiting *waiting = context;
    const struct waiting_message key = { .id = (char *)item->id };
    const struct waiting_message *noted =
        bsearch(&key, waiting->messages, waiting->count,
                sizeof *waiting->messages, compare);

    if (noted == NULL)
        return;
    waiting->left++;
    waiting->untried += item->state == QUEUE_ACTIVE ||
                        (item->state == QUEUE_WAITING &&
                         item->attempts <= noted->attempts);
    waiting->unattended = unattended;
    if (*item->reason != '\0') {
        free(waiting->reason);
        waiting->reason = alloc_string(item->reason);
    }
}

static bool look(struct setup_waiting *waiting, const struct config *config)
{
    const struct listing_reader reader = { .visit = look_at,
                                           .context = waiting };
    struct error ignored;

    waiting->left = waiting->untried = 0;
    free(waiting->reason);
    waiting->reason = NULL;
    return listing_each(config->control, config->spool, &reader, &ignored);
}

static void watch(struct setup_waiting *waiting, const struct config *config)
{
    const struct client_question flush = {
        .path = config->control, .request = REQUEST_FLUSH,
        .patience = ANSWER_TIME,
    };
    int64_t deadline = clock_now() + WATCH_TIME;
    struct error ignored;

    if (!client_ask(&flush, NULL, NULL, &ignored)) {
        look(waiting, config);
        return;
    }
    while (look(waiting, config) && waiting->untried > 0 &&
           !waiting->unattended && clock_now() < deadline)
        usleep(PAUSE);
}

void setup_waiting_report(struct setup_waiting *waiting,
                          const struct config *config)
{
    if (waiting->count == 0)
        return;
    watch(waiting, config);
    size_t gone = waiting->count - waiting->left;
    terminal_print("Of the mail that waited, %zu message%s left, and %zu "
                   "wait%s%s%s%s\n", gone, gone == 1 ? " has" : "s have",
                   waiting->left, waiting->left == 1 ? "s" : "",
                   waiting->unattended ? " for the daemon" : "",
                   waiting->reason != NULL ? ": " : "",
                   waiting->reason != NULL ? waiting->reason : "");
}
