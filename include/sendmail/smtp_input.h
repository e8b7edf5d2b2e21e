/*
 * smtp_input.h - the input of an SMTP client: lines, and messages
 *
 * A client that only knows LF is understood. One that has shown CRLF is taken
 * at its word: then only CRLF ends a line, and only CRLF.CRLF a message (RFC
 * 5321 section 4.1.1.4), so that nothing can be smuggled in after bare LFs.
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_INPUT_H
#define POSTRIDER_SENDMAIL_SMTP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

struct scratch;

#define SMTP_INPUT_LINE_MAX 8192    /* octets of a command line */

struct smtp_input {
    int fd;
    int patience;           /* milliseconds to wait for more */
    struct buf data;        /* received; used up to at */
    size_t at;
    bool has_crlf;          /* the client has shown that it knows */
    bool silent;            /* it ended because the client sent nothing */
};

void smtp_input_init(struct smtp_input *in, int fd, int patience);
void smtp_input_free(struct smtp_input *in);

/* Is there a whole line that needs no waiting? */
bool smtp_input_has_line(const struct smtp_input *in);

enum smtp_input_result { SMTP_LINE, SMTP_LINE_TOO_LONG, SMTP_INPUT_END };

/* The next line, without its end, into line. SMTP_INPUT_END: the client is
 * gone, silent for too long, or stopped in the middle of a line. */
enum smtp_input_result smtp_input_line(struct smtp_input *in,
                                       struct buf *line);

struct smtp_input_size {        /* octets */
    uint64_t limit;
    uint64_t came;
};

/*
 * A message up to its final dot, dots taken off. Text over the limit is
 * read and thrown away; what came is added to size. False: the input has ended
 * first, or (err set) it could not be kept; then it has been read all the same.
 */
bool smtp_input_data(struct smtp_input *in, struct scratch *out,
                     struct smtp_input_size *size, struct error *err);

/* The same for a chunk of BDAT: exactly length octets. */
bool smtp_input_chunk(struct smtp_input *in, struct scratch *out,
                      uint64_t length, struct smtp_input_size *size,
                      struct error *err);

#endif
