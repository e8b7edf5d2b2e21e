/* setup_draft.c - the answers of setup as a configuration */
#include "postrider/setup.h"

#include <inttypes.h>
#include <stdlib.h>

#include "mail/address.h"
#include "postrider/config_draft.h"
#include "postrider/secrets.h"
#include "util/alloc.h"

/* A public provider's domain is nobody's own: "bob" must not become a
 * stranger's address there. */
static void set_domain(const struct setup *setup, struct recipe *recipe)
{
    if (setup->domain != NULL) {
        recipe_set(recipe, "domain", setup->domain);
        return;
    }
    if (setup->address == NULL)
        return;
    const char *domain = address_at(setup->address) + 1;
    if (*domain != '[' &&
        providers_of_domain(&setup->providers, domain) == NULL)
        recipe_set(recipe, "domain", domain);
}

char *setup_password_path(const struct setup *setup)
{
    char *folder = secrets_folder(setup->output);
    char *path = alloc_format("%s/password", folder);

    free(folder);
    return path;
}

static void set_credentials(const struct setup *setup, struct recipe *recipe)
{
    if (setup->user == NULL || *setup->user == '\0')
        return;
    recipe_set(recipe, "user", setup->user);
    if (setup->password_command != NULL) {
        recipe_set(recipe, "password_command", setup->password_command);
    } else if (setup->print) {
        char *path = setup_password_path(setup);
        recipe_set(recipe, "password_file", path);
        free(path);
    } else {
        recipe_password(recipe, setup->password.data);
    }
}

static void set_limit(const struct setup *setup, struct recipe *recipe)
{
    if (setup->size_limit == 0)
        return;
    char *limit = alloc_format("%" PRIu64, setup->size_limit);
    recipe_remark(recipe, "What the smarthost takes.");
    recipe_set(recipe, "message_size_limit", limit);
    free(limit);
}

static void set_top(const struct setup *setup, struct recipe *recipe)
{
    recipe_remark(recipe, "Written by postrider setup; postrider.conf(5) is "
                  "the reference.");
    recipe_set(recipe, "hostname", setup->hostname);
    set_domain(setup, recipe);
    recipe_set(recipe, "local_recipient", setup->root_to);
    recipe_set(recipe, "delivery", setup->direct ? "direct" : "queue");
    set_limit(setup, recipe);
}

static void set_smarthost(const struct setup *setup, struct recipe *recipe)
{
    if (setup->provider != NULL)
        recipe_remark(recipe, "%s", setup->provider->name);
    recipe_section(recipe, "smarthost", "main");
    recipe_set(recipe, "host", setup->host);
    recipe_set(recipe, "port", setup->port);
    recipe_set(recipe, "tls", setup->tls);
    recipe_set(recipe, "tls_ca_file", setup->ca_file);
    recipe_set(recipe, "tls_fingerprint", setup->fingerprint);
    recipe_set(recipe, "auth", setup->auth);
    set_credentials(setup, recipe);
}

/* The first section that matches counts: that of reports comes before the one
 * of all. */
static void set_senders(const struct setup *setup, struct recipe *recipe)
{
    bool only_account = setup->provider != NULL && setup->rewrite &&
                        provider_wants_sender(setup->provider);

    if (setup->address != NULL && (setup->refuses_null || only_account)) {
        recipe_remark(recipe, "Reports to senders: only the account may send.");
        recipe_section(recipe, "sender", "<>");
        recipe_set(recipe, "address", setup->address);
    }
    if (setup->rewrite) {
        recipe_section(recipe, "sender", "*");
        recipe_set(recipe, "address", setup->address);
    }
}

struct recipe *setup_recipe(const struct setup *setup)
{
    struct recipe *recipe = recipe_new();

    set_top(setup, recipe);
    set_smarthost(setup, recipe);
    set_senders(setup, recipe);
    return recipe;
}
