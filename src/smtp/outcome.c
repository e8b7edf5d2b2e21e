#include "smtp/outcome.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/advice.h"
#include "smtp/reply.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#define TEXT_MAX 1000           /* octets of a reply that are kept */

static void set_outcome(struct outcome *outcome, enum outcome_kind kind,
                        enum outcome_stage stage, enum fault fault,
                        const char *status)
{
    outcome_free(outcome);
    outcome->kind = kind;
    outcome->stage = stage;
    outcome->fault = fault;
    snprintf(outcome->status, sizeof outcome->status, "%s", status);
}

/* A status code where the reply has none. */
static const char *status_of(enum outcome_stage stage, int code)
{
    static const struct {
        int code;
        const char *status;
    } known[] = {
        { 450, "4.2.0" }, { 451, "4.3.0" }, { 452, "4.3.1" },
        { 421, "4.3.2" }, { 552, "5.3.4" }, { 550, "5.1.1" },
        { 551, "5.1.6" }, { 553, "5.1.3" },
    };

    for (size_t i = 0; i < COUNT(known); i++)
        if (known[i].code == code &&
            (stage == STAGE_RCPT || code < 550 || code == 552))
            return known[i].status;
    return code / 100 == 2 ? "2.0.0" : code / 100 == 5 ? "5.0.0" : "4.0.0";
}

/* The fault of a refusal for good. */
static enum fault fault_of(enum outcome_stage stage, const char *status)
{
    enum fault fault = error_refusal_fault(status);
    bool is_address = fault == FAULT_RECIPIENT || fault == FAULT_HOST;

    /* Before RCPT no recipient was named. */
    return is_address && stage != STAGE_RCPT ? FAULT_UNAVAILABLE : fault;
}

void outcome_from_reply(struct outcome *outcome, enum outcome_stage stage,
                        const struct reply *reply)
{
    enum outcome_kind kind = OUTCOME_DEFERRED;
    enum fault fault = FAULT_TEMPORARY;
    const char *status = reply->status;
    int code = reply->code;
    struct buf text;

    /* "Too much mail data" for a recipient means: too many recipients, later
     * (RFC 5321 section 4.5.3.1.10), unless its status is another, as 5.2.2
     * (mailbox full). */
    if (stage == STAGE_RCPT && code == 552 &&
        (*status == '\0' || strcmp(status, "5.5.3") == 0)) {
        status = "4.5.3";
    } else if (code / 100 == 2) {
        kind = OUTCOME_DELIVERED;
        fault = FAULT_NONE;
    } else if (code / 100 == 5) {
        kind = OUTCOME_FAILED;
        fault = fault_of(stage, *status != '\0' ? status
                                                : status_of(stage, code));
    }
    if (stage == STAGE_RCPT && code == 452 && *status == '\0')
        status = "4.5.3";
    set_outcome(outcome, kind, stage, fault,
                *status != '\0' ? status : status_of(stage, code));
    buf_init(&text, SIZE_MAX);
    reply_describe(reply, TEXT_MAX, &text);
    outcome->text = buf_take(&text);
    outcome->code = code;
    outcome->reach = REACH_REPLY;
}

void outcome_from_error(struct outcome *outcome, enum outcome_stage stage,
                        const struct error *err)
{
    bool early = stage == STAGE_CONNECT;
    const char *status = early ? "4.4.1" : "4.4.2";

    if (err->fault == FAULT_PERMISSION)
        status = "4.7.8";
    else if (err->fault == FAULT_CONFIG)
        status = "4.3.5";
    else if (err->fault == FAULT_PROTOCOL)
        status = "4.5.0";
    else if (err->fault == FAULT_IO)
        status = "4.3.0";
    else if (err->fault == FAULT_TLS)
        status = "4.7.5";
    bool is_ours = err->fault == FAULT_PERMISSION ||
                   err->fault == FAULT_CONFIG;
    set_outcome(outcome, OUTCOME_DEFERRED, stage,
                is_ours ? err->fault : FAULT_TEMPORARY, status);
    outcome->text = alloc_string(err->what);
    outcome_advise(outcome, *err->remedy != '\0' ? err->remedy : NULL);
    /* A mistake that can be mended here counts as much as the reply. */
    outcome->reach = is_ours                      ? REACH_REPLY
                     : early || err->reach != 0   ? err->reach
                                                  : REACH_CONNECTED;
}

bool outcome_is_unanswered(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_DEFERRED && outcome->code == 0 &&
           outcome->stage == STAGE_MAIL && !outcome->uncertain &&
           outcome->fault == FAULT_TEMPORARY;
}

void outcome_defer(struct outcome *outcome)
{
    if (outcome->kind != OUTCOME_FAILED)
        return;
    outcome->kind = OUTCOME_DEFERRED;
    outcome->fault = FAULT_TEMPORARY;
    outcome->status[0] = '4';
    outcome_advise(outcome, NULL);
}

void outcome_advise(struct outcome *outcome, const char *remedy)
{
    free(outcome->remedy);
    outcome->remedy = remedy != NULL ? alloc_string(remedy) : NULL;
}

char *outcome_shown(const struct outcome *outcome)
{
    return outcome->remedy != NULL
           ? alloc_format("%s; %s", outcome->text, outcome->remedy)
           : alloc_string(outcome->text);
}

void outcome_blame_login(struct outcome *outcome, const char *host)
{
    const char *remedy = outcome->remedy;
    struct error err;

    if (remedy == NULL && outcome->wants_login)
        remedy = advice_login;
    error_set(&err, FAULT_PERMISSION, "%s: %s", host, outcome->text);
    if (remedy != NULL)
        error_remedy(&err, "%s", remedy);
    err.reach = REACH_REPLY;
    outcome_from_error(outcome, outcome->stage, &err);
}

void outcome_refuse(struct outcome *outcome, const char *status,
                    const char *text)
{
    set_outcome(outcome, OUTCOME_FAILED, STAGE_LOCAL, FAULT_DATA, status);
    outcome->text = alloc_string(text);
}

void outcome_copy(struct outcome *to, const struct outcome *from)
{
    char *text = alloc_string(from->text);
    char *remedy = from->remedy != NULL ? alloc_string(from->remedy) : NULL;

    outcome_free(to);
    *to = *from;
    to->text = text;
    to->remedy = remedy;
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->text);
    free(outcome->remedy);
    *outcome = (struct outcome){ 0 };
}

const char *outcome_word(const struct outcome *outcome)
{
    switch (outcome->kind) {
    case OUTCOME_DELIVERED:
        return "sent";
    case OUTCOME_FAILED:
        return "bounced";
    default:
        return "deferred";
    }
}

enum fault outcome_fault(const struct outcome *outcomes, size_t count)
{
    enum fault fault = FAULT_NONE;

    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].kind == OUTCOME_FAILED)
            return outcomes[i].fault;
        if (outcomes[i].kind != OUTCOME_DELIVERED && fault == FAULT_NONE)
            fault = outcomes[i].fault;
    }
    return fault;
}
