/*
 * attempt.h - one try at an entry: over the smarthosts, in order
 */
#ifndef POSTRIDER_RELAY_ATTEMPT_H
#define POSTRIDER_RELAY_ATTEMPT_H

#include <sys/types.h>

#include "smtp/outcome.h"
#include "smtp/session.h"

struct config;
struct entry;

struct attempt {
    const struct config *config;
    const struct entry *entry;
    uid_t uid;                  /* for the Received field */
    session_trace *trace;       /* or NULL */
    void *trace_context;
    struct outcome *outcomes;   /* one a recipient; allocated by the caller */
    char **relays;              /* "host[address]:port" each was settled with;
                                 * owned by the caller, "none" without one */
};

/*
 * Try each smarthost, and each of its addresses, until every recipient is
 * delivered or failed, or all have been tried. Recipients that have an outcome
 * other than OUTCOME_NONE are left alone. Every one has an outcome afterwards.
 * Of several smarthosts that defer a recipient, it is that of the one which was
 * reached best, and its text has what the others replied.
 */
void attempt_run(struct attempt *attempt);

#endif
