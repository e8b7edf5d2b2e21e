/* import_lines.c - read files of other programs by lines; remarks on them */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "postrider/import.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/lines.h"
#include "util/text.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

static void say(const struct import *import, const char *format, va_list args)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_text(&text, import->file);
    if (import->line > 0)
        buf_add_format(&text, ":%u", import->line);
    if (import->key != NULL)
        buf_add_format(&text, ": %s", import->key);
    buf_add_text(&text, ": ");
    buf_add_vformat(&text, format, args);
    text_print(stderr, "%s\n", text.data);
    buf_free(&text);
}

void import_note(const struct import *import, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(import, format, args);
    va_end(args);
}

void import_obstacle(struct import *import, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(import, format, args);
    va_end(args);
    import->obstacles++;
}

/* O_NONBLOCK: a FIFO in this place must not hold anybody up. */
static bool read_file(const char *path, struct buf *text, struct error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    bool done = false;

    if (fd == -1 || fstat(fd, &status) == -1)
        error_sys(err, FAULT_CONFIG, "%s", path);
    else if (!S_ISREG(status.st_mode))
        error_set(err, FAULT_CONFIG, "%s: is no regular file", path);
    else if (io_read_all(fd, text, err))
        done = true;
    else if (err->fault == FAULT_DATA)
        error_set(err, FAULT_CONFIG, "%s: is larger than 1 MB", path);
    else
        error_prefix(err, "%s", path);
    io_close(&fd);
    return done;
}

/* Tabs are blanks, everything else would end up in a file or on a terminal. */
static bool check_line(const struct import *import, const char *line,
                       size_t length, struct error *err)
{
    for (size_t i = 0; i < length; i++)
        if (text_is_control(line[i]) && line[i] != '\t')
            return error_set(err, FAULT_CONFIG, "%s:%u: holds a control "
                             "character", import->file, import->line);
    return true;
}

static bool take_lines(struct import *import, char *text, size_t length,
                       import_line *take, void *into, struct error *err)
{
    struct lines lines;

    lines_start(&lines, text, length);
    while (lines_next(&lines)) {
        char *line = text + (lines.text - text);
        line[lines.length] = '\0';
        import->line = lines.number;
        if (!check_line(import, line, lines.length, err) ||
            !take(import, into, line, err))
            return false;
    }
    return true;
}

bool import_lines(struct import *import, const char *path, import_line *take,
                  void *into, struct error *err)
{
    struct buf text;

    buf_init(&text, FILE_SIZE_MAX);
    import->file = path;
    import->line = 0;
    bool done = read_file(path, &text, err) &&
                take_lines(import, text.data, text.length, take, into, err);
    import->line = 0;
    import->key = NULL;
    buf_wipe(&text);
    return done;
}

static bool keep_first(struct import *import, void *into, char *line,
                       struct error *err)
{
    char **first = into;

    (void)err;
    if (import->line == 1)
        *first = alloc_string(import_trim(line));
    return true;
}

char *import_first_line(const char *path)
{
    struct import nobody = { 0 };
    struct error ignored;
    char *first = NULL;

    if (!import_lines(&nobody, path, keep_first, &first, &ignored) ||
        first == NULL || *first == '\0') {
        free(first);
        return NULL;
    }
    return first;
}

char *import_trim(char *text)
{
    size_t length;

    while (text_is_space(*text))
        text++;
    length = strlen(text);
    while (length > 0 && text_is_space(text[length - 1]))
        text[--length] = '\0';
    return text;
}
