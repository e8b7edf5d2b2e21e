#include "postrider/commands.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/manager.h"
#include "relay/worker.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/process.h"

/* The directory of the control socket belongs to the user of the daemon. */
static void make_run_directory(const struct config *config,
                               const struct passwd *user)
{
    char *directory = alloc_string(config->control);
    char *slash = strrchr(directory, '/');

    if (slash != NULL && slash != directory) {
        *slash = '\0';
        umask(022);
        if (mkdir(directory, 0755) == 0 &&
            chown(directory, user->pw_uid, user->pw_gid) == -1)
            log_line(LOG_LEVEL_WARNING, "%s: %s", directory, strerror(errno));
        umask(077);
    }
    free(directory);
}

/* Root has no business in the spool. */
bool become_daemon_user(const struct config *config, struct error *err)
{
    if (geteuid() != 0 || strcmp(config->user, "root") == 0)
        return true;
    struct passwd *user = getpwnam(config->user);
    if (user == NULL)
        return error_set(err, FAULT_CONFIG, "user \"%s\" does not exist: "
                         "useradd --system --user-group %s, or set user",
                         config->user, config->user);
    make_run_directory(config, user);
    if (initgroups(config->user, user->pw_gid) == -1 ||
        setgid(user->pw_gid) == -1 || setuid(user->pw_uid) == -1)
        return error_sys(err, FAULT_PERMISSION, "become user %s",
                         config->user);
    return true;
}

static bool prepare(struct config **config, struct error *err)
{
    *config = config_load(err);
    if (*config == NULL)
        return false;
    log_open((*config)->log, "postrider/daemon");
    if (!become_daemon_user(*config, err))
        return false;
    process_hide_memory();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return config_check_files(*config, err);
}

int command_daemon(int argc, char **argv)
{
    struct config *config = NULL;
    struct error err = { 0 };
    enum manager_end end = MANAGER_FAILED;
    char *program = process_executable();

    if (argc > 1)
        error_set(&err, FAULT_USAGE, "daemon takes no arguments");
    else if (program == NULL)
        error_set(&err, FAULT_SYSTEM, "/proc is not mounted");
    else if (prepare(&config, &err))
        end = manager_run(config, program, &err);
    if (end == MANAGER_FAILED)
        log_line(LOG_LEVEL_ERROR, "not started: %s", err.text);
    config_free(config);

    /* All that counts is on disk: a new start is the simplest new reading. */
    if (end == MANAGER_RELOAD)
        execv(program, argv - 1);
    free(program);
    return end == MANAGER_STOPPED ? EX_OK
           : end == MANAGER_RELOAD ? EX_OSERR : command_fail(&err);
}

int command_worker(int argc, char **argv)
{
    struct error err = { 0 };

    process_hide_memory();
    struct config *config = config_load(&err);
    const struct smarthost *smarthost = NULL;
    if (config != NULL && argc == 2)
        smarthost = config_smarthost(config, argv[1]);
    if (config != NULL && smarthost == NULL)
        error_set(&err, FAULT_USAGE, "worker: no smarthost of that name");
    int status = smarthost == NULL ? command_fail(&err) : EX_OK;
    if (smarthost != NULL) {
        log_open(config->log, "postrider/worker");
        status = worker_run(config, smarthost, STDIN_FILENO, 3);
    }
    config_free(config);
    return status;
}
