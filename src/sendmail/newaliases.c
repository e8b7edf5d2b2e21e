/* newaliases.c - newaliases and -bi: check the aliases file */
#include "sendmail/commands.h"

#include <stdio.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/aliases.h"

/* There is no database to rebuild: the file is read as it is. Callers still
 * expect to hear whether it is right. */
static bool check(const struct config *config, struct error *err)
{
    struct local_names local = destination_local_names(config);

    if (*config->aliases == '\0') {
        puts("no aliases file is configured");
        return true;
    }
    struct aliases *aliases = aliases_load(config->aliases, err);
    if (aliases == NULL)
        return false;
    bool good = aliases_check(aliases, &local, err);
    if (good)
        printf("%s: %zu aliases\n", config->aliases, aliases_count(aliases));
    aliases_free(aliases);
    return good;
}

bool command_aliases(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);

    (void)opt;
    if (config == NULL)
        return false;
    bool good = check(config, err);
    config_free(config);
    return good;
}
