/* queue.c - the modes about the queue: -bp (mailq), -bP, -q, -bd */
#include "sendmail/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "sendmail/handover.h"
#include "sendmail/options.h"
#include "util/alloc.h"
#include "util/text.h"

#define ANSWER_TIME 30000       /* milliseconds the daemon has */

/* Monitoring takes these words for an answer. */
bool command_queue_list(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);

    (void)opt;
    if (config == NULL)
        return false;
    bool done = true;
    if (config->delivery == DELIVERY_DIRECT)
        puts("Mail queue is empty");
    else
        done = listing_print(config->control, config->spool, false, "mailq",
                             stdout, err);
    config_free(config);
    return done;
}

static void count_item(void *context, const struct listing_item *item)
{
    size_t *count = context;

    (void)item;
    ++*count;
}

static void count_unread(void *context, size_t number, const char *text)
{
    size_t *count = context;

    (void)text;
    *count += number;
}

bool command_queue_count(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);
    size_t count = 0;
    const struct listing_reader reader = { .visit = count_item,
                                           .unread = count_unread,
                                           .context = &count };

    (void)opt;
    if (config == NULL)
        return false;
    bool done = config->delivery == DELIVERY_DIRECT ||
                listing_each(config->control, config->spool, &reader, err);
    if (done)
        printf("%zu\n", count);
    config_free(config);
    return done;
}

/* A time asks for what the daemon does anyway; groups, quarantined and lost
 * entries do not exist. */
static bool is_moot(const char *run)
{
    bool is_time = *run >= '1' && *run <= '9';

    run += *run == '!';
    return is_time || (*run != '\0' && strchr("GQL", *run) != NULL);
}

/* The answer is a number, or "error " and why nothing is tried. */
static void take_refusal(void *context, const char *line, size_t length)
{
    if (text_starts(line, "error "))
        error_set(context, FAULT_TEMPORARY, "%.*s", (int)length - 6, line + 6);
}

/* "-qIx" is the daemon's "run I x"; "-q" alone its "flush". */
static char *request_of(const char *run)
{
    const char *kind = run + (*run == '!');

    if (*kind == '\0' || strchr("IRS", *kind) == NULL || kind[1] == '\0')
        return alloc_string("flush");
    return alloc_format("run %s%c %s", *run == '!' ? "!" : "", *kind,
                        kind + 1);
}

bool command_queue_run(const struct options *opt, struct error *err)
{
    if (is_moot(opt->queue_run))
        return true;
    struct config *config = command_config(err);
    if (config == NULL)
        return false;
    char *request = request_of(opt->queue_run);
    struct error refusal = { 0 };
    /* In direct delivery nothing is ever left to be tried. */
    bool done = config->delivery == DELIVERY_DIRECT ||
                client_ask(config->control, request, ANSWER_TIME,
                           take_refusal, &refusal, err);
    if (done && refusal.fault != FAULT_NONE) {
        *err = refusal;
        done = false;
    }
    free(request);
    config_free(config);
    return done;
}

/* -bd, and smtpd: the caller goes on; -bD: it becomes the daemon. */
bool command_daemon(const struct options *opt, struct error *err)
{
    return handover_daemon(opt->mode_letter != 'D', err);
}
