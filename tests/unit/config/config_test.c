#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/sasl.h"
#include "util/text.h"

#include "../in_folder.h"

static const char name[] = "postrider.conf";

static void write_bytes(const char *path, const void *data, size_t length)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static struct config *load(const char *text)
{
    struct error err;

    write_text(name, text);
    struct config *config = config_load_file(name, &err);
    if (config == NULL)
        fail_msg("%s: %s", text, err.text);
    return config;
}

enum shape { STRING, UNSIGNED, NUMBER, SHORT, TRUTH };
struct member {
    size_t offset;
    enum shape shape;
};
#define TOP(member, shape) { offsetof(struct config, member), shape }
#define HOST(member, shape) { offsetof(struct smarthost, member), shape }
#define RULE(member, shape) { offsetof(struct sender_rule, member), shape }

static char *show(const void *object, struct member member)
{
    const char *at = (const char *)object + member.offset;
    char *string;
    unsigned small;
    int64_t number;
    uint16_t port;
    bool truth;

    switch (member.shape) {
    case STRING:
        memcpy(&string, at, sizeof string);
        return alloc_string(string);
    case UNSIGNED:
        memcpy(&small, at, sizeof small);
        return alloc_format("%u", small);
    case NUMBER:
        memcpy(&number, at, sizeof number);
        return alloc_format("%" PRId64, number);
    case SHORT:
        memcpy(&port, at, sizeof port);
        return alloc_format("%u", port);
    case TRUTH:
        memcpy(&truth, at, sizeof truth);
        return alloc_string(truth ? "true" : "false");
    }
    return NULL;
}

struct value {
    const char *text;
    struct member member;
    const char *expected;
};

static void check_value(const struct value *value, const void *object)
{
    char *shown = show(object, value->member);

    if (strcmp(shown, value->expected) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", value->text, shown,
                 value->expected);
    free(shown);
}

static void takes_values_at_the_top(void **state)
{
    static const struct value cases[] = {
        { "hostname = web1.example.com", TOP(hostname, STRING),
          "web1.example.com" },
        { "hostname = web1.example.com.", TOP(hostname, STRING),
          "web1.example.com" },
        { "hostname = \"[192.0.2.1]\"", TOP(hostname, STRING),
          "[192.0.2.1]" },
        { "domain = \"b\xc3\xbc" "cher.example\"", TOP(domain, STRING),
          "b\xc3\xbc" "cher.example" },
        { "hostname = h.example", TOP(path, STRING), "postrider.conf" },
        { "", TOP(aliases, STRING), "/etc/aliases" },
        { "aliases = \"\"", TOP(aliases, STRING), "" },
        { "aliases = /var//a/aliases", TOP(aliases, STRING),
          "/var//a/aliases" },
        { "", TOP(local_recipient, STRING), "" },
        { "local_recipient = admin@example.com",
          TOP(local_recipient, STRING), "admin@example.com" },
        { "local_recipient = \"<admin@example.com>\"",
          TOP(local_recipient, STRING), "admin@example.com" },
        { "", TOP(delivery, UNSIGNED), "0" },
        { "delivery = direct", TOP(delivery, UNSIGNED), "1" },
        { "delivery = Queue", TOP(delivery, UNSIGNED), "0" },
        { "", TOP(spool, STRING), "/var/spool/postrider" },
        { "", TOP(message_size_limit, NUMBER), "52428800" },
        { "message_size_limit = 10k", TOP(message_size_limit, NUMBER),
          "10240" },
        { "", TOP(retry_first, NUMBER), "60000" },
        { "retry_first = 90s", TOP(retry_first, NUMBER), "90000" },
        { "", TOP(retry_longest, NUMBER), "3600000" },
        { "", TOP(expire_after, NUMBER), "432000000" },
        { "", TOP(delay_warning, NUMBER), "14400000" },
        { "delay_warning = 0", TOP(delay_warning, NUMBER), "0" },
        { "redirect_all = all@test.example", TOP(redirect_all, STRING),
          "all@test.example" },
        { "", TOP(subtract_arguments, TRUTH), "false" },
        { "extract = subtract", TOP(subtract_arguments, TRUTH), "true" },
        { "", TOP(log, UNSIGNED), "0" },
        { "log = stderr", TOP(log, UNSIGNED), "1" },
        { "log = none", TOP(log, UNSIGNED), "2" },
        { "log = none log = stderr", TOP(log, UNSIGNED), "1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = load(cases[i].text);
        check_value(&cases[i], config);
        config_free(config);
    }
}

#define HEX32 "0123456789abcdef0123456789abcdef"
#define COLONS8 "01:23:45:67:89:AB:CD:EF"

static void takes_values_of_a_smarthost(void **state)
{
    static const struct value cases[] = {
        { "", HOST(name, STRING), "main" },
        { "", HOST(host, STRING), "mx.example" },
        { "host = \"[::1]\"", HOST(host, STRING), "[::1]" },
        { "host = 192.0.2.1", HOST(host, STRING), "192.0.2.1" },
        { "host = \"2001:db8::1\"", HOST(host, STRING), "2001:db8::1" },
        { "", HOST(port, SHORT), "587" },
        { "tls = implicit", HOST(port, SHORT), "465" },
        { "port = 25 tls = implicit", HOST(port, SHORT), "25" },
        { "", HOST(tls, UNSIGNED), "0" },
        { "tls = none", HOST(tls, UNSIGNED), "2" },
        { "port = 465", HOST(tls, UNSIGNED), "1" },
        { "port = 465 tls = starttls", HOST(tls, UNSIGNED), "0" },
        { "port = 2465", HOST(tls, UNSIGNED), "0" },
        { "host = _submissions._tcp.a.example", HOST(tls, UNSIGNED), "1" },
        { "host = _submission._tcp.a.example", HOST(tls, UNSIGNED), "0" },
        { "", HOST(tls_min_version, UNSIGNED), "12" },
        { "tls_min_version = 1.3", HOST(tls_min_version, UNSIGNED), "13" },
        { "", HOST(tls_groups, STRING), "" },
        { "tls_groups = \"X25519:P-256\"", HOST(tls_groups, STRING),
          "X25519:P-256" },
        { "", HOST(tls_ca_file, STRING), "" },
        { "tls_cert_file = /c", HOST(tls_key_file, STRING), "/c" },
        { "tls_cert_file = /c tls_key_file = /k",
          HOST(tls_key_file, STRING), "/k" },
        { "tls_fingerprint = " HEX32 HEX32, HOST(tls_fingerprint, STRING),
          HEX32 HEX32 },
        { "tls_fingerprint = \"" COLONS8 ":" COLONS8 ":" COLONS8 ":" COLONS8
          "\"", HOST(tls_fingerprint, STRING), HEX32 HEX32 },
        { "", HOST(auth, STRING), "auto" },
        { "auth = NONE", HOST(auth, STRING), "none" },
        { "auth = external", HOST(auth, STRING), "external" },
        { "auth = login user = u password_file = /p", HOST(auth, STRING),
          "login" },
        { "user = u tls_cert_file = /c", HOST(user, STRING), "u" },
        { "user = u auth = none", HOST(user, STRING), "u" },
        { "user = u password_credential = smtp",
          HOST(password_credential, STRING), "smtp" },
        { "user = u password_command = \"pass 'a b'\"",
          HOST(password_command, STRING), "pass 'a b'" },
        { "", HOST(password_in_clear, TRUTH), "false" },
        { "password_in_clear = yes tls = none auth = plain user = u "
          "password_file = /p", HOST(password_in_clear, TRUTH), "true" },
        { "tls = none auth = cram-md5 user = u password_file = /p",
          HOST(password_in_clear, TRUTH), "false" },
        { "", HOST(connections, UNSIGNED), "20" },
        { "connections = 1", HOST(connections, UNSIGNED), "1" },
        { "", HOST(messages_per_connection, UNSIGNED), "1000" },
        { "", HOST(messages_per_minute, UNSIGNED), "0" },
        { "", HOST(inet, UNSIGNED), "0" },
        { "inet = ipv6", HOST(inet, UNSIGNED), "2" },
        { "source_address = 192.0.2.7", HOST(source_address, STRING),
          "192.0.2.7" },
        { "", HOST(timeout, NUMBER), "300000" },
        { "timeout = 20s", HOST(timeout, NUMBER), "20000" },
        { "", HOST(line, UNSIGNED), "2" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = alloc_format("\nsmarthost \"main\" {\nhost = mx.example\n"
                                  "%s\n}\n", cases[i].text);
        struct config *config = load(text);
        assert_int_equal(config->smarthost_count, 1);
        check_value(&cases[i], &config->smarthosts[0]);
        config_free(config);
        free(text);
    }
}

static void takes_values_of_a_sender(void **state)
{
    static const struct value cases[] = {
        { "", RULE(match, STRING), "www-data" },
        { "", RULE(address, STRING), "" },
        { "address = shop@example.com", RULE(address, STRING),
          "shop@example.com" },
        { "name = \"J\xc3\xbcrgen's Shop\"", RULE(name, STRING),
          "J\xc3\xbcrgen's Shop" },
        { "", RULE(smarthost, STRING), "" },
        { "smarthost = main", RULE(smarthost, STRING), "main" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = alloc_format("sender www-data { %s }\n"
                                  "smarthost main { host = mx.example }",
                                  cases[i].text);
        struct config *config = load(text);
        assert_int_equal(config->sender_count, 1);
        check_value(&cases[i], &config->senders[0]);
        config_free(config);
        free(text);
    }
}

static void keeps_the_order_of_sections(void **state)
{
    (void)state;
    struct config *config = load(
        "smarthost \"b\" { host = b.example }\n"
        "sender \"*\" { }\n"
        "smarthost \"a\" { host = a.example }\n"
        "sender \"@x.example\" { }\n");

    assert_int_equal(config->smarthost_count, 2);
    assert_string_equal(config->smarthosts[0].name, "b");
    assert_string_equal(config->smarthosts[1].name, "a");
    assert_int_equal(config->smarthosts[1].line, 3);
    assert_string_equal(config->senders[0].match, "*");
    assert_string_equal(config->senders[1].match, "@x.example");
    assert_ptr_equal(config_smarthost(config, "a"), &config->smarthosts[1]);
    assert_null(config_smarthost(config, "c"));
    config_free(config);
}

/* Far more than most have: their keys are looked for, and their titles
 * compared, in another way than those of a short file. */
static void reads_a_thousand_rules(void **state)
{
    struct error err;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 1000; i < 2000; i++)
        buf_add_format(&text, "sender \"u%d\" { address = a%d@b.example }\n",
                       i, i);
    struct config *config = load(text.data);
    assert_int_equal(config->sender_count, 1000);
    assert_string_equal(config->senders[999].match, "u1999");
    assert_string_equal(config->senders[999].address, "a1999@b.example");
    assert_int_equal(config->senders[999].line, 1000);
    config_free(config);

    buf_add_text(&text, "sender \"u1500\" { }\nsender \"u1000\" { }\n");
    write_text(name, text.data);
    assert_null(config_load_file(name, &err));
    assert_string_equal(err.text, "postrider.conf:1001: there is another "
                        "section \"u1500\"");
    buf_free(&text);
}

static void takes_lists(void **state)
{
    static const struct {
        const char *text;
        const char *items;
    } cases[] = {
        { "", "/run/postrider/submit " },
        { "listen = {}", "" },
        { "listen = { \"/run/a\" }", "/run/a " },
        { "listen = { \"/run/a\", 127.0.0.1:25, \"[::1]:2525\" }",
          "/run/a 127.0.0.1:25 [::1]:2525 " },
        { "listen = { \"/run/a\" } listen += { \"/run/b\" }",
          "/run/a /run/b " },
        { "listen = { \"/run/a\" } listen = { \"/run/b\" }", "/run/b " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = load(cases[i].text);
        struct buf items;
        buf_init(&items, SIZE_MAX);
        for (size_t item = 0; item < config->listen.count; item++)
            buf_add_format(&items, "%s ", config->listen.items[item]);
        assert_string_equal(items.data, cases[i].items);
        buf_free(&items);
        config_free(config);
    }
}

static void takes_lists_of_a_section(void **state)
{
    struct config *config = load(
        "smarthost \"a\" { host = a.example extensions_ignored = { CHUNKING, "
        "\"dsn\" } } smarthost \"b\" { host = b.example }");
    const struct strings *ignored = &config->smarthosts[0].extensions_ignored;

    (void)state;
    assert_int_equal(ignored->count, 2);
    assert_string_equal(ignored->items[0], "CHUNKING");
    assert_string_equal(ignored->items[1], "dsn");
    assert_int_equal(config->smarthosts[1].extensions_ignored.count, 0);
    config_free(config);
}

/* Text in comments and quotes, and how it is kept from harm. */
static void reads_text_as_documented(void **state)
{
    static const struct {
        const char *text;
        const char *name;       /* of the sender "*" */
    } cases[] = {
        { "sender \"*\" { name = \"a # b\" } # comment \"", "a # b" },
        { "// it's one\n/* two\n\" { a/b */"
          "sender '*' { name = 'it is' }", "it is" },
        { "sender \"*\" { name = \"${HOME} $${USER} ${X:-y}\" }",
          "${HOME} $${USER} ${X:-y}" },
        { "sender \"*\" { name = '${HOME}' }", "${HOME}" },
        { "sender \"*\" { name = \"\\${HOME} \\\"q\\\" \\x41\" }",
          "${HOME} \"q\" A" },
        { "sender \"*\" {\r\nname = word\r\n}\r\n", "word" },
        { "\xef\xbb\xbfsender \"*\" { name = http://x//y }", "http://x//y" },
        { "sender \"*\" { name = \"two \\\nlines\" }", "two lines" },
        { "sender \"*\" { name = \"\" }# no newline", "" },
        { "sender \"*\" { name = \"a // b /* c */\" }", "a // b /* c */" },
    };

    (void)state;
    setenv("HOME", "secret", 1);
    setenv("USER", "secret", 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = load(cases[i].text);
        assert_string_equal(config->senders[0].name, cases[i].name);
        config_free(config);
    }
}

#define NEEDS_PASSWORD "set password_file, password_command, " \
    "password_credential or oauth (or auth = none)"
#define LIST_OF_SENDER "known are address, envelope, name, " \
    "replace_name, smarthost"
#define MAIN "postrider.conf:2: smarthost \"main\": "

static const struct {
    const char *text;
    const char *fault;
} faults[] = {
    /* Values */
    { "delivery = maybe",
      "postrider.conf:1: delivery = maybe: must be queue or direct" },
    { "\n\nlog = file",
      "postrider.conf:3: log = file: must be syslog, stderr or none" },
    { "extract = x",
      "postrider.conf:1: extract = x: must be add or subtract" },
    { "spool = spool",
      "postrider.conf:1: spool = spool: must be an absolute path" },
    { "spool = \"\"", "postrider.conf:1: spool = : must be an absolute path" },
    { "/* two\nlines */ aliases = a",
      "postrider.conf:2: aliases = a: must be an absolute path" },
    { "hostname = \"a b\"",
      "postrider.conf:1: hostname = a b: must be a full host name of letters, "
      "digits and hyphens, or an address as in [192.0.2.1] or "
      "[IPv6:2001:db8::1]" },
    { "domain = \"a..b\"",
      "postrider.conf:1: domain = a..b: must be a domain name" },
    { "message_size_limit = 0",
      "postrider.conf:1: message_size_limit = 0: must be a size such as "
      "800k, 50M or 1G" },
    { "retry_first = soon",
      "postrider.conf:1: retry_first = soon: must be a time such as 90s, "
      "5m, 1h or 5d, at most 1d" },
    { "retry_longest = 10m\nretry_first = 1h",
      "postrider.conf:2: retry_first is longer than retry_longest" },
    { "listen = { \"0.0.0.0:25\" }",
      "postrider.conf:1: listen = 0.0.0.0:25: must be the path of a socket, "
      "or a loopback address with its port, as in 127.0.0.1:25 or "
      "[::1]:25" },
    { "smarthost \"main\" {\ntls = maybe\n}",
      MAIN "tls = maybe: must be starttls, implicit or none" },
    { "smarthost \"main\" {\nextensions_ignored = { STARTTLS }\n}",
      MAIN "extensions_ignored = STARTTLS: must be PIPELINING, SIZE, 8BITMIME, "
      "SMTPUTF8, DSN or CHUNKING" },
    { "smarthost \"main\" {\nport = 99999\n}",
      MAIN "port = 99999: must be 1 to 65535" },
    { "smarthost \"main\" {\nport = 0\n}",
      MAIN "port = 0: must be 1 to 65535" },
    { "smarthost \"main\" {\nhost = \"mx.example:587\"\n}",
      MAIN "host = mx.example:587: must be a host name or an address; "
      "set the port with the key port" },
    { "smarthost \"main\" {\nhost = m\xc3\xbcnchen.example\n}",
      MAIN "host = m\xc3\xbcnchen.example: must be in ASCII; give its xn-- "
      "form" },
    { "smarthost \"main\" {\ntls_fingerprint = \"AB:CD\"\n}",
      MAIN "tls_fingerprint = AB:CD: must be the SHA-256 of the certificate, "
      "64 hexadecimal digits" },
    { "smarthost \"main\" {\ntls_min_version = 1.1\n}",
      MAIN "tls_min_version = 1.1: must be 1.2 or 1.3" },
    { "smarthost \"main\" {\npassword_in_clear = maybe\n}",
      MAIN "password_in_clear = maybe: must be true or false" },
    { "smarthost \"main\" {\nconnections = 0\n}",
      MAIN "connections = 0: must be 1 to 100" },
    { "smarthost \"main\" {\nsource_address = eth0\n}",
      MAIN "source_address = eth0: must be an IPv4 or IPv6 address of this "
      "host" },
    { "smarthost \"main\" {\nuser = \"a\\x01\"\n}",
      MAIN "user = a\\x01: must be UTF-8 without control characters" },
    /* What may be a secret in the wrong place is not shown. */
    { "smarthost \"main\" {\npassword_file = hunter2\n}",
      MAIN "password_file: must be an absolute path" },
    { "smarthost \"main\" {\npassword_command = \"echo 'hunter2\"\n}",
      MAIN "password_command: must be a command with its arguments, every "
      "quote closed" },
    { "smarthost \"main\" {\npassword_credential = \"/hunter2\"\n}",
      MAIN "password_credential: must be the name of a credential, not a "
      "path" },
    { "smarthost \"main\" {\npassword = hunter2\n}",
      MAIN "unknown key \"password\": the password is kept in a file that "
      "only its user can read; set password_file = "
      "\"/etc/postrider/password\"" },
    /* Keys */
    { "\nfoo = 1\n", "postrider.conf:2: unknown key \"foo\": known are "
      "hostname, domain, aliases, local_recipient, delivery, spool, "
      "make_spool, control, metrics, user, listen, message_size_limit, "
      "retry_first, retry_longest, expire_after, delay_warning, drain, "
      "redirect_all, extract, sandbox, log, smarthost, sender and oauth sections" },
    { "domian = a.example",
      "postrider.conf:1: unknown key \"domian\"; did you mean domain?" },
    { "host = a.example", "postrider.conf:1: unknown key \"host\" here: it "
      "belongs in a smarthost section" },
    { "smarthost \"main\" {\nprot = 1\n}",
      MAIN "unknown key \"prot\"; did you mean port?" },
    { "smarthost \"main\" {\nPort = 1\n}",
      MAIN "unknown key \"Port\"; did you mean port?" },
    { "sender \"a\" {\nfoo = 1\n}", "postrider.conf:2: sender \"a\": unknown "
      "key \"foo\": " LIST_OF_SENDER },
    { "include(\"/etc/x\")",
      "postrider.conf:1: unknown key \"include\": one file holds "
      "everything" },
    /* Sections */
    { "\nsmarthost \"main\" {}", MAIN "host is missing" },
    { "\nsmarthost \"main\" {\nport = 25\n}", MAIN "host is missing" },
    { "smarthost \"a\" { host = a }\nsmarthost \"a\" { host = b }",
      "postrider.conf:2: there is another section \"a\"" },
    { "sender \"a\" { }\n\nsender \"a\" { }",
      "postrider.conf:3: there is another section \"a\"" },
    { "smarthost \"\" { host = a }",
      "postrider.conf:1: smarthost \"\": needs a name of UTF-8 text without "
      "control characters" },
    { "sender \"@\" { }", "postrider.conf:1: sender \"@\": is not a domain" },
    { "smarthost { host = a }",
      "postrider.conf:1: smarthost needs a name in quotes: smarthost "
      "\"main\" {" },
    { "smarthost \"main\" host = a",
      "postrider.conf:1: \"{\" is missing after the name of this smarthost "
      "section" },
    { "sender \"a\" {\nsmarthost = main\n}",
      "postrider.conf:2: sender \"a\": smarthost = main: there is no section "
      "smarthost \"main\"" },
    /* Passwords */
    { "smarthost \"main\" { host = a\nuser = u }",
      MAIN "user has no password: " NEEDS_PASSWORD },
    { "smarthost \"main\" { host = a\nauth = login }",
      MAIN "auth = login: user is missing" },
    { "\nsmarthost \"main\" { host = a\npassword_file = /p }",
      MAIN "there is a password, but user is missing" },
    { "smarthost \"main\" { host = a user = u\npassword_file = /p\n"
      "password_command = x }", MAIN "only one of password_file, "
      "password_command, password_credential and oauth can be set" },
    { "smarthost \"main\" { host = a user = u password_file = /p tls = none\n"
      "auth = login }", MAIN "auth = login with tls = none shows the "
      "password to the network; set tls = starttls or implicit (or "
      "password_in_clear = true)" },
    { "smarthost \"main\" { host = a user = u password_file = /p tls = none\n"
      "auth = xoauth2 }", MAIN "auth = xoauth2 with tls = none shows the "
      "password to the network; set tls = starttls or implicit (or "
      "password_in_clear = true)" },
    { "smarthost \"main\" { host = a\ntls_key_file = /k }",
      MAIN "tls_key_file without tls_cert_file" },
    /* Syntax */
    { "delivery queue", "postrider.conf:1: \"=\" is missing after delivery" },
    { "delivery = {", "postrider.conf:1: this \"{\" is never closed" },
    { "delivery = {}", "postrider.conf:1: \"{\" is not expected here" },
    { "delivery += queue", "postrider.conf:1: delivery is not a list: use = "
      "instead of +=" },
    { "\n}", "postrider.conf:2: unexpected closing brace" },
    { "\nsmarthost \"main\" {\nhost = a\n",
      "postrider.conf:2: this \"{\" is never closed" },
    { "a\n/* b\nc", "postrider.conf:2: this comment is never closed" },
    { "domain = \"a.example\nlog = none",
      "postrider.conf:1: a quote is not closed on this line" },
    { "domain = 'a.example",
      "postrider.conf:1: a quote is not closed on this line" },
    { "domain = ${HOME}", "postrider.conf:1: \"${\" must be inside quotes; "
      "variables of the environment are not expanded" },
    { "local_recipient = a+b@c.example",
      "postrider.conf:1: \"+\" must be inside quotes" },
    { "sender * {}", "postrider.conf:1: \"*\" must be inside quotes" },
    { "log\x01", "postrider.conf:1: control character" },
    { "domain = \"a\x7f\"", "postrider.conf:1: control character" },
    { "\" \" = x", "postrider.conf:1: syntax error" },
    { "log = none;", "postrider.conf:1: log = none;: must be syslog, stderr "
      "or none" },
};

static void says_where_and_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct error err = { .fault = FAULT_NONE };
        write_text(name, faults[i].text);
        if (config_load_file(name, &err) != NULL)
            fail_msg("taken: %s", faults[i].text);
        assert_string_equal(err.text, faults[i].fault);
        assert_int_equal(err.fault, FAULT_CONFIG);
    }
}

static void names_the_mechanisms(void **state)
{
    const struct sasl_mechanism *mechanism;
    struct error err;

    (void)state;
    write_text(name, "smarthost \"main\" {\nauth = ntlm\n}");
    assert_null(config_load_file(name, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    if (!text_starts(err.text, MAIN "auth = ntlm: must be ") ||
        strstr(err.text, ", auto or none") == NULL)
        fail_msg("%s", err.text);
    for (size_t i = 0; (mechanism = sasl_at(i)) != NULL; i++)
        assert_non_null(strstr(err.text, mechanism->key));
    assert_null(strstr(err.text, "-plus"));
}

/* The texts after these are those of mail/address.h. */
static void refuses_what_is_no_address(void **state)
{
    static const char *const texts[] = {
        "local_recipient = nobody",
        "redirect_all = \"a@b.example, c@d.example\"",
        "redirect_all = \"@a.example\"",
    };
    static const char prefix[] = "must be one complete address";

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct error err;
        write_text(name, texts[i]);
        assert_null(config_load_file(name, &err));
        assert_int_equal(err.fault, FAULT_CONFIG);
        if (strstr(err.text, prefix) == NULL)
            fail_msg("%s", err.text);
    }
}

static void refuses_files_that_cannot_be_one(void **state)
{
    struct error err;
    char *big = alloc_zero(1, (1u << 20) + 1);

    (void)state;
    assert_null(config_load_file("none.conf", &err));
    assert_string_equal(err.text, "none.conf: no such file");
    assert_int_equal(err.fault, FAULT_CONFIG);

    assert_null(config_load_file(".", &err));
    assert_string_equal(err.text, ".: not a regular file");

    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_null(config_load_file("fifo", &err));
    assert_string_equal(err.text, "fifo: not a regular file");

    write_bytes(name, "log = none\n\0", 12);
    assert_null(config_load_file(name, &err));
    assert_string_equal(err.text, "postrider.conf:2: control character");

    memset(big, '\n', (1u << 20) + 1);
    write_bytes(name, big, (1u << 20) + 1);
    assert_null(config_load_file(name, &err));
    assert_string_equal(err.text, "postrider.conf: is larger than 1 MB");
    free(big);
}

static void knows_who_can_write_the_file(void **state)
{
    static const struct {
        mode_t mode;
        bool owner_only;
    } cases[] = { { 0644, true }, { 0600, true }, { 0664, false },
                  { 0646, false } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_text(name, "log = none");
        assert_int_equal(chmod(name, cases[i].mode), 0);
        struct config *config = config_load_file(name, &(struct error){ 0 });
        assert_non_null(config);
        assert_int_equal(config->owner_only, cases[i].owner_only);
        assert_int_equal(config->owner, geteuid());
        config_free(config);
    }
}

/* The first that applies counts, and what is missing where it was asked for
 * is a fault. */
static void finds_the_file_that_counts(void **state)
{
    const char *folder = *state;
    struct error err;
    char *own = alloc_format("%s/home/.config/postrider/postrider.conf",
                             folder);
    char *xdg = alloc_format("%s/xdg/postrider/postrider.conf", folder);
    char *home = alloc_format("%s/home", folder);
    char *xdg_home = alloc_format("%s/xdg", folder);

    assert_int_equal(system("mkdir -p home/.config/postrider xdg/postrider"),
                     0);
    write_text(own, "domain = own.example");
    write_text(xdg, "domain = xdg.example");
    write_text("chosen.conf", "domain = chosen.example");
    const struct {
        const char *chosen, *xdg, *home;
        const char *domain;     /* NULL: err.text is compared below */
    } cases[] = {
        { "chosen.conf", xdg_home, home, "chosen.example" },
        { NULL, xdg_home, home, "xdg.example" },
        { "", xdg_home, home, "xdg.example" },
        { NULL, NULL, home, "own.example" },
        { NULL, "relative", home, "own.example" },
        { "gone.conf", xdg_home, home, NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setenv("POSTRIDER_CONFIG", cases[i].chosen != NULL ? cases[i].chosen
                                                           : "", 1);
        setenv("XDG_CONFIG_HOME", cases[i].xdg != NULL ? cases[i].xdg : "",
               1);
        setenv("HOME", cases[i].home, 1);
        struct config *config = config_load(&err);
        if (cases[i].domain == NULL)
            assert_null(config);
        else if (config == NULL)
            fail_msg("case %zu: %s", i, err.text);
        else
            assert_string_equal(config->domain, cases[i].domain);
        config_free(config);
    }
    assert_string_equal(err.text, "gone.conf: no such file");
    free(own);
    free(xdg);
    free(home);
    free(xdg_home);
}

static void leaves_the_file_of_another_user_alone(void **state)
{
    struct error err;
    const char *path = "xdg/postrider/postrider.conf";

    if (geteuid() != 0)
        skip();
    char *xdg = alloc_format("%s/xdg", (char *)*state);
    assert_int_equal(system("mkdir -p xdg/postrider"), 0);
    write_text(path, "domain = evil.example");
    assert_int_equal(chown(path, 12345, 12345), 0);
    setenv("XDG_CONFIG_HOME", xdg, 1);
    struct config *config = config_load(&err);
    if (config != NULL)
        assert_string_not_equal(config->domain, "evil.example");
    config_free(config);
    free(xdg);
}

static void looks_at_files_only_when_asked(void **state)
{
    struct error err;

    (void)state;
    struct config *config = load("smarthost \"main\" {\n host = a\n\n"
                                 "tls_ca_file = /nonexistent/ca.pem\n}");
    assert_false(config_check_files(config, &err));
    assert_string_equal(err.text, "postrider.conf:4: smarthost \"main\": "
                        "tls_ca_file = /nonexistent/ca.pem: no such file");
    assert_int_equal(err.fault, FAULT_CONFIG);
    config_free(config);

    config = load("smarthost \"main\" {\n host = a\n"
                  "tls_cert_file = /tmp\n}");
    assert_false(config_check_files(config, &err));
    assert_string_equal(err.text, "postrider.conf:3: smarthost \"main\": "
                        "tls_cert_file = /tmp: not a regular file");
    config_free(config);

    config = load("smarthost \"main\" { host = a tls_ca_file = /etc/passwd }");
    assert_true(config_check_files(config, &err));
    config_free(config);
}

static void names_come_from_the_host(void **state)
{
    (void)state;
    struct config *config = load("");
    assert_true(strlen(config->hostname) > 0);
    assert_true(strlen(config->domain) > 0);
    config_free(config);

    config = load("hostname = h.example\ndomain = d.example");
    assert_string_equal(config->hostname, "h.example");
    assert_string_equal(config->domain, "d.example");
    assert_true(strlen(config->kernel_name) > 0);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(takes_values_at_the_top),
        IN_FOLDER(takes_values_of_a_smarthost),
        IN_FOLDER(takes_values_of_a_sender),
        IN_FOLDER(keeps_the_order_of_sections),
        IN_FOLDER(reads_a_thousand_rules),
        IN_FOLDER(takes_lists),
        IN_FOLDER(takes_lists_of_a_section),
        IN_FOLDER(reads_text_as_documented),
        IN_FOLDER(says_where_and_what_is_wrong),
        IN_FOLDER(names_the_mechanisms),
        IN_FOLDER(refuses_what_is_no_address),
        IN_FOLDER(refuses_files_that_cannot_be_one),
        IN_FOLDER(knows_who_can_write_the_file),
        IN_FOLDER(finds_the_file_that_counts),
        IN_FOLDER(leaves_the_file_of_another_user_alone),
        IN_FOLDER(looks_at_files_only_when_asked),
        IN_FOLDER(names_come_from_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
