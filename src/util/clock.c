#include "util/clock.h"

#include <inttypes.h>
#include <limits.h>

#include "util/buf.h"
#include "util/text.h"

int64_t clock_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now(void)
{
    return clock_now_us() / 1000;
}

int clock_remaining(int64_t deadline)
{
    int64_t rest = deadline - clock_now();

    if (rest <= 0)
        return 0;
    return rest > INT_MAX ? INT_MAX : (int)rest;
}

int64_t clock_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void clock_add_date(struct buf *out, time_t when)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
                                     "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
                                        "Jun", "Jul", "Aug", "Sep", "Oct",
                                        "Nov", "Dec" };
    struct tm tm = { 0 };

    localtime_r(&when, &tm);
    long minutes = tm.tm_gmtoff / 60;
    long size = minutes < 0 ? -minutes : minutes;
    buf_add_format(out, "%s, %d %s %04d %02d:%02d:%02d %c%02ld%02ld",
                   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   minutes < 0 ? '-' : '+', size / 60, size % 60);
}

void clock_add_span(struct buf *out, int64_t seconds)
{
    static const struct {
        int64_t seconds, below;
        const char *unit;
    } units[] = {
        { 1, 100, "s" }, { 60, 6000, "min" }, { 3600, 172800, "h" },
    };

    if (seconds < 0)
        seconds = 0;
    for (size_t i = 0; i < COUNT(units); i++)
        if (seconds < units[i].below) {
            buf_add_format(out, "%" PRId64 " %s", seconds / units[i].seconds,
                           units[i].unit);
            return;
        }
    buf_add_format(out, "%" PRId64 " d", seconds / 86400);
}
