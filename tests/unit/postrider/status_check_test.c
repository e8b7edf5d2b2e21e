/* The line for a monitoring system, from answers of the daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../in_folder.h"
#include "config/config.h"
#include "postrider/status_check.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"
#include "util/text.h"

enum { OK, WARNING, CRITICAL, UNKNOWN };

#define UP "smarthost a up 1 0 \n"

static const struct {
    int status;
    const char *answer;
    const char *line;           /* its beginning */
} cases[] = {
    { OK, "queued 2\n" UP,
      "POSTRIDER OK - 2 messages queued, 1 smarthost up | queued=2;;;0\n" },
    { OK, "queued 1\n" UP "smarthost b up 0 0 \n",
      "POSTRIDER OK - 1 message queued, 2 smarthosts up |" },
    { OK, "queued 0\ndelivered 7\nlater 4\n" UP,
      "POSTRIDER OK - 0 messages queued, 1 smarthost up | queued=0;;;0 "
      "delivered=7c\n" },
    { CRITICAL, "queued 0\n",
      "POSTRIDER CRITICAL - no smarthost is configured |" },
    /* One that is down harms no one before mail waits for it. */
    { WARNING, "queued 0\nsmarthost a down 0 0 refused\n",
      "POSTRIDER WARNING - smarthost a is down: refused |" },
    { CRITICAL, "queued 3\nsmarthost a down 0 0 refused\n",
      "POSTRIDER CRITICAL - smarthost a is down: refused |" },
    { CRITICAL, "queued 0\nsmarthost a parked 0 0 bad|password\n",
      "POSTRIDER CRITICAL - smarthost a is parked: bad/password |" },
    { CRITICAL, "queued 0\nrefused 18 20 550 5.7.1 no\n" UP,
      "POSTRIDER CRITICAL - smarthost a refused 18 of the last 20 messages: "
      "550 5.7.1 no |" },
    { OK, "queued 0\nrefused 1 20 550 5.1.1 no\n" UP, "POSTRIDER OK - " },
    { WARNING, "queued 2\nheld 1\n" UP,
      "POSTRIDER WARNING - 1 message is held |" },
    /* Users do not see which ones. */
    { CRITICAL, "queued 2\nunread 1\ngiven_up 1\n" UP,
      "POSTRIDER CRITICAL - 2 messages need an administrator |" },
    { WARNING, "queued 1\noldest 1\n" UP,
      "POSTRIDER WARNING - the oldest message waits for " },
    { CRITICAL, "queued 3\nheld 2\nsmarthost a down 0 0 refused\n",
      "POSTRIDER CRITICAL - smarthost a is down: refused; 2 messages are "
      "held |" },
};

/* A daemon with one answer, in a child process. */
static pid_t answer_at(const char *path, const char *answer)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address,
                          sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char request[64];
        size_t length = 0;
        int fd = accept(listener, NULL, NULL);
        alarm(20);
        while (length < 7 && read(fd, request + length, 1) == 1)
            length++;
        bool asked = length == 7 && memcmp(request, "status\n", 7) == 0;
        _exit(asked && io_write_all(fd, answer, strlen(answer)) ? 0 : 1);
    }
    close(listener);
    return pid;
}

/* What it prints is in out, which the caller frees. */
static int print_check(const struct config *config, const struct error *err,
                       struct buf *out)
{
    struct error ignored;
    int before = dup(STDOUT_FILENO);
    int fd = open("printed", O_RDWR | O_CREAT | O_TRUNC, 0600);

    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    int status = err != NULL ? status_check_fail(err) : status_check(config);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    buf_init(out, SIZE_MAX);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_true(io_read_all(fd, out, &ignored));
    close(fd);
    return status;
}

static void judges_what_the_daemon_answers(void **state)
{
    char path[] = "control";
    const struct config config = { .control = path,
                                   .delay_warning = 86400000 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        int ended;
        pid_t pid = answer_at(path, cases[i].answer);
        int status = print_check(&config, NULL, &out);
        waitpid(pid, &ended, 0);
        if (status != cases[i].status || ended != 0 ||
            !text_starts(out.data, cases[i].line))
            fail_msg("%s%d %s", cases[i].answer, status, out.data);
        buf_free(&out);
    }
}

static void no_daemon_is_critical(void **state)
{
    char path[] = "/nowhere/control";
    const struct config config = { .control = path };
    struct buf out;

    (void)state;
    assert_int_equal(print_check(&config, NULL, &out), CRITICAL);
    assert_true(text_starts(out.data, "POSTRIDER CRITICAL - "));
    assert_non_null(strstr(out.data, path));
    buf_free(&out);
}

/* On one line, without the bar that begins figures. */
static void a_wrong_configuration_is_unknown(void **state)
{
    struct error err;
    struct buf out;

    (void)state;
    error_set(&err, FAULT_CONFIG, "line 3: a|b\nc");
    assert_int_equal(print_check(NULL, &err, &out), UNKNOWN);
    assert_true(text_starts(out.data, "POSTRIDER UNKNOWN - line 3: a/b"));
    assert_ptr_equal(strchr(out.data, '\n'), out.data + out.length - 1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(judges_what_the_daemon_answers),
        IN_FOLDER(no_daemon_is_critical),
        IN_FOLDER(a_wrong_configuration_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
