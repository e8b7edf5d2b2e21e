#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../util/restricted.h"
#include "config/config.h"
#include "sendmail/smtp_confine.h"
#include "util/alloc.h"
#include "util/landlock.h"
#include "util/text.h"

/* Where the kernel has no Landlock, nothing can be shown. */
static bool enforce(const void *config)
{
    struct landlock_rules *none = landlock_new();
    struct error err;
    pid_t probe = fork();
    int status = 0;

    if (probe == 0)
        syscall(SYS_exit_group, landlock_enforce(none, 0, &err) == 0);
    waitpid(probe, &status, 0);
    landlock_free(none);
    if (status != 0)
        return false;
    smtp_confine(config);
    return true;
}

static long read_file(const void *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static long make_file(const void *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static long remove_file(const void *path)
{
    return unlink(path);
}

static long take_socket(const void *unused)
{
    (void)unused;
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long signal_parent(const void *unused)
{
    (void)unused;
    return kill(getppid(), SIGUSR1);
}

static void holds_a_server(void **state)
{
    static const struct {
        const char *what;
        long (*attempt)(const void *);
        const char *path;
        int expected;
    } cases[] = {
        { "read a password",        read_file, "password", EACCES },
        { "read the configuration", read_file, "postrider.conf", EACCES },
        { "read the queue",         read_file, "queue/a", EACCES },
        { "read a state",           read_file, "state/a", EACCES },
        { "forge a journal",        make_file, "state/journal.0", EACCES },
        { "remove a copy",          remove_file, "queue/a", EACCES },
        { "read another's message", read_file, "drop/a", EACCES },
        { "remove it",              remove_file, "drop/a", EACCES },
        { "list the messages",      read_file, "drop", EACCES },
        { "leave a message",        make_file, "drop/b", 0 },
        { "read a time zone",       read_file, "/usr/share/zoneinfo", 0 },
    };
    struct config config = { .sandbox = true };

    (void)state;
    config.spool = getcwd(NULL, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int result = in_restricted_child(enforce, &config, cases[i].attempt,
                                         cases[i].path);
        if (result == UNSUPPORTED)
            skip();
        if (result == ENOENT && *cases[i].path == '/')
            continue;
        if (result != cases[i].expected)
            fail_msg("%s: %d instead of %d", cases[i].what, result,
                     cases[i].expected);
    }
    free(config.spool);
}

/* `sandbox = no`. */
static void leaves_it_if_configured(void **state)
{
    struct config config = { .sandbox = false };

    (void)state;
    config.spool = getcwd(NULL, 0);
    int result = in_restricted_child(enforce, &config, read_file, "password");
    assert_true(result == 0 || result == UNSUPPORTED);
    result = in_restricted_child(enforce, &config, take_socket, "");
    assert_true(result == 0 || result == UNSUPPORTED);
    result = in_restricted_child(enforce, &config, signal_parent, "");
    assert_true(result == 0 || result == UNSUPPORTED);
    free(config.spool);
}

static int make_spool(void **state)
{
    static const char *const folders[] = { "drop", "queue", "state" };
    static const char *const files[] = { "password", "postrider.conf",
                                         "drop/a", "queue/a", "state/a" };

    char *folder = alloc_string("/dev/shm/unit_test.XXXXXX");

    /* Not where temporary files may be written. */
    signal(SIGUSR1, SIG_IGN);
    *state = folder;
    if (mkdtemp(folder) == NULL || chdir(folder) == -1)
        return -1;
    for (size_t i = 0; i < COUNT(folders); i++)
        mkdir(folders[i], 0700);
    chmod("drop", 03733);
    for (size_t i = 0; i < COUNT(files); i++)
        close((int)make_file(files[i]));
    return 0;
}

static int remove_spool(void **state)
{
    char *command = alloc_format("rm -rf %s", (char *)*state);
    int status = system(command);

    free(command);
    free(*state);
    return chdir("/") == 0 && status == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_a_server),
        cmocka_unit_test(leaves_it_if_configured),
    };

    return cmocka_run_group_tests(tests, make_spool, remove_spool);
}
