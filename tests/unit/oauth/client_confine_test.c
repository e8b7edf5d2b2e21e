#include "oauth/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../util/restricted.h"
#include "config/config.h"
#include "util/text.h"

static bool confine(const void *client)
{
    client_confine(client, 1);
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

struct file {
    const char *path;
    int flags;
};

static long open_file(const void *argument)
{
    const struct file *file = argument;

    return open(file->path, file->flags | O_CLOEXEC, 0600);
}

/* Files that any machine has, and some of its own folder. */
static const struct {
    struct file file;
    int number;                 /* errno */
} cases[] = {
    { { "tokens/m365.new", O_RDWR | O_CREAT }, 0 },
    { { "beside", O_RDONLY }, EACCES },
    { { "new", O_RDWR | O_CREAT }, EACCES },
    { { "/etc/passwd", O_RDONLY }, EACCES },
    { { "/etc", O_RDONLY | O_DIRECTORY }, EACCES },
    { { "/etc/hosts", O_RDONLY }, 0 },
    { { "/etc/hosts", O_RDWR }, EACCES },
    { { "/etc/nsswitch.conf", O_RDONLY }, 0 },
};

static void reaches_its_tokens_alone(void **state)
{
    char tokens[] = "tokens", ca_file[] = "";
    struct config config = { .sandbox = true };
    const struct oauth oauth = { .tls_ca_file = ca_file };
    const struct client client = { .config = &config, .oauth = &oauth,
                                   .folder = tokens };

    (void)state;
    assert_int_equal(mkdir(tokens, 0700), 0);
    assert_int_not_equal(open("beside", O_WRONLY | O_CREAT, 0600), -1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int number = in_restricted_child(confine, &client, open_file,
                                         &cases[i].file);
        if (number == UNSUPPORTED)
            skip();
        if (number != cases[i].number &&
            !(number == ENOENT && cases[i].number == 0))
            fail_msg("%s: %d", cases[i].file.path, number);
    }
    config.sandbox = false;
    assert_int_equal(in_restricted_child(confine, &client, open_file,
                                         &cases[1].file), UNSUPPORTED);
}

static int enter_folder(void **state)
{
    static char path[] = "/tmp/client_confine_test.XXXXXX";

    *state = path;
    return mkdtemp(path) == NULL || chdir(path) == -1;
}

static int remove_folder(void **state)
{
    unlink("tokens/m365.new");
    rmdir("tokens");
    unlink("beside");
    return chdir("/") == -1 || rmdir(*state) == -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reaches_its_tokens_alone),
    };

    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
