#include "relay/troubles.h"

#include <stdlib.h>

#include "relay/messages.h"
#include "relay/pickup.h"
#include "relay/schedule.h"
#include "util/alloc.h"
#include "util/log.h"

#define LOG_TIME 3600000        /* milliseconds between lines of a kind */

struct troubles {
    struct messages *messages;
    const struct pickup *pickup;
    int64_t next[TROUBLES];     /* when it may be logged again */
};

struct troubles *troubles_new(struct messages *messages,
                              const struct pickup *pickup)
{
    struct troubles *troubles = alloc_zero(1, sizeof *troubles);

    troubles->messages = messages;
    troubles->pickup = pickup;
    return troubles;
}

void troubles_free(struct troubles *troubles)
{
    free(troubles);
}

static const char given_up[] = "look in the log for the reason, and see "
                               "postrider-queue(8) for what can be done";

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
                                    .count = unread->count[i] };
        if (unread->count[i] == 0)
            continue;
        list[i].text = alloc_string(unread->example[i]->text);
        list[i].remedy = alloc_string(unread->example[i]->remedy);
    }
}

static const char make_room[] = "remove what is not needed from failed/";
static const char stranded[] = "their owners have as much in failed/ as one "
                               "user may have: remove what is not needed from "
                               "there";

static const char add_section[] = "add it and reload postrider, or remove the "
                                  "message";

static void note_missing(void *context, struct message *message)
{
    const char **reason = context;

    if (message->missing != NULL)
        *reason = message->missing;
}

static const char *find_missing(struct messages *messages, size_t count)
{
    const char *reason = NULL;

    if (count > 0)
        messages_each(messages, note_missing, &reason);
    return reason;
}

void troubles_collect(const struct troubles *troubles,
                      struct trouble list[TROUBLES])
{
    struct messages *messages = troubles->messages;
    size_t failed = failed_messages(&messages->failed);
    size_t bound = schedule_count_missing(messages->schedule);
    size_t waiting = schedule_count_stranded(messages->schedule);
    struct unread dropped = { 0 };

    pickup_unread(troubles->pickup, &dropped);
    add_unread(list, "drop", &dropped);
    add_unread(list + UNREAD_KINDS, "queue", &messages->unread);
    list[TROUBLE_GIVEN_UP] = (struct trouble){
        .place = "failed", .kind = TROUBLE_KIND_GIVEN_UP,
        .level = LOG_LEVEL_ALERT, .count = failed,
        .text = failed == 0 ? NULL : alloc_string(given_up),
        .remedy = failed == 0 ? NULL : alloc_string(given_up),
    };
    list[TROUBLE_BOUND] = (struct trouble){
        .place = "queue", .kind = TROUBLE_KIND_NO_SMARTHOST,
        .level = LOG_LEVEL_ALERT, .count = bound,
        .text = alloc_string(find_missing(messages, bound)),
        .remedy = bound == 0 ? NULL : alloc_string(add_section),
    };
    list[TROUBLE_STRANDED] = (struct trouble){
        .place = "queue", .kind = TROUBLE_KIND_NO_ROOM,
        .level = LOG_LEVEL_ALERT, .count = waiting,
        .text = waiting == 0 ? NULL : alloc_string(stranded),
        .remedy = waiting == 0 ? NULL : alloc_string(make_room),
    };
    unread_clear(&dropped);
}

void troubles_free_list(struct trouble list[TROUBLES])
{
    for (size_t i = 0; i < TROUBLES; i++) {
        free(list[i].text);
        free(list[i].remedy);
    }
}

void troubles_log(struct troubles *troubles, int64_t now)
{
    struct trouble list[TROUBLES];

    troubles_collect(troubles, list);
    for (size_t i = 0; i < TROUBLES; i++) {
        if (list[i].count == 0 || now < troubles->next[i])
            continue;
        log_line(list[i].level, "%s: %zu message%s %s: %s", list[i].place,
                 list[i].count, list[i].count == 1 ? "" : "s",
                 trouble_kinds[list[i].kind].what, list[i].text);
        troubles->next[i] = now + LOG_TIME;
    }
    troubles_free_list(list);
}
