#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sysexits.h>
#include <time.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "checked.h"
#include "control/protocol.h"
#include "postrider/commands.h"

#define ROOM "free 99000000000\n"
#define UP "smarthost main up 1 0 \n"
#define DOWN "smarthost main down 0 0 no route\n"

/* The command with one option, or none, and a daemon with that answer. */
static int run_status(const char *option, const char *answer, char **out)
{
    const struct exchange exchanges[] = { { "status", answer },
                                          { NULL, NULL } };
    const char *const words[] = { "status", option, NULL };
    char *here = getcwd(NULL, 0);
    char *text = alloc_format("control = \"%s/control\"\n", here);

    unlink("postrider.conf");
    checked_write("postrider.conf", text, 0644);
    setenv("POSTRIDER_CONFIG", "postrider.conf", 1);
    struct fake_daemon fake = fake_daemon_start("control", exchanges);
    struct printed err = printed_begin(stderr);
    struct printed printed = printed_begin(stdout);
    int status = command_status(option != NULL ? 2 : 1,
                                (char **)(uintptr_t)words);
    *out = printed_end(&printed);
    free(printed_end(&err));
    unsetenv("POSTRIDER_CONFIG");
    assert_true(fake_daemon_end(&fake));
    free(text);
    free(here);
    return status;
}

/* A summary comes first, and the lines for scripts after it. */
static const struct {
    const char *answer;
    const char *out;            /* the lines as they came are left out */
} summaries[] = {
    { "queued 0\n" UP, "the queue is empty\nmain: up, 1 connection, 0 messages "
      "on the way\n" },
    { "queued 0\n", "the queue is empty\nno smarthost is configured: run "
      "postrider setup\n" },
    { "queued 1\nactive 1\nheld 0\noldest 1\nsmarthost main up 2 1 slow\n",
      "1 message queued, 1 on the way, 0 held; the oldest for %ld d\n"
      "main: up, 2 connections, 1 message on the way: slow\n" },
    { "queued 3\nreading 2\noldest 1\n" DOWN,
      "3 messages queued, 0 on the way, 0 held; the oldest for %ld d\n"
      "the daemon has just started, and has still to read 2 of them\n"
      "main: down: no route\n    " SMARTHOST_WAY_OUT "\n" },
    { "queued 0\nrefused 2 9 550\x1b no\n" UP "trouble drop newer 2 of 9\n"
      "odd 7 8\n", "the queue is empty\n"
      "main: up, 1 connection, 0 messages on the way\n"
      "    2 of the last 9 messages were refused: 550\\x1b no\n"
      "2 messages in drop cannot be read: of 9\n" },
};

static char *escape_lines(const char *text)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    for (; *text != '\0'; text++)
        if (text[0] == ' ' && text[1] == '\n')
            continue;
        else if (*text == '\x1b')
            buf_add_text(&out, "\\x1b");
        else
            buf_add_char(&out, *text);
    return buf_take(&out);
}

static char *with_days(const char *text)
{
    const char *mark = strstr(text, "%ld");

    if (mark == NULL)
        return alloc_string(text);
    return alloc_format("%.*s%ld%s", (int)(mark - text), text,
                        ((long)time(NULL) - 1) / 86400, mark + 3);
}

static void people_get_a_summary(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(summaries); i++) {
        char *out;
        int status = run_status(NULL, summaries[i].answer, &out);
        char *lines = escape_lines(summaries[i].answer);
        char *summary = with_days(summaries[i].out);
        char *wanted = alloc_format("%s%s", summary, lines);
        assert_int_equal(status, EX_OK);
        assert_string_equal(out, wanted);
        free(wanted);
        free(summary);
        free(lines);
        free(out);
    }
}

/* Both arrays, and the counts, are always there. */
static const struct {
    const char *answer, *out;
} objects[] = {
    { "queued 7\n" UP, "{\"queued\": 7, \"smarthosts\": [{\"name\": \"main\", "
      "\"state\": \"up\", \"workers\": 1, \"jobs\": 0, \"reason\": \"\", "
      "\"remedy\": \"\"}], \"troubles\": [], \"down\": 0, \"parked\": 0}\n" },
    { "queued 0\n", "{\"queued\": 0, \"smarthosts\": [], \"troubles\": [], "
      "\"down\": 0, \"parked\": 0}\n" },
    { "since 5 6 main\nrefused 1 2 550 \"no\"\n" DOWN UP
      "remedy chmod it\ntrouble drop newer 2 of 9\n"
      "trouble queue refused 1 x\n",
      "{\"smarthosts\": [{\"name\": \"main\", \"state\": \"down\", "
      "\"workers\": 0, \"jobs\": 0, \"reason\": \"no route\", \"remedy\": "
      "\"" SMARTHOST_WAY_OUT "\", \"since\": 5, "
      "\"next_trial\": 6, \"refused\": 1, \"refused_of\": 2, \"refusal\": "
      "\"550 \\\"no\\\"\"}, {\"name\": \"main\", \"state\": \"up\", "
      "\"workers\": 1, \"jobs\": 0, \"reason\": \"\", \"remedy\": \"\"}], "
      "\"troubles\": [{\"place\": \"drop\", \"kind\": \"newer\", \"count\": 2, "
      "\"text\": \"of 9\", \"remedy\": \"chmod it\"}, {\"place\": \"queue\", "
      "\"kind\": \"refused\", \"count\": 1, \"text\": \"x\", \"remedy\": "
      "\"\"}], \"down\": 1, \"parked\": 0}\n" },
};

static void programs_get_one_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(objects); i++) {
        char *out;
        assert_int_equal(run_status("--json", objects[i].answer, &out), EX_OK);
        assert_string_equal(out, objects[i].out);
        free(out);
    }
}

/* A smarthost that is down is no reason to take the senders out of service. */
static const struct {
    const char *option, *answer;
    int status;
    const char *out;
} probes[] = {
    { "--alive", "", EX_OK, "alive\n" },
    { "--alive", ROOM, EX_OK, "alive\n" },
    { "--ready", ROOM DOWN, EX_OK, "ready\n" },
    { "--ready", ROOM, EX_UNAVAILABLE, "" },
    { "--ready", "free 9\n" UP, EX_UNAVAILABLE, "" },
    { "--ready", "free 1048576\n" UP, EX_OK, "ready\n" },
    { "--ready", "free 1048575\n" UP, EX_UNAVAILABLE, "" },
    { "--alive", "error no\n", EX_NOPERM, "" },
};

static void probes_ask_for_room_and_a_smarthost(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(probes); i++) {
        char *out;
        int status = run_status(probes[i].option, probes[i].answer, &out);
        if (status != probes[i].status || strcmp(out, probes[i].out) != 0)
            fail_msg("row %zu: %d %s", i, status, out);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(people_get_a_summary),
        IN_FOLDER(programs_get_one_object),
        IN_FOLDER(probes_ask_for_room_and_a_smarthost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
