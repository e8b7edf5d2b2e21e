#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password.h"
#include "postrider/config_draft.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/secret.h"
#include "util/text.h"

#include "../in_folder.h"

static char *read_all(FILE *file)
{
    struct buf text;
    int c;

    assert_non_null(file);
    buf_init(&text, SIZE_MAX);
    while ((c = getc(file)) != EOF)
        buf_add_char(&text, (char)c);
    fclose(file);
    return buf_take(&text);
}

static void assert_file(const char *path, const char *expected, mode_t mode)
{
    struct stat status;
    char *text = read_all(fopen(path, "r"));

    assert_string_equal(text, expected);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
    free(text);
}

static struct config_draft *a_draft(const char *host)
{
    struct config_draft *draft = config_draft_new();

    config_draft_set(draft, "domain", "example.com");
    config_draft_section(draft, "smarthost", "main");
    config_draft_set(draft, "host", host);
    config_draft_set(draft, "port", "465");
    config_draft_set(draft, "tls", "implicit");
    config_draft_set(draft, "user", "ann");
    config_draft_password(draft, "s3cret \"\\");
    return draft;
}

static void install(const struct config_draft *draft, bool replace)
{
    struct error err = { 0 };

    if (!config_draft_install(draft, "etc/postrider.conf", "", replace, &err))
        fail_msg("%s", err.text);
}

static void is_written_as_people_write_it(void **state)
{
    static const char expected[] =
        "# from /etc/ssmtp/ssmtp.conf\n"
        "domain = \"example.com\"\n"
        "delivery = direct\n"
        "\n"
        "# the only one\n"
        "smarthost \"main\" {\n"
        "    host = \"smtp.example.com\"\n"
        "    # as usual \\x0a\n"
        "    port = 587\n"
        "    auth = scram-sha-256\n"
        "    user = \"a\\\"b\\\\c\"\n"
        "    password_file = \"/etc/postrider/secrets/password\"\n"
        "}\n"
        "\n"
        "sender \"*\" {\n"
        "    address = \"ann@example.com\"\n"
        "}\n"
        "# the end\n";
    struct config_draft *draft = config_draft_new();
    FILE *out = tmpfile();

    (void)state;
    config_draft_remark(draft, "from %s", "/etc/ssmtp/ssmtp.conf");
    config_draft_set(draft, "domain", "example.org");
    config_draft_set(draft, "domain", "example.com");
    config_draft_set(draft, "hostname", "");
    config_draft_set(draft, "aliases", NULL);
    config_draft_set(draft, "delivery", "direct");
    config_draft_remark(draft, "the only one");
    config_draft_section(draft, "smarthost", "main");
    config_draft_set(draft, "host", "smtp.example.com");
    config_draft_section(draft, "sender", "*");
    config_draft_set(draft, "address", "ann@example.com");
    config_draft_section(draft, "smarthost", "main");
    config_draft_remark(draft, "as usual %s", "\n");
    config_draft_set(draft, "port", "587");
    config_draft_set(draft, "auth", "scram-sha-256");
    config_draft_set(draft, "user", "a\"b\\c");
    config_draft_password(draft, "s3cret");
    config_draft_remark(draft, "the end");
    config_draft_print(draft, "/etc/postrider/postrider.conf", out);
    rewind(out);
    char *text = read_all(out);
    assert_string_equal(text, expected);
    free(text);
    config_draft_free(draft);
}

/* Whatever a value holds, the configuration has it as it was. */
static void values_survive_the_file(void **state)
{
    static const char *const values[] = {
        "plain", "a b", "quote \" and ' and \\", "\\n \\x41 \\", "${HOME} $x",
        "# no comment /* nor */ this //", "{ = } , + *", "gr\xc3\xbc\xc3\x9f e",
        "yes", "12",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct config_draft *draft = a_draft("smtp.example.com");
        struct error err = { 0 };
        config_draft_set(draft, "user", values[i]);
        config_draft_section(draft, "sender", "@example.com");
        config_draft_set(draft, "name", values[i]);
        struct config *config = config_draft_load(draft, "/x/y", "", &err);
        if (config == NULL)
            fail_msg("%s: %s", values[i], err.text);
        assert_string_equal(config->smarthosts[0].user, values[i]);
        assert_string_equal(config->senders[0].name, values[i]);
        assert_string_equal(config->senders[0].match, "@example.com");
        config_free(config);
        config_draft_free(draft);
    }
}

static void what_is_wrong_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        { "port", "70000", "/etc/p.conf:5: smarthost \"main\": port = 70000: "
                           "must be 1 to 65535" },
        { "user", "a\nhost = b", "user: must be UTF-8 without control "
                                 "characters" },
        { "prot", "1", "/etc/p.conf:8: smarthost \"main\": unknown key "
                       "\"prot\"; did you mean port?" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_draft *draft = a_draft("smtp.example.com");
        struct error err = { 0 };
        config_draft_set(draft, cases[i].key, cases[i].value);
        assert_false(config_draft_check(draft, "/etc/p.conf", &err));
        assert_int_equal(err.fault, FAULT_CONFIG);
        assert_string_equal(err.text, cases[i].text);
        config_draft_free(draft);
    }
}

static void a_password_is_one_line(void **state)
{
    static const char *const wrong[] = { "", "a\nb", "a\r" };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct config_draft *draft = a_draft("smtp.example.com");
        struct error err = { 0 };
        config_draft_password(draft, wrong[i]);
        assert_false(config_draft_check(draft, "/etc/p.conf", &err));
        assert_string_equal(err.text, "smarthost \"main\": the password must "
                            "be one line, not empty");
        config_draft_free(draft);
    }
}

static void can_be_tried_before_it_is_installed(void **state)
{
    struct config_draft *draft = a_draft("smtp.example.com");
    struct error err = { 0 };
    struct secret secret = { 0 };

    (void)state;
    struct config *config = config_draft_load(draft, "etc/postrider.conf", "",
                                              &err);
    assert_non_null(config);
    if (!password_fetch(config, &config->smarthosts[0], &secret, &err))
        fail_msg("%s", err.text);
    assert_string_equal(secret.data, "s3cret \"\\");
    assert_int_equal(access("etc", F_OK), -1);
    secret_wipe(&secret);
    config_free(config);
    config_draft_free(draft);
}

/* Programs that are started read it, too, and the secret of an application. */
static void can_be_shared_before_it_is_installed(void **state)
{
    struct config_draft *draft = a_draft("smtp.example.com");
    struct error err = { 0 };
    struct secret secret = { 0 };

    (void)state;
    config_draft_section(draft, "oauth", "m365");
    config_draft_set(draft, "token_url", "https://login.example/token");
    config_draft_set(draft, "client_id", "1234");
    config_draft_password(draft, "hush");
    if (!config_draft_share(draft, "etc/postrider.conf", "", &err))
        fail_msg("%s", err.text);
    struct config *config = config_load(&err);
    if (config == NULL ||
        !config_check_owner(config, "it is not used", &err) ||
        !password_read_file(config, config->oauths[0].client_secret_file,
                            &secret, &err))
        fail_msg("%s", err.text);
    assert_string_equal(secret.data, "hush");
    assert_int_equal(access("etc", F_OK), -1);
    secret_wipe(&secret);
    config_free(config);
    install(draft, false);
    assert_file("etc/client-secret", "hush", 0400);
    assert_file("etc/password", "s3cret \"\\", 0400);
    config_draft_free(draft);
}

/* The name of a descriptor means something else once that is closed. */
static void what_was_chosen_before_is_again_after_it(void **state)
{
    static const char *const before[] = { "/etc/another.conf", NULL };
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(before); i++) {
        struct config_draft *draft = a_draft("smtp.example.com");

        if (before[i] != NULL)
            setenv("POSTRIDER_CONFIG", before[i], 1);
        else
            unsetenv("POSTRIDER_CONFIG");
        for (int times = 0; times < 2; times++)
            if (!config_draft_share(draft, "etc/postrider.conf", "", &err))
                fail_msg("%s", err.text);
        config_draft_free(draft);
        const char *now = getenv("POSTRIDER_CONFIG");
        if (before[i] != NULL)
            assert_string_equal(now, before[i]);
        else
            assert_null(now);
    }
}

static void is_installed_with_its_modes(void **state)
{
    struct config_draft *draft = a_draft("smtp.example.com");
    struct error err = { 0 };
    struct secret secret = { 0 };

    (void)state;
    install(draft, false);
    assert_file("etc/password", "s3cret \"\\", 0400);
    struct config *config = config_load_file("etc/postrider.conf", &err);
    if (config == NULL ||
        !password_fetch(config, &config->smarthosts[0], &secret, &err))
        fail_msg("%s", err.text);
    assert_string_equal(config->smarthosts[0].host, "smtp.example.com");
    secret_wipe(&secret);
    config_free(config);
    config_draft_free(draft);
}

static void an_old_file_is_refused_or_kept(void **state)
{
    struct config_draft *first = a_draft("first.example"),
                  *second = a_draft("second.example");
    struct error err = { 0 };

    (void)state;
    install(first, false);
    char *before = read_all(fopen("etc/postrider.conf", "r"));
    config_draft_password(second, "other");
    assert_false(config_draft_install(second, "etc/postrider.conf", NULL, false,
                                      &err));
    assert_int_equal(err.fault, FAULT_CREATE);
    assert_non_null(strstr(err.text, "/etc/password exists: --replace keeps "
                           "it as "));
    assert_file("etc/postrider.conf", before, 0644);
    assert_file("etc/password", "s3cret \"\\", 0400);
    install(second, true);
    assert_file("etc/postrider.conf.old", before, 0644);
    assert_file("etc/password.old", "s3cret \"\\", 0400);
    assert_file("etc/password", "other", 0400);
    install(first, true);
    assert_file("etc/password.old", "other", 0400);
    assert_int_equal(system("test $(ls etc | wc -l) = 4"), 0);
    free(before);
    config_draft_free(first);
    config_draft_free(second);
}

static void several_passwords_have_files_of_their_own(void **state)
{
    struct config_draft *draft = a_draft("smtp.example.com");
    struct error err = { 0 };

    (void)state;
    config_draft_section(draft, "smarthost", "../b");
    config_draft_set(draft, "host", "b.example");
    config_draft_set(draft, "user", "bob");
    config_draft_password(draft, "bob's");
    install(draft, false);
    assert_file("etc/password-main", "s3cret \"\\", 0400);
    assert_file("etc/password-..%2fb", "bob's", 0400);
    struct config *config = config_load_file("etc/postrider.conf", &err);
    assert_non_null(config);
    assert_non_null(strstr(config->smarthosts[1].password_file,
                           "/etc/password-..%2fb"));
    config_free(config);
    config_draft_free(draft);
}

static void nothing_is_left_where_nothing_can_be_written(void **state)
{
    struct config_draft *draft = a_draft("smtp.example.com");
    struct error err = { 0 };

    (void)state;
    assert_int_equal(mkdir("etc", 0700), 0);
    assert_int_equal(mkdir("etc/postrider.conf", 0700), 0);
    assert_false(config_draft_install(draft, "etc/postrider.conf", "", true,
                                      &err));
    assert_int_equal(err.fault, FAULT_CREATE);
    assert_int_equal(system("test $(ls -A etc | wc -l) = 1"), 0);
    config_draft_free(draft);
}

/* Root gives it away; nobody else can, and keeps it. */
static void the_daemons_user_owns_the_password(void **state)
{
    struct config_draft *draft = a_draft("smtp.example.com");
    const struct passwd *nobody = getpwnam("nobody");
    uid_t expected = geteuid() == 0 ? nobody->pw_uid : geteuid();
    struct error err = { 0 };
    struct stat status;

    (void)state;
    if (!config_draft_install(draft, "etc/postrider.conf", "nobody", false,
                              &err))
        fail_msg("%s", err.text);
    assert_int_equal(stat("etc/password", &status), 0);
    assert_int_equal(status.st_uid, expected);
    assert_int_equal(status.st_mode & 07777, 0400);
    assert_int_equal(stat("etc/postrider.conf", &status), 0);
    assert_int_equal(status.st_uid, geteuid());
    config_draft_free(draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(is_written_as_people_write_it),
        IN_FOLDER(values_survive_the_file),
        IN_FOLDER(what_is_wrong_is_refused_with_its_place),
        IN_FOLDER(a_password_is_one_line),
        IN_FOLDER(can_be_tried_before_it_is_installed),
        IN_FOLDER(can_be_shared_before_it_is_installed),
        IN_FOLDER(what_was_chosen_before_is_again_after_it),
        IN_FOLDER(is_installed_with_its_modes),
        IN_FOLDER(an_old_file_is_refused_or_kept),
        IN_FOLDER(several_passwords_have_files_of_their_own),
        IN_FOLDER(nothing_is_left_where_nothing_can_be_written),
        IN_FOLDER(the_daemons_user_owns_the_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
