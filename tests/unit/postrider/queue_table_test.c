#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "config/config.h"
#include "postrider/queue.h"
#include "util/text.h"

#define A "00000000aaaaaaaaaaaaaaaaaaaaaaaa"
#define B "00000000bbbbbbbbbbbbbbbbbbbbbbbb"
#define C "1111cccccccccccccccccccccccccccc"

struct listed {
    const char *id;             /* NULL: there is no more */
    enum queue_state state;
    unsigned attempts;
    uint64_t size;
    long age, next;             /* seconds from now; next 0: not known */
    const char *reason, *sender;
    const char *recipients[3];
};

/* Seconds pass while the test runs: times are not at a limit. */
static const struct {
    struct listed items[3];
    const char *others;         /* lines of the list, which come last */
    const char *out;
} tables[] = {
    { { { .id = NULL } }, "", "Mail queue is empty\n" },
    { { { .id = NULL } }, "others\t2\t9\nunread\t1\tof 9\n",
      "2 more of other users\n1 more that cannot be read: of 9\n" },
    { { { C, QUEUE_WAITING, 2, 9999, 90 * 60 + 30, 600 + 30, "no route",
          "ann@a.example", { "bob@b.example" } },
        { A, QUEUE_HELD, 0, 10000, 200 * 3600 + 30, 0, "", "",
          { "b@b.example", "c@c.example", "d@d.example" } },
        { B, QUEUE_ACTIVE, 0, 10485760, 130, 0, "no route",
          "a.very.long.name@a.example", { "b@b.example" } } },
      "others\t1\t9\n",
      "1 more of other users\n"
      "ID        AGE    TRIES  SIZE FROM                TO                  "
      "NEXT\n"
      "00000000A 8 d        0    9K MAILER-DAEMON       +2 b@b.example      "
      "held\n"
      "1111CCCCC 90 min     2  9999 ann@a.example       bob@b.example       "
      "in 10 min\n"
      "00000000B 2 min      0   10M a.very.long.name@a. b@b.example         "
      "on the way\n"
      "2 wait: no route\n" },
    { { { C, QUEUE_WAITING, 1, 1, 130, -9, "busy\x1b", "a@a",
          { "b@b" } },
        { A, QUEUE_WAITING, 0, 1, 140, 0, "", "a@a", { "b@b" } } }, "",
      "ID   AGE    TRIES  SIZE FROM                TO                  NEXT\n"
      "0000 2 min      0     1 a@a                 b@b                 -\n"
      "1111 2 min      1     1 a@a                 b@b                 now\n"
      "1 waits: busy \n" },
};

static void compose_list(struct buf *list, const struct listed *items)
{
    const int64_t now = (int64_t)time(NULL);

    for (size_t i = 0; i < 3 && items[i].id != NULL; i++) {
        struct queue_item item = {
            .id = items[i].id, .state = items[i].state,
            .attempts = items[i].attempts, .size = items[i].size,
            .received = now - items[i].age, .reason = items[i].reason,
            .next = items[i].next == 0 ? 0 : now + items[i].next,
            .sender = items[i].sender, .recipients = items[i].recipients,
        };
        while (item.recipient_count < 3 &&
               items[i].recipients[item.recipient_count] != NULL)
            item.recipient_count++;
        protocol_put_item(list, &item);
    }
}

static void shows_what_waits_and_for_what(void **state)
{
    char control[] = "control", spool[] = "/nowhere";
    const struct config config = { .control = control, .spool = spool };
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(tables); i++) {
        struct buf list;
        buf_init(&list, SIZE_MAX);
        compose_list(&list, tables[i].items);
        buf_add_text(&list, tables[i].others);
        const struct exchange exchanges[] = { { "list", list.data },
                                              { NULL, NULL } };
        struct fake_daemon fake = fake_daemon_start(control, exchanges);
        struct printed printed = printed_begin(stdout);
        bool listed = queue_print_table(&config, &err);
        char *out = printed_end(&printed);
        assert_true(fake_daemon_end(&fake));
        assert_true(listed);
        assert_string_equal(out, tables[i].out);
        free(out);
        buf_free(&list);
    }
}

static void a_queue_that_cannot_be_seen_is_no_table(void **state)
{
    char control[] = "/nowhere/control", spool[] = "/nowhere";
    const struct config config = { .control = control, .spool = spool };
    struct error err = { 0 };

    (void)state;
    struct printed printed = printed_begin(stdout);
    bool listed = queue_print_table(&config, &err);
    char *out = printed_end(&printed);
    assert_false(listed);
    assert_int_equal(err.fault, FAULT_UNAVAILABLE);
    assert_string_equal(out, "");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(shows_what_waits_and_for_what),
        cmocka_unit_test(a_queue_that_cannot_be_seen_is_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
