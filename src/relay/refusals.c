#include "relay/refusals.h"

#include <stddef.h>
#include <stdlib.h>

#include "util/alloc.h"

#define DAY 86400000            /* milliseconds */

void refusals_free(struct refusals *refusals)
{
    free(refusals->reason);
    *refusals = (struct refusals){ 0 };
}

void refusals_note(struct refusals *refusals, const char *reason, int64_t now)
{
    refusals->when[refusals->next] = now;
    refusals->refused[refusals->next] = reason != NULL;
    refusals->next = (refusals->next + 1) % REFUSALS_KEPT;
    refusals->kept += refusals->kept < REFUSALS_KEPT;
    if (reason == NULL)
        return;
    free(refusals->reason);
    refusals->reason = alloc_string(reason);
}

unsigned refusals_count(const struct refusals *refusals, int64_t now,
                        unsigned *refused)
{
    unsigned count = 0;

    *refused = 0;
    for (unsigned i = 0; i < refusals->kept; i++) {
        if (now - refusals->when[i] > DAY)
            continue;
        count++;
        *refused += refusals->refused[i];
    }
    return count;
}
