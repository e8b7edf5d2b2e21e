/*
 * log.h - one line an event, to syslog (facility mail) or standard error
 *
 * Vocabulary: Postfix's. `ID: to=<bob@a.example>, relay=..., dsn=2.0.0,
 * status=sent (250 2.0.0 Ok)`. Arguments may be hostile: control characters
 * are shown as \xNN. Secrets are never arguments. A log that cannot be
 * written is not a failure.
 */
#ifndef POSTRIDER_UTIL_LOG_H
#define POSTRIDER_UTIL_LOG_H

enum log_target { LOG_TO_SYSLOG, LOG_TO_STDERR, LOG_TO_NOBODY };
enum log_level { LOG_LEVEL_ALERT, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
                 LOG_LEVEL_INFO };

/*
 * Choose target and name for this process; the name is copied. Before it,
 * lines are dropped. No descriptor is open before the first line: one from
 * before a fork is closed.
 */
void log_open(enum log_target target, const char *name);

/* Connect to the log now: later, this process may not. */
void log_connect(void);

void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
