#include "sendmail/exec.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "spool/draft.h"
#include "util/process.h"

/* Become postrider; returns only on failure. */
static bool exec_postrider(char **arguments, struct error *err)
{
    char *beside = process_beside(arguments[0]);

    if (beside != NULL)
        execv(beside, arguments);
    free(beside);
    execv(POSTRIDER_SBINDIR "/postrider", arguments);
    return error_sys(err, FAULT_SYSTEM, "run " POSTRIDER_SBINDIR "/postrider");
}

bool exec_direct(struct draft *draft, bool verbose, bool quiet,
                 int outcomes, struct error *err)
{
    static char program[] = "postrider", direct[] = "direct";
    static char verbosely[] = "-v", quietly[] = "-q";
    char option[16];
    char *arguments[6] = { program, direct };
    size_t count = 2;

    if (verbose)
        arguments[count++] = verbosely;
    if (quiet)
        arguments[count++] = quietly;
    if (outcomes != -1) {
        snprintf(option, sizeof option, "-o%d", outcomes);
        arguments[count++] = option;
    }
    if (dup2(draft_descriptor(draft), STDIN_FILENO) == -1)
        return error_sys(err, FAULT_SYSTEM, "hand the message over");

    return exec_postrider(arguments, err);
}

/* Off the terminal and the caller's descriptors. */
static void leave_caller(void)
{
    int null = open("/dev/null", O_RDWR);

    setsid();
    for (int fd = 0; null != -1 && fd <= 2; fd++)
        dup2(null, fd);
    if (chdir("/") == -1)
        _exit(EX_OSERR);
}

bool exec_daemon(bool background, struct error *err)
{
    static char program[] = "postrider", daemon[] = "daemon";
    char *arguments[] = { program, daemon, NULL };
    pid_t child = background ? fork() : 0;

    if (child == -1)
        return error_sys(err, FAULT_SYSTEM, "start the daemon");
    if (child > 0)
        return true;
    if (background)
        leave_caller();
    exec_postrider(arguments, err);
    if (background)
        _exit(EX_OSERR);        /* it can be reported no more */
    return false;
}
