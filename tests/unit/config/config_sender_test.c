#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "config/config.h"
#include "util/text.h"

/* The fields that are matched, and a name to know the rule by. */
static struct sender_rule rule(char *match, char *name)
{
    return (struct sender_rule){ .match = match, .name = name };
}

static void first_match_wins(void **state)
{
    static const struct {
        const char *login, *reverse_path, *from;
        const char *name;       /* NULL: none matches */
    } cases[] = {
        { "www-data", "x@other.example", NULL, "login" },
        { "WWW-DATA", "x@other.example", NULL, NULL },
        { "bob", "www-data", NULL, NULL },
        { "bob", "shop@example.com", NULL, "address" },
        { "bob", "shop@EXAMPLE.com", NULL, "address" },
        { "bob", "x@other.example", "shop@example.com", "address" },
        { "bob", "", "shop@example.com", "address" },
        { "bob", "other@example.com", NULL, "domain" },
        { "bob", "x@other.example", "y@Example.Com", "domain" },
        { "bob", "x@sub.example.com", NULL, NULL },
        { "bob", "x@notexample.com", NULL, NULL },
        { "bob", "", NULL, NULL },
        { "bob@corp", "x@other.example", NULL, "directory" },
        { NULL, "x@other.example", NULL, NULL },
        { "www-data", "shop@example.com", NULL, "login" },
    };
    char matches[][20] = { "www-data", "shop@example.com", "@example.com",
                           "bob@corp" };
    char names[][20] = { "login", "address", "domain", "directory" };
    struct sender_rule rules[COUNT(matches)];
    const struct config config = { .senders = rules,
                                   .sender_count = COUNT(rules) };

    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++)
        rules[i] = rule(matches[i], names[i]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct sender_rule *found =
            config_sender(&config, cases[i].login, cases[i].reverse_path,
                          cases[i].from);
        if ((found == NULL) != (cases[i].name == NULL))
            fail_msg("case %zu", i);
        if (found != NULL)
            assert_string_equal(found->name, cases[i].name);
    }
}

static void star_matches_everybody(void **state)
{
    char star[] = "*", all[] = "all";
    struct sender_rule rules[] = { rule(star, all) };
    const struct config config = { .senders = rules, .sender_count = 1 };
    const struct config empty = { .sender_count = 0 };

    (void)state;
    assert_ptr_equal(config_sender(&config, "bob", "", NULL), &rules[0]);
    assert_ptr_equal(config_sender(&config, NULL, "", NULL), &rules[0]);
    assert_null(config_sender(&empty, "bob", "b@b.example", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_match_wins),
        cmocka_unit_test(star_matches_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
