#include "postrider/config_draft.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/recipe_parts.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

/* What has been remarked so far stands in front of this. */
static void take_remarks(struct recipe *recipe, struct strings *remarks)
{
    for (size_t i = 0; i < recipe->remarks.count; i++)
        strings_add(remarks, recipe->remarks.items[i]);
    strings_free(&recipe->remarks);
}

static void add_section(struct recipe *recipe, const char *kind,
                        const char *name)
{
    recipe->sections = alloc_resize(recipe->sections, recipe->count + 1,
                                    sizeof *recipe->sections);
    struct section *section = &recipe->sections[recipe->count];
    *section = (struct section){ .kind = alloc_string(kind),
                                 .name = alloc_string(name), .memory = -1 };
    take_remarks(recipe, &section->remarks);
    recipe->current = recipe->count++;
}

struct recipe *recipe_new(void)
{
    struct recipe *recipe = alloc_zero(1, sizeof *recipe);

    add_section(recipe, "", "");
    return recipe;
}

static void free_section(struct section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        free(section->settings[i].key);
        free(section->settings[i].value);
        strings_free(&section->settings[i].remarks);
    }
    free(section->settings);
    strings_free(&section->remarks);
    secret_wipe(&section->password);
    io_close(&section->memory);
    free(section->kind);
    free(section->name);
}

void recipe_free(struct recipe *recipe)
{
    if (recipe == NULL)
        return;
    for (size_t i = 0; i < recipe->count; i++)
        free_section(&recipe->sections[i]);
    free(recipe->sections);
    strings_free(&recipe->remarks);
    free(recipe);
}

void recipe_section(struct recipe *recipe, const char *kind, const char *name)
{
    for (size_t i = 0; i < recipe->count; i++)
        if (strcmp(recipe->sections[i].kind, kind) == 0 &&
            strcmp(recipe->sections[i].name, name) == 0) {
            recipe->current = i;
            return;
        }
    add_section(recipe, kind, name);
}

static struct setting *find_setting(struct section *section, const char *key)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->settings[i].key, key) == 0)
            return &section->settings[i];
    section->settings = alloc_resize(section->settings, section->count + 1,
                                     sizeof *section->settings);
    struct setting *setting = &section->settings[section->count++];
    *setting = (struct setting){ .key = alloc_string(key) };
    return setting;
}

void recipe_set(struct recipe *recipe, const char *key, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    struct setting *setting =
        find_setting(&recipe->sections[recipe->current], key);
    free(setting->value);
    setting->value = alloc_string(value);
    take_remarks(recipe, &setting->remarks);
}

void recipe_remark(struct recipe *recipe, const char *format, ...)
{
    struct buf line;
    va_list args;

    buf_init(&line, SIZE_MAX);
    va_start(args, format);
    text_escape_vformat(&line, format, args);
    va_end(args);
    strings_take(&recipe->remarks, buf_take(&line));
}

void recipe_password(struct recipe *recipe, const char *password)
{
    struct section *section = &recipe->sections[recipe->current];

    assert(strcmp(section->kind, "smarthost") == 0);
    secret_wipe(&section->password);
    secret_take(&section->password, alloc_string(password), strlen(password));
}
