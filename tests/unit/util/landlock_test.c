#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "restricted.h"
#include "util/alloc.h"
#include "util/landlock.h"
#include "util/text.h"

struct rules {
    struct landlock_rules *rules;
    unsigned leave;
    int version;                /* the least that makes sense */
};

static bool enforce(const void *argument)
{
    const struct rules *rules = argument;
    struct error err;

    return landlock_enforce(rules->rules, rules->leave, &err) >=
           rules->version;
}

/* Directories named after what is allowed in them, each with a file "old". */
static const char *const folders[] = {
    "read", "execute", "remove", "write", "change", "change2", "nothing"
};

struct place {
    char path[32];
    int folder;                 /* a descriptor of the whole */
};

static void make_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0700);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
    close(fd);
}

static int make_place(void **state)
{
    struct place *place = alloc_zero(1, sizeof *place);

    memcpy(place->path, "/tmp/landlock_test.XXXXXX", 26);
    if (mkdtemp(place->path) == NULL)
        return -1;
    place->folder = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(folders); i++) {
        char *old = alloc_format("%s/old", folders[i]);
        mkdirat(place->folder, folders[i], 0700);
        make_file(place->folder, old);
        free(old);
    }
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    for (size_t i = 0; i < COUNT(folders); i++) {
        int fd = openat(place->folder, folders[i], O_RDONLY | O_CLOEXEC);
        unlinkat(fd, "old", 0);
        unlinkat(fd, "new", 0);
        close(fd);
        unlinkat(place->folder, folders[i], AT_REMOVEDIR);
    }
    rmdir(place->path);
    close(place->folder);
    free(place);
    return 0;
}

static void allow(struct landlock_rules *rules, const struct place *place,
                  const char *folder, enum landlock_right right)
{
    char *path = alloc_format("%s/%s", place->path, folder);

    landlock_allow(rules, path, right);
    free(path);
}

struct attempt {
    const struct place *place;
    const char *folder;
};

static int open_in(const struct attempt *attempt, const char *name, int flags)
{
    char *path = alloc_format("%s/%s", attempt->folder, name);
    int fd = openat(attempt->place->folder, path, flags | O_CLOEXEC, 0600);

    free(path);
    return fd;
}

static long read_file(const void *attempt)
{
    return open_in(attempt, "old", O_RDONLY);
}

static long list_folder(const void *attempt)
{
    return open_in(attempt, "", O_RDONLY | O_DIRECTORY);
}

static long write_file(const void *attempt)
{
    return open_in(attempt, "old", O_WRONLY | O_APPEND);
}

static long truncate_file(const void *attempt)
{
    return open_in(attempt, "old", O_WRONLY | O_TRUNC);
}

static long make_new_file(const void *attempt)
{
    return open_in(attempt, "new", O_WRONLY | O_CREAT);
}

static long make_folder(const void *argument)
{
    const struct attempt *attempt = argument;
    char *path = alloc_format("%s/folder", attempt->folder);
    long result = mkdirat(attempt->place->folder, path, 0700);

    free(path);
    return result;
}

static long remove_file(const void *argument)
{
    const struct attempt *attempt = argument;
    char *path = alloc_format("%s/old", attempt->folder);
    long result = unlinkat(attempt->place->folder, path, 0);

    free(path);
    return result;
}

static long rename_file(const void *argument)
{
    const struct attempt *attempt = argument;
    char *from = alloc_format("%s/old", attempt->folder);
    char *to = alloc_format("%s/new", attempt->folder);
    long result = renameat(attempt->place->folder, from,
                           attempt->place->folder, to);

    free(from);
    free(to);
    return result;
}

static long move_file(const void *argument)
{
    const struct attempt *attempt = argument;
    char *from = alloc_format("%s/old", attempt->folder);
    long result = renameat(attempt->place->folder, from,
                           attempt->place->folder, "change2/new");

    free(from);
    return result;
}

static long execute_file(const void *argument)
{
    const struct attempt *attempt = argument;
    char *path = alloc_format("%s/%s/old", attempt->place->path,
                              attempt->folder);
    long result = execl(path, path, (char *)NULL);

    free(path);
    return result;
}

static const struct {
    const char *what;
    long (*attempt)(const void *);
    const char *folder;
    int version;                /* since which it can be denied */
    int expected;
} cases[] = {
    { "read",           read_file,      "read",     1, 0 },
    { "list",           list_folder,    "read",     1, 0 },
    { "write",          write_file,     "read",     1, EACCES },
    { "make",           make_new_file,  "read",     1, EACCES },
    { "unlink",         remove_file,    "read",     1, EACCES },
    { "truncate",       truncate_file,  "read",     1, EACCES },
    { "execute",        execute_file,   "read",     1, EACCES },
    { "execute",        execute_file,   "execute",  1, 0 },
    { "write",          write_file,     "execute",  1, EACCES },
    { "read",           read_file,      "remove",   1, 0 },
    { "write",          write_file,     "remove",   1, EACCES },
    { "make",           make_new_file,  "remove",   1, EACCES },
    { "rename",         rename_file,    "remove",   1, EACCES },
    { "unlink",         remove_file,    "remove",   1, 0 },
    { "write",          write_file,     "write",    1, 0 },
    { "make",           make_new_file,  "write",    1, EACCES },
    { "unlink",         remove_file,    "write",    1, EACCES },
    { "truncate",       truncate_file,  "write",    3, EACCES },
    { "make",           make_new_file,  "change",   1, 0 },
    { "make a folder",  make_folder,    "change",   1, EACCES },
    { "list",           list_folder,    "write",    1, EACCES },
    { "truncate",       truncate_file,  "change",   1, 0 },
    { "execute",        execute_file,   "change",   1, EACCES },
    { "rename",         rename_file,    "change",   1, 0 },
    { "move",           move_file,      "change",   2, 0 },
    { "move",           move_file,      "remove",   2, EXDEV },
    { "read",           read_file,      "nothing",  1, EACCES },
    { "list",           list_folder,    "nothing",  1, EACCES },
    { "unlink",         remove_file,    "nothing",  1, EACCES },
};

static struct landlock_rules *rules_for(const struct place *place)
{
    struct landlock_rules *rules = landlock_new();

    allow(rules, place, "read", LANDLOCK_READ);
    allow(rules, place, "execute", LANDLOCK_EXECUTE);
    allow(rules, place, "remove", LANDLOCK_REMOVE);
    allow(rules, place, "write", LANDLOCK_WRITE);
    allow(rules, place, "change", LANDLOCK_CHANGE);
    allow(rules, place, "change2", LANDLOCK_CHANGE);
    landlock_allow(rules, "/nonexistent/file", LANDLOCK_CHANGE);
    landlock_allow(rules, NULL, LANDLOCK_READ);
    /* What an executable needs is allowed, so that the script's own right
     * decides. */
    landlock_allow(rules, "/bin", LANDLOCK_EXECUTE);
    landlock_allow(rules, "/lib", LANDLOCK_EXECUTE);
    landlock_allow(rules, "/lib64", LANDLOCK_EXECUTE);
    landlock_allow(rules, "/usr", LANDLOCK_EXECUTE);
    return rules;
}

static void allows_files_what_was_said(void **state)
{
    const struct place *place = *state;
    struct landlock_rules *rules = rules_for(place);

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct attempt attempt = { place, cases[i].folder };
        const struct rules restriction = { rules, 0, cases[i].version };
        char *old = alloc_format("%s/old", cases[i].folder);

        make_file(place->folder, old);
        free(old);
        int result = in_restricted_child(enforce, &restriction,
                                         cases[i].attempt, &attempt);
        if (result == UNSUPPORTED)
            continue;
        if (result != cases[i].expected)
            fail_msg("%s in %s: %d instead of %d", cases[i].what,
                     cases[i].folder, result, cases[i].expected);
    }
    landlock_free(rules);
}

/* A socket that listens at the address, which is filled in. */
static int listen_at(struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, address, &size), 0);
    return fd;
}

static long connect_tcp(const void *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return connect(fd, address, sizeof(struct sockaddr_in));
}

static long bind_tcp(const void *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return bind(fd, address, sizeof(struct sockaddr_in));
}

static void allows_the_ports_that_were_named(void **state)
{
    struct sockaddr_in named = { .sin_family = AF_INET }, other;
    struct landlock_rules *rules = landlock_new();
    const struct rules restriction = { rules, 0, 4 };
    const struct rules without = { rules, LANDLOCK_LEAVE_TCP, 4 };

    (void)state;
    named.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct sockaddr_in any = other = named;
    int first = listen_at((struct sockaddr *)&named, sizeof named);
    int second = listen_at((struct sockaddr *)&other, sizeof other);
    landlock_allow_connect(rules, ntohs(named.sin_port));
    int result = in_restricted_child(enforce, &restriction, connect_tcp,
                                     &named);
    if (result == UNSUPPORTED)
        skip();
    assert_int_equal(result, 0);
    assert_int_equal(in_restricted_child(enforce, &restriction, connect_tcp,
                                         &other), EACCES);
    assert_int_equal(in_restricted_child(enforce, &without, connect_tcp,
                                         &other), 0);
    assert_int_equal(in_restricted_child(enforce, &restriction, bind_tcp,
                                         &any), EACCES);
    landlock_allow_bind(rules, 0);
    assert_int_equal(in_restricted_child(enforce, &restriction, bind_tcp,
                                         &any), 0);
    landlock_free(rules);
    close(first);
    close(second);
}

static long signal_parent(const void *unused)
{
    (void)unused;
    return kill(getppid(), 0);
}

static long connect_unix(const void *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return connect(fd, address, sizeof(struct sockaddr_un));
}

static void keeps_to_its_own_processes(void **state)
{
    struct landlock_rules *rules = landlock_new();
    const struct rules nothing_left = { rules, 0, 6 };
    const struct rules signals_left = { rules, LANDLOCK_LEAVE_SIGNALS, 6 };
    const struct rules sockets_left = { rules, LANDLOCK_LEAVE_ABSTRACT, 6 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)state;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
             "landlock_test.%ld", (long)getpid());
    int fd = listen_at((struct sockaddr *)&address, sizeof address);
    int result = in_restricted_child(enforce, &nothing_left, signal_parent,
                                     NULL);
    if (result == UNSUPPORTED)
        skip();
    assert_int_equal(result, EPERM);
    assert_int_equal(in_restricted_child(enforce, &signals_left,
                                         signal_parent, NULL), 0);
    assert_int_equal(in_restricted_child(enforce, &nothing_left,
                                         connect_unix, &address), EPERM);
    assert_int_equal(in_restricted_child(enforce, &sockets_left,
                                         connect_unix, &address), 0);
    landlock_free(rules);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allows_files_what_was_said,
                                        make_place, remove_place),
        cmocka_unit_test(allows_the_ports_that_were_named),
        cmocka_unit_test(keeps_to_its_own_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
