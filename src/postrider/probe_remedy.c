#include "postrider/probe_remedy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/text.h"

#define APP_PASSWORD \
    "make an app password in the account's settings and use that"
#define SENDER_RULE \
    "send from an address of the account: sender \"*\" { address = \"...\" }"

/* Signs in our own texts, and in the replies of the great providers; the first
 * that is found counts. Texts that end with a remedy have no row. */
static const struct {
    enum outcome_stage stage;
    const char *sign;           /* in any case; "" is always there */
    const char *remedy;
} remedies[] = {
    { STAGE_CONNECT, "no such host", "check host in the configuration" },
    { STAGE_CONNECT, "name server does not answer",
      "is the network up, and /etc/resolv.conf right?" },
    { STAGE_CONNECT, "connection refused",
      "check host and port: usual are 587 with tls = starttls, 465 with tls = "
      "implicit" },
    { STAGE_CONNECT, "timed out",
      "a firewall on the way may block the port: try 587 with tls = starttls, "
      "or 465 with tls = implicit" },
    { STAGE_CONNECT, "unreachable",
      "is the network up? inet = ipv4 leaves IPv6 out" },
    { STAGE_CONNECT, "no route to host",
      "is the network up? inet = ipv4 leaves IPv6 out" },
    { STAGE_CONNECT, "does not speak TLS on this port",
      "set tls = starttls, usually with port 587" },
    { STAGE_CONNECT, "data before the TLS handshake",
      "if the port is one for STARTTLS, as 587 is, set tls = starttls" },
    { STAGE_CONNECT, ", not for ",
      "set host to a name that it is for" },
    { STAGE_CONNECT, "expired on ",
      "its administrator must renew it; is the clock of this machine right?" },
    { STAGE_CONNECT, "older than tls_min_version",
      "its administrator must update it" },
    { STAGE_CONNECT, "the service manager has given none",
      "by hand: systemd-run --pipe -p LoadCredential=NAME:FILE postrider "
      "test" },
    { STAGE_CONNECT, "greeting", "its reply says why; try again later" },
    { STAGE_CONNECT, "no answer within",
      "if it wants TLS at once (port 465), set tls = implicit" },
    /* Microsoft: basic authentication is disabled. */
    { STAGE_CONNECT, "5.7.139",
      "it takes OAuth tokens only: auth = xoauth2 with a password_command" },
    { STAGE_CONNECT, "basic authentication",
      "it takes OAuth tokens only: auth = xoauth2 with a password_command" },
    { STAGE_CONNECT, "application-specific", APP_PASSWORD },    /* Gmail */
    { STAGE_CONNECT, "app password", APP_PASSWORD },
    { STAGE_CONNECT, "app-specific", APP_PASSWORD },
    { STAGE_CONNECT, "refused: 5",
      "user is often the whole address, and many providers want an app "
      "password" },
    { STAGE_MAIL, "authentica", "set user and password_file" },
    { STAGE_MAIL, "refuses", SENDER_RULE },
    { STAGE_RCPT, "authentica", "set user and password_file" },
    { STAGE_RCPT, "relay",
      "it relays for known senders only: set user and password_file, or ask "
      "its administrator" },
    { STAGE_RCPT, "sender", SENDER_RULE },
    { STAGE_RCPT, "refuses", "check the address" },
    { STAGE_DATA, "sender", SENDER_RULE },
    { STAGE_DATA, "sendas", SENDER_RULE },
    { STAGE_DATA, "not owned", SENDER_RULE },
    { STAGE_DATA, "from address", SENDER_RULE },
};

bool probe_remedy(enum outcome_stage stage, struct error *err)
{
    for (size_t i = 0; i < COUNT(remedies); i++) {
        if (remedies[i].stage != stage ||
            strcasestr(err->text, remedies[i].sign) == NULL)
            continue;
        char *text = alloc_string(err->text);
        error_set(err, err->fault, "%s; %s", text, remedies[i].remedy);
        free(text);
        break;
    }
    return false;
}
