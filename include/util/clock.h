/*
 * clock.h - deadlines on the monotonic clock, and dates for people
 */
#ifndef POSTRIDER_UTIL_CLOCK_H
#define POSTRIDER_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

struct buf;

/* Milliseconds on the monotonic clock. A deadline is such a time. */
int64_t clock_now(void);

/* The same in microseconds, for measuring. */
int64_t clock_now_us(void);

/* Milliseconds until the deadline for poll(2): 0 if it has passed. */
int clock_remaining(int64_t deadline);

int64_t clock_earlier(int64_t a, int64_t b);

/* Append "Tue, 24 Nov 2026 08:27:29 +0100" (RFC 5322 section 3.3). */
void clock_add_date(struct buf *out, time_t when);

/* Append "48 s", "12 min", "3 h", "5 d": about so many seconds. */
void clock_add_span(struct buf *out, int64_t seconds);

#endif
