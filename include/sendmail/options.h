/*
 * options.h - the command line of sendmail
 *
 * sendmail(8) is the reference. Options stop at the first recipient, so that
 * a recipient is never taken for an option. No option opens a file, chooses a
 * configuration or raises a privilege.
 */
#ifndef POSTRIDER_SENDMAIL_OPTIONS_H
#define POSTRIDER_SENDMAIL_OPTIONS_H

#include <stdbool.h>

#include "sendmail/mode.h"
#include "sendmail/submit.h"
#include "util/error.h"

struct options {
    enum mode mode;
    char mode_letter;       /* the one given with -b, or 0 */
    struct submission message;
    bool verbose;           /* -v, -ov */
    bool show_version;      /* -d0.1 */
    char error_mode;        /* -e, -oe: p m w q e */
    char delivery_mode;     /* -od: b, i (f) or q (d); 0 if not given */
    unsigned command_timeout;   /* -OTimeout.command: seconds -bs waits for a
                                 * command; 0 if not given */
    const char *connections_file;   /* -OConnectionsFile: where -bs counts
                                 * those of a user; NULL if not given */
    const char *queue_run;  /* value of -q, "" without one; NULL: no -q */
};

/*
 * Read the command line. Strings in opt are borrowed from argv. FAULT_USAGE;
 * opt then has what was read so far, mode and error mode among it.
 */
bool options_parse(struct options *opt, int argc, char **argv,
                   struct error *err);

/* Is nothing to be printed but what was asked for (-oeq)? */
bool options_quiet(const struct options *opt);

#endif
