/*
 * worker_answers.h - what workers report about their jobs and their smarthost
 */
#ifndef POSTRIDER_RELAY_WORKER_ANSWERS_H
#define POSTRIDER_RELAY_WORKER_ANSWERS_H

struct config;
struct control;
struct hops;
struct messages;
struct moment;
struct result;
struct storage;
struct totals;

/* The parts that this module uses. Borrowed. */
struct worker_answers {
    const struct config *config;
    struct messages *messages;
    struct hops *hops;
    struct storage *storage;
    struct control *control;    /* for callers who wait for an attempt */
    struct totals *totals;
    struct result *result;      /* for messages that come back */
};

/* Take the packets of workers, and the ends of those that were reaped. A
 * message that its worker has finished with is settled, or goes back to where
 * it came from. */
void worker_answers_take(const struct worker_answers *answers,
                         const struct moment *now);

#endif
