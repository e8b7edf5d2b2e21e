/* The meaning of the text of a value, and texts that cannot be one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config_keys.h"
#include "config/config_values.h"
#include "util/text.h"

#define OCTETS "0123456789abcdef0123456789abcdef" \
               "0123456789abcdef0123456789abcd"
#define LONG_PATH "/23456789012345678901234567890123456789" \
                  "0123456789012345678901234567890123456789" \
                  "0123456789012345678901234567890123456789"

/* --- Texts. --- */

static const struct text {
    CONFIG_TAKE((*take));
    const char *text;
    const char *kept;           /* NULL: it is refused */
} texts[] = {
    { config_take_text, "", "" },
    { config_take_text, "J\xc3\xbcrgen", "J\xc3\xbcrgen" },
    { config_take_text, "a\tb", NULL },
    { config_take_text, "\xff", NULL },
    { config_take_path, "/etc/aliases", "/etc/aliases" },
    { config_take_path, "", "" },
    { config_take_path, "etc/aliases", NULL },
    { config_take_path, "/etc/\x01", NULL },
    { config_take_https, "https://a.example/token", "https://a.example/token" },
    { config_take_https, "HTTPS://a", "HTTPS://a" },
    { config_take_https, "", "" },
    { config_take_https, "http://a.example", NULL },
    { config_take_https, "https://", NULL },
    { config_take_https, "https:///path", NULL },
    { config_take_https, "https://a.example/#x", NULL },
    { config_take_https, "https://a.example/ x", NULL },
    { config_take_https, "https://m\xc3\xbcnchen.example", NULL },
    { config_take_address, "a@b.example", "a@b.example" },
    { config_take_address, "", "" },
    { config_take_address, "<a@b.example>", "a@b.example" },
    { config_take_address, "a", NULL },
    { config_take_address, "a@b.example, c@d.example", NULL },
    { config_take_domain, "", "" },
    { config_take_domain, "example.com", "example.com" },
    { config_take_domain, "a..b", NULL },
    { config_take_domain, "a b", NULL },
    { config_take_host, "mx.example", "mx.example" },
    { config_take_host, "mx.example.", "mx.example." },
    { config_take_host, "_submission._tcp.example.com",
      "_submission._tcp.example.com" },
    { config_take_host, "192.0.2.1", "192.0.2.1" },
    { config_take_host, "2001:db8::1", "2001:db8::1" },
    { config_take_host, "[2001:db8::1]", "[2001:db8::1]" },
    { config_take_host, "[mx.example]", NULL },
    { config_take_host, "mx.example:587", NULL },
    { config_take_host, "m\xc3\xbcnchen.example", NULL },
    { config_take_host, ".", NULL },
    { config_take_ip, "192.0.2.7", "192.0.2.7" },
    { config_take_ip, "", "" },
    { config_take_ip, "mx.example", NULL },
    { config_take_hello, "mx.example", "mx.example" },
    { config_take_hello, "[192.0.2.1]", "[192.0.2.1]" },
    { config_take_hello, "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]" },
    { config_take_hello, "[2001:db8::1]", NULL },
    { config_take_hello, "[IPv6:192.0.2.1]", NULL },
    { config_take_hello, "192.0.2.1]", NULL },
    { config_take_hello, "m\xc3\xbc.example", NULL },
    { config_take_fingerprint, "", "" },
    { config_take_fingerprint, OCTETS "EF", OCTETS "ef" },
    { config_take_fingerprint, "01:23:" "456789abcdef0123456789abcdef0123456789"
      "abcdef0123456789abcdef", OCTETS "ef" },
    { config_take_fingerprint, OCTETS, NULL },
    { config_take_fingerprint, OCTETS "ef0", NULL },
    { config_take_fingerprint, OCTETS "eg", NULL },
    { config_take_fingerprint, "0:" OCTETS "e", NULL },
    { config_take_fingerprint, ":" OCTETS "ef", NULL },
    { config_take_command, "pass 'a b'", "pass 'a b'" },
    { config_take_command, "", "" },
    { config_take_command, "pass 'a b", NULL },
    { config_take_command, "  ", NULL },
    { config_take_credential, "smtp", "smtp" },
    { config_take_credential, "a/b", NULL },
    { config_take_credential, "..", NULL },
    { config_take_credential, "..a", "..a" },
};

static void keeps_texts_as_they_are_used(void **state)
{
    const struct config_key key = { .name = "key" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *kept = NULL;
        struct error err;
        bool taken = texts[i].take(&key, texts[i].text, &kept, &err);
        if (taken != (texts[i].kept != NULL) ||
            (taken && strcmp(kept, texts[i].kept) != 0) ||
            (!taken && kept != NULL))
            fail_msg("%s: %s", texts[i].text, taken ? kept : err.text);
        free(kept);
    }
}

/* The spool must be somewhere. */
static void takes_no_empty_path_where_one_is_needed(void **state)
{
    const struct config_key key = { .min = 1 };
    char *kept = NULL;
    struct error err;

    (void)state;
    assert_false(config_take_path(&key, "", &kept, &err));
    assert_null(kept);
}

/* --- Numbers. --- */

static const struct number {
    CONFIG_TAKE((*take));
    const char *text;
    int64_t value;              /* -1: it is refused */
} numbers[] = {
    { config_take_size, "10", 10 },
    { config_take_size, "9", -1 },
    { config_take_size, "1k", 1024 },
    { config_take_size, "1000k", 1024000 },
    { config_take_size, "1M", -1 },
    { config_take_size, "1x", -1 },
    { config_take_size, "", -1 },
    { config_take_time, "10s", 10000 },
    { config_take_time, "2m", 120000 },
    { config_take_time, "9s", -1 },
    { config_take_time, "30d", -1 },
    { config_take_time, "soon", -1 },
};

static void knows_units_and_bounds(void **state)
{
    const struct config_key key = { .min = 10, .max = 1024000,
                                    .allowed = "must be right" };

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        int64_t value = -1;
        struct error err;
        bool taken = numbers[i].take(&key, numbers[i].text, &value, &err);
        if (taken != (numbers[i].value != -1) || value != numbers[i].value)
            fail_msg("%s: %lld", numbers[i].text, (long long)value);
        if (!taken)
            assert_string_equal(err.text, "must be right");
    }
}

static void bounds_plain_numbers(void **state)
{
    static const struct {
        const char *text;
        unsigned value;         /* 0: it is refused */
    } cases[] = {
        { "1", 1 }, { "65535", 65535 }, { "65536", 0 }, { "0", 0 },
        { "-1", 0 }, { "1x", 0 }, { "", 0 },
    };
    const struct config_key key = { .min = 1, .max = 65535 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned number = 0;
        uint16_t port = 0;
        struct error err;
        config_take_number(&key, cases[i].text, &number, &err);
        config_take_port(&key, cases[i].text, &port, &err);
        assert_int_equal(number, cases[i].value);
        assert_int_equal(port, cases[i].value);
    }
}

/* --- Words. --- */

static void takes_words_in_any_case(void **state)
{
    static const struct config_word words[] = { { "add", 0 }, { "cut", 7 },
                                                { NULL, 0 } };
    const struct config_key key = { .words = words };
    unsigned value = 1;
    struct error err;
    bool choice;

    (void)state;
    assert_true(config_take_word(&key, "CUT", &value, &err));
    assert_int_equal(value, 7);
    assert_true(config_take_choice(&key, "cut", &choice, &err));
    assert_true(choice);
    assert_true(config_take_choice(&key, "Add", &choice, &err));
    assert_false(choice);
    assert_true(config_take_keyword(&key, "add", NULL, &err));
    assert_false(config_take_word(&key, "cu", &value, &err));
    assert_string_equal(err.text, "must be add or cut");
    assert_int_equal(value, 7);
}

static void takes_each_word_for_yes_and_no(void **state)
{
    static const struct {
        const char *text;
        int value;              /* -1: it is refused */
    } cases[] = {
        { "true", 1 }, { "Yes", 1 }, { "on", 1 }, { "false", 0 }, { "NO", 0 },
        { "off", 0 }, { "1", -1 }, { "", -1 },
    };
    const struct config_key key = { .name = "key" };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool value = false;
        struct error err;
        bool taken = config_take_bool(&key, cases[i].text, &value, &err);
        assert_int_equal(taken ? value : -1, cases[i].value);
    }
}

static void keeps_mechanisms_in_lower_case(void **state)
{
    static const struct config_word words[] = { { "auto", 0 }, { NULL, 0 } };
    const struct config_key key = { .words = words };
    char *kept = NULL;
    struct error err;

    (void)state;
    assert_true(config_take_auth(&key, "Scram-SHA-256", &kept, &err));
    assert_string_equal(kept, "scram-sha-256");
    assert_true(config_take_auth(&key, "AUTO", &kept, &err));
    assert_string_equal(kept, "auto");
    assert_false(config_take_auth(&key, "magic", &kept, &err));
    assert_string_equal(kept, "auto");
    free(kept);
}

/* --- Where to listen, and names of sections. --- */

static const struct {
    CONFIG_TAKE((*take));                   /* NULL: the next one is set */
    bool (*check)(const char *name, struct error *err);
    const char *text;
    bool right;
} names[] = {
    { config_take_listen, NULL, "/run/submit", true },
    { config_take_listen, NULL, LONG_PATH, false },
    { config_take_listen, NULL, "run/submit", false },
    { config_take_listen, NULL, "127.0.0.1:25", true },
    { config_take_listen, NULL, "127.5.6.7:2525", true },
    { config_take_listen, NULL, "[::1]:25", true },
    { config_take_listen, NULL, "127.0.0.1:0", false },
    { config_take_listen, NULL, "127.0.0.1:65536", false },
    { config_take_listen, NULL, "127.0.0.1", false },
    { config_take_listen, NULL, "127.0.0.x:25", false },
    { config_take_listen, NULL, "192.0.2.1:25", false },
    { config_take_listen, NULL, "[::]:25", false },
    { config_take_listen, NULL, "localhost:25", false },
    { NULL, config_check_name, "main", true },
    { NULL, config_check_name, "our office", true },
    { NULL, config_check_name, "", false },
    { NULL, config_check_name, "a\nb", false },
    { NULL, config_check_oauth_name, "work-1.b_c", true },
    { NULL, config_check_oauth_name, ".hidden", false },
    { NULL, config_check_oauth_name, "a/b", false },
    { NULL, config_check_oauth_name, "", false },
    { NULL, config_check_oauth_name, OCTETS "ab", true },
    { NULL, config_check_oauth_name, OCTETS "abc", false },
    { NULL, config_check_match, "www-data", true },
    { NULL, config_check_match, "*", true },
    { NULL, config_check_match, "@example.com", true },
    { NULL, config_check_match, "@", false },
    { NULL, config_check_match, "@a b", false },
    { NULL, config_check_match, "a@b.example", true },
    { NULL, config_check_match, "a@b@c", false },
    { NULL, config_check_match, "", false },
};

static void knows_what_can_be_a_name(void **state)
{
    const struct config_key key = { .name = "key" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct error err;
        bool right = names[i].take != NULL
                     ? names[i].take(&key, names[i].text, NULL, &err)
                     : names[i].check(names[i].text, &err);
        if (right != names[i].right)
            fail_msg("%zu: %s", i, names[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_texts_as_they_are_used),
        cmocka_unit_test(takes_no_empty_path_where_one_is_needed),
        cmocka_unit_test(knows_units_and_bounds),
        cmocka_unit_test(bounds_plain_numbers),
        cmocka_unit_test(takes_words_in_any_case),
        cmocka_unit_test(takes_each_word_for_yes_and_no),
        cmocka_unit_test(keeps_mechanisms_in_lower_case),
        cmocka_unit_test(knows_what_can_be_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
