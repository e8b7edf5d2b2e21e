/*
 * queue.h - the parts of postrider queue
 */
#ifndef POSTRIDER_POSTRIDER_QUEUE_H
#define POSTRIDER_POSTRIDER_QUEUE_H

#include <stdbool.h>

#include "util/error.h"
#include "util/strings.h"

struct config;

/*
 * The queue-ids that operands name, in lower case: whole ones, in any case,
 * which are believed; the beginning of one that is listed, if it is the only
 * one; and for "-" the words of standard input. "all", by itself, stays as it
 * is. operands ends with NULL. FAULT_USAGE if one is none of that.
 *
 * failed   beginnings are those of messages in failed/, instead of the queue
 */
bool queue_select(const struct config *config, char **operands, bool failed,
                  struct strings *ids, struct error *err);

/* Print what is known about a message. FAULT_INPUT if it is not listed. */
bool queue_show(const struct config *config, const char *id,
                struct error *err);
/* Print the message itself. FAULT_PERMISSION for users. */
bool queue_show_content(const struct config *config, const char *id,
                        struct error *err);

/* The queue for a person at a terminal: what waits, and for what. */
bool queue_print_table(const struct config *config, struct error *err);

#endif
