#include "sendmail/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/draft.h"
#include "util/alloc.h"
#include "util/process.h"

/* The program of that name in the folder of the running one; NULL if that is
 * not known. argv[0] says nothing: it may be any link, or just "sendmail". */
static char *find_beside(const char *name)
{
    char *self = process_executable();
    char *path = NULL;

    if (self != NULL) {
        *strrchr(self, '/') = '\0';
        path = alloc_format("%s/%s", self, name);
    }
    free(self);
    return path;
}

/* Become postrider; returns only on failure. */
static bool run_postrider(char **arguments, struct error *err)
{
    char *beside = find_beside(arguments[0]);

    if (beside != NULL)
        execv(beside, arguments);
    free(beside);
    execv(POSTRIDER_SBINDIR "/postrider", arguments);
    return error_sys(err, FAULT_SYSTEM, "run " POSTRIDER_SBINDIR "/postrider");
}

bool handover_direct(struct draft *draft, bool verbose, bool quiet,
                     struct error *err)
{
    static char program[] = "postrider", direct[] = "direct";
    static char verbosely[] = "-v", quietly[] = "-q";
    char *arguments[5] = { program, direct };
    size_t count = 2;

    if (verbose)
        arguments[count++] = verbosely;
    if (quiet)
        arguments[count++] = quietly;
    if (dup2(draft_descriptor(draft), STDIN_FILENO) == -1)
        return error_sys(err, FAULT_SYSTEM, "hand the message over");

    return run_postrider(arguments, err);
}

bool handover_daemon(struct error *err)
{
    static char program[] = "postrider", daemon[] = "daemon";
    char *arguments[] = { program, daemon, NULL };

    return run_postrider(arguments, err);
}
