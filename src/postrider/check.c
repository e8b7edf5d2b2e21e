#include "postrider/check.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/commands.h"
#include "util/process.h"
#include "util/text.h"

/* The user as whom a check looks at files: root can read more than the daemon,
 * which is the one that has to read them. */
enum eyes { OF_CALLER, OF_DAEMON };

static const struct {
    const char *topic;
    void (*run)(struct check *check);
    enum eyes eyes;
    bool needs_queue;           /* nothing to see with delivery = direct */
} checks[] = {
    { "configuration", check_configuration, OF_CALLER, false },
    { "smarthosts", check_smarthosts, OF_CALLER, false },
    { "names", check_names, OF_CALLER, false },
    { "senders", check_senders, OF_CALLER, false },
    { "aliases", check_aliases, OF_CALLER, false },
    { "root", check_root, OF_CALLER, false },
    { "programs", check_programs, OF_CALLER, false },
    { "log", check_log, OF_CALLER, false },
    { "group", check_group, OF_CALLER, true },
    { "file system", check_file_system, OF_CALLER, true },
    { "daemon", check_daemon, OF_CALLER, true },
    { "sockets", check_sockets, OF_CALLER, true },
    { "queue", check_queue, OF_CALLER, true },
    { "left mail", check_left, OF_CALLER, true },
    { "failed", check_failed, OF_CALLER, true },
    /* Root is the daemon's user from here on. */
    { "spool", check_spool, OF_DAEMON, true },
    { "unread", check_unread, OF_DAEMON, true },
    { "metrics", check_metrics, OF_DAEMON, true },
    { "password", check_passwords, OF_DAEMON, false },
    { "tls", check_tls, OF_DAEMON, false },
    { "lookup", check_lookup, OF_DAEMON, false },
};

/* With direct delivery the caller needs no other user. */
static bool has_daemons_eyes(const struct config *config)
{
    if (config->delivery == DELIVERY_DIRECT)
        return true;
    const struct passwd *user = getpwnam(config->user);
    return user != NULL && user->pw_uid == geteuid();
}

static bool take_eyes(struct check *check)
{
    struct error err = { 0 };

    if (check->config->delivery == DELIVERY_QUEUE &&
        !become_daemon_user(check->config, &err)) {
        check->topic = "user";
        if (getpwnam(check->config->user) != NULL)
            check_error(check, &err);
        return false;               /* or check_group() reported it */
    }
    check->all_seen = has_daemons_eyes(check->config);
    return true;
}

static void run_checks(struct check *check, enum eyes eyes)
{
    for (size_t i = 0; i < COUNT(checks); i++) {
        if (checks[i].eyes != eyes ||
            (checks[i].needs_queue &&
             check->config->delivery == DELIVERY_DIRECT))
            continue;
        check->topic = checks[i].topic;
        checks[i].run(check);
    }
}

static void check_all(struct check *check)
{
    check->all_seen = geteuid() == 0 || has_daemons_eyes(check->config);
    run_checks(check, OF_CALLER);
    if (take_eyes(check))
        run_checks(check, OF_DAEMON);
}

static bool parse(struct check *check, bool *strict, int argc, char **argv)
{
    const char *no_colour = getenv("NO_COLOR");

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            check->json = true;
        else if (strcmp(argv[i], "--strict") == 0)
            *strict = true;
        else
            return false;
    check->terminal = isatty(STDOUT_FILENO);
    check->coloured = check->terminal && !check->json &&
                      (no_colour == NULL || *no_colour == '\0');
    return true;
}

int command_check(int argc, char **argv)
{
    struct error err = { 0 };
    struct check check = { .out = stdout };
    bool strict = false;

    if (!parse(&check, &strict, argc, argv)) {
        error_set(&err, FAULT_USAGE, "usage: postrider check [--json] "
                  "[--strict]");
        return command_fail(&err);
    }
    process_hide_memory();
    struct config *config = config_load(&err);
    check.config = config;
    check_begin(&check);
    if (config != NULL) {
        check_all(&check);
    } else {
        check.topic = checks[0].topic;
        check_error(&check, &err);
    }
    check_end(&check);
    config_free(config);
    return error_exit_status(strict && check.warnings > 0 &&
                             check.worst == FAULT_NONE ? FAULT_CONFIG
                                                       : check.worst);
}
