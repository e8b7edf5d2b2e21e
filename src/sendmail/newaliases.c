/* newaliases.c - newaliases and -bi: check the aliases file */
#include "sendmail/commands.h"

#include <stdio.h>

#include "config/config.h"
#include "config/destination.h"
#include "control/client.h"
#include "mail/aliases.h"
#include "util/strings.h"
#include "util/text.h"

/* The last problem is the error that ends the program. */
struct last {
    bool any;
    struct error *err;
};

static void take_problem(void *context, const struct error *problem)
{
    struct last *last = context;

    if (last->any)
        text_print(stderr, "newaliases: %s\n", last->err->text);
    last->any = true;
    *last->err = *problem;
}

/* There is no database to rebuild: the file is read as it is. Callers still
 * expect to see whether it is right. */
static bool check_aliases(const struct config *config, struct error *err)
{
    struct local_names local = destination_local_names(config);

    if (*config->aliases == '\0') {
        puts("no aliases file is configured");
        return true;
    }
    struct aliases *aliases = aliases_load(config->aliases, err);
    if (aliases == NULL)
        return false;
    struct last last = { .err = err };
    aliases_check(aliases, &local, take_problem, &last);
    if (!last.any)
        printf("%s: %zu aliases\n", config->aliases, aliases_count(aliases));
    aliases_free(aliases);
    return !last.any;
}

/* The daemon reads them when it starts. Without one, or where the caller may
 * not ask for it, they are what the next start finds. */
static void have_them_read(const struct config *config)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_RELOAD,
        .patience = CLIENT_PATIENCE,
    };
    struct error ignored;

    if (config->delivery == DELIVERY_QUEUE)
        (void)client_ask(&question, NULL, NULL, &ignored);
}

bool command_aliases(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);

    (void)opt;
    if (config == NULL)
        return false;
    bool good = check_aliases(config, err);
    if (good)
        have_them_read(config);
    config_free(config);
    return good;
}
