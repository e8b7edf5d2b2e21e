/*
 * commands.h - the modes of sendmail, one function each
 *
 * Each prints what was asked for on standard output. False with the fault;
 * an empty text means that all has been printed.
 */
#ifndef POSTRIDER_SENDMAIL_COMMANDS_H
#define POSTRIDER_SENDMAIL_COMMANDS_H

#include <stdbool.h>

#include "util/error.h"

struct config;
struct options;

typedef bool command(const struct options *opt, struct error *err);

command command_deliver;        /* -bm: returns only on failure in direct
                                 * delivery, see exec.h */
command command_smtp;           /* -bs */
command command_verify;         /* -bv */
command command_aliases;        /* -bi, newaliases */
command command_queue_list;     /* -bp, mailq */
command command_queue_count;    /* -bP */
command command_queue_run;      /* -q */
command command_daemon;         /* -bd, -bD */
command command_check;          /* -bC */
command command_host_status;    /* -bh, -bH */
command command_unknown;        /* -bt, -bl, -bz */
command command_version;        /* --version, -d0.1 */
command command_help;           /* --help */

/* The configuration that goes for this process, and its log opened. NULL with
 * FAULT_CONFIG. The caller frees it. */
struct config *command_config(struct error *err);

/*
 * Store a message in the queue, durable on return. With -odi wait for the first
 * attempt; a recipient that it refused is a failure.
 *
 * id   becomes the queue-id, which the caller frees; NULL if that is not known
 */
struct submission;
bool deliver_to_queue(const struct options *opt,
                      const struct submission *given,
                      const struct config *config, char **id,
                      struct error *err);

/* Log why a message was refused: many callers never read what is printed. */
void command_log_refusal(const struct error *err);

#endif
