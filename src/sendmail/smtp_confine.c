#include "sendmail/smtp_confine.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "config/config.h"
#include "spool/draft.h"
#include "util/alloc.h"
#include "util/landlock.h"
#include "util/log.h"
#include "util/sanitizer.h"
#include "util/scratch.h"
#include "util/seccomp.h"

#define MEMORY_MAX ((rlim_t)256 << 20)  /* octets: an aliases file and a header
                                         * section are all that is large */

/* Messages of others in drop/ are read and removed only where a file system
 * has no files without names. */
static void allow_drop(struct landlock_rules *rules, const char *spool)
{
    char *drop = alloc_format("%s/drop", spool);

    landlock_allow(rules, drop, LANDLOCK_CREATE);
    if (draft_needs_names(spool))
        landlock_allow(rules, drop, LANDLOCK_REMOVE);
    free(drop);
}

static void limit_files(const struct config *config)
{
    struct landlock_rules *rules = landlock_new();
    const char *place;
    struct error ignored;

    landlock_allow_system(rules);
    allow_drop(rules, config->spool);
    for (size_t i = 0; (place = scratch_place(i)) != NULL; i++)
        landlock_allow(rules, place, LANDLOCK_WRITE);
    if (SANITIZED)
        landlock_allow(rules, "/proc", LANDLOCK_READ);
    (void)landlock_enforce(rules, 0, &ignored);
    landlock_free(rules);
}

static void limit_resources(void)
{
    const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
    const struct rlimit none = { 0, 0 };

    if (SANITIZED)
        return;
    (void)setrlimit(RLIMIT_AS, &memory);
    (void)setrlimit(RLIMIT_NPROC, &none);
    (void)setrlimit(RLIMIT_CORE, &none);
}

void smtp_confine(const struct config *config)
{
    struct error ignored;

    if (!config->sandbox)
        return;
    log_connect();
    limit_files(config);
    limit_resources();
    (void)seccomp_enforce(SECCOMP_SERVER, &ignored);
}
