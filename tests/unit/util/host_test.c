#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "util/host.h"
#include "util/text.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void proves_names(void **state)
{
    static const struct {
        const char *text;
        const char *name;           /* NULL: servers refuse it */
    } cases[] = {
        { "web1.example.com", "web1.example.com" },
        { "web1.example.com.", "web1.example.com" },
        { "Web-1.example.com", "Web-1.example.com" },
        { "web1", "web1" },
        { "4f2a", "4f2a" },
        { "1.example", "1.example" },
        { A63 ".example", A63 ".example" },
        { "b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example" },
        { "localhost", "localhost" },
        { "", NULL },
        { ".", NULL },
        { "a..b", NULL },
        { "a.b..", NULL },
        { ".a", NULL },
        { "shop_web_1", NULL },
        { "(none)", NULL },
        { "-web1.example", NULL },
        { "web1-.example", NULL },
        { "a" A63 ".example", NULL },
        { A63 "." A63 "." A63 "." A63, NULL },
        { "192.0.2.1", NULL },
        { "123456", NULL },
        { "we b", NULL },
        { "a\nb", NULL },
        { "b\xfc" "cher.example", NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *name = host_name_of(cases[i].text);
        bool right = cases[i].name == NULL
                     ? name == NULL
                     : name != NULL && strcmp(name, cases[i].name) == 0;
        if (!right)
            fail_msg("%s: %s", cases[i].text, name != NULL ? name : "none");
        free(name);
    }
}

static void knows_what_the_dns_can_hold(void **state)
{
    static const struct {
        const char *text;
        bool is_name;
    } cases[] = {
        { "mx_1.example.com", true },
        { "_submissions._tcp.example.com", true },
        { "192.0.2.1", true },
        { "b\xc3\xbc" "cher.example", true },
        { A63 ".example", true },
        { A63 "." A63 "." A63 "." A63, false },
        { "a" A63 ".example", false },
        { "\xc3\xbc" A63 ".example", true },     /* shorter as xn-- */
        { "b\xfc" "cher.example", false },
        { "", false },
        { ".", false },
        { "example.com.", false },
        { "a..b", false },
        { "-a.example", false },
        { "a-.example", false },
        { "a b", false },
        { "a\\027b", false },
        { "a/b", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (host_is_name(cases[i].text) != cases[i].is_name)
            fail_msg("%s", cases[i].text);
}

static void knows_names_of_every_machine(void **state)
{
    static const struct {
        const char *name;
        bool anyones;
    } cases[] = {
        { "localhost", true },
        { "LocalHost.LocalDomain", true },
        { "localhost.example.com", true },
        { "localhost6.localdomain6", true },
        { "ip6-localhost", true },
        { "web1.localhost", true },
        { "localhosts.example.com", false },
        { "weblocalhost", false },
        { "web1.example.com", false },
        { "[127.0.0.1]", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (host_is_anyones(cases[i].name) != cases[i].anyones)
            fail_msg("%s", cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proves_names),
        cmocka_unit_test(knows_what_the_dns_can_hold),
        cmocka_unit_test(knows_names_of_every_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
