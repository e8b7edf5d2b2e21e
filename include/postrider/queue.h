/*
 * queue.h - the parts of postrider queue
 */
#ifndef POSTRIDER_POSTRIDER_QUEUE_H
#define POSTRIDER_POSTRIDER_QUEUE_H

#include <stdbool.h>

#include "control/protocol.h"
#include "util/error.h"

struct config;
struct strings;

/* Print what is known about a message. FAULT_INPUT if it is not listed. */
bool queue_show(const struct config *config, const char *id,
                struct error *err);
/* Print the message itself. FAULT_PERMISSION for users. */
bool queue_show_content(const struct config *config, const char *id,
                        struct error *err);

/* Send a request about each of the messages, and add up the answers. */
typedef bool queue_change(const struct config *config, enum request kind,
                          const struct strings *ids, struct changes *changes,
                          struct error *err);

/* Remove messages, and print how many were, and how many had left already:
 * of those on their way, that is waited for, 5 seconds at most. */
bool queue_remove_messages(const struct config *config,
                           const struct strings *ids, queue_change *change,
                           struct error *err);

/* The queue for a person at a terminal: what waits, and for what. */
bool queue_print_table(const struct config *config, struct error *err);

#endif
