/*
 * dot_stuffing.h - which lines get a leading dot (RFC 5321 section 4.5.2)
 */
#ifndef POSTRIDER_SMTP_DOT_STUFFING_H
#define POSTRIDER_SMTP_DOT_STUFFING_H

#include <stdbool.h>
#include <stddef.h>

/* Where in a line the last octet stood; { 0 } is the start of a message. */
struct dot_stuffing {
    bool in_line;           /* the last octet was not the LF of a CRLF */
    bool after_cr;
    bool doubled;           /* the dot that comes next has been doubled */
};

/* How many octets from data can be sent as they are before a dot must be
 * inserted: length if none. Advances state over them. When the result is less
 * than length, send a dot, then go on from there. */
size_t dot_stuffing_run(struct dot_stuffing *state, const char *data,
                        size_t length);

#endif
