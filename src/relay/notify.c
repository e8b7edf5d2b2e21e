#include "relay/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/text.h"

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

void notify_send(const char *format, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    va_list args;
    char *text = NULL;

    if (path == NULL)
        return;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length >= 0)
        send_text(path, text, (size_t)length);
    free(length >= 0 ? text : NULL);
}

int64_t notify_watchdog_interval(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t microseconds;

    if (text == NULL || !text_to_number(text, INT64_MAX, &microseconds))
        return 0;
    return (int64_t)(microseconds / 2000);
}
