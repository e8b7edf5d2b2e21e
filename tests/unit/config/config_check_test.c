/* Rules that concern several keys: one that is missing, two that contradict
 * each other, and defaults that follow from others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../in_folder.h"
#include "config/config.h"
#include "util/alloc.h"
#include "util/text.h"

static const char name[] = "postrider.conf";

static struct config *load(const char *format, const char *keys,
                           struct error *err)
{
    char *text = alloc_format(format, keys);
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(text);
    return config_load_file(name, err);
}

/* --- A smarthost. --- */

static const struct {
    const char *keys;
    const char *fault;          /* a part of it; NULL: it is right, */
    unsigned port;              /* ... with this port */
    enum tls_use tls;
} smarthosts[] = {
    { "host = a", NULL, 587, TLS_STARTTLS },
    { "host = a tls = implicit", NULL, 465, TLS_IMPLICIT },
    { "host = a port = 465", NULL, 465, TLS_IMPLICIT },
    { "host = a port = 465 tls = starttls", NULL, 465, TLS_STARTTLS },
    { "host = a port = 2525", NULL, 2525, TLS_STARTTLS },
    { "host = a tls = none", NULL, 587, TLS_NONE },
    { "host = _submissions._tcp.a.example", NULL, 465, TLS_IMPLICIT },
    { "host = _submission._tcp.a.example", NULL, 587, TLS_STARTTLS },
    { "port = 25", "host is missing", 0, 0 },
    { "host = a tls_key_file = /k", "tls_key_file without tls_cert_file", 0,
      0 },
    /* with a login */
    { "host = a user = u password_file = /p", NULL, 587, TLS_STARTTLS },
    { "host = a user = u oauth = o", NULL, 587, TLS_STARTTLS },
    { "host = a user = u", "user has no password", 0, 0 },
    { "host = a user = u auth = none", NULL, 587, TLS_STARTTLS },
    { "host = a user = u tls_cert_file = /c", NULL, 587, TLS_STARTTLS },
    { "host = a user = u tls_cert_file = /c auth = plain",
      "user has no password", 0, 0 },
    { "host = a auth = external tls_cert_file = /c", NULL, 587, TLS_STARTTLS },
    { "host = a password_file = /p", "there is a password, but user is missing",
      0, 0 },
    { "host = a auth = login password_file = /p", "user is missing", 0, 0 },
    { "host = a user = u password_file = /p password_credential = c",
      "only one of password_file", 0, 0 },
    { "host = a user = u password_file = /p oauth = o",
      "only one of password_file", 0, 0 },
    { "host = a user = u oauth = o auth = xoauth2", NULL, 587, TLS_STARTTLS },
    { "host = a user = u oauth = o auth = plain", "a token is for no other", 0,
      0 },
    /* in clear */
    { "host = a tls = none auth = plain user = u password_file = /p",
      "shows the password to the network", 0, 0 },
    { "host = a tls = none auth = plain user = u password_file = /p "
      "password_in_clear = true", NULL, 587, TLS_NONE },
    { "host = a tls = none auth = scram-sha-256 user = u password_file = /p",
      NULL, 587, TLS_NONE },
    { "host = a tls = none user = u password_file = /p", NULL, 587, TLS_NONE },
};

static void completes_a_smarthost_or_refuses_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(smarthosts); i++) {
        struct error err = { 0 };
        struct config *config =
            load("smarthost main { %s }\n"
                 "oauth o { token_url = \"https://a\" client_id = c }\n",
                 smarthosts[i].keys, &err);
        if ((config == NULL) != (smarthosts[i].fault != NULL) ||
            (config == NULL &&
             strstr(err.text, smarthosts[i].fault) == NULL))
            fail_msg("%s: %s", smarthosts[i].keys, err.text);
        if (config == NULL)
            continue;
        assert_int_equal(config->smarthosts[0].port, smarthosts[i].port);
        assert_int_equal(config->smarthosts[0].tls, smarthosts[i].tls);
        config_free(config);
    }
}

/* A certificate's file often has its key. */
static void takes_the_key_from_the_file_of_the_certificate(void **state)
{
    static const struct {
        const char *keys, *key_file;
    } cases[] = {
        { "tls_cert_file = /c", "/c" },
        { "tls_cert_file = /c tls_key_file = /k", "/k" },
        { "", "" },
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = load("smarthost main { host = a %s }",
                                     cases[i].keys, &err);
        assert_non_null(config);
        assert_string_equal(config->smarthosts[0].tls_key_file,
                            cases[i].key_file);
        config_free(config);
    }
}

/* --- An oauth section. --- */

#define URL "token_url = \"https://a.example\" "

static const struct {
    const char *keys;
    const char *fault;          /* a part of it; NULL: it is right */
} oauths[] = {
    { URL "client_id = c", NULL },
    { "client_id = c", "token_url is missing" },
    { URL, "client_id is missing" },
    { URL "client_id = c flow = client_credentials",
      "client_secret_file is missing" },
    { URL "client_id = c flow = client_credentials client_secret_file = /s",
      NULL },
    { URL "client_id = c flow = client_credentials client_key_file = /k "
      "client_cert_file = /c", NULL },
    { URL "client_id = c flow = client_credentials client_key_file = /k",
      "client_cert_file is missing" },
    { URL "client_id = c client_cert_file = /c", "client_key_file is missing" },
    { URL "flow = jwt_bearer", "client_key_file is missing" },
    { URL "flow = jwt_bearer client_key_file = /k", NULL },
    { URL "client_id = c client_auth = basic",
      "client_auth = basic without client_secret_file" },
    { URL "client_id = c client_auth = basic client_secret_file = /s", NULL },
    { URL "client_id = c client_secret_file = /s client_key_file = /k "
      "client_cert_file = /c",
      "only one of client_secret_file and client_key_file" },
};

static void knows_what_a_flow_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(oauths); i++) {
        struct error err = { 0 };
        struct config *config = load("oauth work { %s }", oauths[i].keys, &err);
        if ((config == NULL) != (oauths[i].fault != NULL) ||
            (config == NULL && strstr(err.text, oauths[i].fault) == NULL))
            fail_msg("%s: %s", oauths[i].keys, err.text);
        config_free(config);
    }
}

/* --- The whole file. --- */

static const struct {
    const char *text;
    const char *fault;
} files[] = {
    { "smarthost a { host = a user = u oauth = o }\n",
      "postrider.conf:1: smarthost \"a\": oauth = o: there is no section "
      "oauth \"o\"" },
    { "sender s {\nsmarthost = b\n}\n",
      "postrider.conf:2: sender \"s\": smarthost = b: there is no section "
      "smarthost \"b\"" },
    { "retry_longest = 10m\nretry_first = 1h\n",
      "postrider.conf:2: retry_first is longer than retry_longest" },
    { "retry_first = 2h\nretry_longest = 10m\n",
      "postrider.conf:2: retry_first is longer than retry_longest" },
    { "sender a { }\nsender b { }\nsender c { }\nsender b { }\nsender a { }\n",
      "postrider.conf:4: there is another section \"b\"" },
};

static void looks_at_the_file_as_a_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct error err = { 0 };
        assert_null(load("%s", files[i].text, &err));
        assert_string_equal(err.text, files[i].fault);
    }
}

/* The system's own spool has its sockets elsewhere. */
static void puts_sockets_where_they_belong(void **state)
{
    static const struct {
        const char *text;
        const char *control;
        const char *listen;     /* NULL: nowhere */
    } cases[] = {
        { "", "/run/postrider/control", "/run/postrider/submit" },
        { "spool = /srv/spool", "/srv/spool/control", NULL },
        { "spool = /srv/spool control = /c", "/c", NULL },
        { "control = /c", "/c", "/run/postrider/submit" },
        { "listen = {}", "/run/postrider/control", NULL },
        { "listen = { /l }", "/run/postrider/control", "/l" },
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = load("%s", cases[i].text, &err);
        if (config == NULL)
            fail_msg("%s", err.text);
        assert_string_equal(config->control, cases[i].control);
        assert_int_equal(config->listen.count, cases[i].listen != NULL);
        if (cases[i].listen != NULL)
            assert_string_equal(config->listen.items[0], cases[i].listen);
        config_free(config);
    }
}

/* --- The files that it names. --- */

static void finds_files_that_are_missing(void **state)
{
    static const struct {
        const char *keys;
        const char *fault;      /* NULL: it is right */
    } cases[] = {
        { "tls_ca_file = /nonexistent/a",
          "tls_ca_file = /nonexistent/a: no such file" },
        { "tls_cert_file = /nonexistent/c",
          "tls_cert_file = /nonexistent/c: no such file" },
        { "tls_ca_file = /nonexistent/a tls = none", NULL },
        { "tls_ca_file = /dev/null", "tls_ca_file = " },
        { "tls_ca_file = /etc/passwd", NULL },
    };
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = load("smarthost main { host = a %s }",
                                     cases[i].keys, &err);
        assert_non_null(config);
        bool right = config_check_files(config, &err);
        if (right != (cases[i].fault == NULL) ||
            (!right && strstr(err.text, cases[i].fault) == NULL))
            fail_msg("%s: %s", cases[i].keys, err.text);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(completes_a_smarthost_or_refuses_it),
        IN_FOLDER(takes_the_key_from_the_file_of_the_certificate),
        IN_FOLDER(knows_what_a_flow_needs),
        IN_FOLDER(looks_at_the_file_as_a_whole),
        IN_FOLDER(puts_sockets_where_they_belong),
        IN_FOLDER(finds_files_that_are_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
