#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "imported.h"

#define DIRECT "delivery = direct;"
#define ONE(name, host, port, tls) \
    "smarthost \"" name "\" {;host = \"" host "\";port = " port \
    ";tls = " tls ";"
#define MAIN ONE("main", "a.example", "587", "none")
#define SAFE ONE("main", "a.example", "587", "starttls")
#define PASSWORD \
    "password_file = \"/etc/postrider/secrets/password\";"

/* Words and their values. */
static const struct import_case lines[] = {
    { "hostname = a.example\n", DIRECT MAIN "};", { "WARNING: no TLS" }, 0 },
    { "hostname=a.example:smtp\n",
      DIRECT ONE("main", "a.example", "25", "none") "};", { NULL }, 0 },
    { "host a.example:smtps # b\n",
      DIRECT ONE("main", "a.example", "465", "none") "};", { NULL }, 0 },
    { "#hostname=b\nhostname='a.example:26' helo=\"h.example\"\n",
      DIRECT "hostname = \"h.example\";"
      ONE("main", "a.example", "26", "none") "};", { NULL }, 0 },
    { "hostname = \"a\\.exampl\\\"e\"\n", DIRECT "smarthost \"main\" {;"
      "port = 587;tls = none;};", { "file:1: host = a.exampl\"e" }, 1 },
    { "hostname = a.example\nqualifydomain = d.example\nhelo = h.example\n",
      DIRECT "hostname = \"h.example\";domain = \"d.example\";" MAIN "};",
      { NULL }, 0 },
    { "hostname = a.example\nmda = x\nfoo = y\nmessage_id\n", DIRECT MAIN "};",
      { "file:2: mda: left out", "file:3: foo: no counterpart, left out",
        "file:4: message_id: left out" }, 0 },
    { "hostname = a.example\npreconnect = x\nforce_mda = y\n", DIRECT MAIN
      "};", { "file:2: preconnect: Postrider runs nothing before",
              "file:3: force_mda: Postrider delivers nothing" }, 2 },
    { "starttls = required\n", DIRECT
      ONE("main", "localhost", "25", "starttls") "};",
      { "main has no hostname: esmtp takes localhost:25" }, 0 },
};

static const struct import_case logins[] = {
    { "hostname=a.example starttls=required user=u pass=p\n", DIRECT SAFE
      "user = \"u\";" PASSWORD "};",
      { "the certificate of a.example was not checked" }, 0 },
    { "hostname=a.example starttls=enabled\n", DIRECT SAFE "};",
      { "TLS was left out where a.example did not offer it" }, 0 },
    { "hostname=a.example starttls=disabled username=u password='p q'\n",
      DIRECT MAIN "user = \"u\";password_in_clear = true;" PASSWORD "};",
      { "the mail and the password" }, 0 },
    { "hostname=a.example username=u\n", DIRECT MAIN "};", { NULL }, 0 },
    { "hostname=a.example password=p\n", DIRECT MAIN "};", { NULL }, 0 },
};

/* What is forced counts for all; identities are chosen by the sender. */
static const struct import_case senders[] = {
    { "hostname=a.example force sender=ann@b.example\n", DIRECT MAIN
      "};sender \"*\" {;address = \"ann@b.example\";};",
      { "file:1: ann@b.example now counts for every message" }, 0 },
    { "hostname=a.example\nforce reverse_path = x@b.example\n"
      "force sender = ann@b.example\n", DIRECT MAIN
      "};sender \"*\" {;address = \"x@b.example\";};", { NULL }, 0 },
    { "hostname=a.example force sender=%u@b.example\n", DIRECT
      "domain = \"b.example\";" MAIN "};", { NULL }, 0 },
    { "hostname=a.example qualifydomain=d.example force sender=%u@b.example\n",
      DIRECT "domain = \"d.example\";" MAIN "};",
      { "force sender: left out: bare names are completed with domain" }, 0 },
    { "hostname=a.example\nidentity b@b.example\nhostname=b.example\n"
      "identity = c@c.example\nhostname = a.example\n", DIRECT MAIN "};"
      ONE("b@b.example", "b.example", "587", "none") "};"
      "sender \"b@b.example\" {;smarthost = \"b@b.example\";};"
      "sender \"c@c.example\" {;smarthost = \"main\";};"
      "sender \"*\" {;smarthost = \"main\";};", { NULL }, 0 },
    /* The first one is the usual one if there is nothing before it, */
    { "identity b@b.example\nhostname=b.example\n", DIRECT
      ONE("b@b.example", "b.example", "587", "none") "};"
      "sender \"*\" {;address = \"b@b.example\";};",
      { "file:1: b@b.example now counts for every message" }, 0 },
    /* ... or the one that is the default. */
    { "hostname=a.example\nidentity b@b.example\nhostname=b.example default\n",
      DIRECT ONE("b@b.example", "b.example", "587", "none") "};" MAIN "};"
      "sender \"*\" {;address = \"b@b.example\";"
      "smarthost = \"b@b.example\";};", { "no sender chooses main" }, 0 },
    { "hostname=a.example\nidentity b@b.example\nhostname=a.example default\n",
      DIRECT ONE("b@b.example", "a.example", "587", "none") "};"
      "sender \"*\" {;address = \"b@b.example\";};", { NULL }, 0 },
};

static void translates_settings(void **state)
{
    (void)state;
    imported_assert(import_esmtp, "file", lines, COUNT(lines));
    imported_assert(import_esmtp, "file", logins, COUNT(logins));
    imported_assert(import_esmtp, "file", senders, COUNT(senders));
}

static const struct {
    const char *text, *error;
} mistakes[] = {
    { "", "file: holds no settings; where should mail go?" },
    { "# x\n\n", "file: holds no settings" },
    { "hostname='a.example\n", "file:1: a quote is not closed on its line" },
    { "\nhostname=a\\nb\n", "file:2: write the character itself for \\n" },
    { "identity\n", "file:1: identity needs an address" },
};

static void refuses_what_cannot_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        imported_write("file", mistakes[i].text);
        imported_refused(import_esmtp, "file", mistakes[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(translates_settings),
        IN_FOLDER(refuses_what_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
