/* troubles.c - count and log the messages that an administrator must act on */
#include "relay/desk.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/random.h"

#define TELL_TIME 3600000       /* milliseconds between lines of a kind */

static const char given_up[] = "look in the log for the reason, and see "
                               "postrider-queue(5) for what can be done";

/* Each kind of a place, in the order of the enumeration. */
static void add_unread(struct trouble *list, const char *place,
                       const struct unread *unread)
{
    static const enum trouble_kind kinds[UNREAD_KINDS] = {
        [UNREAD_REFUSED] = TROUBLE_KIND_REFUSED,
        [UNREAD_NEWER] = TROUBLE_KIND_NEWER,
        [UNREAD_FAILING] = TROUBLE_KIND_FAILING,
    };

    for (size_t i = 0; i < UNREAD_KINDS; i++) {
        list[i] = (struct trouble){ .place = place, .kind = kinds[i],
                                    .level = i == UNREAD_FAILING
                                             ? LOG_LEVEL_WARNING
                                             : LOG_LEVEL_ALERT,
                                    .count = unread->count[i],
                                    .text = unread->count[i] == 0 ? NULL
                                    : alloc_string(unread->example[i]->text) };
    }
}

static const char stranded[] = "their owners have as much in failed/ as one "
                               "user may have: remove what is not needed from "
                               "there";

static size_t count_failed(const struct desk *desk)
{
    struct strings names = { 0 };
    size_t count = 0;

    (void)folder_list(desk->spool.failed, &names);
    for (size_t i = 0; i < names.count; i++)
        count += random_is_id(names.items[i]);
    strings_free(&names);
    return count;
}

static void note_missing(void *context, struct message *message)
{
    const char **reason = context;

    if (message->missing != NULL)
        *reason = message->missing;
}

static const char *find_missing(const struct desk *desk, size_t count)
{
    const char *reason = NULL;

    if (count > 0)
        schedule_each(desk->schedule, note_missing, &reason);
    return reason;
}

void trouble_collect(const struct desk *desk, struct trouble list[TROUBLES])
{
    struct unread dropped = { 0 };
    size_t failed = count_failed(desk);
    size_t bound = schedule_count_missing(desk->schedule);

    drop_scan_unread(desk->scan, &dropped);
    add_unread(list, "drop", &dropped);
    add_unread(list + UNREAD_KINDS, "queue", &desk->unread_why);
    list[TROUBLE_GIVEN_UP] = (struct trouble){
        .place = "failed", .kind = TROUBLE_KIND_GIVEN_UP,
        .level = LOG_LEVEL_ALERT, .count = failed,
        .text = failed == 0 ? NULL : alloc_string(given_up),
    };
    list[TROUBLE_BOUND] = (struct trouble){
        .place = "queue", .kind = TROUBLE_KIND_NO_SMARTHOST,
        .level = LOG_LEVEL_ALERT, .count = bound,
        .text = alloc_string(find_missing(desk, bound)),
    };
    size_t waiting = schedule_count_stranded(desk->schedule);
    list[TROUBLE_STRANDED] = (struct trouble){
        .place = "queue", .kind = TROUBLE_KIND_NO_ROOM,
        .level = LOG_LEVEL_ALERT, .count = waiting,
        .text = waiting == 0 ? NULL : alloc_string(stranded),
    };
    unread_clear(&dropped);
}

void trouble_free(struct trouble list[TROUBLES])
{
    for (size_t i = 0; i < TROUBLES; i++)
        free(list[i].text);
}

void trouble_tell(struct desk *desk)
{
    struct trouble list[TROUBLES];
    int64_t now = clock_now();

    trouble_collect(desk, list);
    for (size_t i = 0; i < TROUBLES; i++) {
        if (list[i].count == 0 || now < desk->next_trouble[i])
            continue;
        log_line(list[i].level, "%s: %zu message%s %s: %s", list[i].place,
                 list[i].count, list[i].count == 1 ? "" : "s",
                 trouble_kinds[list[i].kind].what, list[i].text);
        desk->next_trouble[i] = now + TELL_TIME;
    }
    trouble_free(list);
}

void trouble_full(struct desk *desk, uid_t uid)
{
    int64_t now = clock_now();

    if (now < desk->next_full)
        return;
    if (shares_are_full(desk->shares, SHARE_QUEUE))
        log_line(LOG_LEVEL_ALERT, "drop: queue/ has as many messages as all "
                 "users may have: mail of uid=%lu and others waits in drop/ "
                 "until that is less", (unsigned long)uid);
    else
        log_line(LOG_LEVEL_ALERT, "drop: uid=%lu has as much in queue/ as one "
                 "user may have: its mail waits in drop/ until that is less",
                 (unsigned long)uid);
    desk->next_full = now + TELL_TIME;
}

void trouble_moved(struct desk *desk, const char *what)
{
    int64_t now = clock_now();

    if (now < desk->next_moved)
        return;
    log_line(LOG_LEVEL_ALERT, "spool %s is not the one that was opened: it "
             "was moved, restored or mounted over: %s", desk->spool.path,
             what);
    desk->next_moved = now + TELL_TIME;
}
