/*
 * imported.h - what an import makes of files
 *
 * Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_IMPORTED_H
#define POSTRIDER_TESTS_UNIT_IMPORTED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../printed.h"
#include "postrider/config_draft.h"
#include "postrider/import.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/text.h"

struct imported {
    bool done;
    struct error err;
    char *config;               /* the lines that mean something, divided by
                                 * semicolons: key = value; section {; };  */
    char *remarks;              /* the comments in it, one a line */
    char *notes;                /* on standard error */
    size_t obstacles;
};

/* A row: a file, and what becomes of it. */
struct import_case {
    const char *text;
    const char *config;         /* as in struct imported, exactly */
    const char *notes[3];       /* parts of what is printed */
    size_t obstacles;
};

static inline void imported_write(const char *name, const char *text)
{
    char *folder = path_folder(name);
    FILE *file;

    (void)mkdir(folder, 0700);
    file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    free(folder);
}

static inline void imported_split(char *text, struct buf *config,
                                  struct buf *remarks)
{
    for (char *next, *line = text; *line != '\0'; line = next) {
        next = line + strcspn(line, "\n");
        if (*next != '\0')
            *next++ = '\0';
        line += strspn(line, " ");
        if (*line == '#')
            buf_add_format(remarks, "%s\n", line);
        else if (*line != '\0')
            buf_add_format(config, "%s;", line);
    }
}

/* As `postrider import` would print it for the system's configuration. */
static inline struct imported imported_draft(const struct import *import)
{
    struct imported result = { .obstacles = import->obstacles.count };
    struct buf config, remarks;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    buf_init(&config, SIZE_MAX);
    buf_init(&remarks, SIZE_MAX);
    config_draft_print(import->draft, "/etc/postrider/postrider.conf", out);
    fclose(out);
    imported_split(text, &config, &remarks);
    free(text);
    result.config = buf_take(&config);
    result.remarks = buf_take(&remarks);
    return result;
}

static inline struct imported imported(import_format *format, const char *path)
{
    struct import import = { .draft = config_draft_new(), .file = path };
    struct error err = { 0 };
    struct printed printed = printed_begin(stderr);

    bool done = format(&import, path, &err);
    char *notes = printed_end(&printed);
    struct imported result = imported_draft(&import);
    result.done = done;
    result.err = err;
    result.notes = notes;
    config_draft_free(import.draft);
    strings_free(&import.obstacles);
    return result;
}

static inline void imported_free(struct imported *result)
{
    free(result->config);
    free(result->remarks);
    free(result->notes);
}

/* With the file of each row at path. */
static inline void imported_assert(import_format *format, const char *path,
                                   const struct import_case *cases,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct import_case *row = &cases[i];
        imported_write(path, row->text);
        struct imported result = imported(format, path);
        if (!result.done)
            fail_msg("row %zu: %s", i, result.err.text);
        if (strcmp(result.config, row->config) != 0)
            fail_msg("row %zu:\n%s\n  is not\n%s", i, result.config,
                     row->config);
        for (size_t k = 0; k < COUNT(row->notes); k++)
            if (row->notes[k] != NULL &&
                strstr(result.notes, row->notes[k]) == NULL)
                fail_msg("row %zu:\n%s  has no\n%s", i, result.notes,
                         row->notes[k]);
        if (result.obstacles != row->obstacles)
            fail_msg("row %zu: %zu obstacles:\n%s", i, result.obstacles,
                     result.notes);
        imported_free(&result);
    }
}

/* Refused, with an error that has this part. */
static inline void imported_refused(import_format *format, const char *path,
                                    const char *error)
{
    struct imported result = imported(format, path);

    assert_false(result.done);
    assert_int_equal(result.err.fault, FAULT_CONFIG);
    if (strstr(result.err.text, error) == NULL)
        fail_msg("%s", result.err.text);
    imported_free(&result);
}

#endif
