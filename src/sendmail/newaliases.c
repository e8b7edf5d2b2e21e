/* newaliases.c - newaliases and -bi: check the aliases file */
#include "sendmail/commands.h"

#include <stdio.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/aliases.h"
#include "util/strings.h"
#include "util/text.h"

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
    struct strings problems = { 0 };
    aliases_check(aliases, &local, &problems);
    bool good = problems.count == 0;
    for (size_t i = 0; i + 1 < problems.count; i++)
        text_print(stderr, "newaliases: %s\n", problems.items[i]);
    if (good)
        printf("%s: %zu aliases\n", config->aliases, aliases_count(aliases));
    else
        error_set(err, FAULT_CONFIG, "%s", problems.items[problems.count - 1]);
    strings_free(&problems);
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
