#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "imported.h"

#define MAIN(host, port, tls) \
    "smarthost \"main\" {;host = \"" host "\";port = " port ";tls = " tls ";"
#define PASSWORD \
    "password_file = \"/etc/postrider/secrets/password\";"
#define PRINT "1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF"
#define NO_ALIASES "ALIASES /dev/null\n"
#define ALIASES "aliases = \"/dev/null\";"

static const struct import_case cases[] = {
    { "SMARTHOST a.example\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "none") "};",
      { "WARNING: no TLS", "mail for local users into /var/mail" }, 0 },
    { "# x\n\n  smarthost\ta.example # b.example\nPort 26\n" NO_ALIASES,
      ALIASES MAIN("a.example", "26", "none") "};", { NULL }, 0 },
    { "SMARTHOST a.example\nSMARTHOST b.example\n" NO_ALIASES, ALIASES
      MAIN("b.example", "25", "none") "};", { NULL }, 0 },
    { "SMARTHOST a.example\nNULLCLIENT\nDEFER\nX\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "none") "};",
      { "file:2: NULLCLIENT: /etc/aliases is used nevertheless",
        "file:3: DEFER: left out: mail is sent at once",
        "file:4: X: no counterpart, left out" }, 0 },
    /* TLS: a yes is the name alone. */
    { "SMARTHOST a.example\nSECURETRANSFER\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "implicit") "};",
      { "file:2: the certificate of a.example was not checked" }, 0 },
    { "SMARTHOST a.example\nSECURETRANSFER\nSTARTTLS\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "starttls") "};", { NULL }, 0 },
    { "SMARTHOST a.example\nSECURETRANSFER\nSTARTTLS\nOPPORTUNISTIC_TLS\n"
      NO_ALIASES, ALIASES MAIN("a.example", "25", "starttls") "};",
      { "file:2: TLS was left out where a.example did not offer it" }, 0 },
    { "SMARTHOST a.example\nSTARTTLS\nFINGERPRINT " PRINT "\nCERTFILE /c\n"
      NO_ALIASES, ALIASES MAIN("a.example", "25", "none") "};", { NULL }, 0 },
    { "SMARTHOST a.example\nSECURETRANSFER\nFINGERPRINT " PRINT
      "\nCERTFILE /c\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "implicit") "tls_fingerprint = \"" PRINT "\";"
      "tls_cert_file = \"/c\";};", { NULL }, 0 },
    /* Names: of the machine, of all senders, of those without a domain. */
    { "SMARTHOST a.example\nMAILNAME m.example\n" NO_ALIASES,
      "hostname = \"m.example\";domain = \"m.example\";" ALIASES
      MAIN("a.example", "25", "none") "};", { NULL }, 0 },
    { "SMARTHOST a.example\nMAILNAME /nowhere/mailname\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "none") "};",
      { "file:2: MAILNAME: /nowhere/mailname cannot be read" }, 0 },
    { "SMARTHOST a.example\nMAILNAME m.example\nMASQUERADE d.example\n"
      NO_ALIASES, "hostname = \"m.example\";domain = \"d.example\";" ALIASES
      MAIN("a.example", "25", "none") "};",
      { "file:3: MASQUERADE: dma gave this domain to all senders" }, 0 },
    { "SMARTHOST a.example\nMASQUERADE @d.example\n" NO_ALIASES,
      "domain = \"d.example\";" ALIASES MAIN("a.example", "25", "none") "};",
      { NULL }, 0 },
    { "SMARTHOST a.example\nMASQUERADE ann@d.example\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "none")
      "};sender \"*\" {;address = \"ann@d.example\";};", { NULL }, 0 },
    { "SMARTHOST a.example\nMASQUERADE ann@\nMAILNAME m.example\n" NO_ALIASES,
      "hostname = \"m.example\";domain = \"m.example\";" ALIASES
      MAIN("a.example", "25", "none")
      "};sender \"*\" {;address = \"ann@m.example\";};", { NULL }, 0 },
    { "SMARTHOST a.example\nMASQUERADE ann@\n" NO_ALIASES, ALIASES
      MAIN("a.example", "25", "none") "};",
      { "file:2: MASQUERADE: ann@ needs a domain: left out" }, 0 },
};

static void translates_settings(void **state)
{
    (void)state;
    imported_assert(import_dma, "file", cases, COUNT(cases));
}

/* One that a file names, and auth.conf, which is looked for beside it first. */
static void reads_the_files_that_it_names(void **state)
{
    (void)state;
    imported_write("named", " m.example \nx\n");
    imported_write("auth.conf", "# x\n\nbob|b.example:x\n"
                   "ann|a.example:open: sesame\n");
    char *here = getcwd(NULL, 0);
    char *text = alloc_format("SMARTHOST a.example\nSECURETRANSFER\nMAILNAME "
                              "%s/named\nAUTHPATH /etc/dma/auth.conf\n"
                              NO_ALIASES, here);
    imported_write("file", text);
    struct imported result = imported(import_dma, "file");
    assert_true(result.done);
    assert_string_equal(result.config,
        "hostname = \"m.example\";domain = \"m.example\";" ALIASES
        MAIN("a.example", "25", "implicit") "user = \"ann\";" PASSWORD "};");
    assert_non_null(strstr(result.notes, "auth.conf:3: a password for "
                           "b.example, which is not the SMARTHOST"));
    imported_free(&result);
    free(text);
    free(here);
}

/* Without INSECURE, dma tries CRAM-MD5 only. */
static void a_password_goes_in_clear_where_it_went(void **state)
{
    static const struct import_case in_clear[] = {
        { "SMARTHOST a.example\nAUTHPATH auth.conf\nINSECURE\n" NO_ALIASES,
          ALIASES MAIN("a.example", "25", "none") "user = \"ann\";"
          "password_in_clear = true;" PASSWORD "};", { NULL }, 0 },
        { "SMARTHOST a.example\nAUTHPATH auth.conf\n" NO_ALIASES, ALIASES
          MAIN("a.example", "25", "none") "user = \"ann\";" PASSWORD "};",
          { NULL }, 0 },
    };

    (void)state;
    imported_write("auth.conf", "ann|a.example:x\n");
    imported_assert(import_dma, "file", in_clear, COUNT(in_clear));
}

static const struct {
    const char *text, *credentials;
    const char *error;
} mistakes[] = {
    { "PORT 25\n", "", "file: has no SMARTHOST: dma delivered to the "
                       "recipients' servers" },
    { "SMARTHOST a.example\nAUTHPATH auth.conf\n", "x\nann a.example x\n",
      "auth.conf:1: must be user|smarthost:password" },
    { "SMARTHOST a.example\nAUTHPATH auth.conf\n", "ann|a.example\n",
      "auth.conf:1: must be user|smarthost:password" },
    { "SMARTHOST a.example\nAUTHPATH /nowhere/other.conf\n", "",
      "/nowhere/other.conf" },
};

static void refuses_what_would_lose_mail(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        imported_write("file", mistakes[i].text);
        imported_write("auth.conf", mistakes[i].credentials);
        imported_refused(import_dma, "file", mistakes[i].error);
    }
}

static void the_alias_of_all_names_is_the_local_recipient(void **state)
{
    (void)state;
    imported_write("names", "root: x@b.example\n*: ann@b.example # all\n");
    imported_write("file", "SMARTHOST a.example\nALIASES names\n");
    struct imported result = imported(import_dma, "file");
    assert_true(text_starts(result.config, "local_recipient = "
                            "\"ann@b.example\";smarthost"));
    assert_non_null(strstr(result.notes, "aliases = names: "));
    imported_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(translates_settings),
        IN_FOLDER(reads_the_files_that_it_names),
        IN_FOLDER(a_password_goes_in_clear_where_it_went),
        IN_FOLDER(refuses_what_would_lose_mail),
        IN_FOLDER(the_alias_of_all_names_is_the_local_recipient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
