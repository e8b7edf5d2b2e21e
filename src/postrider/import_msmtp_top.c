/* import_msmtp_top.c - the keys for all mail, from msmtp's default account */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postrider/import.h"
#include "postrider/import_msmtp.h"
#include "util/alloc.h"
#include "util/text.h"

bool import_msmtp_is_on(const struct import_settings *settings,
                        const char *key, bool usual)
{
    const char *value = import_text(settings, key);

    if (value == NULL)
        return usual;
    return *value == '\0' || strcmp(value, "on") == 0;
}

char *import_msmtp_path(const char *path)
{
    const char *home = getenv("HOME");

    if (path != NULL && *path == '~' && home != NULL)
        return alloc_format("%s%s", home, path + 1);
    return alloc_string(path);
}

/* `default: ADDRESS` gets what no other alias does. */
static bool take_alias(struct import *import, void *into, char *line,
                       struct error *err)
{
    char **everything_else = into;
    char *address = strchr(line, ':');

    (void)import;
    (void)err;
    line[strcspn(line, "#")] = '\0';
    if (address != NULL && text_starts_case(import_trim(line), "default:")) {
        free(*everything_else);
        *everything_else = alloc_string(import_trim(address + 1));
    }
    return true;
}

static void set_aliases(struct import *import,
                        const struct import_settings *settings)
{
    char *path = import_msmtp_path(import_text(settings, "aliases"));
    const char *file = import->file;
    struct error ignored;
    char *address = NULL;

    import_at(import, import_find(settings, "aliases"));
    import_set(import, CONFIG_TOP, "aliases", path);
    import_at(import, NULL);
    if (path != NULL && access(path, R_OK) == 0) {
        import_lines(import, path, take_alias, &address, &ignored);
        import->key = "default";
        import_set(import, CONFIG_TOP, "local_recipient", address);
    }
    import_at(import, NULL);
    import->file = file;
    free(address);
    free(path);
}

/* What completes the names of callers: of %U@domain, or of maildomain. */
static void set_domain(struct import *import,
                       const struct import_settings *settings)
{
    const struct import_setting *from = import_find(settings, "from");
    bool is_auto = import_msmtp_is_on(settings, "auto_from", false);

    import_at(import, is_auto ? import_find(settings, "maildomain") : from);
    if (is_auto)
        import_set(import, CONFIG_TOP, "domain",
                   import_text(settings, "maildomain"));
    else if (from != NULL && text_starts(from->value, "%U@") &&
             strchr(from->value + 3, '%') == NULL)
        import_set(import, CONFIG_TOP, "domain", from->value + 3);
    else if (from != NULL && strchr(from->value, '%') != NULL &&
             !text_starts(from->value, "%U@"))
        import_note(import, "a pattern such as this has no counterpart: left "
                    "out: write sender sections");
    import_at(import, NULL);
}

void import_msmtp_top(struct import *import,
                      const struct import_settings *settings)
{
    const char *hello = import_text(settings, "domain");

    import_delivery(import);
    if (hello != NULL && strchr(hello, '%') == NULL &&
        strcmp(hello, "localhost") != 0) {
        import_at(import, import_find(settings, "domain"));
        import_set(import, CONFIG_TOP, "hostname", hello);
    }
    set_domain(import, settings);
    set_aliases(import, settings);
}
