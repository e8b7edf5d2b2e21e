/* setup_complete.c - setup finds out what is missing, in its order */
#include "postrider/setup.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/address.h"
#include "postrider/terminal.h"
#include "util/alloc.h"

static bool find_user(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;
    bool has_password = setup->password_file != NULL ||
                        setup->password_command != NULL;

    if (setup->user != NULL ||
        (setup->auth != NULL && strcmp(setup->auth, "none") == 0))
        return true;
    if (provider != NULL && provider->login != NULL)
        return setup_need(setup, &setup->user, &(struct question){
            .option = "--user", .text = provider->login }, err);
    if (provider == NULL && setup->has_person)
        return setup_ask_user(setup, err);
    if (provider != NULL || (has_password && setup->address != NULL))
        setup_use(&setup->user, setup->address);
    if (setup->user == NULL && has_password)
        return error_set(err, FAULT_USAGE, "--user is missing: there is a "
                         "password");
    if (setup->user == NULL && setup->address != NULL)
        return error_set(err, FAULT_USAGE, "--password-file is missing: the "
                         "password of %s; --auth none if the smarthost wants "
                         "no login", setup->address);
    return true;
}

/* What the configuration that is replaced says, or the installer's questions
 * beside it. The caller frees it; NULL if there is nothing. */
static char *root_before(const struct setup *setup)
{
    char *usual = config_default_path();
    bool is_usual = usual != NULL && strcmp(usual, setup->output) == 0;
    struct error ignored;
    struct config *config = is_usual
                            ? config_load(&ignored)
                            : config_load_file(setup->output, &ignored);
    char *before = config != NULL && *config->local_recipient != '\0'
                   ? alloc_string(config->local_recipient) : NULL;

    config_free(config);
    free(usual);
    return before;
}

static bool find_root(struct setup *setup, struct error *err)
{
    char *before = root_before(setup);

    if (!setup->has_person)         /* not every machine needs it */
        setup_use(&setup->root_to, before);
    bool done = !setup->has_person ||
                setup_need(setup, &setup->root_to, &(struct question){
                    .option = "--root-to",
                    .usual = before != NULL ? before : setup->address,
                    .check = "local_recipient",
                    .text = "Where is mail to root and other users of this "
                            "machine to go?" }, err);
    free(before);
    return done;
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
    char *question = alloc_format("Send everything as %s, whatever its sender?",
                                  setup->address);
    bool done = terminal_ask_yes(question, false, &setup->rewrite, err);
    free(question);
    return done;
}

static bool check_option(const char *option, const char *address,
                         struct error *err)
{
    return address == NULL || address_check(address, err) ||
           error_prefix(err, "%s", option);
}

bool setup_complete(struct setup *setup, struct error *err)
{
    if (!check_option("--address", setup->address, err) ||
        !check_option("--root-to", setup->root_to, err) ||
        !check_option("--test-to", setup->test_to, err) ||
        !setup_find_smarthost(setup, err) || !find_user(setup, err) ||
        !setup_read_password(setup, err) || !find_root(setup, err) ||
        !find_rewrite(setup, err))
        return false;
    return !setup->rewrite || setup->address != NULL ||
           error_set(err, FAULT_USAGE, "--address is missing: what --rewrite "
                     "makes the sender");
}
