#include "relay/confine.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "net/tls_store.h"
#include "relay/connect.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/landlock.h"
#include "util/log.h"
#include "util/seccomp.h"
#include "util/text.h"

/* OpenSSL reads a certificate authority when a peer names it. The links in its
 * directory may lead to any of these. */
static void allow_authorities(struct landlock_rules *rules)
{
    static const char *const paths[] = { "/etc", "/usr/share", "/opt" };

    for (size_t i = 0; i < COUNT(paths); i++)
        landlock_allow(rules, paths[i], LANDLOCK_READ);
    tls_store_allow(rules);
}

/* The folder that path is in; files are replaced there. */
static void allow_around(struct landlock_rules *rules, const char *path,
                         enum landlock_right right)
{
    char *folder = path_folder(path);

    /* "127.0.0.1:25" is in none. */
    if (*path == '/')
        landlock_allow(rules, folder, right);
    free(folder);
}

static void allow_spool(struct landlock_rules *rules, const char *spool)
{
    static const struct {
        const char *name;
        enum landlock_right right;
    } folders[] = {
        { "drop", LANDLOCK_REMOVE },
        { "queue", LANDLOCK_CHANGE },
        { "state", LANDLOCK_CHANGE },
        { "failed", LANDLOCK_CHANGE },
    };

    for (size_t i = 0; i < COUNT(folders); i++) {
        char *path = alloc_format("%s/%s", spool, folders[i].name);
        landlock_allow(rules, path, folders[i].right);
        free(path);
    }
}

static int enforce_manager_files(const struct config *config,
                                 struct error *err)
{
    struct landlock_rules *rules = landlock_new();

    landlock_allow_system(rules);
    allow_spool(rules, config->spool);
    allow_around(rules, config->metrics, LANDLOCK_CHANGE);
    allow_around(rules, config->control, LANDLOCK_REMOVE);
    for (size_t i = 0; i < config->listen.count; i++)
        allow_around(rules, config->listen.items[i], LANDLOCK_REMOVE);
    int version = landlock_enforce(rules, 0, err);
    landlock_free(rules);
    return version;
}

void confine_manager(const struct config *config)
{
    struct error files = { 0 }, calls = { 0 };
    struct buf what;

    if (!config->sandbox) {
        log_line(LOG_LEVEL_WARNING, "sandbox: off, as configured");
        return;
    }
    int version = enforce_manager_files(config, &files);
    bool filtered = seccomp_enforce(SECCOMP_MANAGER, &calls);

    buf_init(&what, SIZE_MAX);
    if (version > 0)
        buf_add_format(&what, "landlock %d", version);
    else
        buf_add_format(&what, "no %s", files.text);
    buf_add_format(&what, ", %s", filtered ? "seccomp" : calls.text);
    log_line(LOG_LEVEL_INFO, "sandbox: %s", what.data);
    buf_free(&what);
}

void confine_worker_opening(const struct config *config,
                            const struct smarthost *smarthost,
                            const struct targets *targets)
{
    struct error err = { 0 };

    if (!config->sandbox)
        return;
    struct landlock_rules *rules = landlock_new();
    allow_authorities(rules);
    landlock_allow(rules, "/dev/urandom", LANDLOCK_READ);
    for (size_t i = 0; i < targets->count; i++)
        landlock_allow_connect(rules, targets->items[i].port);
    if (*smarthost->source_address != '\0')
        landlock_allow_bind(rules, 0);
    (void)landlock_enforce(rules, 0, &err);
    landlock_free(rules);
    (void)seccomp_enforce(SECCOMP_OPENING, &err);
}

void confine_worker_session(const struct config *config)
{
    struct error err = { 0 };

    if (config->sandbox)
        (void)seccomp_enforce(SECCOMP_WORKER, &err);
}
