#include "spool/junk.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/log.h"

#define OWNERS 64               /* remembered at a time; a new one takes the
                                 * place of the one seen longest ago */

struct owner {
    uid_t uid;
    int64_t last;               /* line; 0: place is free */
    unsigned left_out;          /* since then */
};

struct junk {
    struct owner owners[OWNERS];
};

struct junk *junk_new(void)
{
    return alloc_zero(1, sizeof(struct junk));
}

void junk_free(struct junk *junk)
{
    free(junk);
}

static struct owner *owner_of(struct junk *junk, uid_t uid)
{
    struct owner *oldest = &junk->owners[0];

    for (size_t i = 0; i < OWNERS; i++) {
        struct owner *owner = &junk->owners[i];
        if (owner->last != 0 && owner->uid == uid)
            return owner;
        if (owner->last < oldest->last)
            oldest = owner;
    }
    *oldest = (struct owner){ .uid = uid };
    return oldest;
}

void junk_report(struct junk *junk, uid_t uid, const char *name,
                 const char *why, int64_t now)
{
    struct owner *owner = owner_of(junk, uid);

    if (owner->last != 0 && now - owner->last < 1000) {
        owner->left_out++;
        return;
    }
    if (owner->left_out > 0)
        log_line(LOG_LEVEL_WARNING, "drop: uid=%lu %.64s: removed: %s (and %u "
                 "more)", (unsigned long)uid, name, why, owner->left_out);
    else
        log_line(LOG_LEVEL_WARNING, "drop: uid=%lu %.64s: removed: %s",
                 (unsigned long)uid, name, why);
    owner->last = now;
    owner->left_out = 0;
}
