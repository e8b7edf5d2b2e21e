#include "relay/expiry.h"

#include <stdlib.h>

#include "relay/messages.h"
#include "relay/retry.h"
#include "util/alloc.h"

struct expiry {
    const struct config *config;
    struct messages *messages;
    const struct hops *hops;
    unsigned sweep;             /* number of the one under way, or the next */
    size_t place;               /* of messages, which is next */
    const struct clocks *clocks;
    struct message *found;
    bool expired;               /* it is too late for that */
};

struct expiry *expiry_new(const struct config *config,
                          struct messages *messages, const struct hops *hops)
{
    struct expiry *expiry = alloc_zero(1, sizeof *expiry);

    expiry->config = config;
    expiry->messages = messages;
    expiry->hops = hops;
    expiry->sweep = 1;
    return expiry;
}

void expiry_free(struct expiry *expiry)
{
    free(expiry);
}

static bool can_be_late(const struct message *message)
{
    return message->stored && !message->done &&
           message->place != MESSAGE_OUT && message->place != MESSAGE_HELD;
}

static void examine(void *context, struct message *message)
{
    struct expiry *expiry = context;

    if (expiry->found != NULL || message->sweep == expiry->sweep ||
        !can_be_late(message))
        return;
    expiry->expired = retry_is_expired(expiry->config, message, expiry->hops,
                                       expiry->clocks);
    if (!expiry->expired && !retry_is_late(expiry->config, message,
                                           expiry->hops, expiry->clocks))
        return;
    message->sweep = expiry->sweep;
    expiry->found = message;
}

struct message *expiry_next(struct expiry *expiry,
                            const struct clocks *clocks, bool *expired)
{
    expiry->clocks = clocks;
    while (expiry->place < MESSAGES_PLACES) {
        expiry->found = NULL;
        messages_each_at(expiry->messages, expiry->place, examine, expiry);
        *expired = expiry->expired;
        if (expiry->found != NULL)
            return expiry->found;
        expiry->place++;
    }
    expiry->place = 0;
    expiry->sweep++;
    return NULL;
}
