/* queue.c - the modes about the queue: -bp (mailq), -bP, -q, -bd */
#include "sendmail/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "sendmail/exec.h"
#include "sendmail/options.h"
#include "util/alloc.h"

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
        done = listing_print(config, false, "mailq", stdout, err);
    config_free(config);
    return done;
}

static void count_item(void *context, const struct queue_item *item,
                       bool unattended)
{
    uint64_t *count = context;

    (void)item;
    (void)unattended;
    ++*count;
}

static void count_unread(void *context, const struct queue_unread *unread)
{
    uint64_t *count = context;

    *count += unread->count;
}

static void count_others(void *context, const struct queue_others *others)
{
    uint64_t *count = context;

    *count += others->count;
}

bool command_queue_count(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);
    uint64_t count = 0;
    const struct listing_reader reader = { .visit = count_item,
                                           .unread = count_unread,
                                           .others = count_others,
                                           .context = &count };

    (void)opt;
    if (config == NULL)
        return false;
    bool done = config->delivery == DELIVERY_DIRECT ||
                listing_each(config->control, config->spool, &reader, err);
    if (done)
        printf("%" PRIu64 "\n", count);
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

/* How many are tried is of no interest to the caller. */
static void ignore_line(void *context, char *text)
{
    (void)context;
    (void)text;
}

/* -qIx runs the messages with x in their queue-id; -q alone flushes. */
static bool ask_for_run(const struct config *config, const char *run,
                        struct error *err)
{
    struct client_question question = {
        .path = config->control, .request = REQUEST_FLUSH,
        .patience = CLIENT_PATIENCE,
    };
    const char *kind = run + (*run == '!');
    char *filter = NULL;

    if (*kind != '\0' && strchr("IRS", *kind) != NULL && kind[1] != '\0') {
        filter = request_filter(&(struct message_filter){
            .without = kind != run, .part = *kind, .text = kind + 1 });
        question.request = REQUEST_RUN;
        question.argument = filter;
    }
    bool done = client_ask(&question, ignore_line, NULL, err);
    free(filter);
    /* The daemon may do later what it refuses now. */
    if (!done && err->fault == FAULT_PERMISSION)
        err->fault = FAULT_TEMPORARY;
    return done;
}

bool command_queue_run(const struct options *opt, struct error *err)
{
    if (is_moot(opt->queue_run))
        return true;
    struct config *config = command_config(err);
    if (config == NULL)
        return false;
    /* In direct delivery nothing is ever left to be tried. */
    bool done = config->delivery == DELIVERY_DIRECT ||
                ask_for_run(config, opt->queue_run, err);
    config_free(config);
    return done;
}

/* -bd, and smtpd: the caller goes on; -bD: it becomes the daemon. */
bool command_daemon(const struct options *opt, struct error *err)
{
    return exec_daemon(opt->mode_letter != 'D', err);
}
