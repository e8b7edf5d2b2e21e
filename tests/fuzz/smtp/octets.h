/*
 * octets.h - a stream whose peer has sent some octets, and no more
 *
 * In one piece they are there at once; otherwise each piece of a few octets is
 * what one read gives.
 */
#ifndef POSTRIDER_TESTS_FUZZ_SMTP_OCTETS_H
#define POSTRIDER_TESTS_FUZZ_SMTP_OCTETS_H

#include <fcntl.h>
#include <sys/socket.h>

#include "../input.h"
#include "net/stream.h"
#include "util/clock.h"

#define OCTETS_MAX 60000        /* that a socket holds */
#define OCTETS_PIECES 48

/* NULL: that is too much. */
static inline struct stream *stream_of(const char *data, size_t length,
                                       bool in_pieces)
{
    size_t step = in_pieces ? length / OCTETS_PIECES + 1 : length;
    int fds[2];

    if (length > OCTETS_MAX)
        return NULL;
    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    PROMISE(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
    for (size_t at = 0; at < length; at += step) {
        step = step < length - at ? step : length - at;
        PROMISE(send(fds[1], data + at, step, MSG_NOSIGNAL | MSG_DONTWAIT) ==
                (ssize_t)step);
    }
    close(fds[1]);
    return stream_new(fds[0], clock_now() + 60000);
}

#endif
