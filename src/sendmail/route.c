#include "sendmail/route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/strings.h"
#include "util/text.h"

struct route {
    const struct config *config;
    struct destinations *destinations;
    struct envelope replaced;       /* by redirect_all: a set of recipients */
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
    free(route);
}

void route_renew(struct route *route)
{
    destinations_renew(route->destinations);
    envelope_free(&route->replaced);
}

void route_seal(struct route *route)
{
    destinations_seal(route->destinations);
}

bool route_is_current(const struct route *route)
{
    return destinations_current(route->destinations);
}

bool route_parse(const char *argument, struct mailbox_list *list,
                 struct error *err)
{
    char *text = address_argument(argument, err);
    bool parsed = text != NULL &&
                  mailbox_list_parse_recipients(list, text, strlen(text), err);

    free(text);
    return parsed;
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

/* Who is named there already is not replaced: a message that comes through the
 * daemon's socket has been redirected once. */
static bool redirect(struct route *route, const struct target *to,
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

bool route_recipient(struct route *route, const char *address,
                     unsigned notify, const char *original,
                     struct envelope *env, struct error *err)
{
    const struct target to = { address, notify, original, env };
    struct strings list = { 0 };

    if (*route->config->redirect_all != '\0')
        return redirect(route, &to, address, err);
    bool added = destinations_find(route->destinations, address, &list, err);
    for (size_t i = 0; added && i < list.count; i++)
        added = add_path(&to, list.items[i], err);
    strings_free(&list);
    return added;
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
