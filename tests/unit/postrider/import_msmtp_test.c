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
#define PASSWORD \
    "password_file = \"/etc/postrider/secrets/password\";"
#define PRINT "1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF"

/* Commands and their arguments. */
static const struct import_case lines[] = {
    { "account default\nhost a.example\n", DIRECT
      ONE("default", "a.example", "25", "none") "};",
      { "WARNING: no TLS" }, 0 },
    { "# x\naccount default # y\n  host\t\"a.example\"\nport 26\n", DIRECT
      ONE("default # y", "a.example", "26", "none") "};",
      { "no account is the default: default # y is used" }, 0 },
    { "account a\nhost a.example\nfoo bar\nsocket\nproxy_host\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:3: foo: no counterpart, left out" }, 0 },
    { "account a\nhost a.example\nproxy_host p\nsocket /s\nprotocol lmtp\n",
      DIRECT ONE("a", "a.example", "25", "none") "};",
      { "file:3: proxy_host: Postrider uses no proxy",
        "file:4: socket: Postrider connects to hosts only",
        "file:5: protocol: Postrider speaks SMTP only" }, 3 },
    { "account a\nhost a.example\neval echo b\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:3: eval: is not run" }, 1 },
    { "account a\nhost a.example\nlogfile ~/x\nsyslog LOG_USER\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:3: logfile: left out: Postrider logs to syslog",
        "file:4: syslog: Postrider logs in the facility mail" }, 0 },
    { "account a\nhost a.example\nkeepbcc on\nset_date_header off\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:3: keepbcc: Bcc is always removed",
        "file:4: set_date_header: a missing Date is always added" }, 0 },
    { "account a\nhost a.example\ntimeout 9\nsource_ip ::1\n", DIRECT
      ONE("a", "a.example", "25", "none")
      "source_address = \"::1\";timeout = 9s;};", { NULL }, 0 },
    { "account a\nhost a.example\ntimeout off\n", DIRECT
      ONE("a", "a.example", "25", "none") "};", { NULL }, 0 },
};

static const struct import_case tls[] = {
    { "account a\nhost a.example\ntls on\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "};", { NULL }, 0 },
    { "account a\nhost a.example\ntls\ntls_starttls off\n", DIRECT
      ONE("a", "a.example", "465", "implicit") "};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\ntls_nostarttls\nport 9\n", DIRECT
      ONE("a", "a.example", "9", "implicit") "};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\ntls_certcheck off\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "};",
      { "file:3: the certificate of a.example was not checked" }, 0 },
    { "account a\nhost a.example\ntls on\ntls_trust_file ~/ca\n"
      "tls_cert_file /c\ntls_key_file /k\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "tls_ca_file = \"/home/ann/ca\";"
      "tls_cert_file = \"/c\";tls_key_file = \"/k\";};", { NULL }, 0 },
    { "account a\nhost a.example\ntls off\ntls_trust_file ~/ca\n", DIRECT
      ONE("a", "a.example", "25", "none") "};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\ntls_fingerprint " PRINT
      "\ntls_host_override b.example\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "tls_fingerprint = \"" PRINT
      "\";};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\ntls_fingerprint AB:CD\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "};",
      { "file:4: tls_fingerprint: only SHA-256 will do" }, 1 },
    { "account a\nhost a.example\ntls on\ntls_host_override b.example\n",
      DIRECT ONE("a", "a.example", "25", "starttls") "};",
      { "file:4: tls_host_override: the certificate must be for a.example" },
      1 },
};

static const struct import_case logins[] = {
    { "account a\nhost a.example\ntls on\nauth on\nuser u\npassword p\n"
      "passwordeval x\n", DIRECT ONE("a", "a.example", "25", "starttls")
      "user = \"u\";" PASSWORD "};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\nauth\nuser u\npasswordeval echo x\n",
      DIRECT ONE("a", "a.example", "25", "starttls") "user = \"u\";"
      "password_command = \"echo x\";};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\nauth\nuser u\n"
      "passwordeval x | y 'z'\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "user = \"u\";"
      "password_command = \"sh -c 'x | y '\\\\''z'\\\\'''\";};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\nauth login\nuser u\npassword p\n",
      DIRECT ONE("a", "a.example", "25", "starttls") "auth = login;"
      "user = \"u\";" PASSWORD "};", { NULL }, 0 },
    { "account a\nhost a.example\nauth plain\nuser u\npassword p\n",
      DIRECT ONE("a", "a.example", "25", "none") "auth = plain;"
      "user = \"u\";password_in_clear = true;" PASSWORD "};",
      { "the mail and the password" }, 0 },
    { "account a\nhost a.example\nauth cram-md5\nuser u\npassword p\n",
      DIRECT ONE("a", "a.example", "25", "none") "auth = cram-md5;"
      "user = \"u\";" PASSWORD "};", { NULL }, 0 },
    { "account a\nhost a.example\ntls on\nauth external\ntls_cert_file /c\n"
      "password p\n", DIRECT ONE("a", "a.example", "25", "starttls")
      "tls_cert_file = \"/c\";auth = external;};", { NULL }, 0 },
    { "account a\nhost a.example\nauth off\nuser u\npassword p\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:4: user: left out: auth is off" }, 0 },
    { "account a\nhost a.example\ntls on\nauth on\npassword p\n", DIRECT
      ONE("a", "a.example", "25", "starttls") PASSWORD "};",
      { "file:4: auth: there is no user to log in" }, 1 },
    { "account a\nhost a.example\ntls on\nauth on\nuser u\n", DIRECT
      ONE("a", "a.example", "25", "starttls") "user = \"u\";};",
      { "file:5: user: has no password here",
        "secret-tool lookup host a.example service smtp user u" }, 1 },
    { "account a\nhost a.example\ntls on\nauth ntlm\nuser u\npassword p\n",
      DIRECT ONE("a", "a.example", "25", "starttls") "user = \"u\";" PASSWORD
      "};", { "file:4: auth: Postrider does not support ntlm" }, 1 },
};

/* From and the names of the machine. */
static const struct import_case senders[] = {
    { "account a\nhost a.example\nfrom ann@b.example\n", DIRECT
      ONE("a", "a.example", "25", "none") "};"
      "sender \"*\" {;address = \"ann@b.example\";};",
      { "file:3: from: now counts for every message" }, 0 },
    { "account a\nhost a.example\nfrom %U@b.example\n", DIRECT
      "domain = \"b.example\";" ONE("a", "a.example", "25", "none") "};",
      { NULL }, 0 },
    { "account a\nhost a.example\nfrom %U@%C\n", DIRECT
      ONE("a", "a.example", "25", "none") "};", { NULL }, 0 },
    { "account a\nhost a.example\nfrom x%U@b.example\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:3: from: a pattern such as this has no counterpart" }, 0 },
    { "account a\nhost a.example\nfrom *@b.example\n", DIRECT
      ONE("a", "a.example", "25", "none") "};", { NULL }, 0 },
    { "account a\nhost a.example\nfrom x*@b.example\n", DIRECT
      ONE("a", "a.example", "25", "none") "};",
      { "file:3: from: a pattern such as this has no counterpart" }, 0 },
    { "account a\nhost a.example\nauto_from on\nmaildomain c.example\n"
      "from ann@b.example\n", DIRECT "domain = \"c.example\";"
      ONE("a", "a.example", "25", "none") "};", { NULL }, 0 },
    { "account a\nhost a.example\ndomain h.example\n", DIRECT
      "hostname = \"h.example\";" ONE("a", "a.example", "25", "none") "};",
      { NULL }, 0 },
    { "account a\nhost a.example\ndomain localhost\n", DIRECT
      ONE("a", "a.example", "25", "none") "};", { NULL }, 0 },
    { "account a\nhost a.example\nfrom_full_name Ann\n", DIRECT
      ONE("a", "a.example", "25", "none") "};sender \"*\" {;name = \"Ann\";};",
      { NULL }, 0 },
};

/* Accounts inherit, and the sender chooses. */
static const struct import_case accounts[] = {
    { "defaults\nport 9\naccount a\nhost a.example\ndefaults\nport 8\n"
      "account b\nhost b.example\nfrom b@b.example\naccount default : a\n",
      DIRECT ONE("a", "a.example", "9", "none") "};"
      ONE("b", "b.example", "8", "none") "};"
      "sender \"b@b.example\" {;smarthost = \"b\";};"
      "sender \"*\" {;smarthost = \"a\";};", { NULL }, 0 },
    { "account a\nhost a.example\naccount b : a\nfrom *@b.example\n"
      "from_full_name Bob\naccount default : a\n", DIRECT
      ONE("a", "a.example", "25", "none") "};"
      "sender \"@b.example\" {;name = \"Bob\";};", { NULL }, 0 },
    { "account a\nhost a.example\naccount p\nport 7\naccount b : a, p\n"
      "from b@b.example\naccount default : b\nport 6\n", DIRECT
      ONE("default", "a.example", "6", "none") "};"
      ONE("a", "a.example", "25", "none") "};"
      ONE("b", "a.example", "7", "none") "};"
      "sender \"b@b.example\" {;smarthost = \"b\";};"
      "sender \"*\" {;address = \"b@b.example\";smarthost = \"default\";};",
      { "no sender chooses a", "account p has no host: left out" }, 0 },
    { "account a\nhost a.example\ndomain h.example\naccount b\n"
      "host b.example\ndomain i.example\nfrom b@b.example\n"
      "account c : b\ndomain h.example\n", DIRECT
      "hostname = \"h.example\";" ONE("a", "a.example", "25", "none") "};"
      ONE("b", "b.example", "25", "none") "};"
      "sender \"b@b.example\" {;smarthost = \"b\";};"
      "sender \"*\" {;smarthost = \"a\";};",
      { "file:6: domain: i.example: left out: there is one hostname" }, 0 },
};

static void translates_accounts(void **state)
{
    (void)state;
    setenv("HOME", "/home/ann", 1);
    imported_assert(import_msmtp, "file", lines, COUNT(lines));
    imported_assert(import_msmtp, "file", tls, COUNT(tls));
    imported_assert(import_msmtp, "file", logins, COUNT(logins));
    imported_assert(import_msmtp, "file", senders, COUNT(senders));
    imported_assert(import_msmtp, "file", accounts, COUNT(accounts));
}

static const struct {
    const char *text, *error;
} mistakes[] = {
    { "", "file: has no account with a host" },
    { "defaults\nhost a.example\n", "file: has no account with a host" },
    { "account a\nuser x\n", "file: has no account with a host" },
    { "host a.example\n", "file:1: host comes before any account" },
    { "account\n", "file:1: account needs a name that no other has" },
    { "account a\naccount a\n",
      "file:2: account needs a name that no other has" },
    { "account a : b\n", "file:1: no account b above this line" },
};

static void refuses_what_msmtp_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        imported_write("file", mistakes[i].text);
        imported_refused(import_msmtp, "file", mistakes[i].error);
    }
}

static void aliases_name_the_local_recipient(void **state)
{
    (void)state;
    imported_write("names", "root: x@b.example\ndefault: ann@b.example\n");
    char *here = getcwd(NULL, 0);
    char *text = alloc_format("account a\nhost a.example\naliases %s/names\n",
                              here);
    char *wanted = alloc_format(DIRECT "aliases = \"%s/names\";"
                                "local_recipient = \"ann@b.example\";"
                                ONE("a", "a.example", "25", "none") "};", here);
    imported_write("file", text);
    struct imported result = imported(import_msmtp, "file");
    assert_string_equal(result.config, wanted);
    imported_free(&result);
    free(wanted);
    free(text);
    free(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(translates_accounts),
        IN_FOLDER(refuses_what_msmtp_refuses),
        IN_FOLDER(aliases_name_the_local_recipient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
