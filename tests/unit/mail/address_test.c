#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/address.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static void takes_what_people_write(void **state)
{
    static const struct {
        const char *text;
        const char *addresses;          /* each with a blank after it */
    } cases[] = {
        { "bob@x.example", "bob@x.example " },
        { "bob", "bob " },
        { "Bob <bob@x.example>", "bob@x.example " },
        { "\"Bob, the \\\"great\\\"\" <bob@x>", "bob@x " },
        { "John Q. Public <a@b>", "a@b " },
        { "root (Cron Daemon)", "root " },
        { "a@b, c@d", "a@b c@d " },
        { "a@b,,c@d,", "a@b c@d " },
        { "a@b; c@d", "a@b c@d " },
        { "A: b@c, d@e;, f@g", "b@c d@e f@g " },
        { "undisclosed-recipients:;", "" },
        { "\"quoted group\": x@y;", "x@y " },
        { "<>", "" },
        { "Bob <@r1.example,@r2.example:bob@x.example>", "bob@x.example " },
        { "bob @ example . com", "bob@example.com " },
        { "bob(a (nested) comment)@(here)example.com", "bob@example.com " },
        { "\"john doe\"@x.example", "\"john doe\"@x.example " },
        { "\"a@b\"@c.example", "\"a@b\"@c.example " },
        { "bounce+tag\\=x@app.example", "bounce+tag=x@app.example " },
        { "bob@[192.0.2.1]", "bob@[192.0.2.1] " },
        { "bob@[IPv6:2001:db8::1]", "bob@[IPv6:2001:db8::1] " },
        { "=?UTF-8?Q?J=C3=BCrgen?= <j@x>", "j@x " },
        /* A comma or the like that a program has left in a word. */
        { "=?UTF-8?Q?M=C3=BCller,_J?= <j@x>, k@x", "j@x k@x " },
        { "=?x?q?a;b:(c)[d?=<j@x>", "j@x " },
        { "A =?x?q?b,c?= =?x?q?,?= D <j@x>", "j@x " },
        { "=?x?q?a,b?=", "\"=?x?q?a,b?=\" " },
        { "=?x?b?a,b@x,?= <j@x>", "=?x?b?a b@x j@x " },
        { "=?x?q?a,b@x,c?= <j@x>", "=?x?q?a b@x j@x " },
        { "=?x?q?a,b <j@x>", "=?x?q?a j@x " },
        { "=?x?q?a,b?=c <j@x>", "=?x?q?a j@x " },
        { "J\xc3\xbcrgen <j\xc3\xbcrgen@b\xc3\xbc" "cher.example>",
          "j\xc3\xbcrgen@b\xc3\xbc" "cher.example " },
        { "a@b,\r\n\tc@d", "a@b c@d " },
        { "bob@example.com.", "bob@example.com " },
        { "a\\=b@c", "a=b@c " },
        { "a\\.b@c", "a.b@c " },
        /* What is not an atom is quoted. */
        { "john\\ doe@x", "\"john doe\"@x " },
        { "a\\@b@c", "\"a@b\"@c " },
        { "a\\\"b@c", "\"a\\\"b\"@c " },
        { "a\\@b", "\"a@b\" " },                  /* no domain */
        /* Words in a row (RFC 5322 4.4): RFC 5321 has one quoted string. */
        { "\"john\".doe@x", "john.doe@x " },
        { "a . \"b \\\"c\" . d@x", "\"a.b \\\"c.d\"@x " },
        { "a\\ b.c@x", "\"a b.c\"@x " },
        { "\"a\".\"b@c\"", "\"a.b@c\" " },
        { "\"john\"@x", "john@x " }, { "\"john\"", "john " },
        { "\"o'b\\ob\"@x", "o'bob@x " }, { "\"b..c\"@x", "\"b..c\"@x " },
        { "\".b\"@x", "\".b\"@x " }, { "\"b.\"@x", "\"b.\"@x " },
        { "\"-x\"@b", "\"-x\"@b " },
        /* Quotes around all of an address. */
        { "\"a@b\"", "a@b " }, { "\"a@b\" (c), <\"d@e\">", "a@b d@e " },
        { "\"a@b c\"", "\"a@b c\" " }, { "\"a@b\", c", "a@b c " },
        { "\"a@\"", "\"a@\" " }, { "\"a@b\".c", "\"a@b.c\" " },
        { "\"john\r\n doe\"@x", "\"john doe\"@x " },
        { "bob@\r\n example.com", "bob@example.com " },
        { "bob\r\n\t<\r\n bob@x\r\n >\r\n", "bob@x " },
        { "<bob (the) @ (big) x>", "bob@x " },
        { "Bob < @r1 (first) , @[192.0.2.1] : bob@x >", "bob@x " },
        { "<a@b> (a comment) , c@d(\\))", "a@b c@d " },
        { "\"\" <a@b>", "a@b " },
        { "\"a;b:c<d>\" <a@b>", "a@b " },
        { "me@home <a@b>", "a@b " },
        { "=?UTF-8?Q?a=40b?= =?UTF-8?B?Yw==?= <a@b>", "a@b " },
        { "A: \"x, y\" <a@b>, (nobody), c@d;; B:; ,e@f;", "a@b c@d e@f " },
        { "A: a@b", "a@b " },                     /* a group left open */
        { "a@b;;;,,,;c@d", "a@b c@d " },
        { "<>, a@b", "a@b " },
        { "(only a comment)", "" },
        { "[Tag] Bob [x] <a@b>", "a@b " },
        { "a@[x@\"y]", "a@[x@\"y] " },
        { "\"a\\\\\"@b", "\"a\\\\\"@b " },
        { "o'brien+x/y=z{1}@b-c_d", "o'brien+x/y=z{1}@b-c_d " },
        { " \t ", "" },
        { "", "" },
        { "first..last.@docomo.example", "first..last.@docomo.example " },
        /* Commas are missing. */
        { "a@b c@d", "a@b c@d " },
        { "a@b\r\n c@d\t\"e f\"@g", "a@b c@d \"e f\"@g " },
        { "a@b (A) c@d (C), e", "a@b c@d e " },
        { "<a@b> <c@d>", "a@b c@d " },
        { "<a> <b>", "a b " },
        { "A <a@b> C <c@d> \"E, F\" <e@f>", "a@b c@d e@f " },
        { "<a@b> c@d e@f", "a@b c@d e@f " },
        { "A <a@b> c@d", "a@b c@d " },
        { "G: a@b c@d; e@f", "a@b c@d e@f " },
        { "Bob <a@b> Jr., \"C\" <c@d>", "a@b c@d " },
        { "Bob <a@b> (the) \"3rd\" [x] .", "a@b " },
        { "Bob <a@b> Jr. <c@d>", "a@b c@d " },
        { "Bob <> Jr.", "" },
        { "a@b <c@d>", "c@d " },
        { "a@b c@d <e@f>", "e@f " },
        { "Dr. B. <bob@x. y>", "bob@x.y " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mailbox_list list = { 0 };
        struct error err = { 0 };
        struct buf found;
        if (!mailbox_list_parse(&list, cases[i].text, strlen(cases[i].text),
                                &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        buf_init(&found, SIZE_MAX);
        for (size_t k = 0; k < list.count; k++)
            buf_add_format(&found, "%s ", list.items[k].address);
        assert_string_equal(found.data, cases[i].addresses);
        buf_free(&found);
        mailbox_list_free(&list);
    }
}

static void tells_where_an_address_stands(void **state)
{
    static const struct {
        const char *text;
        const char *span;
        bool has_domain, has_brackets, has_name;
    } cases[] = {
        { "root (Cron Daemon)", "root", false, false, true },
        { "  root  ", "root", false, false, false },
        { "Anacron <root>", "root", false, true, true },
        { "<root>", "root", false, true, false },
        { "Bob <@r1,@r2:bob@x>", "@r1,@r2:bob@x", true, true, true },
        { "(who) bob@x", "bob@x", true, false, true },
        { "\"a b\"@x (c)", "\"a b\"@x", true, false, true },
        { "g: bob;", "bob", false, false, false },
        { "bob @ x", "bob @ x", true, false, false },
        { "<root> (Cron Daemon)", "root", false, true, true },
        { "<root (Cron Daemon)>", "root", false, true, true },
        { "Cron < root >", "root", false, true, true },
        { "j . doe (x) ", "j . doe", false, false, true },
        { "g:(c) a\\=b ;", "a\\=b", false, false, true },
        { "\"\" <bob@x>", "bob@x", true, true, true },
        { "<\r\n bob@x>", "bob@x", true, true, false },
        { "a\\@b", "a\\@b", false, false, false },
        { ", ,\troot\r\n", "root", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mailbox_list list = { 0 };
        struct error err = { 0 };
        const char *text = cases[i].text;
        assert_true(mailbox_list_parse(&list, text, strlen(text), &err));
        assert_int_equal(list.count, 1);
        const struct mailbox *box = &list.items[0];
        char *span = alloc_bytes(text + box->start, box->end - box->start);
        assert_string_equal(span, cases[i].span);
        free(span);
        assert_int_equal(box->has_domain, cases[i].has_domain);
        assert_int_equal(box->has_brackets, cases[i].has_brackets);
        assert_int_equal(box->has_name, cases[i].has_name);
        mailbox_list_free(&list);
    }
}

static void refuses_what_is_no_address(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        { "bob@", 4 }, { "@x", 2 }, { "bob smith", 9 }, { "a@b@c", 5 },
        { "\"open", 5 }, { "(open", 5 }, { "Bob <bob@x", 10 }, { "bob>", 4 },
        { "<a b@c>", 7 }, { "<a@b> x", 7 }, { "<a@b> \"x\"", 9 },
        { "a@b c", 5 }, { "c a@b", 5 }, { "a@b c d@e", 9 },
        { "\"a@b\" c@d", 9 }, { "@r:a@b", 6 }, { "@r:", 3 },
        { "a@b C. d@e", 10 }, { "a@b c @d", 8 }, { "a@b c@ d", 8 },
        { "a@b c(x)@d", 10 }, { "Bob <a@b> Jr. c@d", 17 },
        { "Bob <a@b> Jr c@d", 16 }, { "<a@b> C <c", 10 },
        { "<a@b> c@d@e", 11 }, { "<a@b> @c", 8 },
        { "<a@b> C: d@e;", 13 }, { "<a@b>: c@d;", 11 }, { "<a@b>>", 6 },
        { "a@b\"c\"@d", 8 }, { "a@[1.2.3.4]b@c", 14 }, { "a@b c@d)", 8 }, { "a@b c@d (", 9 }, { "a@b, [x] c@d", 12 },
        { "Dr. bob@x", 9 }, { "bob@x. Bob", 10 }, { "bob@x.\r\n y", 10 },
        { "J. R. Doe", 9 }, { "a::b", 4 }, { ":include:/etc/passwd", 20 }, { ":a@b;", 5 },
        { "a:b:c", 5 }, { "A: B: c@d;;", 11 }, { "(A): a@b;", 9 },
        { ":", 1 }, { ", : a@b", 7 }, { "<>: a@b;", 8 },
        { "a\0b@c", 5 }, { "a\x01@c", 4 }, { "a@b\x7f", 4 }, { "a)", 2 },
        { "\\", 1 }, { "a\\", 2 }, { "<@r>", 4 }, { "<bob@>", 6 },
        { "bob@[1.2.3.4", 12 }, { "\"a\rb\"@c\x01", 8 }, { "[", 1 },
        { "a\\\rb@c", 6 }, { "\"a\x01\"@b", 6 }, { "\"a\\\r\n b\"@c", 10 },
        { "\"a\\\"@b", 7 }, { "\"a\0\"@b", 6 }, { "a\\\0@b", 5 },
        { "a@b\0", 4 }, { "a@.", 3 }, { "a@..", 4 }, { "<@r:>", 5 },
        { "<@r,@s>", 7 }, { "<@r:@s:a@b>", 11 }, { "<<a@b>>", 7 },
        { "<a@b", 4 }, { "<", 1 }, { ">", 1 }, { "a@b>", 4 },
        { "a@b <c", 6 }, { "a@b:c@d", 7 },
        { "a@b \"", 5 }, { "a@b (\\)", 7 }, { "a@b (", 5 }, { "(()", 3 },
        { "\"", 1 }, { "\"a\\", 3 }, { "]", 1 }, { "a@[1", 4 },
        { "a@IPv6:::1", 10 }, { "Bob <a@b>, x y", 14 }, { "a \x7f b", 5 },
        { "\"a\" \"b\"@c", 9 }, { "<a,b>", 5 }, { "<a;b>", 5 },
        { "[a]", 3 }, { "[a]@b", 5 }, { "a@b.[c]", 7 }, { "a@(c)[d]e", 9 },
        { "<[a]>", 5 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mailbox_list list = { 0 };
        struct error err = { 0 };
        if (mailbox_list_parse(&list, cases[i].text, cases[i].length, &err))
            fail_msg("taken: %s", cases[i].text);
        assert_int_equal(err.fault, FAULT_DATA);
        assert_int_equal(list.count, 0);
        mailbox_list_free(&list);
    }
}

static void shows_whether_commas_were_missing(void **state)
{
    static const struct {
        const char *text;
        bool repaired;
    } cases[] = {
        { "a@b, C <c@d>, (e) e; f@g", false }, { "G: a@b, c@d;", false },
        { "a@b <c@d>", false }, { "a@b c@d", true }, { "<a@b> <c@d>", true },
        { "A <a@b> Jr.", true }, { "G: <a@b> c@d;", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mailbox_list list = { 0 };
        struct error err = { 0 };
        assert_true(mailbox_list_parse(&list, cases[i].text,
                                       strlen(cases[i].text), &err));
        assert_int_equal(list.is_repaired, cases[i].repaired);
        mailbox_list_free(&list);
    }
}

static void divides_recipients_at_blanks(void **state)
{
    static const struct {
        const char *text;
        const char *addresses;          /* NULL: refused */
    } cases[] = {
        { "root admin", "root admin " }, { "a@b c", "a@b c " },
        { " c\r\n\ta@b ", "c a@b " }, { "a \"b c\"@d", "a \"b c\"@d " },
        { "\"B C\" a@b", "\"B C\" a@b " }, { "\"a@b\" \"c@d\"", "a@b c@d " },
        { "a\\ b c", "\"a b\" c " }, { "G: a b", "a b " },
        { "a b .c", NULL }, { "J. Smith", NULL }, { "a b @c", NULL },
        { "a\"b\" c", NULL }, { "\"a\"\"b\"@c", NULL }, { "a b@", NULL },
        { "a \x01 b", NULL }, { "a [b]", NULL }, { "a b>", NULL },
        /* The list has one of , ; < ( | in it. */
        { "a b, c", NULL }, { "a b,", NULL }, { "a b;", NULL },
        { "|a b", NULL }, { "a |b", NULL }, { "|a", "|a " },
        { "a b (c)", NULL }, { "<a@b> c", NULL }, { "a b \"c,d\"", NULL },
        { "a@b c@d, e", "a@b c@d e " }, { "a <b>", "b " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mailbox_list list = { 0 };
        struct error err = { 0 };
        struct buf found;
        size_t length = strlen(cases[i].text);
        bool parsed = mailbox_list_parse_recipients(&list, cases[i].text,
                                                    length, &err);
        if (parsed != (cases[i].addresses != NULL))
            fail_msg("%s: %s", cases[i].text, parsed ? "taken" : err.text);
        buf_init(&found, SIZE_MAX);
        for (size_t k = 0; k < list.count; k++)
            buf_add_format(&found, "%s ", list.items[k].address);
        if (parsed)
            assert_string_equal(found.data, cases[i].addresses);
        buf_free(&found);
        mailbox_list_free(&list);
    }
}

static void takes_line_ends_off_an_argument(void **state)
{
    static const struct {
        const char *text;
        const char *argument;           /* NULL: refused */
    } cases[] = {
        { "a@b", "a@b" }, { "a@b\n", "a@b" }, { "\r\n a@b \r\n\n", "a@b" },
        { "a@b,\tc@d\t", "a@b,\tc@d" }, { "\n", "" }, { "", "" },
        { "a@b\nc@d", NULL }, { "a@b\r\n c@d", NULL }, { "a\x01@b", NULL },
        { "a@b\x0b", NULL }, { "\x7f" "a@b", NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        char *argument = address_argument(cases[i].text, &err);
        if (cases[i].argument == NULL) {
            assert_null(argument);
            assert_int_equal(err.fault, FAULT_DATA);
        } else {
            assert_string_equal(argument, cases[i].argument);
        }
        free(argument);
    }
}

/* Comments and quoted names go nowhere, so they may hold anything. */
static void takes_control_characters_that_do_no_harm(void **state)
{
    static const char text[] = "(a\0\x01) \"b\0\x07\" <bob@x> (\r\x1b), c@d";
    struct mailbox_list list = { 0 };
    struct error err = { 0 };

    (void)state;
    if (!mailbox_list_parse(&list, text, sizeof text - 1, &err))
        fail_msg("%s", err.text);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].address, "bob@x");
    assert_string_equal(list.items[1].address, "c@d");
    mailbox_list_free(&list);
}

static void shows_what_it_refuses(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *shown;
    } cases[] = {
        { "<a@b> C. d@e", 12, "\"C. d@e\" is not an address: an address must be in <>" },
        { "a::b", 4, "\":b\" is not an address: a group without a name" },
        { "a@b, bob smith", 14, "\"bob smith\" is not an address: an address must be in <> " },
        { "a@b@c", 5, "\"a@b@c\" is not an address: more than one @" },
        { "bob@", 4, "\"bob@\" is not an address: nothing after" },
        { "@x", 2, "\"@x\" is not an address: nothing before" },
        { "x <@r:>", 7, "\"<@r:>\" is not an address: nothing after the route" },
        { "x, a\0b", 6, "\"\\x00b\" is not an address" },
        { "\"a\0\"@b", 6, "\\x00\"@b\" is not an address: it contains a control" },
        { "\"open, a@b", 10, "\"\"open, a@b\" is not an address" },
        { "\xff\x1b", 2, "\\x1b" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mailbox_list list = { 0 };
        struct error err = { 0 };
        assert_false(mailbox_list_parse(&list, cases[i].text, cases[i].length,
                                        &err));
        if (strstr(err.text, cases[i].shown) == NULL)
            fail_msg("%s", err.text);
    }
}

static void refuses_long_addresses(void **state)
{
    struct error err = { 0 };

    (void)state;
    for (size_t length = 254; length <= 255; length++) {
        struct mailbox_list list = { 0 };
        char *text = alloc_zero(length + 1, 1);
        memset(text, 'x', length);
        text[10] = '@';
        assert_int_equal(mailbox_list_parse(&list, text, length, &err),
                         length <= ADDRESS_LENGTH_MAX);
        mailbox_list_free(&list);
        free(text);
    }
    assert_non_null(strstr(err.text, "too long"));
}

/* CPU time: what is not linear takes minutes. */
static void is_fast_with_many_addresses(void **state)
{
    enum { MANY = 30000 };
    struct mailbox_list list = { 0 };
    struct error err = { 0 };
    struct buf text;
    clock_t start = clock();

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 0; i < MANY; i++)
        buf_add_format(&text, "\"Name %d\" <user%d@x.example>,\r\n ", i, i);
    if (!mailbox_list_parse(&list, text.data, text.length, &err))
        fail_msg("%s", err.text);
    assert_int_equal(list.count, MANY);
    assert_string_equal(list.items[MANY - 1].address, "user29999@x.example");
    mailbox_list_free(&list);
    for (size_t i = 0; i < text.length; i++)
        text.data[i] = '(';     /* none of which ends */
    assert_false(mailbox_list_parse(&list, text.data, text.length, &err));
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    buf_free(&text);
}

static void keeps_earlier_results_when_it_refuses(void **state)
{
    struct mailbox_list list = { 0 };
    struct error err = { 0 };

    (void)state;
    assert_true(mailbox_list_parse(&list, "a@b", 3, &err));
    assert_false(mailbox_list_parse(&list, "c@d, bob smith", 14, &err));
    assert_int_equal(list.count, 1);
    mailbox_list_free(&list);
}

static void does_not_recurse_into_comments(void **state)
{
    enum { DEPTH = 200000 };
    struct mailbox_list list = { 0 };
    struct error err = { 0 };
    char *text = alloc_zero(2 * DEPTH + 2, 1);

    (void)state;
    text[0] = 'a';
    memset(text + 1, '(', DEPTH);
    memset(text + 1 + DEPTH, ')', DEPTH);
    assert_true(mailbox_list_parse(&list, text, 2 * DEPTH + 1, &err));
    assert_string_equal(list.items[0].address, "a");
    mailbox_list_free(&list);
    assert_false(mailbox_list_parse(&list, text, DEPTH, &err));
    free(text);
    mailbox_list_free(&list);
}

static void checks_what_may_go_on_the_wire(void **state)
{
    char local[300], whole[400];
    static const struct {
        const char *address;
        bool right;
    } cases[] = {
        { "bob@x.example", true }, { "bob@localhost", true },
        { "b\xc3\xb6" "b@x.example", true },
        { "\"a b\"@x", true }, { "\"a\\\"b\"@x", true },
        { "bob@[192.0.2.1]", true }, { "a..b@x", true }, { "a@b_c.x", true },
        { "", false }, { "bob", false }, { "-x@y", false }, { "bob@", false },
        { "@x", false }, { "a b@x", false }, { "bob@x..y", false },
        { "bob@.x", false }, { "bob@x.", false }, { "bob@x y", false },
        { "\"a\"b\"@x", false }, { "\"\"@x", true }, { "\"a\\\"@x", false },
        { "bob@[", false }, { "bob@[]", false }, { "bob@x\r\nRCPT", false },
        { "bob\n@x", false }, { "b\xff@x", false }, { "b<o@x", false },
        { "\"-a\"@x", true }, { "bob@[IPv6:2001:db8::1]", true },
        { "bob@b\xc3\xbc" "cher.example", true }, { "\"a@b\"@x", true },
        { "\"a>b\"@x", true }, { "-@x", false }, { "bob@[::1] ", false },
        { "bob@[a]b]", false }, { "bob@[a b]", false }, { "bob @x", false },
        { " bob@x", false }, { "bob@x,y", false }, { "bob@x\x7f", false },
        { "b\xc3@x", false }, { "b\xed\xa0\x80@x", false },
        { "\"a\"b@x", false }, { "\"a\".b@x", false }, { "\"a@x", false },
        { "a\\b@x", false }, { "a(b)@x", false }, { "<a@x>", false },
        { "b>@x", false }, { "bob@x>", false }, { "a@b@c", false },
        { "bob@-x.example", false }, { "bob@x-.example", false },
        { "bob@x-", false }, { "bob@a-b--c.example", true },
        { "bob@4.example", true }, { "bob@[999.1.1.1]", false },
        { "bob@[foo]", false }, { "bob@[IPv6:zz]", false },
        { "bob@[ipv6:::1]", true }, { "bob@[IPv6:192.0.2.1]", false },
        { "bob@[x-400:any thing]", false }, { "bob@[x-400:anything]", true },
        { "bob@[:x]", false }, { "bob@[x:]", false },
        { "b\xc2\x9b@x", false }, { "bob@x\xe2\x80\xae", false },
        { "b\xe2\x80\x8d" "b@x", true }, { "b\xc2\xa1@x", true },
        { "b\xc2\xa0@x", false }, { "b@x\xe2\x80\x8b", false },
        { "\xef\xbb\xbf" "b@x", false }, { "b@x\xe3\x80\x80", false },
        { "b\xe2\x81\xa0@x", false }, { "b\xc2\xad@x", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        if (address_check(cases[i].address, &err) != cases[i].right)
            fail_msg("%s: %s", cases[i].address, err.text);
        assert_int_equal(err.fault, cases[i].right ? FAULT_NONE : FAULT_DATA);
    }
    memset(local, 'x', sizeof local);
    for (size_t length = 63; length <= 64; length++) {  /* of a label */
        struct error err;
        char *address = alloc_format("bob@%.*s.example", (int)length, local);
        assert_int_equal(address_check(address, &err), length <= 63);
        free(address);
    }
    for (size_t length = 244; length <= 252; length++) {
        struct error err;
        local[length] = '\0';
        memcpy(whole, local, length);
        memcpy(whole + length, "@x.example", 11);
        assert_int_equal(address_check(whole, &err), length + 10 <= 254);
        local[length] = 'x';
    }
}

static void answers_small_questions(void **state)
{
    struct error err = { 0 };

    (void)state;
    assert_true(address_equal("Bob@X.example", "Bob@x.EXAMPLE"));
    assert_false(address_equal("bob@x.example", "Bob@x.example"));
    assert_false(address_equal("bob", "bob@x"));
    assert_false(address_equal("bob@x", "bob@xy"));
    assert_true(address_equal("\"a@B\"@X", "\"a@B\"@x"));
    assert_false(address_equal("\"a@B\"@x", "\"a@b\"@x"));
    assert_string_equal(address_at("\"a\\\"@b\"@c"), "@c");
    assert_null(address_at("\"a@b\""));
    char *text = address_complete("bob", "x.example");
    assert_string_equal(text, "bob@x.example");
    free(text);
    text = address_complete("\"a@b\"", "x");
    assert_string_equal(text, "\"a@b\"@x");
    free(text);
    text = address_local_name("\"a \\\"b\"@x");
    assert_string_equal(text, "a \"b");
    free(text);
    text = address_parse_one("", &err);
    assert_string_equal(text, "");
    free(text);
    text = address_parse_one("Bob <bob@x>", &err);
    assert_string_equal(text, "bob@x");
    free(text);
    assert_null(address_parse_one("a@b, c@d", &err));
    assert_null(address_parse_one("x:;", &err));
    assert_null(address_parse_one("bob smith", &err));
    assert_int_equal(err.fault, FAULT_DATA);
    text = address_parse_one("<>", &err);
    assert_string_equal(text, "");
    free(text);
    text = address_parse_one("a\\=b@c", &err);
    assert_string_equal(text, "a=b@c");
    free(text);
    text = address_complete("", "x");
    assert_string_equal(text, "");
    free(text);
    static const char *const completed[][2] = {
        { "bob@y.example", "bob@y.example" },
        { "bob", "bob@x.example" },
        { "bob@y", "bob@x.example" },
        { "bob@localhost", "bob@x.example" },
        { "bob@localhost.localdomain", "bob@x.example" },
        { "\"a@b\"", "\"a@b\"@x.example" },
        { "bob@[IPv6:::1]", "bob@[IPv6:::1]" },
        { "bob@[127.0.0.1]", "bob@[127.0.0.1]" },
    };
    for (size_t i = 0; i < COUNT(completed); i++) {
        text = address_complete(completed[i][0], "x.example");
        assert_string_equal(text, completed[i][1]);
        free(text);
    }
}

static void finds_an_at_without_a_domain(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        { "a@", 1 }, { "<a@>", 2 }, { "A <ab@>", 5 }, { "x@y, a@", 6 },
        { "", 0 }, { "@", 0 }, { "<@>", 0 }, { ">", 0 }, { "a @", 0 },
        { "a@b", 0 }, { "a@ ", 0 }, { "a@b@", 0 }, { "a@@", 0 }, { "a,@", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (address_without_domain(cases[i].text, strlen(cases[i].text)) !=
            cases[i].length)
            fail_msg("%s", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_people_write),
        cmocka_unit_test(shows_whether_commas_were_missing),
        cmocka_unit_test(divides_recipients_at_blanks),
        cmocka_unit_test(takes_line_ends_off_an_argument),
        cmocka_unit_test(tells_where_an_address_stands),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(takes_control_characters_that_do_no_harm),
        cmocka_unit_test(shows_what_it_refuses),
        cmocka_unit_test(refuses_long_addresses),
        cmocka_unit_test(is_fast_with_many_addresses),
        cmocka_unit_test(keeps_earlier_results_when_it_refuses),
        cmocka_unit_test(does_not_recurse_into_comments),
        cmocka_unit_test(checks_what_may_go_on_the_wire),
        cmocka_unit_test(finds_an_at_without_a_domain),
        cmocka_unit_test(answers_small_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
