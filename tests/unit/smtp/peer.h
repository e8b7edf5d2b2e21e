/*
 * peer.h - a server that speaks from a script, for the tests of sessions
 *
 * The socket keeps records apart, so that a script sees what was one write:
 *   "S:text"    say text and CRLF         "s:octets"  say them as they are
 *   "C:text"    hear just this record     "P:text"    one that begins so
 *   "E:"        hear the end              "W:"        wait 50 ms
 * A script that does not fit makes the child exit with 1.
 */
#ifndef POSTRIDER_TESTS_SMTP_PEER_H
#define POSTRIDER_TESTS_SMTP_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smtp/open.h"
#include "smtp/session.h"
#include "util/buf.h"
#include "util/clock.h"

struct peer {
    pid_t pid;
    int fd;                     /* the client's end */
    struct buf trace;           /* of the session, lines */
};

static void peer_quit(const char *row, const char *heard, size_t length)
{
    fprintf(stderr, "script: %s\nheard:  %.*s\n", row, (int)length, heard);
    _exit(1);
}

static void peer_say(int fd, const char *text, const char *end)
{
    struct buf line;

    buf_init(&line, SIZE_MAX);
    buf_add_text(&line, text);
    buf_add_text(&line, end);
    /* Nobody may be there any more: then the test sees it. */
    if (send(fd, line.data, line.length, MSG_NOSIGNAL) == -1 &&
        errno != EPIPE)
        peer_quit(text, "", 0);
    buf_free(&line);
}

static void peer_hear(int fd, const char *row, char *record, size_t size)
{
    ssize_t length = recv(fd, record, size, 0);
    size_t wanted = strlen(row + 2);
    size_t heard = length > 0 ? (size_t)length : 0;

    if (length == -1 && errno != ECONNRESET)
        peer_quit(row, strerror(errno), strlen(strerror(errno)));
    if (row[0] == 'P' && heard > wanted)
        heard = wanted;
    if (heard != wanted || memcmp(record, row + 2, wanted) != 0)
        peer_quit(row, record, length > 0 ? (size_t)length : 0);
}

static void peer_play(int fd, const char *const *script)
{
    static const size_t size = 262144;
    char *record = malloc(size);

    for (; *script != NULL && record != NULL; script++) {
        const char *row = *script;
        if (row[0] == 'S' || row[0] == 's')
            peer_say(fd, row + 2, row[0] == 'S' ? "\r\n" : "");
        else if (row[0] == 'W')
            poll(NULL, 0, 50);
        else
            peer_hear(fd, row, record, size);
    }
    free(record);
}

/* Records that nobody has read would make an error of the end, which comes
 * before what was said last; not so with TCP. */
static void peer_leave(int fd)
{
    char octet;

    shutdown(fd, SHUT_RDWR);
    while (recv(fd, &octet, sizeof octet, MSG_DONTWAIT) > 0)
        ;
}

/* False if there is no socket or no process. */
static bool peer_start(struct peer *peer, const char *const *script)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1 ||
        fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1)
        return false;
    peer->pid = fork();
    if (peer->pid == 0) {
        close(fds[0]);
        alarm(20);
        peer_play(fds[1], script);
        peer_leave(fds[1]);
        _exit(0);
    }
    close(fds[1]);
    peer->fd = fds[0];
    buf_init(&peer->trace, SIZE_MAX);
    return peer->pid != -1;
}

/* Was all as the script has it? */
static bool peer_end(struct peer *peer)
{
    int status;

    buf_free(&peer->trace);
    return waitpid(peer->pid, &status, 0) == peer->pid && status == 0;
}

static void peer_trace(void *context, enum trace_event event,
                       const char *line)
{
    struct peer *peer = context;

    if (event <= TRACE_REMARK)
        buf_add_format(&peer->trace, "%c %s\n", TRACE_MARKS[event], line);
}

static struct session_settings peer_settings(struct peer *peer)
{
    return (struct session_settings){
        .host = "mx.example", .hello = "client.example", .auth = "none",
        .user = "", .timeout = 3000, .trace = peer_trace,
        .trace_context = peer,
    };
}

static struct session *peer_open(const struct peer *peer,
                                 const struct session_settings *settings,
                                 struct error *err)
{
    return session_open(peer->fd, settings, clock_now() + 15000, err);
}

#endif
