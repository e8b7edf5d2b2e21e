/*
 * queue_list.h - the queue, listed for a client
 *
 * control/protocol.h has the lines. What a user may not see is counted.
 */
#ifndef POSTRIDER_RELAY_QUEUE_LIST_H
#define POSTRIDER_RELAY_QUEUE_LIST_H

#include "relay/control.h"

struct message;
struct question;

/* The answer to a request for the list, or the next part of it. */
enum control_reply queue_list_answer(const struct question *q);

/* Why a message waits, for people; "" if it is on its way or about to be.
 * Borrowed, until the state of the message or of its smarthost changes. */
const char *queue_list_reason(const struct question *q,
                              const struct message *message);

#endif
