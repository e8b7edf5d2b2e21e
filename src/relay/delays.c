#include "relay/delays.h"

#include <inttypes.h>
#include <stddef.h>

#include "util/buf.h"

#define NAME "postrider_delivery_seconds"

/* Seconds: first what one attempt takes, then what a later one does. */
static const unsigned bounds[DELAY_BOUNDS] = {
    1, 2, 5, 10, 30, 60, 600, 3600, 14400, 86400,
};

void delays_count(struct delays *delays, int64_t delay)
{
    uint64_t spent = delay > 0 ? (uint64_t)delay : 0;
    size_t i = 0;

    while (i < DELAY_BOUNDS && spent > UINT64_C(1000) * bounds[i])
        i++;
    delays->counts[i]++;
    delays->sum += spent;
}

void delays_put(const struct delays *delays, struct buf *out)
{
    uint64_t count = 0;

    buf_add_text(out, "# HELP " NAME " From acceptance of a message to that of "
                 "a recipient by a smarthost.\n# TYPE " NAME " histogram\n");
    for (size_t i = 0; i < DELAY_BOUNDS; i++) {
        count += delays->counts[i];
        buf_add_format(out, NAME "_bucket{le=\"%u\"} %" PRIu64 "\n", bounds[i],
                       count);
    }
    count += delays->counts[DELAY_BOUNDS];
    buf_add_format(out, NAME "_bucket{le=\"+Inf\"} %" PRIu64 "\n" NAME "_sum %"
                   PRIu64 ".%03" PRIu64 "\n" NAME "_count %" PRIu64 "\n",
                   count, delays->sum / 1000, delays->sum % 1000, count);
}
