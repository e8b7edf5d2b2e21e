/* An attempt in words, which log readers parse, and in numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "relay/log_delivery.h"
#include "smtp/capability.h"
#include "util/log.h"
#include "util/text.h"

/* Keep the log from here on. log_end() gives its text, which the caller frees,
 * from "start" on: the logger puts something before it. */
static FILE *log_begin(int *before)
{
    FILE *log = tmpfile();

    fflush(stderr);
    *before = dup(STDERR_FILENO);
    dup2(fileno(log), STDERR_FILENO);
    return log;
}

static char *log_end(FILE *log, int before, const char *start)
{
    struct buf text;
    struct error err;

    dup2(before, STDERR_FILENO);
    close(before);
    rewind(log);
    buf_init(&text, SIZE_MAX);
    assert_true(io_read_all(fileno(log), &text, &err));
    fclose(log);
    const char *at = strstr(text.data, start);
    if (at == NULL)
        fail_msg("%s: not in: %s", start, text.data);
    char *found = alloc_string(at);
    buf_free(&text);
    return found;
}

/* --- A message. --- */

static const struct {
    const char *content;
    const char *line;           /* after the numbers */
} messages[] = {
    { "Subject: hello\r\n\r\ntext\r\n", "nrcpt=2\n" },
    { "Message-ID: <1@a.example>\r\n\r\n",
      "nrcpt=2, message-id=<1@a.example>\n" },
    { "From: A <a@a.example>, b@b.example\r\nMessage-ID: <1@a.example>\r\n\r\n",
      "nrcpt=2, message-id=<1@a.example>, header-from=<a@a.example>\n" },
    { "From: undisclosed:;\r\n\r\n", "nrcpt=2\n" },
    { "From: (\r\n\r\n", "nrcpt=2\n" },
    { "From: a@a.example\r\nFrom: b@b.example\r\n\r\n",
      "nrcpt=2, header-from=<a@a.example>\n" },
};

/* To b@ and c@example.com, with that content. */
static struct entry *make_entry(struct fixture *fixture, const char *content)
{
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    struct buf text;

    random_id(id);
    fixture_text(id, content, &text);
    fixture_write(fixture->spool.queue, id, text.data, text.length);
    buf_free(&text);
    struct entry *entry = entry_open(openat(fixture->spool.queue, id, O_RDONLY),
                                     id, &err);
    assert_non_null(entry);
    entry->uid = 4001;
    return entry;
}

static void knows_a_message_by_what_people_know(void **state)
{
    int before;

    for (size_t i = 0; i < COUNT(messages); i++) {
        struct entry *entry = make_entry(*state, messages[i].content);
        FILE *log = log_begin(&before);
        log_message(entry);
        char *start = alloc_format("%s: uid=4001 from=<a@example.com>, "
                                   "size=%zu, ", entry->id,
                                   strlen(messages[i].content));
        char *line = log_end(log, before, start);
        assert_string_equal(line + strlen(start), messages[i].line);
        free(line);
        free(start);
        entry_free(entry);
    }
}

/* A field may be as long as a message. */
static void shows_the_start_of_a_long_field(void **state)
{
    char text[400];
    int before;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    char *content = alloc_format("Message-ID: %s\r\n\r\n", text);
    struct entry *entry = make_entry(*state, content);
    FILE *log = log_begin(&before);
    log_message(entry);
    char *line = log_end(log, before, "message-id=");
    assert_int_equal(strlen(line), strlen("message-id=\n") + 254);
    free(line);
    free(content);
    entry_free(entry);
}

/* --- A recipient. --- */

static const struct {
    enum outcome_kind kind;
    const char *redirect;
    int64_t delay;
    const char *line;           /* after the queue-id */
    uint64_t delivered, deferred, failed;
} attempts[] = {
    { OUTCOME_DELIVERED, "", 1234,
      "to=<b@example.com>, relay=mx[192.0.2.1]:25, delay=1.23, dsn=2.0.0, "
      "status=sent (as it is)\n", 1, 0, 0 },
    { OUTCOME_DEFERRED, "", 9,
      "to=<b@example.com>, relay=mx[192.0.2.1]:25, delay=0.00, dsn=2.0.0, "
      "status=deferred (as it is)\n", 0, 1, 0 },
    { OUTCOME_FAILED, "", 60000,
      "to=<b@example.com>, relay=mx[192.0.2.1]:25, delay=60.00, dsn=2.0.0, "
      "status=bounced (as it is)\n", 0, 0, 1 },
    { OUTCOME_DELIVERED, "dev@example.com", 50,
      "to=<dev@example.com>, orig_to=<b@example.com>, "
      "relay=mx[192.0.2.1]:25, delay=0.05, dsn=2.0.0, status=sent (as it is)\n",
      1, 0, 0 },
    { OUTCOME_DELIVERED, "b@EXAMPLE.com", 0,
      "to=<b@example.com>, relay=mx[192.0.2.1]:25, delay=0.00, dsn=2.0.0, "
      "status=sent (as it is)\n", 1, 0, 0 },
};

static void logs_and_counts_a_recipient(void **state)
{
    char text[] = "as it is";
    struct entry *entry = make_entry(*state, FIXTURE_BODY);
    int before;

    for (size_t i = 0; i < COUNT(attempts); i++) {
        struct outcome outcome = { .kind = attempts[i].kind,
                                   .status = "2.0.0", .text = text };
        struct totals totals = { 0 };
        const struct attempted one = {
            .entry = entry, .index = 0, .redirect = attempts[i].redirect,
            .outcome = &outcome, .relay = "mx[192.0.2.1]:25",
            .delay = attempts[i].delay,
        };
        FILE *log = log_begin(&before);
        log_recipient(&totals, &one);
        char *line = log_end(log, before, "to=<");
        if (strcmp(line, attempts[i].line) != 0 ||
            totals.delivered != attempts[i].delivered ||
            totals.deferred != attempts[i].deferred ||
            totals.failed != attempts[i].failed ||
            (totals.last_delivery > 0) != (totals.delivered > 0))
            fail_msg("row %zu: %s", i, line);
        free(line);
    }
    entry_free(entry);
}

static void names_what_a_smarthost_lists_in_vain(void **state)
{
    int before;

    (void)state;
    FILE *log = log_begin(&before);
    log_distrust("main", CAP_CHUNKING | CAP_DSN, true);
    char *line = log_end(log, before, "smarthost main lists ");
    assert_non_null(strstr(line, "CHUNKING"));
    assert_non_null(strstr(line, "DSN"));
    assert_null(strstr(line, "PIPELINING"));
    assert_non_null(strstr(line, "for a day at most"));
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_message_by_what_people_know),
        cmocka_unit_test(shows_the_start_of_a_long_field),
        cmocka_unit_test(logs_and_counts_a_recipient),
        cmocka_unit_test(names_what_a_smarthost_lists_in_vain),
    };

    log_open(LOG_TO_STDERR, "test");
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
