#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/srv.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#include "../in_range.h"

/* "_submissions._tcp.example.com" as a question; names after it can point at
 * it (offset 12) or at example.com (offset 30). */
#define QUESTION \
    "\x0c_submissions\x04_tcp\x07" "example\x03" "com\0" "\0\x21\0\x01"
#define NAME "\xc0\x0c"
#define SRV "\0\x21\0\x01\0\0\x0e\x10"      /* type, class, time to live */
#define HEADER(code, answers) "\x12\x34\x81" code "\0\x01\0" answers "\0\0\0\0"
#define OCTETS(text) text, sizeof text - 1

static void reads_targets(void **state)
{
    static const char answer[] =
        HEADER("\x80", "\x03") QUESTION
        NAME SRV "\0\x0d" "\0\x0a\0\x05\x01\xd1\x04smtp\xc0\x1e"
        /* an alias in front of a record is passed over */
        NAME "\0\x05\0\x01\0\0\x0e\x10" "\0\x02\xc0\x1e"
        NAME SRV "\0\x14" "\0\x14\0\0\x02\x4b\x04mail\x03net\x03org\0";
    struct srv_list list;
    struct error err = { 0 };

    (void)state;
    if (!srv_parse(&list, (const unsigned char *)answer, sizeof answer - 1,
                   &err))
        fail_msg("%s", err.text);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].host, "smtp.example.com");
    assert_int_equal(list.items[0].port, 465);
    assert_int_equal(list.items[0].priority, 10);
    assert_int_equal(list.items[0].weight, 5);
    assert_string_equal(list.items[1].host, "mail.net.org");
    assert_int_equal(list.items[1].port, 587);
    srv_list_free(&list);
}

static const struct {
    const char *what;
    const char *octets;
    size_t length;
    bool is_right;          /* and then there is no target */
} answers[] = {
    { "no such name", OCTETS(HEADER("\x83", "\0") QUESTION), true },
    { "no record", OCTETS(HEADER("\x80", "\0") QUESTION), true },
    { "not offered", OCTETS(HEADER("\x80", "\x01") QUESTION NAME SRV
                            "\0\x07\0\0\0\0\0\0\0"), true },
    { "port 0", OCTETS(HEADER("\x80", "\x01") QUESTION NAME SRV
                       "\0\x0d\0\x0a\0\x05\0\0\x04smtp\xc0\x1e"), true },
    { "of another class", OCTETS(HEADER("\x80", "\x01") QUESTION NAME
                       "\0\x21\0\x03\0\0\x0e\x10"
                       "\0\x0d\0\x0a\0\x05\x01\xd1\x04smtp\xc0\x1e"), true },
    { "a name for a terminal", OCTETS(HEADER("\x80", "\x01") QUESTION NAME SRV
                       "\0\x0d\0\0\0\0\x01\xd1\x04" "a\x1b[0\xc0\x1e"), true },
    { "the server fails", OCTETS(HEADER("\x82", "\0") QUESTION), false },
    { "a question", OCTETS("\x12\x34\x01\0\0\x01\0\0\0\0\0\0" QUESTION),
      false },
    { "nothing", "", 0, false },
    { "half a header", OCTETS("\x12\x34\x81\x80\0\x01"), false },
    { "more answers than octets", OCTETS(HEADER("\x80", "\x01") QUESTION),
      false },
    { "no end of the name", OCTETS(HEADER("\x80", "\x01") QUESTION "\x3f" "a"),
      false },
    { "half a record", OCTETS(HEADER("\x80", "\x01") QUESTION NAME "\0\x21"),
      false },
    { "data past the end", OCTETS(HEADER("\x80", "\x01") QUESTION NAME SRV
                                  "\xff\xff\0\0\0\0\x01\xd1\0"), false },
    { "no room for a target", OCTETS(HEADER("\x80", "\x01") QUESTION NAME SRV
                                     "\0\x06\0\0\0\0\x01\xd1"), false },
    { "a target longer than its data", OCTETS(HEADER("\x80", "\x01") QUESTION
        NAME SRV "\0\x08\0\0\0\0\x01\xd1\x04smtp\0"), false },
    { "a target shorter than its data", OCTETS(HEADER("\x80", "\x01") QUESTION
        NAME SRV "\0\x0e\0\0\0\0\x01\xd1\x04smtp\0xx"), false },
    { "a name that points at itself", OCTETS(HEADER("\x80", "\x01") QUESTION
        NAME SRV "\0\x08\0\0\0\0\x01\xd1\xc0\x3f"), false },
    { "a name that points ahead", OCTETS(HEADER("\x80", "\x01") QUESTION
        NAME SRV "\0\x08\0\0\0\0\x01\xd1\xff\xff"), false },
};

static void takes_nothing_from_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct srv_list list;
        struct error err = { 0 };
        /* On the heap, so that a look past the end is seen. */
        char *copy = alloc_zero(1, answers[i].length + 1);
        copy = alloc_resize(copy, 1, answers[i].length > 0
                                     ? answers[i].length : 1);
        memcpy(copy, answers[i].octets, answers[i].length);
        bool done = srv_parse(&list, (unsigned char *)copy, answers[i].length,
                              &err);
        if (done != answers[i].is_right || list.count != 0)
            fail_msg("%s: %s, %zu targets", answers[i].what,
                     done ? "taken" : err.text, list.count);
        if (!done)
            assert_int_equal(err.fault, FAULT_TEMPORARY);
        free(copy);
    }
}

static void no_beginning_of_an_answer_does_harm(void **state)
{
    static const char answer[] =
        HEADER("\x80", "\x01") QUESTION
        NAME SRV "\0\x0d" "\0\x0a\0\x05\x01\xd1\x04smtp\xc0\x1e";

    (void)state;
    for (size_t length = 0; length < sizeof answer - 1; length++) {
        struct srv_list list;
        struct error err;
        unsigned char *copy = malloc(length > 0 ? length : 1);
        assert_non_null(copy);
        memcpy(copy, answer, length);
        assert_false(srv_parse(&list, copy, length, &err));
        assert_int_equal(list.count, 0);
        free(copy);
    }
}

static struct srv_target target(const char *host, uint16_t priority,
                                uint16_t weight)
{
    return (struct srv_target){ .host = alloc_string(host), .port = 465,
                                .priority = priority, .weight = weight };
}

static void the_order_is_by_priority_and_weight(void **state)
{
    size_t heavy_first = 0;

    (void)state;
    for (int i = 0; i < 400; i++) {
        struct srv_target *items = alloc_zero(4, sizeof *items);
        struct srv_list list = { items, 4 };
        items[0] = target("last", 20, 100);
        items[1] = target("heavy", 10, 9);
        items[2] = target("light", 10, 1);
        items[3] = target("first", 0, 0);
        srv_order(&list);
        assert_string_equal(list.items[0].host, "first");
        assert_string_equal(list.items[3].host, "last");
        heavy_first += strcmp(list.items[1].host, "heavy") == 0;
        srv_list_free(&list);
    }
    /* 364 of 400 are to be expected; 320 to 398 is certain. */
    assert_int_in_range(heavy_first, 320, 398);
}

/* RFC 2782: "a very small chance", wherever it is in the answer. */
static void a_target_of_weight_0_can_be_first(void **state)
{
    (void)state;
    for (uint16_t before = 0; before < 2; before++) {
        size_t weightless_first = 0;
        for (int i = 0; i < 400; i++) {
            struct srv_target *items = alloc_zero(2, sizeof *items);
            struct srv_list list = { items, 2 };
            items[0] = target("a", 10, before);
            items[1] = target("b", 10, 1 - before);
            srv_order(&list);
            weightless_first += list.items[0].weight == 0;
            srv_list_free(&list);
        }
        assert_int_in_range(weightless_first, 100, 300);
    }
}

static void a_host_is_in_its_domain(void **state)
{
    (void)state;
    assert_true(srv_in_domain("smtp.Example.com", "example.COM"));
    assert_true(srv_in_domain("example.com", "example.com"));
    assert_false(srv_in_domain("badexample.com", "example.com"));
    assert_false(srv_in_domain("smtp.evil.com", "good.com"));
    assert_false(srv_in_domain("example.com.evil.net", "example.com"));
    assert_false(srv_in_domain("com", "example.com"));
    assert_false(srv_in_domain("a.b", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_targets),
        cmocka_unit_test(takes_nothing_from_what_is_wrong),
        cmocka_unit_test(no_beginning_of_an_answer_does_harm),
        cmocka_unit_test(the_order_is_by_priority_and_weight),
        cmocka_unit_test(a_target_of_weight_0_can_be_first),
        cmocka_unit_test(a_host_is_in_its_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
