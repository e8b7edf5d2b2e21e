#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../in_folder.h"
#include "../printed.h"
#include "config/config.h"
#include "postrider/import_queue.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/process.h"
#include "util/text.h"

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

/* This program itself, which imports if it is given arguments, with a sendmail
 * beside it that keeps what it gets. */
static void install(void)
{
    char *self = process_executable();
    char *copy = alloc_format("cp %s postrider", self);
    char *folder = realpath(".", NULL);
    char *script = alloc_format(
        "#!/bin/sh\n[ -e %s/refuse ] && exit 75\nprintf '%%s\\n' \"$*\" "
        ">>%s/got\ncat >>%s/got\n", folder, folder, folder);

    assert_int_equal(system(copy), 0);
    put("sendmail", script, 0755);
    put("postrider.conf", "domain = example.com\nhostname = web1.example.com\n"
        "smarthost \"main\" {\nhost = \"mx.example.com\"\n}\n", 0644);
    assert_int_equal(mkdir("left", 0700), 0);
    free(script);
    free(folder);
    free(copy);
    free(self);
}

/* What it says, and its status at the end; the caller frees it. */
static char *import(const char *agent)
{
    char *command = alloc_format("POSTRIDER_CONFIG=postrider.conf ./postrider "
                                 "%s left >said 2>&1", agent);
    struct error err;
    struct buf text;

    int status = system(command);
    buf_init(&text, SIZE_MAX);
    assert_true(file_read("said", &text, &err));
    buf_add_format(&text, "%d\n", WEXITSTATUS(status));
    free(command);
    return buf_take(&text);
}

/* What sendmail got; the caller frees it. */
static char *got(void)
{
    struct error err;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    if (access("got", F_OK) == 0)
        assert_true(file_read("got", &text, &err));
    unlink("got");
    return buf_take(&text);
}

static const struct {
    const char *agent;
    const char *names[2];       /* of the files in left/ */
    const char *texts[2];
    const char *got;            /* "": nothing, and the files stay */
    const char *said;
} messages[] = {
    { "dma", { "Q1", "M1" },
      { "ID: 1\nSender: a@example.org\nRecipient: b@example.org\n",
        "Subject: x\n\ntext\n" },
      "-i -f a@example.org -- b@example.org\nSubject: x\n\ntext\n",
      "dma: 1 message taken over\n0\n" },
    /* The null sender; only the first one counts. */
    { "dma", { "Q1", "M1" },
      { "Sender: \nSender: a@example.org\nRecipient: b@example.org\n"
        "Recipient: c@example.org\n", "" },
      "-i -f <> -- b@example.org c@example.org\n",
      "dma: 1 message taken over\n0\n" },
    { "dma", { "Q1", "M2" },
      { "Sender: a@example.org\nRecipient: b@example.org\n", "text\n" }, "",
      "postrider: left/Q1: it is not a whole message: it stays\n"
      "dma: 1 message not taken over\n1\n" },
    { "dma", { "Q1", "M1" }, { "Sender: a@example.org\n", "text\n" }, "",
      "postrider: left/Q1: it is not a whole message: it stays\n"
      "dma: 1 message not taken over\n1\n" },
    { "dma", { "Q1", "M1" }, { "Recipient: b@example.org\n", "text\n" }, "",
      "postrider: left/Q1: it is not a whole message: it stays\n"
      "dma: 1 message not taken over\n1\n" },
    { "dma", { "M1", ".Q1" }, { "x", "Sender: a\nRecipient: b\n" }, "",
      "0\n" },
    { "nullmailer", { "1.2", NULL },
      { "a@example.org\nb@example.org\nc@example.org\n\nSubject: x\n\ntext\n",
        NULL },
      "-i -f a@example.org -- b@example.org c@example.org\n"
      "Subject: x\n\ntext\n", "nullmailer: 1 message taken over\n0\n" },
    { "nullmailer", { "1.2", NULL }, { "\nb@example.org\n\ntext\n", NULL },
      "-i -f <> -- b@example.org\ntext\n",
      "nullmailer: 1 message taken over\n0\n" },
    { "nullmailer", { "1.2", NULL }, { "a@example.org\n\ntext\n", NULL }, "",
      "postrider: left/1.2: it is not a whole message: it stays\n"
      "nullmailer: 1 message not taken over\n1\n" },
    { "nullmailer", { "1.2", NULL }, { "a@example.org\nb@example.org\n", NULL },
      "", "postrider: left/1.2: it is not a whole message: it stays\n"
      "nullmailer: 1 message not taken over\n1\n" },
    { "sendmail", { "qf1", NULL }, { "V8\n", NULL }, "", "--queue reads the "
      "folders of dma and nullmailer: name which one with --from\n1\n" },
};

static void assert_message(size_t i)
{
    char *paths[2] = { NULL, NULL };

    for (size_t k = 0; k < 2 && messages[i].names[k] != NULL; k++) {
        paths[k] = alloc_format("left/%s", messages[i].names[k]);
        put(paths[k], messages[i].texts[k], 0600);
    }
    char *said = import(messages[i].agent);
    char *taken = got();
    if (strcmp(said, messages[i].said) != 0 ||
        strcmp(taken, messages[i].got) != 0)
        fail_msg("row %zu: %s%s", i, said, taken);
    for (size_t k = 0; k < 2 && paths[k] != NULL; k++) {
        bool stays = unlink(paths[k]) == 0;
        if (stays != (*messages[i].got == '\0'))
            fail_msg("row %zu: %s", i, paths[k]);
        free(paths[k]);
    }
    free(taken);
    free(said);
}

static void whole_messages_go_and_others_stay(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    install();
    for (size_t i = 0; i < COUNT(messages); i++)
        assert_message(i);
}

/* Files are removed once sendmail has taken the message. */
static void what_sendmail_refuses_stays(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    install();
    put("refuse", "", 0644);
    put("left/1", "a@example.org\nb@example.org\n\ntext\n", 0600);
    char *said = import("nullmailer");
    assert_string_equal(said, "postrider: left/1: it was not accepted: it "
                        "stays\nnullmailer: 1 message not taken over\n1\n");
    assert_int_equal(access("left/1", F_OK), 0);
    free(said);
}

/* The program that has it locked sends it now. */
static void what_is_locked_stays(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    install();
    put("left/1", "a@example.org\nb@example.org\n\ntext\n", 0600);
    FILE *file = fopen("left/1", "r");
    assert_int_equal(flock(fileno(file), LOCK_EX), 0);
    char *said = import("nullmailer");
    char *taken = got();
    fclose(file);
    assert_string_equal(said, "postrider: left/1: Resource temporarily "
                        "unavailable: it stays\n"
                        "nullmailer: 1 message not taken over\n1\n");
    assert_string_equal(taken, "");
    free(taken);
    free(said);
}

static int import_here(const char *agent, const char *folder)
{
    struct error err = { 0 };

    if (import_queue(agent, folder, &err))
        return 0;
    fflush(stdout);
    fprintf(stderr, "%s\n", err.text);
    return 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(whole_messages_go_and_others_stay),
        IN_FOLDER(what_sendmail_refuses_stays),
        IN_FOLDER(what_is_locked_stays),
    };

    if (argc == 3)
        return import_here(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
