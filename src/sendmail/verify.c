#include "sendmail/commands.h"

#include <stdio.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "sendmail/options.h"
#include "sendmail/route.h"
#include "util/text.h"

/* One address and what became of it, in Sendmail's words. */
static void print_deliverable(const char *address, const char *host,
                              const struct envelope *env)
{
    for (size_t i = 0; i < env->count; i++)
        text_print(stdout, "%s... deliverable: mailer smtp, host [%s], user "
                   "%s\n", address, host, env->recipients[i].path);
}

static bool verify_one(struct route *route, const char *address,
                       const char *host)
{
    struct envelope env = { 0 };
    struct error err = { 0 };
    bool good = route_recipient(route, address, 0, NULL, &env, &err);

    if (good)
        print_deliverable(address, host, &env);
    else
        text_print(stdout, "%s... undeliverable: %s\n", address, err.text);
    envelope_free(&env);
    return good;
}

/* The addresses of one argument; false if one of them is bad. */
static bool verify_list(struct route *route, const char *text,
                        const char *host)
{
    struct mailbox_list list = { 0 };
    struct error err = { 0 };
    bool good = true;

    if (!route_parse(text, &list, &err)) {
        text_print(stdout, "undeliverable: %s\n", err.text);
        return false;
    }
    for (size_t i = 0; i < list.count; i++)
        if (!verify_one(route, list.items[i].address, host))
            good = false;
    mailbox_list_free(&list);
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
        if (!verify_list(route, *word, config->smarthosts[0].host))
            good = false;
    route_free(route);
    config_free(config);
    return good || error_set(err, FAULT_RECIPIENT, "not all of the addresses "
                             "are deliverable");
}
