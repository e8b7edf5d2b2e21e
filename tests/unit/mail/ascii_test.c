#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/ascii.h"
#include "util/buf.h"
#include "util/text.h"

static const struct {
    const char *field;
    const char *ascii;
    bool beyond;                /* an address is not ASCII */
} fields[] = {
    { "Subject: hi\r\n", "Subject: hi\r\n", false },
    { "Subject: Grüße\r\n", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n", false },
    { "Subject: a Grüße b\r\n", "Subject: a =?UTF-8?B?R3LDvMOfZQ==?= b\r\n",
      false },
    { "Subject: ä b\r\n ö\r\n", "Subject: =?UTF-8?B?w6QgYiDDtg==?=\r\n",
      false },
    { "Subject: =?x?Q?y?= ä\r\n", "Subject: =?x?Q?y?= =?UTF-8?B?w6Q=?=\r\n",
      false },
    { "From: Jörg Ü <j@a.example>\r\n",
      "From: =?UTF-8?B?SsO2cmcgw5w=?= <j@a.example>\r\n", false },
    { "From: \"Jörg \\\"x\\\", Ü\" <j@a.example>\r\n",
      "From: =?UTF-8?B?SsO2cmcgIngiLCDDnA==?= <j@a.example>\r\n", false },
    { "To: a@b, ä <b@c>, \"x, y\" <d@e>\r\n",
      "To: a@b, =?UTF-8?B?w6Q=?= <b@c>, \"x, y\" <d@e>\r\n", false },
    { "Cc: Gruß: a@b, c@d;\r\n", "Cc: =?UTF-8?B?R3J1w58=?=: a@b, c@d;\r\n",
      false },
    { "To: a@b (ä c)\r\n", "To: a@b (=?UTF-8?B?w6Q=?= c)\r\n", false },
    { "To: x <a@bücher.example>\r\n",
      "To: x <a@xn--bcher-kva.example>\r\n", true },
    { "To: ä <ö@b>\r\n", "To: =?UTF-8?B?w6Q=?= <ö@b>\r\n", true },
    { "Content-Type: text/plain; name=ä\r\n",
      "Content-Type: text/plain; name=ä\r\n", false },
    { "To: ä <a@b\r\n", "To: ä <a@b\r\n", false },
    { "Subject: \xe4\r\n", "Subject: \xe4\r\n", false },
    { "X-A: ä\r\nB: c\r\n d\r\n", "X-A: =?UTF-8?B?w6Q=?=\r\nB: c\r\n d\r\n",
      false },
    { "X-A: ä\r\nSubject:", "X-A: =?UTF-8?B?w6Q=?=\r\nSubject:", false },
    { "Subject: ä\n", "Subject: ä\n", false },
};

static void header_sections_become_ascii(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        bool beyond = ascii_header(fields[i].field, strlen(fields[i].field),
                                   &out);
        if (strcmp(out.data, fields[i].ascii) != 0 ||
            beyond != fields[i].beyond)
            fail_msg("%s: %s", fields[i].field, out.data);
        buf_free(&out);
    }
}

/* RFC 2047 section 2: 76 octets a line. */
static void lines_stay_short(void **state)
{
    struct buf text, out;

    (void)state;
    buf_init(&text, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    buf_add_text(&text, "Subject: ");
    for (int i = 0; i < 100; i++)
        buf_add_text(&text, "grün ");
    buf_add_text(&text, "\r\n");
    ascii_header(text.data, text.length, &out);
    for (const char *line = out.data; *line != '\0';) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 76);
        line = end + 2;
    }
    buf_free(&text);
    buf_free(&out);
}

static void addresses_become_ascii(void **state)
{
    static const char *const cases[][2] = {
        { "a@b", "a@b" }, { "a", "a" }, { "", "" },
        { "a@bücher.example", "a@xn--bcher-kva.example" },
        { "\"x@y\"@ü.x", "\"x@y\"@xn--tda.x" },
        { "ä@b", NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *got = ascii_address(cases[i][0]);
        if (cases[i][1] == NULL)
            assert_null(got);
        else
            assert_string_equal(got, cases[i][1]);
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_sections_become_ascii),
        cmocka_unit_test(lines_stay_short),
        cmocka_unit_test(addresses_become_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
