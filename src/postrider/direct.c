/* direct.c - postrider direct: one attempt at the message on standard input */
#include "postrider/commands.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/terminal.h"
#include "relay/delivery.h"
#include "relay/log_delivery.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/process.h"
#include "util/text.h"

struct direct {
    bool verbose;
    bool quiet;             /* the exit status is enough (-oeq) */
    int outcomes;           /* a descriptor for records, as in
                             * sendmail/exec.h; -1: standard error */
};

static bool parse_descriptor(const char *text, int *fd)
{
    uint64_t number;

    if (!text_to_number(text, INT_MAX, &number) ||
        fcntl((int)number, F_GETFD) == -1)
        return false;
    *fd = (int)number;
    return true;
}

static bool parse(struct direct *direct, int argc, char **argv,
                  struct error *err)
{
    int letter;

    opterr = 0;
    while ((letter = getopt(argc, argv, "vqo:")) != -1) {
        if (letter == 'v')
            direct->verbose = true;
        else if (letter == 'q')
            direct->quiet = true;
        else if (letter == 'o' && parse_descriptor(optarg, &direct->outcomes))
            continue;
        else
            return error_set(err, FAULT_USAGE, "direct: bad option -%c",
                             optopt);
    }
    return optind == argc ||
           error_set(err, FAULT_USAGE, "direct takes no arguments");
}

static void show_dialogue(void *context, enum trace_event event,
                          const char *line)
{
    (void)context;
    if (event == TRACE_PROGRESS)
        terminal_progress("%s", line);
    else if (event <= TRACE_REMARK)
        text_print(stderr, "%c %s\n", TRACE_MARKS[event], line);
}

/* Has the whole attempt one outcome, before any recipient was named? */
static bool never_connected(const struct outcome *outcomes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outcomes[i].stage != STAGE_CONNECT)
            return false;
    return true;
}

/* A line for the caller. */
static void report(const struct direct *direct, const char *word,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(const struct direct *direct, const char *word,
                   const char *format, ...)
{
    struct buf text;
    va_list args;

    buf_init(&text, SIZE_MAX);
    va_start(args, format);
    text_escape_vformat(&text, format, args);
    va_end(args);
    if (direct->outcomes != -1)
        dprintf(direct->outcomes, "%s\t%s\n", word, text.data);
    else if (!direct->quiet)
        /* The caller of sendmail looks for its name before a diagnostic. */
        fprintf(stderr, "sendmail: %s\n", text.data);
    buf_free(&text);
}

/* Facts that the exit status cannot show. */
static void report_partial(const struct direct *direct,
                           const struct outcome *outcomes, size_t count)
{
    size_t sent = 0;

    for (size_t i = 0; i < count; i++)
        sent += outcomes[i].kind == OUTCOME_DELIVERED;
    if (sent > 0 && sent < count)
        report(direct, "partial", "sent to %zu of %zu recipients", sent, count);
}

static void report_recipient(const struct direct *direct, const char *path,
                             const struct outcome *outcome, const char *relay)
{
    const char *word = outcome_word(outcome);

    if (outcome->kind == OUTCOME_DELIVERED)
        return;
    char *shown = outcome_shown(outcome);
    if (outcome->stage == STAGE_LOCAL)
        report(direct, word, "%s: not sent: %s", path, shown);
    else
        report(direct, word, "%s: %s by %s: %s", path,
               outcome->kind == OUTCOME_FAILED ? "refused" : "deferred", relay,
               shown);
    free(shown);
}

static void report_caller(const struct direct *direct,
                          const struct attempt *attempt)
{
    const struct envelope *env = &attempt->entry->envelope;

    if (never_connected(attempt->outcomes, env->count)) {
        char *shown = outcome_shown(attempt->outcomes);
        report(direct, outcome_word(attempt->outcomes), "not sent: %s", shown);
        free(shown);
        return;
    }
    report_partial(direct, attempt->outcomes, env->count);
    for (size_t i = 0; i < env->count; i++)
        report_recipient(direct, env->recipients[i].path, &attempt->outcomes[i],
                         attempt->relays[i]);
}

static enum fault relay(const struct config *config, const struct entry *entry,
                        const struct direct *direct)
{
    size_t count = entry->envelope.count;
    struct attempt attempt = {
        .config = config,
        .entry = entry,
        .trace = direct->verbose ? show_dialogue : NULL,
        .outcomes = alloc_zero(count, sizeof *attempt.outcomes),
        .relays = alloc_zero(count, sizeof *attempt.relays),
    };
    int64_t start = clock_now();

    log_message(entry);
    attempt_run(&attempt);
    for (size_t i = 0; i < count; i++)
        log_recipient(NULL, &(struct attempted){
            .entry = entry,
            .index = i,
            .redirect = config->redirect_all,
            .outcome = &attempt.outcomes[i],
            .relay = attempt.relays[i],
            .delay = clock_now() - start,
        });
    report_caller(direct, &attempt);

    enum fault fault = outcome_fault(attempt.outcomes, count);
    for (size_t i = 0; i < count; i++) {
        outcome_free(&attempt.outcomes[i]);
        free(attempt.relays[i]);
    }
    free(attempt.outcomes);
    free(attempt.relays);
    return fault;
}

int command_direct(int argc, char **argv)
{
    struct direct direct = { .outcomes = -1 };
    struct config *config = NULL;
    struct entry *entry = NULL;
    struct error err = { 0 };

    process_hide_memory();
    if (parse(&direct, argc, argv, &err) &&
        (config = config_load(&err)) != NULL &&
        config_check_files(config, &err) &&
        (entry = entry_open(dup(STDIN_FILENO), NULL, &err)) != NULL &&
        entry_check(entry, &err)) {
        log_open(config->log, "postrider/direct");
        entry->uid = getuid();
        err.fault = relay(config, entry, &direct);
    } else {
        report(&direct, "deferred", "not sent: %s", err.text);
    }
    entry_free(entry);
    config_free(config);
    return error_exit_status(err.fault);
}
