/* failed.c - what each user may keep in failed/ */
#include "relay/desk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/random.h"

/* Remember when failed/ changed last. True: it has since the last call. */
static bool remember_change(struct desk *desk)
{
    struct timespec *seen = &desk->failed_changed;
    struct stat status;

    if (fstat(desk->spool.failed, &status) == -1 ||
        (status.st_mtim.tv_sec == seen->tv_sec &&
         status.st_mtim.tv_nsec == seen->tv_nsec))
        return false;
    *seen = status.st_mtim;
    return true;
}

/* Of the message and its state. */
static uint64_t octets_of(const struct desk *desk, const char *id)
{
    char *state = alloc_format("%s.state", id);
    struct stat status;
    uint64_t octets = 0;

    if (fstatat(desk->spool.failed, id, &status, AT_SYMLINK_NOFOLLOW) == 0)
        octets += (uint64_t)status.st_size;
    if (fstatat(desk->spool.failed, state, &status, AT_SYMLINK_NOFOLLOW) == 0)
        octets += (uint64_t)status.st_size;
    free(state);
    return octets;
}

/* An envelope may be long: it is read of what the daemon wrote, to know for
 * whom. The descriptor is closed. */
static bool find_owner(int fd, const char *id, uid_t *owner)
{
    struct error err;
    bool found = entry_read_sender(fd, owner);

    if (!found || *owner != geteuid()) {
        close(fd);
        return found;
    }
    struct entry *entry = entry_reopen(fd, id, &err);
    if (entry != NULL)
        *owner = entry_user(entry, *owner);
    entry_free(entry);
    return entry != NULL;
}

/* What cannot be read is nobody's: no user can make it so. */
static void count_message(struct desk *desk, const char *id)
{
    int fd = openat(desk->spool.failed, id, O_RDONLY | O_NOFOLLOW |
                    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    uid_t owner;

    if (fd != -1 && find_owner(fd, id, &owner))
        shares_add(desk->shares, SHARE_FAILED, owner, octets_of(desk, id));
}

bool failed_has_room(const struct desk *desk, const struct message *message)
{
    return shares_have_room(desk->shares, SHARE_FAILED, message->owner);
}

static void let_go(void *context, struct message *message)
{
    struct desk *desk = context;

    if (message->stranded && failed_has_room(desk, message))
        schedule_at(desk->schedule, message, clock_now());
}

void failed_look(struct desk *desk)
{
    struct strings names = { 0 };

    if (!remember_change(desk))
        return;
    if (!folder_list(desk->spool.failed, &names)) {
        desk->failed_changed = (struct timespec){ 0 };  /* try again */
        strings_free(&names);
        return;
    }
    shares_clear(desk->shares, SHARE_FAILED);
    for (size_t i = 0; i < names.count; i++)
        if (random_is_id(names.items[i]))
            count_message(desk, names.items[i]);
    strings_free(&names);
    if (schedule_count_stranded(desk->schedule) > 0)
        schedule_each(desk->schedule, let_go, desk);
}

void failed_note(struct desk *desk, const struct message *message)
{
    shares_add(desk->shares, SHARE_FAILED, message->owner, message->octets);
    remember_change(desk);
}
