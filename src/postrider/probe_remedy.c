#include "postrider/probe_remedy.h"

#include <stddef.h>

#include "util/text.h"

#define SENDER_RULE \
    "send from an address of the account: sender \"*\" { address = \"...\" }"

enum login { ANY, WITH, WITHOUT };

/* The first row that fits counts. */
static const struct row {
    enum outcome_stage stage;
    enum reach reach;           /* REACH_NONE: any */
    int code;                   /* of the reply, or its first digit; 0: any */
    enum login login;
    const char *status;         /* how its enhanced status code begins */
    const char *remedy;
} rows[] = {
    { STAGE_CONNECT, REACH_REFUSED, 0, ANY, "",
      "check host and port: usual are 587 with tls = starttls, 465 with tls = "
      "implicit" },
    { STAGE_CONNECT, REACH_TIMED_OUT, 0, ANY, "",
      "a firewall on the way may block the port: try 587 with tls = starttls, "
      "or 465 with tls = implicit" },
    { STAGE_CONNECT, REACH_UNREACHABLE, 0, ANY, "",
      "is the network up? inet = ipv4 leaves IPv6 out" },
    { STAGE_CONNECT, REACH_REPLY, 4, ANY, "",
      "its reply says why; try again later" },
    { STAGE_CONNECT, REACH_REPLY, 5, ANY, "",
      "its reply says why; try again later" },

    { STAGE_MAIL, REACH_NONE, 5, WITHOUT, "5.7.",
      SENDER_RULE ", or set user and password_file if it wants a login" },
    { STAGE_MAIL, REACH_NONE, 5, ANY, "", SENDER_RULE },

    { STAGE_RCPT, REACH_NONE, 5, ANY, "5.1.7", SENDER_RULE },
    { STAGE_RCPT, REACH_NONE, 5, ANY, "5.1.8", SENDER_RULE },
    { STAGE_RCPT, REACH_NONE, 5, WITHOUT, "5.7.",
      "it relays for known senders only: set user and password_file, or ask "
      "its administrator" },
    /* Postfix: not owned by the user that has logged in. */
    { STAGE_RCPT, REACH_NONE, 553, WITH, "5.7.", SENDER_RULE },
    { STAGE_RCPT, REACH_NONE, 5, WITH, "5.7.",
      SENDER_RULE ", or ask its administrator" },
    /* Exim says no more than 550 if it does not relay. */
    { STAGE_RCPT, REACH_NONE, 5, WITHOUT, "",
      "check the address; if it relays for known senders only, set user and "
      "password_file" },
    { STAGE_RCPT, REACH_NONE, 5, ANY, "", "check the address" },

    { STAGE_DATA, REACH_NONE, 5, ANY, "5.1.7", SENDER_RULE },
    { STAGE_DATA, REACH_NONE, 5, ANY, "5.1.8", SENDER_RULE },
    { STAGE_DATA, REACH_NONE, 5, ANY, "5.2.252", SENDER_RULE }, /* Microsoft */
    { STAGE_DATA, REACH_NONE, 553, ANY, "", SENDER_RULE },
    { STAGE_DATA, REACH_NONE, 5, ANY, "5.7.",
      "if that is about the sender, " SENDER_RULE },
};

static bool fits(const struct row *row, enum outcome_stage stage,
                 bool has_login, const struct error *err)
{
    int code = err->reply.code;

    return row->stage == stage &&
           (row->reach == REACH_NONE || row->reach == err->reach) &&
           (row->code == 0 || row->code == code || row->code == code / 100) &&
           text_starts(err->reply.status, row->status) &&
           (row->login == ANY || (row->login == WITH) == has_login);
}

bool probe_remedy(enum outcome_stage stage, bool has_login, struct error *err)
{
    for (size_t i = 0; *err->remedy == '\0' && i < COUNT(rows); i++)
        if (fits(&rows[i], stage, has_login, err))
            error_remedy(err, "%s", rows[i].remedy);
    return false;
}
