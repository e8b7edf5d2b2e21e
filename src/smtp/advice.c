#include "smtp/advice.h"

#include <stddef.h>
#include <stdint.h>

#include "smtp/reply.h"
#include "smtp/words.h"
#include "util/buf.h"
#include "util/text.h"

#define IN_TRANSACTION (AT_MAIL | AT_RCPT | AT_DATA)
#define AT_HELLO (AT_EHLO | AT_HELO)
#define BEFORE_DATA (AT_GREETING | AT_HELLO | AT_AUTH | AT_MAIL | AT_RCPT)
#define EVER (BEFORE_DATA | AT_STARTTLS | AT_DATA)

#define SENDER_RULE \
    "send from an address of the account: sender \"*\" { address = \"...\" }"
#define SENDER_DOMAIN \
    "send from a domain that the DNS knows: set domain, or sender \"*\" { " \
    "address = \"...\" }"
#define HOST_NAME "set hostname to the name of this machine in the DNS"
#define OAUTH_ONLY \
    "it takes no passwords: set oauth in their place, as " \
    "postrider-examples(7) has it"
#define APP_PASSWORD \
    "make an app password in the account's settings and use that, or set " \
    "another auth"
#define CHECK_PASSWORD \
    "check user and password: user is often the whole address, and many " \
    "providers want an app password"
/* All that Microsoft leaves to those whom it refuses a login by password. */
#define WAYS_OUT \
    "let its administrator enable authenticated SMTP (SMTP AUTH) for this " \
    "mailbox, or send by a connector of the organisation (port = 25, auth = " \
    "none, and a certificate or an address that it knows), or use another " \
    "smarthost"
#define BLOCKED \
    "the address that this machine has on the Internet is on a block list: " \
    "ask that list to remove it"

const char advice_login[] =
    "set user and password_file, or auth = none if it needs no login";

/* Replies that ask for TLS, whatever else is in them. */
#define WANTS_TLS "starttls|session encryption"
#define WANTS_TLS_SOMEHOW \
    "encryption&required|tls&required|ssl&required|must use tls|" \
    "secure connection|secure channel|secured connection|plaintext|" \
    "cleartext|non-secure|insecure|unencrypted"

/* Of a login: not "check it, and try again". */
#define IS_FOR_NOW \
    "too many|later|limit|limits|limited|exceeded|throttled|temporarily|" \
    "temporary|busy|overloaded|try again in|again in|please wait"

#define WANTS_LOGIN \
    "authentication required|authentication is required|auth required|" \
    "auth is required|auth command is required|authorization required|" \
    "not authenticated|not logged in|not been authenticated|" \
    "must authenticate|must be authenticated|must be logged in|" \
    "must use authentication|need to authenticate|needs authentication|" \
    "need auth|need authentication|authentication needed|" \
    "please authenticate|proper authentication|requires authentication|" \
    "requires auth|requires smtp authentication|authenticate first|" \
    "auth first|auth command first|unauthenticated senders|login required|" \
    "login first|log in first|must log in|must login|please log in|" \
    "turn on smtp authentication|enable smtp authentication|" \
    "pop before smtp|pop3 first|pop first"

/* In their own words: qmail (rcpthosts), Haraka (I cannot), hMailServer. */
#define DENIES_RELAYING \
    "relay access denied|relaying denied|relaying is denied|relay denied|" \
    "relay not permitted|relaying not permitted|relaying not allowed|" \
    "relaying is not allowed|unable to relay|not permitted to relay|" \
    "not allowed to relay|do not relay|don't relay|relay operation rejected|" \
    "relay rejected|relaying&prohibited|not configured to relay|" \
    "as a relay&not been configured|allowed rcpthosts|not a gateway|" \
    "i cannot deliver mail for|delivery is not allowed to this address"

#define IS_LISTED \
    "blocked using|block list|blocklist|blacklist|black list|blocklisted|" \
    "blacklisted|dnsbl|rbl|spamhaus|spamcop|barracuda"
#define IS_ABOUT_THE_ADDRESS \
    "client&blocked using|host&blocked using|ip&blocked using|" \
    "address&blocked using|ip&block list|ip&blocklist|ip&blacklist|" \
    "ip&black list|client&block list|client&blocklist|client&blacklist|" \
    "host&blocklist|host&blacklist|host&dnsbl|host&rbl|ip&dnsbl|ip&rbl|" \
    "client&dnsbl|client&rbl|ip&spamhaus|client&spamhaus|host&spamhaus|" \
    "ip&spamcop|host&spamcop|client&spamcop|ip&barracuda|banned sending ip|" \
    "traffic not accepted from this ip"

#define REFUSES_HELO \
    "helo command rejected|ehlo command rejected|helo/ehlo argument|" \
    "helo argument|ehlo argument|invalid helo|invalid ehlo|bad helo|" \
    "helo name|ehlo name|helo hostname|helo host name|real hostname"

/* Postfix, Outlook, SES, SendGrid, Gmail, iCloud, Yandex, 163, mail.ru, GMX,
 * Postmark, SparkPost. */
#define IS_ABOUT_SENDER \
    "not owned by|sender address rejected|sender address is not allowed|" \
    "sender is not allowed|sender not allowed|unallowed sender|" \
    "sender rejected|sender refused|sender verify failed|" \
    "not allowed to send as|not allowed to send from|" \
    "not authorized to send as|not authorized to send from|" \
    "not authorised to send|sendasdenied|permissions to send as|" \
    "send as this sender|verified sender identity|" \
    "email address is not verified|from address is not one of your|" \
    "from address not verified|must equal authorized|" \
    "must be same as authorization|not local sender|relaying disallowed as|" \
    "not permitted to send as|cannot send as|not a sender signature|" \
    "unconfigured sending domain"
#define MAIL_IS_ABOUT_SENDER \
    IS_ABOUT_SENDER "|your address|sender&not|sender&rejected|sender&refused|" \
    "sender&denied|sender&invalid|from address"

#define DOMAIN_UNKNOWN \
    "sender address rejected&domain not found|domain of sender&exist|" \
    "domain of sender&resolve|sender domain&exist|sender domain&found|" \
    "sender domain&resolve|sender address rejected&fully-qualified|" \
    "domain name required for sender"

#define LACKS 0x10000U          /* refused for what the section lacks, and not
                                 * for the message */

/* A row fits if all that it names does; the first that fits counts. */
static const struct row {
    unsigned commands;
    int code;                   /* or its first digit; 0: any refusal */
    const char *status;         /* how the enhanced status code begins */
    const char *phrases;        /* as of words_hold(); "": any words */
    unsigned facts;             /* and LACKS, which is about the row */
    const char *advice;         /* NULL: there is none, nor in a later row */
} rows[] = {
    /* TLS is asked for; within TLS that is beyond us. */
    { AT_AUTH | IN_TRANSACTION, 0, "", WANTS_TLS, IN_CLEAR | LACKS,
      "set tls = starttls" },
    { AT_AUTH | AT_MAIL, 0, "", WANTS_TLS_SOMEHOW, IN_CLEAR | LACKS,
      "set tls = starttls or implicit" },
    { AT_RCPT | AT_DATA, 530, "", WANTS_TLS_SOMEHOW, IN_CLEAR,
      "set tls = starttls or implicit" },
    { AT_AUTH, 538, "", "", IN_CLEAR, "set tls = starttls or implicit" },
    { AT_AUTH | IN_TRANSACTION, 0, "", WANTS_TLS, IN_TLS, NULL },
    { AT_AUTH, 538, "", "", 0, NULL },
    { AT_AUTH, 530, "", "", 0, NULL },

    /* Where this machine is, and what it calls itself. */
    { EVER, 0, "", "sender&blocked using|helo&blocked using|"
      "recipient&blocked using", 0, NULL },
    { BEFORE_DATA, 0, "", IS_ABOUT_THE_ADDRESS, NO_LOGIN | TO_PORT_25,
      BLOCKED ", or set port = 587, user and password_file" },
    { BEFORE_DATA, 0, "", IS_ABOUT_THE_ADDRESS, NO_LOGIN,
      BLOCKED ", or set user and password_file" },
    { BEFORE_DATA | AT_DATA, 0, "", IS_ABOUT_THE_ADDRESS, 0, BLOCKED },
    { EVER, 0, "", IS_LISTED, 0, NULL },
    { AT_HELLO | IN_TRANSACTION, 0, "", REFUSES_HELO, 0, HOST_NAME },
    { AT_HELLO, 501, "", "", 0, HOST_NAME },
    { AT_HELLO, 504, "", "", 0, HOST_NAME },
    { AT_HELLO, 0, "", "helo|ehlo|hostname|host name|domain name|"
      "fully-qualified|fully qualified|fqdn|invalid name|invalid domain", 0,
      HOST_NAME },                                          /* Google: 421 */
    { AT_STARTTLS, 0, "", "xxxxxxxx", 0,
      "a firewall on the way changes the command: its administrator must let "
      "it pass; or set tls = implicit and port = 465" },
    { AT_HELLO | AT_STARTTLS, 0, "", "", 0, NULL },

    { AT_GREETING, 4, "", "", 0, "its reply has the reason; try again later" },
    { AT_GREETING, 5, "5.3.", "", 0,
      "its reply has the reason; try again later" },

    /* The login: Microsoft has 5.7.139 for all. */
    { AT_AUTH, 0, "", IS_FOR_NOW, 0, NULL },
    { AT_AUTH, 5, "", "disabled for the tenant|disabled for the mailbox", 0,
      WAYS_OUT },
    { AT_AUTH, 5, "", "security defaults", BY_PASSWORD,
      "the security defaults of the organisation forbid passwords: set oauth "
      "in their place, or let its administrator change them" },
    { AT_AUTH, 5, "", "security defaults", 0, WAYS_OUT },
    { AT_AUTH, 5, "", "basic authentication", BY_PASSWORD,
      OAUTH_ONLY ", or " WAYS_OUT },
    { AT_AUTH, 5, "", "did not meet the criteria|conditional access", 0,
      "a policy of the organisation refuses this login (multi-factor "
      "authentication, conditional access): its administrator knows" },
    { AT_AUTH, 5, "", "user&locked|account&locked|user&suspended|"
      "account&suspended|user&blocked|account&blocked|account&disabled|"
      "user&disabled|mailbox&disabled", 0,
      "the account is locked or disabled: unlock it, or ask its provider" },
    { AT_AUTH, 5, "", "password expired|password has expired|"
      "password is expired|expired password", BY_PASSWORD,
      "the password has expired: set a new one at the provider, and here" },
    { AT_AUTH, 5, "", "credentials were incorrect", BY_PASSWORD,
      CHECK_PASSWORD },
    { AT_AUTH, 5, "5.7.139", "", 0, WAYS_OUT },
    { AT_AUTH, 5, "5.7.30", "", BY_PASSWORD, OAUTH_ONLY ", or " WAYS_OUT },
    { AT_AUTH, 5, "5.7.30", "", 0, WAYS_OUT },

    /* ... Google, Yahoo, Apple, Yandex, QQ and others. */
    { AT_AUTH, 5, "", "application-specific password|app-specific password|"
      "app password|application password", BY_PASSWORD, APP_PASSWORD },
    { AT_AUTH, 5, "", "authorization code", BY_PASSWORD,
      "use the authorization code of the account's settings as password" },
    { AT_AUTH, 5, "", "web browser|web login|weblogin|browser&log in", 0,
      "log in to the account once with a browser, as its provider asks" },
    { AT_AUTH, 5, "", "access rights to this service|smtp&not enabled|"
      "smtp&disabled|smtp&not activated|smtp access|user has no permission", 0,
      "enable SMTP for other programs in the account's settings" },
    { AT_AUTH, 5, "", "mechanism&not supported|mechanism&weak|"
      "unrecognized authentication|unsupported authentication", AUTH_CHOSEN,
      "set auth = auto, or to another mechanism" },
    { AT_AUTH, 504, "", "", AUTH_CHOSEN,
      "set auth = auto, or to another mechanism" },
    { AT_AUTH, 534, "", "", BY_PASSWORD, "set another auth" },
    { AT_AUTH, 535, "", "", BY_PASSWORD, CHECK_PASSWORD },
    { AT_AUTH, 5, "", "authentication failed|authentication failure|"
      "auth failed|auth failure|authorization failed|login failed", BY_PASSWORD,
      CHECK_PASSWORD },                         /* Alibaba: 526, Naver: 553 */
    { AT_AUTH, 5, "", "insufficient_scope|scope|status 403", BY_OAUTH,
      "the access token is not for this: set scope to that for SMTP, and log "
      "in again" },
    /* How to get another one is known where it is renewed. */
    { AT_AUTH, 535, "", "", BY_OAUTH, NULL },
    { AT_AUTH, 5, "", "insufficient_scope|scope|status 403", BY_TOKEN,
      "the access token is not for this: password_command has to print one "
      "with the scope for SMTP" },
    { AT_AUTH, 535, "", "", BY_TOKEN,
      "the access token may have expired, or is for another user: "
      "password_command has to print a fresh one" },
    { AT_AUTH, 535, "", "", BY_CERTIFICATE,
      "check tls_cert_file and user: the server has to know both" },

    /* Mail is refused for want of a login, not of a signature. */
    { IN_TRANSACTION, 5, "", "spf|dkim|dmarc", 0, NULL },
    { IN_TRANSACTION, 5, "", WANTS_LOGIN, LOGIN_OFF | IN_CLEAR | LACKS,
      "set tls = starttls or implicit, auth = auto, user and password_file" },
    { IN_TRANSACTION, 5, "", WANTS_LOGIN, LOGIN_OFF | LACKS,
      "set auth = auto, user and password_file" },
    { IN_TRANSACTION, 5, "", WANTS_LOGIN, NO_LOGIN | IN_CLEAR | LACKS,
      "set tls = starttls or implicit, user and password_file" },
    { IN_TRANSACTION, 5, "", WANTS_LOGIN, NO_LOGIN | LACKS,
      "set user and password_file" },
    { AT_MAIL | AT_RCPT, 5, "5.7.0", "authentication|authenticate|auth|login",
      NO_LOGIN | LACKS, "set user and password_file" },
    { IN_TRANSACTION, 534, "", "", NO_LOGIN | LACKS,
      "set user and password_file" },
    { IN_TRANSACTION, 535, "", "", NO_LOGIN | LACKS,
      "set user and password_file" },
    { IN_TRANSACTION, 530, "", "", NO_LOGIN | IN_CLEAR,
      "set tls = starttls if it wants TLS, and user and password_file if it "
      "wants a login" },
    { IN_TRANSACTION, 530, "", "", NO_LOGIN, "set user and password_file" },
    { AT_MAIL | AT_RCPT, 0, "", DENIES_RELAYING, LOGIN_OPEN | LACKS,
      advice_login },
    { AT_MAIL | AT_RCPT, 0, "", DENIES_RELAYING, NO_LOGIN,
      "it relays for known senders only: set user and password_file, or ask "
      "its administrator" },
    { AT_MAIL | AT_RCPT, 0, "", DENIES_RELAYING, 0,
      "it does not relay for this account: ask its administrator" },

    /* The sender. */
    { IN_TRANSACTION, 5, "", "outbound spam|bad outbound sender|"
      "banned sender", 0, "the account is blocked: ask its provider" },
    { AT_MAIL | AT_RCPT, 0, "", DOMAIN_UNKNOWN, 0, SENDER_DOMAIN },
    { AT_MAIL | AT_RCPT, 5, "5.1.8", "", 0, SENDER_DOMAIN },
    { IN_TRANSACTION, 5, "5.1.7", "", 0, SENDER_RULE },
    { IN_TRANSACTION, 5, "5.2.252", "", 0, SENDER_RULE },   /* Microsoft */
    { IN_TRANSACTION, 5, "5.7.60", "", 0, SENDER_RULE },
    { IN_TRANSACTION, 5, "", IS_ABOUT_SENDER, 0, SENDER_RULE },
    { AT_MAIL, 5, "", MAIL_IS_ABOUT_SENDER, 0, SENDER_RULE },
    { AT_MAIL, 553, "", "", 0, SENDER_RULE },
};

static bool fits(const struct row *row, const struct advice_case *refusal,
                 const char *words)
{
    int code = refusal->reply->code;

    return (row->commands & (unsigned)refusal->command) != 0 &&
           (row->code == 0 || row->code == code || row->code == code / 100) &&
           text_starts(refusal->reply->status, row->status) &&
           (row->facts & ~LACKS & ~refusal->facts) == 0 &&
           words_hold(words, row->phrases);
}

static const struct row *find_row(const struct advice_case *refusal)
{
    struct buf words;
    size_t i = 0;

    if (reply_class(refusal->reply) < 4)
        return NULL;
    buf_init(&words, SIZE_MAX);
    words_of(refusal->reply, &words);
    buf_add_format(&words, " %s", refusal->detail);
    while (i < COUNT(rows) && !fits(&rows[i], refusal, words.data))
        i++;
    buf_free(&words);
    return i < COUNT(rows) ? &rows[i] : NULL;
}

const char *advice_for(const struct advice_case *refusal)
{
    const struct row *row = find_row(refusal);

    return row != NULL ? row->advice : NULL;
}

bool advice_is_for_now(const struct reply *reply)
{
    return reply_class(reply) == 5 && words_in(reply, IS_FOR_NOW);
}

bool advice_is_for_lack(const struct advice_case *refusal)
{
    const struct row *row = find_row(refusal);

    return row != NULL && (row->facts & LACKS) != 0;
}

/* port 0: any; the first that fits counts. */
static const struct way {
    enum reach reach;
    unsigned port;
    const char *advice;
} ways[] = {
    { REACH_REFUSED, 25,
      "check host and port: logins are usual at port = 587 with tls = starttls "
      "and at 465 with tls = implicit" },
    { REACH_REFUSED, 587,
      "check host and port: another usual one is 465 with tls = implicit" },
    { REACH_REFUSED, 465,
      "check host and port: another usual one is 587 with tls = starttls" },
    { REACH_REFUSED, 0,
      "check host and port: usual are 587 with tls = starttls, 465 with tls = "
      "implicit" },
    { REACH_TIMED_OUT, 25,
      "many networks block port 25: try port = 587 with tls = starttls, or 465 "
      "with tls = implicit" },
    { REACH_TIMED_OUT, 587,
      "a firewall on the way may block the port: try port = 465 with tls = "
      "implicit" },
    { REACH_TIMED_OUT, 465,
      "a firewall on the way may block the port: try port = 587 with tls = "
      "starttls" },
    { REACH_TIMED_OUT, 0,
      "a firewall on the way may block the port: try 587 with tls = starttls, "
      "or 465 with tls = implicit" },
};

const char *advice_unreached(enum reach reach, unsigned port, bool ipv6)
{
    if (reach == REACH_UNREACHABLE)
        return ipv6 ? "is the network up? inet = ipv4 leaves IPv6 out"
                    : "is the network up?";
    for (size_t i = 0; i < COUNT(ways); i++)
        if (ways[i].reach == reach &&
            (ways[i].port == 0 || ways[i].port == port))
            return ways[i].advice;
    return NULL;
}
