#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mail/idna.h"
#include "util/text.h"

static const struct {
    const char *domain;
    const char *ascii;          /* NULL: it cannot be */
} cases[] = {
    { "a.example", "a.example" },
    { "A.Example.", "A.Example." },
    { "bücher.example", "xn--bcher-kva.example" },
    { "BÜCHER.example", "xn--bcher-kva.example" },
    { "faß.de", "xn--fa-hia.de" },
    { "mañana.com", "xn--maana-pta.com" },
    { "☃.net", "xn--n3h.net" },
    { "пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f" },
    { "ПРИМЕР.испытание", "xn--e1afmkfd.xn--80akhbyknj4f" },
    { "παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp" },
    { "例え.テスト", "xn--r8jz45g.xn--zckzah" },
    { "ليهمابتكلموشعربي؟.x", "xn--egbpdaj6bu4bxfgehfvwxn.x" },
    { "bu\xcc\x88" "cher.example", NULL },      /* u and a mark */
    { "b\xfc" "cher.example", NULL },           /* ISO 8859-1 */
    { "ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé.x",
      NULL },
};

static void domains_have_another_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *got = idna_domain(cases[i].domain);
        if ((got == NULL) != (cases[i].ascii == NULL) ||
            (got != NULL && strcmp(got, cases[i].ascii) != 0))
            fail_msg("%s: %s", cases[i].domain, got != NULL ? got : "none");
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_have_another_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
