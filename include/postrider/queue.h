/*
 * queue.h - the parts of postrider queue
 */
#ifndef POSTRIDER_POSTRIDER_QUEUE_H
#define POSTRIDER_POSTRIDER_QUEUE_H

#include <stdbool.h>

#include "util/error.h"

struct config;

/* Print what is known about a message. FAULT_INPUT if it is not listed. */
bool queue_show(const struct config *config, const char *id,
                struct error *err);
/* Print the message itself. FAULT_PERMISSION for users. */
bool queue_show_content(const struct config *config, const char *id,
                        struct error *err);

/* The queue for a person at a terminal: what waits, and for what. */
bool queue_print_table(const struct config *config, struct error *err);

#endif
