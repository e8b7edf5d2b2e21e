#include "postrider/commands.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "config/password.h"
#include "spool/spool.h"
#include "util/error.h"
#include "util/process.h"
#include "util/secret.h"

/* One finding a line; the worst decides the exit status. */
static void tell(const char *what, bool right, const struct error *err,
                 int *status)
{
    if (right) {
        printf("%s: ok\n", what);
    } else {
        printf("%s: %s\n", what, err->text);
        *status = error_exit_status(err->fault);
    }
}

static void check_passwords(const struct config *config, int *status)
{
    for (size_t i = 0; i < config->smarthost_count; i++) {
        const struct smarthost *smarthost = &config->smarthosts[i];
        struct secret secret = { 0 };
        struct error err = { 0 };

        if (!password_configured(smarthost))
            continue;
        bool right = password_fetch(config, smarthost, &secret, &err);
        secret_wipe(&secret);
        printf("smarthost %s: ", smarthost->name);
        tell("password", right, &err, status);
    }
}

int command_check(int argc, char **argv)
{
    struct error err = { 0 };
    struct spool spool;
    int status = EX_OK;

    (void)argv;
    if (argc > 1) {
        error_set(&err, FAULT_USAGE, "usage: postrider check");
        return command_fail(&err);
    }
    process_hide_memory();
    struct config *config = config_load(&err);
    if (config == NULL)
        return command_fail(&err);
    tell(*config->path != '\0' ? config->path : "configuration (defaults)",
         config_check_files(config, &err), &err, &status);
    if (config->smarthost_count == 0)
        tell("smarthosts", error_set(&err, FAULT_CONFIG, "none: add a section "
                                     "smarthost \"main\" { host = ... }"),
             &err, &status);
    if (config->delivery == DELIVERY_QUEUE) {
        /* As the daemon will see it. */
        bool right = become_daemon_user(config, &err) &&
                     spool_open(&spool, config->spool, true, &err);
        tell("spool", right, &err, &status);
        if (right)
            spool_close(&spool);
    }
    check_passwords(config, &status);
    config_free(config);
    return status;
}
