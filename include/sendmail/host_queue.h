/*
 * host_queue.h - submit to the daemon's socket when drop/ cannot be written
 *
 * A container has the socket of its host and no spool. It is SMTP that they
 * share, which does not depend on the versions of the programs on either side:
 * a file in the form of the spool would. So this is a second client of SMTP,
 * for one server.
 */
#ifndef POSTRIDER_SENDMAIL_HOST_QUEUE_H
#define POSTRIDER_SENDMAIL_HOST_QUEUE_H

#include <stdbool.h>

#include "util/error.h"

struct config;
struct draft;

/*
 * Submit an ended draft to the `sendmail -bs` that serves the Unix socket at
 * path. That one decides again, by the daemon's configuration; a sender that is
 * a local name stays one, if config is root's, which has the same domain. True:
 * it is stored durably; *id is then the queue-id, which the caller frees, or
 * NULL if the server does not name it. FAULT_TEMPORARY, or FAULT_DATA when it
 * is refused for good.
 *
 * Recipients that are invalid are passed on by XFLAW, for the report to the
 * sender, where the server lists that extension, which is ours; older ones do
 * not, and then they are logged.
 */
bool host_queue_send(const char *path, const struct config *config,
                     struct draft *draft, char **id, struct error *err);

#endif
