#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "checked.h"
#include "util/file.h"
#include "util/process.h"

/* The caller frees it. */
static struct config *config_with_aliases(const char *text)
{
    struct config *config = checked_config(text);

    free(config->aliases);
    config->aliases = alloc_string("aliases");
    return config;
}

static const struct {
    const char *text;           /* NULL: there is no file */
    mode_t mode;
    enum delivery_way delivery;
    const char *findings;
} files[] = {
    { NULL, 0, DELIVERY_QUEUE, "t: ok: there is no aliases\n" },
    { "", 0644, DELIVERY_QUEUE, "t: ok: aliases: 0\n" },
    { "root: ann@example.com\nbob: root\n", 0644, DELIVERY_QUEUE,
      "t: ok: aliases: 2\n" },
    { "root: ann@example.com\n", 0664, DELIVERY_QUEUE,
      "t: error: others can write aliases (mode 0664); chmod 644 aliases\n" },
    { "root: ann@example.com\n", 0640, DELIVERY_QUEUE,
      "t: error: not all who send mail can read aliases (mode 0640); chmod 644 "
      "aliases\n" },
    { "root: ann@example.com\n", 0640, DELIVERY_DIRECT,
      "t: ok: aliases: 1\n" },
    { "root: ann@example.com\nno alias\nroot: bob@example.com\n", 0644,
      DELIVERY_QUEUE, "t: error: aliases:2: not an alias: a line must be "
      "\"name: address, address\"\nt: error: aliases:3: alias root is "
      "defined in line 1 already, and that one counts\n" },
};

static void aliases_are_read_by_all_and_written_by_one(void **state)
{
    struct config *config = config_with_aliases("");

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        if (files[i].text != NULL)
            checked_write("aliases", files[i].text, files[i].mode);
        config->delivery = files[i].delivery;
        char *findings = checked(config, check_aliases, true);
        if (strcmp(findings, files[i].findings) != 0)
            fail_msg("row %zu:\n%s", i, findings);
        free(findings);
    }
    *config->aliases = '\0';
    char *findings = checked(config, check_aliases, true);
    assert_string_equal(findings, "t: ok: none are used\n");
    free(findings);
    config_free(config);
}

#define NO_MAILBOX(name, at) \
    "t: warning: mail for " name " goes to " at "@example.com, which may not " \
    "be a mailbox; set local_recipient, or write \"root: you@example.com\" " \
    "and \"postmaster: root\" into the aliases file\n"

static const struct {
    const char *config, *aliases;
    const char *findings;
} roots[] = {
    { "", "", "t: ok: reports about mail that root sent go to root@example.com"
      "\n" NO_MAILBOX("root", "root") NO_MAILBOX("postmaster", "postmaster") },
    { "", "postmaster: root\nroot: ann@example.org\n",
      "t: ok: mail for root goes to ann@example.org\n"
      "t: ok: mail for postmaster goes to ann@example.org\n"
      "t: ok: reports about mail that root sent go to ann@example.org\n" },
    { "", "root: ann@example.org, bob@example.org\npostmaster: joe\n",
      "t: ok: mail for root goes to ann@example.org, and others\n"
      "t: ok: reports about mail that root sent go to ann@example.org, and "
      "others\n" NO_MAILBOX("postmaster", "joe") },
    { "local_recipient = \"joe@example.org\"\n", "root: ann\n",
      "t: ok: mail for root goes to joe@example.org\n"
      "t: ok: mail for postmaster goes to joe@example.org\n"
      "t: ok: reports about mail that root sent go to joe@example.org\n" },
    { "", "root: /dev/null\npostmaster: |/bin/true\n",
      "t: warning: mail for root is discarded; give it an address\n"
      "t: error: aliases:2: mail for postmaster is refused: |/bin/true: "
      "Postrider runs no programs; give an address\n" },
    { "", "root: postmaster\npostmaster: root\n",
      "t: error: aliases:1: mail for root is refused: root: this alias has no "
      "recipient: it is empty, or leads back to itself; correct that, then run "
      "newaliases\n"
      "t: error: aliases:2: mail for postmaster is refused: postmaster: this "
      "alias has no recipient: it is empty, or leads back to itself; correct "
      "that, then run newaliases\n" },
    { "redirect_all = \"test@example.org\"\n", "root: ann@example.org\n",
      "t: warning: all mail goes to test@example.org, whatever its recipients; "
      "remove redirect_all when testing is over\n" },
    { "sender \"root\" {\naddress = \"web1@example.org\"\n}\n",
      "root: ann@example.org\npostmaster: root\n",
      "t: ok: mail for root goes to ann@example.org\n"
      "t: ok: mail for postmaster goes to ann@example.org\n"
      "t: ok: reports about mail that root sent go to web1@example.org\n" },
};

static void mail_for_root_reaches_a_person(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(roots); i++) {
        struct config *config = config_with_aliases(roots[i].config);
        checked_write("aliases", roots[i].aliases, 0644);
        char *findings = checked(config, check_root, true);
        if (strcmp(findings, roots[i].findings) != 0)
            fail_msg("row %zu:\n%s  is not\n%s", i, findings,
                     roots[i].findings);
        free(findings);
        config_free(config);
    }
}

/* Of a build, or of another prefix: the programs beside this one count. */
static void programs_are_those_beside_this_one(void **state)
{
    struct config *config = checked_config("");
    char *self = process_executable();
    char *folder = path_folder(self);
    char *wanted = alloc_format("t: ok: %s\nt: error: %s/sendmail: No such "
                                "file or directory: programs that send mail do "
                                "not find it; reinstall the package\n", self,
                                folder);

    (void)state;
    char *findings = checked(config, check_programs, true);
    assert_string_equal(findings, wanted);
    free(findings);
    free(wanted);
    free(folder);
    free(self);
    config_free(config);
}

static const struct check_case logs[] = {
    { "log = stderr\n", "t: ok: standard error\n" },
    { "log = none\n", "t: ok: off, as configured\n" },
};

static void the_log_is_where_it_is_wanted(void **state)
{
    (void)state;
    checked_assert(check_log, logs, COUNT(logs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(aliases_are_read_by_all_and_written_by_one),
        IN_FOLDER(mail_for_root_reaches_a_person),
        cmocka_unit_test(programs_are_those_beside_this_one),
        cmocka_unit_test(the_log_is_where_it_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
