#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "imported.h"

#define ONE(name, host, port, tls) \
    "smarthost \"" name "\" {;host = \"" host "\";port = " port \
    ";tls = " tls ";"
#define PASSWORD \
    "password_file = \"/etc/postrider/secrets/password\";"

/* The file "remotes". */
static const struct import_case remotes[] = {
    { "a.example\n", ONE("main", "a.example", "25", "none") "};",
      { "remotes:1: WARNING: no TLS" }, 0 },
    { "# x\n\n a.example  smtp --port=26\nb.example --port 27\n",
      ONE("main", "a.example", "26", "none") "};"
      ONE("remote2", "b.example", "27", "none") "};", { NULL }, 0 },
    { "a.example smtp --starttls\n",
      ONE("main", "a.example", "25", "starttls") "};", { NULL }, 0 },
    { "a.example smtp --tls\n",
      ONE("main", "a.example", "465", "implicit") "};", { NULL }, 0 },
    { "a.example smtp ssl --port=9\n",
      ONE("main", "a.example", "9", "implicit") "};", { NULL }, 0 },
    { "a.example --tls --insecure\n",
      ONE("main", "a.example", "465", "implicit") "};",
      { "remotes:1: the certificate of a.example was not checked" }, 0 },
    { "a.example --tls --user=u --pass='p q' --auth-login\n",
      ONE("main", "a.example", "465", "implicit") "auth = login;"
      "user = \"u\";" PASSWORD "};", { NULL }, 0 },
    { "a.example smtp user=u pass=p\n", ONE("main", "a.example", "25", "none")
      "user = \"u\";password_in_clear = true;" PASSWORD "};",
      { "the mail and the password" }, 0 },
    { "a.example smtp --starttls --user ssl --pass p\n",
      ONE("main", "a.example", "25", "starttls") "user = \"ssl\";" PASSWORD
      "};", { NULL }, 0 },
    { "a.example --pass=p --auth-login\n",
      ONE("main", "a.example", "25", "none") "};", { NULL }, 0 },
    { "a.example --tls --user=u\n",
      ONE("main", "a.example", "465", "implicit") "user = \"u\";};",
      { "remotes:1: there is a user, but no pass" }, 1 },
    { "a.example --tls --x509certfile=/c --x509cafile /d --source=::1\n",
      ONE("main", "a.example", "465", "implicit") "tls_ca_file = \"/d\";"
      "tls_cert_file = \"/c\";source_address = \"::1\";};", { NULL }, 0 },
    { "a.example --tls --x509fmtder --x509crlfile /d\n",
      ONE("main", "a.example", "465", "implicit") "};",
      { "x509fmtder: certificates must be PEM", "x509crlfile: no counterpart" },
      1 },
    { "b.example qmqp\na.example\n",
      ONE("main", "a.example", "25", "none") "};",
      { "remotes:1: Postrider does not support qmqp" }, 1 },
};

static bool read_folder(struct import *import, const char *path,
                        struct error *err)
{
    (void)path;
    return import_nullmailer(import, "folder", err);
}

static void translates_remotes(void **state)
{
    (void)state;
    imported_assert(read_folder, "folder/remotes", remotes, COUNT(remotes));
}

static const struct {
    struct { const char *name, *text; } files[4];
    const char *config;         /* before the smarthost, and after it */
    const char *sender;
    const char *note;
} names[] = {
    { { { "me", "web1\n" } },
      "hostname = \"web1\";domain = \"web1\";", "", NULL },
    { { { "me", "web1.example\n" }, { "helohost", "h.example\n" },
        { "defaulthost", "d.example\n" } },
      "hostname = \"h.example\";domain = \"d.example\";", "", NULL },
    { { { "defaulthost", " mail \nx\n" }, { "defaultdomain", "d.example" } },
      "domain = \"mail.d.example\";", "", NULL },
    { { { "me", "web1" }, { "defaultdomain", "d.example" } },
      "hostname = \"web1\";domain = \"web1.d.example\";", "", NULL },
    { { { "me", "web1.example" }, { "defaultdomain", "d.example" } },
      "hostname = \"web1.example\";domain = \"web1.example\";", "", NULL },
    { { { "pausetime", "60\n" }, { "maxpause", "3600" },
        { "queuelifetime", "86400" } },
      "retry_first = 60s;retry_longest = 3600s;expire_after = 86400s;", "",
      NULL },
    { { { "pausetime", "soon\n" } }, "", "",
      "folder: pausetime: retry_first = soons" },
    { { { "adminaddr", "ann@b.example\n" } },
      "local_recipient = \"ann@b.example\";", "", NULL },
    { { { "allmailfrom", "ann\n" }, { "me", "b.example" } },
      "hostname = \"b.example\";domain = \"b.example\";",
      "sender \"*\" {;address = \"ann@b.example\";};",
      "allmailfrom: counts for the From field, too" },
    { { { "allmailfrom", "ann@c.example\n" } }, "",
      "sender \"*\" {;address = \"ann@c.example\";};", NULL },
    { { { "idhost", "x" }, { "bouncefrom", "y" } }, "", "",
      "folder: bouncefrom: no counterpart, left out" },
};

static void translates_the_other_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(system("rm -rf folder"), 0);
        imported_write("folder/remotes", "a.example\n");
        for (size_t k = 0; k < COUNT(names[i].files) &&
             names[i].files[k].name != NULL; k++) {
            char *path = alloc_format("folder/%s", names[i].files[k].name);
            imported_write(path, names[i].files[k].text);
            free(path);
        }
        struct imported result = imported(import_nullmailer, "folder");
        char *wanted = alloc_format("%s%s%s", names[i].config,
                                    ONE("main", "a.example", "25", "none") "};",
                                    names[i].sender);
        assert_string_equal(result.config, wanted);
        if (names[i].note != NULL &&
            strstr(result.notes, names[i].note) == NULL)
            fail_msg("%s", result.notes);
        assert_int_equal(result.obstacles, 0);
        free(wanted);
        imported_free(&result);
    }
}

static void several_administrators_are_for_etc_aliases(void **state)
{
    (void)state;
    imported_write("folder/remotes", "a.example\n");
    imported_write("folder/adminaddr", "ann@b.example,bob@b.example\n");
    struct imported result = imported(import_nullmailer, "folder");
    assert_null(strstr(result.config, "local_recipient"));
    assert_non_null(strstr(result.notes, "adminaddr: local_recipient takes "
                           "one address"));
    assert_int_equal(result.obstacles, 1);
    imported_free(&result);
}

static const struct {
    const char *text, *error;
} mistakes[] = {
    { "# x\n", "folder/remotes: has no remote that can be used" },
    { "a.example qmqp\n", "folder/remotes: has no remote that can be used" },
    { "a.example --pass='p\n", "folder/remotes:1: a quote is not closed" },
};

static void mail_needs_a_remote(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        imported_write("folder/remotes", mistakes[i].text);
        imported_refused(import_nullmailer, "folder", mistakes[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(translates_remotes),
        IN_FOLDER(translates_the_other_files),
        IN_FOLDER(several_administrators_are_for_etc_aliases),
        IN_FOLDER(mail_needs_a_remote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
