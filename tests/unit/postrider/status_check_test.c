/* The line for a monitoring system, from answers of the daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "config/config.h"
#include "postrider/status_check.h"
#include "util/error.h"
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

/* The caller frees what it prints. */
static int print_check(const struct config *config, const struct error *err,
                       char **out)
{
    struct printed printed = printed_begin(stdout);
    int status = err != NULL ? status_check_fail(err) : status_check(config);

    *out = printed_end(&printed);
    return status;
}

static void judges_what_the_daemon_answers(void **state)
{
    char path[] = "control";
    const struct config config = { .control = path,
                                   .delay_warning = 86400000 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct exchange exchanges[] = {
            { "status", cases[i].answer }, { NULL, NULL },
        };
        char *out;
        struct fake_daemon fake = fake_daemon_start(path, exchanges);
        int status = print_check(&config, NULL, &out);
        assert_true(fake_daemon_end(&fake));
        if (status != cases[i].status || !text_starts(out, cases[i].line))
            fail_msg("%s%d %s", cases[i].answer, status, out);
        free(out);
    }
}

static void no_daemon_is_critical(void **state)
{
    char path[] = "/nowhere/control";
    const struct config config = { .control = path };
    char *out;

    (void)state;
    assert_int_equal(print_check(&config, NULL, &out), CRITICAL);
    assert_true(text_starts(out, "POSTRIDER CRITICAL - "));
    assert_non_null(strstr(out, path));
    free(out);
}

/* On one line, without the bar that begins figures. */
static void a_wrong_configuration_is_unknown(void **state)
{
    struct error err;
    char *out;

    (void)state;
    error_set(&err, FAULT_CONFIG, "line 3: a|b\nc");
    assert_int_equal(print_check(NULL, &err, &out), UNKNOWN);
    assert_true(text_starts(out, "POSTRIDER UNKNOWN - line 3: a/b"));
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    free(out);
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
