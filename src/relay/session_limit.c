#include "relay/session_limit.h"

#define KNOWN_TIME 600000       /* milliseconds */

bool session_limit_note(struct session_limit *limit, unsigned messages,
                        bool sure, int64_t now)
{
    bool known = sure || messages == limit->last;

    limit->last = messages;
    if (known) {
        limit->messages = messages;
        limit->until = now + KNOWN_TIME;
    }
    return known;
}

unsigned session_limit_get(const struct session_limit *limit, int64_t now)
{
    return now < limit->until ? limit->messages : 0;
}
