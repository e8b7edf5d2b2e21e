#include "relay/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/text.h"

static const char *const words[] = {
    [NOTICE_READY] = "READY=1",
    [NOTICE_ALIVE] = "WATCHDOG=1",
    [NOTICE_RELOADING] = "RELOADING=1",
    [NOTICE_STOPPING] = "STOPPING=1",
};

static void send_text(const char *path, const char *text, size_t length)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t path_length = strlen(path);

    if (path_length >= sizeof address.sun_path ||
        (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, path_length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                 path_length);
    (void)sendto(fd, text, length, MSG_NOSIGNAL, (struct sockaddr *)&address,
                 size);
    close(fd);
}

void notify_send(enum notice notice, uint64_t queued, uint64_t delivered)
{
    const char *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || (size_t)notice >= COUNT(words))
        return;
    char *text = alloc_format("%s\nSTATUS=%" PRIu64 " queued, %" PRIu64
                              " delivered", words[notice], queued, delivered);
    send_text(path, text, strlen(text));
    free(text);
}

int64_t notify_watchdog_interval(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t microseconds;

    if (text == NULL || !text_to_number(text, INT64_MAX, &microseconds))
        return 0;
    return (int64_t)(microseconds / 2000);
}
