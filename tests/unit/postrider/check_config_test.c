#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "checked.h"

#define HOST(settings) "smarthost \"main\" {\nhost = \"a.example\"\n" settings \
                       "}\n"

static const struct check_case smarthosts[] = {
    { "", "t: error: there is none: no mail can leave; run postrider setup\n" },
    { HOST("user = \"u\"\npassword_file = \"/p\"\n"),
      "t: ok: main: a.example port 587\n" },
    { HOST("user = \"u\"\npassword_file = \"/p\"\nport = 465\n"),
      "t: ok: main: a.example port 465\n" },
    /* The port means one thing, tls another. */
    { HOST("user = \"u\"\npassword_file = \"/p\"\nport = 465\n"
           "tls = starttls\n"),
      "t: warning: main: a.example port 465 is for TLS at once, and tls = "
      "starttls waits for a greeting in clear; set tls = implicit\n" },
    { HOST("port = 25\ntls = implicit\n"),
      "t: warning: main: a.example port 25 is for STARTTLS, and tls = implicit "
      "begins TLS at once; set tls = starttls, or port = 465\n" },
    { HOST("port = 2525\ntls = implicit\n"),
      "t: ok: main: a.example port 2525\n" },
    { "smarthost \"main\" {\nhost = \"_submission._tcp.a.example\"\n"
      "tls = implicit\nauth = none\n}\n",
      "t: warning: main: _submission._tcp.a.example is for STARTTLS, "
      "and tls = implicit begins TLS at once; set tls = starttls\n" },
    { "smarthost \"main\" {\nhost = \"_submissions._tcp.a.example\"\n"
      "tls = starttls\nauth = none\n}\n",
      "t: warning: main: _submissions._tcp.a.example is for TLS at "
      "once, and tls = starttls waits for a greeting in clear; set tls = "
      "implicit\n" },
    { "smarthost \"main\" {\nhost = \"_submission._tcp.a.example\"\n"
      "port = 465\ntls = starttls\nauth = none\n}\n",
      "t: ok: main: _submission._tcp.a.example\n" },
    /* These ports are for clients that log in. */
    { HOST(""), "t: warning: main: no user is set, and port 587 is for clients "
      "that log in; set user and password_file, or auth = none if it needs no "
      "login\n" },
    { HOST("auth = none\n"), "t: ok: main: a.example port 587\n" },
    { HOST("port = 25\n"), "t: ok: main: a.example port 25\n" },
    { HOST("tls_cert_file = \"/c\"\n"), "t: ok: main: a.example port 587\n" },
    /* A secret that all can read. */
    { HOST("user = \"u\"\npassword_command = \"/bin/echo 'x y'\"\n"),
      "t: warning: main: password_command only prints the password, which "
      "every user can read in the configuration; put it into a file of mode "
      "0400, and set password_file\n" },
    { HOST("user = \"u\"\npassword_command = \"pass echo\"\n"),
      "t: ok: main: a.example port 587\n" },
    { HOST("port = 25\ntls = none\n"), "t: warning: main: tls = none: any host "
      "on the way to a.example can read and change mail; set tls = "
      "starttls\n" },
    { "smarthost \"main\" {\nhost = \"localhost\"\nport = 25\ntls = none\n}\n",
      "t: ok: main: localhost port 25\n" },
};

static void a_smarthost_fits_its_port(void **state)
{
    (void)state;
    checked_assert(check_smarthosts, smarthosts, COUNT(smarthosts));
}

/* Only the names that the rows set. */
static const struct {
    const char *hostname, *domain;
    const char *findings;
} names[] = {
    { "web1.example.com", "example.com",
      "t: ok: hostname is web1.example.com\nt: ok: domain is example.com\n" },
    { "web1", "example", "t: warning: hostname is web1: some smarthosts refuse "
      "a name without a domain; set hostname = \"NAME.example.com\"\n"
      "t: warning: domain is example: mail from root@example is refused by "
      "most; set domain = \"example.com\"\n" },
    { "[192.0.2.1]", "example.com", "t: ok: hostname is [192.0.2.1]\n"
      "t: ok: domain is example.com\n" },
    { "localhost", "localhost.localdomain",
      "t: error: hostname is localhost, as every machine calls itself: EHLO "
      "gives the address instead; set hostname = \"NAME.example.com\"\n"
      "t: error: domain is localhost.localdomain: servers refuse mail from "
      "root@localhost.localdomain; set domain = \"example.com\"\n" },
    { "web1.example.com", "corp.LAN", "t: ok: hostname is web1.example.com\n"
      "t: warning: domain is corp.LAN, which the public DNS does not have: "
      "mail from root@corp.LAN is refused by many; set domain = "
      "\"example.com\"\n" },
    { "web1.example.com", "plan", "t: ok: hostname is web1.example.com\n"
      "t: warning: domain is plan: mail from root@plan is refused by most; set "
      "domain = \"example.com\"\n" },
    { "example.com", "example.com", "t: ok: hostname is example.com\n"
      "t: ok: domain is example.com\nt: ok: hostname and domain are both "
      "example.com: mail for NAME@example.com leaves this machine, unless NAME "
      "has an alias\n" },
};

static void names_are_such_that_servers_take_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct config *config = checked_config("");
        free(config->hostname);
        free(config->domain);
        config->hostname = alloc_string(names[i].hostname);
        config->domain = alloc_string(names[i].domain);
        char *findings = checked(config, check_names, true);
        assert_string_equal(findings, names[i].findings);
        free(findings);
        config_free(config);
    }
}

#define SENDER(match) "sender \"" match "\" {\nname = \"x\"\n}\n"

static const struct check_case senders[] = {
    { "", "t: ok: 0 sender sections\n" },
    { SENDER("ann"), "t: ok: 1 sender section\n" },
    { SENDER("ann") SENDER("*"), "t: ok: 2 sender sections\n" },
    { SENDER("*") SENDER("ann"), "t: warning: sender \"ann\" is never "
      "used: the first that matches counts, and sender \"*\" comes before it; "
      "put sender \"*\" last\n" },
    { SENDER("bob") SENDER("*") SENDER("ann") SENDER("<>"),
      "t: warning: sender \"ann\" is never used: the first that matches "
      "counts, and sender \"*\" comes before it; put sender \"*\" last\n"
      "t: warning: sender \"<>\" is never used: the first that matches "
      "counts, and sender \"*\" comes before it; put sender \"*\" last\n" },
};

static void each_sender_section_can_match(void **state)
{
    (void)state;
    checked_assert(check_senders, senders, COUNT(senders));
}

static const struct {
    mode_t folder, file;
    const char *findings;
} modes[] = {
    { 0755, 0644, "t: ok: etc/conf\n" },
    { 0755, 0664, "t: error: etc/conf: others can write it (mode 0664); chown "
      "root:root etc/conf && chmod 644 etc/conf\n" },
    { 0777, 0644, "t: error: others can write etc, and put another file in the "
      "place of etc/conf; chmod go-w etc\n" },
    { 0775, 0646, "t: error: etc/conf: others can write it (mode 0646); chown "
      "root:root etc/conf && chmod 644 etc/conf\n"
      "t: error: others can write etc, and put another file in the place of "
      "etc/conf; chmod go-w etc\n" },
    { 01777, 0644, "t: ok: etc/conf\n" },
};

static void others_cannot_replace_the_configuration(void **state)
{
    struct config *config = checked_config("");

    (void)state;
    free(config->path);
    free(config->source);
    config->path = alloc_string("etc/conf");
    config->source = alloc_string("etc/conf");
    assert_int_equal(mkdir("etc", 0700), 0);
    for (size_t i = 0; i < COUNT(modes); i++) {
        assert_int_equal(chmod("etc", modes[i].folder), 0);
        checked_write("etc/conf", "", modes[i].file);
        char *findings = checked(config, check_configuration, true);
        assert_string_equal(findings, modes[i].findings);
        free(findings);
    }
    config_free(config);
}

static void all_of_the_files_are_looked_at(void **state)
{
    struct config *config = checked_config("");

    (void)state;
    checked_write("postrider.conf", "", 0644);
    checked_write("smarthost.conf", "", 0644);
    free(config->source);
    config->source = alloc_string("smarthost.conf");
    char *findings = checked(config, check_configuration, true);
    assert_string_equal(findings, "t: ok: postrider.conf\n"
                                  "t: ok: smarthost.conf\n");
    free(findings);
    *config->path = *config->source = '\0';
    findings = checked(config, check_configuration, true);
    assert_string_equal(findings, "t: ok: no file: every key has its "
                                  "default\n");
    free(findings);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_smarthost_fits_its_port),
        cmocka_unit_test(names_are_such_that_servers_take_them),
        cmocka_unit_test(each_sender_section_can_match),
        IN_FOLDER(others_cannot_replace_the_configuration),
        IN_FOLDER(all_of_the_files_are_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
