#include "relay/notify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/text.h"
#include "util/unix_socket.h"

static const char *const words[] = {
    [NOTICE_READY] = "READY=1",
    [NOTICE_ALIVE] = "WATCHDOG=1",
    [NOTICE_RELOADING] = "RELOADING=1",
    [NOTICE_STOPPING] = "STOPPING=1",
};

static void send_text(const char *path, const char *text, size_t length)
{
    int fd = *path == '/' || *path == '@'
             ? unix_socket_connect(path, SOCK_DGRAM, 0) : -1;

    if (fd == -1)
        return;
    (void)send(fd, text, length, MSG_NOSIGNAL);
    close(fd);
}

void notify_send(enum notice notice, const struct service_state *state)
{
    const char *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || (size_t)notice >= COUNT(words))
        return;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "%s\nSTATUS=%" PRIu64 " queued, %" PRIu64
                   " delivered", words[notice], state->queued,
                   state->delivered);
    if (*state->remark != '\0') {
        buf_add_text(&text, "; ");
        text_escape(&text, state->remark, strlen(state->remark));
    }
    send_text(path, text.data, text.length);
    buf_free(&text);
}

int64_t notify_watchdog_interval(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t microseconds;

    if (text == NULL || !text_to_number(text, INT64_MAX, &microseconds))
        return 0;
    return (int64_t)(microseconds / 2000);
}
