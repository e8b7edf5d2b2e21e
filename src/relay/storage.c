#include "relay/storage.h"

#include <stdlib.h>

#include "relay/control.h"
#include "relay/hops.h"
#include "relay/messages.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"

#define ROOM_TIME 60000         /* milliseconds after messages that should make
                                 * room could not be stored */

struct storage {
    struct messages *messages;
    const struct hops *hops;
    struct control *control;
    size_t place;               /* of messages, from which on all are to be
                                 * stored; MESSAGES_PLACES: none */
    bool crowded;               /* they leave no room for */
    uid_t crowded_out;          /* this user, who has none of them */
    bool failed;                /* that could not be mended in this round */
    int64_t next_room;          /* when it may be tried again */
};

struct storage *storage_new(struct messages *messages,
                            const struct hops *hops, struct control *control)
{
    struct storage *storage = alloc_zero(1, sizeof *storage);

    storage->messages = messages;
    storage->hops = hops;
    storage->control = control;
    storage->place = MESSAGES_PLACES;
    return storage;
}

void storage_free(struct storage *storage)
{
    free(storage);
}

/* A caller need not wait for an attempt. */
static void announce(struct storage *storage, const struct message *message)
{
    const char *reason = hops_reason(storage->hops, message);
    const struct wait_outcome outcome = {
        .kind = WAIT_DEFERRED, .address = "-", .status = "4.4.1",
        .text = *reason != '\0' ? reason : "no smarthost takes mail now",
    };

    control_announce(storage->control, message->id, &outcome);
}

bool storage_put(struct message *message)
{
    struct error err;

    if (message_store(message, &err))
        return true;
    log_line(LOG_LEVEL_ERROR, "%s: %s: it stays in drop", message->id,
             err.text);
    return false;
}

bool storage_keep(struct storage *storage, struct message *message)
{
    bool stored = storage_put(message);

    if (stored)
        announce(storage, message);
    return stored;
}

static bool can_be_stored(const struct message *message)
{
    return !message->stored && !message->done &&
           message->place != MESSAGE_OUT;
}

static void keep_visited(void *context, struct message *message)
{
    if (can_be_stored(message))
        storage_keep(context, message);
}

static void make_room_visited(void *context, struct message *message)
{
    struct storage *storage = context;

    if (!storage->crowded || storage->failed || !can_be_stored(message))
        return;
    storage->failed = !storage_keep(storage, message);
    storage->crowded = !messages_have_memory(storage->messages,
                                             storage->crowded_out);
}

/* The messages that wait may be slow, and of a few users who take all the room:
 * enough of them go to queue/ for one more user. True: there is room now. */
static bool make_room(struct storage *storage, int64_t now)
{
    if (!storage->crowded || now < storage->next_room)
        return false;
    storage->failed = false;
    messages_each(storage->messages, make_room_visited, storage);
    bool made = !storage->crowded && !storage->failed;
    storage->next_room = storage->failed ? now + ROOM_TIME : 0;
    storage->crowded = false;
    return made;
}

void storage_keep_all(struct storage *storage)
{
    storage->place = 0;
}

void storage_make_room(struct storage *storage, uid_t uid)
{
    storage->crowded = true;
    storage->crowded_out = uid;
}

bool storage_run(struct storage *storage, int64_t now, int64_t end)
{
    bool made = make_room(storage, now);

    if (messages_fresh(storage->messages) == 0)
        storage->place = MESSAGES_PLACES;
    while (storage->place < MESSAGES_PLACES && clock_now() < end)
        messages_each_at(storage->messages, storage->place++, keep_visited,
                         storage);
    return made || storage->place < MESSAGES_PLACES;
}
