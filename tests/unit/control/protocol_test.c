#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"

/* The line in a buffer, without its end. */
static char *line_in(struct buf *text)
{
    assert_true(text->length > 0);
    assert_int_equal(text->data[text->length - 1], '\n');
    text->data[text->length - 1] = '\0';
    assert_null(strchr(text->data, '\n'));
    return text->data;
}

static void parses_what_it_composes(void **state)
{
    static const char *const recipients[] = { "b@b.example", "", "ü@b" };
    struct queue_item item = {
        .id = ID, .uid = 4294967294, .size = INT64_MAX, .received = 1700000000,
        .attempts = 7, .reason = "450 4.2.1 busy", .sender = "",
        .recipients = recipients, .recipient_count = COUNT(recipients),
    };
    struct list_line line;
    struct buf text;

    (void)state;
    for (int i = 0; i < QUEUE_STATES; i++) {
        buf_init(&text, SIZE_MAX);
        item.state = (enum queue_state)i;
        protocol_put_item(&text, &item);
        protocol_parse_list(line_in(&text), &line);
        assert_int_equal(line.kind, LIST_ITEM);
        assert_string_equal(line.item.id, ID);
        assert_int_equal(line.item.state, i);
        assert_true(line.item.uid == item.uid);
        assert_true(line.item.size == item.size);
        assert_true(line.item.received == item.received);
        assert_int_equal(line.item.attempts, 7);
        assert_string_equal(line.item.reason, item.reason);
        assert_string_equal(line.item.sender, "");
        assert_int_equal(line.item.recipient_count, COUNT(recipients));
        for (size_t k = 0; k < COUNT(recipients); k++)
            assert_string_equal(line.item.recipients[k], recipients[k]);
        protocol_free_list(&line);
        buf_free(&text);
    }
}

/* What divides fields and lines cannot come from within one. */
static void keeps_fields_apart(void **state)
{
    const struct queue_item item = { .id = ID, .reason = "a\tb\nc\r",
                                     .sender = "x\ty" };
    struct list_line line;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    protocol_put_item(&text, &item);
    protocol_parse_list(line_in(&text), &line);
    assert_int_equal(line.kind, LIST_ITEM);
    assert_string_equal(line.item.reason, "a b c ");
    assert_string_equal(line.item.sender, "x y");
    assert_int_equal(line.item.recipient_count, 0);
    protocol_free_list(&line);
    buf_free(&text);
}

static void passes_over_unknown_lines_of_a_list(void **state)
{
    static const struct {
        const char *line;
        enum list_kind kind;
    } cases[] = {
        { "unread\t3\tthey are newer", LIST_UNREAD },
        { "unread\tmany\tthey are newer", LIST_UNKNOWN },
        { "others\t3\t1024", LIST_OTHERS },
        { "others\t3", LIST_UNKNOWN },
        { "unread\t3\tx\ty", LIST_UNKNOWN },
        { "later\t" ID "\t1700000000", LIST_UNKNOWN },
        { "", LIST_UNKNOWN },
        { ID "\t-\t0\t10\t0\t1\t\t", LIST_ITEM },
        { ID "\t-\t0\t10\t0\t1\t", LIST_UNKNOWN },
        { ID "\t-\t-1\t10\t0\t1\t\t", LIST_UNKNOWN },
        { ID "\t-\t0\t10\tnow\t1\t\t", LIST_UNKNOWN },
        { "\x1b[2J\t-\t0\t10\t0\t1\t\t", LIST_UNKNOWN },
    };
    struct list_line line;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = alloc_string(cases[i].line);
        protocol_parse_list(text, &line);
        if (line.kind != cases[i].kind)
            fail_msg("%s: %d", cases[i].line, (int)line.kind);
        protocol_free_list(&line);
        free(text);
    }
}

static void takes_an_unknown_mark_for_one_that_waits(void **state)
{
    char text[] = ID "\t~\t0\t10\t0\t1\treason\ta@a\tb@b";
    struct list_line line;

    (void)state;
    protocol_parse_list(text, &line);
    assert_int_equal(line.kind, LIST_ITEM);
    assert_int_equal(line.item.state, QUEUE_WAITING);
    protocol_free_list(&line);
}

static void parses_smarthosts(void **state)
{
    static const struct {
        const char *line;
        const char *name;           /* NULL: it is not understood */
        enum smarthost_state state;
        uint64_t workers, jobs;
        const char *reason;
    } cases[] = {
        { "smarthost main up 2 31 ", "main", SMARTHOST_UP, 2, 31, "" },
        { "smarthost main down 0 0 it is down 3 4 x", "main", SMARTHOST_DOWN,
          0, 0, "it is down 3 4 x" },
        { "smarthost the last one parked 1 0 why", "the last one",
          SMARTHOST_PARKED, 1, 0, "why" },
        { "smarthost up up 1 2 ", "up", SMARTHOST_UP, 1, 2, "" },
        { "smarthost what is up 1 down 2 3 x", "what is up 1", SMARTHOST_DOWN,
          2, 3, "x" },
        { "smarthost main paused 0 0 ", NULL, SMARTHOST_UP, 0, 0, NULL },
        { "smarthost main up 1 2", NULL, SMARTHOST_UP, 0, 0, NULL },
        { "smarthost ", NULL, SMARTHOST_UP, 0, 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = alloc_string(cases[i].line);
        struct status_line line;
        protocol_parse_status(text, &line);
        if ((line.kind == STATUS_SMARTHOST) != (cases[i].name != NULL))
            fail_msg("%s: %d", cases[i].line, (int)line.kind);
        if (cases[i].name != NULL) {
            struct buf again;
            assert_string_equal(line.smarthost.name, cases[i].name);
            assert_int_equal(line.smarthost.state, cases[i].state);
            assert_true(line.smarthost.workers == cases[i].workers);
            assert_true(line.smarthost.jobs == cases[i].jobs);
            assert_string_equal(line.smarthost.reason, cases[i].reason);
            buf_init(&again, SIZE_MAX);
            protocol_put_smarthost(&again, &line.smarthost);
            assert_string_equal(line_in(&again), cases[i].line);
            buf_free(&again);
        }
        free(text);
    }
}

static void parses_troubles_and_figures(void **state)
{
    (void)state;
    for (int i = 0; i < TROUBLE_KINDS; i++) {
        const struct trouble_status trouble = {
            .place = "queue", .kind = (enum trouble_kind)i, .count = 3,
            .text = "chown it" };
        struct status_line line;
        struct buf text;
        buf_init(&text, SIZE_MAX);
        protocol_put_trouble(&text, &trouble);
        protocol_parse_status(line_in(&text), &line);
        assert_int_equal(line.kind, STATUS_TROUBLE);
        assert_string_equal(line.trouble.place, "queue");
        assert_int_equal(line.trouble.kind, i);
        assert_true(line.trouble.count == 3);
        assert_string_equal(line.trouble.text, "chown it");
        buf_free(&text);
    }

    char newer[] = "trouble queue stolen 2 call the police";
    char figure[] = "queued 18446744073709551615";
    char word[] = "mood good";
    struct status_line line;
    protocol_parse_status(newer, &line);
    assert_int_equal(line.kind, STATUS_TROUBLE);
    assert_int_equal(line.trouble.kind, TROUBLE_KIND_OTHER);
    assert_string_equal(line.trouble.text, "call the police");
    protocol_parse_status(figure, &line);
    assert_int_equal(line.kind, STATUS_FIGURE);
    assert_string_equal(line.figure.name, "queued");
    assert_true(line.figure.value == UINT64_MAX);
    protocol_parse_status(word, &line);
    assert_int_equal(line.kind, STATUS_UNKNOWN);
}

static void parses_changes(void **state)
{
    static const struct {
        const char *line;
        bool good;
        uint64_t done, left;
    } cases[] = {
        { "0", true, 0, 0 },
        { "12", true, 12, 0 },
        { "12 3", true, 12, 3 },
        { "", false, 0, 0 },
        { "many", false, 0, 0 },
        { "1 x", false, 0, 0 },
        { "held 1", false, 0, 0 },          /* before the last line */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = alloc_string(cases[i].line);
        struct changes changes = { 0 };
        assert_int_equal(protocol_parse_changes(text, &changes),
                         cases[i].good);
        if (cases[i].good) {
            assert_true(changes.done == cases[i].done);
            assert_true(changes.left == cases[i].left);
        }
        free(text);
    }
}

static void parses_outcomes(void **state)
{
    static const struct {
        const char *line;
        enum wait_kind kind;
        const char *address;        /* NULL: it is not understood */
        const char *status;
        const char *text;
    } cases[] = {
        { "sent b@b.example 2.0.0 250 ok", WAIT_SENT, "b@b.example", "2.0.0",
          "250 ok" },
        { "deferred - 4.4.1 it is down", WAIT_DEFERRED, "-", "4.4.1",
          "it is down" },
        { "bounced b@b.example 5.7.1 550 5.1.1 not", WAIT_BOUNCED,
          "b@b.example", "5.7.1", "550 5.1.1 not" },
        { "bounced \"a 5.1.1 b\"@b.example 5.7.1 no", WAIT_BOUNCED,
          "\"a 5.1.1 b\"@b.example", "5.7.1", "no" },
        { "bounced \"a\\\" 5.1.1 b\"@b.example 5.7.1 no", WAIT_BOUNCED,
          "\"a\\\" 5.1.1 b\"@b.example", "5.7.1", "no" },
        { "bounced bob smith 5.1.3 quote it", WAIT_BOUNCED, "bob smith",
          "5.1.3", "quote it" },
        { "bounced \"bob 5.1.3 a quote is missing", WAIT_BOUNCED, "\"bob",
          "5.1.3", "a quote is missing" },
        { "deferred b@b.example - ", WAIT_DEFERRED, "b@b.example", "-", "" },
        { "sent b@b.example 5.123.456 ", WAIT_SENT, "b@b.example", "5.123.456",
          "" },
        { "lost b@b.example 5.1.1 x", WAIT_SENT, NULL, NULL, NULL },
        { "bounced", WAIT_SENT, NULL, NULL, NULL },
        { "bounced b@b.example 5.1 x", WAIT_SENT, NULL, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = alloc_string(cases[i].line);
        struct wait_outcome outcome;
        if (protocol_parse_outcome(text, &outcome) !=
            (cases[i].address != NULL))
            fail_msg("%s", cases[i].line);
        if (cases[i].address != NULL) {
            struct buf again;
            assert_int_equal(outcome.kind, cases[i].kind);
            assert_string_equal(outcome.address, cases[i].address);
            assert_string_equal(outcome.status, cases[i].status);
            assert_string_equal(outcome.text, cases[i].text);
            buf_init(&again, SIZE_MAX);
            protocol_put_outcome(&again, &outcome);
            assert_string_equal(line_in(&again), cases[i].line);
            buf_free(&again);
        }
        free(text);
    }
}

static void tells_refusals_from_answers(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    protocol_put_refusal(&text, "ask again in %d s", 7);
    assert_string_equal(protocol_refusal(line_in(&text)), "ask again in 7 s");
    assert_null(protocol_refusal("errors 7"));
    assert_null(protocol_refusal("12 3"));
    buf_free(&text);
}

/* What comes before an answer is never taken for a part of it, nor a part of it
 * for that. */
static void tells_progress_from_answers(void **state)
{
    static const char *const others[] = {
        "progress", "progress ", "progress 256", "progress 256 ",
        "progress -1 7", "progress a 7", "progress 1 18446744073709551616",
        "progressing 1 7", "Progress 1 7", " progress 1 7", "",
    };
    uint64_t done, all;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    protocol_put_progress(&text, 256, 200000);
    const char *line = line_in(&text);
    assert_string_equal(line, "progress 256 200000");
    assert_true(protocol_parse_progress(line, &done, &all));
    assert_int_equal(done, 256);
    assert_int_equal(all, 200000);
    buf_free(&text);
    for (size_t i = 0; i < COUNT(others); i++)
        if (protocol_parse_progress(others[i], &done, &all))
            fail_msg("\"%s\"", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_it_composes),
        cmocka_unit_test(keeps_fields_apart),
        cmocka_unit_test(passes_over_unknown_lines_of_a_list),
        cmocka_unit_test(takes_an_unknown_mark_for_one_that_waits),
        cmocka_unit_test(parses_smarthosts),
        cmocka_unit_test(parses_troubles_and_figures),
        cmocka_unit_test(parses_changes),
        cmocka_unit_test(parses_outcomes),
        cmocka_unit_test(tells_refusals_from_answers),
        cmocka_unit_test(tells_progress_from_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
