#include "postrider/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "mail/address.h"
#include "postrider/commands.h"
#include "postrider/config_draft.h"
#include "postrider/readdress.h"
#include "postrider/terminal.h"
#include "postrider/waiting.h"
#include "util/alloc.h"
#include "util/process.h"

static const char provider_file[] = POSTRIDER_DATADIR "/providers";

static void print_providers(const struct providers *providers)
{
    for (size_t i = 0; i < providers->count; i++) {
        const struct provider *provider = &providers->items[i];
        printf("%-16s %-34s %s\n", provider->id, provider->name,
               provider->host);
    }
}

/* Without the file, everything can be typed. */
static bool load_providers(struct setup *setup, struct error *err)
{
    const char *path = setup->providers_file != NULL ? setup->providers_file
                                                     : provider_file;
    bool is_needed = setup->providers_file != NULL || setup->list_providers ||
                     setup->provider_id != NULL;

    return (!is_needed && access(path, F_OK) == -1 && errno == ENOENT) ||
           providers_load(&setup->providers, path, err);
}

/* A file that a package or an installer has put there means nothing yet. */
static bool has_no_smarthost(const char *path)
{
    struct error ignored;
    struct config *config = config_load_file(path, &ignored);
    bool is_empty = config != NULL && config->smarthost_count == 0;

    config_free(config);
    return is_empty;
}

static bool is_there(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

static bool ask_to_replace(struct setup *setup, const char *path,
                           struct error *err)
{
    if (!setup->has_person)
        return error_set(err, FAULT_CREATE, "%s exists: --replace keeps it as "
                         "%s.old", path, path);
    char *question = alloc_format("%s exists. Replace it, and keep it as "
                                  "%s.old?", path, path);
    bool answered = terminal_ask_yes(question, false, &setup->replace, err);
    free(question);
    if (answered && !setup->replace)
        return error_set(err, FAULT_CREATE, "%s stays as it is", path);
    return answered;
}

/* Asked before all else, so that no answers are in vain. */
static bool may_replace(struct setup *setup, struct error *err)
{
    bool done = true;

    if (setup->print || setup->replace)
        return true;
    if (is_there(setup->output)) {
        setup->replace = has_no_smarthost(setup->output);
        return setup->replace || ask_to_replace(setup, setup->output, err);
    }
    char *password = setup_secret_path(setup, "password");
    if (setup->password_command == NULL && !setup_uses_oauth(setup) &&
        is_there(password))
        done = ask_to_replace(setup, password, err);
    free(password);
    return done;
}

static bool print_draft(const struct setup *setup, struct error *err)
{
    struct config_draft *draft = setup_draft(setup);
    bool done = config_draft_check(draft, setup->output, err);

    if (done)
        config_draft_print(draft, setup->output, stdout);
    config_draft_free(draft);
    return done;
}

/* Is mail accepted by this configuration until the new one is written, and
 * knows of no smarthost? */
static bool mail_has_no_way(const struct setup *setup)
{
    struct error ignored;
    char *path = config_default_path();
    bool is_ours = path != NULL && strcmp(path, setup->output) == 0;
    struct config *config = is_ours ? config_load(&ignored) : NULL;
    bool has_none = is_ours && !setup->direct &&
                    (config == NULL ? !is_there(path)
                                    : config->smarthost_count == 0);

    config_free(config);
    free(path);
    return has_none;
}

static void readdress(const struct config *config)
{
    struct readdressed mail = readdress_all(config);

    if (mail.done > 0)
        terminal_print("Mail that was accepted without a smarthost has been "
                       "addressed again: %zu message%s\n", mail.done,
                       mail.done == 1 ? "" : "s");
    if (mail.left > 0)
        terminal_print("warning: %zu message%s could not be addressed again, "
                       "and will leave with the names that this machine had\n",
                       mail.left, mail.left == 1 ? "" : "s");
}

/* The next steps now that mail can leave. */
static bool report_all(struct setup *setup, struct config_draft *draft,
                       bool first, struct error *err)
{
    struct config *config = config_load_file(setup->output, err);

    if (config == NULL)
        return false;
    /* Before the daemon has a smarthost: it would send them at once. */
    if (first)
        readdress(config);
    struct waiting *waiting = waiting_note(config, NULL);
    config_draft_report(setup->output);
    if (setup_uses_oauth(setup) && !setup->is_logged_in)
        printf("Now: postrider-oauth login %s\n", setup->oauth_name);
    bool done = setup_offer_message(setup, draft, err);
    waiting_print(waiting, config);
    waiting_free(waiting);
    config_free(config);
    return done;
}

static bool write_down(struct setup *setup, struct error *err)
{
    struct config_draft *draft = setup_try(setup, err);
    bool first = mail_has_no_way(setup);
    bool done = draft != NULL &&
                config_draft_install(draft, setup->output, setup_user(setup),
                                     setup->replace, err);

    if (done)
        done = report_all(setup, draft, first, err);
    config_draft_free(draft);
    return done;
}

static bool find_user(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;
    bool has_password = setup->password_file != NULL ||
                        setup->password_command != NULL ||
                        setup_uses_oauth(setup);

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

/* The answer in the configuration that is replaced, or in the installer's
 * questions beside it. The caller frees it; NULL if there is nothing. */
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
                    .text = "Mail address for root and other local users"
                }, err);
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

/* Find out what is missing; else FAULT_USAGE with the option that gives it. */
static bool complete(struct setup *setup, struct error *err)
{
    if (!check_option("--address", setup->address, err) ||
        !check_option("--root-to", setup->root_to, err) ||
        !check_option("--test-to", setup->test_to, err) ||
        !setup_find_smarthost(setup, err) || !find_user(setup, err) ||
        !setup_find_client(setup, err) || !setup_read_password(setup, err) ||
        !find_root(setup, err) || !find_rewrite(setup, err))
        return false;
    return !setup->rewrite || setup->address != NULL ||
           error_set(err, FAULT_USAGE, "--address is missing: --rewrite sends "
                     "everything as that");
}

static bool prepare(struct setup *setup, struct error *err)
{
    setup->has_person = terminal_has_person();
    setup->asks_all = setup->has_person && setup->provider_id == NULL &&
                      setup->host == NULL && setup->address == NULL;
    /* Only root can have a daemon. */
    setup->direct = setup->direct || geteuid() != 0;
    if (setup->output == NULL)
        setup->output = config_default_path();
    if (setup->output == NULL)
        return error_set(err, FAULT_CONFIG, "no home directory is known") ||
               error_remedy(err, "give --output FILE");
    return load_providers(setup, err);
}

static bool run(struct setup *setup, struct error *err)
{
    if (!prepare(setup, err))
        return false;
    if (setup->list_providers) {
        print_providers(&setup->providers);
        return true;
    }
    if (!may_replace(setup, err) || !complete(setup, err))
        return false;
    return setup->print ? print_draft(setup, err) : write_down(setup, err);
}

/* On a terminal the text keeps to its lines, as all that was shown before. */
static int fail(const struct setup *setup, const struct error *err)
{
    if (!setup->has_person)
        return command_fail(err);
    terminal_print("postrider: %s\n", err->text);
    return error_exit_status(err->fault);
}

int command_setup(int argc, char **argv)
{
    struct setup setup = { 0 };
    struct error err = { 0 };

    process_hide_memory();
    bool done = setup_parse(&setup, argc, argv, &err);
    if (done && setup.help)
        setup_print_options();
    else
        done = done && run(&setup, &err);
    int status = done ? EX_OK : fail(&setup, &err);
    setup_free(&setup);
    return status;
}
