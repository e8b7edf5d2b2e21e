/*
 * reader.h - a message from a descriptor, line ends made CRLF as it streams
 *
 * Only LF ends a line of the input. The CRs directly before it belong to it,
 * whether one (CRLF), several, or none; the end of the input ends the last line
 * so, too. Each line end becomes CRLF.
 *
 * A bare CR, which no LF follows, is not the end of a field, nor does it
 * complete a lone dot: what ends there for one program only could carry a
 * field or a command that a stranger has written. In a field, bare CR and NUL
 * become blanks, and the field is marked as mended. In the body, a bare CR
 * becomes CRLF, and NUL passes, as do all other octets everywhere.
 *
 * With dots on, a line that is a single dot ends the message (the rest of the
 * input is still read, and thrown away), and a line that begins with two dots
 * loses one. A line that begins with one dot and goes on keeps it.
 *
 * A byte order mark of UTF-8 before the message is dropped.
 * A read error is not the end of the message.
 */
#ifndef POSTRIDER_MAIL_READER_H
#define POSTRIDER_MAIL_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct header;
struct reader;              /* fields: src/mail/reader.c */

/* The header section may have header_max octets, counted as CRLF lines. The
 * descriptor stays the caller's. */
struct reader *reader_new(int fd, bool dots, size_t header_max);
void reader_free(struct reader *reader);

/*
 * Read the header section. A leading mbox line ("From " or ">From ") is
 * dropped. It ends with an empty line, which is consumed, or before the first
 * line that is neither field nor continuation: that line starts the body.
 *
 * FAULT_INPUT or FAULT_TEMPORARY when reading fails, FAULT_DATA when the
 * header section is too large.
 */
bool reader_header(struct reader *reader, struct header *header,
                   struct error *err);

/* Where the body goes: called with pieces of it, in order. */
typedef bool reader_sink(void *context, const char *data, size_t length,
                         struct error *err);

/*
 * Read the body to its end. Pieces are of up to 128 KB, and may split lines.
 * Faults as above, and the sink's.
 */
bool reader_body(struct reader *reader, reader_sink *sink, void *context,
                 struct error *err);

/* Did any octet of the body (after reader_body) have its high bit set? */
bool reader_body_is_8bit(const struct reader *reader);

/*
 * Read what is left of the input and throw it away, so that a caller who is
 * refused does not die of SIGPIPE. patience is the number of milliseconds to
 * wait for more each time; -1 waits for the end of the input. Terminals are
 * not drained: a person need not end input that is thrown away.
 */
void reader_drain(int fd, int patience);

#endif
