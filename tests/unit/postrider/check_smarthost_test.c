#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "../net/tls_peer.h"
#include "checked.h"

#define LOGIN "smarthost \"main\" {\nhost = \"a.example\"\nuser = \"%s\"\n" \
              "password_file = \"%s/password\"\n}\n"

/* The file has mode 0400, but for the last ones. */
static const struct {
    const char *user, *password;
    mode_t mode;
    const char *finding;        /* a part */
} passwords[] = {
    { "ann", "s3cret\n", 0400, "t: ok: main" },
    { "ann", "\xef\xbb\xbfs3cret\n", 0400, "begins with a byte order mark, "
      "which is left out\n" },
    { "ann", "s3cret \n", 0400, "/password ends with a blank; remove "
      "that, unless it belongs to it\n" },
    { "ann\xc2\xa0", "s3cret\n", 0400, "t: warning: main: user " },
    { "ann", "s3cret\n", 0644, "t: error: main: " },
    { "ann", "", 0400, "t: error: main: " },
};

static void a_password_is_right_and_hidden(void **state)
{
    char *here = getcwd(NULL, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(passwords); i++) {
        char *text = alloc_format(LOGIN, passwords[i].user, here);
        struct config *config = checked_config(text);
        unlink("password");
        checked_write("password", passwords[i].password, passwords[i].mode);
        char *findings = checked(config, check_passwords, true);
        if (strstr(findings, passwords[i].finding) == NULL)
            fail_msg("row %zu:\n%s", i, findings);
        assert_null(strstr(findings, "s3cret"));
        free(findings);
        findings = checked(config, check_passwords, false);
        assert_string_equal(findings, "t: not checked: main; run as root\n");
        free(findings);
        config_free(config);
        free(text);
    }
    free(here);
}

static const struct check_case others[] = {
    { "smarthost \"main\" {\nhost = \"a.example\"\n}\n", "" },
    { "smarthost \"main\" {\nhost = \"a.example\"\nuser = \"u\"\n"
      "password_credential = \"x\"\n}\n", "t: ok: main: the service manager "
      "gives it to the daemon alone\n" },
};

static void credentials_are_the_service_managers(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    checked_assert(check_passwords, others, COUNT(others));
}

/* How long a certificate holds. */
static const struct {
    long from_days, to_days;
    const char *finding;
} expiries[] = {
    { -9, 30, "t: ok: main: certificates are verified by " },
    { -9, 13, " expires in 1" },
    { -9, -3, "expired 3 days ago; get a new one\n" },
};

static void certificates_expire(void **state)
{
    char *here = getcwd(NULL, 0);
    char *text = alloc_format("smarthost \"main\" {\nhost = \"a.example\"\n"
                              "tls_ca_file = \"%s/ca\"\n}\n", here);
    struct config *config = checked_config(text);

    (void)state;
    for (size_t i = 0; i < COUNT(expiries); i++) {
        const struct recipe recipe = {
            .name = "CA", .from_days = expiries[i].from_days,
            .to_days = expiries[i].to_days, .is_authority = true,
        };
        struct identity made = make_identity(&recipe, NULL);
        free(write_pem(here, "ca", made.certificate, NULL));
        free_identity(&made);
        char *findings = checked(config, check_tls, true);
        if (strstr(findings, expiries[i].finding) == NULL)
            fail_msg("row %zu:\n%s", i, findings);
        free(findings);
    }
    checked_write("ca", "nothing\n", 0644);
    char *findings = checked(config, check_tls, true);
    assert_true(text_starts(findings, "t: error: "));
    free(findings);
    config_free(config);
    free(text);
    free(here);
}

static const struct {
    const char *keys;
    bool all_seen;
    const char *findings;
} trusted[] = {
    { "tls = none\nauth = none\n", true, "" },
    { "tls_cert_file = \"/c\"\n", false,
      "t: not checked: main: tls_key_file; run as root\n" },
    { "tls_fingerprint = \"1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF"
      "1234567890ABCDEF\"\n", true,
      "t: ok: main: certificates are verified by their fingerprint\n" },
    { "tls_ca_file = \"/nowhere/ca\"\n", true, NULL },
};

static void authorities_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(trusted); i++) {
        char *text = alloc_format("smarthost \"main\" {\nhost = \"a.example\"\n"
                                  "%s}\n", trusted[i].keys);
        struct config *config = checked_config(text);
        char *findings = checked(config, check_tls, trusted[i].all_seen);
        if (trusted[i].findings != NULL)
            assert_string_equal(findings, trusted[i].findings);
        else
            assert_true(text_starts(findings, "t: error: postrider.conf:"));
        free(findings);
        config_free(config);
        free(text);
    }
}

/* Numbers need no name server. */
static void names_of_smarthosts_are_found(void **state)
{
    struct config *config = checked_config(
        "smarthost \"main\" {\nhost = \"192.0.2.1\"\n}\n"
        "smarthost \"other\" {\nhost = \"::1\"\n}\n");

    (void)state;
    char *findings = checked(config, check_lookup, true);
    assert_string_equal(findings, "t: ok: main: 192.0.2.1\n"
                                  "t: ok: other: ::1\n");
    free(findings);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_password_is_right_and_hidden),
        IN_FOLDER(credentials_are_the_service_managers),
        IN_FOLDER(certificates_expire),
        IN_FOLDER(authorities_are_there),
        cmocka_unit_test(names_of_smarthosts_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
