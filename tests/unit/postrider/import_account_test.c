#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "imported.h"

/* An account: values that differ from these of a safe one. */
struct difference {
    enum import_value which;
    const char *value;
};

static void fill(struct import *import, struct import_account *account,
                 const struct difference *differences, size_t count)
{
    *account = (struct import_account){ .name = alloc_string("main") };
    import_value(import, account, IMPORT_HOST, "a.example");
    import_value(import, account, IMPORT_PORT, "587");
    import_value(import, account, IMPORT_TLS, "starttls");
    for (size_t i = 0; i < count; i++) {
        import->line = 9;
        import_value(import, account, differences[i].which,
                     differences[i].value);
    }
    import->line = 0;
}

static const struct {
    struct difference difference;
    bool was_optional, was_unchecked, is_own;
    const char *config;         /* after host */
    const char *note;           /* NULL: none at all */
    const char *remark;         /* a part; "" for none */
    size_t obstacles;
} smarthosts[] = {
    { { IMPORT_PORT, "587" }, false, false, false,
      "port = 587;tls = starttls;};", NULL, "", 0 },
    { { IMPORT_TLS, "none" }, false, false, false, "port = 587;tls = none;};",
      "file:9: WARNING: no TLS, as before: any host on the way to a.example "
      "can read the mail: set",
      "# WARNING: the network can read the mail. Try", 0 },
    { { IMPORT_TLS, "implicit" }, true, false, false,
      "port = 587;tls = implicit;};", "file:9: TLS was left out where "
      "a.example did not offer it", "# TLS was optional, and is required now.",
      0 },
    { { IMPORT_TLS, "implicit" }, false, true, false,
      "port = 587;tls = implicit;};", "file:9: the certificate of a.example "
      "was not checked", "# The certificate was not checked", 0 },
    { { IMPORT_FINGERPRINT, "12:34" }, false, true, false,
      "port = 587;tls = starttls;};", "file:9: tls_fingerprint = 12:34: ", "",
      1 },
    { { IMPORT_PORT, "99999" }, false, false, false, "tls = starttls;};",
      "file:9: port = 99999: ", "", 1 },
    /* What systems trust need not be named. */
    { { IMPORT_CA_FILE, "/etc/ssl/certs/ca-certificates.crt" }, false, false,
      false, "port = 587;tls = starttls;};", NULL, "", 0 },
    { { IMPORT_CA_FILE, "/etc/ssl/ca.pem" }, false, false, false, "port = 587;"
      "tls = starttls;tls_ca_file = \"/etc/ssl/ca.pem\";};", NULL, "", 0 },
    { { IMPORT_PASSWORD_COMMAND, "pass x" }, false, false, false, "port = 587;"
      "tls = starttls;password_command = \"pass x\";};",
      "file:9: password_command: is run by the daemon now", "", 0 },
    { { IMPORT_PASSWORD_COMMAND, "pass x" }, false, false, true, "port = 587;"
      "tls = starttls;password_command = \"pass x\";};", NULL, "", 0 },
    /* A value that is refused may be a secret. */
    { { IMPORT_PASSWORD_COMMAND, "pass 's3cret" }, false, false, true,
      "port = 587;tls = starttls;};", "file:9: password_command: ", "", 1 },
};

/* The section of one account. */
static struct imported write_one(struct import *import,
                                 const struct import_account *account)
{
    struct printed printed = printed_begin(stderr);

    import_smarthost(import, account);
    char *notes = printed_end(&printed);
    struct imported result = imported_draft(import);
    result.notes = notes;
    return result;
}

static void assert_part(size_t row, const char *text, const char *part)
{
    if (part == NULL ? *text != '\0' : strstr(text, part) == NULL)
        fail_msg("row %zu: %s\n  is not %s", row, text,
                 part == NULL ? "empty" : part);
}

static void a_section_has_what_was_set_and_what_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(smarthosts); i++) {
        struct import import = { .draft = config_draft_new(), .file = "file",
                                 .is_own = smarthosts[i].is_own };
        struct import_account account;
        fill(&import, &account, &smarthosts[i].difference, 1);
        account.was_optional = smarthosts[i].was_optional;
        account.was_unchecked = smarthosts[i].was_unchecked;
        struct imported result = write_one(&import, &account);
        char *wanted = alloc_format("smarthost \"main\" {;host = \"a.example\";"
                                    "%s", smarthosts[i].config);
        assert_string_equal(result.config, wanted);
        assert_part(i, result.notes, smarthosts[i].note);
        assert_part(i, result.remarks, smarthosts[i].remark);
        assert_null(strstr(result.notes, "s3cret"));
        assert_int_equal(result.obstacles, smarthosts[i].obstacles);
        assert_int_equal(import.line, 0);
        free(wanted);
        imported_free(&result);
        import_account_free(&account);
        config_draft_free(import.draft);
        strings_free(&import.obstacles);
    }
}

static const struct {
    const char *host;
    bool is_warned;
} clear_hosts[] = {
    { "localhost", false }, { "127.0.0.1", false }, { "[::1]", false },
    { "a.example", true },
};

/* On this machine there is no network that could read it. */
static void mail_in_clear_is_warned_of_on_the_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(clear_hosts); i++) {
        struct import import = { .draft = config_draft_new(), .file = "file" };
        const struct difference differences[] = {
            { IMPORT_HOST, clear_hosts[i].host }, { IMPORT_TLS, "none" },
            { IMPORT_PASSWORD, "s3cret" }, { IMPORT_PASSWORD_IN_CLEAR, "true" },
        };
        struct import_account account;
        fill(&import, &account, differences, COUNT(differences));
        struct imported result = write_one(&import, &account);
        assert_part(i, result.notes, clear_hosts[i].is_warned
                                     ? "the mail and the password" : NULL);
        assert_non_null(strstr(result.config, "/secrets/password\";"));
        imported_free(&result);
        import_account_free(&account);
        config_draft_free(import.draft);
    }
}

static void a_server_needs_a_host(void **state)
{
    struct import import = { .draft = config_draft_new(), .file = "file" };
    struct import_account account = { .name = alloc_string("ann") };

    (void)state;
    struct imported result = write_one(&import, &account);
    assert_string_equal(result.config, "smarthost \"ann\" {;};");
    assert_non_null(strstr(result.notes, "file: ann has no host"));
    assert_int_equal(result.obstacles, 1);
    imported_free(&result);
    import_account_free(&account);
    config_draft_free(import.draft);
    strings_free(&import.obstacles);
}

static const struct import_key keys[] = {
    { "server", IMPORT_HOST, NULL },
    { "secret", IMPORT_PASSWORD, NULL },
    { "tunnel", IMPORT_REFUSED, "there is none" },
    { "other", IMPORT_OTHER, NULL },
    { .name = NULL },
};

static void settings_become_values(void **state)
{
    struct import import = { .file = "file", .line = 4 };
    struct import_settings settings = { 0 };
    struct import_account account = { 0 };

    (void)state;
    import_keep(&import, keys, &settings, "server", "a.example");
    import_keep(&import, keys, &settings, "other", "x");
    import_keep(&import, keys, &settings, "tunnel", "");
    import.line = 5;
    import_value(&import, &account, IMPORT_PASSWORD, "old");
    import_fill(&import, &account, keys, &settings);
    assert_string_equal(account.values[IMPORT_HOST], "a.example");
    assert_int_equal(account.lines[IMPORT_HOST], 4);
    assert_string_equal(account.values[IMPORT_PASSWORD], "old");
    assert_int_equal(import.obstacles.count, 0);
    import_keep(&import, keys, &settings, "tunnel", "ssh");
    import_fill(&import, &account, keys, &settings);
    assert_int_equal(import.obstacles.count, 1);
    import_value(&import, &account, IMPORT_PASSWORD, "");
    assert_null(account.values[IMPORT_PASSWORD]);
    import_account_free(&account);
    import_settings_free(&settings);
    strings_free(&import.obstacles);
}

/* But for their names. */
static void accounts_are_equal_if_their_sections_are(void **state)
{
    const struct difference other = { IMPORT_USER, "ann" };
    struct import import = { .file = "file" };
    struct import_account a, b, copy;

    (void)state;
    fill(&import, &a, NULL, 0);
    fill(&import, &b, &other, 1);
    import_account_copy(&copy, &a);
    free(copy.name);
    copy.name = alloc_string("other");
    assert_true(import_account_equal(&a, &copy));
    assert_false(import_account_equal(&a, &b));
    assert_false(import_account_equal(&b, &a));
    copy.was_optional = true;
    assert_false(import_account_equal(&a, &copy));
    copy.was_optional = false;
    import_value(&import, &copy, IMPORT_PORT, "588");
    assert_false(import_account_equal(&a, &copy));
    assert_string_equal(a.values[IMPORT_PORT], "587");
    import_account_free(&a);
    import_account_free(&b);
    import_account_free(&copy);
}

static void a_sender_that_cannot_match_is_an_obstacle(void **state)
{
    struct import import = { .draft = config_draft_new(), .file = "file",
                             .line = 3 };

    (void)state;
    struct printed printed = printed_begin(stderr);
    import_sender(&import, "ann@", "ann@a.example", NULL, NULL);
    import_sender(&import, "ann", "not an address", "Ann", NULL);
    char *notes = printed_end(&printed);
    struct imported result = imported_draft(&import);
    assert_string_equal(result.config, "sender \"ann\" {;name = \"Ann\";};");
    assert_non_null(strstr(notes, "file:3: ann@: "));
    assert_non_null(strstr(notes, "file:3: address = not an address: "));
    assert_int_equal(import.obstacles.count, 1);
    assert_string_equal(import.obstacles.items[0], "file:3");
    free(notes);
    imported_free(&result);
    config_draft_free(import.draft);
    strings_free(&import.obstacles);
}

/* The system's queues, and its callers do not wait; a user's own has no
 * daemon. */
static void only_a_users_own_delivers_directly(void **state)
{
    static const struct {
        const char *file;
        bool is_own;
    } cases[] = {
        { "/etc/passwd", false }, { "/etc/../etc/passwd", false },
        { "own", true }, { "/nowhere/msmtprc", true },
    };

    (void)state;
    imported_write("own", "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct import import = { .draft = config_draft_new(),
                                 .file = cases[i].file };
        struct printed printed = printed_begin(stderr);
        import_delivery(&import);
        char *notes = printed_end(&printed);
        struct imported result = imported_draft(&import);
        assert_int_equal(import.is_own, cases[i].is_own);
        assert_string_equal(result.config,
                            cases[i].is_own ? "delivery = direct;" : "");
        assert_int_equal(*notes == '\0', cases[i].is_own);
        free(notes);
        imported_free(&result);
        config_draft_free(import.draft);
    }
}

static const struct {
    const char *text, *config;
} aliases[] = {
    { "root: x@a.example\nDefault : ann@a.example # all\n",
      "local_recipient = \"ann@a.example\";" },
    { "default: ann@a.example\ndefault: bob@a.example\n",
      "local_recipient = \"bob@a.example\";" },
    { "#default: ann@a.example\ndefault ann@a.example\ndefaults: x@a.example\n",
      "" },
    { "default: ann, bob\n", "" },
};

static void one_alias_is_for_all_other_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(aliases); i++) {
        struct import import = { .draft = config_draft_new(), .file = "file" };
        imported_write("aliases", aliases[i].text);
        import_other_names(&import, "aliases", "default");
        import_other_names(&import, "nowhere", "default");
        struct imported result = imported_draft(&import);
        assert_string_equal(result.config, aliases[i].config);
        assert_string_equal(import.file, "file");
        imported_free(&result);
        config_draft_free(import.draft);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_has_what_was_set_and_what_changes),
        cmocka_unit_test(mail_in_clear_is_warned_of_on_the_network),
        cmocka_unit_test(a_server_needs_a_host),
        cmocka_unit_test(settings_become_values),
        cmocka_unit_test(accounts_are_equal_if_their_sections_are),
        cmocka_unit_test(a_sender_that_cannot_match_is_an_obstacle),
        IN_FOLDER(only_a_users_own_delivers_directly),
        IN_FOLDER(one_alias_is_for_all_other_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
