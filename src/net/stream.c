#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/dial.h"
#include "net/tls.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"

#define OUTPUT_MAX 65536
#define WHOLE_MAX 1024          /* what is never split: a command, a dot */

struct stream {
    int fd;
    int64_t deadline;
    struct tls *tls;            /* NULL: in the clear */
    char *input;                /* STREAM_INPUT_MAX octets */
    size_t start;               /* input[start..end) was not read yet */
    size_t end;
    size_t input_touched;       /* that far it was ever filled */
    char *output;               /* OUTPUT_MAX octets */
    size_t queued;
    size_t output_touched;
    int watched;                /* descriptor; -1: none */
    stream_watch *watch;
    void *watch_context;
    bool had_crlf;
    bool ended;                 /* the peer will send no more */
    bool silent;                /* nothing came while it was waited for */
    bool failed;
    struct error error;         /* if failed */
};

struct stream *stream_new(int fd, int64_t deadline)
{
    struct stream *stream = alloc_zero(1, sizeof *stream);

    stream->fd = fd;
    stream->watched = -1;
    stream->deadline = deadline;
    stream->input = alloc_zero(1, STREAM_INPUT_MAX);
    stream->output = alloc_zero(1, OUTPUT_MAX);
    return stream;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    tls_free(stream->tls);
    io_close(&stream->fd);
    /* Credentials went through both. */
    explicit_bzero(stream->input, stream->input_touched);
    explicit_bzero(stream->output, stream->output_touched);
    free(stream->input);
    free(stream->output);
    free(stream);
}

void stream_set_deadline(struct stream *stream, int64_t deadline)
{
    stream->deadline = deadline;
}

void stream_set_watch(struct stream *stream, int fd, stream_watch *watch,
                      void *context)
{
    stream->watched = fd;
    stream->watch = watch;
    stream->watch_context = context;
}

const struct tls *stream_tls(const struct stream *stream)
{
    return stream->tls;
}

bool stream_line_had_crlf(const struct stream *stream)
{
    return stream->had_crlf;
}

/* Keep the error that err holds for all later calls. Returns false. */
static bool spoil(struct stream *stream, const struct error *err)
{
    stream->failed = true;
    stream->error = *err;
    return false;
}

/* Has an earlier call failed? Then this one does, with the same error. */
static bool is_spoilt(const struct stream *stream, struct error *err)
{
    if (stream->failed)
        *err = stream->error;
    return stream->failed;
}

/* The deadline has passed: the one of this wait, or the whole stream's. */
static bool time_is_over(struct stream *stream, const char *what,
                         int64_t milliseconds, struct error *err)
{
    if (clock_remaining(stream->deadline) == 0)
        error_set(err, FAULT_TEMPORARY,
                  "%s before the time for the whole session was over", what);
    else
        error_set(err, FAULT_TEMPORARY, "%s within %lld s", what,
                  (long long)(milliseconds + 999) / 1000);
    return spoil(stream, err);
}

/* Make room at the end of the input, then return how much there is. */
static size_t make_room(struct stream *stream)
{
    if (stream->start > 0 && stream->end == STREAM_INPUT_MAX) {
        stream->end -= stream->start;
        memmove(stream->input, stream->input + stream->start, stream->end);
        stream->start = 0;
    }
    return STREAM_INPUT_MAX - stream->end;
}

/*
 * Take in what has arrived, as far as one read gives it. Nothing, and an end of
 * file, are no errors: the caller sees what changed.
 */
static bool take_in(struct stream *stream, struct error *err)
{
    size_t room = make_room(stream);
    char *to = stream->input + stream->end;
    ssize_t count;

    if (room == 0 || stream->ended)
        return true;
    if (stream->tls != NULL) {
        count = tls_read(stream->tls, to, room, err);
        if (count == TLS_WANT_READ || count == TLS_WANT_WRITE)
            return true;
        if (count < 0)
            return false;
    } else {
        count = recv(stream->fd, to, room, 0);
        if (count == -1 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (count == -1)
            return dial_lost(err, errno);
    }
    if (count == 0)
        stream->ended = true;
    stream->end += (size_t)count;
    if (stream->input_touched < stream->end)
        stream->input_touched = stream->end;
    return true;
}

/* The same for a socket. > 0: octets sent; or what tls_write() returns. */
static ssize_t put(struct stream *stream, const char *data, size_t length,
                   struct error *err)
{
    if (stream->tls != NULL)
        return tls_write(stream->tls, data, length, err);

    ssize_t count = send(stream->fd, data, length, MSG_NOSIGNAL);
    if (count == -1 && (errno == EAGAIN || errno == EINTR))
        return TLS_WANT_WRITE;
    if (count == -1)
        dial_lost(err, errno);
    return count;
}

/* poll(2) until something of events is there; false when time is over. */
static bool wait_for(const struct stream *stream, short events,
                     int64_t until, short *ready)
{
    struct pollfd wanted = { .fd = stream->fd, .events = events };
    int count;

    do {
        count = poll(&wanted, 1, clock_remaining(until));
    } while (count == -1 && (errno == EINTR || errno == EAGAIN));
    *ready = wanted.revents;
    return count != 0;
}

/* The same, for what the peer has to do; the other descriptor is served. */
static bool wait_watching(struct stream *stream, short events, int64_t until,
                          bool reads, short *ready)
{
    for (;;) {
        struct pollfd set[] = { { .fd = stream->fd, .events = events },
                                { .fd = stream->watched, .events = POLLIN } };
        int count = poll(set, 2, clock_remaining(until));
        if (count == -1 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count > 0 && set[1].revents != 0 &&
            !stream->watch(stream->watch_context, reads))
            stream->watched = -1;
        *ready = set[0].revents;
        if (count <= 0 || *ready != 0)
            return count != 0;
    }
}

/*
 * A connection that broke while we wrote: what the server sent last is why,
 * as a rule ("421 4.7.0 too many errors"), so it goes into the text.
 */
static bool write_failed(struct stream *stream, struct error *err)
{
    struct error ignored;

    while (take_in(stream, &ignored) && !stream->ended &&
           stream->end < STREAM_INPUT_MAX && stream->tls == NULL) {
        short ready;
        if (!wait_for(stream, POLLIN, 0, &ready))
            break;
    }

    const char *last = stream->input + stream->start;
    size_t length = stream->end - stream->start;
    while (length > 0 && (last[length - 1] == '\n' ||
                          last[length - 1] == '\r'))
        length--;
    const char *before = memrchr(last, '\n', length);
    if (before != NULL) {
        length -= (size_t)(before + 1 - last);
        last = before + 1;
    }
    if (length > 0)
        error_append(err, " after it sent: %.*s",
                     length > 200 ? 200 : (int)length, last);
    return spoil(stream, err);
}

/* Send one buffer; take in what arrives while the peer takes nothing. */
static bool send_all(struct stream *stream, const char *data, size_t length,
                     int64_t timeout, struct error *err)
{
    int64_t until = clock_earlier(clock_now() + timeout, stream->deadline);

    while (length > 0) {
        ssize_t count = put(stream, data, length, err);
        if (count == -1)
            return write_failed(stream, err);
        if (count > 0) {
            data += count;
            length -= (size_t)count;
            continue;
        }

        short ready;
        short events = count == TLS_WANT_READ ? POLLIN : POLLOUT;
        if (!stream->ended && make_room(stream) > 0)
            events |= POLLIN;
        /* A peer that keeps sending must not hold back the deadline. */
        if (clock_remaining(until) == 0 ||
            !wait_watching(stream, events, until, false, &ready))
            return time_is_over(stream, "the server did not take our data",
                                timeout, err);
        if ((ready & POLLIN) != 0 && !take_in(stream, err))
            return write_failed(stream, err);
    }
    return true;
}

bool stream_flush(struct stream *stream, int64_t timeout, struct error *err)
{
    size_t queued = stream->queued;

    if (is_spoilt(stream, err))
        return false;
    stream->queued = 0;
    return send_all(stream, stream->output, queued, timeout, err);
}

/* Copy octets for which there is room; send the buffer if it is full then. */
static bool queue(struct stream *stream, const char *data, size_t length,
                  int64_t timeout, struct error *err)
{
    memcpy(stream->output + stream->queued, data, length);
    stream->queued += length;
    if (stream->output_touched < stream->queued)
        stream->output_touched = stream->queued;
    return stream->queued < OUTPUT_MAX || stream_flush(stream, timeout, err);
}

bool stream_write(struct stream *stream, const void *data, size_t length,
                  int64_t timeout, struct error *err)
{
    const char *from = data;

    if (is_spoilt(stream, err))
        return false;
    if (length <= WHOLE_MAX && length > OUTPUT_MAX - stream->queued &&
        !stream_flush(stream, timeout, err))
        return false;

    while (length > 0) {
        size_t part = OUTPUT_MAX - stream->queued;
        if (part > length)
            part = length;
        if (part == OUTPUT_MAX
                ? !send_all(stream, from, part, timeout, err)
                : !queue(stream, from, part, timeout, err))
            return false;
        from += part;
        length -= part;
    }
    return true;
}

/* Take the line that ends at input[at] out of the input. */
static void take_line(struct stream *stream, size_t at, const char **line,
                      size_t *length)
{
    *line = stream->input + stream->start;
    *length = at - stream->start;
    stream->had_crlf = *length > 0 && stream->input[at - 1] == '\r';
    if (stream->had_crlf)
        --*length;
    stream->input[stream->start + *length] = '\0';
    stream->start = at + 1;
}

/* There is no whole line in the input: wait for more of it. */
static bool await_input(struct stream *stream, int64_t began, int64_t deadline,
                        struct error *err)
{
    short ready;

    if (stream->ended) {
        error_set(err, FAULT_TEMPORARY, stream->start == stream->end
                      ? "connection closed by the server"
                      : "connection closed by the server within a reply");
        return spoil(stream, err);
    }
    int64_t until = clock_earlier(deadline, stream->deadline);
    bool inside = stream->tls != NULL && tls_pending(stream->tls);
    /* Octets that keep coming must not hold back the deadline. */
    if (clock_remaining(until) == 0 ||
        (!inside && !wait_watching(stream, POLLIN, until, true,
                                    &ready))) {
        stream->silent = stream->start == stream->end &&
                         clock_remaining(stream->deadline) > 0;
        return time_is_over(stream, stream->start == stream->end
                                ? "no answer" : "no complete answer",
                            deadline - began, err);
    }
    return take_in(stream, err) || spoil(stream, err);
}

bool stream_read_line(struct stream *stream, const char **line,
                      size_t *length, int64_t deadline, struct error *err)
{
    int64_t began = clock_now();
    size_t seen = 0;            /* octets in which there is no line end */

    if (is_spoilt(stream, err))
        return false;
    for (;;) {
        size_t have = stream->end - stream->start;
        const char *from = stream->input + stream->start;
        size_t most = have < STREAM_LINE_MAX ? have : STREAM_LINE_MAX;
        const char *newline = memchr(from + seen, '\n', most - seen);
        if (newline != NULL) {
            take_line(stream, (size_t)(newline - stream->input), line, length);
            return true;
        }
        if (have >= STREAM_LINE_MAX) {
            error_set(err, FAULT_PROTOCOL,
                      "the server sent a reply line longer than %d octets",
                      STREAM_LINE_MAX);
            return spoil(stream, err);
        }
        seen = have;
        /* All was read: start at the front again, with nothing to move. */
        if (have == 0)
            stream->start = stream->end = 0;
        if (!await_input(stream, began, deadline, err))
            return false;
    }
}

void stream_wipe(struct stream *stream)
{
    if (stream->queued < stream->output_touched)
        explicit_bzero(stream->output + stream->queued,
                       stream->output_touched - stream->queued);
    stream->output_touched = stream->queued;
    explicit_bzero(stream->input, stream->start);
}

bool stream_has_input(struct stream *stream)
{
    struct error err;
    short ready;

    if (stream->start < stream->end)
        return true;
    if (stream->failed || stream->ended)
        return false;
    if ((stream->tls == NULL || !tls_pending(stream->tls)) &&
        !wait_for(stream, POLLIN, 0, &ready))
        return false;
    if (!take_in(stream, &err))
        spoil(stream, &err);
    return stream->start < stream->end;
}

bool stream_has_ended(const struct stream *stream)
{
    return stream->ended || stream->failed;
}

bool stream_is_silent(const struct stream *stream)
{
    return stream->silent;
}

bool stream_read_on(struct stream *stream)
{
    bool failed = stream->failed;

    stream->failed = false;
    return failed;
}

bool stream_start_tls(struct stream *stream, struct tls_context *context,
                      const char *host, int64_t deadline, struct error *err)
{
    assert(stream->queued == 0 && stream->tls == NULL);
    if (is_spoilt(stream, err))
        return false;
    if (stream_has_input(stream)) {
        error_set(err, FAULT_PROTOCOL,
                  "the server sent data before the TLS handshake");
        return spoil(stream, err);
    }
    if (is_spoilt(stream, err))         /* stream_has_input() found it so */
        return false;
    stream->tls = tls_handshake(context, stream->fd, host,
                                clock_earlier(deadline, stream->deadline),
                                err);
    if (stream->tls != NULL)
        return true;
    return spoil(stream, err);
}

void stream_close(struct stream *stream)
{
    if (stream->tls != NULL)
        tls_close(stream->tls);
    (void)shutdown(stream->fd, SHUT_WR);
}
