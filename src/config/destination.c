#include "config/destination.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/recipients.h"
#include "util/alloc.h"
#include "util/host.h"
#include "util/log.h"
#include "util/strings.h"
#include "util/text.h"

struct destinations {
    const struct config *config;
    struct local_names local;
    bool no_aliases;
    struct aliases *aliases;        /* NULL: not read yet */
    bool sealed;                    /* no more reading: */
    struct error why;               /* of sealed ones that are NULL */
};

/* Nothing elsewhere has a name without a dot. */
static bool has_mailboxes(const struct config *config)
{
    const char *host = config->hostname;

    return text_equal_case(host, config->domain) && !host_is_anyones(host) &&
           strchr(host, '.') != NULL;
}

struct local_names destination_local_names(const struct config *config)
{
    return (struct local_names){
        .host = config->hostname,
        .kernel_name = config->kernel_name,
        .host_has_mailboxes = has_mailboxes(config),
    };
}

struct destinations *destinations_new(const struct config *config,
                                      bool no_aliases)
{
    struct destinations *where = alloc_zero(1, sizeof *where);

    where->config = config;
    where->local = destination_local_names(config);
    where->no_aliases = no_aliases || *config->aliases == '\0';
    return where;
}

void destinations_free(struct destinations *where)
{
    if (where == NULL)
        return;
    aliases_free(where->aliases);
    free(where);
}

bool destinations_current(const struct destinations *where)
{
    return where->aliases == NULL || aliases_is_current(where->aliases);
}

void destinations_renew(struct destinations *where)
{
    if (where->sealed || destinations_current(where))
        return;
    aliases_free(where->aliases);
    where->aliases = NULL;
}

/* Lines that are not an alias cost the others nothing; the first is logged. */
static struct aliases *load(const char *path, struct error *err)
{
    struct aliases *aliases = aliases_load(path, err);
    struct error junk;

    if (aliases != NULL && aliases_is_junk(aliases, 0, &junk))
        log_line(LOG_LEVEL_WARNING, "%s (newaliases shows all that is wrong)",
                 junk.text);
    return aliases;
}

static bool read_aliases(struct destinations *where, struct error *err)
{
    if (where->aliases == NULL && where->sealed)
        *err = where->why;
    else if (where->aliases == NULL)
        where->aliases = load(where->config->aliases, err);
    return where->aliases != NULL;
}

bool destinations_preload(struct destinations *where, struct error *err)
{
    if (where->no_aliases)
        return true;
    if (read_aliases(where, err)) {
        aliases_keep_files(where->aliases, &where->local);
        return true;
    }
    where->no_aliases = true;
    return false;
}

void destinations_seal(struct destinations *where)
{
    if (!where->no_aliases && read_aliases(where, &where->why))
        aliases_keep_files(where->aliases, &where->local);
    where->sealed = true;
}

/* The destinations of an alias. False with FAULT_NONE if it is not one. */
static bool expand(struct destinations *where, const char *address,
                   struct recipients *found, struct error *err)
{
    *err = (struct error){ .fault = FAULT_NONE };
    if (where->no_aliases)
        return false;

    char *name = local_name_of(address, &where->local);
    if (name == NULL)
        return false;
    bool expanded = read_aliases(where, err) &&
                    aliases_expand(where->aliases, name, &where->local, found);
    free(name);
    return expanded;
}

char *destinations_complete(const struct destinations *where,
                            const char *address)
{
    return address_complete(address, where->config->domain);
}

/* Where an address goes that is not an alias. */
static char *final_address(const struct destinations *where,
                           const char *address)
{
    char *name = local_name_without_alias(address, &where->local);
    char *path;

    if (name != NULL && *where->config->local_recipient != '\0')
        path = alloc_string(where->config->local_recipient);
    else if (name != NULL)
        path = destinations_complete(where, address);
    else
        path = alloc_string(address);
    free(name);
    return path;
}

/* Make addresses of the destinations of an alias. */
static void finish(const struct destinations *where, const char *alias,
                   struct recipients *found)
{
    struct strings names = found->addresses;
    struct error err = { 0 };

    found->addresses = (struct strings){ 0 };
    for (size_t i = 0; i < names.count; i++) {
        char *path = final_address(where, names.items[i]);
        if (address_check(path, &err)) {
            strings_take(&found->addresses, path);
        } else {
            error_prefix(&err, "alias %s", alias);
            error_remedy(&err, ALIASES_REMEDY);
            flaws_add(&found->flaws, path, strlen(path), &err);
            free(path);
        }
    }
    strings_free(&names);
}

bool destinations_find(struct destinations *where, const char *address,
                       struct recipients *found, struct error *err)
{
    if (expand(where, address, found, err))
        finish(where, address, found);
    else if (err->fault == FAULT_NONE)
        strings_take(&found->addresses, final_address(where, address));
    return err->fault == FAULT_NONE;
}

bool destinations_find_given(struct destinations *where, const char *name,
                             struct recipients *found, struct error *err)
{
    struct recipients alias = { 0 };
    bool given = expand(where, name, &alias, err) ||
                 *where->config->local_recipient != '\0';

    recipients_free(&alias);
    return err->fault == FAULT_NONE && given &&
           destinations_find(where, name, found, err);
}
