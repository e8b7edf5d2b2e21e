/* A message for the daemon's socket, as the server of that reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../in_folder.h"
#include "config/config.h"
#include "mail/envelope.h"
#include "sendmail/host_queue.h"
#include "spool/draft.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"
#include "util/scratch.h"
#include "util/text.h"

#define ROOT 0
#define USER 1000
#define HELLO "EHLO web1.example.com\r\n"
#define CONTENT "BDAT 12 LAST\r\nA: b\r\n\r\nhi\r\n"
#define PLAIN "MAIL FROM:<ann@a.example>\r\n"
#define BOB "RCPT TO:<bob@b.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;bob\r\n"

/* A reply, and what is read after it, in turns; the greeting is the first. */
static const struct {
    const char *name;
    unsigned owner;             /* of the configuration */
    bool local;                 /* the sender is a local name */
    enum fault fault;
    const char *text;           /* part of the error */
    const char *id;             /* that is found */
    const char *dialogue[13];
} cases[] = {
    { "accepted", USER, false, FAULT_NONE, "", "",
      { "220 hi\r\n", HELLO, "250-hi\r\n250 DSN\r\n", PLAIN, "250 ok\r\n",
        BOB, "250 ok\r\n", CONTENT, "250 queued\r\n", "QUIT\r\n" } },
    { "a local name stays one", ROOT, true, FAULT_NONE, "", "",
      { "220 hi\r\n", HELLO, "250 hi\r\n", "MAIL FROM:<ann>\r\n", "250 ok\r\n",
        BOB, "250 ok\r\n", CONTENT, "250 queued\r\n", "QUIT\r\n" } },
    { "but not by another configuration", USER, true, FAULT_NONE, "", "",
      { "220 hi\r\n", HELLO, "250 hi\r\n", PLAIN, "250 ok\r\n",
        BOB, "250 ok\r\n", CONTENT, "250 queued\r\n", "QUIT\r\n" } },
    { "with the invalid recipient", USER, false, FAULT_NONE, "", "4f",
      { "220 hi\r\n", HELLO, "250-hi\r\n250-XFLAW\r\n250 DSN\r\n", PLAIN,
        "250 ok\r\n", BOB, "250 ok\r\n", "XFLAW a+20b not+20an+20address\r\n",
        "250 ok\r\n", CONTENT, "250 2.0.0 Ok: queued as 4f\r\n",
        "QUIT\r\n" } },
    { "no place", USER, false, FAULT_TEMPORARY, "421 too many", "",
      { "421 too many\r\n", NULL } },
    { "a recipient is refused", USER, false, FAULT_DATA, "550 5.1.1 no", "",
      { "220 hi\r\n", HELLO, "250 hi\r\n", PLAIN, "250 ok\r\n", BOB,
        "550 5.1.1 no\r\n", NULL } },
    { "the spool is full", USER, false, FAULT_TEMPORARY, "451 4.3.0 full", "",
      { "220 hi\r\n", HELLO, "250 hi\r\n", PLAIN, "250 ok\r\n", BOB,
        "250 ok\r\n", CONTENT, "451 4.3.0 full\r\n", NULL } },
    { "the end", USER, false, FAULT_TEMPORARY, "does not answer", "",
      { "220 hi\r\n", HELLO, "", NULL } },
};

static bool reads(int fd, const char *expected)
{
    size_t length = strlen(expected), got = 0;
    char data[512];

    while (got < length) {
        ssize_t step = read(fd, data + got, length - got);
        if (step <= 0)
            return false;
        got += (size_t)step;
    }
    return memcmp(data, expected, length) == 0;
}

/* The server, in a child process: 0 if the dialogue went as it should. */
static _Noreturn void serve(int listener, const char *const *dialogue)
{
    int fd = accept(listener, NULL, NULL);

    alarm(20);
    for (size_t i = 0; dialogue[i] != NULL; i += 2) {
        if (!io_write_all(fd, dialogue[i], strlen(dialogue[i])))
            _exit(1);
        if (dialogue[i + 1] == NULL)
            break;
        if (!reads(fd, dialogue[i + 1]))
            _exit(2);
    }
    _exit(0);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static struct draft *compose(bool local)
{
    char id[RANDOM_ID_LENGTH + 1];
    struct envelope env = { .from_local = local };
    struct error err;

    random_id(id);
    struct draft *draft = draft_new_report(id, SCRATCH_PLACES, &err);
    assert_non_null(draft);
    assert_true(envelope_set_reverse_path(&env, "ann@a.example", &err));
    assert_true(envelope_add_recipient(&env, "bob@b.example", "rfc822;bob",
                                       NOTIFY_FAILURE | NOTIFY_DELAY, &err));
    assert_true(envelope_add_flawed(&env, "a b", 3, "not an address", &err));
    assert_true(draft_envelope(draft, &env, &err) &&
                draft_add(draft, "A: b\r\n\r\nhi\r\n", 12, &err) &&
                draft_end(draft, false, &err));
    envelope_free(&env);
    return draft;
}

static void submits_by_smtp(void **state)
{
    char hostname[] = "web1.example.com";

    (void)state;
    log_open(LOG_OFF, "test");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct config config = { .hostname = hostname,
                                       .owner = cases[i].owner };
        struct draft *draft = compose(cases[i].local);
        int listener = listen_at("socket");
        struct error err = { 0 };
        int status;
        char *id;
        pid_t pid = fork();
        if (pid == 0)
            serve(listener, cases[i].dialogue);
        close(listener);
        bool done = host_queue_send("socket", &config, draft, &id, &err);
        if (done != (cases[i].fault == FAULT_NONE) ||
            (!done && (err.fault != cases[i].fault ||
                       strstr(err.text, cases[i].text) == NULL)))
            fail_msg("%s: %s", cases[i].name, err.text);
        assert_string_equal(id != NULL ? id : "", cases[i].id);
        free(id);
        draft_free(draft);
        waitpid(pid, &status, 0);
        if (status != 0)
            fail_msg("%s: the dialogue: %d", cases[i].name, status);
    }
}

static void names_the_socket_that_is_missing(void **state)
{
    const struct config config = { 0 };
    struct draft *draft = compose(false);
    struct error err;
    char *id;

    (void)state;
    assert_false(host_queue_send("/nowhere/socket", &config, draft, &id, &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, "/nowhere/socket"));
    draft_free(draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(submits_by_smtp),
        IN_FOLDER(names_the_socket_that_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
