#include "postrider/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "postrider/commands.h"
#include "postrider/recipe.h"
#include "util/alloc.h"
#include "util/process.h"
#include "util/text.h"

/* A row for each program: how its file is known, and who reads it. */
static const struct format {
    const char *name;
    import_format *read;
    const char *file;               /* what the file is called, about */
    const char *sign;               /* a line of it begins so, in any case */
} formats[] = {
    { "ssmtp", import_ssmtp, "ssmtp.conf", "mailhub=" },
    { "msmtp", import_msmtp, "msmtp", "account " },
    { "dma", import_dma, "dma.conf", "smarthost " },
    { "nullmailer", import_nullmailer, NULL, NULL },    /* a folder */
    { "esmtp", import_esmtp, "esmtprc", "identity" },
};

struct order {
    const struct format *format;
    const char *path;
    char *output;                   /* owned */
    bool writes, replaces;
};

static bool refuse(struct error *err)
{
    return error_set(err, FAULT_USAGE, "usage: postrider import [--from "
                     "ssmtp|msmtp|dma|nullmailer|esmtp] [--write "
                     "[--replace]] [--output PATH] FILE|DIRECTORY");
}

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

/* The value of `--name VALUE` or `--name=VALUE`; NULL: another option, or
 * there is none. */
static const char *option_value(const char *name, int argc, char **argv,
                                int *i)
{
    size_t length = strlen(name);

    if (strncmp(argv[*i], name, length) != 0)
        return NULL;
    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    return argv[*i][length] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

static bool take_option(struct order *order, int argc, char **argv, int *i,
                        struct error *err)
{
    const char *value;

    if (strcmp(argv[*i], "--write") == 0) {
        order->writes = true;
    } else if (strcmp(argv[*i], "--replace") == 0) {
        order->replaces = true;
    } else if ((value = option_value("--output", argc, argv, i)) != NULL) {
        free(order->output);
        order->output = alloc_string(value);
    } else if ((value = option_value("--from", argc, argv, i)) != NULL) {
        order->format = find_format(value);
        if (order->format == NULL)
            return error_set(err, FAULT_USAGE, "no format \"%s\": known are "
                             "ssmtp, msmtp, dma, nullmailer and esmtp",
                             value);
    } else {
        return refuse(err);
    }
    return true;
}

static bool parse_arguments(struct order *order, int argc, char **argv,
                            struct error *err)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!take_option(order, argc, argv, &i, err))
                return false;
        } else if (order->path != NULL) {
            return refuse(err);
        } else {
            order->path = argv[i];
        }
    }
    if (order->path == NULL || (order->replaces && !order->writes))
        return refuse(err);
    return true;
}

/* Lines that begin with the sign of a format. */
static bool count_signs(struct import *import, void *into, char *line,
                        struct error *err)
{
    unsigned *signs = into;
    char *text = import_trim(line);

    (void)import;
    (void)err;
    for (size_t i = 0; i < COUNT(formats); i++)
        if (formats[i].sign != NULL &&
            text_starts_case(text, formats[i].sign))
            signs[i]++;
    return true;
}

static const struct format *recognise_content(const char *path,
                                              struct error *err)
{
    struct import import = { 0 };
    unsigned signs[COUNT(formats)] = { 0 };

    if (!import_lines(&import, path, count_signs, signs, err))
        return NULL;
    for (size_t i = 0; i < COUNT(formats); i++)
        if (signs[i] > 0)
            return &formats[i];
    error_set(err, FAULT_CONFIG, "%s: does not look like ssmtp, msmtp, dma, "
              "nullmailer or esmtp: say which with --from", path);
    return NULL;
}

/* By its name, which may have something around it as in .msmtprc or
 * ssmtp.conf.old, else by its content. */
static const struct format *recognise(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    struct stat status;

    if (stat(path, &status) == -1) {
        error_sys(err, FAULT_CONFIG, "%s", path);
        return NULL;
    }
    if (S_ISDIR(status.st_mode))
        return find_format("nullmailer");
    for (size_t i = 0; i < COUNT(formats); i++)
        if (formats[i].file != NULL && strstr(name, formats[i].file) != NULL)
            return &formats[i];
    return recognise_content(path, err);
}

/* Where config_load() looks for what it is: the system's, or the caller's. */
static char *default_output(bool is_own)
{
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (!is_own)
        return alloc_string(POSTRIDER_SYSCONFDIR "/postrider/postrider.conf");
    if (folder != NULL && *folder == '/')
        return alloc_format("%s/postrider/postrider.conf", folder);
    return alloc_format("%s/.config/postrider/postrider.conf",
                        home != NULL ? home : "");
}

static bool write_configuration(const struct import *import,
                                const struct order *order, struct error *err)
{
    if (import->obstacles > 0)
        return error_set(err, FAULT_CONFIG, "%s: not written: what is told "
                         "above would keep mail from leaving", order->path);
    if (!recipe_install(import->recipe, order->output,
                        import->is_own ? NULL : "postrider", order->replaces,
                        err))
        return false;
    printf("%s is written: try it with `postrider check` and `postrider "
           "test`\n", order->output);
    return true;
}

static bool finish(struct import *import, struct order *order,
                   struct error *err)
{
    if (order->output == NULL)
        order->output = default_output(import->is_own);
    if (order->writes)
        return write_configuration(import, order, err);
    recipe_print(import->recipe, order->output, stdout);
    fflush(stdout);
    if (import->obstacles > 0)
        return error_set(err, FAULT_CONFIG, "%s: not all that mail needs could "
                         "be translated: see above", order->path);
    return recipe_check(import->recipe, order->output, err);
}

static bool run(struct order *order, struct error *err)
{
    struct import import = { .recipe = recipe_new(), .file = order->path };
    const struct format *format = order->format != NULL
                                  ? order->format
                                  : recognise(order->path, err);

    bool done = format != NULL && format->read(&import, order->path, err) &&
                finish(&import, order, err);
    recipe_free(import.recipe);
    return done;
}

int command_import(int argc, char **argv)
{
    struct order order = { 0 };
    struct error err = { 0 };

    process_hide_memory();
    bool done = parse_arguments(&order, argc, argv, &err) &&
                run(&order, &err);
    free(order.output);
    return done ? EX_OK : command_fail(&err);
}
