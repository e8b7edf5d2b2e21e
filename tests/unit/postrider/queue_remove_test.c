#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "config/config.h"
#include "postrider/queue.h"
#include "util/strings.h"
#include "util/text.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "1123456789abcdef0123456789abcdef"
#define ITEM(id, mark) id "\t" mark "\t0\t9\t1\t0\t\ta@a\tb@b\n"

/* What the daemon answers to "remove", for those that were watched, and for
 * all; set by each row. */
static struct changes watched_changes, all_changes;
static size_t changes_made;

static bool change(const struct config *config, enum request kind,
                   const struct strings *ids, struct changes *changes,
                   struct error *err)
{
    bool is_first = changes_made++ == 0 && watched_changes.left > 0;

    (void)config;
    (void)ids;
    assert_int_equal(kind, REQUEST_REMOVE);
    *changes = is_first ? watched_changes : all_changes;
    return changes->done + changes->left > 0 ||
           error_set(err, FAULT_INPUT, "no such message");
}

static const struct {
    const char *id;
    const char *list;
    const char *outcome;        /* of A, if it is on its way */
    struct changes watched, all;
    bool done;
    const char *out;
} removals[] = {
    { A, ITEM(A, "-"), NULL, { 0 }, { .done = 1 }, true, "1 removed\n" },
    { A, "", NULL, { 0 }, { 0 }, false, "" },
    { A, ITEM(A, "*") ITEM(B, "*"), "sent b@b 2.0.0 ok\n", { .left = 1 },
      { 0 }, true, "1 had left already: delivered\n" },
    { A, ITEM(A, "*"), "bounced b@b 5.1.1 no\n", { .left = 1 }, { 0 }, true,
      "1 had left already: refused, which is reported to the sender\n" },
    { A, ITEM(A, "*"), "removed - - -\n", { .left = 1 }, { 0 }, false,
      "1 removed\n" },
    { A, ITEM(A, "*"), "deferred b@b 4.0.0 no\n", { .left = 1 }, { 0 }, false,
      "1 removed\n" },
    { A, ITEM(A, "*"), "", { .left = 1 }, { 0 }, false,
      "1 on the way: removed unless delivered now\n" },
    { "all", ITEM(A, "*") ITEM(B, "-"), "sent b@b 2.0.0 ok\n", { .left = 1 },
      { .done = 4, .left = 3 }, true, "4 removed\n"
      "1 had left already: delivered\n"
      "2 on the way: removed unless delivered now\n" },
};

static void those_on_their_way_are_waited_for(void **state)
{
    char control[] = "control", spool[] = "/nowhere";
    const struct config config = { .control = control, .spool = spool };

    (void)state;
    for (size_t i = 0; i < COUNT(removals); i++) {
        const struct exchange exchanges[] = {
            { "list", removals[i].list },
            { removals[i].outcome != NULL ? "wait " A : NULL,
              removals[i].outcome },
            { NULL, NULL },
        };
        struct strings ids = { 0 };
        struct error err = { 0 };
        strings_add(&ids, removals[i].id);
        watched_changes = removals[i].watched;
        all_changes = removals[i].all;
        changes_made = 0;
        struct fake_daemon fake = fake_daemon_start(control, exchanges);
        struct printed printed = printed_begin(stdout);
        bool done = queue_remove_messages(&config, &ids, change, &err);
        char *out = printed_end(&printed);
        assert_true(fake_daemon_end(&fake));
        if (done != removals[i].done || strcmp(out, removals[i].out) != 0)
            fail_msg("row %zu: %d %s", i, done, out);
        free(out);
        strings_free(&ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(those_on_their_way_are_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
