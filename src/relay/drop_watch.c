#include "relay/drop_watch.h"

#include <stdlib.h>
#include <sys/inotify.h>

#include "relay/pickup.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"

int drop_watch_open(const char *spool, int rescan_time)
{
    char *path = alloc_format("%s/drop", spool);
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (inotify != -1 &&
        inotify_add_watch(inotify, path,
                          IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) == -1)
        io_close(&inotify);
    if (inotify == -1)
        log_line(LOG_LEVEL_WARNING, "%s: cannot be watched: new mail is found "
                 "every %d s", path, rescan_time / 1000);
    free(path);
    return inotify;
}

void drop_watch_take(int inotify, struct pickup *pickup, int64_t end)
{
    _Alignas(struct inotify_event) char data[16384];
    ssize_t length;

    while (clock_now() < end &&
           (length = io_read(inotify, data, sizeof data)) > 0)
        for (ssize_t at = 0; at < length; ) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(data + at);
            if ((event->mask & IN_Q_OVERFLOW) != 0 || event->len == 0 ||
                !pickup_hint(pickup, event->name))
                pickup_scan(pickup);
            at += (ssize_t)(sizeof *event + event->len);
        }
}
