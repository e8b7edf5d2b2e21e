#include "relay/hint.h"

#include <stdlib.h>
#include <sys/inotify.h>

#include "spool/drop.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/log.h"

int hint_open(const char *spool, int rescan_time)
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

bool hint_take(int inotify, struct drop_scan *scan)
{
    _Alignas(struct inotify_event) char data[16384];
    bool too_much = false;
    ssize_t length;

    while ((length = io_read(inotify, data, sizeof data)) > 0)
        for (ssize_t at = 0; at < length; ) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(data + at);
            if ((event->mask & IN_Q_OVERFLOW) != 0 || event->len == 0 ||
                !drop_scan_hint(scan, event->name))
                too_much = true;
            at += (ssize_t)(sizeof *event + event->len);
        }
    return too_much;
}
