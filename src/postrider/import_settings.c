/* import_settings.c - the settings that another program's file makes */
#include <stdlib.h>
#include <string.h>

#include "postrider/import.h"
#include "util/alloc.h"
#include "util/text.h"

static struct import_setting *find_setting(const struct import_settings *all,
                                           const char *key)
{
    for (size_t i = 0; i < all->count; i++)
        if (text_equal_case(all->items[i].key, key))
            return &all->items[i];
    return NULL;
}

static void put_setting(struct import_settings *all, const char *key,
                        const char *value, unsigned line)
{
    struct import_setting *setting = find_setting(all, key);

    if (setting == NULL) {
        all->items = alloc_resize(all->items, all->count + 1,
                                  sizeof *all->items);
        setting = &all->items[all->count++];
        *setting = (struct import_setting){ .key = alloc_string(key) };
    } else {
        explicit_bzero(setting->value, strlen(setting->value));
        free(setting->value);
    }
    setting->value = alloc_string(value);
    setting->line = line;
}

/* Is a setting that is not kept worth a note? */
static bool is_noted(enum import_value becomes, const char *value)
{
    if (becomes == IMPORT_IF_OFF)
        return strcmp(value, "off") == 0;
    if (becomes == IMPORT_IF_ON)
        return *value == '\0' || strcmp(value, "on") == 0;
    return true;
}

void import_keep(struct import *import, const struct import_key *keys,
                 struct import_settings *settings, const char *key,
                 const char *value)
{
    while (keys->name != NULL && !text_equal_case(keys->name, key))
        keys++;
    bool is_known = keys->name != NULL;
    if (is_known && keys->becomes < IMPORT_NOTHING) {
        put_setting(settings, keys->name, value, import->line);
        return;
    }
    if (is_known && !is_noted(keys->becomes, value))
        return;
    import->key = key;
    import_note(import, "%s", keys->why != NULL ? keys->why
                                                : "no counterpart, left out");
    import->key = NULL;
}

void import_settings_copy(struct import_settings *to,
                          const struct import_settings *from)
{
    for (size_t i = 0; i < from->count; i++)
        put_setting(to, from->items[i].key, from->items[i].value,
                    from->items[i].line);
}

void import_settings_free(struct import_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct import_setting *setting = &settings->items[i];
        explicit_bzero(setting->value, strlen(setting->value));
        free(setting->key);
        free(setting->value);
    }
    free(settings->items);
    *settings = (struct import_settings){ 0 };
}

const struct import_setting *import_find(const struct import_settings *all,
                                         const char *key)
{
    return find_setting(all, key);
}

const char *import_text(const struct import_settings *all, const char *key)
{
    const struct import_setting *setting = find_setting(all, key);

    return setting != NULL ? setting->value : NULL;
}

void import_at(struct import *import, const struct import_setting *setting)
{
    import->line = setting != NULL ? setting->line : 0;
    import->key = setting != NULL ? setting->key : NULL;
}
