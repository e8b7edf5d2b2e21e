/* setup_oauth.c - setup makes an OAuth client of this machine, and logs in */
#include "postrider/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/config_draft.h"
#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/process.h"
#include "util/text.h"

#define PROGRAM "postrider-oauth"

/* Without a client there are no tokens; a program of their own may print
 * them. */
static bool needs_client(const struct setup *setup)
{
    const struct provider *provider = setup->provider;

    return provider != NULL && provider->token_url != NULL &&
           provider_wants_token(provider) && setup->password_command == NULL &&
           setup->password_file == NULL;
}

static bool check_options(const struct setup *setup, struct error *err)
{
    bool has_password = setup->password_file != NULL ||
                        setup->password_command != NULL;
    bool is_known = setup->provider != NULL &&
                    setup->provider->token_url != NULL;

    if (setup->client_id != NULL && has_password)
        return error_set(err, FAULT_USAGE, "--client-id takes the place of a "
                         "password: give only one of them");
    if (setup->client_id != NULL && setup->user == NULL)
        return error_set(err, FAULT_USAGE, "--client-id: with --auth none "
                         "there is no login");
    if (setup->client_id != NULL && !is_known)
        return error_set(err, FAULT_USAGE, "--client-id: the addresses of the "
                         "authorization server are not known") ||
               error_remedy(err, "give --provider, or write a section oauth: "
                            "postrider.conf(5)");
    return true;
}

/* It becomes a part of an address. */
static bool is_tenant(const char *text)
{
    while (text_is_alpha(*text) || text_is_digit(*text) || *text == '.' ||
           *text == '-')
        text++;
    return *text == '\0';
}

static bool find_tenant(struct setup *setup, struct error *err)
{
    if (strstr(setup->provider->token_url, SETUP_TENANT) == NULL)
        return true;
    setup_use(&setup->tenant, setup->provider->tenant);
    return setup_need(setup, &setup->tenant, &(struct question){
               .option = "--tenant",
               .text = "Directory (tenant) ID, or a domain of it" }, err) &&
           (is_tenant(setup->tenant) ||
            error_set(err, FAULT_USAGE, "--tenant %s: must be an ID or a "
                      "domain", setup->tenant));
}

static bool find_secret(struct setup *setup, struct error *err)
{
    if (setup->provider->client_secret != NULL &&
        !setup_need(setup, &setup->client_secret_file, &(struct question){
            .option = "--client-secret-file",
            .text = "The file whose first line is the client's secret" }, err))
        return false;
    return setup->client_secret_file == NULL || setup->print ||
           setup_read_secret(setup->client_secret_file, &setup->client_secret,
                             err);
}

static bool find_program(const struct setup *setup, struct error *err)
{
    char *program = process_beside(PROGRAM);
    bool found = setup->print ||
                 (program != NULL && access(program, X_OK) == 0);

    free(program);
    return found ||
           error_set(err, FAULT_CONFIG, PROGRAM " is not installed beside "
                     "postrider, and OAuth needs it") ||
           error_remedy(err, "install the package " PROGRAM);
}

/* Has it this client, for this mailbox? */
static bool is_ours(const struct setup *setup, const struct config *config,
                    const struct oauth *oauth)
{
    bool ours = false;

    for (size_t i = 0; i < config->smarthost_count; i++) {
        const struct smarthost *host = &config->smarthosts[i];
        ours = ours || (strcmp(host->oauth, oauth->name) == 0 &&
                        strcmp(host->user, setup->user) == 0);
    }
    return ours && strcmp(oauth->client_id, setup->client_id) == 0;
}

static bool is_name_free(const struct setup *setup, const struct config *before)
{
    const struct oauth *oauth = before == NULL
        ? NULL : config_oauth(before, setup->oauth_name);

    return oauth == NULL || is_ours(setup, before, oauth);
}

/* Another login keeps its name and its tokens: what is there goes on until the
 * new configuration is written. */
static void find_name(struct setup *setup)
{
    const char *usual = setup->provider->short_id != NULL
                        ? setup->provider->short_id : setup->provider->id;
    struct error ignored;
    struct config *before = config_load_file(setup->output, &ignored);

    free(setup->oauth_name);
    setup->oauth_name = alloc_string(usual);
    for (unsigned i = 2; !is_name_free(setup, before); i++) {
        free(setup->oauth_name);
        setup->oauth_name = alloc_format("%s-%u", usual, i);
    }
    config_free(before);
}

bool setup_find_client(struct setup *setup, struct error *err)
{
    if (!check_options(setup, err))
        return false;
    if (needs_client(setup)) {
        if (!find_program(setup, err) ||
            !setup_need(setup, &setup->client_id, &(struct question){
                .option = "--client-id",
                .text = "Application (client) ID" }, err))
            return false;
    } else if (!setup_uses_oauth(setup)) {
        return (setup->tenant == NULL && setup->client_secret_file == NULL &&
                !setup->device && !setup->paste) ||
               error_set(err, FAULT_USAGE, "--client-id is missing: these "
                         "options are for OAuth");
    }
    find_name(setup);
    return find_program(setup, err) && find_tenant(setup, err) &&
           find_secret(setup, err);
}

/* The error is on the screen. */
static bool judge(int status, struct error *err)
{
    int code = status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    enum fault fault = code == EX_NOPERM   ? FAULT_PERMISSION
                       : code == EX_CONFIG ? FAULT_CONFIG
                       : code == EX_USAGE  ? FAULT_USAGE : FAULT_TEMPORARY;

    return code == EX_OK || error_set(err, fault, "the login failed");
}

/* option may be NULL. */
static bool run_program(const struct setup *setup, char *command, char *option,
                        struct error *err)
{
    extern char **environ;
    char *program = process_beside(PROGRAM);
    char *arguments[] = { program, command, setup->oauth_name, option, NULL };

    if (program == NULL)
        return error_set(err, FAULT_SYSTEM, "/proc is not mounted");
    fflush(stdout);
    int status = process_run(arguments, environ);
    free(program);
    if (status == -1)
        return error_sys(err, FAULT_SYSTEM, "start " PROGRAM);
    return judge(status, err);
}

/* Some logins end on a day that is known: status shows it. */
static bool run_login(const struct setup *setup, struct error *err)
{
    char login[] = "login", device[] = "--device", paste[] = "--paste";
    char show[] = "status";
    char *option = setup->device ? device : setup->paste ? paste : NULL;

    terminal_print("Log in as %s.\n", setup->user);
    return run_program(setup, login, option, err) &&
           run_program(setup, show, NULL, err);
}

bool setup_log_in(struct setup *setup, struct config_draft *draft,
                  struct error *err)
{
    if (!setup_uses_oauth(setup))
        return true;
    if (!config_draft_share(draft, setup->output, setup_user(setup), err))
        return false;
    setup->is_logged_in = setup->is_logged_in || run_login(setup, err);
    return setup->is_logged_in;
}
