/* recipe_text.c - a recipe as the text of postrider.conf(5) */
#include "postrider/config_draft.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_keys.h"
#include "postrider/recipe_parts.h"
#include "postrider/secrets.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static void add_remarks(const struct strings *remarks, const char *indent,
                        struct buf *out)
{
    for (size_t i = 0; i < remarks->count; i++)
        buf_add_format(out, "%s# %s\n", indent, remarks->items[i]);
}

/* A file that is only shown must not harm the terminal: \xNN stands for the
 * octet in quotes. */
static void add_quoted(const char *text, struct buf *out)
{
    struct buf quoted;

    buf_init(&quoted, SIZE_MAX);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(&quoted, '\\');
        buf_add_char(&quoted, *text);
    }
    buf_add_char(out, '"');
    text_escape(out, quoted.data, quoted.length);
    buf_add_char(out, '"');
    buf_free(&quoted);
}

/* As people write them: numbers and the words of the table as they are. */
static bool is_word(const struct section *section, const struct setting *set)
{
    enum config_section kind =
        strcmp(section->kind, "smarthost") == 0 ? CONFIG_SMARTHOST
        : strcmp(section->kind, "sender") == 0 ? CONFIG_SENDER : CONFIG_TOP;
    const struct config_keys *table = config_keys_of(kind);

    for (const char *p = set->value; *p != '\0'; p++)
        if (!text_is_alpha(*p) && !text_is_digit(*p) && *p != '-')
            return false;
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->keys[i].name, set->key) == 0)
            return table->keys[i].kind == CONFIG_PLAIN ||
                   table->keys[i].words != NULL;
    return false;
}

static void add_setting(const struct section *section,
                        const struct setting *setting, const char *indent,
                        struct buf *out)
{
    add_remarks(&setting->remarks, indent, out);
    buf_add_format(out, "%s%s = ", indent, setting->key);
    if (is_word(section, setting))
        buf_add_text(out, setting->value);
    else
        add_quoted(setting->value, out);
    buf_add_char(out, '\n');
}

static void add_section_text(const struct section *section,
                             const char *password_file, struct buf *out)
{
    bool is_top = *section->kind == '\0';
    const char *indent = is_top ? "" : "    ";

    add_remarks(&section->remarks, "", out);
    if (!is_top) {
        buf_add_format(out, "%s ", section->kind);
        add_quoted(section->name, out);
        buf_add_text(out, " {\n");
    }
    for (size_t i = 0; i < section->count; i++)
        add_setting(section, &section->settings[i], indent, out);
    if (password_file != NULL)
        add_setting(section, &(struct setting){
            .key = (char []){ "password_file" },
            .value = (char *)password_file }, indent, out);
    if (!is_top)
        buf_add_text(out, "}\n");
}

static size_t count_passwords(const struct recipe *recipe)
{
    size_t count = 0;

    for (size_t i = 0; i < recipe->count; i++)
        count += recipe->sections[i].password.data != NULL;
    return count;
}

/* Names are free text, and those of files are not. */
static char *file_name(const struct recipe *recipe,
                       const struct section *section)
{
    struct buf name;

    buf_init(&name, SIZE_MAX);
    buf_add_text(&name, "password");
    if (count_passwords(recipe) == 1)
        return buf_take(&name);
    buf_add_char(&name, '-');
    for (const char *p = section->name; *p != '\0'; p++)
        if (text_is_alpha(*p) || text_is_digit(*p) || strchr("._-", *p))
            buf_add_char(&name, *p);
        else
            buf_add_format(&name, "%%%02x", (unsigned char)*p);
    return buf_take(&name);
}

char *recipe_password_path(const struct recipe *recipe,
                           const struct section *section, const char *path)
{
    if (section->password.data == NULL)
        return NULL;
    char *folder = secrets_folder(path);
    char *name = file_name(recipe, section);
    char *whole = alloc_format("%s/%s", folder, name);
    free(folder);
    free(name);
    return whole;
}

void recipe_add_text(struct buf *out, const struct recipe *recipe,
                     const char *path)
{
    for (size_t i = 0; i < recipe->count; i++) {
        const struct section *section = &recipe->sections[i];
        char *password_file = recipe_password_path(recipe, section, path);
        if (out->length > 0)
            buf_add_char(out, '\n');
        add_section_text(section, password_file, out);
        free(password_file);
    }
    add_remarks(&recipe->remarks, "", out);
}

void recipe_print(const struct recipe *recipe, const char *path, FILE *out)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    recipe_add_text(&text, recipe, path);
    fwrite(text.data, 1, text.length, out);
    buf_free(&text);
}
