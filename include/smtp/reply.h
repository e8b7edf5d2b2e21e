/*
 * reply.h - a reply of a server (RFC 5321 section 4.2)
 */
#ifndef POSTRIDER_SMTP_REPLY_H
#define POSTRIDER_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

#define REPLY_LINES_MAX 512
#define REPLY_SIZE_MAX 65536

struct stream;

/* One reply. reply_init before the first use, reply_free after the last. */
struct reply {
    int code;               /* 200 to 599 */
    char status[16];        /* enhanced status code (RFC 3463) if its class
                             * agrees with the code, else "" */
    struct buf text;        /* all lines without code and status code, joined
                             * by LF; octets as they came */
};

void reply_init(struct reply *reply);
void reply_free(struct reply *reply);

/*
 * Read a reply; it must be complete before the deadline. All lines must carry
 * the same code; the last line must end with CRLF (a lone LF is taken for
 * intermediate ones only when it is harmless). FAULT_TEMPORARY: the connection
 * is lost or time is over; FAULT_PROTOCOL: not a reply of RFC 5321, or larger
 * than the limits.
 */
bool reply_read(struct reply *reply, struct stream *stream, int64_t deadline,
                struct error *err);

/*
 * Parse one line without CRLF into code, "is it the last", status and text
 * (which points into line). The first digit of a code decides (RFC 5321 section
 * 4.2.1), so the others may be any. FAULT_PROTOCOL.
 */
struct reply_line {
    int code;
    bool last;
    char status[16];
    const char *text;
    size_t length;
};
bool reply_parse_line(struct reply_line *out, const char *line, size_t length,
                      struct error *err);

int reply_class(const struct reply *reply);             /* 2, 3, 4 or 5 */

/* Replace what must not be shown, wherever the text holds it, by "***". Fewer
 * than four octets are left: what is missing would show them. */
void reply_hide(struct reply *reply, const char *secret, size_t length);

/*
 * Append the reply for people, on one line: "550 5.1.1 no such user". Line
 * ends become spaces, everything else is escaped, at most max octets.
 */
#define REPLY_SHOWN_MAX 500     /* octets in most texts */
void reply_describe(const struct reply *reply, size_t max, struct buf *out);

#endif
