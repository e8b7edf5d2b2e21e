#include "postrider/probe_sender.h"

#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/session.h"

static bool ask(struct session *session, const char *path,
                struct reply *reply, struct outcome *outcome,
                struct error *err)
{
    if (!session_ask(session, reply, err, "MAIL FROM:<%s>", path))
        return false;
    outcome_from_reply(outcome, STAGE_MAIL, reply);
    outcome_advise(outcome, session_advice(session, AT_MAIL, reply));
    if (reply->code == 530)
        outcome_blame_login(outcome, session_host(session));
    return outcome->kind != OUTCOME_DELIVERED ||
           session_ask(session, reply, err, "RSET");
}

bool probe_sender(struct session *session, const char *path,
                  struct outcome *outcome, struct error *err)
{
    struct reply reply;

    reply_init(&reply);
    bool done = ask(session, path, &reply, outcome, err);
    reply_free(&reply);
    return done;
}

bool probe_sender_refused(const struct session *session,
                          const struct outcome *outcome)
{
    return outcome->kind != OUTCOME_DELIVERED &&
           outcome->fault != FAULT_PERMISSION &&
           !session_is_spoiled(session) && !session_login_undecided(session);
}
