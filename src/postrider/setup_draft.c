/* setup_draft.c - the answers of setup as a configuration */
#include "postrider/setup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "postrider/config_draft.h"
#include "postrider/secrets.h"
#include "util/alloc.h"

/* A public provider's domain belongs to no user: "bob" must not become a
 * stranger's address there. */
static void set_domain(const struct setup *setup, struct config_draft *draft)
{
    if (setup->domain != NULL) {
        config_draft_set(draft, "domain", setup->domain);
        return;
    }
    if (setup->address == NULL)
        return;
    const char *domain = address_at(setup->address) + 1;
    if (*domain != '[' &&
        providers_of_domain(&setup->providers, domain) == NULL)
        config_draft_set(draft, "domain", domain);
}

const char *setup_user(const struct setup *setup)
{
    return setup->direct ? "" : "postrider";
}

char *setup_secret_path(const struct setup *setup, const char *name)
{
    char *folder = secrets_folder(setup->output);
    char *path = alloc_format("%s/%s", folder, name);

    free(folder);
    return path;
}

static void set_url(const struct setup *setup, struct config_draft *draft,
                    const char *key, const char *url)
{
    const char *place = url == NULL ? NULL : strstr(url, SETUP_TENANT);

    if (place == NULL) {
        config_draft_set(draft, key, url);
        return;
    }
    char *whole = alloc_format("%.*s%s%s", (int)(place - url), url,
                               setup->tenant, place + strlen(SETUP_TENANT));
    config_draft_set(draft, key, whole);
    free(whole);
}

static void set_client(const struct setup *setup, struct config_draft *draft)
{
    const struct provider *provider = setup->provider;

    config_draft_section(draft, "oauth", setup->oauth_name);
    set_url(setup, draft, "token_url", provider->token_url);
    set_url(setup, draft, "device_url", provider->device_url);
    set_url(setup, draft, "authorize_url", provider->authorize_url);
    set_url(setup, draft, "revoke_url", provider->revoke_url);
    config_draft_set(draft, "client_id", setup->client_id);
    config_draft_set(draft, "scope", provider->scope);
    config_draft_set(draft, "tls_ca_file", setup->ca_file);
    if (setup->client_secret.data != NULL) {
        config_draft_password(draft, setup->client_secret.data);
    } else if (setup->client_secret_file != NULL) {
        char *path = setup_secret_path(setup, "client-secret");
        config_draft_set(draft, "client_secret_file", path);
        free(path);
    }
}

static void set_credentials(const struct setup *setup,
                            struct config_draft *draft)
{
    if (setup->user == NULL || *setup->user == '\0')
        return;
    config_draft_set(draft, "user", setup->user);
    if (setup_uses_oauth(setup)) {
        config_draft_set(draft, "oauth", setup->oauth_name);
    } else if (setup->password_command != NULL) {
        config_draft_set(draft, "password_command", setup->password_command);
    } else if (setup->print) {
        char *path = setup_secret_path(setup, "password");
        config_draft_set(draft, "password_file", path);
        free(path);
    } else {
        config_draft_password(draft, setup->password.data);
    }
}

static void set_limit(const struct setup *setup, struct config_draft *draft)
{
    if (setup->size_limit == 0)
        return;
    char *limit = alloc_format("%" PRIu64, setup->size_limit);
    config_draft_remark(draft, "The largest message that the smarthost takes.");
    config_draft_set(draft, "message_size_limit", limit);
    free(limit);
}

static void set_top(const struct setup *setup, struct config_draft *draft)
{
    config_draft_remark(draft,
                        "Written by postrider setup; postrider.conf(5) is "
                        "the reference.");
    config_draft_set(draft, "hostname", setup->hostname);
    set_domain(setup, draft);
    config_draft_set(draft, "local_recipient", setup->root_to);
    config_draft_set(draft, "delivery", setup->direct ? "direct" : "queue");
    set_limit(setup, draft);
}

static void set_smarthost(const struct setup *setup, struct config_draft *draft)
{
    if (setup->provider != NULL)
        config_draft_remark(draft, "%s", setup->provider->name);
    config_draft_section(draft, "smarthost", "main");
    config_draft_set(draft, "host", setup->host);
    config_draft_set(draft, "port", setup->port);
    config_draft_set(draft, "tls", setup->tls);
    config_draft_set(draft, "tls_ca_file", setup->ca_file);
    config_draft_set(draft, "tls_fingerprint", setup->fingerprint);
    config_draft_set(draft, "auth", setup->auth);
    set_credentials(setup, draft);
    if (setup->provider != NULL)
        config_draft_set(draft, "connections", setup->provider->connections);
}

/* The first section that matches counts: that of reports comes before the one
 * of all. */
static void set_senders(const struct setup *setup, struct config_draft *draft)
{
    bool only_account = setup->provider != NULL && setup->rewrite &&
                        provider_wants_sender(setup->provider);

    if (setup->address != NULL && (setup->refuses_null || only_account)) {
        config_draft_remark(draft,
                            "Reports to senders: only the account may send.");
        config_draft_section(draft, "sender", "<>");
        config_draft_set(draft, "address", setup->address);
    }
    if (setup->rewrite) {
        config_draft_section(draft, "sender", "*");
        config_draft_set(draft, "address", setup->address);
    }
}

struct config_draft *setup_draft(const struct setup *setup)
{
    struct config_draft *draft = config_draft_new();

    set_top(setup, draft);
    if (setup_uses_oauth(setup))
        set_client(setup, draft);
    set_smarthost(setup, draft);
    set_senders(setup, draft);
    return draft;
}
