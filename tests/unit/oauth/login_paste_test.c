#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../printed.h"
#include "config/config.h"
#include "oauth/client.h"
#include "oauth/login.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"

static char name[] = "m365", client_id[] = "id 1", scope[] = "smtp offline",
            url[] = "https://login.example/authorize",
            google[] = "https://accounts.google.com/o/oauth2/v2/auth?x=y",
            token_url[] = "https://login.example/token",
            google_token_url[] = "https://oauth2.googleapis.com/token";

/* What a person pastes: nothing of it leads to the server. */
static const struct {
    const char *pasted;
    enum fault fault;
    const char *text;
} cases[] = {
    { "\n", FAULT_USAGE, "nothing was pasted" },
    { "", FAULT_USAGE, "nothing was pasted" },
    { " \t\r\n", FAULT_USAGE, "nothing was pasted" },
    { "http://localhost:50000/?code=x\n", FAULT_USAGE,
      "the address is of another login: its state differs" },
    { "http://localhost:50000/?code=x&state=y\n", FAULT_USAGE,
      "the address is of another login: its state differs" },
    { "http://localhost:50000/?code=x&state=\n", FAULT_USAGE,
      "the address is of another login: its state differs" },
    { "x\n", FAULT_USAGE, "the address is of another login" },
    /* A refusal needs no proof of where it comes from. */
    { "http://localhost:50000/?error=access_denied&error_description="
      "Not%20you\n", FAULT_PERMISSION, "the server refused: access_denied "
      "(Not you)" },
    { "error=access_denied\n", FAULT_PERMISSION, "access_denied" },
};

/* The login, with these lines as standard input, up to where it fails. */
static char *log_in(char *authorize_url, const char *lines, struct error *err)
{
    const struct oauth oauth = { .name = name, .client_id = client_id,
                                 .scope = scope,
                                 .token_url = authorize_url == google
                                              ? google_token_url : token_url,
                                 .authorize_url = authorize_url };
    const struct client client = { .oauth = &oauth };
    FILE *input = tmpfile();
    int before = dup(STDIN_FILENO);

    assert_non_null(input);
    assert_true(io_write_all(fileno(input), lines, strlen(lines)));
    assert_int_equal(lseek(fileno(input), 0, SEEK_SET), 0);
    assert_int_not_equal(dup2(fileno(input), STDIN_FILENO), -1);
    clearerr(stdin);
    struct printed printed = printed_begin(stdout);
    bool done = login_by_paste(&client, err);
    char *out = printed_end(&printed);
    /* What stdio has read ahead is of this login. */
    fflush(stdin);
    dup2(before, STDIN_FILENO);
    close(before);
    fclose(input);
    assert_false(done);
    return out;
}

static void only_the_answer_to_this_login_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        char *out = log_in(url, cases[i].pasted, &err);
        if (err.fault != cases[i].fault ||
            strstr(err.text, cases[i].text) == NULL)
            fail_msg("row %zu: %d %s", i, (int)err.fault, err.text);
        free(out);
    }
}

static void a_line_has_a_limit(void **state)
{
    char *line = alloc_format("%020000d\n", 7);
    struct error err = { 0 };

    (void)state;
    free(log_in(url, line, &err));
    assert_string_equal(err.text, "what was pasted is too long");
    free(line);
}

static const struct {
    char *url;
    const char *start;
    bool offline;
} addresses[] = {
    { url, "\n" "https://login.example/authorize?response_type=code&"
      "client_id=id%201&redirect_uri=http%3A%2F%2Flocalhost%3A", false },
    { google, "\n" "https://accounts.google.com/o/oauth2/v2/auth?x=y&"
      "response_type=code&client_id=id%201&", true },
};

/* RFC 7636: the server sees a challenge before it sees what it is of. */
static void the_address_has_what_the_server_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct error err = { 0 };
        char *out = log_in(addresses[i].url, "\n", &err);
        if (strstr(out, addresses[i].start) == NULL)
            fail_msg("%s", out);
        assert_non_null(strstr(out, "&scope=smtp%20offline&state="));
        assert_non_null(strstr(out, "&code_challenge="));
        assert_non_null(strstr(out, "&code_challenge_method=S256"));
        assert_int_equal(strstr(out, "&access_type=offline&prompt=consent") !=
                         NULL, addresses[i].offline);
        free(out);
    }
}

/* The value of this field in the address that is printed. */
static char *value_in(const char *out, const char *field)
{
    const char *value = strstr(out, field);

    assert_non_null(value);
    value += strlen(field);
    return alloc_bytes(value, strcspn(value, "&\n"));
}

/* They cannot be guessed: not those of the login before, nor a part of them. */
static void each_login_has_its_own_secrets(void **state)
{
    static const struct {
        const char *field;
        size_t length;
    } fields[] = { { "&state=", 32 }, { "&code_challenge=", 43 } };
    struct error err;
    char *outs[] = { log_in(url, "\n", &err), log_in(url, "\n", &err) };

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        char *one = value_in(outs[0], fields[i].field);
        char *other = value_in(outs[1], fields[i].field);
        assert_int_equal(strlen(one), fields[i].length);
        assert_string_not_equal(one, other);
        free(one);
        free(other);
    }
    free(outs[0]);
    free(outs[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_answer_to_this_login_counts),
        cmocka_unit_test(a_line_has_a_limit),
        cmocka_unit_test(the_address_has_what_the_server_needs),
        cmocka_unit_test(each_login_has_its_own_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
