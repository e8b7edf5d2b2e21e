/* setup_smarthost.c - the smarthost of setup: given, a provider's, or DNS */
#include "postrider/setup.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/address.h"
#include "net/srv.h"
#include "postrider/terminal.h"
#include "relay/connect.h"
#include "util/alloc.h"

static const char *domain_of(const char *address)
{
    return address_at(address) + 1;
}

static bool offer_provider(struct setup *setup, struct error *err)
{
    const struct provider *provider =
        providers_of_domain(&setup->providers, domain_of(setup->address));
    bool agreed = true;

    if (provider == NULL)
        return true;
    if (setup->has_person) {
        char *question = alloc_format("That is %s. Right?", provider->name);
        bool answered = terminal_ask_yes(question, true, &agreed, err);
        free(question);
        if (!answered)
            return false;
    }
    if (agreed)
        setup->provider = provider;
    return true;
}

/* RFC 8314 section 3: TLS from the start is to be preferred. */
static bool look_up(struct srv_list *list, const char *domain, bool *implicit,
                    struct error *err)
{
    *implicit = true;
    if (!srv_lookup(list, "_submissions._tcp", domain, err))
        return false;
    if (list->count > 0)
        return true;
    *implicit = false;
    return srv_lookup(list, "_submission._tcp", domain, err);
}

/* RFC 6186 section 6: any host could have answered, so that one elsewhere
 * needs a person who knows it. */
static bool accept_target(struct setup *setup, const struct srv_target *target,
                          const char *domain, bool *agreed, struct error *err)
{
    bool is_inside = srv_in_domain(target->host, domain);

    *agreed = true;
    if (setup->has_person) {
        terminal_print("The DNS of %s names %s port %u for its mail.%s\n",
                       domain, target->host, target->port,
                       is_inside ? "" :
                       " That is another domain, and the answer "
                                 "could be forged.");
        return terminal_ask_yes("Is that right?", is_inside, agreed, err);
    }
    return is_inside ||
           error_set(err, FAULT_USAGE, "the DNS of %s names %s port %u for "
                     "its mail, which is another domain: if that is right, "
                     "give --host %s --port %u", domain, target->host,
                     target->port, target->host, target->port);
}

static bool ask_domain(struct setup *setup, struct error *err)
{
    const char *domain = domain_of(setup->address);
    struct srv_list list;
    bool implicit, agreed = false;

    if (*domain == '[')
        return true;
    if (!look_up(&list, domain, &implicit, err)) {
        terminal_print("%s\n", err->text);
        return true;
    }
    bool done = list.count == 0 ||
                accept_target(setup, &list.items[0], domain, &agreed, err);
    if (done && agreed) {
        setup_use(&setup->host, list.items[0].host);
        if (setup->port == NULL)
            setup->port = alloc_format("%u", list.items[0].port);
        setup_use(&setup->tls, implicit ? "implicit" : "starttls");
        /* RFC 6186 section 4 would try it first. */
        if (!setup->has_person)
            setup_use(&setup->user, setup->address);
    }
    srv_list_free(&list);
    return done;
}

static void list_providers(const struct providers *providers)
{
    for (size_t i = 0; i < providers->count; i++)
        terminal_print("  %-16s %s\n", providers->items[i].id,
                       providers->items[i].name);
}

/* A typing error is best seen while it is on the screen. */
static bool is_found(struct setup *setup, bool *agreed, struct error *err)
{
    const struct smarthost smarthost = { .host = setup->host, .port = 587 };
    struct targets targets = { 0 };
    struct error why = { 0 };

    *agreed = setup->no_test || targets_find(&targets, &smarthost, &why);
    targets_free(&targets);
    if (*agreed)
        return true;
    terminal_print("%s\n", why.text);
    return terminal_ask_yes("Use it anyway?", false, agreed, err);
}

/* A host, or a provider: the person alone knows. */
static bool ask_name(struct setup *setup, struct error *err)
{
    bool agreed = false;

    while (setup_need(setup, &setup->host, &(struct question){
               .option = "--host or --provider",
               .text = "Smarthost, or a provider (? lists them)" }, err)) {
        bool wants_list = strcmp(setup->host, "?") == 0;
        setup->provider = providers_find(&setup->providers, setup->host);
        if (wants_list)
            list_providers(&setup->providers);
        else if (setup->provider == NULL &&
                 setup_is_right("host", setup->host) &&
                 !is_found(setup, &agreed, err))
            return false;
        if (agreed)
            return true;
        setup_forget(&setup->host);
        if (setup->provider != NULL)
            return true;
    }
    return false;
}

static bool find_smarthost(struct setup *setup, struct error *err)
{
    if (setup->provider_id != NULL) {
        setup->provider = providers_find(&setup->providers,
                                         setup->provider_id);
        return setup->provider != NULL ||
               error_set(err, FAULT_USAGE, "--provider %s: not known",
                         setup->provider_id) ||
               error_remedy(err, "see --list-providers");
    }
    if (setup->host != NULL)
        return !setup->has_person || setup_need_address(setup, err);
    if (!setup_need_address(setup, err) || !offer_provider(setup, err))
        return false;
    if (setup->provider == NULL && !ask_domain(setup, err))
        return false;
    return setup->provider != NULL || setup->host != NULL ||
           ask_name(setup, err);
}

static bool fill_region(struct setup *setup, struct error *err)
{
    static const char mark[] = "{region}";
    const char *host = setup->provider->host;
    const char *place = strstr(host, mark);

    if (place == NULL) {
        setup_use(&setup->host, host);
        return true;
    }
    if (!setup->has_person)
        setup_use(&setup->region, setup->provider->region);
    if (!setup_need(setup, &setup->region, &(struct question){
            .option = "--region", .text = "Region",
            .usual = setup->provider->region }, err))
        return false;
    setup->host = alloc_format("%.*s%s%s", (int)(place - host), host,
                               setup->region, place + strlen(mark));
    return true;
}

static bool find_certificate(struct setup *setup, struct error *err)
{
    if (setup->provider->self_signed == NULL || setup->fingerprint != NULL ||
        setup->print)
        return true;
    return setup_need(setup, &setup->ca_file, &(struct question){
        .option = "--tls-ca-file or --tls-fingerprint",
        .text = "The file of its certificate", .check = "tls_ca_file" }, err);
}

/* Notes of the provider about itself. */
static bool take_provider(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;

    if (setup->has_person)
        for (size_t i = 0; i < provider->notes.count; i++)
            terminal_print("%s\n", provider->notes.items[i]);
    if (!fill_region(setup, err) || !find_certificate(setup, err))
        return false;
    /* Another port may have TLS in another way. */
    if (setup->port == NULL) {
        setup_use(&setup->port, provider->port);
        setup_use(&setup->tls, provider->tls);
    }
    setup_use(&setup->auth, provider->auth);
    if (setup->user == NULL && provider->login == NULL)
        setup_use(&setup->user, provider->user);
    return setup->address != NULL ||
           (!provider_wants_sender(provider) &&
            (setup->user != NULL || provider->login != NULL)) ||
           setup_need_address(setup, err);
}

bool setup_ask_port(struct setup *setup, struct error *err)
{
    if (!setup_need(setup, &setup->port, &(struct question){
            .option = "--port", .text = "Port", .usual = "587",
            .check = "port" }, err))
        return false;
    if (strcmp(setup->port, "465") == 0)
        setup_use(&setup->tls, "implicit");
    return true;
}

static bool find_port(struct setup *setup, struct error *err)
{
    bool is_asked = setup->asks_all && setup->provider == NULL;

    return (setup->port == NULL && !is_asked) || setup_ask_port(setup, err);
}

bool setup_ask_host(struct setup *setup, struct error *err)
{
    return ask_name(setup, err) &&
           (setup->provider != NULL ? take_provider(setup, err)
                                    : setup_ask_port(setup, err));
}

bool setup_find_smarthost(struct setup *setup, struct error *err)
{
    return find_smarthost(setup, err) &&
           (setup->provider == NULL || take_provider(setup, err)) &&
           find_port(setup, err);
}
