/* daemon.c - postrider daemon: change the user, start manager and launcher */
#include "postrider/commands.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/launcher.h"
#include "relay/listen_address.h"
#include "relay/listener.h"
#include "relay/manager.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/log.h"
#include "util/process.h"
#include "util/user.h"

#define EXIT_RELOAD 100         /* of the manager: none of <sysexits.h> */

struct daemon {
    struct config *config;
    char *program;              /* this one */
    char *sendmail;             /* the one beside it */
    struct sockets *sockets;    /* this and the next are handed on by a
                                 * reload */
    struct servers servers;
    int signals;
};

/* The directory of the control socket belongs to the user of the daemon. */
static void make_run_directory(const struct config *config,
                               const struct passwd *user)
{
    char *folder = path_folder(config->control);

    umask(022);
    if (mkdir(folder, 0755) == 0 &&
        chown(folder, user->pw_uid, user->pw_gid) == -1)
        log_line(LOG_LEVEL_WARNING, "%s: %s", folder, strerror(errno));
    umask(077);
    free(folder);
}

static bool is_to_change_user(const struct config *config)
{
    return geteuid() == 0 && strcmp(config->user, "root") != 0;
}

/* Root has no business in the spool. */
bool become_daemon_user(const struct config *config, struct error *err)
{
    if (!is_to_change_user(config))
        return true;
    const struct passwd *user = user_find(config->user, err);
    if (user == NULL)
        return false;
    make_run_directory(config, user);
    return user_become(user, err);
}

/* Asked to give the folders to the caller, root would take them from the
 * daemon: the caller is wrong then, whatever else is. */
static bool may_have_spool(const struct config *config, struct error *err)
{
    const struct passwd *user = getpwnam(config->user);
    char *queue = alloc_format("%s/queue", config->spool);
    struct stat status;

    bool own = user == NULL || user->pw_uid == geteuid() ||
               (stat(queue, &status) == 0 && status.st_uid == geteuid());
    free(queue);
    return own ||
           error_set(err, FAULT_PERMISSION, "the spool %s belongs to user %s",
                     config->spool, config->user) ||
           error_remedy(err, "start the daemon as root or as that user; for "
                        "a daemon of your own, set spool and user in a "
                        "configuration of your own");
}

/* In a container the volume is empty, and no package makes it. */
static bool make_spool(const struct config *config, struct error *err)
{
    uid_t user = geteuid();
    gid_t group = getegid();

    if (!config->make_spool)
        return true;
    if (is_to_change_user(config)) {
        const struct passwd *daemon = user_find(config->user, err);
        if (daemon == NULL)
            return false;
        user = daemon->pw_uid;
        group = daemon->pw_gid;
    }
    return spool_make(config->spool, user, group, err);
}

static bool prepare(struct daemon *daemon, struct error *err)
{
    daemon->config = config_load(err);
    if (daemon->config == NULL)
        return false;
    log_open(daemon->config->log, "postrider/daemon");
    sockets_prepare(daemon->sockets, &daemon->config->listen);
    if (!make_spool(daemon->config, err) ||
        !become_daemon_user(daemon->config, err) ||
        !may_have_spool(daemon->config, err))
        return false;
    process_hide_memory();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return config_check_files(daemon->config, err);
}

/* Would a new start take what the files have now? */
static bool are_files_right(struct error *err)
{
    struct config *fresh = config_load(err);
    bool right = fresh != NULL && config_check_files(fresh, err);

    config_free(fresh);
    return right;
}

/* A configuration that is wrong must not take a running daemon down. */
static bool may_reload(void)
{
    struct error err = { 0 };

    if (are_files_right(&err))
        return true;
    log_line(LOG_LEVEL_ERROR, "not reloaded: %s", err.text);
    return false;
}

/* The manager's whole life, in a child process. */
static void manage(const struct daemon *daemon, int launcher, pid_t parent)
{
    struct error err = { 0 };
    enum manager_end end = MANAGER_FAILED;

    process_be_called("postrider-mgr");
    /* Without the launcher a new daemon will come: leave it the spool. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() == parent)
        end = manager_run(daemon->config, daemon->sockets, &daemon->servers,
                          launcher, &err);
    if (end == MANAGER_FAILED)
        log_line(LOG_LEVEL_ERROR, "not started: %s", err.text);
    _exit(end == MANAGER_STOPPED  ? EX_OK
          : end == MANAGER_RELOAD ? EXIT_RELOAD : command_fail(&err));
}

/* Both processes of the daemon; the wait(2) status of the manager. */
static int run_daemon(struct daemon *daemon, struct error *err)
{
    struct launcher_settings settings = {
        .config = daemon->config,
        .sendmail = daemon->sendmail,
        .servers = &daemon->servers,
        .may_reload = may_reload,
    };
    int ends[2] = { -1, -1 }, status = -1;
    pid_t self = getpid();

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1 ||
        (settings.manager = fork()) == -1) {
        error_sys(err, FAULT_SYSTEM, "start the manager");
    } else if (settings.manager == 0) {
        close(ends[0]);
        close(daemon->signals);
        manage(daemon, ends[1], self);
    } else {
        io_close(&ends[1]);
        settings.socket = ends[0];
        status = launcher_run(&settings, daemon->signals);
    }
    io_close(&ends[0]);
    io_close(&ends[1]);
    return status;
}

/* All that counts is on disk: a new start is the simplest way to read all files
 * again. */
static void execute_again(const struct daemon *daemon, char **argv)
{
    launcher_leave();
    sockets_leave(daemon->sockets);
    servers_leave(&daemon->servers);
    execv(daemon->program, argv);
    log_line(LOG_LEVEL_ERROR, "not started again: %s: %s", daemon->program,
             strerror(errno));
}

int command_daemon(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return are_files_right(&err) ? EX_OK : command_fail(&err);
    struct daemon daemon = {
        .program = process_executable(),
        .sendmail = process_beside("sendmail"),
        .sockets = sockets_new(),
        .signals = -1,
    };
    int status = -1;

    servers_inherit(&daemon.servers);
    if (argc > 1)
        error_set(&err, FAULT_USAGE, "daemon takes no arguments");
    else if (daemon.program == NULL || daemon.sendmail == NULL)
        error_set(&err, FAULT_SYSTEM, "/proc is not mounted");
    else if (launcher_prepare(&daemon.signals, &err) && prepare(&daemon, &err))
        status = run_daemon(&daemon, &err);
    if (status == -1)
        log_line(LOG_LEVEL_ERROR, "not started: %s", err.text);
    else if (WIFSIGNALED(status))
        log_line(LOG_LEVEL_ALERT, "ended by signal %d", WTERMSIG(status));
    config_free(daemon.config);
    io_close(&daemon.signals);

    bool reloads = status != -1 && WIFEXITED(status) &&
                   WEXITSTATUS(status) == EXIT_RELOAD;
    bool stops = reloads && launcher_is_stopped();
    if (reloads && !stops)
        execute_again(&daemon, argv - 1);
    sockets_free(daemon.sockets);
    free(daemon.program);
    free(daemon.sendmail);
    if (status == -1)
        return command_fail(&err);
    if (stops)
        return EX_OK;
    return WIFEXITED(status) && !reloads ? WEXITSTATUS(status) : EX_OSERR;
}
