#include "sendmail/route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/aliases.h"
#include "mail/envelope.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/strings.h"
#include "util/text.h"

struct route {
    const struct config *config;
    struct local_names local;
    bool no_aliases;
    struct aliases *aliases;        /* NULL: not read yet */
    struct envelope replaced;       /* by redirect_all: a set of recipients */
};

struct route *route_new(const struct config *config, bool no_aliases)
{
    struct route *route = alloc_zero(1, sizeof *route);

    route->config = config;
    route->local.host = config->hostname;
    route->no_aliases = no_aliases || *config->aliases == '\0';
    return route;
}

void route_free(struct route *route)
{
    if (route == NULL)
        return;
    aliases_free(route->aliases);
    envelope_free(&route->replaced);
    free(route);
}

void route_renew(struct route *route)
{
    if (route->aliases != NULL && !aliases_is_current(route->aliases)) {
        aliases_free(route->aliases);
        route->aliases = NULL;
    }
    envelope_free(&route->replaced);
}

bool route_parse(const char *argument, struct mailbox_list *list,
                 struct error *err)
{
    char *text = address_argument(argument, err);
    bool parsed = text != NULL &&
                  mailbox_list_parse(list, text, strlen(text), err);

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

/* name@localhost and name@web1 mean nothing elsewhere: like a bare name they
 * get the domain. name@web1.example.com is left to the world. */
static char *complete_local(const struct route *route, const char *address)
{
    const char *at = address_at(address);

    if (at != NULL && strchr(at, '.') != NULL)
        return alloc_string(address);
    size_t length = at != NULL ? (size_t)(at - address) : strlen(address);
    char *name = alloc_bytes(address, length);
    char *path = alloc_format("%s@%s", name, route->config->domain);
    free(name);
    return path;
}

/* A local name without an alias, or an address of elsewhere. */
static bool add_final(const struct route *route, const struct target *to,
                      const char *address, struct error *err)
{
    char *name = local_name_of(address, &route->local);
    char *path;

    if (name != NULL && *route->config->local_recipient != '\0')
        path = alloc_string(route->config->local_recipient);
    else if (name != NULL)
        path = complete_local(route, address);
    else
        path = alloc_string(address);
    bool added = add_path(to, path, err);
    free(path);
    free(name);
    return added;
}

/* Append what the address is an alias for. False and FAULT_NONE if it is no
 * alias. */
static bool expand(struct route *route, const char *address,
                   struct strings *list, struct error *err)
{
    *err = (struct error){ .fault = FAULT_NONE };
    if (route->no_aliases)
        return false;

    char *name = local_name_of(address, &route->local);
    if (name == NULL)
        return false;
    if (route->aliases == NULL)
        route->aliases = aliases_load(route->config->aliases, err);
    bool found = route->aliases != NULL &&
                 aliases_expand(route->aliases, name, &route->local, list,
                                err);
    free(name);
    return found;
}

/* Who is named there already is not replaced: a message that comes through the
 * daemon's socket has been redirected once. */
static bool redirect(struct route *route, const struct target *to,
                     const char *address, struct error *err)
{
    const char *there = route->config->redirect_all;
    char *complete = complete_local(route, address);
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
    if (!expand(route, address, &list, err)) {
        strings_free(&list);
        return err->fault == FAULT_NONE && add_final(route, &to, address, err);
    }

    bool added = true;
    for (size_t i = 0; added && i < list.count; i++)
        added = add_final(route, &to, list.items[i], err) ||
                error_prefix(err, "alias %s", address);
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
