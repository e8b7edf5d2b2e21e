#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mail/address.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "mail/recipients.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#define NOW 1795508849              /* 2026-11-24 08:27:29 UTC */
#define DATE "Date: Tue, 24 Nov 2026 08:27:29 +0000\r\n"
#define ID "Message-ID: <20261124082729.4f@web1.example.com>\r\n"
#define FROM "From: alice@example.com\r\n"
#define R_DATE "Resent-" DATE
#define R_FROM "Resent-" FROM
#define R_ID "Resent-" ID
#define NOBODY "To: undisclosed-recipients:;\r\n"

/* Fields that need nothing. */
#define DONE_DATE "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
#define DONE_ID "Message-ID: <1@x.example>\r\n"
#define DONE_FROM "From: Al <al@x.example>\r\n"
#define DONE_TO "To: bob@x.example\r\n"
#define REST DONE_DATE DONE_ID

/* What has travelled: its Resent- fields are not the caller's. */
#define OLD "Received: x\r\n"

static const struct completion plain = {
    .host = "web1.example.com",
    .domain = "example.com",
    .sender = "alice@example.com",
    .id = "4f",
    .now = NOW,
};

/* Fields given as lines with CRLF. */
static void parse(struct header *header, const char *text)
{
    *header = (struct header) { 0 };
    while (*text != '\0') {
        size_t length = 0;
        do {
            const char *end = strstr(text + length, "\r\n");
            assert_non_null(end);
            length = (size_t)(end - text) + 2;
        } while (text[length] == ' ' || text[length] == '\t');
        header_append_raw(header, text, length);
        text += length;
    }
}

static char *written(const struct header *header)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    header_write(header, &out);
    return buf_take(&out);
}

/* The header section text, completed. The caller frees it. */
static char *complete(const char *text, const struct completion *with)
{
    struct header header;
    struct error err;

    parse(&header, text);
    if (!complete_header(&header, with, &err))
        fail_msg("%s", err.text);
    char *result = written(&header);
    header_free(&header);
    return result;
}

/* No line of a header section exceeds what RFC 5322 allows, and none is white
 * space only. */
static void assert_lines_fit(const char *text)
{
    for (const char *end; *text != '\0'; text = end + 2) {
        end = strstr(text, "\r\n");
        assert_non_null(end);
        assert_true(end - text <= 998);
        assert_true((size_t)(end - text) > strspn(text, " \t"));
    }
}

struct row {
    const char *given;
    const char *expected;
};

static void check(const struct row *rows, size_t count,
                  const struct completion *with)
{
    for (size_t i = 0; i < count; i++) {
        char *result = complete(rows[i].given, with);
        if (strcmp(result, rows[i].expected) != 0)
            fail_msg("row %zu\n-- given\n%s-- expected\n%s-- came\n%s", i,
                     rows[i].given, rows[i].expected, result);
        free(result);
    }
}

static const struct row missing[] = {
    { "", FROM DATE ID NOBODY },
    { "Subject: x\r\n", "Subject: x\r\n" FROM DATE ID NOBODY },
    { DONE_TO, DONE_TO FROM DATE ID },
    { "Cc: b@x\r\n" REST, "Cc: b@x\r\n" REST FROM },
    { "date : x\r\nmessage-id:\tx\r\nFROM: b@x.e\r\ncc: b@x\r\n",
      "date: x\r\nmessage-id: <x@web1.example.com>\r\nFROM: b@x.e\r\ncc: b@x\r\n" },
    /* present, but saying nothing */
    { "From:\r\nDate: \r\nMessage-ID: \r\n \r\nTo:\r\n",
      FROM DATE ID "To:\r\n" },
    { "From: \r\n" DONE_FROM REST DONE_TO, DONE_FROM REST DONE_TO },
    { "From :\r\nFrom:\r\n" REST DONE_TO,
      "From: alice@example.com\r\n" REST DONE_TO },
    /* a name that only starts alike */
    { "From-X: a\r\nTo-X: b\r\nXDate: c\r\n",
      "From-X: a\r\nTo-X: b\r\nXDate: c\r\n" FROM DATE ID NOBODY },
    /* resent fields are none of these, and have their own */
    { "Resent-From: a@x.e\r\nResent-To: b@x\r\n",
      "Resent-From: a@x.e\r\nResent-To: b@x\r\n" R_DATE R_ID
      FROM DATE ID NOBODY },
    { "X: y\r\nResent-To: b\r\n" DONE_FROM REST DONE_TO,
      "X: y\r\nResent-To: b@example.com\r\n" R_FROM R_DATE R_ID
      DONE_FROM REST DONE_TO },
    /* but others have resent this, who knows when */
    { "Received: x\r\nResent-To: b@x\r\n" DONE_FROM REST DONE_TO,
      "Received: x\r\nResent-To: b@x\r\n" DONE_FROM REST DONE_TO },
    { "Resent-To: a@x\r\nReceived: x\r\nResent-From: b@x.e\r\n" DONE_FROM REST,
      "Resent-To: a@x\r\n" R_FROM R_DATE R_ID "Received: x\r\n"
      "Resent-From: b@x.e\r\n" DONE_FROM REST NOBODY },
};

static void adds_what_is_missing(void **state)
{
    (void)state;
    check(missing, COUNT(missing), &plain);
}

static const struct row blind[] = {
    { "Bcc: b@x\r\n" DONE_FROM REST DONE_TO, DONE_FROM REST DONE_TO },
    { "BCC: b@x\r\n" DONE_FROM "bcc:\r\n" REST "bCc : c@x,\r\n d@x\r\n\te@x\r\n"
      DONE_TO, DONE_FROM REST DONE_TO },
    { "Bcc \t: b@x\r\n" DONE_FROM REST, DONE_FROM REST NOBODY },
    { "Resent-Bcc: b@x\r\nRESENT-BCC: b@x\r\n" DONE_FROM REST DONE_TO,
      R_FROM R_DATE R_ID DONE_FROM REST DONE_TO },
    { "Received: x\r\nResent-Bcc: b@x\r\n" DONE_FROM REST DONE_TO,
      "Received: x\r\n" DONE_FROM REST DONE_TO },
    { "X-Bcc: b@x\r\nBcc-X: c\r\n" DONE_FROM REST DONE_TO,
      "X-Bcc: b@x\r\nBcc-X: c\r\n" DONE_FROM REST DONE_TO },
    { "Bcc: not ( an address\r\n" DONE_FROM REST DONE_TO,
      DONE_FROM REST DONE_TO },
};

static void removes_bcc_always(void **state)
{
    struct completion gateway = plain;
    const struct row bare = { "bcc: b@x\r\nX: y\r\nResent-bcc: c\r\n",
                              "X: y\r\n" };

    (void)state;
    check(blind, COUNT(blind), &plain);
    gateway.gateway = true;
    check(&bare, 1, &gateway);
}

#define T(field) field REST DONE_TO
#define F(field) DONE_FROM REST field

static const struct row bare_addresses[] = {
    { T("From: root\r\n"), T("From: root@example.com\r\n") },
    { T("From: root (Cron Daemon)\r\n"),
      T("From: root@example.com (Cron Daemon)\r\n") },
    { T("From: Anacron <root>\r\n"),
      T("From: Anacron <root@example.com>\r\n") },
    { T("From: \"mdadm monitoring\" <root>\r\n"),
      T("From: \"mdadm monitoring\" <root@example.com>\r\n") },
    { T("From: <root>\r\n"), T("From: <root@example.com>\r\n") },
    { T("From : root\r\n"), T("From: root@example.com\r\n") },
    { T("FROM:root\r\n"), T("FROM:root@example.com\r\n") },
    { T("From:\r\n root\r\n"), T("From:\r\n root@example.com\r\n") },
    { T("From:  root \t\r\n"), T("From:  root@example.com \t\r\n") },
    { T("From: \"a b\" (c)\r\n"), T("From: \"a b\"@example.com (c)\r\n") },
    { T("From: =?utf-8?q?Caf=C3=A9?= <root>\r\n"),
      T("From: =?utf-8?q?Caf=C3=A9?= <root@example.com>\r\n") },
    { T("Sender: root\r\nFrom: a@x.e\r\n"),
      T("Sender: root@example.com\r\nFrom: a@x.e\r\n") },
    { F("To: bob, Eve <eve@y>,\r\n\tcarol (the (inner) root),\r\n  d@z\r\n"),
      F("To: bob@example.com, Eve <eve@y>,\r\n"
        "\tcarol@example.com (the (inner) root),\r\n  d@z\r\n") },
    { F("Cc: a\r\ncc: b\r\nReply-To: c\r\n"),
      F("Cc: a@example.com,\r\n b@example.com\r\n"
        "Reply-To: c@example.com\r\n") },
    { F("To: team: a, b@x, c;, d\r\n"),
      F("To: team: a@example.com, b@x, c@example.com;, d@example.com\r\n") },
    { F("To: team:;\r\n"), F("To: team:;\r\n") },
    { F("To: team: a\r\nTo: all: b;\r\nTo: c, d:\r\nTo: e\r\n"),
      F("To: team: a@example.com;,\r\n all: b@example.com;,\r\n"
        " c@example.com, d:;,\r\n e@example.com\r\n") },
    { F("To: , a,, b ,\r\n"), F("To: , a@example.com,, b@example.com ,\r\n") },
    { F(OLD "Resent-To: a\r\nResent-Cc: b\r\nTo: c\r\n"),
      F(OLD "Resent-To: a@example.com\r\nResent-Cc: b@example.com\r\n"
        "To: c@example.com\r\n") },
    { F(OLD "Resent-From: a\r\nResent-Sender: b\r\nResent-Reply-To: c\r\n"
        "To: c@x\r\n"),
      F(OLD "Resent-From: a@example.com\r\nResent-Sender: b@example.com\r\n"
        "Resent-Reply-To: c@example.com\r\nTo: c@x\r\n") },
    /* complete ones, and fields that are not for us, keep every octet */
    { F("To:  a@x ,\"B\"<b@y>\t,\r\n c @ z (d)\r\n"),
      F("To:  a@x ,\"B\"<b@y>\t,\r\n c @ z (d)\r\n") },
    { F("To: a@x\r\nX-Errors-To: root\r\nX-To: root\r\nSubject: root\r\n"),
      F("To: a@x\r\nX-Errors-To: root\r\nX-To: root\r\nSubject: root\r\n") },
    /* what is not an address list stays */
    { F("To: (no end\r\n"), F("To: (no end\r\n") },
    { F("To: a, <b\r\n"), F("To: a, <b\r\n") },
    { F("To: a@b@c\r\n"), F("To: a@b@c\r\n") },
    { F("To: \"open\r\n"), F("To: \"open\r\n") },
    { F("To: a\x01\r\n"), F("To: a\x01\r\n") },
    { T("From: <>\r\n"), T("From: <>\r\n") },
};

static void completes_bare_addresses_in_place(void **state)
{
    (void)state;
    check(bare_addresses, COUNT(bare_addresses), &plain);
}

static const struct row without_commas[] = {
    { F("To: a@x b@y\r\n"), F("To: a@x, b@y\r\n") },
    { F("To: A <a@x> (b) C <c@x>\"D\"<d>\r\n"),
      F("To: A <a@x> (b), C <c@x>,\"D\"<d@example.com>\r\n") },
    { F("To: G: a@x b@x (c) d@x;, e\r\n"),
      F("To: G: a@x, b@x (c), d@x;, e@example.com\r\n") },
    { F("To: A <a> Jr., b\r\n"),
      F("To: A <a@example.com> Jr., b@example.com\r\n") },
    { F("To: \"a@x\" <\"b@x\">\r\n"), F("To: \"a@x\" <b@x>\r\n") },
    { F("To: \"a@x\", \"b@x\" (c)\r\n"), F("To: a@x, b@x (c)\r\n") },
    { F("Reply-To: a@x.e b@x.e\r\n" DONE_TO),
      F("Reply-To: a@x.e, b@x.e\r\n" DONE_TO) },
    { T("From: \"a@x.e\"\r\n"), T("From: a@x.e\r\n") },
    /* Who does not get the message may have a name. */
    { F("Reply-To: a@x.e b\r\n" DONE_TO), F("Reply-To: a@x.e b\r\n" DONE_TO) },
    { F("To: Our Friends\r\n"), F("To: Our Friends\r\n") },
};

static const struct row recipients_without_commas[] = {
    { F("Cc: root  admin\r\n\tops\r\nTo: x@y\r\n"),
      F("Cc: root@example.com,  admin@example.com,\r\n\tops@example.com\r\n"
        "To: x@y\r\n") },
    { F("Reply-To: a@x.e b\r\n" DONE_TO), F("Reply-To: a@x.e b\r\n" DONE_TO) },
    { F(R_FROM R_DATE R_ID "Resent-To: a@x b\r\nTo: Our Friends\r\n"),
      F(R_FROM R_DATE R_ID "Resent-To: a@x, b@example.com\r\n"
        "To: Our Friends\r\n") },
};

static const struct row names_only[] = {
    { T("From: Al Smith\r\n"), T("From: Al Smith <alice@example.com>\r\n") },
    { T("From:\r\n Al\tJ. Smith \r\n"),
      T("From: \"Al J. Smith\" <alice@example.com>\r\n") },
    { T("From: \"Al Smith\"\r\n"),
      T("From: Al Smith <alice@example.com>\r\n") },
    { T("From: \"Al\" Smith\r\n"),
      T("From: \"\\\"Al\\\" Smith\" <alice@example.com>\r\n") },
    { T("From: Al \xc3\x9c\r\n"),
      T("From: =?UTF-8?B?QWwgw5w=?= <alice@example.com>\r\n") },
    /* An address, or what could be one. */
    { T("From: al\r\n"), T("From: al@example.com\r\n") },
    { T("From: Al a@x.e\r\n"), T("From: Al a@x.e\r\n") },
    { T("From: Al <\r\n"), T("From: Al <\r\n") },
    { T("From: Al, Bo Cy\r\n"), T("From: Al, Bo Cy\r\n") },
    { T("From: D\\al smith\r\n"), T("From: D\\al smith\r\n") },
    { T("Sender: Al Smith\r\n" DONE_FROM),
      T("Sender: Al Smith\r\n" DONE_FROM) },
};

static void adds_an_address_to_a_name(void **state)
{
    struct completion with = plain;
    const struct row same = { T("From: Al Smith\r\n"),
                              T("From: Al Smith\r\n") };
    const struct row resent = {
        R_FROM R_DATE R_ID "Resent-To: b@x\r\n" T("From: Al Smith\r\n"),
        R_FROM R_DATE R_ID "Resent-To: b@x\r\n" T("From: Al Smith\r\n") };

    (void)state;
    check(names_only, COUNT(names_only), &with);
    check(&resent, 1, &with);
    with.extracted = true;
    check(&resent, 1, &with);
    with.extracted = false;
    with.gateway = true;
    check(&same, 1, &with);
    with.gateway = false;
    with.sender = NULL;
    check(&same, 1, &with);
}

static const struct row authors[] = {
    { "From: Foo, Inc. <c@x.e>\r\n", "From: \"Foo, Inc.\" <c@x.e>\r\n" },
    { "Sender:\r\n A, B, C\r\n <c> (d)\r\n",
      "Sender: \"A, B, C\" <c> (d)\r\n" },
    { "From: ERROR: Al <c@x.e>\r\n", "From: \"ERROR: Al\" <c@x.e>\r\n" },
    { "Resent-From: A; B <@r:c@x.e>\r\nResent-Sender: A, B <c@x.e>\r\n",
      "Resent-From: \"A; B\" <@r:c@x.e>\r\n"
      "Resent-Sender: \"A, B\" <c@x.e>\r\n" },
    { "From: =?utf-8?Q?Foo,_B?= <c@x.e>\r\n",
      "From: =?utf-8?Q?Foo=2C_B?= <c@x.e>\r\n" },
    { "From: B, =?utf-8?Q?P=C3=A5l?= <c@x.e>\r\n",
      "From: \"B,\" =?utf-8?Q?P=C3=A5l?= <c@x.e>\r\n" },
    { "From: A, B < c@x.e >\r\n", "From: \"A, B\" < c@x.e >\r\n" },
    { "From: A, B <(<) b@x.e>\r\n", "From: \"A, B\" <(<) b@x.e>\r\n" },
    /* They are not names, or are right. */
    { "From: a@x.e, B <b@x.e>\r\n", "From: a@x.e, B <b@x.e>\r\n" },
    { "From: A <a>, B <b@x.e>\r\n", "From: A <a>, B <b@x.e>\r\n" },
    { "From: a, b@x.e\r\n", "From: a, b@x.e\r\n" },
    { "From: \"A, B\" <b@x.e>\r\n", "From: \"A, B\" <b@x.e>\r\n" },
    { "From: G: B <b@x.e>;\r\n", "From: G: B <b@x.e>;\r\n" },
    { "From: A, B\r\n", "From: A, B\r\n" },
    /* A domain that a program did not know. */
    { "From: a@\r\nSender: A <a@> \r\n", "From: a\r\nSender: A <a> \r\n" },
    { "From: A, B <a@>\r\n", "From: \"A, B\" <a>\r\n" },
    { "From: @\r\nSender: <@>\r\n", "From: @\r\nSender: <@>\r\n" },
    { "From: \"a@\"\r\nSender: a @\r\n", "From: \"a@\"\r\nSender: a @\r\n" },
    { "Reply-To: a@\r\n", "Reply-To: a@\r\n" },
    { "From: A, B <b@x.e\r\n", "From: A, B <b@x.e\r\n" },
    { "From: A, <b@x.e>\r\n", "From: \"A,\" <b@x.e>\r\n" },
    { "To: A, B <b@x.e>\r\n", "To: A, B <b@x.e>\r\n" },
};

static void mends_authors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(authors); i++) {
        const struct row *row = &authors[i];
        struct header header;
        parse(&header, row->given);
        complete_mend_authors(&header);
        char *result = written(&header);
        assert_string_equal(result, row->expected);
        free(result);
        header_free(&header);
    }
}

static void adds_commas(void **state)
{
    struct completion with = plain;
    const struct row same = { "To: a@x b@x\r\n", "To: a@x b@x\r\n" };

    (void)state;
    check(without_commas, COUNT(without_commas), &plain);
    with.extracted = true;
    check(recipients_without_commas, COUNT(recipients_without_commas), &with);
    with.gateway = true;
    check(&same, 1, &with);
}

static void removes_what_an_earlier_delivery_left(void **state)
{
    struct completion gateway = plain;
    const struct row left[] = {
        { "return-path: <>\r\n" DONE_FROM REST "Content-length : 5\r\n"
          "Return-Path: <a@x>\r\n" DONE_TO, DONE_FROM REST DONE_TO },
        /* a trace field all the same */
        { "Return-Path: <>\r\nResent-To: b@x\r\n" DONE_FROM REST DONE_TO,
          "Resent-To: b@x\r\n" DONE_FROM REST DONE_TO },
    };
    const struct row bare = { "Return-Path: <>\r\nX: y\r\n", "X: y\r\n" };

    (void)state;
    check(left, COUNT(left), &plain);
    gateway.gateway = true;
    check(&bare, 1, &gateway);
}

static const struct {
    const char *full_name;
    const char *from;
} names[] = {
    { "Alice Liddell",   "From: Alice Liddell <alice@example.com>\r\n" },
    { "Liddell, Alice",  "From: \"Liddell, Alice\" <alice@example.com>\r\n" },
    { "\"Reminder Service\"",
      "From: Reminder Service <alice@example.com>\r\n" },
    { "",                "From: alice@example.com\r\n" },
    { "  ",              "From: alice@example.com\r\n" },
    { "\"\"",            "From: alice@example.com\r\n" },
};

static void takes_the_full_name_for_from(void **state)
{
    struct completion with = plain;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        with.full_name = names[i].full_name;
        char *result = complete(REST DONE_TO, &with);
        char *expected = alloc_format("%s%s", REST DONE_TO, names[i].from);
        assert_string_equal(result, expected);
        free(result);
        free(expected);
    }
    with.full_name = "Caf\xc3\xa9";
    char *result = complete(REST DONE_TO, &with);
    assert_non_null(strstr(result, "\r\nFrom: =?"));
    assert_non_null(strstr(result, "?= <alice@example.com>\r\n"));
    assert_true(text_is_ascii(result, strlen(result)));
    free(result);

    /* No injection, and no line that is refused. */
    with.full_name = "Eve\r\nBcc: victim@x";
    result = complete(REST DONE_TO, &with);
    assert_null(strstr(result, "\nBcc"));
    free(result);
    char *endless = alloc_zero(5001, 1);
    memset(endless, 'a', 5000);
    with.full_name = endless;
    result = complete(REST DONE_TO, &with);
    assert_non_null(strstr(result, "alice@example.com"));
    assert_lines_fit(result);
    free(result);
    free(endless);
}

static void adds_no_from_without_a_sender(void **state)
{
    struct completion with = plain;
    const struct row row = { REST DONE_TO, REST DONE_TO };

    (void)state;
    with.sender = NULL;
    check(&row, 1, &with);
}

#define SHOP "From: Example Shop <shop@example.com>\r\n"

static const struct row ruled[] = {
    { T("From: www-data\r\n"), T(SHOP) },
    { T("From: <a@x.e>\r\n"), T(SHOP) },
    { T("From:a@x.e\r\n"), T("From:Example Shop <shop@example.com>\r\n") },
    { T("From: Al <a@x.e>\r\n"), T("From: Al <shop@example.com>\r\n") },
    { T("From: \"Al, B\"\r\n <a@x.e>\r\n"),
      T("From: \"Al, B\"\r\n <shop@example.com>\r\n") },
    { T("From: a@x.e (Al)\r\n"), T("From: shop@example.com (Al)\r\n") },
    { T("From: root (Cron Daemon)\r\n"),
      T("From: shop@example.com (Cron Daemon)\r\n") },
    { T("From: Al <@r1,@r2:a@x.e>\r\n"), T("From: Al <shop@example.com>\r\n") },
    { T("From: Al <a@x.e>, b@y.e,\r\n C <c>\r\nSender: a@x.e\r\n"),
      T("From: Al <shop@example.com>\r\n"
        "Sender: Example Shop <shop@example.com>\r\n") },
    { T("From: a@x.e, Al <b@y.e>\r\n"), T(SHOP) },
    { T("From: G: Al <a@x.e>, b@y.e;\r\n"), T(SHOP) },
    { T("From: Al Smith\r\n"), T("From: Al Smith <shop@example.com>\r\n") },
    { T("From: shop@example.com\r\n"), T(SHOP) },
    { REST DONE_TO, REST DONE_TO SHOP },
    { T("From:\r\n"), T(SHOP) },
    /* others speak for themselves */
    { T(OLD "Reply-To: a@x.e\r\nCc: a@x\r\nResent-From: a@x.e\r\n" SHOP),
      T(OLD "Reply-To: a@x.e\r\nCc: a@x\r\nResent-From: a@x.e\r\n" SHOP) },
};

static void applies_the_rule_to_from_and_sender(void **state)
{
    struct completion with = plain;
    const struct row unnamed[] = {
        { T("From: a@x.e\r\n"), T("From: shop@example.com\r\n") },
        { T("From: <a@x.e>\r\n"), T("From: <shop@example.com>\r\n") },
        { REST DONE_TO, REST DONE_TO "From: shop@example.com\r\n" },
    };
    const struct row named = {
        REST DONE_TO, REST DONE_TO "From: Al <shop@example.com>\r\n"
    };
    const struct row gateway = { "From: a@x.e\r\nTo: b\r\n", SHOP "To: b\r\n" };

    (void)state;
    with.rule_address = "shop@example.com";
    with.rule_name = "Example Shop";
    check(ruled, COUNT(ruled), &with);
    with.gateway = true;
    check(&gateway, 1, &with);
    with.gateway = false;
    with.rule_name = NULL;
    check(unnamed, COUNT(unnamed), &with);
    with.full_name = "Al";
    check(&named, 1, &with);
    with.rule_name = "Example Shop";
    check(&named, 1, &with);
}

static void makes_no_line_too_long(void **state)
{
    struct completion with = plain;
    struct buf field;
    char *address = alloc_zero(255, 1);

    (void)state;
    memset(address, 'd', 254);
    memcpy(address + 1, "@d", 2);
    address[190] = address[120] = address[60] = '.';
    with.rule_address = address;
    with.rule_name = "Example Shop";
    for (size_t width = 970; width < 995; width++) {
        const char *fillers[] = { " ", "x", "," };
        for (size_t i = 0; i < COUNT(fillers); i++) {
            buf_init(&field, SIZE_MAX);
            buf_add_text(&field, "From: ");
            if (i == 2)
                buf_add_text(&field, "a@b");
            while (field.length + 6 < width)
                buf_add_text(&field, fillers[i]);
            if (i == 1)
                buf_add_char(&field, ' ');
            if (i != 2)
                buf_add_text(&field, "<a@b>");
            buf_add_text(&field, "\r\n" REST DONE_TO);
            char *result = complete(field.data, &with);
            assert_lines_fit(result);
            assert_non_null(strstr(result, address));
            free(result);
            buf_free(&field);
        }
    }
    free(address);
}

static void folds_between_many_bare_addresses(void **state)
{
    struct mailbox_list list = { 0 };
    struct flaws flaws = { 0 };
    struct header header;
    struct error err;
    struct buf field;

    (void)state;
    buf_init(&field, SIZE_MAX);
    buf_add_text(&field, DONE_FROM REST "To: a");
    while (field.length < 900)
        buf_add_text(&field, ",u");
    buf_add_text(&field, "\r\n");
    parse(&header, field.data);
    complete_recipients(&header, &list, &flaws);
    assert_int_equal(flaws.texts.count, 0);
    size_t count = list.count;
    mailbox_list_free(&list);

    assert_true(complete_header(&header, &plain, &err));
    char *result = written(&header);
    assert_lines_fit(result);
    complete_recipients(&header, &list, &flaws);
    assert_int_equal(flaws.texts.count, 0);
    assert_int_equal(list.count, count);
    for (size_t i = 1; i < list.count; i++)
        assert_string_equal(list.items[i].address, "u@example.com");
    mailbox_list_free(&list);
    free(result);
    header_free(&header);
    buf_free(&field);
}

static void completes_a_very_big_header(void **state)
{
    struct header header = { 0 };
    struct error err;

    (void)state;
    for (size_t i = 0; i < 10000; i++) {
        const char *fields[] = {
            "Errors-To: a, b\r\n", "Bcc: c\r\n", "X: y\r\n",
        };
        header_append_raw(&header, fields[i % 3], strlen(fields[i % 3]));
    }
    struct buf big;
    buf_init(&big, SIZE_MAX);
    buf_add_text(&big, "Cc: a");
    while (big.length < 1 << 20)
        buf_add_text(&big, ",\r\n bob");
    buf_add_text(&big, "\r\n");
    header_append_raw(&header, big.data, big.length);
    buf_free(&big);

    assert_true(complete_header(&header, &plain, &err));
    assert_int_equal(header_count(&header, "Bcc"), 0);
    assert_string_equal(header.fields[0].text,
                        "Errors-To: a@example.com, b@example.com\r\n");
    assert_true(header.fields[header_find(&header, "Cc", 0)].length > 5 << 19);
    header_free(&header);
}

static void keeps_nul_octets(void **state)
{
    const char text[] = "To: a (x\0y), b\r\n";
    struct header header = { 0 };
    struct error err;

    (void)state;
    header_append_raw(&header, text, sizeof(text) - 1);
    assert_true(complete_header(&header, &plain, &err));
    const char *end = header.fields[0].text + header.fields[0].length;
    assert_memory_equal(end - 2, "\r\n", 2);
    /* Whether it counts as an address list or not: no octet is lost. */
    assert_non_null(memchr(header.fields[0].text, '\0',
                           header.fields[0].length));
    header_free(&header);
}

static void stops_loops(void **state)
{
    struct header header = { 0 };
    struct error err;

    (void)state;
    for (size_t i = 0; i < COMPLETE_RECEIVED_MAX; i++)
        header_append(&header, i % 2 == 0 ? "Received" : "RECEIVED", "x");
    assert_true(complete_header(&header, &plain, &err));
    header_append(&header, "Received", "x");
    header_append(&header, "Bcc", "x");
    assert_false(complete_header(&header, &plain, &err));
    assert_int_equal(err.fault, FAULT_UNAVAILABLE);
    assert_non_null(strstr(err.text, "too many hops"));
    assert_true(header_has(&header, "Bcc"));
    header_free(&header);
}

static const struct row original[] = {
    { "bob@x.example", "X-Original-To: bob@x.example\r\n" },
    { "aaaaaaaaaaaaaaaaaaaa@x.example, bbbbbbbbbbbbbbbbbbbb@x.example, "
      "cccccccccccccccccccccccc@x.example, d@x",
      /* 78 octets just fit */
      "X-Original-To: aaaaaaaaaaaaaaaaaaaa@x.example, "
      "bbbbbbbbbbbbbbbbbbbb@x.example,\r\n"
      " cccccccccccccccccccccccc@x.example, d@x\r\n" },
    { "\"a  b\"@x, c@x", "X-Original-To: \"a  b\"@x, c@x\r\n" },
    { " a@x\r\nBcc: b@x ", "X-Original-To: a@x  Bcc: b@x\r\n" },
};

static void adds_the_original_recipients(void **state)
{
    struct completion with = plain;

    (void)state;
    for (size_t i = 0; i < COUNT(original); i++) {
        with.original_to = original[i].given;
        char *result = complete(DONE_FROM REST DONE_TO, &with);
        assert_string_equal(result + strlen(DONE_FROM REST DONE_TO),
                            original[i].expected);
        free(result);
    }
}

static void a_gateway_adds_and_completes_nothing(void **state)
{
    struct completion with = plain;
    const struct row rows[] = {
        { "", "" },
        { "From: root\r\nTo:\r\nSubject: x\r\n",
          "From: root\r\nTo:\r\nSubject: x\r\n" },
        { "Resent-To: a\r\nResent-Bcc: b\r\n", "Resent-To: a\r\n" },
    };

    (void)state;
    with.gateway = true;
    check(rows, COUNT(rows), &with);
    with.extracted = true;
    check(rows, COUNT(rows), &with);
}

static const struct row resent[] = {
    { DONE_FROM REST DONE_TO, DONE_FROM REST DONE_TO },
    { "Resent-To: b\r\n" DONE_FROM REST DONE_TO,
      "Resent-To: b@example.com\r\n" R_FROM R_DATE R_ID
      DONE_FROM REST DONE_TO },
    { "Received: 1\r\nResent-From: c@y.e\r\nResent-To: b@x\r\n" DONE_FROM REST,
      "Received: 1\r\nResent-From: c@y.e\r\nResent-To: b@x\r\n" R_DATE R_ID
      DONE_FROM REST },
    { "Resent-Bcc: b@x\r\n" DONE_FROM REST DONE_TO,
      R_FROM R_DATE R_ID DONE_FROM REST DONE_TO },
    { "Resent-Bcc: b@x\r\n" DONE_FROM REST,
      R_FROM R_DATE R_ID DONE_FROM REST NOBODY },
    { "Resent-Date:\r\nResent-To: b@x\r\n" DONE_FROM REST,
      R_DATE "Resent-To: b@x\r\n" R_FROM R_ID DONE_FROM REST },
    /* an older block does not serve */
    { "Resent-To: new@x\r\nReceived: 1\r\nResent-From: old@x.e\r\n"
      "Resent-Date: 1\r\nResent-Message-ID: <1>\r\n" DONE_FROM REST,
      "Resent-To: new@x\r\n" R_FROM R_DATE R_ID "Received: 1\r\n"
      "Resent-From: old@x.e\r\nResent-Date: 1\r\nResent-Message-ID: <1>\r\n"
      DONE_FROM REST },
};

static void completes_the_resent_block(void **state)
{
    struct completion with = plain;

    (void)state;
    with.extracted = true;
    check(resent, COUNT(resent), &with);
}

/* A field that programs show, whatever the grammar makes of it. */
static const struct row unreadable[] = {
    { "From: CEO <ceo@x\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From: ceo@x>\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From: CEO ceo@x\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From:CEO <ceo@x> (\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From: CEO <ceo@x> ceo at x\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From: ceo@x ceo@y\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From: (ceo@x)\r\n", "From: Shop <shop@example.com>\r\n" },
    { "From: ceo.x:;\r\n", "From: Shop <shop@example.com>\r\n" },
    { DONE_FROM "Sender: ceo@x@y\r\n", "From: Al <shop@example.com>\r\n"
      "Sender: Shop <shop@example.com>\r\n" },
    { DONE_FROM "Sender: \r\n",
      "From: Al <shop@example.com>\r\nSender: \r\n" },
    { DONE_FROM "Reply-To: ceo@x>\r\n",
      "From: Al <shop@example.com>\r\nReply-To: ceo@x>\r\n" },
};

static void lets_nothing_unreadable_escape_a_rule(void **state)
{
    struct completion with = plain;

    (void)state;
    with.gateway = true;
    with.rule_address = "shop@example.com";
    with.rule_name = "Shop";
    check(unreadable, COUNT(unreadable), &with);
}

static const struct row resent_ruled[] = {
    { "Resent-From: Al <a@x.e>\r\nResent-Sender: a@x.e\r\nResent-Date: 1\r\n"
      "Resent-Message-ID: <1>\r\nReceived: 1\r\nResent-From: old@x.e\r\n"
      DONE_FROM REST DONE_TO,
      "Resent-From: Al <shop@example.com>\r\n"
      "Resent-Sender: shop@example.com\r\n"
      "Resent-Date: 1\r\nResent-Message-ID: <1>\r\nReceived: 1\r\n"
      "Resent-From: old@x.e\r\n" DONE_FROM REST DONE_TO },
    { "Resent-To: a@x\r\nResent-Date: 1\r\nResent-Message-ID: <1>\r\n"
      DONE_FROM REST,
      "Resent-To: a@x\r\nResent-Date: 1\r\nResent-Message-ID: <1>\r\n"
      "Resent-From: shop@example.com\r\n" DONE_FROM REST },
};

static void applies_the_rule_to_who_resends(void **state)
{
    struct completion with = plain;
    const struct row not_resent = {
        DONE_FROM REST DONE_TO,
        "From: Al <shop@example.com>\r\n" REST DONE_TO
    };

    (void)state;
    with.extracted = true;
    with.rule_address = "shop@example.com";
    check(resent_ruled, COUNT(resent_ruled), &with);
    check(&not_resent, 1, &with);
}

static const struct {
    const char *given;
    size_t first;
    size_t end;
} blocks[] = {
    { "", 0, 0 },
    { "To: a\r\n", 1, 1 },
    { "Resent-To: a\r\n", 0, 1 },
    { "X: y\r\nresent-to : a\r\nTo: b\r\nResent-Cc: c\r\nX: y\r\n", 1, 4 },
    { "Resent: a\r\nResent-: b\r\n", 2, 2 },
    { "Received: 1\r\nResent-To: a\r\nReceived: 2\r\nResent-Cc: b\r\n", 1, 2 },
    { "Resent-To: a\r\nReturn-Path: <>\r\nResent-Cc: b\r\n", 0, 1 },
    { "Resent-From: a\r\nResent-To: b\r\nResent-From: c\r\nResent-To: d\r\n",
      0, 2 },
    { "Resent-Date: a\r\nResent-Date: b\r\n", 0, 1 },
    { "Resent-Message-ID: a\r\nResent-X: b\r\nResent-Message-ID: c\r\n", 0, 2 },
    { "Resent-Sender: a\r\nResent-Cc: b\r\nResent-Sender: c\r\n", 0, 2 },
    { "Resent-To: a\r\nResent-To: b\r\nResent-To: c\r\n", 0, 3 },
    { "Resent-To: a\r\nResent-Cc: b\r\nResent-To: c\r\n", 0, 2 },
    { "Resent-To: a\r\nResent-Bcc: b\r\nResent-Bcc: c\r\nResent-Date: d\r\n"
      "Resent-Bcc: e\r\n", 0, 4 },
};

static void finds_the_most_recent_resent_block(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        struct header header;
        parse(&header, blocks[i].given);
        struct resent_block block = complete_resent_block(&header);
        if (block.first != blocks[i].first || block.end != blocks[i].end)
            fail_msg("row %zu: %zu to %zu", i, block.first, block.end);
        header_free(&header);
    }
}

static const struct row recipients[] = {
    { "", "" },
    { "To:\r\nCc: \r\nBcc:\r\n", "" },
    { "To: a@x\r\nCc: b@x, C <c@x>\r\nBcc: d\r\n", "a@x b@x c@x d" },
    { "to: a@x\r\nTO : b@x\r\nbcc:\r\n c@x,\r\n\td@x\r\nBcc: e@x\r\n",
      "a@x b@x c@x d@x e@x" },
    { "Apparently-To: a@x\r\n", "" },
    { "From: f@x.e\r\nReply-To: r@x.e\r\nX-To: x@x\r\nTo: team: a@x, b;\r\n",
      "a@x b" },
    { "Resent-To: a@x\r\nTo: b@x\r\nCc: c@x\r\nBcc: d@x\r\n", "a@x" },
    { "Resent-From: f@x.e\r\nResent-To: a@x\r\nResent-Cc: b@x\r\n"
      "Resent-Bcc: c@x\r\nTo: d@x\r\n", "a@x b@x c@x" },
    { "Resent-To: a@x\r\nReceived: 1\r\nResent-To: old@x\r\nTo: b@x\r\n",
      "a@x" },
    { "Resent-From: f@x.e\r\nTo: a@x\r\n", "" },
};

static void collects_recipients(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(recipients); i++) {
        struct mailbox_list list = { 0 };
        struct flaws flaws = { 0 };
        struct header header;
        struct buf found;

        parse(&header, recipients[i].given);
        complete_recipients(&header, &list, &flaws);
        if (flaws.texts.count > 0)
            fail_msg("row %zu: %s", i, flaws.reasons.items[0]);
        buf_init(&found, SIZE_MAX);
        for (size_t k = 0; k < list.count; k++)
            buf_add_format(&found, "%s%s", k > 0 ? " " : "",
                           list.items[k].address);
        assert_string_equal(found.data, recipients[i].expected);
        buf_free(&found);
        mailbox_list_free(&list);
        header_free(&header);
    }
}

static const struct {
    const char *given;
    const char *name;
    const char *shown;
} refused[] = {
    { "To: fine@x\r\nCc: two. words\r\n",  "Cc: ",           "two. words" },
    { "bcc: <b@x\r\n",                     "Bcc: ",          "b@x" },
    { "Resent-Cc: a@b@c\r\nTo: x@y\r\n",   "Resent-Cc: ",    "a@b@c" },
};

static void names_field_and_text_that_is_no_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct mailbox_list list = { 0 };
        struct flaws flaws = { 0 };
        struct header header;

        parse(&header, refused[i].given);
        complete_recipients(&header, &list, &flaws);
        assert_int_equal(flaws.texts.count, 1);
        const char *why = flaws.reasons.items[0];
        if (strncmp(why, refused[i].name, strlen(refused[i].name)) != 0
            || strstr(why, refused[i].shown) == NULL)
            fail_msg("row %zu: %s", i, why);
        flaws_free(&flaws);
        mailbox_list_free(&list);
        header_free(&header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_what_is_missing),
        cmocka_unit_test(removes_bcc_always),
        cmocka_unit_test(completes_bare_addresses_in_place),
        cmocka_unit_test(adds_commas),
        cmocka_unit_test(adds_an_address_to_a_name),
        cmocka_unit_test(mends_authors),
        cmocka_unit_test(removes_what_an_earlier_delivery_left),
        cmocka_unit_test(takes_the_full_name_for_from),
        cmocka_unit_test(adds_no_from_without_a_sender),
        cmocka_unit_test(applies_the_rule_to_from_and_sender),
        cmocka_unit_test(makes_no_line_too_long),
        cmocka_unit_test(folds_between_many_bare_addresses),
        cmocka_unit_test(completes_a_very_big_header),
        cmocka_unit_test(keeps_nul_octets),
        cmocka_unit_test(stops_loops),
        cmocka_unit_test(adds_the_original_recipients),
        cmocka_unit_test(a_gateway_adds_and_completes_nothing),
        cmocka_unit_test(completes_the_resent_block),
        cmocka_unit_test(lets_nothing_unreadable_escape_a_rule),
        cmocka_unit_test(applies_the_rule_to_who_resends),
        cmocka_unit_test(finds_the_most_recent_resent_block),
        cmocka_unit_test(collects_recipients),
        cmocka_unit_test(names_field_and_text_that_is_no_address),
    };
    setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
