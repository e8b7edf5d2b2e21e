#include "sendmail/commands.h"

#include <unistd.h>

#include "config/config.h"
#include "sendmail/handover.h"
#include "sendmail/options.h"
#include "sendmail/submit.h"
#include "spool/draft.h"
#include "util/log.h"

struct config *command_config(struct error *err)
{
    struct config *config = config_load(err);

    if (config != NULL)
        log_open(config->log, "postrider/sendmail");
    return config;
}

static bool deliver_directly(const struct options *opt,
                             const struct config *config, struct error *err)
{
    if (config->smarthost_count == 0)
        return error_set(err, FAULT_CONFIG, "no smarthost is configured: add "
                         "a smarthost section to %s", *config->path != '\0'
                         ? config->path
                         : POSTRIDER_SYSCONFDIR "/postrider/postrider.conf");

    struct draft *draft = draft_new_unnamed(err);
    bool done = draft != NULL &&
                submit_message(&opt->message, config, draft, err) &&
                handover_direct(draft, opt->verbose, options_quiet(opt), err);
    draft_free(draft);
    return done;
}

static bool store(const struct options *opt, const struct config *config,
                  struct error *err)
{
    (void)opt;
    return error_set(err, FAULT_CONFIG, "delivery = queue needs the queue, "
                     "which this version does not have: set delivery = direct "
                     "in %s", *config->path != '\0' ? config->path
                     : POSTRIDER_SYSCONFDIR "/postrider/postrider.conf");
}

void command_log_refusal(const struct error *err)
{
    log_line(LOG_LEVEL_WARNING, "NOQUEUE: reject: uid=%lu: %s",
             (unsigned long)getuid(), err->text);
}

bool command_deliver(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);

    if (config == NULL) {
        command_log_refusal(err);
        return false;
    }
    bool done = config->delivery == DELIVERY_DIRECT
                ? deliver_directly(opt, config, err)
                : store(opt, config, err);
    /* Where the log is standard error, the caller's line is there already. */
    if (!done && (config->log != LOG_TO_STDERR || options_quiet(opt)))
        command_log_refusal(err);
    config_free(config);
    return done;
}
