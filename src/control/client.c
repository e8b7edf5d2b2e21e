#include "control/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/io.h"
#include "util/process.h"
#include "util/unix_socket.h"

#define READ_SIZE 65536
#define CONNECT_TIME 5              /* seconds: a daemon that hangs does not
                                     * accept, and must not hold callers up */
#define LINE_MAX_SIZE (16u << 20)   /* octets the daemon may send in a line:
                                     * all addresses of an envelope */
#define RELOAD_TIME 15000           /* milliseconds, */
#define RELOAD_PATIENCE 5000        /* ... of which one answer may take */
#define RELOAD_PAUSE 100000         /* microseconds */

/* A container without a daemon needs the folder from outside. */
static bool is_unmounted(const char *path)
{
    char *folder = path_folder(path);
    bool missing = access(folder, F_OK) == -1 && errno == ENOENT;

    free(folder);
    return missing && process_is_in_container();
}

int client_connect(const char *path, struct error *err)
{
    int fd = unix_socket_connect(path, SOCK_STREAM, CONNECT_TIME);

    if (fd != -1)
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED) {
        bool unmounted = errno == ENOENT && is_unmounted(path);
        error_set(err, FAULT_UNAVAILABLE, unmounted
                  ? "%s is missing in this container" :
                    "no daemon listens at %s", path);
        error_remedy(err, unmounted
                     ? "mount the folder of that socket from where the daemon "
                       "runs, or start postrider daemon here"
                     : "start postrider daemon");
    } else if (errno == ENAMETOOLONG) {
        error_set(err, FAULT_CONFIG, "%s: path is too long", path);
    } else {
        error_sys(err, FAULT_UNAVAILABLE, "no daemon can be asked at %s",
                  path);
    }
    return -1;
}

/* The part of an answer that has come. */
struct answer {
    struct buf text;            /* a line that is not complete */
    client_line *line;
    void *context;
    bool refused;               /* err is the daemon's reason */
    bool broken_off;            /* another daemon can be asked for it */
    bool begun;                 /* a line was handed out */
    struct error *err;
};

/* A person may wonder why it takes so long. True: it is such a line. */
static bool show_reading(const char *line)
{
    uint64_t done, all;

    if (!protocol_parse_progress(line, &done, &all))
        return false;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "the daemon has just started, and is reading the "
                "queue: %" PRIu64 " of %" PRIu64 " messages so far\n", done,
                all);
    return true;
}

/* Hand out the complete lines, keep the rest. */
static void hand_out(struct answer *answer)
{
    struct buf *text = &answer->text;
    char *start = text->data;
    char *end = text->data + text->length;
    char *stop;

    while ((stop = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        *stop = '\0';
        const char *refusal = protocol_refusal(start);
        if (refusal != NULL) {
            answer->refused = true;
            error_set(answer->err, FAULT_PERMISSION, "%s", refusal);
        } else if (protocol_is_again(start)) {
            answer->broken_off = true;
        } else if (!show_reading(start) && answer->line != NULL) {
            answer->line(answer->context, start);
            answer->begun = true;
        }
        start = stop + 1;
    }
    buf_remove(text, 0, (size_t)(start - text->data));
}

static bool read_answer(int fd, int patience, struct answer *answer)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN };
    ssize_t length = -1;
    char *room;

    while ((room = buf_reserve(&answer->text, READ_SIZE)) != NULL) {
        if (poll(&waiting, 1, patience) == 0) {
            errno = ETIMEDOUT;
            break;
        }
        length = io_read(fd, room, READ_SIZE);
        if (length <= 0)
            break;
        answer->text.length += (size_t)length;
        hand_out(answer);
    }
    /* It was in line for a daemon that has stopped. */
    answer->broken_off = answer->broken_off ||
                         (length == -1 && errno == ECONNRESET);
    return length == 0 || error_sys(answer->err, FAULT_TEMPORARY,
                                    "the daemon does not answer");
}

int client_begin(const struct client_question *question, struct error *err)
{
    char *request = request_compose(question->request, question->argument);
    int fd = client_connect(question->path, err);

    if (fd != -1 && (!io_write_all(fd, request, strlen(request)) ||
                     !io_write_all(fd, "\n", 1))) {
        error_sys(err, FAULT_TEMPORARY, "ask the daemon");
        io_close(&fd);
    }
    free(request);
    return fd;
}

static bool finish(int fd, int patience, struct answer *answer)
{
    buf_init(&answer->text, LINE_MAX_SIZE + READ_SIZE);
    bool done = read_answer(fd, patience, answer) && !answer->refused;
    buf_free(&answer->text);
    io_close(&fd);
    return done && (!answer->broken_off ||
                    error_set(answer->err, FAULT_TEMPORARY, "the daemon stops, "
                              "or reads its configuration again"));
}

bool client_finish(int fd, int patience, client_line *line, void *context,
                   struct error *err)
{
    struct answer answer = { .line = line, .context = context, .err = err };

    return finish(fd, patience, &answer);
}

bool client_ask(const struct client_question *question, client_line *line,
                void *context, struct error *err)
{
    int64_t deadline = clock_now() + RELOAD_TIME;

    for (;;) {
        struct answer answer = { .line = line, .context = context,
                                 .err = err };
        int fd = client_begin(question, err);
        if (fd == -1)
            return false;
        if (finish(fd, question->patience, &answer))
            return true;
        if (!answer.broken_off || answer.begun || clock_now() >= deadline)
            return false;
        usleep(RELOAD_PAUSE);
    }
}

/* The same, and which process has answered. */
static bool ask_who(const char *control, enum request request, pid_t *answerer,
                struct error *err)
{
    const struct client_question question = {
        .path = control, .request = request, .patience = RELOAD_PATIENCE,
    };
    struct ucred peer = { .pid = 0 };
    socklen_t size = sizeof peer;
    int fd = client_begin(&question, err);

    if (fd == -1)
        return false;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    *answerer = peer.pid;
    return client_finish(fd, question.patience, NULL, NULL, err);
}

/* The daemon that has read the configuration again is another process; its
 * number is 0 where it cannot be seen, as from another container. */
bool client_reload(const char *control, struct error *err)
{
    int64_t deadline = clock_now() + RELOAD_TIME;
    struct error ignored;
    pid_t before, now = 0;

    if (!ask_who(control, REQUEST_RELOAD, &before, err))
        return false;
    while (clock_now() < deadline) {
        if (ask_who(control, REQUEST_STATUS, &now, &ignored) &&
            (now != before || before == 0))
            return true;
        usleep(RELOAD_PAUSE);
    }
    return error_set(err, FAULT_TEMPORARY, "the daemon has not read its "
                     "configuration again within %d s", RELOAD_TIME / 1000) ||
           error_remedy(err, "look into its log");
}
