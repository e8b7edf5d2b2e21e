/*
 * requests.h - answer the requests that come over the control socket
 */
#ifndef POSTRIDER_RELAY_REQUESTS_H
#define POSTRIDER_RELAY_REQUESTS_H

#include "relay/control.h"

struct hops;
struct launch;
struct messages;
struct metrics;
struct moment;
struct pickup;
struct storage;
struct troubles;
struct requests;            /* fields: src/relay/requests.c */

/* The parts that requests are about. Borrowed. */
struct requests_parts {
    struct messages *messages;
    struct hops *hops;
    struct storage *storage;
    struct pickup *pickup;
    struct metrics *metrics;
    struct troubles *troubles;
    struct launch *launch;
};

struct requests *requests_new(const struct requests_parts *parts);
void requests_free(struct requests *requests);          /* NULL is allowed */

/* As control_answer has it. */
enum control_reply requests_answer(struct requests *requests,
                                   const struct control_request *what,
                                   const struct moment *now);

#endif
