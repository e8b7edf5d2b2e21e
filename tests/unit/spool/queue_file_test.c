/* The daemon's own copy of a message: whole, damaged, or of another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "util/text.h"

#define LAST "QUEUED 00000000001700000000 0000004001\n"
#define OTHER "ffffffffffffffffffffffffffffffff"

static const char id[] = "0123456789abcdef0123456789abcdef";

/* A message file, what follows it, and what is made of that. */
static const struct queued {
    const char *of;             /* its id; NULL: there is no file */
    const char *last;
    size_t cut;                 /* octets at its end */
    bool is_there, is_opened, is_whole;
    enum fault fault;           /* of the first that is not so */
} files[] = {
    { id,    LAST,              0,  true,  true,  true,  FAULT_NONE },
    { id,    "",                0,  true,  true,  false, FAULT_DATA },
    { id,    LAST,              1,  true,  false, false, FAULT_DATA },
    { id,    LAST,              60, true,  false, false, FAULT_DATA },
    { OTHER, LAST,              0,  true,  false, false, FAULT_DATA },
    { id,    LAST "more\n",     0,  true,  false, false, FAULT_DATA },
    { NULL,  "",                0,  false, false, false, FAULT_IO },
};

static void put_file(const struct fixture *fixture, const struct queued *row)
{
    struct buf text;

    fixture_empty(fixture);
    if (row->of == NULL)
        return;
    fixture_text(row->of, FIXTURE_BODY, &text);
    buf_add_text(&text, row->last);
    fixture_write(fixture->spool.queue, id, text.data, text.length - row->cut);
    buf_free(&text);
}

static void knows_a_whole_one(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;

    for (size_t i = 0; i < COUNT(files); i++) {
        const struct queued *row = &files[i];
        int64_t received = 0;
        struct error err = { 0 }, why = { 0 };
        put_file(*state, row);
        struct entry *entry = queue_file_open(spool, id, &received, &err);
        bool whole = queue_file_verify(spool, id, id, &why);
        if (queue_file_exists(spool, id) != row->is_there ||
            (entry != NULL) != row->is_opened || whole != row->is_whole ||
            (!whole && why.fault != row->fault) ||
            (entry == NULL && err.fault != row->fault))
            fail_msg("row %zu: %s; %s", i, err.text, why.text);
        if (whole) {
            assert_int_equal(received, 1700000000);
            assert_int_equal(entry->uid, 4001);
        }
        if (row->is_opened)
            assert_true(received >= 1700000000);    /* now, if not known */
        entry_free(entry);
    }
}

/* As a newer version wrote it: it is not damaged. */
static void leaves_a_newer_one_alone(void **state)
{
    const struct fixture *fixture = *state;
    char *text = alloc_format("postrider 9 %s\n", id);
    int64_t received;
    struct error err;

    fixture_empty(fixture);
    fixture_write(fixture->spool.queue, id, text, strlen(text));
    assert_null(queue_file_open(&fixture->spool, id, &received, &err));
    assert_int_equal(err.fault, FAULT_NEWER);
    assert_false(queue_file_verify(&fixture->spool, id, id, &err));
    assert_int_equal(err.fault, FAULT_NEWER);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_whole_one),
        cmocka_unit_test(leaves_a_newer_one_alone),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
