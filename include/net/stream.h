/*
 * stream.h - buffered octets over a socket, in the clear or through TLS
 *
 * Every wait has a deadline, and the stream as a whole has one: whichever
 * comes first. While a write waits, replies that arrive are taken in (up to
 * STREAM_INPUT_MAX), so that two sides that both write cannot block each
 * other for ever.
 *
 * Once a call has failed, all later ones fail with the same error.
 */
#ifndef POSTRIDER_NET_STREAM_H
#define POSTRIDER_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define STREAM_INPUT_MAX 65536
#define STREAM_LINE_MAX 4096    /* octets of a reply line with its CRLF */

struct stream;
struct tls;
struct tls_context;

/* Takes over a connected non-blocking socket, which stream_free() closes.
 * deadline is for everything. */
struct stream *stream_new(int fd, int64_t deadline);
void stream_free(struct stream *stream);                /* NULL is allowed */
void stream_set_deadline(struct stream *stream, int64_t deadline);

/*
 * While the stream waits for its peer, look at fd, too, and call this when it
 * has input. reads: a line is waited for; else octets are to be written. False:
 * fd is not watched any more.
 */
typedef bool stream_watch(void *context, bool reads);
void stream_set_watch(struct stream *stream, int fd, stream_watch *watch,
                      void *context);

/*
 * Queue octets; they are sent when the buffer (64 KB) is full, or by flush. A
 * short piece is never split: a buffer it does not fit is sent before it.
 * Octets of a large block that fill a buffer are sent from where they are.
 */
bool stream_write(struct stream *stream, const void *data, size_t length,
                  int64_t timeout, struct error *err);
/* Send what is queued: one write(2) or TLS record if it fits. Each buffer of
 * at most 64 KB has timeout milliseconds as a whole, however it trickles. */
bool stream_flush(struct stream *stream, int64_t timeout, struct error *err);

/*
 * The next line, which must end with CRLF or LF, without it. The line is
 * borrowed until the next call; a NUL follows it. It may hold any other octet,
 * NUL included. The deadline is for the complete line, however it trickles.
 * FAULT_TEMPORARY: time is over or the connection is lost (also in the middle
 * of a line); FAULT_PROTOCOL: the line is too long.
 */
bool stream_read_line(struct stream *stream, const char **line,
                      size_t *length, int64_t deadline, struct error *err);

/* Overwrite what the buffers still hold of what was sent and read: it was
 * secret. */
void stream_wipe(struct stream *stream);

/* Has anything arrived that was not read yet? Asks the socket, too. */
bool stream_has_input(struct stream *stream);

/* Has the peer closed its side, as far as we have looked? */
bool stream_has_ended(const struct stream *stream);

/* Did a read fail because nothing came in its time? */
bool stream_is_silent(const struct stream *stream);

/* After a call that failed because nothing more can be written: what was sent
 * before it may have been answered. Let it be read. False if none failed. */
bool stream_read_on(struct stream *stream);

/* Did the last line end with CR LF (not LF alone)? */
bool stream_line_had_crlf(const struct stream *stream);

/*
 * TLS from here on: the handshake of net/tls.h. FAULT_PROTOCOL if octets have
 * arrived already: nothing that came before it may count after it.
 */
bool stream_start_tls(struct stream *stream, struct tls_context *context,
                      const char *host, int64_t deadline, struct error *err);
const struct tls *stream_tls(const struct stream *stream);  /* NULL: clear */

/* TLS close_notify and shutdown, as far as it needs no waiting. */
void stream_close(struct stream *stream);

#endif
