#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "util/alloc.h"
#include "util/sasl.h"
#include "util/secret.h"
#include "util/text.h"

#define ROWS 24
/* What auth = none would say: the opening, with this EHLO keyword. */
#define OFFERS(mechanisms) \
    "S:220 hello", "C:EHLO client.example\r\n", \
    "s:250-hi\r\n250 AUTH " mechanisms "\r\n"
#define LEAVES "C:QUIT\r\n", "S:221 bye", "E:"

/* user "tim", password "tanstaaftanstaaf", as in RFC 2195. */
static const struct {
    const char *name;
    const char *auth;
    enum fault fault;           /* FAULT_NONE: authenticated */
    const char *text;           /* part of the error */
    const char *script[ROWS];
} exchanges[] = {
    { "LOGIN", "login", FAULT_NONE, "",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:334 VXNlcm5hbWU6",
        "C:dGlt\r\n", "S:334 UGFzc3dvcmQ6",
        "C:dGFuc3RhYWZ0YW5zdGFhZg==\r\n", "S:235 2.7.0 welcome", LEAVES } },
    { "LOGIN with other prompts, or none", "login", FAULT_NONE, "",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:334 d2hvPw==", "C:dGlt\r\n",
        "S:334 ", "C:dGFuc3RhYWZ0YW5zdGFhZg==\r\n", "S:235 ok", LEAVES } },
    { "LOGIN, no such user", "login", FAULT_PERMISSION,
      "mx.example: AUTH LOGIN refused: 535 5.7.8 no",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:334 VXNlcm5hbWU6",
        "C:dGlt\r\n", "S:535 5.7.8 no", LEAVES } },
    { "LOGIN, wrong password", "login", FAULT_PERMISSION,
      "refused: 535 5.7.8 bad credentials; check user and password",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:334 VXNlcm5hbWU6",
        "C:dGlt\r\n", "S:334 UGFzc3dvcmQ6",
        "C:dGFuc3RhYWZ0YW5zdGFhZg==\r\n", "S:535 5.7.8 bad credentials",
        LEAVES } },
    { "endless questions", "login", FAULT_PROTOCOL, "after the last answer",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:334 VXNlcm5hbWU6",
        "C:dGlt\r\n", "S:334 UGFzc3dvcmQ6",
        "C:dGFuc3RhYWZ0YW5zdGFhZg==\r\n", "S:334 UGFzc3dvcmQ6",
        "C:*\r\n", "S:501 cancelled", "E:" } },
    { "later", "login", FAULT_TEMPORARY, "454 4.7.0 later",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:454 4.7.0 later", LEAVES } },
    { "421", "login", FAULT_TEMPORARY, "421 4.3.2 closing",
      { OFFERS("LOGIN"), "C:AUTH LOGIN\r\n", "S:421 4.3.2 closing", "E:" } },
    { "PLAIN", "plain", FAULT_NONE, "",
      { OFFERS("PLAIN"),
        "C:AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "S:235 ok",
        LEAVES } },
    { "a secret that is quoted", "plain", FAULT_PERMISSION,
      "refused: 535 *** is *** no user",
      { OFFERS("PLAIN"),
        "C:AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
        "S:535 AHRpbQB0YW5zdGFhZnRhbnN0YWFm is tanstaaftanstaaf no user",
        LEAVES } },
    { "a secret in a line that is not a reply", "plain", FAULT_PROTOCOL,
      "not an SMTP reply",
      { OFFERS("PLAIN"),
        "C:AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
        "S:AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm", "E:" } },
    { "CRAM-MD5, the example of RFC 2195", "cram-md5", FAULT_NONE, "",
      { OFFERS("CRAM-MD5"), "C:AUTH CRAM-MD5\r\n",
        "S:334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
        "C:dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n",
        "S:235 ok", LEAVES } },
    { "no base64", "cram-md5", FAULT_PROTOCOL, "not base64",
      { OFFERS("CRAM-MD5"), "C:AUTH CRAM-MD5\r\n", "S:334 <1@mx>",
        "C:*\r\n", "S:501 cancelled", "E:" } },
    { "a challenge of two lines", "cram-md5", FAULT_PROTOCOL, "not base64",
      { OFFERS("CRAM-MD5"), "C:AUTH CRAM-MD5\r\n",
        "s:334-PDFA\r\n334 bXg+\r\n", "C:*\r\n", "S:501 cancelled", "E:" } },
    { "auto: what shows no password, in the clear", "auto", FAULT_NONE, "",
      { OFFERS("PLAIN LOGIN XOAUTH2 CRAM-MD5"), "C:AUTH CRAM-MD5\r\n",
        "S:334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
        "C:dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n",
        "S:235 ok", LEAVES } },
    { "SCRAM: success without proof", "scram-sha-256", FAULT_PROTOCOL,
      "did not prove",
      { OFFERS("SCRAM-SHA-256"), "P:AUTH SCRAM-SHA-256 biwsbj10aW0scj",
        "S:235 come in", "E:" } },
    { "SCRAM refused", "scram-sha-256", FAULT_PERMISSION, "535 5.7.8 no",
      { OFFERS("SCRAM-SHA-256"), "P:AUTH SCRAM-SHA-256 biwsbj10aW0scj",
        "S:535 5.7.8 no", LEAVES } },
    { "not offered", "cram-md5", FAULT_PERMISSION, "offers AUTH DIGEST-MD5",
      { OFFERS("DIGEST-MD5"), LEAVES } },
    { "XOAUTH2", "xoauth2", FAULT_NONE, "",
      { OFFERS("XOAUTH2"),
        "C:AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdGFuc3RhYWZ0YW5zdGFhZgEB"
        "\r\n", "S:235 ok", LEAVES } },
    { "XOAUTH2: a refusal in two steps", "xoauth2", FAULT_PERMISSION,
      "535 5.7.8 expired",
      { OFFERS("XOAUTH2"),
        "C:AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdGFuc3RhYWZ0YW5zdGFhZgEB"
        "\r\n", "S:334 eyJzdGF0dXMiOiI0MDEifQ==", "C:\r\n",
        "S:535 5.7.8 expired", LEAVES } },
    { "OAUTHBEARER: the same", "oauthbearer", FAULT_PERMISSION, "535 no",
      { OFFERS("OAUTHBEARER"), "P:AUTH OAUTHBEARER bixhPXRpbSwBaG9zdD1teC5l",
        "S:334 eyJzdGF0dXMiOiI0MDEifQ==", "C:AQ==\r\n", "S:535 no",
        LEAVES } },
    { "EXTERNAL", "external", FAULT_NONE, "",
      { OFFERS("EXTERNAL"), "C:AUTH EXTERNAL dGlt\r\n", "S:235 ok",
        LEAVES } },
};

/* A session in the clear as RFC 2195 has its user. password_in_clear only for
 * a mechanism that is asked for by name. */
static struct session_settings settings_of(struct peer *peer,
                                           const struct secret *secret,
                                           const char *auth)
{
    struct session_settings settings = peer_settings(peer);

    settings.auth = auth;
    settings.user = "tim";
    settings.secret = secret;
    settings.password_in_clear = strcmp(auth, "auto") != 0;
    return settings;
}

static char tanstaaf[] = "tanstaaftanstaaf";
static const struct secret tims = { tanstaaf, sizeof tanstaaf - 1 };

static void assert_hidden(const char *name, const char *text)
{
    static const char *const secrets[] = {
        tanstaaf, "dGFuc3RhYWZ0YW5zdGFhZg", "AHRpbQB0YW5zdGFh",
        "dGltIGI5MTNh", "dXNlcj10aW0B",
    };

    for (size_t i = 0; i < COUNT(secrets); i++)
        if (strstr(text, secrets[i]) != NULL)
            fail_msg("%s: shown in \"%s\"", name, text);
}

static void speaks_mechanisms_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(exchanges); i++) {
        struct peer peer;
        struct error err = { 0 };
        const char *name = exchanges[i].name;
        assert_true(peer_start(&peer, exchanges[i].script));
        struct session_settings settings = settings_of(&peer, &tims,
                                                       exchanges[i].auth);
        struct session *session = peer_open(&peer, &settings, &err);
        bool opened = session != NULL;
        session_close(session);
        assert_hidden(name, peer.trace.data);
        assert_hidden(name, err.text);
        if (!peer_end(&peer))
            fail_msg("%s: the script", name);
        if (opened != (exchanges[i].fault == FAULT_NONE) ||
            (!opened && (err.fault != exchanges[i].fault ||
                         strstr(err.text, exchanges[i].text) == NULL)))
            fail_msg("%s: %s", name, opened ? "open" : err.text);
    }
}

/* All that the configuration can name; more would be needed to go on. */
static void begins_each_mechanism(void **state)
{
    const struct sasl_mechanism *mechanism;

    (void)state;
    for (size_t i = 0; (mechanism = sasl_at(i)) != NULL; i++) {
        if (mechanism->binds)
            continue;
        char *offer = alloc_format("s:250-hi\r\n250 AUTH %s\r\n",
                                   mechanism->name);
        char *begins = alloc_format("P:AUTH %s", mechanism->name);
        const char *const script[] = {
            "S:220 hello", "C:EHLO client.example\r\n", offer, begins,
            "S:535 5.7.8 no", LEAVES, NULL };
        struct peer peer;
        struct error err = { 0 };
        assert_true(peer_start(&peer, script));
        struct session_settings settings = settings_of(&peer, &tims,
                                                       mechanism->key);
        assert_null(peer_open(&peer, &settings, &err));
        assert_int_equal(err.fault, FAULT_PERMISSION);
        assert_non_null(strstr(err.text, mechanism->name));
        assert_true(peer_end(&peer));
        free(offer);
        free(begins);
    }
}

/* Also in replies to what is sent once the login is over. A short secret may be
 * a word of theirs, which its absence would show. */
static void hides_what_later_replies_quote(void **state)
{
    static const struct {
        const char *password, *sent, *reply, *text;
    } cases[] = {
        { "tanstaaftanstaaf", "C:AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
          "S:250 AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm: tanstaaftanstaaf",
          "AUTH PLAIN ***: ***" },
        { "mail", "C:AUTH PLAIN AHRpbQBtYWls\r\n", "S:250 AHRpbQBtYWls mail",
          "*** mail" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const script[] = {
            OFFERS("PLAIN"), cases[i].sent, "S:235 ok", "C:NOOP\r\n",
            cases[i].reply, LEAVES, NULL };
        char *password = alloc_string(cases[i].password);
        const struct secret secret = { password, strlen(password) };
        struct peer peer;
        struct reply reply;
        struct error err = { 0 };
        reply_init(&reply);
        assert_true(peer_start(&peer, script));
        struct session_settings settings = settings_of(&peer, &secret,
                                                       "plain");
        struct session *session = peer_open(&peer, &settings, &err);
        assert_non_null(session);
        assert_true(session_ask(session, &reply, &err, "NOOP"));
        assert_string_equal(reply.text.data, cases[i].text);
        session_close(session);
        assert_true(peer_end(&peer));
        reply_free(&reply);
        free(password);
    }
}

static const struct {
    const char *auth;
    const char *offered;        /* row of the script */
    const char *text;
} in_clear[] = {
    { "auto", "s:250-hi\r\n250 AUTH PLAIN LOGIN\r\n", "without TLS" },
    { "login", "s:250-hi\r\n250 AUTH PLAIN LOGIN\r\n", "without TLS" },
    { "plain", "s:250-hi\r\n250 AUTH PLAIN LOGIN\r\n", "without TLS" },
    { "xoauth2", "s:250-hi\r\n250 AUTH XOAUTH2\r\n", "without TLS" },
    { "oauthbearer", "s:250-hi\r\n250 AUTH OAUTHBEARER\r\n", "without TLS" },
    { "auto", "S:250 hi", "offers no AUTH" },
};

static void shows_no_password_in_the_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(in_clear); i++) {
        const char *const script[] = {
            "S:220 hello", "C:EHLO client.example\r\n", in_clear[i].offered,
            LEAVES, NULL };
        struct peer peer;
        struct error err = { 0 };
        assert_true(peer_start(&peer, script));
        struct session_settings settings = settings_of(&peer, &tims,
                                                       in_clear[i].auth);
        settings.password_in_clear = false;
        assert_null(peer_open(&peer, &settings, &err));
        assert_int_equal(err.fault, FAULT_PERMISSION);
        if (strstr(err.text, in_clear[i].text) == NULL)
            fail_msg("%s: %s", in_clear[i].auth, err.text);
        assert_true(peer_end(&peer));
    }
}

/* An initial response goes with AUTH in a line of at most 512 octets, with
 * CRLF (RFC 4954 section 4); a longer one answers a challenge. */
static void sends_long_tokens_in_two_steps(void **state)
{
    static const struct {
        size_t length;          /* of the password */
        const char *first;      /* row of the script */
    } cases[] = {
        { 365, "P:AUTH PLAIN AHRpbQB4" }, { 366, "P:AUTH PLAIN AHRpbQB4" },
        { 4096, "C:AUTH PLAIN\r\n" }, { 372, "C:AUTH PLAIN\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool two = cases[i].first[0] == 'C';
        const char *const script[] = {
            OFFERS("PLAIN"), cases[i].first, two ? "S:334 " : "S:235 ok",
            two ? "P:AHRpbQB4eHh4" : "C:QUIT\r\n",
            two ? "S:235 ok" : "S:221 bye",
            two ? "C:QUIT\r\n" : "E:", two ? "S:221 bye" : NULL, "E:",
            NULL };
        struct peer peer;
        struct error err = { 0 };
        struct buf password;
        buf_init(&password, SIZE_MAX);
        for (size_t j = 0; j < cases[i].length; j++)
            buf_add_char(&password, 'x');
        const struct secret secret = { password.data, password.length };
        assert_true(peer_start(&peer, script));
        struct session_settings settings = settings_of(&peer, &secret,
                                                       "plain");
        struct session *session = peer_open(&peer, &settings, &err);
        if (session == NULL)
            fail_msg("%zu: %s", cases[i].length, err.text);
        session_close(session);
        if (!peer_end(&peer))
            fail_msg("%zu: the script", cases[i].length);
        buf_free(&password);
    }
}

/* It is not sent where no challenge has asked for it. */
static void keeps_a_long_token_that_was_not_asked_for(void **state)
{
    static const char *const script[] = {
        OFFERS("XOAUTH2"), "C:AUTH XOAUTH2\r\n", "S:535 5.7.8 no", LEAVES,
        NULL };
    static char token[4097];
    const struct secret secret = { token, sizeof token - 1 };
    struct peer peer;
    struct error err = { 0 };

    (void)state;
    memset(token, 'x', sizeof token - 1);
    assert_true(peer_start(&peer, script));
    struct session_settings settings = settings_of(&peer, &secret, "xoauth2");
    assert_null(peer_open(&peer, &settings, &err));
    assert_int_equal(err.fault, FAULT_PERMISSION);
    assert_true(peer_end(&peer));
}

static void wants_a_password_where_one_is_needed(void **state)
{
    static const char *const script[] = { OFFERS("PLAIN LOGIN"), LEAVES,
                                          NULL };
    struct peer peer;
    struct error err = { 0 };

    (void)state;
    assert_true(peer_start(&peer, script));
    struct session_settings settings = settings_of(&peer, NULL, "login");
    assert_null(peer_open(&peer, &settings, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_non_null(strstr(err.text, "password_file"));
    assert_true(peer_end(&peer));
}

static void scram_takes_no_control_characters(void **state)
{
    static const char *const script[] = { OFFERS("SCRAM-SHA-256"), LEAVES,
                                          NULL };
    char bad[] = "tan\tstaaf";
    const struct secret secret = { bad, sizeof bad - 1 };
    struct peer peer;
    struct error err = { 0 };

    (void)state;
    assert_true(peer_start(&peer, script));
    struct session_settings settings = settings_of(&peer, &secret, "auto");
    assert_null(peer_open(&peer, &settings, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_true(peer_end(&peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_mechanisms_to_the_letter),
        cmocka_unit_test(begins_each_mechanism),
        cmocka_unit_test(shows_no_password_in_the_clear),
        cmocka_unit_test(hides_what_later_replies_quote),
        cmocka_unit_test(sends_long_tokens_in_two_steps),
        cmocka_unit_test(keeps_a_long_token_that_was_not_asked_for),
        cmocka_unit_test(wants_a_password_where_one_is_needed),
        cmocka_unit_test(scram_takes_no_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
