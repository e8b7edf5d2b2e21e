/* Other addresses in a field, and every other octet as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "mail/rewrite.h"
#include "util/buf.h"
#include "util/text.h"

#include "../in_range.h"

static const struct rewrite complete = { .domain = "a.example" };
static const struct rewrite bare = { .domain = "a.example",
                                     .completes_bare = true };
static const struct rewrite replace = { .address = "x@y.example" };
static const struct rewrite name = { .domain = "a.example", .name = "Ann B" };
static const struct rewrite rename_all = {
    .address = "x@y.example", .name = "Ann B.", .replaces_name = true };
static const struct rewrite recipients = { .domain = "a.example",
                                           .is_recipients = true };

static const struct {
    const struct rewrite *how;
    const char *before;
    const char *after;
} cases[] = {
    { &complete, "From: ann@b.example\r\n", "From: ann@b.example\r\n" },
    { &complete, "From: ann\r\n", "From: ann@a.example\r\n" },
    { &complete, "From: Ann <ann> (home)\r\n",
      "From: Ann <ann@a.example> (home)\r\n" },
    { &complete, "To: bob,\r\n \"C. D\" <c@d.example> , eve\r\n",
      "To: bob@a.example,\r\n \"C. D\" <c@d.example> , eve@a.example\r\n" },
    { &complete, "To: us: ann, bob@b.example;\r\n",
      "To: us: ann@a.example, bob@b.example;\r\n" },
    { &complete, "From: ann@localhost\r\n", "From: ann@localhost\r\n" },
    { &bare, "From: ann@localhost\r\n", "From: ann@a.example\r\n" },
    { &complete, "From: <>\r\n", "From: <>\r\n" },
    /* No address-list: it stays, unless all addresses are replaced. */
    { &complete, "From: a b c\r\n", "From: a b c\r\n" },
    { &replace, "From: a b c\r\n", "From: x@y.example\r\n" },
    { &replace, "From: Ann <ann@b.example>\r\n",
      "From: Ann <x@y.example>\r\n" },
    { &replace, "From: ann@b.example, bob@b.example\r\n",
      "From: x@y.example\r\n" },
    { &replace, "From: Ann <ann@b.example>,\r\n bob@b.example\r\n",
      "From: Ann <x@y.example>\r\n" },
    { &replace, "From: us: ann@b.example, bob@b.example;\r\n",
      "From: x@y.example\r\n" },
    /* A name for those that have none; or for all. */
    { &name, "From: ann\r\n", "From: Ann B <ann@a.example>\r\n" },
    { &name, "From: Al <ann>\r\n", "From: Al <ann@a.example>\r\n" },
    { &rename_all, "From: Al <ann@b.example>\r\n",
      "From: \"Ann B.\" <x@y.example>\r\n" },
    /* Words in a row are recipients each. */
    { &recipients, "To: ann bob\r\n",
      "To: ann@a.example, bob@a.example\r\n" },
};

static char *rewritten(const char *text, const struct rewrite *how)
{
    struct header header = { 0 };
    struct buf out;

    header_append_raw(&header, text, strlen(text));
    rewrite_addresses(&header.fields[0], how);
    buf_init(&out, SIZE_MAX);
    header_write(&header, &out);
    header_free(&header);
    return out.data;
}

static void changes_addresses_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *after = rewritten(cases[i].before, cases[i].how);
        if (strcmp(after, cases[i].after) != 0)
            fail_msg("%s%s, not %s", cases[i].before, after, cases[i].after);
        free(after);
    }
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;

    for (const char *end; (end = strstr(text, "\r\n")) != NULL; text = end + 2)
        if ((size_t)(end - text) > longest)
            longest = (size_t)(end - text);
    return longest;
}

/* RFC 5322 section 2.1.1: a line that was short enough still is. */
static void folds_what_would_be_too_long(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    buf_add_text(&text, "To: u0");
    for (unsigned i = 1; text.length < 980; i++)
        buf_add_format(&text, ", u%u", i);
    buf_add_text(&text, "\r\n");
    char *after = rewritten(text.data, &complete);
    assert_true(strlen(after) > 2000);
    assert_int_in_range(longest_line(after), 900, 998);
    free(after);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_addresses_alone),
        cmocka_unit_test(folds_what_would_be_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
