#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "mail/envelope.h"
#include "sendmail/route.h"
#include "util/buf.h"
#include "util/text.h"

static char aliases_path[] = "/tmp/route_test.XXXXXX";

static const char aliases_text[] =
    "root: admin@example.com\n"
    "postmaster: root\n"
    "team: alice, bob@b.example, alice\n"
    "self: self, copy@b.example\n"
    "Mixed: Case@B.example\n"
    "pipe: \"|/bin/false\"\n"
    "file: /var/mail/x\n";

static char host[] = "web1.example.com", domain[] = "example.com";
static char empty[] = "", local_recipient[] = "local@example.com";
static char redirect_all[] = "stage@example.com";

static struct config usual_config(void)
{
    return (struct config){
        .hostname = host, .domain = domain, .aliases = aliases_path,
        .local_recipient = empty, .redirect_all = empty,
    };
}

/* The paths of an envelope, with spaces between. */
static char *paths_of(const struct envelope *env)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < env->count; i++)
        buf_add_format(&text, "%s%s", i == 0 ? "" : " ",
                       env->recipients[i].path);
    return buf_take(&text);
}

enum variant { USUAL, NO_ALIASES, LOCAL_RECIPIENT, NO_FILE, HOST_IS_DOMAIN };

static const struct {
    enum variant variant;
    const char *address;
    const char *becomes;
} cases[] = {
    { USUAL, "x@elsewhere.example",      "x@elsewhere.example"           },
    { USUAL, "alice",                    "alice@example.com"             },
    { USUAL, "Alice",                    "Alice@example.com"             },
    { USUAL, "alice@localhost",          "alice@example.com"             },
    { USUAL, "alice@web1",               "alice@example.com"             },
    { USUAL, "alice@web1.example.com",   "alice@web1.example.com"        },
    { USUAL, "alice@example.com",        "alice@example.com"             },
    { USUAL, "root",                     "admin@example.com"             },
    { USUAL, "ROOT",                     "admin@example.com"             },
    { USUAL, "root@localhost",           "admin@example.com"             },
    { USUAL, "root@web1",                "admin@example.com"             },
    { USUAL, "root@WEB1.example.com",    "admin@example.com"             },
    { USUAL, "root@example.com",         "root@example.com"              },
    { USUAL, "postmaster",               "admin@example.com"             },
    { USUAL, "team",                     "alice@example.com bob@b.example" },
    { USUAL, "self",                     "self@example.com copy@b.example" },
    { USUAL, "mixed",                    "Case@B.example"                },
    { USUAL, "\"root\"",                 "admin@example.com"             },
    { NO_ALIASES, "root",                "root@example.com"              },
    { NO_ALIASES, "root@localhost",      "root@example.com"              },
    { NO_ALIASES, "pipe",                "pipe@example.com"              },
    { NO_FILE, "root",                   "root@example.com"              },
    { LOCAL_RECIPIENT, "alice",          "local@example.com"             },
    { LOCAL_RECIPIENT, "alice@localhost", "local@example.com"            },
    { LOCAL_RECIPIENT, "alice@web1.example.com", "local@example.com"     },
    { LOCAL_RECIPIENT, "root",           "admin@example.com"             },
    { LOCAL_RECIPIENT, "team",           "local@example.com bob@b.example" },
    { LOCAL_RECIPIENT, "x@example.com",  "x@example.com"                 },
    { HOST_IS_DOMAIN, "alice",           "local@example.com"             },
    { HOST_IS_DOMAIN, "alice@localhost", "local@example.com"             },
    { HOST_IS_DOMAIN, "alice@example",   "local@example.com"             },
    { HOST_IS_DOMAIN, "alice@example.com", "alice@example.com"           },
    { HOST_IS_DOMAIN, "Alice@EXAMPLE.com", "Alice@EXAMPLE.com"           },
    { HOST_IS_DOMAIN, "root@example.com", "admin@example.com"            },
    { HOST_IS_DOMAIN, "self@example.com", "local@example.com copy@b.example" },
};

static struct config config_of(enum variant variant)
{
    struct config config = usual_config();

    if (variant == LOCAL_RECIPIENT || variant == HOST_IS_DOMAIN)
        config.local_recipient = local_recipient;
    if (variant == HOST_IS_DOMAIN)
        config.hostname = domain;
    if (variant == NO_FILE)
        config.aliases = empty;
    return config;
}

static void local_names_are_resolved(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config config = config_of(cases[i].variant);
        struct route *route = route_new(&config,
                                        cases[i].variant == NO_ALIASES);
        struct envelope env = { 0 };
        struct error err;

        if (!route_recipient(route, cases[i].address, NULL, &env, &err))
            fail_msg("%s: %s", cases[i].address, err.text);
        char *paths = paths_of(&env);
        if (strcmp(paths, cases[i].becomes) != 0)
            fail_msg("row %zu: %s became %s", i, cases[i].address, paths);
        free(paths);
        envelope_free(&env);
        route_free(route);
    }
}

static const struct {
    const char *address;
    enum fault fault;
} refused[] = {
    { "pipe",             FAULT_CONFIG },
    { "file",             FAULT_CONFIG },
    { "pipe@localhost",   FAULT_CONFIG },
    { "-x",               FAULT_DATA   },
    { "-x@b.example",     FAULT_DATA   },
    { "a@b..example",     FAULT_DATA   },
};

static void what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct config config = usual_config();
        struct route *route = route_new(&config, false);
        struct envelope env = { 0 };
        struct error err = { 0 };

        if (route_recipient(route, refused[i].address, NULL, &env, &err))
            fail_msg("%s was accepted", refused[i].address);
        if (err.fault != refused[i].fault)
            fail_msg("%s: fault %d: %s", refused[i].address, (int)err.fault,
                     err.text);
        assert_string_not_equal(err.text, "");
        envelope_free(&env);
        route_free(route);
    }
}

/* A broken alias names its place in the file. */
static void broken_alias_names_its_line(void **state)
{
    struct config config = usual_config();
    struct route *route = route_new(&config, false);
    struct envelope env = { 0 };
    struct error err = { 0 };

    (void)state;
    assert_false(route_recipient(route, "pipe", NULL, &env, &err));
    if (strstr(err.text, aliases_path) == NULL ||
        strstr(err.text, ":6") == NULL)
        fail_msg("%s", err.text);
    envelope_free(&env);
    route_free(route);
}

static void recipients_are_merged(void **state)
{
    struct config config = usual_config();
    struct route *route = route_new(&config, false);
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    assert_true(route_recipient(route, "root", NULL, &env, &err));
    assert_true(route_recipient(route, "postmaster", NULL, &env, &err));
    assert_true(route_recipient(route, "admin@EXAMPLE.com", NULL, &env,
                                &err));
    assert_int_equal(env.count, 1);
    envelope_free(&env);
    route_free(route);
}

/* RFC 3461 section 4.2: who was meant, where that is not who gets it. */
static void original_recipient_is_kept(void **state)
{
    static const struct {
        const char *address;
        const char *original;
    } rows[] = {
        { "root",            "rfc822;root"               },
        { "root@localhost",  "rfc822;root@localhost"     },
        { "alice",           "rfc822;alice"              },
        { "team+list",       "rfc822;team+2Blist"        },
        { "x@b.example",     NULL                        },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config config = usual_config();
        struct route *route = route_new(&config, false);
        struct envelope env = { 0 };
        struct error err;

        assert_true(route_recipient(route, rows[i].address,
                                    &(struct route_dsn){ NOTIFY_DELAY, NULL },
                                    &env, &err));
        assert_int_equal(env.recipients[0].notify, NOTIFY_DELAY);
        if (rows[i].original == NULL)
            assert_null(env.recipients[0].original);
        else
            assert_string_equal(env.recipients[0].original,
                                rows[i].original);
        envelope_free(&env);
        route_free(route);
    }
}

static void redirection_replaces_all(void **state)
{
    struct config config = usual_config();
    config.redirect_all = redirect_all;
    struct route *route = route_new(&config, false);
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    assert_null(route_originals(route));
    assert_true(route_recipient(route, "x@b.example", NULL, &env, &err));
    assert_true(route_recipient(route, "root", NULL, &env, &err));
    assert_true(route_recipient(route, "pipe", NULL, &env, &err));
    assert_true(route_recipient(route, "x@b.example", NULL, &env, &err));
    assert_int_equal(env.count, 1);
    assert_string_equal(env.recipients[0].path, redirect_all);

    char *originals = route_originals(route);
    assert_string_equal(originals, "x@b.example, root@example.com, "
                        "pipe@example.com");
    free(originals);
    assert_false(route_recipient(route, "-x@b.example", NULL, &env, &err));
    assert_int_equal(err.fault, FAULT_DATA);
    envelope_free(&env);
    route_free(route);
}

static int write_aliases(void **state)
{
    int fd = mkstemp(aliases_path);

    (void)state;
    if (fd == -1)
        return -1;
    ssize_t done = write(fd, aliases_text, sizeof aliases_text - 1);
    close(fd);
    return done == (ssize_t)sizeof aliases_text - 1 ? 0 : -1;
}

static int remove_aliases(void **state)
{
    (void)state;
    return unlink(aliases_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_names_are_resolved),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(broken_alias_names_its_line),
        cmocka_unit_test(recipients_are_merged),
        cmocka_unit_test(original_recipient_is_kept),
        cmocka_unit_test(redirection_replaces_all),
    };

    return cmocka_run_group_tests(tests, write_aliases, remove_aliases);
}
