/* main.c - the program sendmail: the table of its modes */
#include <stdio.h>
#include <unistd.h>

#include "mail/reader.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "util/log.h"
#include "util/process.h"

#define USAGE_PATIENCE 2000     /* milliseconds without input: no writer */

static command *const commands[] = {
    [MODE_DELIVER]     = command_deliver,
    [MODE_SMTP]        = command_smtp,
    [MODE_VERIFY]      = command_verify,
    [MODE_ALIASES]     = command_aliases,
    [MODE_QUEUE_LIST]  = command_queue_list,
    [MODE_QUEUE_COUNT] = command_queue_count,
    [MODE_QUEUE_RUN]   = command_queue_run,
    [MODE_DAEMON]      = command_daemon,
    [MODE_CHECK]       = command_check,
    [MODE_HOST_STATUS] = command_host_status,
    [MODE_UNKNOWN]     = command_unknown,
    [MODE_VERSION]     = command_version,
    [MODE_HELP]        = command_help,
};

static bool run_mode(const struct options *opt, struct error *err)
{
    if (opt->show_version && opt->mode != MODE_VERSION) {
        command_version(opt, err);
        fflush(stdout);             /* what follows may be another program */
    }
    return commands[opt->mode](opt, err);
}

static void print_usage(const struct options *opt, const struct error *err)
{
    if (opt->mode == MODE_DELIVER)
        command_log_refusal(err);
    if (!options_quiet(opt))
        fprintf(stderr, "sendmail: %s\nusage: sendmail [OPTION ...] "
                "[RECIPIENT ...]   (sendmail --help lists them)\n", err->text);
}

/*
 * After an error read the rest of standard input, so that its writer does not
 * get SIGPIPE; after a usage error only for a while, since a person who tries
 * the options may never end the input.
 */
static void drain_input(const struct options *opt, const struct error *err)
{
    if (opt->mode == MODE_SMTP || err->fault == FAULT_USAGE)
        reader_drain(STDIN_FILENO, USAGE_PATIENCE);
    else
        reader_drain(STDIN_FILENO, -1);
}

int main(int argc, char **argv)
{
    struct options opt;
    struct error err = { 0 };

    process_start();
    log_open(LOG_TO_SYSLOG, "postrider/sendmail");
    if (!options_parse(&opt, argc, argv, &err))
        print_usage(&opt, &err);
    else if (run_mode(&opt, &err))
        return 0;
    else if (!options_quiet(&opt))
        fprintf(stderr, "sendmail: %s\n", err.text);

    if (opt.mode == MODE_DELIVER || opt.mode == MODE_SMTP)
        drain_input(&opt, &err);
    return error_exit_status(err.fault);
}
