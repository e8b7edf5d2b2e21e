#include "sendmail/commands.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "sendmail/options.h"

/* Whether there is a queue is the configuration's matter. */
static bool ask_delivery(enum delivery *delivery, struct error *err)
{
    struct config *config = command_config(err);

    if (config == NULL)
        return false;
    *delivery = config->delivery;
    config_free(config);
    return true;
}

static bool no_queue_yet(struct error *err)
{
    return error_set(err, FAULT_UNAVAILABLE, "this version has no queue: set "
                     "delivery = direct");
}

/* Monitoring takes these words for an answer. */
bool command_queue_list(const struct options *opt, struct error *err)
{
    enum delivery delivery;

    (void)opt;
    if (!ask_delivery(&delivery, err))
        return false;
    if (delivery != DELIVERY_DIRECT)
        return no_queue_yet(err);
    puts("Mail queue is empty");
    return true;
}

bool command_queue_count(const struct options *opt, struct error *err)
{
    enum delivery delivery;

    (void)opt;
    if (!ask_delivery(&delivery, err))
        return false;
    if (delivery != DELIVERY_DIRECT)
        return no_queue_yet(err);
    puts("0");
    return true;
}

/* A time asks for what the daemon does anyway; groups, quarantined and lost
 * entries do not exist. */
static bool is_moot(const char *run)
{
    bool is_time = *run >= '1' && *run <= '9';

    run += *run == '!';
    return is_time || (*run != '\0' && strchr("GQL", *run) != NULL);
}

bool command_queue_run(const struct options *opt, struct error *err)
{
    enum delivery delivery;

    if (is_moot(opt->queue_run))
        return true;
    if (!ask_delivery(&delivery, err))
        return false;
    if (delivery != DELIVERY_DIRECT)
        return no_queue_yet(err);
    return error_set(err, FAULT_UNAVAILABLE, "this configuration delivers "
                     "directly: there is no queue");
}

bool command_daemon(const struct options *opt, struct error *err)
{
    (void)opt;
    return error_set(err, FAULT_UNAVAILABLE, "there is no daemon to start in "
                     "this version");
}
