#include "sendmail/smtp_places.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "util/log.h"

#define PLACES_MAX 100          /* MaxConnections= of postrider.socket */
#define USER_MAX (PLACES_MAX / 4)

/* The first octets of the file are all places, and so many for each
 * user after them. Nothing is written: it is only the locks that count. */
static off_t first_of(uid_t uid)
{
    return PLACES_MAX + (off_t)uid * USER_MAX;
}

/* Lock the first octet that is free. How many before it are not, count
 * if all are taken, or -1. */
static int lock_next(int fd, off_t start, int count)
{
    for (int i = 0; i < count; i++) {
        struct flock place = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
                               .l_start = start + i, .l_len = 1 };
        if (fcntl(fd, F_OFD_SETLK, &place) == 0)
            return i;
        if (errno != EAGAIN && errno != EACCES)
            return -1;
    }
    return count;
}

bool smtp_places_take(const char *path, uid_t uid)
{
    /* Stays open: the locks are those of the open file. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int all = fd == -1 ? -1 : lock_next(fd, 0, PLACES_MAX);
    int own = all == -1 ? -1 : lock_next(fd, first_of(uid), USER_MAX);

    if (own == -1) {
        log_line(LOG_LEVEL_WARNING, "%s: connections are not counted: %s",
                 path, strerror(errno));
        return true;
    }
    return own < USER_MAX && own < PLACES_MAX - all;
}
