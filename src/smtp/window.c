#include "smtp/window.h"

#include <stddef.h>
#include <stdint.h>

#include "smtp/commands.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "smtp/verdict.h"

#define WINDOW 8                /* transactions with BDAT that are on their way
                                 * at a time: so many may arrive twice */
#define WINDOW_OCTETS 65536

bool window_is_bdat(const struct session *session)
{
    return session_has(session, CAP_CHUNKING);
}

bool window_is_pipelined(const struct session *session)
{
    return session_has(session, CAP_PIPELINING);
}

/* May all of it, content included, be sent in one flight? */
static bool fits_one_flight(const struct session *session,
                            const struct transaction *t)
{
    return window_is_bdat(session) && window_is_pipelined(session) &&
           t->count <= WINDOW_RECIPIENTS &&
           transaction_size(t) <= WINDOW_OCTETS;
}

bool window_begin(struct session *session, struct transaction *t,
                  struct error *err)
{
    if (!commands_mail(session, t, err))
        return false;
    if (!window_is_pipelined(session))
        return true;
    if (!commands_recipients(session, t, WINDOW_RECIPIENTS, err))
        return false;
    if (t->offered < t->count)
        return true;
    if (!window_is_bdat(session)) {
        t->final_asked = true;
        return session_command(session, err, "DATA");
    }
    if (!fits_one_flight(session, t))
        return true;
    t->final_asked = true;
    return commands_chunk(session, t, err);
}

/* Send the commands of a transaction while the one before it is not answered.
 * If they cannot be sent, the replies to earlier ones are still read. */
static bool begin_ahead(struct session *session, struct transaction *t)
{
    size_t asked = session_asked(session);
    struct error err;

    /* If no recipient of the one before is accepted, its MAIL stays in force,
     * and this MAIL would be refused for that alone (RFC 3030 section 2). */
    if (window_is_bdat(session))
        session_need_reset(session);
    t->begun = t->ahead = true;
    if (window_begin(session, t, &err))
        return true;
    session_stop(session, asked, &err);
    return false;
}

/* With BDAT whole transactions are on their way; with DATA the next one's
 * commands go with the end of this one. */
void window_fill(struct session *session, struct transaction *t)
{
    size_t count = 1;
    uint64_t octets = transaction_size(t);
    size_t recipients = 0;
    bool whole = window_is_bdat(session);

    if (!window_is_pipelined(session) || session_is_spoiled(session) ||
        t->other_sender != NULL)
        return;
    for (t = t->next; t != NULL && count < (whole ? WINDOW : 2); t = t->next) {
        octets += transaction_size(t);
        recipients += t->count;
        count++;
        if (!t->begun &&
            (recipients > WINDOW_RECIPIENTS || verdict_unfit(session, t) ||
             (whole && (octets > WINDOW_OCTETS ||
                        !fits_one_flight(session, t))) ||
             !begin_ahead(session, t)))
            return;
        if (!t->final_asked || t->other_sender != NULL)
            return;             /* it has more to send before others may */
    }
}
