/*
 * check.h - postrider check: findings about this machine
 *
 * A check is a function that looks at one thing and reports what it finds, a
 * line each, with a remedy for what is not right. All of them are rows of the
 * table in src/postrider/check.c.
 */
#ifndef POSTRIDER_POSTRIDER_CHECK_H
#define POSTRIDER_POSTRIDER_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

struct config;

struct check {
    const struct config *config;
    FILE *out;
    bool json;
    bool terminal;              /* lines are wrapped ... */
    bool coloured;              /* ... and severities have colours */
    const char *topic;          /* of the check that runs */
    size_t count;               /* findings so far */
    size_t warnings, errors;    /* of them */
    struct buf warning_lines;   /* which come after all that is well */
    struct buf error_lines;     /* which come last */
    enum fault worst;           /* of the errors so far */
    bool all_seen;              /* this process sees what the daemon sees */
};

/* Print what comes before and after all findings. */
void check_begin(struct check *check);
void check_end(struct check *check);

/* All is well. */
void check_ok(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Mail still goes; remedy is what is better, "" for nothing. */
void check_warn(struct check *check, const char *remedy, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

/* Mail does not go as it should, or is not safe. FAULT_CONFIG. */
void check_fail(struct check *check, const char *remedy, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

/* The same with what a function found: its text, place and remedy. */
void check_error(struct check *check, const struct error *err);

/* The caller may not see it: not an error. */
void check_unseen(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Part of a check of the file at path: a user who can write its folder can put
 * another one in its place. */
void check_folder(struct check *check, const char *path);

/* The checks. */
void check_configuration(struct check *check);
void check_smarthosts(struct check *check);
void check_names(struct check *check);
void check_senders(struct check *check);
void check_aliases(struct check *check);
void check_root(struct check *check);
void check_programs(struct check *check);
void check_log(struct check *check);
void check_group(struct check *check);
void check_file_system(struct check *check);
void check_failed(struct check *check);
void check_queue(struct check *check);
void check_left(struct check *check);
void check_daemon(struct check *check);
void check_sockets(struct check *check);
void check_lookup(struct check *check);
void check_spool(struct check *check);
void check_unread(struct check *check);
void check_tls(struct check *check);
void check_passwords(struct check *check);
void check_metrics(struct check *check);

#endif
