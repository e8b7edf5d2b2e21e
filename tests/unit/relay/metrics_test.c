/* The daemon in numbers: the status and the metrics count the same. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/worker_pool.h"
#include "relay_fixture.h"
#include "smtp/capability.h"
#include "util/text.h"

struct subject {
    struct relay relay;
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    static char name[] = "a \"quoted\\ name";
    struct subject *subject = alloc_zero(1, sizeof *subject);

    relay_set_up(&subject->relay);
    subject->relay.config.smarthost_count = 2;
    subject->relay.smarthosts[1].name = name;
    relay_start(&subject->relay);
    *state = subject;
    return 0;
}

static void submit(struct subject *subject, const char *sender,
                   const char *smarthost)
{
    relay_drop(&subject->relay, subject->id, &(struct message_shape){
        .reverse_path = sender, .recipients = 2, .smarthost = smarthost });
    relay_pick_up(&subject->relay);
}

/* The caller frees it. */
static char *status(struct subject *subject, bool all)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    metrics_status(subject->relay.parts.metrics, all,
                   relay_now(&subject->relay), &out);
    return out.data;
}

/* As monitoring reads it; the caller frees it. */
static char *written(struct subject *subject)
{
    struct relay *relay = &subject->relay;
    struct error err;
    struct buf text;

    relay->config.metrics = alloc_format("%s/metrics", relay->fixture.path);
    metrics_write(relay->parts.metrics);
    int fd = open(relay->config.metrics, O_RDONLY);
    assert_int_not_equal(fd, -1);
    buf_init(&text, SIZE_MAX);
    assert_true(io_read_all(fd, &text, &err));
    close(fd);
    unlink(relay->config.metrics);
    free(relay->config.metrics);
    buf_add_char(&text, '\0');
    return text.data;
}

static bool has_line(const char *text, const char *line)
{
    char *whole = alloc_format("\n%s\n", line);
    bool found = strstr(text, whole) != NULL ||
                 strncmp(text, whole + 1, strlen(whole + 1)) == 0;

    free(whole);
    if (!found)
        print_error("%s: not in:\n%s", line, text);
    return found;
}

/* --- Figures. --- */

/* One is with a worker, one held, one bound, one waits, one was given up, one
 * cannot be read. */
static void fill(struct subject *subject)
{
    struct relay *relay = &subject->relay;
    struct error err;

    submit(subject, "", NULL);
    relay_give(relay);
    relay_settle_all(relay, '5');
    submit(subject, "a@example.com", NULL);
    relay_give(relay);
    relay_settle(relay, "24");
    submit(subject, "a@example.com", NULL);
    schedule_hold(relay->parts.messages->schedule,
                  messages_find(relay->parts.messages, subject->id));
    submit(subject, "a@example.com", "gone");
    submit(subject, "a@example.com", NULL);
    relay_give(relay);
    error_set(&err, FAULT_NEWER, "it is newer");
    unread_add(&relay->parts.messages->unread, &err);
}

static const struct {
    const char *name, *metric;
    const char *value;          /* NULL: when the daemon was started */
} figures[] = {
    { "queued", "queued_messages", "4" },
    { "reading", "reading_messages", "0" },
    { "active", "active_messages", "1" },
    { "deferred", "waiting_messages", "2" },
    { "held", "held_messages", "1" },
    { "unread", "unread_messages", "1" },
    { "given_up", "given_up_messages", "1" },
    { "bound", "bound_messages", "1" },
    { "started", "start_timestamp_seconds", NULL },
    { "accepted", "accepted_messages_total", "5" },
    { "delivered", "delivered_recipients_total", "1" },
    { "deferrals", "deferred_recipients_total", "1" },
    { "failed", "failed_recipients_total", "2" },
    { "reports", "reports_total", "0" },
};

static void counts_the_same_for_people_and_programs(void **state)
{
    struct subject *subject = *state;

    fill(subject);
    char *shown = status(subject, true);
    char *metrics = written(subject);
    char *started = alloc_format("%" PRId64, relay_now(&subject->relay)->wall);
    for (size_t i = 0; i < COUNT(figures); i++) {
        const char *value = figures[i].value != NULL ? figures[i].value
                                                     : started;
        char *line = alloc_format("%s %s", figures[i].name, value);
        char *sample = alloc_format("postrider_%s %s", figures[i].metric,
                                    value);
        assert_true(has_line(shown, line));
        assert_true(has_line(metrics, sample));
        free(line);
        free(sample);
    }
    free(started);
    free(shown);
    free(metrics);
}

/* Trouble that needs an administrator is theirs to see. */
static void shows_troubles_to_administrators(void **state)
{
    struct subject *subject = *state;

    submit(subject, "a@example.com", "gone");
    char *all = status(subject, true), *own = status(subject, false);
    assert_non_null(strstr(all, "trouble queue no-smarthost 1 "));
    assert_null(strstr(own, "trouble"));
    assert_true(has_line(own, "bound 1"));
    free(all);
    free(own);
}

/* --- Smarthosts. --- */

static const struct {
    enum availability_state state;
    const char *reason;
    unsigned distrusted;
    const char *line;           /* a part of it */
    const char *sample;
} smarthosts[] = {
    { HOP_UP, NULL, 0, "smarthost main up 0 0 ",
      "postrider_smarthost_up{smarthost=\"main\"} 1" },
    { HOP_DOWN, "it is off", 0, "smarthost main down 0 0 it is off",
      "postrider_smarthost_up{smarthost=\"main\"} 0" },
    { HOP_PARKED, "535 no", CAP_DSN, "smarthost main parked 0 0 535 no",
      "postrider_smarthost_up{smarthost=\"main\"} 0" },
    { HOP_UP, NULL, CAP_DSN,
      "smarthost main up 0 0 not used, though listed: DSN",
      "postrider_smarthost_up{smarthost=\"main\"} 1" },
};

static void shows_each_smarthost_as_it_is(void **state)
{
    struct subject *subject = *state;
    struct hop *hop = &subject->relay.parts.hops->list[0];

    for (size_t i = 0; i < COUNT(smarthosts); i++) {
        free(hop->availability.reason);
        hop->availability.reason =
            smarthosts[i].reason == NULL ? NULL
                                         : alloc_string(smarthosts[i].reason);
        hop->availability.state = smarthosts[i].state;
        hop->workers->distrust.extensions = smarthosts[i].distrusted;
        char *shown = status(subject, false);
        char *metrics = written(subject);
        if (strstr(shown, smarthosts[i].line) == NULL)
            fail_msg("row %zu: %s", i, shown);
        assert_true(has_line(metrics, smarthosts[i].sample));
        free(shown);
        free(metrics);
    }
}

/* A name may be any text; a label quotes it. */
static void labels_samples_with_its_name(void **state)
{
    static const char label[] = "smarthost=\"a \\\"quoted\\\\ name\"";
    struct subject *subject = *state;
    struct hop *hop = &subject->relay.parts.hops->list[1];

    hops_note_attempt(hop, OUTCOME_DEFERRED);
    hops_note_attempt(hop, OUTCOME_DEFERRED);
    hop->certificate_end = 1800000000;
    char *metrics = written(subject);
    char *lines[] = {
        alloc_format("postrider_attempts_total{%s,outcome=\"deferred\"} 2",
                     label),
        alloc_format("postrider_attempts_total{%s,outcome=\"failed\"} 0",
                     label),
        alloc_format("postrider_workers{%s} 0", label),
        alloc_format("postrider_smarthost_certificate_expiry_timestamp_seconds"
                     "{%s} 1800000000", label),
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        assert_true(has_line(metrics, lines[i]));
        free(lines[i]);
    }
    /* The other one has had no session with TLS. */
    assert_null(strstr(metrics, "expiry_timestamp_seconds{smarthost=\"main"));
    free(metrics);
}

static void writes_nothing_if_it_is_not_asked_to(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    relay_begin_log(relay);
    metrics_write(relay->parts.metrics);
    relay_end_log(relay);
    char *log = relay_log(relay);
    assert_string_equal(log, "");           /* nor tries to */
    free(log);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, relay_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(counts_the_same_for_people_and_programs),
        ON_SPOOL(shows_troubles_to_administrators),
        ON_SPOOL(shows_each_smarthost_as_it_is),
        ON_SPOOL(labels_samples_with_its_name),
        ON_SPOOL(writes_nothing_if_it_is_not_asked_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
