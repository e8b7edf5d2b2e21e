/*
 * import_queue.h - take over the mail that another mail system has left
 */
#ifndef POSTRIDER_POSTRIDER_IMPORT_QUEUE_H
#define POSTRIDER_POSTRIDER_IMPORT_QUEUE_H

#include <stdbool.h>

#include "util/error.h"

/*
 * Submit all messages in a folder as their senders would, and remove there what
 * was accepted. agent is dma or nullmailer. With NULL for the folder: those in
 * the usual places, and print how others have their mail sent. FAULT_TEMPORARY
 * if one stays, and why is on standard error.
 */
bool import_queue(const char *agent, const char *folder, struct error *err);

#endif
