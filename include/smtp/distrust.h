/*
 * distrust.h - extensions that a server lists in its EHLO and does not do
 *
 * A gateway may pass on keywords of the server after it, and not know the
 * commands. A finding counts for that EHLO, and for a day.
 */
#ifndef POSTRIDER_SMTP_DISTRUST_H
#define POSTRIDER_SMTP_DISTRUST_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

/* { 0 } trusts everything. It may be copied. */
struct distrust {
    unsigned extensions;    /* enum capability, or-ed */
    uint32_t hello;         /* struct capabilities: the EHLO that lists them */
    int64_t until;          /* milliseconds, monotonic */
    unsigned changes;       /* how often another EHLO took its place */
};

/* Which extensions of this EHLO are not to be used. If it is not the one that
 * is known, or time is over, what is known is forgotten. */
unsigned distrust_of(struct distrust *distrust, uint32_t hello, int64_t now);

/*
 * Do not use these any more. False if that was known. An EHLO that changes each
 * time would be found out again for ever: after some changes what is known
 * counts for any.
 */
bool distrust_add(struct distrust *distrust, unsigned extensions,
                  uint32_t hello, int64_t now);

/* "CHUNKING, DSN": their keywords. */
void distrust_describe(unsigned extensions, struct buf *out);

#endif
