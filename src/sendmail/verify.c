/* verify.c - -bv: show what becomes of addresses */
#include "sendmail/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/recipients.h"
#include "sendmail/options.h"
#include "sendmail/route.h"
#include "util/strings.h"
#include "util/text.h"

/* One address and what became of it, in Sendmail's words. */
static void print_parts(const char *address, const char *host,
                        const struct envelope *env)
{
    for (size_t i = 0; i < env->count; i++) {
        const struct recipient *rcpt = &env->recipients[i];
        if (rcpt->flaw != NULL)
            text_print(stdout, "%s... undeliverable: %s\n", address,
                       rcpt->flaw);
        else
            text_print(stdout, "%s... deliverable: mailer smtp, host [%s], "
                       "user %s\n", address, host, rcpt->path);
    }
}

/* Reports about mail of a local name go where mail to it goes, unless a sender
 * section changes its reverse-path. Scripts read standard output. */
static void remark_reports(const struct config *config, const char *name)
{
    struct recipients found = { 0 };
    struct error ignored;

    if (address_at(name) != NULL || *config->redirect_all != '\0')
        return;
    char *path = address_complete(name, config->domain);
    const struct sender_rule *rule = config_sender(config, name, path, NULL);
    struct destinations *where = destinations_new(config, false);
    if (rule != NULL && *rule->address != '\0' &&
        destinations_find(where, rule->address, &found, &ignored))
        for (size_t i = 0; i < found.addresses.count; i++)
            text_print(stderr, "%s... reports about its mail go to %s\n",
                       name, found.addresses.items[i]);
    recipients_free(&found);
    destinations_free(where);
    free(path);
}

static bool verify_one(struct route *route, const char *address,
                       const char *host)
{
    struct envelope env = { 0 };
    struct error err = { 0 };
    size_t before = route_discarded(route)->count;
    bool good = route_recipient(route, address, NULL, &env, &err);

    print_parts(address, host, &env);
    if (route_discarded(route)->count > before)
        text_print(stdout, "%s... deliverable: its mail is discarded\n",
                   address);
    else if (!good && env.count == 0)
        text_print(stdout, "%s... undeliverable: %s\n", address, err.text);
    for (size_t i = 0; i < env.count; i++)
        good = good && env.recipients[i].flaw == NULL;
    envelope_free(&env);
    return good;
}

/* The addresses of one argument; false if one of them is bad. */
static bool verify_list(struct route *route, const char *text,
                        const struct config *config)
{
    const char *host = config->smarthosts[0].host;
    struct mailbox_list list = { 0 };
    struct flaws flaws = { 0 };

    route_parse(text, &list, &flaws);
    bool good = flaws.texts.count == 0;
    for (size_t i = 0; i < flaws.texts.count; i++)
        text_print(stdout, "undeliverable: %s\n", flaws.reasons.items[i]);
    for (size_t i = 0; i < list.count; i++)
        if (verify_one(route, list.items[i].address, host))
            remark_reports(config, list.items[i].address);
        else
            good = false;
    mailbox_list_free(&list);
    flaws_free(&flaws);
    return good;
}

bool command_verify(const struct options *opt, struct error *err)
{
    char *const *word = opt->message.recipients;
    bool good = true;

    if (*word == NULL)
        return error_set(err, FAULT_USAGE,
                         "Recipient names must be specified");
    struct config *config = command_config(err);
    if (config == NULL)
        return false;
    if (config->smarthost_count == 0) {
        config_free(config);
        return error_set(err, FAULT_CONFIG, "no smarthost is configured");
    }

    struct route *route = route_new(config, opt->message.no_aliases);
    for (; *word != NULL; word++)
        if (!verify_list(route, *word, config))
            good = false;
    route_free(route);
    config_free(config);
    return good || error_set(err, FAULT_RECIPIENT, "not all of the addresses "
                             "are deliverable");
}
