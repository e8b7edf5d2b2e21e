#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mail/phrase.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/text.h"

static void writes_names_as_phrases(void **state)
{
    static const struct {
        const char *name;
        const char *phrase;
    } cases[] = {
        { "Alice Example", "Alice Example" },
        { "a!#$%&'*+-/?=^_`{|}~z", "a!#$%&'*+-/?=^_`{|}~z" },
        { "\"Reminder Service\"", "Reminder Service" },
        { "\"Smith, Bob\"", "\"Smith, Bob\"" },
        { "\"a \\\"b\\\" c\"", "\"a \\\"b\\\" c\"" },
        { "\"C:\\\\x\"", "\"C:\\\\x\"" },
        { "\"open\\\"", "\"\\\"open\\\\\\\"\"" },   /* no quotes around it */
        { "\"", "\"\\\"\"" },
        { "\"\"", "" },
        { "\"A\" and \"B\"", "\"\\\"A\\\" and \\\"B\\\"\"" },
        { "Smith, Bob", "\"Smith, Bob\"" },
        { "a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\"" },
        { "J. R.", "\"J. R.\"" },
        { "(x) <y@z>; [:]", "\"(x) <y@z>; [:]\"" },
        { "a\r\nBcc: x@y", "\"a  Bcc: x@y\"" },
        { "a\x01" "b\x7f" "c\td", "a b c d" },
        { "J\xc3\xbcrgen", "=?UTF-8?B?SsO8cmdlbg==?=" },
        { "\"J\xc3\xbcrgen\"", "=?UTF-8?B?SsO8cmdlbg==?=" },
        { "J\xfcrgen", "=?UTF-8?B?SsO8cmdlbg==?=" },
        { "\xff\xc3", "=?UTF-8?B?w7/Dgw==?=" },
        { "\xc3\xbc\n\xc3\xbc", "=?UTF-8?B?w7wgw7w=?=" },
        { "=?x?Q?y?=", "=?x?Q?y?=" },
        { "=?x?Q?y,?=", "=?UTF-8?B?PT94P1E/eSw/PQ==?=" },
        { "a=?", "=?UTF-8?B?YT0/?=" },
        { "a?=", "a?=" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        phrase_add(&out, cases[i].name);
        assert_string_equal(out.data, cases[i].phrase);
        buf_free(&out);
    }
}

/* What stands in a field is a name already, but for quotes. */
static void quotes_words_of_a_field(void **state)
{
    static const struct {
        const char *text;
        const char *phrase;
    } cases[] = {
        { "Foo, Inc.", "\"Foo, Inc.\"" },
        { " Foo,\r\n\tInc. ", "\"Foo, Inc.\"" },
        { "Foo: Bar [x] (y)", "\"Foo: Bar [x] (y)\"" },
        { "Foo Bar", "Foo Bar" },
        { "\"a\", b\\", "\"\\\"a\\\", b\\\\\"" },
        { "J\xc3\xbcrgen, B", "\"J\xc3\xbcrgen, B\"" },
        { "\"A, B\" =?x?q?c,?=", "\"A, B\" =?x?q?c=2C?=" },
        { "B, =?utf-8?Q?P=C3=A5l?= x", "\"B,\" =?utf-8?Q?P=C3=A5l?= x" },
        { "=?utf-8?B?w6U=?=, =?x?q?y?=", "=?utf-8?B?w6U=?= \",\" =?x?q?y?=" },
        /* Encoded, but not all that a phrase must not have. */
        { "=?utf-8?Q?Foo,_B?=", "=?utf-8?Q?Foo=2C_B?=" },
        { "a =?UTF-8?q?Foo, \xc3\xa5?= b", "a =?UTF-8?q?Foo=2C_=C3=A5?= b" },
        { "=?utf-8?q?a,", "\"=?utf-8?q?a,\"" },
        { "=?q?a,?=", "\"=?q?a,?=\"" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        phrase_add_words(&out, cases[i].text, strlen(cases[i].text));
        assert_string_equal(out.data, cases[i].phrase);
        buf_free(&out);
    }
}

static void finds_encoded_words(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        { "=?x?q?a,b?=", 11 }, { "=?x-1?Q?a?= b", 11 }, { "=?x?q?(a)?=<b", 11 },
        { "=?x?q?a?=,", 9 },
        { "=?x?q?a b?=", 0 }, { "=?x?q?a<b?=", 0 }, { "=?x?q?a@b?=", 0 },
        { "=?x?q?a\"b?=", 0 }, { "=?x?b?a?=", 0 }, { "=?x?q?a?=b", 0 },
        { "=?x?q?a", 0 }, { "=?x?q?" "?=", 0 }, { "=??q?a?=", 0 },
        { "x=?x?q?a?=", 0 }, { "=?", 0 }, { "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (phrase_encoded_word(cases[i].text, strlen(cases[i].text)) !=
            cases[i].length)
            fail_msg("%s", cases[i].text);
    assert_true(phrase_is_loose("a =?x?q?a,?= b", 14));
    assert_false(phrase_is_loose("a, =?x?q?a?= =?x?b?a?=", 22));
    assert_false(phrase_is_loose("=?x?q?a ,?=", 11));
}

static void appends(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    buf_add_text(&out, "From: ");
    phrase_add(&out, "Bob");
    assert_string_equal(out.data, "From: Bob");
    buf_free(&out);
}

/* The phrase must be encoded-words on separate lines; what they hold,
 * each whole characters, is put together in decoded. */
static void decode(const char *phrase, struct buf *decoded)
{
    for (const char *word = phrase; word != NULL; ) {
        const char *end = strstr(word, "\r\n ");
        size_t length = end == NULL ? strlen(word) : (size_t)(end - word);
        size_t before = decoded->length;
        assert_true(length <= 75);
        assert_true(length > 12);
        assert_memory_equal(word, "=?UTF-8?B?", 10);
        assert_memory_equal(word + length - 2, "?=", 2);
        assert_true(base64_decode(decoded, word + 10, length - 12));
        assert_true(text_is_utf8(decoded->data + before,
                                 decoded->length - before));
        word = end == NULL ? NULL : end + 3;
    }
}

/* Wherever the cut falls: characters of 1 to 4 octets, moved by one at a time.
 * The names are so long that ASCII ones are folded, too. */
static void folds_long_names_between_characters(void **state)
{
    static const char *const characters[] = {
        "a", "\xc3\xbc", "\xe2\x98\x95", "\xf0\x9f\x93\xa7",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(characters) * 43; i++) {
        struct buf name, out, decoded;
        buf_init(&name, SIZE_MAX);
        buf_init(&out, SIZE_MAX);
        buf_init(&decoded, SIZE_MAX);
        for (size_t k = 0; k < i % 43; k++)
            buf_add_text(&name, "x");
        for (size_t k = 0; k < 400; k++)
            buf_add_text(&name, characters[i / 43]);
        phrase_add(&out, name.data);
        decode(out.data, &decoded);
        assert_string_equal(decoded.data, name.data);
        buf_free(&decoded);
        buf_free(&out);
        buf_free(&name);
    }
}

/* No line may have more than 998 octets, however much must be quoted. */
static void fits_the_line(void **state)
{
    static const char octets[] = { 'a', '"', '\\', '.', ' ', '\n', '\xfc' };

    (void)state;
    for (size_t i = 0; i < COUNT(octets); i++)
        for (size_t length = 1; length < 1200; length += 13) {
            char *name = alloc_zero(length + 1, 1);
            struct buf out;
            memset(name, octets[i], length);
            buf_init(&out, SIZE_MAX);
            phrase_add(&out, name);
            for (char *line = out.data; line != NULL; ) {
                size_t size = strcspn(line, "\r\n");
                assert_true(size < 700);
                line = strchr(line, '\n');
                line = line == NULL ? NULL : line + 1;
            }
            buf_free(&out);
            free(name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_names_as_phrases),
        cmocka_unit_test(quotes_words_of_a_field),
        cmocka_unit_test(finds_encoded_words),
        cmocka_unit_test(appends),
        cmocka_unit_test(folds_long_names_between_characters),
        cmocka_unit_test(fits_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
