/*
 * changes.h - what clients change about messages in the queue
 *
 * Each call changes some milliseconds' worth of the messages that a question
 * names, of those that its client may see; the answer, after the last, counts
 * them. A change that cannot be written is logged and not made, and the answer
 * ends with an error.
 */
#ifndef POSTRIDER_RELAY_CHANGES_H
#define POSTRIDER_RELAY_CHANGES_H

#include "relay/control.h"

struct question;

/* The message whose queue-id is the argument, or "all". */
enum control_reply changes_retry(const struct question *q);
enum control_reply changes_hold(const struct question *q);
enum control_reply changes_release(const struct question *q);
/* One that a worker has may be delivered in this moment: it is removed when it
 * comes back, unless it is done then. */
enum control_reply changes_remove(const struct question *q);

/* Have all messages tried, whatever the argument is; or those that it matches,
 * a filter of control/request.h. */
enum control_reply changes_retry_all(const struct question *q);
enum control_reply changes_retry_matched(const struct question *q);

/* The message in failed/ whose queue-id is the argument: back in the queue, and
 * due at once. */
enum control_reply changes_requeue(const struct question *q);

#endif
