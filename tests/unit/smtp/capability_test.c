#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "smtp/capability.h"
#include "smtp/reply.h"
#include "util/buf.h"
#include "util/text.h"

#include "../in_range.h"

static const struct {
    const char *lines;          /* after the server's name */
    unsigned flags;
    uint64_t size_limit;
    const char *mechanisms;     /* joined by blanks */
} cases[] = {
    { "", 0, 0, "" },
    { "\nPIPELINING\n8BITMIME\nSMTPUTF8\nDSN\nCHUNKING\nENHANCEDSTATUSCODES"
      "\nSTARTTLS\nSIZE\nAUTH PLAIN",
      CAP_PIPELINING | CAP_8BITMIME | CAP_SMTPUTF8 | CAP_DSN | CAP_CHUNKING |
      CAP_STATUS_CODES | CAP_STARTTLS | CAP_SIZE | CAP_AUTH, 0, "PLAIN" },
    { "\nStartTls\npipelining", CAP_STARTTLS | CAP_PIPELINING, 0, "" },
    { "\nSIZE 10240000", CAP_SIZE, 10240000, "" },
    { "\nSIZE 4294967297", CAP_SIZE, 4294967297, "" },
    { "\nSIZE   2000", CAP_SIZE, 2000, "" },
    { "\nSIZE 0", CAP_SIZE, 0, "" },
    { "\nSIZE ten", CAP_SIZE, 0, "" },
    { "\nSIZE -1", CAP_SIZE, 0, "" },
    { "\nSIZE 99999999999999999999999999", CAP_SIZE, 0, "" },
    { "\nAUTH login Plain", CAP_AUTH, 0, "LOGIN PLAIN" },
    { "\nAUTH=LOGIN PLAIN", CAP_AUTH, 0, "LOGIN PLAIN" },
    { "\nAUTH LOGIN\nAUTH=LOGIN CRAM-MD5", CAP_AUTH, 0, "LOGIN CRAM-MD5" },
    { "\nAUTH", CAP_AUTH, 0, "" },
    { "\nAUTH   LOGIN \t PLAIN  ", CAP_AUTH, 0, "LOGIN PLAIN" },
    /* What is none of these. */
    { "\nXPIPELINING\nPIPELINING2\nSTARTTLS=1\n\n \nAUTHX LOGIN", 0, 0, "" },
    { "\nSIZE=9", 0, 0, "" },
    { "\nSTARTTLS please", CAP_STARTTLS, 0, "" },
};

static void knows_keywords(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct capabilities caps = { 0 };
        struct reply reply;
        struct buf mechanisms;
        reply_init(&reply);
        buf_init(&mechanisms, SIZE_MAX);
        buf_add_text(&reply.text, "mx.example PIPELINING");
        buf_add_text(&reply.text, cases[i].lines);
        capabilities_parse(&caps, &reply);
        for (size_t j = 0; j < caps.mechanisms.count; j++)
            buf_add_format(&mechanisms, "%s%s", j == 0 ? "" : " ",
                           caps.mechanisms.items[j]);
        if (caps.flags != cases[i].flags)
            fail_msg("%s: %#x", cases[i].lines, caps.flags);
        assert_int_equal(caps.size_limit, cases[i].size_limit);
        assert_string_equal(mechanisms.data, cases[i].mechanisms);
        buf_free(&mechanisms);
        capabilities_free(&caps);
        assert_int_equal(caps.flags, 0);
        reply_free(&reply);
    }
}

/* A hostile list must not cost more than a friendly one. */
static void remembers_few_mechanisms(void **state)
{
    struct capabilities caps = { 0 };
    struct reply reply;

    (void)state;
    reply_init(&reply);
    buf_add_text(&reply.text, "mx\nAUTH");
    for (int i = 0; i < 8000; i++)
        buf_add_format(&reply.text, " M%d", i);
    capabilities_parse(&caps, &reply);
    assert_true(caps.mechanisms.count <= 64);
    capabilities_free(&caps);
    reply_free(&reply);
}

static uint32_t hello_of(const char *text)
{
    struct capabilities caps = { 0 };
    struct reply reply;

    reply_init(&reply);
    buf_add_text(&reply.text, text);
    capabilities_parse(&caps, &reply);
    uint32_t hello = caps.hello;
    capabilities_free(&caps);
    reply_free(&reply);
    return hello;
}

/* Hosts of one name may greet with different ones. */
static void an_ehlo_is_its_extensions(void **state)
{
    (void)state;
    assert_int_equal(hello_of("a\nSIZE 1"), hello_of("b\nSIZE 1"));
    assert_int_not_equal(hello_of("a\nSIZE 1"), hello_of("a\nSIZE 2"));
    assert_int_not_equal(hello_of("a\nSIZE 1"), hello_of("a"));
}

#define DAY (24 * 60 * 60 * 1000)

static void distrust_lasts_as_long_as_the_ehlo(void **state)
{
    struct distrust distrust = { 0 };

    (void)state;
    assert_int_equal(distrust_of(&distrust, 1, 5), 0);
    assert_true(distrust_add(&distrust, CAP_CHUNKING, 1, 5));
    assert_false(distrust_add(&distrust, CAP_CHUNKING, 1, 6));
    assert_true(distrust_add(&distrust, CAP_DSN, 1, 7));
    assert_int_equal(distrust_of(&distrust, 1, 8), CAP_CHUNKING | CAP_DSN);
    assert_int_equal(distrust_of(&distrust, 2, 9), 0);
    assert_int_equal(distrust_of(&distrust, 1, 10), 0);
}

/* However much is found out about one. */
static void distrust_is_of_one_ehlo(void **state)
{
    struct distrust distrust = { 0 };

    (void)state;
    for (size_t i = 0; capability_word(i) != NULL; i++)
        assert_true(distrust_add(&distrust, 1U << i, 1, 5));
    assert_int_equal(distrust_of(&distrust, 2, 6), 0);
}

static void distrust_lasts_for_a_day(void **state)
{
    struct distrust distrust = { 0 };

    (void)state;
    distrust_add(&distrust, CAP_CHUNKING, 1, 5);
    assert_int_equal(distrust_of(&distrust, 1, DAY + 4), CAP_CHUNKING);
    assert_int_equal(distrust_of(&distrust, 1, DAY + 5), 0);
}

/* Else the same would be found out again for ever. */
static void distrust_counts_for_any_ehlo_after_some(void **state)
{
    struct distrust distrust = { 0 };
    unsigned found_out = 0;

    (void)state;
    for (uint32_t hello = 1; hello < 100; hello++)
        if (distrust_of(&distrust, hello, 5) == 0)
            found_out += distrust_add(&distrust, CAP_CHUNKING, hello, 5);
    assert_int_in_range(found_out, 5, 20);
}

static void has_words(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 100);
    capabilities_describe(CAP_CHUNKING | CAP_PIPELINING | CAP_8BITMIME, &text);
    assert_string_equal(text.data, "PIPELINING, 8BITMIME, CHUNKING");
    assert_int_equal(capability_flag("chunking"), CAP_CHUNKING);
    assert_int_equal(capability_flag("CHUNK"), 0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_keywords),
        cmocka_unit_test(remembers_few_mechanisms),
        cmocka_unit_test(an_ehlo_is_its_extensions),
        cmocka_unit_test(distrust_lasts_as_long_as_the_ehlo),
        cmocka_unit_test(distrust_is_of_one_ehlo),
        cmocka_unit_test(distrust_lasts_for_a_day),
        cmocka_unit_test(distrust_counts_for_any_ehlo_after_some),
        cmocka_unit_test(has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
