/*
 * reports.h - reports to the sender of a message, or to the postmaster
 *
 * A report is a message of the daemon's own in queue/. Its id is on disk with
 * the outcomes that it is about before it exists itself, so that a repetition
 * after a stop finds it.
 */
#ifndef POSTRIDER_RELAY_REPORTS_H
#define POSTRIDER_RELAY_REPORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/dsn.h"

struct config;
struct message;
struct spool;
struct strings;
struct totals;
struct reports;             /* fields: src/relay/reports.c */

/* Find out where reports go, and read no file for that any more. The others
 * are borrowed. */
struct reports *reports_new(const struct config *config,
                            const struct spool *spool, struct totals *totals);
void reports_free(struct reports *reports);             /* NULL is allowed */

/*
 * Report to the sender of a message, which is open, about the recipients that
 * such a report is about, if there are any.
 *
 * wall   now, in seconds since 1970
 * made   the queue-id of the report is added
 *
 * False: something could not be written. That is logged.
 */
bool reports_to_sender(struct reports *reports, struct message *message,
                       enum dsn_kind kind, int64_t wall,
                       struct strings *made);

/* A message without a sender failed: only the postmaster can get a report, and
 * does, once. HAS_NO_READER: not even that. */
enum report_result { REPORT_MADE, REPORT_IN_TROUBLE, REPORT_HAS_NO_READER };
enum report_result reports_to_postmaster(struct reports *reports,
                                         struct message *message, int64_t wall,
                                         struct strings *made);

#endif
