/*
 * dispatch.h - give the messages that are due to workers
 *
 * Smarthosts come in order: mail that any of them may carry is for the first
 * one that is up. A message that no worker can take stays ready.
 */
#ifndef POSTRIDER_RELAY_DISPATCH_H
#define POSTRIDER_RELAY_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hops;
struct message;
struct messages;
struct moment;
struct dispatch;            /* fields: src/relay/dispatch.c */

/* Both are borrowed. */
struct dispatch *dispatch_new(struct messages *messages, struct hops *hops);
void dispatch_free(struct dispatch *dispatch);          /* NULL is allowed */

/*
 * Hand out what can be handed out, for a round. A message of which no recipient
 * is open needs no worker: it is returned, OUT and open, for its outcomes to be
 * acted on, and the call is to be made again. NULL: that is all.
 *
 * waiting  messages of drop/ that are not taken yet: where they are many, more
 *          connections pay
 * more     there is more for the next round
 */
struct message *dispatch_run(struct dispatch *dispatch,
                             const struct moment *now, size_t waiting,
                             bool *more);

/* Is no message with a worker, and none ready for a smarthost that takes mail,
 * or may be tried? */
bool dispatch_is_idle(const struct dispatch *dispatch);

/* When dispatch_run() may have something to do without an event, as it was when
 * that ran: what became due since is due at once. */
int64_t dispatch_next_time(const struct dispatch *dispatch);

#endif
