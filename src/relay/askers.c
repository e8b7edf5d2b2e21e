#include "relay/askers.h"

static struct asker *nth(struct askers *askers, size_t n)
{
    return &askers->items[(askers->first + n) % ASKERS_MAX];
}

static void forget_old(struct askers *askers, int64_t now)
{
    while (askers->count > 0 && nth(askers, 0)->when <= now - ASKERS_TIME) {
        askers->first = (askers->first + 1) % ASKERS_MAX;
        askers->count--;
    }
}

int64_t askers_note(struct askers *askers, uid_t uid, int64_t now)
{
    forget_old(askers, now);
    for (size_t i = 0; i < askers->count; i++)
        if (nth(askers, i)->uid == uid)
            return nth(askers, i)->when + ASKERS_TIME - now;
    if (askers->count == ASKERS_MAX)
        return nth(askers, 0)->when + ASKERS_TIME - now;
    *nth(askers, askers->count++) = (struct asker){ uid, now };
    return 0;
}
