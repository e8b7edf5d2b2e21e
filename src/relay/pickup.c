#include "relay/pickup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/storage.h"
#include "spool/drop.h"
#include "spool/drop_scan.h"
#include "spool/entry.h"
#include "spool/queue_file.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"

#define STEP_SIZE (1u << 20)    /* octets of a large message taken in one go */
#define ROUND_SIZE (32u << 20)  /* ... and in a round */
#define MEMORY_MAX 32768        /* octets of a copy that is kept in memory */
#define FULL_TIME 3600000       /* milliseconds between lines about a share */

struct pickup {
    struct pickup_parts parts;
    struct drop_scan *scan;
    struct drop_taking *taking; /* a large message, or NULL */
    int inotify;                /* -1: drop/ is not watched */
    bool scan_due;              /* the directory must be read, */
    bool refill_due;            /* or so far that there are names again */
    size_t gains;               /* names done with since that was begun */
    bool pass_done;             /* it was read to its end, */
    bool passed;                /* and all that was found is done with */
    struct moment now;          /* of the round */
    int64_t next_full;          /* when a full share may be logged again */
};

/* Is drop/ID a message that is known? Once that is stored it is another file,
 * or one that could not be removed. */
static bool is_known(void *context, const char *id)
{
    const struct pickup *pickup = context;

    if (pickup->taking != NULL &&
        strcmp(drop_taking_id(pickup->taking), id) == 0)
        return true;
    const struct message *message = messages_find(pickup->parts.messages, id);
    return message != NULL && (!message->stored || message->done ||
                               !queue_file_exists(pickup->parts.spool, id));
}

/* A user has no room left in queue/, or all users have none. */
static void log_full(struct pickup *pickup, uid_t uid)
{
    if (pickup->now.awake < pickup->next_full)
        return;
    if (messages_are_full(pickup->parts.messages))
        log_line(LOG_LEVEL_ALERT, "drop: queue/ has as many messages as all "
                 "users may have: mail of uid=%lu and others waits in drop/ "
                 "until there is room", (unsigned long)uid);
    else
        log_line(LOG_LEVEL_ALERT, "drop: uid=%lu has as much in queue/ as one "
                 "user may have: its mail waits in drop/ until there is room",
                 (unsigned long)uid);
    pickup->next_full = pickup->now.awake + FULL_TIME;
}

/* Has this user room for one more message, which may be a large one? */
static bool has_room(void *context, uid_t uid, bool large)
{
    struct pickup *pickup = context;
    struct messages *messages = pickup->parts.messages;

    if (!messages_have_room(messages, uid)) {
        log_full(pickup, uid);
        return false;
    }
    if (messages_crowd_out(messages, uid))
        storage_make_room(pickup->parts.storage, uid);
    return !(large && pickup->taking != NULL) &&
           messages_have_memory(messages, uid);
}

struct pickup *pickup_new(const struct pickup_parts *parts)
{
    struct pickup *pickup = alloc_zero(1, sizeof *pickup);

    pickup->parts = *parts;
    pickup->scan = drop_scan_new(parts->spool, is_known, has_room, pickup);
    pickup->scan_due = true;
    pickup->inotify = -1;
    return pickup;
}

void pickup_free(struct pickup *pickup)
{
    if (pickup == NULL)
        return;
    drop_scan_free(pickup->scan);
    drop_taking_free(pickup->taking);
    io_close(&pickup->inotify);
    free(pickup);
}

bool pickup_hint(struct pickup *pickup, const char *id)
{
    return drop_scan_hint(pickup->scan, id);
}

void pickup_scan(struct pickup *pickup)
{
    pickup->scan_due = true;
}

void pickup_look_again(struct pickup *pickup)
{
    pickup->scan_due = true;
    drop_scan_retry(pickup->scan);
}

void pickup_watch(struct pickup *pickup, int rescan_time)
{
    char *path = alloc_format("%s/drop", pickup->parts.spool->path);
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (inotify != -1 &&
        inotify_add_watch(inotify, path,
                          IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) == -1)
        io_close(&inotify);
    if (inotify == -1)
        log_line(LOG_LEVEL_WARNING, "%s: cannot be watched: new mail is found "
                 "every %d s", path, rescan_time / 1000);
    pickup->inotify = inotify;
    free(path);
}

int pickup_descriptor(const struct pickup *pickup)
{
    return pickup->inotify;
}

void pickup_take_hints(struct pickup *pickup, int64_t end)
{
    _Alignas(struct inotify_event) char data[16384];
    ssize_t length;

    while (clock_now() < end &&
           (length = io_read(pickup->inotify, data, sizeof data)) > 0)
        for (ssize_t at = 0; at < length; ) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(data + at);
            if ((event->mask & IN_Q_OVERFLOW) != 0 || event->len == 0 ||
                !pickup_hint(pickup, event->name))
                pickup_scan(pickup);
            at += (ssize_t)(sizeof *event + event->len);
        }
}

static void admit(struct pickup *pickup, struct entry *entry)
{
    const struct pickup_parts *parts = &pickup->parts;

    parts->totals->accepted++;
    log_message(entry);
    if (parts->hops->count == 0 && parts->totals->accepted == 1)
        log_line(LOG_LEVEL_WARNING, "%s: mail is kept: " HOPS_MISSING,
                 entry->id);
    struct message *message = messages_add_taken(parts->messages, entry,
                                                 &pickup->now);
    if (!hops_take(parts->hops, message))
        storage_keep(parts->storage, message);
    else if (message_is_large(message))
        storage_put(message);   /* and not in memory while it waits */
}

static void take_result(struct pickup *pickup, const char *id,
                        enum drop_result result, struct entry *entry,
                        const struct error *err)
{
    if (result == DROP_LATER) {
        pickup->gains += drop_scan_set_aside(pickup->scan, id, err);
        return;
    }
    drop_scan_forget(pickup->scan, id);
    if (result == DROP_TAKEN)
        admit(pickup, entry);
    pickup->gains++;
}

/* Go on with a large message; true if it is done with. */
static bool take_more(struct pickup *pickup)
{
    char id[RANDOM_ID_LENGTH + 1];
    struct entry *entry = NULL;
    struct error err = { 0 };

    memcpy(id, drop_taking_id(pickup->taking), sizeof id);
    enum drop_result result = drop_go_on(pickup->taking, STEP_SIZE, &entry,
                                         &err);
    if (result == DROP_MORE)
        return false;
    pickup->taking = NULL;
    take_result(pickup, id, result, entry, &err);
    return true;
}

/* One that has grown since it was found must not be the second large one: it
 * is found again. */
static void take(struct pickup *pickup, const char *id)
{
    const struct drop_limits limits = {
        .size = pickup->parts.config->message_size_limit,
        .memory = MEMORY_MAX,
    };
    struct drop_taking *taking;
    struct entry *entry = NULL;
    struct error err = { 0 };

    if (is_known(pickup, id))
        return;
    enum drop_result result = drop_begin(pickup->parts.spool, id, &limits,
                                         &taking, &err);
    for (uint64_t done = 0; result == DROP_MORE && done <= DROP_LARGE;
         done += STEP_SIZE)
        result = drop_go_on(taking, STEP_SIZE, &entry, &err);
    if (result != DROP_MORE)
        take_result(pickup, id, result, entry, &err);
    else if (pickup->taking == NULL)
        pickup->taking = taking;
    else {
        drop_taking_free(taking);
        drop_scan_hint(pickup->scan, id);
    }
}

/* A message without room is found by another pass: at once, unless what
 * took the room cannot be read, which the next rescan may find changed. */
static bool needs_another_pass(struct pickup *pickup)
{
    bool needed = drop_scan_left_out(pickup->scan) && pickup->gains > 0;

    if (!drop_scan_waiting(pickup->scan))
        pickup->gains = 0;
    return needed;
}

/* Small messages and a large one by turns. */
static void take_names(struct pickup *pickup, int64_t end)
{
    char id[RANDOM_ID_LENGTH + 1];
    bool more = true;

    for (uint64_t size = 0; more && size < ROUND_SIZE && clock_now() < end;
         size += STEP_SIZE) {
        more = drop_scan_next(pickup->scan, id);
        if (more)
            take(pickup, id);
        if (pickup->taking != NULL)
            more = take_more(pickup) || more || pickup->taking != NULL;
    }
}

/* Has all that the pass found been taken? */
static bool is_at_rest(const struct pickup *pickup)
{
    return pickup->taking == NULL && !drop_scan_waiting(pickup->scan);
}

static bool must_read(const struct pickup *pickup)
{
    return pickup->scan_due ||
           (pickup->refill_due && !drop_scan_rests(pickup->scan));
}

static void read_directory(struct pickup *pickup)
{
    bool at_end = pickup->scan_due ? drop_scan_more(pickup->scan)
                                   : drop_scan_refill(pickup->scan);

    if (!at_end)
        return;
    pickup->scan_due = pickup->refill_due = false;
    pickup->pass_done = true;
}

bool pickup_run(struct pickup *pickup, const struct moment *now, int64_t end)
{
    pickup->now = *now;
    if (must_read(pickup))
        read_directory(pickup);
    take_names(pickup, end);
    if (!pickup->scan_due && !pickup->refill_due)
        pickup->refill_due = needs_another_pass(pickup);
    if (pickup->pass_done && !must_read(pickup) && is_at_rest(pickup)) {
        pickup->pass_done = false;
        pickup->passed = true;
    }
    return must_read(pickup) || !is_at_rest(pickup);
}

size_t pickup_waiting(const struct pickup *pickup)
{
    return drop_scan_count(pickup->scan);
}

bool pickup_has_passed(struct pickup *pickup)
{
    bool passed = pickup->passed;

    pickup->passed = false;
    return passed;
}

void pickup_unread(const struct pickup *pickup, struct unread *unread)
{
    drop_scan_unread(pickup->scan, unread);
}
