#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "smtp/advice.h"
#include "smtp/reply.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/text.h"

#define OPEN (NO_LOGIN | LOGIN_OPEN)
#define OFF (NO_LOGIN | LOGIN_OFF)
#define PASSWORD (IN_TLS | LOGIN_DONE | BY_PASSWORD)
#define TOKEN (IN_TLS | LOGIN_DONE | BY_TOKEN)
#define OAUTH (TOKEN | BY_OAUTH)
#define MEMBER (IN_TLS | LOGIN_DONE)

#define SENDER "send from an address of the account: sender \"*\""
#define DOMAIN "send from a domain that the DNS knows"
#define LISTED "the address that this machine has on the Internet is on a block"
#define CHECK_PASSWORD "check user and password"
#define WAYS_OUT \
    "let its administrator enable authenticated SMTP (SMTP AUTH) for this " \
    "mailbox, or send by a connector of the organisation (port = 25, auth = " \
    "none, and a certificate or an address that it knows), or use another " \
    "smarthost"
#define OAUTH_ONLY \
    "it takes no passwords: set oauth in their place, as " \
    "postrider-examples(7) has it, or " WAYS_OUT

/* Replies of Microsoft, Google, Amazon, Yahoo, Apple, Yandex, SendGrid, Zoho,
 * 163, Postfix, Exim and sendmail, and what looks like them. */
static const struct {
    enum advice_command command;
    unsigned facts;
    const char *lines;          /* LF between them */
    const char *detail;         /* NULL: none */
    const char *advice;         /* how it begins; NULL: there is none */
} cases[] = {
    /* TLS. */
    { AT_MAIL, IN_CLEAR | OFF, "530 5.7.0 Must issue a STARTTLS command first",
      NULL, "set tls = starttls" },
    { AT_MAIL, IN_CLEAR | OFF, "530 Must issue a STARTTLS command first", NULL,
      "set tls = starttls" },
    { AT_MAIL, IN_CLEAR | OFF, "550 5.7.1 Use STARTTLS", NULL,
      "set tls = starttls" },
    { AT_MAIL, IN_CLEAR | OFF, "450 4.7.1 Session encryption is required",
      NULL, "set tls = starttls" },
    { AT_MAIL, MEMBER, "530 5.7.0 Must issue a STARTTLS command first", NULL,
      NULL },
    { AT_AUTH, IN_CLEAR | LOGIN_DONE | BY_PASSWORD,
      "538 5.7.11 Encryption required for requested authentication mechanism",
      NULL, "set tls = starttls or implicit" },
    { AT_AUTH, IN_CLEAR | LOGIN_DONE | BY_PASSWORD, "538 no", NULL,
      "set tls = starttls or implicit" },
    { AT_AUTH, IN_CLEAR | LOGIN_DONE | BY_PASSWORD,
      "538 5.7.0 STARTTLS first", NULL, "set tls = starttls" },
    { AT_AUTH, IN_CLEAR | LOGIN_DONE | BY_PASSWORD,
      "535 Plaintext authentication disallowed on non-secure connections",
      NULL, "set tls = starttls or implicit" },
    { AT_AUTH, PASSWORD, "538 5.7.11 Encryption required", NULL, NULL },
    { AT_MAIL, IN_CLEAR | OFF, "550 5.1.8 <a@starttls.example>: unknown", NULL,
      DOMAIN },

    /* A login. */
    { AT_MAIL, IN_TLS | OPEN, "530 5.7.0 Authentication Required. For more "
      "information, go to\nhttps://support.google.com/a/answer/3221692", NULL,
      "set user and password_file" },
    { AT_MAIL, IN_TLS | OFF, "530 Authentication required", NULL,
      "set auth = auto, user and password_file" },
    { AT_MAIL, IN_CLEAR | OFF, "530 5.7.0 authentication required", NULL,
      "set tls = starttls or implicit, auth = auto, user and password_file" },
    { AT_MAIL, IN_CLEAR | OPEN, "530 5.7.1 go away", NULL,
      "set tls = starttls if it wants TLS, and user and password_file" },
    { AT_MAIL, IN_TLS | OPEN, "530 5.7.57 Client not authenticated to send "
      "mail. [DU2PR01CA0081.eurprd01.prod.exchangelabs.com]", NULL,
      "set user and password_file" },
    { AT_MAIL, IN_TLS | OPEN, "550 Unauthenticated senders not allowed", NULL,
      "set user and password_file" },
    { AT_MAIL, MEMBER, "530 5.7.0 go away", NULL, NULL },
    { AT_MAIL, IN_TLS | OFF, "550 5.7.1 no", NULL, NULL },
    { AT_RCPT, IN_TLS | OFF, "554 5.7.1 <bob@b.example>: Relay access denied",
      NULL, "it relays for known senders only" },
    { AT_RCPT, IN_TLS | OPEN, "554 5.7.1 <bob@b.example>: Relay access denied",
      NULL, "set user and password_file, or auth = none" },
    { AT_RCPT, IN_TLS | OFF, "550 relay not permitted", NULL,
      "it relays for known senders only" },
    { AT_RCPT, IN_TLS | OFF, "454 4.7.1 <b@b.example>: Relay access denied",
      NULL, "it relays for known senders only" },
    { AT_RCPT, IN_TLS | OFF, "550 5.7.1 <b@b.example>... Relaying denied. "
      "Proper authentication required.", NULL, "set auth = auto, user" },
    { AT_RCPT, MEMBER, "550 5.7.1 relaying denied", NULL,
      "it does not relay for this account" },
    { AT_RCPT, IN_TLS | OFF, "550 5.7.1 smtp-relay.example: refused", NULL,
      NULL },
    { AT_RCPT, IN_TLS | OFF, "550 5.7.1 smtp-relay refuses this", NULL, NULL },
    { AT_MAIL, MEMBER, "452 4.3.1 smtp-relay.example: full", NULL, NULL },

    /* Microsoft's. */
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, "
      "SmtpClientAuthentication is disabled for the Tenant. Visit "
      "https://aka.ms/smtp_auth_disabled for more information. "
      "[MN2PR05CA0004.namprd05.prod.outlook.com]", NULL,
      WAYS_OUT },
    { AT_AUTH, TOKEN, "535 5.7.139 Authentication unsuccessful, "
      "SmtpClientAuthentication is disabled for the Tenant.", NULL,
      WAYS_OUT },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, "
      "SmtpClientAuthentication is disabled for the Mailbox.", NULL,
      WAYS_OUT },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, user is "
      "locked by your organization's security defaults policy. Contact your "
      "administrator.", NULL, "the security defaults of the organisation" },
    { AT_AUTH, TOKEN, "535 5.7.139 Authentication unsuccessful, user is "
      "locked by your organization's security defaults policy.", NULL,
      WAYS_OUT },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, user is "
      "locked.", NULL, "the account is locked" },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, basic "
      "authentication is disabled. [PN0PR01CA0024.PROD.OUTLOOK.COM]", NULL,
      OAUTH_ONLY },
    { AT_AUTH, TOKEN, "535 5.7.139 Authentication unsuccessful, basic "
      "authentication is disabled.", NULL, WAYS_OUT },
    { AT_AUTH, PASSWORD, "550 5.7.30 Basic authentication is not supported "
      "for Client Submission.", NULL, OAUTH_ONLY },
    { AT_AUTH, OAUTH, "550 5.7.30 Basic authentication is not supported for "
      "Client Submission.", NULL, WAYS_OUT },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, the request "
      "did not meet the criteria to be authenticated successfully. Contact "
      "your administrator.", NULL, "a policy of the organisation" },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful, the user "
      "credentials were incorrect.", NULL, CHECK_PASSWORD },
    { AT_AUTH, PASSWORD, "535 5.7.139 Authentication unsuccessful", NULL,
      WAYS_OUT },
    { AT_AUTH, OAUTH, "535 5.7.139 Authentication unsuccessful", NULL,
      WAYS_OUT },
    { AT_AUTH, OAUTH, "535 5.7.3 Authentication unsuccessful", NULL, NULL },
    { AT_AUTH, OAUTH, "535 5.7.8 no", "status 403", "the access token is not "
      "for this: set scope" },
    { AT_AUTH, PASSWORD, "535 5.7.3 Authentication unsuccessful", NULL,
      CHECK_PASSWORD },

    /* Passwords of others. */
    { AT_AUTH, PASSWORD, "535 5.7.8 Username and Password not accepted. For "
      "more information, go to\n5.7.8 "
      "https://support.google.com/mail/?p=BadCredentials", NULL,
      CHECK_PASSWORD },
    { AT_AUTH, PASSWORD, "534 5.7.9 Application-specific password required. "
      "Learn more at\nhttps://support.google.com/mail/?p=InvalidSecondFactor",
      NULL, "make an app password" },
    { AT_AUTH, PASSWORD, "534 5.7.9 Authentication mechanism is too weak",
      NULL, "set another auth" },
    { AT_AUTH, PASSWORD | AUTH_CHOSEN, "534 5.7.9 Authentication mechanism is "
      "too weak", NULL, "set auth = auto" },
    { AT_AUTH, PASSWORD, "534 5.7.14 <https://accounts.google.com/signin> "
      "Please log in via your web browser and\nthen try again.", NULL,
      "log in to the account once with a browser" },
    { AT_AUTH, PASSWORD, "535 Authentication Credentials Invalid", NULL,
      CHECK_PASSWORD },
    { AT_AUTH, PASSWORD, "535 5.7.8 Error: authentication failed: This user "
      "does not have access rights to this service", NULL, "enable SMTP" },
    { AT_AUTH, PASSWORD, "535 Login Fail. Please enter your authorization code "
      "to login.", NULL, "use the authorization code" },
    { AT_AUTH, PASSWORD, "526 Authentication failure[0]", NULL,
      "check user and password" },
    { AT_AUTH, PASSWORD, "550 User has no permission", NULL,
      "enable SMTP for other programs" },
    { AT_AUTH, PASSWORD, "535 5.7.0 Too many login attempts, try again later",
      NULL, NULL },
    { AT_AUTH, PASSWORD, "454 4.7.0 Temporary authentication failure", NULL,
      NULL },
    { AT_AUTH, PASSWORD, "535 5.7.8 limit.example: authentication failed",
      NULL, CHECK_PASSWORD },
    { AT_AUTH, PASSWORD | AUTH_CHOSEN, "504 5.5.4 Unrecognized authentication "
      "type", NULL, "set auth = auto" },
    { AT_AUTH, PASSWORD, "504 5.5.4 Unrecognized authentication type", NULL,
      NULL },
    { AT_AUTH, TOKEN, "535 5.7.8 no", "status 401", "the access token may" },
    { AT_AUTH, TOKEN, "535 5.7.8 no", "status invalid_token",
      "the access token may have expired" },
    { AT_AUTH, TOKEN, "535 5.7.8 no", "status insufficient_scope",
      "the access token is not for this" },
    { AT_AUTH, TOKEN, "535 5.7.3 Authentication unsuccessful", NULL,
      "the access token may have expired" },
    { AT_AUTH, IN_TLS | LOGIN_DONE | BY_CERTIFICATE, "535 5.7.8 no", NULL,
      "check tls_cert_file and user" },

    /* What this machine is called, and where it is. */
    { AT_EHLO, IN_CLEAR, "501 Syntactically invalid HELO argument(s)", NULL,
      "set hostname" },
    { AT_EHLO, IN_CLEAR, "501 5.5.4 HELO/EHLO argument \"a\" invalid, closing "
      "connection.", NULL, "set hostname" },
    { AT_EHLO, IN_CLEAR, "421 4.7.0 Try again later, closing connection. "
      "(EHLO)", NULL, "set hostname" },
    { AT_EHLO, IN_CLEAR, "550 5.7.1 go away", NULL, NULL },
    { AT_HELO, IN_CLEAR, "504 5.5.2 need fully-qualified hostname", NULL,
      "set hostname" },
    { AT_RCPT, IN_TLS | OFF, "504 5.5.2 <box>: Helo command rejected: need "
      "fully-qualified hostname", NULL, "set hostname" },
    { AT_RCPT, MEMBER, "450 4.7.1 <box.example>: Helo command rejected: Host "
      "not found", NULL, "set hostname" },
    { AT_MAIL, IN_TLS | OFF, "503 5.5.1 Error: send HELO/EHLO first", NULL,
      NULL },
    { AT_RCPT, IN_TLS | OPEN, "554 5.7.1 Service unavailable; Client host "
      "[192.0.2.7] blocked using zen.spamhaus.org; "
      "https://www.spamhaus.org/query/ip/192.0.2.7", NULL, LISTED },
    { AT_GREETING, IN_CLEAR | OFF | TO_PORT_25, "554 5.7.1 Your IP 192.0.2.7 "
      "is on a blacklist", NULL, LISTED },
    { AT_DATA, MEMBER, "550 5.7.606 Access denied, banned sending IP "
      "[192.0.2.7]", NULL, LISTED },
    { AT_RCPT, MEMBER, "554 5.7.1 Service unavailable; Sender address "
      "[a@a.example] blocked using dbl.spamhaus.org", NULL, NULL },
    { AT_DATA, MEMBER, "554 5.7.1 a URL in it is on a blacklist", NULL, NULL },
    { AT_GREETING, IN_CLEAR | OFF, "554 5.3.2 no service", NULL, "its reply" },
    { AT_GREETING, IN_CLEAR | OFF, "421 busy", NULL,
      "its reply has the reason" },
    { AT_GREETING, IN_CLEAR | OFF, "554 5.7.1 go away", NULL, NULL },

    /* The sender. */
    { AT_RCPT, MEMBER, "553 5.7.1 <a@a.example>: Sender address rejected: not "
      "owned by user b@b.example", NULL, SENDER },
    { AT_MAIL, MEMBER, "553 5.7.1 Sender address rejected: not owned by auth "
      "user.", NULL, SENDER },
    { AT_DATA, MEMBER, "550 The from address does not match a verified Sender "
      "Identity. Mail cannot be sent until this error is resolved.", NULL,
      SENDER },
    { AT_DATA, MEMBER, "554 Message rejected: Email address is not verified. "
      "The following identities failed the check in region EU-WEST-1: "
      "a@a.example", NULL, SENDER },
    { AT_DATA, MEMBER, "554 5.2.252 SendAsDenied; a@a.example not allowed to "
      "send as b@a.example", NULL, SENDER },
    { AT_DATA, MEMBER, "550 5.7.60 SMTP; Client does not have permissions to "
      "send as this sender", NULL, SENDER },
    { AT_MAIL, MEMBER, "553 Mail from must equal authorized user", NULL,
      SENDER },
    { AT_RCPT, MEMBER, "553 Relaying disallowed as a@a.example", NULL,
      SENDER },
    { AT_DATA, MEMBER, "550 5.7.1 Unconfigured Sending Domain <a.example>",
      NULL, SENDER },
    { AT_DATA, MEMBER, "554 5.7.1 The 'From' address you supplied (a@a.example) "
      "is not a Sender Signature on your account.", NULL, SENDER },
    { AT_RCPT, MEMBER, "550 5.7.0 From address is not one of your addresses",
      NULL, SENDER },
    { AT_RCPT, MEMBER, "450 4.1.8 <a@a.lan>: Sender address rejected: Domain "
      "not found", NULL, DOMAIN },
    { AT_MAIL, IN_TLS | OFF, "553 5.1.8 <a@a.lan>... Domain of sender address "
      "a@a.lan does not exist", NULL, DOMAIN },
    { AT_DATA, MEMBER, "550 5.1.8 Access denied, bad outbound sender", NULL,
      "the account is blocked" },
    { AT_MAIL, MEMBER, "550 5.4.5 Daily user sending limit exceeded", NULL,
      NULL },
    { AT_MAIL, MEMBER, "552 5.3.4 too large", NULL, NULL },
    { AT_DATA, MEMBER, "550 5.7.1 looks like spam", NULL, NULL },
    { AT_DATA, MEMBER, "550 5.7.26 Unauthenticated email from a.example is "
      "not accepted due to domain's DMARC policy.", NULL, NULL },

    /* The recipient. */
    { AT_RCPT, MEMBER, "550 5.1.1 no such user", NULL, NULL },
    { AT_RCPT, MEMBER, "550 5.7.1 not today", NULL, NULL },
    { AT_RCPT, MEMBER, "450 4.2.1 greylisted", NULL, NULL },
    { AT_RCPT, MEMBER, "250 2.1.5 no such user, but ok", NULL, NULL },
};

/* The reply that these lines, without codes but in the first, are. */
static void parse(struct reply *reply, const char *lines)
{
    struct reply_line line;
    struct error err;

    reply_init(reply);
    if (!reply_parse_line(&line, lines, strlen(lines), &err))
        fail_msg("%s", err.text);
    reply->code = line.code;
    memcpy(reply->status, line.status, sizeof reply->status);
    buf_add(&reply->text, line.text, line.length);
}

static void replies_have_the_advice_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *expected = cases[i].advice;
        struct reply reply;

        parse(&reply, cases[i].lines);
        const char *advice = advice_for(&(struct advice_case){
            .command = cases[i].command,
            .facts = cases[i].facts,
            .reply = &reply,
            .detail = cases[i].detail != NULL ? cases[i].detail : "",
        });
        if (expected == NULL ? advice != NULL
                             : advice == NULL || !text_starts(advice, expected))
            fail_msg("%s\n  %s\n  is not: %s", cases[i].lines,
                     advice != NULL ? advice : "none",
                     expected != NULL ? expected : "none");
        reply_free(&reply);
    }
}

/* Refused for what the section lacks, or for what a message is. */
static const struct {
    enum advice_command command;
    unsigned facts;
    const char *line;
    bool lacks;
} lacks[] = {
    { AT_MAIL, IN_CLEAR | OFF, "550 5.7.0 Must issue a STARTTLS command first",
      true },
    { AT_MAIL, IN_CLEAR | OFF, "550 5.7.1 Encryption required by policy",
      true },
    { AT_MAIL, IN_TLS | OFF, "550 5.7.1 Encryption required by policy", false },
    { AT_RCPT, IN_CLEAR | OFF, "550 SMTP AUTH is required", true },
    { AT_RCPT, IN_TLS | NO_LOGIN, "553 authentication is required", true },
    { AT_RCPT, IN_TLS | OPEN, "550 5.7.1 Client was not authenticated", true },
    { AT_RCPT, IN_TLS | OPEN, "550 relay not permitted", true },
    { AT_RCPT, IN_TLS | OFF, "550 relay not permitted", false },
    { AT_RCPT, IN_TLS | OPEN, "553 sorry, that domain isn't in my list of "
      "allowed rcpthosts (#5.7.1)", true },
    { AT_RCPT, IN_TLS | OPEN, "554 Relay rejected for policy reasons.", true },
    { AT_RCPT, IN_TLS | OPEN, "550 relaying to <b@b.example> prohibited by "
      "administrator", true },
    { AT_RCPT, IN_TLS | OPEN, "550 I cannot deliver mail for <b@b.example>",
      true },
    { AT_RCPT, IN_TLS | OPEN, "550 Delivery is not allowed to this address.",
      true },
    { AT_RCPT, IN_TLS | OPEN, "553 you are trying to use me [server-1.example] "
      "as a relay, but I have not been configured to let you", true },
    { AT_RCPT, IN_TLS | OPEN, "550 we cannot deliver mail for this user",
      false },
    { AT_RCPT, MEMBER, "550 5.7.1 Client was not authenticated", false },
    { AT_MAIL, IN_TLS | OFF, "503 5.5.4 Error: send AUTH command first", true },
    { AT_MAIL, IN_TLS | OFF, "550 5.7.0 no authentication, no mail", true },
    { AT_DATA, IN_TLS | OFF, "550 5.7.0 authentication by DKIM failed", false },
    { AT_DATA, IN_TLS | OFF, "550 5.7.26 authentication required: neither SPF "
      "nor DKIM passed", false },
    { AT_RCPT, IN_TLS | OFF, "535 5.7.8 no", true },
    { AT_RCPT, IN_TLS | OFF, "550 must check for new mail first (POP before "
      "SMTP)", true },
    { AT_RCPT, IN_TLS | OFF, "550 5.1.1 no such user", false },
    { AT_MAIL, IN_TLS | OPEN, "553 5.7.1 Sender address rejected: not owned by "
      "user", false },
};

static void no_message_is_to_blame_for_what_is_lacking(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lacks); i++) {
        struct reply reply;

        parse(&reply, lacks[i].line);
        if (advice_is_for_lack(&(struct advice_case){
                .command = lacks[i].command,
                .facts = lacks[i].facts,
                .reply = &reply,
                .detail = "",
            }) != lacks[i].lacks)
            fail_msg("%s", lacks[i].line);
        reply_free(&reply);
    }
}

static const struct {
    const char *line;
    bool passes;
} logins[] = {
    { "535 5.7.8 authentication failed, please check it and try again", false },
    { "535 5.7.8 try again in 5 minutes", true },
    { "535 5.7.0 Too many bad login attempts", true },
    { "550 daily limit exceeded", true },
    { "535 temporarily unavailable", true },
    { "535 5.3.0 server busy", true },
    { "535 5.7.8 no", false },
};

static void a_login_may_be_refused_for_now(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++) {
        struct reply reply;

        parse(&reply, logins[i].line);
        if (advice_is_for_now(&reply) != logins[i].passes)
            fail_msg("%s", logins[i].line);
        reply_free(&reply);
    }
}

/* "set tls = starttls" and nothing else, and the same for what has more. */
static void advice_is_not_more_than_fits(void **state)
{
    struct reply reply;

    (void)state;
    parse(&reply, "530 5.7.0 Must issue a STARTTLS command first");
    assert_string_equal(advice_for(&(struct advice_case){
        .command = AT_MAIL,
        .facts = IN_CLEAR | OFF,
        .reply = &reply,
        .detail = "",
    }), "set tls = starttls");
    reply_free(&reply);
    assert_null(strstr(advice_login, "starttls"));
}

static const struct {
    enum reach reach;
    unsigned port;
    bool ipv6;
    const char *advice;         /* part of it; NULL: there is none */
} ways[] = {
    { REACH_REFUSED, 2525, false, "check host and port: usual are 587" },
    { REACH_REFUSED, 587, false, "465 with tls = implicit" },
    { REACH_REFUSED, 465, false, "587 with tls = starttls" },
    { REACH_REFUSED, 25, false, "check host and port" },
    { REACH_TIMED_OUT, 25, false, "many networks block port 25" },
    { REACH_TIMED_OUT, 587, true, "port = 465" },
    { REACH_TIMED_OUT, 465, true, "port = 587" },
    { REACH_TIMED_OUT, 26, true, "a firewall on the way" },
    { REACH_UNREACHABLE, 25, false, "is the network up?" },
    { REACH_UNREACHABLE, 25, true, "inet = ipv4" },
    { REACH_NONE, 25, false, NULL },
    { REACH_CONNECTED, 25, false, NULL },
    { REACH_TLS, 25, false, NULL },
    { REACH_REPLY, 25, true, NULL },
};

static void connections_have_the_advice_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ways); i++) {
        const char *advice = advice_unreached(ways[i].reach, ways[i].port,
                                              ways[i].ipv6);
        if (ways[i].advice == NULL)
            assert_null(advice);
        else if (advice == NULL || strstr(advice, ways[i].advice) == NULL)
            fail_msg("%s", ways[i].advice);
    }
    assert_null(strstr(advice_unreached(REACH_UNREACHABLE, 25, false), "inet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_have_the_advice_that_fits),
        cmocka_unit_test(no_message_is_to_blame_for_what_is_lacking),
        cmocka_unit_test(a_login_may_be_refused_for_now),
        cmocka_unit_test(advice_is_not_more_than_fits),
        cmocka_unit_test(connections_have_the_advice_that_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
