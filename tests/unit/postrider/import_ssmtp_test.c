#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "imported.h"

#define HOST(host, port, tls) \
    "smarthost \"main\" {;host = \"" host "\";port = " port ";tls = " tls ";"
#define PASSWORD \
    "password_file = \"/etc/postrider/secrets/password\";"

/* One line that counts, as ssmtp reads it. */
static const struct import_case lines[] = {
    { "mailhub=a.example\n", HOST("a.example", "25", "none") "};",
      { "without FromLineOverride=YES", "WARNING: no TLS" }, 0 },
    { "MAILHUB = a.example:587 # b.example\n",
      HOST("a.example", "587", "none") "};", { NULL }, 0 },
    { "mailhub=[2001:db8::1]:587\n",
      HOST("[2001:db8::1]", "587", "none") "};", { NULL }, 0 },
    { "#mailhub=b.example\nmailhub==a.example=c.example\n",
      HOST("a.example", "25", "none") "};", { NULL }, 0 },
    { "mailhub=b.example\nmailhub\nmailhub=a.example\nmailhub=\n",
      HOST("a.example", "25", "none") "};", { NULL }, 0 },
    { "mailhub=a.example\nRemotePort=26\n",
      HOST("a.example", "26", "none") "};", { NULL }, 0 },
    { "mailhub=a.example:27\nRemotePort=26\n",
      HOST("a.example", "27", "none") "};", { NULL }, 0 },
    { "mailhub=a.example:x\n", "smarthost \"main\" {;host = \"a.example\";"
      "tls = none;};", { "file:1: port = x" }, 1 },
    { "mailhub=a.example\nDebug=YES\n", HOST("a.example", "25", "none") "};",
      { "file:2: Debug: no counterpart, left out" }, 0 },
};

/* UseTLS is for TLS at once; the order counts. */
static const struct import_case tls[] = {
    { "mailhub=a.example\nUseTLS=yes\n",
      HOST("a.example", "25", "implicit") "};", { NULL }, 0 },
    { "mailhub=a.example\nUseTLS=true\n", HOST("a.example", "25", "none") "};",
      { NULL }, 0 },
    { "mailhub=a.example\nUseSTARTTLS=YES\n",
      HOST("a.example", "25", "starttls") "};", { NULL }, 0 },
    { "mailhub=a.example\nUseSTARTTLS=YES\nUseTLS=NO\n",
      HOST("a.example", "25", "none") "};", { NULL }, 0 },
    { "mailhub=a.example\nUseTLS=NO\nUseSTARTTLS=YES\n",
      HOST("a.example", "25", "starttls") "};", { NULL }, 0 },
    { "mailhub=a.example\nUseTLS=YES\nTLSCert=/c\nTLSKey=/k\n",
      HOST("a.example", "25", "implicit") "};",
      { "file:2: the certificate of a.example was not checked" }, 0 },
    { "mailhub=a.example\nUseTLS=YES\nUseTLSCert=YES\nTLSCert=/c\nTLSKey=/k\n",
      HOST("a.example", "25", "implicit")
      "tls_cert_file = \"/c\";tls_key_file = \"/k\";};", { NULL }, 0 },
};

static const struct import_case logins[] = {
    { "mailhub=a.example\nUseTLS=YES\nAuthUser=b\nAuthPass=c\nAuthUser=d\n"
      "AuthPass=e\n",
      HOST("a.example", "25", "implicit") "user = \"b\";" PASSWORD "};",
      { NULL }, 0 },
    { "mailhub=a.example\nAuthUser=b\nAuthPass=c\n",
      HOST("a.example", "25", "none")
      "user = \"b\";password_in_clear = true;" PASSWORD "};",
      { "can read the mail and the password" }, 0 },
    { "mailhub=a.example\nAuthUser=b\nAuthPass=c\nAuthMethod=CRAM-MD5\n",
      HOST("a.example", "25", "none") "auth = cram-md5;user = \"b\";" PASSWORD
      "};", { NULL }, 0 },
    { "mailhub=a.example\nUseTLS=YES\nAuthUser=b\nAuthPass=c\n"
      "AuthMethod=digest-md5\n", HOST("a.example", "25", "implicit")
      "auth = login;user = \"b\";" PASSWORD "};", { NULL }, 0 },
    { "mailhub=a.example\nAuthPass=c\n", HOST("a.example", "25", "none") "};",
      { NULL }, 0 },
    { "mailhub=a.example\nUseTLS=YES\nAuthUser=b\n",
      HOST("a.example", "25", "implicit") "user = \"b\";};",
      { "file:3: AuthUser: there is no AuthPass" }, 1 },
    { "mailhub=a.example\nUseTLS=YES\nAuthUser=b\nAuthPass=c#d\n",
      HOST("a.example", "25", "implicit") "user = \"b\";" PASSWORD "};",
      { "ssmtp takes a password up to the first blank, = or #" }, 0 },
};

static const struct import_case names[] = {
    { "mailhub=a.example\nhostname=h.example\n",
      "hostname = \"h.example\";domain = \"h.example\";"
      HOST("a.example", "25", "none") "};", { NULL }, 0 },
    { "mailhub=a.example\nhostname=h.example\nrewriteDomain=x@d.example\n"
      "root=ann\n", "hostname = \"h.example\";domain = \"d.example\";"
      "local_recipient = \"ann@d.example\";"
      HOST("a.example", "25", "none") "};", { NULL }, 0 },
    { "mailhub=a.example\nroot=ann\n", HOST("a.example", "25", "none") "};",
      { "file:2: Root: ann has no domain: left out" }, 0 },
    { "mailhub=a.example\nroot=ann@b.example\n",
      "local_recipient = \"ann@b.example\";"
      HOST("a.example", "25", "none") "};", { NULL }, 0 },
};

static void reads_lines_as_ssmtp_does(void **state)
{
    (void)state;
    imported_assert(import_ssmtp, "file", lines, COUNT(lines));
    imported_assert(import_ssmtp, "file", tls, COUNT(tls));
    imported_assert(import_ssmtp, "file", logins, COUNT(logins));
    imported_assert(import_ssmtp, "file", names, COUNT(names));
}

/* Users of the usual mailhub go there by name once others do not. */
static const struct {
    const char *text;
    const char *senders;        /* what comes after smarthost "main" */
} revaliases[] = {
    { "ann:ann@b.example\n",
      "sender \"ann\" {;address = \"ann@b.example\";};" },
    { "# ann:ann@b.example\n:x@b.example\nnothing\n", "" },
    { "ann:ann@b.example:a.example\n",
      "sender \"ann\" {;address = \"ann@b.example\";smarthost = \"main\";};"
      "sender \"*\" {;smarthost = \"main\";};" },
    { "ann:ann@b.example:b.example:587\nbob:bob@b.example\n"
      "eve:eve@b.example:b.example:587\n",
      "smarthost \"mailhub-ann\" {;host = \"b.example\";port = 587;"
      "tls = none;};"
      "sender \"ann\" {;address = \"ann@b.example\";"
      "smarthost = \"mailhub-ann\";};"
      "sender \"bob\" {;address = \"bob@b.example\";smarthost = \"main\";};"
      "sender \"eve\" {;address = \"eve@b.example\";"
      "smarthost = \"mailhub-ann\";};"
      "sender \"*\" {;smarthost = \"main\";};" },
};

static void users_have_addresses_and_mailhubs(void **state)
{
    (void)state;
    imported_write("file", "mailhub=a.example\n");
    for (size_t i = 0; i < COUNT(revaliases); i++) {
        imported_write("revaliases", revaliases[i].text);
        struct imported result = imported(import_ssmtp, "file");
        char *wanted = alloc_format(HOST("a.example", "25", "none") "};%s",
                                    revaliases[i].senders);
        assert_true(result.done);
        assert_string_equal(result.config, wanted);
        assert_int_equal(result.obstacles, 0);
        free(wanted);
        imported_free(&result);
    }
}

static void mail_needs_a_mailhub(void **state)
{
    (void)state;
    imported_write("file", "hostname=h.example\n");
    struct imported result = imported(import_ssmtp, "file");
    assert_false(result.done);
    assert_int_equal(result.err.fault, FAULT_CONFIG);
    assert_string_equal(result.err.text,
                        "file: has no mailhub: where should mail go?");
    imported_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(reads_lines_as_ssmtp_does),
        IN_FOLDER(users_have_addresses_and_mailhubs),
        IN_FOLDER(mail_needs_a_mailhub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
