/*
 * chain.h - messages to the same recipient, one after the other in a session
 */
#ifndef POSTRIDER_TESTS_SMTP_CHAIN_H
#define POSTRIDER_TESTS_SMTP_CHAIN_H

#include <poll.h>

#include "sample.h"

#define CHAIN_MAX 12

/* Messages "hi\r\n" to bob, each known when the one before it is sent. */
struct chain {
    const char *name;
    size_t count;
    const char *outcomes[CHAIN_MAX];    /* as assert_outcome() has them */
    const char *script[ROWS];
};

/* Send them until one fails, and compare all outcomes. */
static inline void run_chain(const struct chain *chain)
{
    static const char *const bob[] = { "bob@b.example" };
    struct sample samples[CHAIN_MAX];
    struct peer peer;
    struct session *session = open_or_fail(&peer, chain->script);

    for (size_t i = 0; i < chain->count; i++) {
        sample_init(&samples[i], "hi\r\n", bob, 1);
        if (i > 0)
            samples[i - 1].transaction.next = &samples[i].transaction;
    }
    for (size_t i = 0; i < chain->count; i++) {
        if (!transaction_run(session, &samples[i].transaction))
            break;
        if (i == 0)
            poll(NULL, 0, 20);          /* a peer that is done has closed */
    }
    session_close(session);
    for (size_t i = 0; i < chain->count; i++) {
        assert_outcome(chain->name, &samples[i].outcomes[0],
                       chain->outcomes[i]);
        sample_free(&samples[i]);
    }
    if (!peer_end(&peer))
        fail_msg("%s: the script", chain->name);
}

#endif
