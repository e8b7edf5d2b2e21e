/* A message that cannot be sent as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "spool/restate.h"
#include "util/scratch.h"
#include "util/text.h"

#define LONG 200000             /* octets: more than a block */

static const struct {
    const char *name;
    const char *body;
    bool whole;
    const char *expected;
} cases[] = {
    { "as it was", "A: b\r\n\r\nc\r\n", true, "A: b\r\n\r\nc\r\n" },
    { "LF", "A: b\n\nc\n", true, "A: b\r\n\r\nc\r\n" },
    { "CR", "A: b\r\rc\r", true, "A: b\r\n\r\nc\r\n" },
    { "all three", "A: b\n\r\r\nc\r", true, "A: b\r\n\r\n\r\nc\r\n" },
    { "its header section", "A: b\r\n\r\nc\r\n", false, "A: b\r\n\r\n" },
    { "with LF", "A: b\nC: d\n\ne\n", false, "A: b\r\nC: d\r\n\r\n" },
    { "without a body", "A: b\r\n", false, "A: b\r\n" },
    { "without a field", "\r\nc\r\n", false, "\r\n" },
};

/* In drop/, verified, with this body. */
static struct entry *open_dropped(const struct fixture *fixture,
                                  const char *body, char *id)
{
    struct error err;
    struct buf text;

    random_id(id);
    fixture_text(id, body, &text);
    fixture_write(fixture->spool.drop, id, text.data, text.length);
    buf_free(&text);
    struct entry *entry = entry_open(openat(fixture->spool.drop, id, O_RDONLY),
                                     id, &err);
    if (entry == NULL)
        fail_msg("%s", err.text);
    return entry;
}

static void read_content(const struct entry *entry, struct buf *out)
{
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);

    buf_init(out, SIZE_MAX);
    while (io_blocks_next(&blocks))
        buf_add(out, blocks.data, blocks.length);
    assert_true(io_blocks_end(&blocks));
}

static void ends_all_lines_alike(void **state)
{
    const struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct buf text;
        struct entry *entry = open_dropped(fixture, cases[i].body, id);
        struct entry *other = restate_entry(entry, cases[i].whole,
                                            SCRATCH_PLACES, &err);
        if (other == NULL)
            fail_msg("%s: %s", cases[i].name, err.text);
        read_content(other, &text);
        if (strcmp(text.data, cases[i].expected) != 0)
            fail_msg("%s: %s", cases[i].name, text.data);
        assert_string_equal(other->id, id);
        assert_int_equal(other->envelope.count, 2);
        buf_free(&text);
        entry_free(other);
        entry_free(entry);
    }
}

/* A report quotes no more of it, and blames it for the same. */
static void keeps_flaws(void **state)
{
    const struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    struct entry *entry = open_dropped(fixture, "A: b\r\n\r\nc\r\n", id);

    entry_blame(entry, "5.3.4", "too large");
    struct entry *other = restate_entry(entry, false, SCRATCH_PLACES, &err);
    assert_non_null(other);
    assert_string_equal(other->flaw_status, "5.3.4");
    assert_string_equal(other->flaw, "too large");
    assert_int_equal(other->envelope.dsn_return, RETURN_HEADERS);
    entry_free(other);
    entry_free(entry);
}

/* A CR that ends a block, and its LF that begins the next one. */
static void joins_blocks(void **state)
{
    const struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct buf body, text;
    struct error err;

    buf_init(&body, SIZE_MAX);
    buf_add_text(&body, "A: b\r\n\r\n");
    for (size_t i = 0; body.length < LONG; i++)
        buf_add_text(&body, i % 3 == 0 ? "x\r\n" : "\r\n");
    struct entry *entry = open_dropped(fixture, body.data, id);
    struct entry *other = restate_entry(entry, true, SCRATCH_PLACES, &err);
    assert_non_null(other);
    read_content(other, &text);
    assert_int_equal(text.length, body.length);
    assert_string_equal(text.data, body.data);
    buf_free(&text);
    buf_free(&body);
    entry_free(other);
    entry_free(entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_all_lines_alike),
        cmocka_unit_test(keeps_flaws),
        cmocka_unit_test(joins_blocks),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
