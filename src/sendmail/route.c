#include "sendmail/route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/recipients.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/strings.h"
#include "util/text.h"

struct route {
    const struct config *config;
    struct destinations *destinations;
    struct envelope replaced;       /* by redirect_all: a set of recipients */
    struct strings discarded;       /* recipients, as the caller wrote them */
};

struct route *route_new(const struct config *config, bool no_aliases)
{
    struct route *route = alloc_zero(1, sizeof *route);

    route->config = config;
    route->destinations = destinations_new(config, no_aliases);
    return route;
}

void route_free(struct route *route)
{
    if (route == NULL)
        return;
    destinations_free(route->destinations);
    envelope_free(&route->replaced);
    strings_free(&route->discarded);
    free(route);
}

void route_renew(struct route *route)
{
    destinations_renew(route->destinations);
    envelope_free(&route->replaced);
    strings_free(&route->discarded);
}

void route_seal(struct route *route)
{
    destinations_seal(route->destinations);
}

bool route_is_current(const struct route *route)
{
    return destinations_current(route->destinations);
}

void route_parse(const char *argument, struct mailbox_list *list,
                 struct flaws *flaws)
{
    struct error err = { 0 };
    char *text = address_argument(argument, &err);

    if (text != NULL)
        recipients_read(list, flaws, text, strlen(text));
    else
        flaws_add(flaws, argument, strlen(argument), &err);
    free(text);
}

/* A recipient in the making. */
struct target {
    const char *original;           /* as the caller wrote it */
    unsigned notify;
    const char *orcpt;              /* given with it, or NULL */
    struct envelope *env;
};

static bool add_path(const struct target *to, const char *path,
                     struct error *err)
{
    char *original = alloc_string(to->orcpt);

    /* RFC 3461 section 4.2: xtext holds an ASCII address. */
    if (original == NULL && !address_equal(path, to->original) &&
        text_is_ascii(to->original, strlen(to->original))) {
        char *xtext = xtext_encode(to->original);
        original = alloc_format("rfc822;%s", xtext);
        free(xtext);
    }
    bool added = address_check(path, err) &&
                 envelope_add_recipient(to->env, path, original, to->notify,
                                        err);
    free(original);
    return added;
}

/* A recipient who is named there already is not replaced: a message that comes
 * through the daemon's socket has been redirected once. */
static bool redirect_recipient(struct route *route, const struct target *to,
                               const char *address, struct error *err)
{
    const char *there = route->config->redirect_all;
    char *complete = destinations_complete(route->destinations, address);
    bool added = (address_equal(complete, there) ||
                  envelope_add_recipient(&route->replaced, complete, NULL, 0,
                                         err)) &&
                 envelope_add_recipient(to->env, there, NULL, to->notify, err);

    free(complete);
    return added;
}

/* A destination of an alias that cannot be served is a recipient all the same,
 * of whom the sender gets a report. */
static bool add_flaws(const struct target *to, const struct flaws *flaws,
                      struct error *err)
{
    bool added = true;

    for (size_t i = 0; added && i < flaws->texts.count; i++)
        added = envelope_add_flawed(to->env, flaws->texts.items[i],
                                    strlen(flaws->texts.items[i]),
                                    flaws->reasons.items[i], err);
    return added;
}

static bool add_found(struct route *route, const struct target *to,
                      const struct recipients *found, struct error *err)
{
    bool added = add_flaws(to, &found->flaws, err);

    for (size_t i = 0; added && i < found->addresses.count; i++)
        added = add_path(to, found->addresses.items[i], err);
    if (added && found->discards)
        strings_add(&route->discarded, to->original);
    if (!added || found->addresses.count > 0 || found->discards)
        return added;
    *err = found->flaws.first;
    err->fault = FAULT_CONFIG;
    return false;
}

bool route_recipient(struct route *route, const char *address,
                     const struct route_dsn *dsn, struct envelope *env,
                     struct error *err)
{
    const struct target to = {
        .original = address, .notify = dsn != NULL ? dsn->notify : 0,
        .orcpt = dsn != NULL ? dsn->original : NULL, .env = env,
    };
    struct recipients found = { 0 };

    if (*route->config->redirect_all != '\0')
        return redirect_recipient(route, &to, address, err);
    bool added = destinations_find(route->destinations, address, &found,
                                   err) &&
                 add_found(route, &to, &found, err);
    recipients_free(&found);
    return added;
}

const struct strings *route_discarded(const struct route *route)
{
    return &route->discarded;
}

char *route_originals(const struct route *route)
{
    struct buf body;

    if (route->replaced.count == 0)
        return NULL;
    buf_init(&body, SIZE_MAX);
    for (size_t i = 0; i < route->replaced.count; i++)
        buf_add_format(&body, "%s%s", i == 0 ? "" : ", ",
                       route->replaced.recipients[i].path);
    return buf_take(&body);
}
