/* import_lines.c - read files of other programs by lines; remarks on them */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/import.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/lines.h"
#include "util/text.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

static void print_remark(const struct import *import, const char *format,
                         va_list args)
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
    print_remark(import, format, args);
    va_end(args);
}

/* "FILE:5 (key)", as far as that is known; the caller frees it. */
static char *describe_place(const struct import *import)
{
    char *line = import->line > 0 ? alloc_format(":%u", import->line)
                                  : alloc_string("");
    char *place = alloc_format("%s%s%s%s%s", import->file, line,
                               import->key != NULL ? " (" : "",
                               import->key != NULL ? import->key : "",
                               import->key != NULL ? ")" : "");

    free(line);
    return place;
}

void import_obstacle(struct import *import, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_remark(import, format, args);
    va_end(args);
    strings_take(&import->obstacles, describe_place(import));
}

/* Tabs are blanks, everything else would end up in a file or on a terminal. */
static bool check_line(const struct import *import, const char *line,
                       size_t length, struct error *err)
{
    for (size_t i = 0; i < length; i++)
        if (text_is_control(line[i]) && line[i] != '\t')
            return error_set(err, FAULT_CONFIG, "holds a control character") ||
                   error_at(err, import->file, import->line);
    return true;
}

static bool take_lines(struct import *import, struct buf *text,
                       import_line *take, void *into, struct error *err)
{
    struct lines lines;

    lines_start(&lines, text->data, text->length);
    while (lines_next(&lines)) {
        char *line = text->data + (lines.text - text->data);
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
    bool done = file_read(path, &text, err) &&
                take_lines(import, &text, take, into, err);
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
    struct import ignored_remarks = { 0 };
    struct error ignored;
    char *first = NULL;

    if (!import_lines(&ignored_remarks, path, keep_first, &first, &ignored) ||
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
