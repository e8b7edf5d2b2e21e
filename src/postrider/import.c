#include "postrider/import.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/commands.h"
#include "postrider/config_draft.h"
#include "postrider/import_queue.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/process.h"
#include "util/text.h"

/* A row for each program: how its file is known, and who reads it. */
static const struct format {
    const char *name;
    import_format *read;
    const char *file;               /* as the file is called, about */
    const char *sign;               /* a line of it begins so, in any case */
} formats[] = {
    { "ssmtp", import_ssmtp, "ssmtp.conf", "mailhub" },
    { "msmtp", import_msmtp, "msmtprc", "account " },
    { "dma", import_dma, "dma.conf", "smarthost " },
    { "nullmailer", import_nullmailer, NULL, NULL },    /* a folder */
    { "esmtp", import_esmtp, "esmtprc", "hostname" },
};

struct order {
    const struct format *format;
    const char *path;
    const char *output;             /* NULL: where it would be looked for */
    bool writes, replaces;
    bool queue;                     /* the mail instead of the configuration */
};

/* The names, with this before the last; the caller frees them. */
static char *list_formats(const char *between, const char *last)
{
    struct buf list;

    buf_init(&list, SIZE_MAX);
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (i > 0)
            buf_add_text(&list, i + 1 < COUNT(formats) ? between : last);
        buf_add_text(&list, formats[i].name);
    }
    return buf_take(&list);
}

static bool refuse_usage(struct error *err)
{
    char *list = list_formats("|", "|");

    error_set(err, FAULT_USAGE, "usage: postrider import [--from %s] "
              "[--write [--replace]] [--output PATH] FILE|DIRECTORY, or "
              "--queue [--from dma|nullmailer DIRECTORY]", list);
    free(list);
    return false;
}

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static bool choose_format(struct order *order, const char *name,
                          struct error *err)
{
    order->format = find_format(name);
    if (order->format == NULL) {
        char *list = list_formats(", ", " and ");
        error_set(err, FAULT_USAGE, "no format \"%s\": known are %s", name,
                  list);
        free(list);
    }
    return order->format != NULL;
}

static bool parse_arguments(struct order *order, int argc, char **argv,
                            struct error *err)
{
    static const struct option options[] = {
        { "from", required_argument, NULL, 'f' },
        { "output", required_argument, NULL, 'o' },
        { "queue", no_argument, NULL, 'q' },
        { "replace", no_argument, NULL, 'r' },
        { "write", no_argument, NULL, 'w' },
        { NULL, 0, NULL, 0 },
    };
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'f' && !choose_format(order, optarg, err))
            return false;
        if (letter == '?')
            return refuse_usage(err);
        if (letter == 'o')
            order->output = optarg;
        order->replaces = order->replaces || letter == 'r';
        order->writes = order->writes || letter == 'w';
        order->queue = order->queue || letter == 'q';
    }
    if (order->queue) {
        order->path = argv[optind];
        return (optind >= argc - 1 && !order->writes &&
                order->output == NULL) || refuse_usage(err);
    }
    if (optind != argc - 1 || (order->replaces && !order->writes))
        return refuse_usage(err);
    order->path = argv[optind];
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
    char *list = list_formats(", ", " or ");
    error_set(err, FAULT_CONFIG, "%s: does not look like %s", path, list);
    error_remedy(err, "name the format with --from");
    free(list);
    return NULL;
}

/* /etc/dma is as good a name as /etc/dma/dma.conf: the file of a format that
 * a folder holds, or the folder itself. The caller frees it. */
static char *find_file(const struct order *order)
{
    size_t length = strlen(order->path);
    struct stat status;

    while (length > 1 && order->path[length - 1] == '/')
        length--;
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (formats[i].file == NULL ||
            (order->format != NULL && order->format != &formats[i]))
            continue;
        char *path = alloc_format("%.*s/%s", (int)length, order->path,
                                  formats[i].file);
        if (stat(path, &status) == 0)
            return path;
        free(path);
    }
    return alloc_string(order->path);
}

static const struct format *recognise_folder(const char *path,
                                             struct error *err)
{
    char *remotes = alloc_format("%s/remotes", path);
    char *list = list_formats(", ", " or ");
    const struct format *format = NULL;

    if (access(remotes, F_OK) == 0) {
        format = find_format("nullmailer");
    } else {
        error_set(err, FAULT_CONFIG, "%s: holds no file of %s", path, list);
        error_remedy(err, "name the file");
    }
    free(list);
    free(remotes);
    return format;
}

/* By its name, which may have something around it as in .msmtprc or
 * ssmtp.conf.old, else by its content. */
static const struct format *recognise_format(const char *path,
                                             struct error *err)
{
    const char *name = path_name(path);
    struct stat status;

    if (stat(path, &status) == -1) {
        error_sys(err, FAULT_CONFIG, "%s", path);
        return NULL;
    }
    if (S_ISDIR(status.st_mode))
        return recognise_folder(path, err);
    for (size_t i = 0; i < COUNT(formats); i++)
        if (formats[i].file != NULL && strstr(name, formats[i].file) != NULL)
            return &formats[i];
    return recognise_content(path, err);
}

/* Where config_load() looks for what it is: the system's, or the caller's. */
static char *default_output(bool is_own)
{
    char *own = is_own ? config_own_path() : NULL;

    return own != NULL ? own : alloc_string(POSTRIDER_SYSCONFDIR
                                            "/postrider/postrider.conf");
}

/* Which of the lines above it is. */
static bool refuse_obstacles(const struct import *import, const char *what,
                             struct error *err)
{
    const struct strings *places = &import->obstacles;
    struct buf list;

    buf_init(&list, SIZE_MAX);
    for (size_t i = 0; i < places->count; i++)
        buf_add_format(&list, "%s%s", i > 0 ? ", " : "", places->items[i]);
    error_set(err, FAULT_CONFIG, "%s: mail would not leave as before, because "
              "of %s", what, list.data);
    error_remedy(err, "see the lines above");
    buf_free(&list);
    return false;
}

static bool write_configuration(const struct import *import,
                                const struct order *order, const char *output,
                                struct error *err)
{
    if (import->obstacles.count > 0)
        return refuse_obstacles(import, "not written", err);
    if (!config_draft_install(import->draft, output,
                              import->is_own ? NULL : "postrider",
                              order->replaces, err))
        return false;
    config_draft_report(output);
    puts("Try it with `postrider check` and `postrider test`");
    return true;
}

static bool print_configuration(const struct import *import,
                                const char *output, struct error *err)
{
    config_draft_print(import->draft, output, stdout);
    fflush(stdout);
    if (import->obstacles.count > 0)
        return refuse_obstacles(import, "not complete", err);
    return config_draft_check(import->draft, output, err);
}

static bool write_or_print(const struct import *import,
                           const struct order *order, struct error *err)
{
    char *output = order->output != NULL ? alloc_string(order->output)
                                         : default_output(import->is_own);
    bool done = order->writes
                ? write_configuration(import, order, output, err)
                : print_configuration(import, output, err);

    free(output);
    return done;
}

static bool translate_file(const struct order *order, struct error *err)
{
    struct import import = { .draft = config_draft_new(),
                             .file = order->path };
    const struct format *format = order->format != NULL
                                  ? order->format
                                  : recognise_format(order->path, err);

    bool done = format != NULL && format->read(&import, order->path, err) &&
                write_or_print(&import, order, err);
    config_draft_free(import.draft);
    strings_free(&import.obstacles);
    return done;
}

static bool import_file(struct order *order, struct error *err)
{
    char *path = find_file(order);

    order->path = path;
    bool done = translate_file(order, err);
    free(path);
    return done;
}

static bool run(struct order *order, struct error *err)
{
    return order->queue
           ? import_queue(order->format != NULL ? order->format->name : "",
                          order->path, err)
           : import_file(order, err);
}

int command_import(int argc, char **argv)
{
    struct order order = { 0 };
    struct error err = { 0 };

    process_hide_memory();
    bool done = parse_arguments(&order, argc, argv, &err) &&
                run(&order, &err);
    return done ? EX_OK : command_fail(&err);
}
