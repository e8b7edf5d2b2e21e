#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "postrider/import.h"
#include "util/buf.h"
#include "util/text.h"

#include "../in_folder.h"

static void write_text(const char *text)
{
    FILE *file = fopen("file", "w");

    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, true);
    assert_int_equal(fclose(file), 0);
}

/* "1=first;2=second;" */
static bool note_line(struct import *import, void *into, char *line,
                      struct error *err)
{
    buf_add_format(into, "%u=%s;", import->line, line);
    return strcmp(line, "stop") != 0 ||
           error_set(err, FAULT_CONFIG, "stopped");
}

static const struct {
    const char *text;
    const char *lines;
    const char *fault;          /* NULL: all were taken */
} files[] = {
    { "", "", NULL },
    { "a\n", "1=a;", NULL },
    { "a", "1=a;", NULL },
    { "a\r\nb\r\n", "1=a;2=b;", NULL },
    { "a\n\n  b \n", "1=a;2=;3=  b ;", NULL },
    { "a\tb\n", "1=a\tb;", NULL },
    { "gr\xc3\xbc\xdf\n", "1=gr\xc3\xbc\xdf;", NULL },
    { "a\nb\x1b[2J\nc\n", "1=a;", "file:2: holds a control character" },
    { "a\rb\n", "", "file:1: holds a control character" },
    { "a\nstop\nb\n", "1=a;2=stop;", "stopped" },
};

static void takes_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct import import = { .file = "another", .line = 9 };
        struct error err = { 0 };
        struct buf lines;
        buf_init(&lines, SIZE_MAX);
        write_text(files[i].text);
        bool done = import_lines(&import, "file", note_line, &lines, &err);
        assert_string_equal(lines.data, files[i].lines);
        if (done != (files[i].fault == NULL))
            fail_msg("row %zu: %s", i, err.text);
        if (!done)
            assert_string_equal(err.text, files[i].fault);
        assert_string_equal(import.file, "file");
        assert_int_equal(import.line, 0);
        buf_free(&lines);
    }
}

static void refuses_what_it_cannot_read(void **state)
{
    struct import import = { 0 };
    struct error err = { 0 };

    (void)state;
    assert_false(import_lines(&import, "no-file", note_line, NULL, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_non_null(strstr(err.text, "no-file"));
    assert_false(import_lines(&import, ".", note_line, NULL, &err));
}

static const struct {
    const char *text;
    const char *first;          /* NULL: none */
} firsts[] = {
    { "a.example\n", "a.example" }, { " a b \nc\n", "a b" },
    { "a", "a" }, { "", NULL }, { "\n", NULL }, { " \t\n", NULL },
    { "\na\n", NULL },
};

static void finds_the_first_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(firsts); i++) {
        write_text(firsts[i].text);
        char *first = import_first_line("file");
        if (firsts[i].first == NULL)
            assert_null(first);
        else
            assert_string_equal(first, firsts[i].first);
        free(first);
    }
    assert_null(import_first_line("no-file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(takes_lines),
        IN_FOLDER(refuses_what_it_cannot_read),
        IN_FOLDER(finds_the_first_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
