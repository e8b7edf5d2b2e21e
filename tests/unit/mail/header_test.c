#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mail/header.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static void append(struct header *header, const char *text)
{
    header_append_raw(header, text, strlen(text));
}

static void assert_written(const struct header *header, const char *expected)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    header_write(header, &out);
    assert_string_equal(out.data, expected);
    buf_free(&out);
}

static const struct {
    const char *line;
    bool is_field;
} lines[] = {
    { "Subject: hello\r\n",     true  },
    { "Subject:\r\n",           true  },
    { "X:y",                    true  },
    { "Subject : obsolete",     true  },
    { "Subject \t : obsolete",  true  },
    { "!#$%&'*+-/=?^_`{|}~: x", true  },
    { "\"quoted\": x",          true  },
    { "http://example.com/",    true  },        /* who could tell? */
    { "",                       false },
    { "\r\n",                   false },
    { ": no name",              false },
    { " : no name",             false },
    { " Subject: continues",    false },
    { "\tSubject: continues",   false },
    { "two words: no",          false },
    { "no colon\r\n",           false },
    { "no colon in line\r\nX: y", false },
    { "From alice Tue Nov 24 08:27:29 2026", false },
    { "\xc3\x9c" "bung: 8-bit", false },
    { "a\x7f: control",         false },
    { "a\x01: control",         false },
};

static void tells_fields_from_other_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        if (header_line_is_field(lines[i].line, strlen(lines[i].line))
            != lines[i].is_field)
            fail_msg("%s", lines[i].line);
    assert_false(header_line_is_field("a\0b: x", 6));
    assert_false(header_line_is_field("Subject: x", 7));
}

static void limits_length_of_name(void **state)
{
    char line[HEADER_NAME_MAX + 3];

    (void)state;
    memset(line, 'a', sizeof(line));
    line[HEADER_NAME_MAX] = ':';
    assert_true(header_line_is_field(line, sizeof(line)));
    line[HEADER_NAME_MAX - 1] = ' ';
    assert_true(header_line_is_field(line, sizeof(line)));
    line[HEADER_NAME_MAX] = ' ';
    line[HEADER_NAME_MAX + 1] = ':';
    assert_false(header_line_is_field(line, sizeof(line)));
    memset(line, 'a', HEADER_NAME_MAX + 1);
    assert_false(header_line_is_field(line, sizeof(line)));
}

static void keeps_fields_but_for_blanks_before_the_colon(void **state)
{
    const char *text = "Subject  :  folded\r\n  text \r\n\tx\r\n";
    struct header header = { 0 };
    size_t length;

    (void)state;
    append(&header, text);
    append(&header, "X:\r\n");
    assert_int_equal(header.count, 2);
    assert_int_equal(header.fields[0].name_length, 7);
    const char *body = field_body(&header.fields[0], &length);
    assert_int_equal(length, strlen("  folded\r\n  text \r\n\tx"));
    assert_memory_equal(body, "  folded\r\n  text \r\n\tx", length);
    field_body(&header.fields[1], &length);
    assert_int_equal(length, 0);
    assert_written(&header, "Subject:  folded\r\n  text \r\n\tx\r\nX:\r\n");
    header_free(&header);
    assert_int_equal(header.count, 0);
}

static void keeps_nul_and_8bit(void **state)
{
    const char text[] = "X: a\0b\xff\r\n";
    struct header header = { 0 };
    size_t length;

    (void)state;
    header_append_raw(&header, text, sizeof(text) - 1);
    const char *body = field_body(&header.fields[0], &length);
    assert_int_equal(length, 5);
    assert_memory_equal(body, " a\0b\xff", 5);
    field_set_body(&header.fields[0], "\0\0", 2);
    assert_int_equal(header.fields[0].length, 6);
    assert_memory_equal(header.fields[0].text, "X:\0\0\r\n", 6);
    header_free(&header);
}

static void finds_names_in_any_case(void **state)
{
    struct header header = { 0 };

    (void)state;
    append(&header, "bcc: a\r\n");
    append(&header, "Bcc-x: b\r\n");
    append(&header, "BCC : c\r\n");
    append(&header, "Bc: d\r\n");
    assert_int_equal(header_find(&header, "Bcc", 0), 0);
    assert_int_equal(header_find(&header, "Bcc", 1), 2);
    assert_int_equal(header_find(&header, "Bcc", 3), header.count);
    assert_int_equal(header_find(&header, "Bcc", 99), header.count);
    assert_int_equal(header_count(&header, "bCC"), 2);
    assert_true(header_has(&header, "bc"));
    assert_false(header_has(&header, "b"));
    assert_false(header_has(&header, ""));
    header_remove_all(&header, "Bcc");
    assert_written(&header, "Bcc-x: b\r\nBc: d\r\n");
    header_free(&header);
}

static void inserts_in_order(void **state)
{
    struct header header = { 0 };

    (void)state;
    header_append(&header, "B", "2");
    header_insert(&header, 0, "A", "1");
    header_insert(&header, 2, "D", "4\r\n folded");
    header_insert(&header, 2, "C", "");
    assert_written(&header, "A: 1\r\nB: 2\r\nC: \r\nD: 4\r\n folded\r\n");
    header_free(&header);
}

static void replaces_a_part_of_the_body(void **state)
{
    struct header header = { 0 };
    struct field *field;

    (void)state;
    append(&header, "From : root (Cron)\r\n");
    field = &header.fields[0];
    field_replace(field, 5, 0, "@example.com");
    assert_string_equal(field->text, "From: root@example.com (Cron)\r\n");
    field_replace(field, 1, 16, "x");
    assert_string_equal(field->text, "From: x (Cron)\r\n");
    field_replace(field, 9, 0, " end");
    assert_string_equal(field->text, "From: x (Cron) end\r\n");
    assert_int_equal(field->length, strlen(field->text));
    field_replace(field, 0, 13, "");
    assert_string_equal(field->text, "From:\r\n");
    assert_true(field_is(field, "From"));
    header_free(&header);
}

static void knows_a_blank_field(void **state)
{
    struct header header = { 0 };

    (void)state;
    append(&header, "A:\r\n");
    append(&header, "B: \t\r\n  \r\n");
    append(&header, "C: \r\n x\r\n");
    assert_true(field_is_blank(&header.fields[0]));
    assert_true(field_is_blank(&header.fields[1]));
    assert_false(field_is_blank(&header.fields[2]));
    header_free(&header);
}

static void removes_very_many(void **state)
{
    struct header header = { 0 };

    (void)state;
    for (size_t i = 0; i < 200000; i++)
        append(&header, i % 1000 == 0 ? "To: a\r\n" : "Bcc: a\r\n");
    header_remove_all(&header, "Bcc");
    assert_int_equal(header.count, 200);
    header_free(&header);
}

/* An overlong field: name, an item that comes again and again, and how items
 * begin on a further line. */
static const struct {
    const char *name;
    const char *item;
    const char *begin;          /* NULL: it stays one line */
} lists[] = {
    { "To", "ann@example.com,", " ann@example.com, " },
    { "Cc", "\"A,\\\",(B\" <a@b.c>,", " \"A,\\\",(B\" <a@b.c>, \"" },
    { "Reply-To", "(x,\\),y)a@b.c,", " (x,\\),y)a@b.c, (" },
    { "resent-cc", "ann@example.com,", " ann@example.com, " },
    { "References", "<a@b.example>", " <a@b.example> <" },
    { "Subject", "a,b><c", NULL },
    { "To", "(a,b", NULL },
    { "X-List", "ann@example.com,", NULL },
};

static void folds_lists_between_their_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct header header = { 0 };
        struct buf body;
        buf_init(&body, SIZE_MAX);
        while (body.length < 3000)
            buf_add_text(&body, lists[i].item);
        header_append(&header, lists[i].name, body.data);
        header_fold(&header);
        const char *line = strstr(header.fields[0].text, "\r\n") + 2;
        bool is_folded = line < header.fields[0].text + header.fields[0].length;
        assert_int_equal(is_folded, lists[i].begin != NULL);
        if (is_folded && !text_starts(line, lists[i].begin))
            fail_msg("%s: %.60s", lists[i].name, line);
        header_free(&header);
        buf_free(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_fields_from_other_lines),
        cmocka_unit_test(limits_length_of_name),
        cmocka_unit_test(keeps_fields_but_for_blanks_before_the_colon),
        cmocka_unit_test(keeps_nul_and_8bit),
        cmocka_unit_test(finds_names_in_any_case),
        cmocka_unit_test(inserts_in_order),
        cmocka_unit_test(replaces_a_part_of_the_body),
        cmocka_unit_test(knows_a_blank_field),
        cmocka_unit_test(removes_very_many),
        cmocka_unit_test(folds_lists_between_their_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
