#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password.h"
#include "config/password_command.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/secret.h"
#include "util/strings.h"
#include "util/text.h"

#include "../in_folder.h"
#include "../in_range.h"

static void write_file(const char *path, const char *data, size_t length,
                       mode_t mode)
{
    unlink(path);                           /* it may be read-only */
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

struct source {
    const char *file, *command, *credential;
};

static char *copy_or_empty(const char *text)
{
    return alloc_string(text != NULL ? text : "");
}

static bool fetch_with(const struct config *config, struct source source,
                       struct secret *secret, struct error *err)
{
    struct smarthost host = {
        .name = copy_or_empty("main"),
        .password_file = copy_or_empty(source.file),
        .password_command = copy_or_empty(source.command),
        .password_credential = copy_or_empty(source.credential),
        .oauth = copy_or_empty(NULL),
    };

    *secret = (struct secret){ 0 };
    bool done = password_fetch(config, &host, secret, err);
    free(host.name);
    free(host.password_file);
    free(host.password_command);
    free(host.password_credential);
    free(host.oauth);
    return done;
}

static bool fetch(struct source source, struct secret *secret,
                  struct error *err)
{
    char path[] = "postrider.conf";
    char user[] = "postrider";
    const struct config config = { .source = path, .user = user,
                                   .owner = geteuid(),
                                   .owner_only = true };

    return fetch_with(&config, source, secret, err);
}

#define FILE_CASE(data) data, sizeof data - 1

static void takes_the_first_line(void **state)
{
    static const struct {
        const char *data;
        size_t length;
        const char *secret;     /* NULL: fault */
        const char *fault;
    } cases[] = {
        { FILE_CASE("hunter2\n"), "hunter2", NULL },
        { FILE_CASE("hunter2"), "hunter2", NULL },
        { FILE_CASE("hunter2\r\n"), "hunter2", NULL },
        { FILE_CASE("hunter2\r\r\n"), "hunter2", NULL },
        { FILE_CASE("\xef\xbb\xbf" "hunter2\n"), "hunter2", NULL },
        { FILE_CASE(" two words \nsecond line\n"), " two words ", NULL },
        { FILE_CASE("p\xc3\xa4ss\n\0"), "p\xc3\xa4ss", NULL },
        { FILE_CASE(""), NULL,
          "./p: its first line, the password, is empty" },
        { FILE_CASE("\nhunter2"), NULL,
          "./p: its first line, the password, is empty" },
        { FILE_CASE("hun\0ter2\n"), NULL,
          "./p: the password holds a NUL octet" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct secret secret;
        struct error err = { .text = "" };
        write_file("p", cases[i].data, cases[i].length, 0600);
        bool done = fetch((struct source){ .file = "./p" }, &secret, &err);
        assert_int_equal(done, cases[i].secret != NULL);
        if (done) {
            assert_string_equal(secret.data, cases[i].secret);
            assert_int_equal(secret.length, strlen(cases[i].secret));
        } else {
            assert_string_equal(err.text, cases[i].fault);
            assert_int_equal(err.fault, FAULT_CONFIG);
        }
        secret_wipe(&secret);
    }
}

static void refuses_a_file_that_others_can_use(void **state)
{
    static const struct {
        mode_t mode;
        const char *fault;
    } cases[] = {
        { 0600, NULL },
        { 0400, NULL },
        { 0644, "./p: others can read it (mode 0644); chmod 400 ./p" },
        { 0640, "./p: others can read it (mode 0640); chmod 400 ./p" },
        { 0604, "./p: others can read it (mode 0604); chmod 400 ./p" },
        { 0620, "./p: others can use it (mode 0620); chmod 400 ./p" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct secret secret;
        struct error err = { .text = "" };
        write_file("p", "hunter2", 7, cases[i].mode);
        bool done = fetch((struct source){ .file = "./p" }, &secret, &err);
        assert_int_equal(done, cases[i].fault == NULL);
        if (!done) {
            assert_string_equal(err.text, cases[i].fault);
            assert_int_equal(err.fault, FAULT_CONFIG);
        }
        secret_wipe(&secret);
    }
}

/* As containers have them; who this process is, it cannot choose. */
static void takes_mounted_secrets(void **state)
{
    static const struct {
        uid_t owner;
        bool own_group;
        mode_t mode;
        enum delivery_way delivery;
        bool taken;
    } cases[] = {
        { 0, true, 0440, DELIVERY_QUEUE, true },
        { 0, true, 0040, DELIVERY_QUEUE, true },
        { 0, true, 0440, DELIVERY_DIRECT, true },
        { 0, true, 0460, DELIVERY_QUEUE, false },
        { 0, true, 0640, DELIVERY_QUEUE, false },
        { 0, true, 0450, DELIVERY_QUEUE, false },
        { 0, false, 0440, DELIVERY_QUEUE, false },
        { 0, true, 0444, DELIVERY_QUEUE, false },
        { 0, true, 0444, DELIVERY_DIRECT, true },
        { 0, false, 0444, DELIVERY_DIRECT, true },
        { 0, true, 0644, DELIVERY_DIRECT, false },
        { 4001, true, 0444, DELIVERY_DIRECT, false },
    };
    char user[] = "postrider";

    (void)state;
    if (geteuid() != 0)
        skip();                 /* gives files to others */
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct secret secret;
        struct error err = { .text = "" };
        const struct config config = { .user = user,
                                       .delivery = cases[i].delivery };
        write_file("p", "hunter2", 7, cases[i].mode);
        assert_int_equal(chown("p", cases[i].owner, cases[i].own_group
                               ? getegid() : 4001), 0);
        bool done = fetch_with(&config, (struct source){ .file = "./p" },
                               &secret, &err);
        if (done != cases[i].taken)
            fail_msg("case %zu: %s", i, err.text);
        secret_wipe(&secret);
    }
}

/* The caller is the user who reads it, and no other. */
static void asks_a_caller_who_delivers_for_his_own_file(void **state)
{
    const struct config config = { .delivery = DELIVERY_DIRECT };
    struct secret secret;
    struct error err;

    (void)state;
    assert_false(fetch_with(&config, (struct source){ .file = "./none" },
                            &secret, &err));
    assert_string_equal(err.text, "./none: no such file; write the secret "
                        "into it, owned by you, mode 400");
}

static void refuses_what_is_no_password_file(void **state)
{
    struct secret secret;
    struct error err;
    char *big = alloc_zero(1, 70000);

    (void)state;
    memset(big, 'x', 70000);
    assert_false(fetch((struct source){ .file = "./p" }, &secret, &err));
    assert_string_equal(err.text, "./p: no such file; write the secret into "
                        "it, owned by postrider, mode 400");
    assert_int_equal(err.fault, FAULT_CONFIG);

    assert_false(fetch((struct source){ .file = "." }, &secret, &err));
    assert_string_equal(err.text, ".: not a regular file");

    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_false(fetch((struct source){ .file = "./fifo" }, &secret, &err));
    assert_string_equal(err.text, "./fifo: not a regular file");

    write_file("p", big, 70000, 0600);
    assert_false(fetch((struct source){ .file = "./p" }, &secret, &err));
    assert_string_equal(err.text, "./p: is larger than 64 KB");

    assert_false(fetch((struct source){ .file = NULL }, &secret, &err));
    assert_string_equal(err.text,
                        "smarthost \"main\": no password is configured");
    free(big);
}

static void follows_symbolic_links_to_the_file_that_counts(void **state)
{
    struct secret secret;
    struct error err;

    (void)state;
    write_file("p", "hunter2\n", 8, 0600);
    assert_int_equal(symlink("p", "link"), 0);
    assert_true(fetch((struct source){ .file = "link" }, &secret, &err));
    assert_string_equal(secret.data, "hunter2");
    secret_wipe(&secret);

    assert_int_equal(chmod("p", 0644), 0);
    assert_false(fetch((struct source){ .file = "link" }, &secret, &err));
}

static void refuses_the_file_of_another_user(void **state)
{
    struct secret secret;
    struct error err;

    (void)state;
    if (geteuid() != 0)
        skip();
    write_file("p", "hunter2\n", 8, 0600);
    assert_int_equal(chown("p", 12345, 0), 0);
    assert_false(fetch((struct source){ .file = "./p" }, &secret, &err));
    assert_string_equal(err.text, "./p: belongs to uid 12345, neither to uid "
                        "0 nor to root; chown 0 ./p");
}

static void takes_a_credential_of_the_service_manager(void **state)
{
    struct secret secret;
    struct error err;
    const struct source source = { .credential = "smtp" };

    unsetenv("CREDENTIALS_DIRECTORY");
    assert_false(fetch(source, &secret, &err));
    assert_string_equal(err.text, "password_credential smtp: the service "
                        "manager has given none; set LoadCredential="
                        "smtp:/path in the unit");
    assert_int_equal(err.fault, FAULT_CONFIG);

    write_file("smtp", "hunter2\n", 8, 0440);
    setenv("CREDENTIALS_DIRECTORY", *state, 1);
    assert_true(fetch(source, &secret, &err));
    assert_string_equal(secret.data, "hunter2");
    secret_wipe(&secret);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void splits_a_command_into_words(void **state)
{
    static const struct {
        const char *command;
        const char *words;      /* each with brackets; NULL: refused */
    } cases[] = {
        { "pass show mail", "[pass][show][mail]" },
        { "  a\tb  ", "[a][b]" },
        { "", "" },
        { "a 'b c' \"d e\"f", "[a][b c][d ef]" },
        { "a '' \"\"", "[a][][]" },
        { "a\\ b c\\\\d", "[a b][c\\d]" },
        { "'a\\b' \"a\\b\" \"\\\"\\\\\"", "[a\\b][a\\b][\"\\]" },
        { "echo $HOME;id | `x` > y", "[echo][$HOME;id][|][`x`][>][y]" },
        { "it's", NULL },
        { "\"open", NULL },
        { "end\\", "[end\\]" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings words = { 0 };
        struct buf shown;
        buf_init(&shown, SIZE_MAX);
        bool done = password_command_split(cases[i].command, &words);
        assert_int_equal(done, cases[i].words != NULL);
        for (size_t word = 0; word < words.count; word++)
            buf_add_format(&shown, "[%s]", words.items[word]);
        if (done)
            assert_string_equal(shown.data, cases[i].words);
        buf_free(&shown);
        strings_free(&words);
    }
}

static void runs_a_command_without_a_shell(void **state)
{
    static const struct {
        const char *command;
        const char *secret;     /* NULL: fault */
        enum fault fault;
        const char *text;
    } cases[] = {
        { "echo hunter2", "hunter2", FAULT_NONE, NULL },
        { "printf '%s\\n' 'a b' $HOME", "a b", FAULT_NONE, NULL },
        { "printf %s $HOME", "$HOME", FAULT_NONE, NULL },
        { "cat", NULL, FAULT_CONFIG,        /* standard input is empty */
          "password_command: its first line, the password, is empty" },
        { "false hunter2", NULL, FAULT_TEMPORARY,
          "password_command false: exit status 1" },
        { "sh -c 'echo hunter2; exit 3'", NULL, FAULT_TEMPORARY,
          "password_command sh: exit status 3" },
        { "sh -c 'kill -9 $$'", NULL, FAULT_TEMPORARY,
          "password_command sh: ended by signal 9" },
        { "/nonexistent/pass hunter2", NULL, FAULT_CONFIG,
          "password_command /nonexistent/pass: No such file or directory" },
        { "head -c 70000 /dev/zero", NULL, FAULT_TEMPORARY,
          "password_command head: prints more than 65536 octets" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct secret secret;
        struct error err = { .text = "" };
        bool done = fetch((struct source){ .command = cases[i].command },
                          &secret, &err);
        if (done != (cases[i].secret != NULL))
            fail_msg("%s: %s", cases[i].command, err.text);
        if (done) {
            assert_string_equal(secret.data, cases[i].secret);
        } else {
            assert_string_equal(err.text, cases[i].text);
            assert_int_equal(err.fault, cases[i].fault);
        }
        secret_wipe(&secret);
    }
}

static void keeps_the_environment(void **state)
{
    struct secret secret;
    struct error err;

    (void)state;
    setenv("PASSWORD_TEST", "hunter2", 1);
    assert_true(fetch((struct source){ .command = "printenv PASSWORD_TEST" },
                      &secret, &err));
    assert_string_equal(secret.data, "hunter2");
    secret_wipe(&secret);
    unsetenv("PASSWORD_TEST");
}

/* Also when its child holds the pipe, and when it closes its output first. */
static void kills_a_command_that_takes_too_long(void **state)
{
    static const char *const commands[] = {
        "sleep 30", "sh -c 'sleep 30 & wait'",
    };
    static const int64_t limit = 200;

    (void)state;
    for (size_t i = 0; i < COUNT(commands); i++) {
        struct error err;
        struct buf out;
        int64_t start = clock_now();
        buf_init(&out, 1000);
        assert_false(password_command_run(commands[i], limit, &out, &err));
        assert_int_equal(err.fault, FAULT_TEMPORARY);
        assert_non_null(strstr(err.text, ": takes too long"));
        assert_int_in_range(clock_now() - start, limit, limit + 5000);
        buf_wipe(&out);
    }
    struct error err;
    struct buf out;
    int64_t start = clock_now();
    buf_init(&out, 1000);
    assert_false(password_command_run("sh -c 'exec >&-; sleep 30'", limit,
                                      &out, &err));
    assert_string_equal(err.text,
                        "password_command sh: ended by signal 9");
    assert_int_in_range(clock_now() - start, limit, limit + 5000);
    buf_wipe(&out);
}

static void runs_no_command_that_others_could_have_written(void **state)
{
    char path[] = "/etc/x.conf";
    const struct config shared = { .source = path, .owner = geteuid(),
                                   .owner_only = false };
    const struct config foreign = { .source = path, .owner = 12345,
                                    .owner_only = true };
    struct secret secret;
    struct error err;

    (void)state;
    assert_false(fetch_with(&shared, (struct source){ .command = "touch ran" },
                            &secret, &err));
    assert_string_equal(err.text, "/etc/x.conf: password_command is not run: "
                        "others can write it; chmod go-w /etc/x.conf");
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_false(fetch_with(&foreign,
                            (struct source){ .command = "touch ran" },
                            &secret, &err));
    assert_non_null(strstr(err.text, "belongs to uid 12345"));
    assert_int_equal(access("ran", F_OK), -1);
}

static void names_what_was_pasted_unseen(void **state)
{
    static const struct {
        const char *text;
        const char *oddity;             /* NULL: none */
    } cases[] = {
        { "secret", NULL },
        { "two words, a 'quote'.", NULL },
        { "p\xc3\xa0ss", NULL },          /* with an octet of a0 in UTF-8 */
        { "", NULL },
        { "\xef\xbb\xbfsecret", "holds a byte order mark" },
        { " secret", "begins with a blank" },
        { "secret ", "ends with a blank" },
        { "secret\t", "ends with a tab" },
        { "\"secret\"", "begins with a quote" },
        { "secret'", "ends with a quote" },
        { "\xe2\x80\x9csecret", "begins with a typographic quote" },
        { "sec\xc2\xa0ret", "holds a no-break space" },
        { "secret\xc2\xa0", "holds a no-break space" },
        { "secret\xe2\x80\x8b", "holds a zero-width space" },
        { "secret\xa0", "holds a no-break space of another charset" },
        { "secret\r\r", "holds a carriage return" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *oddity = password_oddity(cases[i].text,
                                             strlen(cases[i].text));
        if (cases[i].oddity == NULL ? oddity != NULL
                                    : oddity == NULL ||
                                      strcmp(oddity, cases[i].oddity) != 0)
            fail_msg("case %zu: %s", i, oddity != NULL ? oddity : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(takes_the_first_line),
        cmocka_unit_test(names_what_was_pasted_unseen),
        IN_FOLDER(refuses_a_file_that_others_can_use),
        IN_FOLDER(takes_mounted_secrets),
        IN_FOLDER(asks_a_caller_who_delivers_for_his_own_file),
        IN_FOLDER(refuses_what_is_no_password_file),
        IN_FOLDER(follows_symbolic_links_to_the_file_that_counts),
        IN_FOLDER(refuses_the_file_of_another_user),
        IN_FOLDER(takes_a_credential_of_the_service_manager),
        cmocka_unit_test(splits_a_command_into_words),
        IN_FOLDER(runs_a_command_without_a_shell),
        IN_FOLDER(keeps_the_environment),
        IN_FOLDER(kills_a_command_that_takes_too_long),
        IN_FOLDER(runs_no_command_that_others_could_have_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
