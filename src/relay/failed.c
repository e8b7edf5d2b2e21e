#include "relay/failed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/message.h"
#include "relay/shares.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/random.h"
#include "util/strings.h"

/* Remember when the folder changed last. True: it has since the last call. */
static bool remember_change(struct failed *failed)
{
    struct timespec *seen = &failed->changed;
    struct stat status;

    if (fstat(failed->spool->failed, &status) == -1 ||
        (status.st_mtim.tv_sec == seen->tv_sec &&
         status.st_mtim.tv_nsec == seen->tv_nsec))
        return false;
    *seen = status.st_mtim;
    return true;
}

/* Of the message and its state. */
static uint64_t octets_of(const struct failed *failed, const char *id)
{
    char *state = alloc_format("%s.state", id);
    struct stat status;
    uint64_t octets = 0;

    if (fstatat(failed->spool->failed, id, &status, AT_SYMLINK_NOFOLLOW) == 0)
        octets += (uint64_t)status.st_size;
    if (fstatat(failed->spool->failed, state, &status,
                AT_SYMLINK_NOFOLLOW) == 0)
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

/* A file that cannot be read counts for no user: no user can make it so. */
static void count_message(struct failed *failed, const char *id)
{
    int fd = openat(failed->spool->failed, id, O_RDONLY | O_NOFOLLOW |
                    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    uid_t owner;

    if (fd != -1 && find_owner(fd, id, &owner))
        shares_add(failed->shares, SHARE_FAILED, owner,
                   octets_of(failed, id));
}

bool failed_count(struct failed *failed)
{
    struct strings names = { 0 };

    if (!remember_change(failed))
        return false;
    bool listed = folder_list(failed->spool->failed, &names);
    if (listed)
        shares_clear(failed->shares, SHARE_FAILED);
    else
        failed->changed = (struct timespec){ 0 };       /* try again */
    for (size_t i = 0; listed && i < names.count; i++)
        if (random_is_id(names.items[i]))
            count_message(failed, names.items[i]);
    strings_free(&names);
    return listed;
}

bool failed_has_room(const struct failed *failed,
                     const struct message *message)
{
    return shares_have_room(failed->shares, SHARE_FAILED, message->owner);
}

bool failed_take(struct failed *failed, const struct message *message,
                 struct error *err)
{
    if (!queue_fail(failed->spool, message->id, err))
        return false;
    shares_add(failed->shares, SHARE_FAILED, message->owner, message->octets);
    remember_change(failed);
    return true;
}

size_t failed_messages(const struct failed *failed)
{
    struct strings names = { 0 };
    size_t count = 0;

    (void)folder_list(failed->spool->failed, &names);
    for (size_t i = 0; i < names.count; i++)
        count += random_is_id(names.items[i]);
    strings_free(&names);
    return count;
}
