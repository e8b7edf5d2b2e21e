#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "util/buf.h"
#include "util/io.h"
#include "util/unix_socket.h"

#define READ_SIZE 65536
#define CONNECT_TIME 5              /* seconds: a daemon that hangs accepts
                                     * nobody, and holds nobody up */
#define LINE_MAX_SIZE (16u << 20)   /* octets the daemon may send in a line:
                                     * all addresses of an envelope */

int client_connect(const char *path, struct error *err)
{
    int fd = unix_socket_connect(path, SOCK_STREAM, CONNECT_TIME);

    if (fd != -1)
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED)
        error_set(err, FAULT_UNAVAILABLE, "no daemon listens at %s: start "
                  "postrider daemon", path);
    else if (errno == ENAMETOOLONG)
        error_set(err, FAULT_CONFIG, "%s: path is too long", path);
    else
        error_sys(err, FAULT_UNAVAILABLE, "no daemon can be asked at %s",
                  path);
    return -1;
}

/* Hand out the complete lines in text, keep the rest. */
static void hand_out(struct buf *text, client_line *line, void *context)
{
    char *start = text->data;
    char *end = text->data + text->length;
    char *stop;

    while ((stop = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        *stop = '\0';
        line(context, start, (size_t)(stop - start));
        start = stop + 1;
    }
    buf_remove(text, 0, (size_t)(start - text->data));
}

static bool read_answer(int fd, int timeout, client_line *line, void *context,
                        struct error *err)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN };
    struct buf text;
    ssize_t length = -1;
    char *room;

    buf_init(&text, LINE_MAX_SIZE + READ_SIZE);
    while ((room = buf_reserve(&text, READ_SIZE)) != NULL) {
        if (poll(&waiting, 1, timeout) == 0) {
            errno = ETIMEDOUT;
            break;
        }
        length = io_read(fd, room, READ_SIZE);
        if (length <= 0)
            break;
        text.length += (size_t)length;
        hand_out(&text, line, context);
    }
    buf_free(&text);
    return length == 0 ||
           error_sys(err, FAULT_TEMPORARY, "the daemon does not answer");
}

int client_begin(const char *path, const char *request, struct error *err)
{
    int fd = client_connect(path, err);

    if (fd != -1 && (!io_write_all(fd, request, strlen(request)) ||
                     !io_write_all(fd, "\n", 1))) {
        error_sys(err, FAULT_TEMPORARY, "ask the daemon");
        io_close(&fd);
    }
    return fd;
}

bool client_finish(int fd, int timeout, client_line *line, void *context,
                   struct error *err)
{
    bool done = read_answer(fd, timeout, line, context, err);

    io_close(&fd);
    return done;
}

bool client_ask(const char *path, const char *request, int timeout,
                client_line *line, void *context, struct error *err)
{
    int fd = client_begin(path, request, err);

    return fd != -1 && client_finish(fd, timeout, line, context, err);
}
