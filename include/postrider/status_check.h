/*
 * status_check.h - postrider status --check: a line for a monitoring system
 */
#ifndef POSTRIDER_POSTRIDER_STATUS_CHECK_H
#define POSTRIDER_POSTRIDER_STATUS_CHECK_H

struct config;
struct error;

/*
 * One line for a monitoring system, as the Monitoring Plugins Development
 * Guidelines have it, on standard output: "POSTRIDER OK - text | figures".
 * Returns the exit status that goes with it: 0 OK, 1 WARNING, 2 CRITICAL.
 */
int status_check(const struct config *config);
/* For a configuration that is wrong or has no daemon: prints err, returns 3,
 * UNKNOWN. */
int status_check_fail(const struct error *err);

#endif
