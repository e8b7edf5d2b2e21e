/* direct.c - postrider direct: one attempt at the message on standard input */
#include "postrider/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/attempt.h"
#include "relay/report.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/process.h"
#include "util/text.h"

/* Whoever ran sendmail looks for its name in front of a diagnostic. */
static const char name[] = "sendmail";

struct direct {
    bool verbose;
    bool quiet;             /* the exit status says it all (-oeq) */
};

static bool parse(struct direct *direct, int argc, char **argv,
                  struct error *err)
{
    int letter;

    opterr = 0;
    while ((letter = getopt(argc, argv, "vq")) != -1) {
        if (letter == 'v')
            direct->verbose = true;
        else if (letter == 'q')
            direct->quiet = true;
        else
            return error_set(err, FAULT_USAGE, "direct: bad option -%c",
                             optopt);
    }
    return optind == argc ||
           error_set(err, FAULT_USAGE, "direct takes no arguments");
}

static void show_dialogue(void *context, char direction, const char *line)
{
    (void)context;
    if (direction != '?')
        text_print(stderr, "%c %s\n", direction, line);
}

/* Has the whole attempt come to one thing, before any recipient was named? */
static bool never_connected(const struct outcome *outcomes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outcomes[i].stage != STAGE_CONNECT)
            return false;
    return true;
}

/* The exit status cannot tell that somebody has the message already. `sendmail
 * -bs` goes by the first words. */
static void tell_partial(const struct outcome *outcomes, size_t count)
{
    size_t sent = 0;

    for (size_t i = 0; i < count; i++)
        sent += outcomes[i].kind == OUTCOME_DELIVERED;
    if (sent > 0 && sent < count)
        fprintf(stderr, "%s: sent to %zu of %zu recipients\n", name, sent,
                count);
}

static void tell_caller(const struct attempt *attempt)
{
    const struct envelope *env = &attempt->entry->envelope;

    if (never_connected(attempt->outcomes, env->count)) {
        text_print(stderr, "%s: not sent: %s\n", name,
                   attempt->outcomes[0].text);
        return;
    }
    tell_partial(attempt->outcomes, env->count);
    for (size_t i = 0; i < env->count; i++)
        if (attempt->outcomes[i].stage == STAGE_LOCAL)
            text_print(stderr, "%s: %s: not sent: %s\n", name,
                       env->recipients[i].path, attempt->outcomes[i].text);
        else if (attempt->outcomes[i].kind != OUTCOME_DELIVERED)
            text_print(stderr, "%s: %s: %s by %s: %s\n", name,
                       env->recipients[i].path,
                       attempt->outcomes[i].kind == OUTCOME_FAILED
                       ? "refused" : "deferred",
                       attempt->relays[i], attempt->outcomes[i].text);
}

static enum fault relay(const struct config *config, const struct entry *entry,
                        const struct direct *direct)
{
    size_t count = entry->envelope.count;
    struct attempt attempt = {
        .config = config,
        .entry = entry,
        .uid = getuid(),
        .trace = direct->verbose ? show_dialogue : NULL,
        .outcomes = alloc_zero(count, sizeof *attempt.outcomes),
        .relays = alloc_zero(count, sizeof *attempt.relays),
    };
    int64_t start = clock_now();

    report_entry(entry, attempt.uid);
    attempt_run(&attempt);
    for (size_t i = 0; i < count; i++)
        report_recipient(&(struct attempted){
            .entry = entry,
            .index = i,
            .redirect = config->redirect_all,
            .outcome = &attempt.outcomes[i],
            .relay = attempt.relays[i],
            .delay = clock_now() - start,
        });
    if (!direct->quiet)
        tell_caller(&attempt);

    enum fault fault = report_fault(attempt.outcomes, count);
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
    struct direct direct = { 0 };
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
        err.fault = relay(config, entry, &direct);
    } else if (!direct.quiet) {
        fprintf(stderr, "%s: not sent: %s\n", name, err.text);
    }
    entry_free(entry);
    config_free(config);
    return error_exit_status(err.fault);
}
