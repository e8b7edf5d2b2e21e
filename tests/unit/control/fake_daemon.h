/*
 * fake_daemon.h - a daemon in a child process, which answers as written
 *
 * Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_FAKE_DAEMON_H
#define POSTRIDER_TESTS_UNIT_FAKE_DAEMON_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/io.h"

/* A connection: the line that a client has to send, and what it gets. */
struct exchange {
    const char *request;        /* of any end, after a "*"; NULL: the last one
                                 * was before */
    const char *answer;
};

struct fake_daemon {
    int listener;
    pid_t pid;
};

static inline bool fake_daemon_expects(const struct exchange *exchange,
                                       const char *line, size_t length)
{
    size_t known = strcspn(exchange->request, "*");

    return (exchange->request[known] == '*' ? length >= known
                                            : length == known) &&
           memcmp(line, exchange->request, known) == 0;
}

/* False: the client asks for something else. */
static inline bool fake_daemon_answer(int fd, const struct exchange *exchange)
{
    char line[256];
    size_t length = 0;

    while (length < sizeof line && io_read(fd, line + length, 1) == 1 &&
           line[length] != '\n')
        length++;
    return fake_daemon_expects(exchange, line, length) &&
           io_write_all(fd, exchange->answer, strlen(exchange->answer));
}

static inline struct fake_daemon
fake_daemon_start(const char *path, const struct exchange *exchanges)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct fake_daemon fake = {
        .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
    };

    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    assert_int_equal(bind(fake.listener, (struct sockaddr *)&address,
                          sizeof address), 0);
    assert_int_equal(listen(fake.listener, 8), 0);
    fake.pid = fork();
    if (fake.pid == 0) {
        bool right = true;
        alarm(20);
        for (; right && exchanges->request != NULL; exchanges++) {
            int fd = accept(fake.listener, NULL, NULL);
            right = fd != -1 && fake_daemon_answer(fd, exchanges);
            close(fd);
        }
        _exit(!right);
    }
    assert_int_not_equal(fake.pid, -1);
    return fake;
}

/* Was it asked for all of that, and nothing else? */
static inline bool fake_daemon_end(const struct fake_daemon *fake)
{
    int status;

    /* It waits no longer for what has not come. */
    shutdown(fake->listener, SHUT_RDWR);
    close(fake->listener);
    return waitpid(fake->pid, &status, 0) == fake->pid && status == 0;
}

#endif
