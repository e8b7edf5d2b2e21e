/* What postrider setup must know, from whoever knows it: the command line, a
 * provider, the domain's records, a person. */
#include "postrider/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"
#include "net/srv.h"
#include "postrider/ask_person.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

#define PASSWORD_MAX ((size_t)64 << 10)

/* Ask the person, or say which option is missing. "" is an answer if there is
 * a usual one. */
static bool need(struct setup *setup, char **answer, const char *option,
                 const char *question, const char *usual, struct error *err)
{
    if (*answer != NULL)
        return true;
    if (!setup->has_person) {
        error_set(err, FAULT_USAGE, "%s is missing: %s", option, question);
        return false;
    }
    do {
        free(*answer);
        *answer = ask_text(question, usual, err);
    } while (*answer != NULL && **answer == '\0' && usual == NULL);
    return *answer != NULL;
}

static void use(char **answer, const char *text)
{
    if (*answer == NULL)
        *answer = alloc_string(text);
}

static const char *domain_of(const char *address)
{
    return address_at(address) + 1;
}

static bool find_address(struct setup *setup, struct error *err)
{
    while (need(setup, &setup->address, "--address", "Your mail address", NULL,
                err)) {
        if (address_check(setup->address, err))
            return true;
        ask_say("%s\n", err->text);
        free(setup->address);
        setup->address = NULL;
    }
    return false;
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
        bool answered = ask_yes(question, true, &agreed, err);
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

/* RFC 6186 section 6: anybody could have answered, so that a host elsewhere
 * needs somebody who knows it. */
static bool accept_target(struct setup *setup, const struct srv_target *target,
                          const char *domain, bool *agreed, struct error *err)
{
    bool is_inside = srv_in_domain(target->host, domain);

    *agreed = true;
    if (setup->has_person) {
        ask_say("%s says that its mail goes out through %s port %u.%s\n",
                domain, target->host, target->port,
                is_inside ? "" : " That is another domain, and the answer "
                                 "could be forged.");
        return ask_yes("Is that right?", is_inside, agreed, err);
    }
    return is_inside ||
           error_set(err, FAULT_USAGE, "%s says that its mail goes out "
                     "through %s port %u, which is another domain: if that is "
                     "right, give --host %s --port %u", domain, target->host,
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
        ask_say("%s\n", err->text);
        return true;
    }
    bool done = list.count == 0 ||
                accept_target(setup, &list.items[0], domain, &agreed, err);
    if (done && agreed) {
        use(&setup->host, list.items[0].host);
        if (setup->port == NULL)
            setup->port = alloc_format("%u", list.items[0].port);
        use(&setup->tls, implicit ? "implicit" : "starttls");
    }
    srv_list_free(&list);
    return done;
}

static void list_providers(const struct providers *providers)
{
    for (size_t i = 0; i < providers->count; i++)
        ask_say("  %-16s %s\n", providers->items[i].id,
                providers->items[i].name);
}

/* Nobody knows but the person: a host, or a provider. */
static bool ask_host(struct setup *setup, struct error *err)
{
    for (;;) {
        char *answer = NULL;
        if (!need(setup, &answer, "--host or --provider",
                  "Smarthost, or a provider (? lists them)", NULL, err))
            return false;
        setup->provider = providers_find(&setup->providers, answer);
        if (setup->provider == NULL && strcmp(answer, "?") != 0) {
            setup->host = answer;
            return true;
        }
        free(answer);
        if (setup->provider != NULL)
            return true;
        list_providers(&setup->providers);
    }
}

static bool find_smarthost(struct setup *setup, struct error *err)
{
    if (setup->provider_id != NULL) {
        setup->provider = providers_find(&setup->providers,
                                         setup->provider_id);
        return setup->provider != NULL ||
               error_set(err, FAULT_USAGE, "--provider %s: not known: see "
                         "--list-providers", setup->provider_id);
    }
    if (setup->host != NULL)
        return true;
    if (!find_address(setup, err) || !offer_provider(setup, err))
        return false;
    if (setup->provider == NULL && !ask_domain(setup, err))
        return false;
    return setup->provider != NULL || setup->host != NULL ||
           ask_host(setup, err);
}

static bool fill_region(struct setup *setup, struct error *err)
{
    static const char mark[] = "{region}";
    const char *host = setup->provider->host;
    const char *place = strstr(host, mark);

    if (place == NULL) {
        use(&setup->host, host);
        return true;
    }
    if (!setup->has_person)
        use(&setup->region, setup->provider->region);
    if (!need(setup, &setup->region, "--region", "Region",
              setup->provider->region, err))
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
    return need(setup, &setup->ca_file, "--tls-ca-file or --tls-fingerprint",
                "The file of its certificate", NULL, err);
}

/* What the provider says about itself. */
static bool take_provider(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;

    if (setup->has_person)
        for (size_t i = 0; i < provider->notes.count; i++)
            ask_say("%s\n", provider->notes.items[i]);
    if (!fill_region(setup, err) || !find_certificate(setup, err))
        return false;
    use(&setup->port, provider->port);
    use(&setup->tls, provider->tls);
    use(&setup->auth, provider->auth);
    if (setup->user == NULL && provider->login == NULL)
        use(&setup->user, provider->user);
    return setup->address != NULL ||
           (!provider_wants_sender(provider) &&
            (setup->user != NULL || provider->login != NULL)) ||
           find_address(setup, err);
}

static bool find_port(struct setup *setup, struct error *err)
{
    if (setup->asks_all &&
        !need(setup, &setup->port, "--port", "Port", "587", err))
        return false;
    if (setup->port != NULL && strcmp(setup->port, "465") == 0)
        use(&setup->tls, "implicit");
    return true;
}

/* A smarthost within an organisation may want no login at all: then the user
 * stays unknown, or is "". */
static bool find_user(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;
    bool has_password = setup->password_file != NULL ||
                        setup->password_command != NULL;

    if (setup->user != NULL)
        return true;
    if (provider != NULL && provider->login != NULL)
        return need(setup, &setup->user, "--user", provider->login, NULL, err);
    if (provider == NULL && setup->asks_all) {
        ask_say("Login name; \"-\" if the smarthost wants no password.\n");
        if (!need(setup, &setup->user, "--user", "Login name",
                  setup->address, err))
            return false;
        if (strcmp(setup->user, "-") == 0)
            *setup->user = '\0';
        return true;
    }
    if (provider != NULL || (has_password && setup->address != NULL))
        use(&setup->user, setup->address);
    if (setup->user == NULL && has_password)
        return error_set(err, FAULT_USAGE, "--user is missing: there is a "
                         "password");
    return true;
}

static bool read_file(int fd, struct secret *password, struct error *err)
{
    struct buf text;

    buf_init(&text, PASSWORD_MAX);
    /* At once, so that no copy is left behind by growing. */
    buf_reserve(&text, PASSWORD_MAX / 2);
    bool done = io_read_all(fd, &text, err);
    if (done) {
        size_t length = strcspn(text.data, "\r\n");
        secret_take(password, alloc_bytes(text.data, length), length);
    }
    buf_wipe(&text);
    return done;
}

static bool read_password_file(struct setup *setup, struct error *err)
{
    bool is_input = strcmp(setup->password_file, "-") == 0;
    int fd = is_input ? STDIN_FILENO
                      : open(setup->password_file, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return error_sys(err, FAULT_INPUT, "%s", setup->password_file);
    bool done = read_file(fd, &setup->password, err) ||
                error_prefix(err, "%s", setup->password_file);
    if (!is_input)
        io_close(&fd);
    return done;
}

bool setup_read_password(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;
    const char *what = provider != NULL && provider->password != NULL
                           ? provider->password
                           : "the password of this login name";

    if (setup->user == NULL || *setup->user == '\0' ||
        setup->password_command != NULL)
        return true;
    if (provider != NULL && provider_wants_token(provider))
        return need(setup, &setup->password_command, "--password-command",
                    "A program that prints the OAuth token", NULL, err);
    if (setup->print)
        return true;
    if (setup->password_file != NULL)
        return read_password_file(setup, err);
    if (!setup->has_person)
        return error_set(err, FAULT_USAGE, "--password-file is missing: %s",
                         what);
    ask_say("It wants %s. Nothing is shown while you type.\n", what);
    do {
        secret_wipe(&setup->password);
        if (!ask_secret("Password", &setup->password, err))
            return false;
    } while (setup->password.length == 0);
    return true;
}

static bool find_root(struct setup *setup, struct error *err)
{
    if (!setup->asks_all || setup->root_to != NULL)
        return true;
    return need(setup, &setup->root_to, "--root-to", "Where is mail to root "
                "and other users of this machine to go?", setup->address,
                err);
}

static bool find_rewrite(struct setup *setup, struct error *err)
{
    if (setup->rewrite || setup->no_rewrite)
        return true;
    if (setup->provider != NULL && provider_wants_sender(setup->provider)) {
        setup->rewrite = true;
        return true;
    }
    if (!setup->asks_all || setup->address == NULL)
        return true;
    char *question = alloc_format("Send everything as %s, whoever it is from?",
                                  setup->address);
    bool done = ask_yes(question, false, &setup->rewrite, err);
    free(question);
    return done;
}

bool setup_complete(struct setup *setup, struct error *err)
{
    if ((setup->address != NULL && !address_check(setup->address, err)) ||
        !find_smarthost(setup, err) ||
        (setup->provider != NULL && !take_provider(setup, err)) ||
        (setup->provider == NULL && !find_port(setup, err)) ||
        !find_user(setup, err) || !setup_read_password(setup, err) ||
        !find_root(setup, err) || !find_rewrite(setup, err))
        return false;
    return !setup->rewrite || setup->address != NULL ||
           error_set(err, FAULT_USAGE, "--address is missing: what --rewrite "
                     "makes the sender");
}
