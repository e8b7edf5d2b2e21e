#include "util/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/io.h"

/*
 * The kernel's interface (Documentation/userspace-api/landlock.rst), written
 * out: the headers of a distribution are older than the kernels it may run on.
 */
#define CREATE_VERSION      1u
#define RULE_PATH_BENEATH   1
#define RULE_NET_PORT       2

enum {
    FS_EXECUTE     = 1 << 0,
    FS_WRITE_FILE  = 1 << 1,
    FS_READ_FILE   = 1 << 2,
    FS_READ_DIR    = 1 << 3,
    FS_REMOVE_DIR  = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_REG    = 1 << 8,
    FS_FIRST       = (1 << 13) - 1,     /* all of version 1 */
    FS_REFER       = 1 << 13,           /* version 2: from another directory */
    FS_TRUNCATE    = 1 << 14,           /* version 3 */
    FS_IOCTL_DEV   = 1 << 15,           /* version 5 */

    NET_BIND_TCP    = 1 << 0,           /* version 4 */
    NET_CONNECT_TCP = 1 << 1,

    SCOPE_ABSTRACT  = 1 << 0,           /* version 6 */
    SCOPE_SIGNAL    = 1 << 1,

    /* The rights that a file, not a directory, can have. */
    FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,

    LATEST = 6          /* version 7 has new flags for the audit log only */
};

struct ruleset_attribute {
    uint64_t fs;
    uint64_t net;                       /* version 4 */
    uint64_t scoped;                    /* version 6 */
};

struct path_attribute {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

struct port_attribute {
    uint64_t allowed;
    uint64_t port;
};

static const uint64_t access_of[] = {
    [LANDLOCK_READ]    = FS_READ_FILE | FS_READ_DIR,
    [LANDLOCK_EXECUTE] = FS_READ_FILE | FS_READ_DIR | FS_EXECUTE,
    [LANDLOCK_REMOVE]  = FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE |
                         FS_REMOVE_DIR,
    [LANDLOCK_WRITE]   = FS_READ_FILE | FS_WRITE_FILE,
    [LANDLOCK_CREATE]  = FS_WRITE_FILE | FS_MAKE_REG,
    [LANDLOCK_CHANGE]  = FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE |
                         FS_REMOVE_DIR | FS_WRITE_FILE | FS_TRUNCATE |
                         FS_MAKE_REG | FS_REFER,
};

struct rule {
    char *path;             /* NULL: a port */
    uint16_t port;
    uint64_t allowed;
};

struct landlock_rules {
    struct rule *items;
    size_t count;
};

static long create_ruleset(const struct ruleset_attribute *attribute,
                           size_t size, unsigned flags)
{
#ifdef SYS_landlock_create_ruleset
    return syscall(SYS_landlock_create_ruleset, attribute, size, flags);
#else
    (void)attribute;
    (void)size;
    (void)flags;
    errno = ENOSYS;
    return -1;
#endif
}

static long add_rule(int ruleset, int type, const void *attribute)
{
#ifdef SYS_landlock_add_rule
    return syscall(SYS_landlock_add_rule, ruleset, type, attribute, 0);
#else
    (void)ruleset;
    (void)type;
    (void)attribute;
    errno = ENOSYS;
    return -1;
#endif
}

static long restrict_self(int ruleset)
{
#ifdef SYS_landlock_restrict_self
    return syscall(SYS_landlock_restrict_self, ruleset, 0);
#else
    (void)ruleset;
    errno = ENOSYS;
    return -1;
#endif
}

struct landlock_rules *landlock_new(void)
{
    return alloc_zero(1, sizeof(struct landlock_rules));
}

void landlock_free(struct landlock_rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->count; i++)
        free(rules->items[i].path);
    free(rules->items);
    free(rules);
}

static void add(struct landlock_rules *rules, struct rule rule)
{
    rules->items = alloc_resize(rules->items, rules->count + 1, sizeof rule);
    rules->items[rules->count++] = rule;
}

void landlock_allow(struct landlock_rules *rules, const char *path,
                    enum landlock_right right)
{
    if (path == NULL || *path == '\0')
        return;
    add(rules, (struct rule){ .path = alloc_string(path),
                              .allowed = access_of[right] });
}

void landlock_allow_system(struct landlock_rules *rules)
{
    landlock_allow(rules, "/dev/urandom", LANDLOCK_READ);
    landlock_allow(rules, "/etc/localtime", LANDLOCK_READ);
    landlock_allow(rules, "/usr/share/zoneinfo", LANDLOCK_READ);
}

void landlock_allow_connect(struct landlock_rules *rules, uint16_t port)
{
    add(rules, (struct rule){ .port = port, .allowed = NET_CONNECT_TCP });
}

void landlock_allow_bind(struct landlock_rules *rules, uint16_t port)
{
    add(rules, (struct rule){ .port = port, .allowed = NET_BIND_TCP });
}

/* All that this version can deny, but for what is left. */
static struct ruleset_attribute handled_by(int version, unsigned leave)
{
    struct ruleset_attribute handled = { .fs = FS_FIRST };

    if (version >= 2)
        handled.fs |= FS_REFER;
    if (version >= 3)
        handled.fs |= FS_TRUNCATE;
    if (version >= 4 && (leave & LANDLOCK_LEAVE_TCP) == 0)
        handled.net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (version >= 5)
        handled.fs |= FS_IOCTL_DEV;
    if (version >= 6 && (leave & LANDLOCK_LEAVE_ABSTRACT) == 0)
        handled.scoped |= SCOPE_ABSTRACT;
    if (version >= 6 && (leave & LANDLOCK_LEAVE_SIGNALS) == 0)
        handled.scoped |= SCOPE_SIGNAL;
    return handled;
}

/* An old kernel takes no attribute that is longer than it knows, unless the
 * rest is zero; from version 1 on that is so. */
static int create(const struct ruleset_attribute *handled, struct error *err)
{
    int ruleset = (int)create_ruleset(handled, sizeof *handled, 0);

    if (ruleset == -1)
        error_sys(err, FAULT_SYSTEM, "landlock: create a ruleset");
    return ruleset;
}

static bool add_path(int ruleset, const struct rule *rule, uint64_t handled,
                     struct error *err)
{
    struct path_attribute attribute = { .allowed = rule->allowed & handled };
    struct stat status;

    int fd = open(rule->path, O_PATH | O_CLOEXEC);
    if (fd == -1)
        return true;        /* what cannot be reached needs no permission */
    if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
        attribute.allowed &= FS_OF_FILES;
    attribute.parent = fd;
    long result = add_rule(ruleset, RULE_PATH_BENEATH, &attribute);
    if (result == -1)
        error_sys(err, FAULT_SYSTEM, "landlock: allow %s", rule->path);
    close(fd);
    return result == 0;
}

static bool add_port(int ruleset, const struct rule *rule, uint64_t handled,
                     struct error *err)
{
    const struct port_attribute attribute = {
        .allowed = rule->allowed & handled,
        .port = rule->port,
    };

    return attribute.allowed == 0 ||        /* not denied at all */
           add_rule(ruleset, RULE_NET_PORT, &attribute) == 0 ||
           error_sys(err, FAULT_SYSTEM, "landlock: allow port %u",
                     (unsigned)rule->port);
}

static bool needs_refer(const struct landlock_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].path != NULL &&
            (rules->items[i].allowed & FS_REFER) != 0)
            return true;
    return false;
}

/* The version to use; 0 if there is none that can express the rules. */
static int version_for(const struct landlock_rules *rules, struct error *err)
{
    long version = create_ruleset(NULL, 0, CREATE_VERSION);

    if (version == -1) {
        error_sys(err, FAULT_SYSTEM, "landlock: this kernel does not "
                         "support it");
        return 0;
    }
    /* The first version denies every move between directories. */
    if (version == 1 && needs_refer(rules)) {
        error_set(err, FAULT_SYSTEM, "landlock: the kernel has version 1 only "
                  "(Linux before 5.19)");
        return 0;
    }
    return version > LATEST ? LATEST : (int)version;
}

int landlock_enforce(const struct landlock_rules *rules, unsigned leave,
                     struct error *err)
{
    int version = version_for(rules, err);
    if (version == 0)
        return 0;
    const struct ruleset_attribute handled = handled_by(version, leave);
    int ruleset = create(&handled, err);
    bool done = ruleset != -1;

    for (size_t i = 0; done && i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        done = rule->path != NULL
               ? add_path(ruleset, rule, handled.fs, err)
               : add_port(ruleset, rule, handled.net, err);
    }
    if (done && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
                 restrict_self(ruleset) == -1))
        done = error_sys(err, FAULT_SYSTEM, "landlock: restrict the process");
    io_close(&ruleset);
    return done ? version : 0;
}
