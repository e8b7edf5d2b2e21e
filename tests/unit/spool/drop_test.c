/* Hostile objects in the drop directory (one user's own: others' cannot be
 * made without root). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "spool_fixture.h"
#include "util/clock.h"
#include "util/crc32c.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"
#define LIMIT 100000

static const struct drop_limits limits = { LIMIT, LIMIT };

static void make_link(const struct spool *spool)
{
    fixture_write(spool->failed, "target", "x", 1);
    assert_int_equal(symlinkat("../failed/target", spool->drop, ID), 0);
}

static void make_own_link(const struct spool *spool)
{
    struct buf text;

    fixture_text(ID, FIXTURE_BODY, &text);
    fixture_write(spool->drop, ".tx", text.data, text.length);
    buf_free(&text);
    assert_int_equal(symlinkat(".tx", spool->drop, ID), 0);
}

static void make_fifo(const struct spool *spool)
{
    assert_int_equal(mkfifoat(spool->drop, ID, 0644), 0);
}

static void make_socket(const struct spool *spool)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/drop/%s",
             spool->path, ID);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address),
                     0);
    close(fd);
}

static void make_empty(const struct spool *spool)
{
    fixture_write(spool->drop, ID, "", 0);
}

static void make_sparse(const struct spool *spool)
{
    int fd = openat(spool->drop, ID, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

    assert_int_equal(ftruncate(fd, 1ll << 40), 0);
    close(fd);
}

static void make_zeros(const struct spool *spool)
{
    int fd = openat(spool->drop, ID, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

    assert_int_equal(ftruncate(fd, 5000), 0);
    close(fd);
}

static void make_text(const struct spool *spool, const char *id,
                      const char *body, const char *tail)
{
    struct buf text;

    fixture_text(id, body, &text);
    buf_add_text(&text, tail);
    fixture_write(spool->drop, ID, text.data, text.length);
    buf_free(&text);
}

static void make_alias(const struct spool *spool)
{
    make_text(spool, "ffffffffffffffffffffffffffffffff", FIXTURE_BODY, "");
}

static void make_queue_file(const struct spool *spool)
{
    make_text(spool, ID, FIXTURE_BODY,
              "QUEUED 00000000001700000000 0000000000\n");
}

static void make_growing(const struct spool *spool)
{
    make_text(spool, ID, FIXTURE_BODY, "and more\r\n");
}

static void make_large(const struct spool *spool)
{
    char *body = alloc_zero(LIMIT + 2, 1);

    memset(body, 'x', LIMIT + 1);
    make_text(spool, ID, body, "");
    free(body);
}

static void make_right(const struct spool *spool)
{
    make_text(spool, ID, FIXTURE_BODY, "");
}

/* A file of the test's own words, with the right END line. */
static void make_own(const struct spool *spool, const char *envelope,
                     const char *content)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "%s\n%s", envelope, content);
    uint32_t sum = crc32c(0, text.data, text.length);
    buf_add_format(&text, "END %020zu %08x 7\n", strlen(content), sum);
    fixture_write(spool->drop, ID, text.data, text.length);
    buf_free(&text);
}

static void make_newer(const struct spool *spool)
{
    make_own(spool, "postrider 2 " ID "\n", "x\r\n");
}

static void make_newer_by_a_word(const struct spool *spool)
{
    make_own(spool, "postrider 1 " ID "\nto - - a@example.com\nx 1\n", "");
}

static void make_optional_word(const struct spool *spool)
{
    make_own(spool, "postrider 1 " ID "\nto - - a@example.com\nopt-x 1\n",
             "");
}

static void make_bare_ends(const struct spool *spool)
{
    make_own(spool, "postrider 1 " ID "\nfrom b@example.com\n"
             "to - - a@example.com\n", "a\n.\rb\r\nc\r");
}

static void make_no_recipient(const struct spool *spool)
{
    make_own(spool, "postrider 1 " ID "\nfrom b@example.com\n", "x\r\n");
}

static void make_large_of_nobody(const struct spool *spool)
{
    char *body = alloc_zero(LIMIT + 2, 1);

    memset(body, 'x', LIMIT + 1);
    make_own(spool, "postrider 1 " ID "\nto - - a@example.com\n", body);
    free(body);
}

/* A message of zero octets that lie in a hole: some file systems make one. */
static void make_holes(const struct spool *spool)
{
    static const char head[] = "postrider 1 " ID "\nfrom b@example.com\n"
                               "to - - a@example.com\n\n";
    size_t length = LIMIT - 1000;
    struct buf end;

    buf_init(&end, SIZE_MAX);
    char *content = alloc_zero(length, 1);
    uint32_t sum = crc32c(crc32c(0, head, strlen(head)), content, length);
    buf_add_format(&end, "END %020zu %08x 7\n", length, sum);
    int fd = openat(spool->drop, ID, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_true(io_write_all(fd, head, strlen(head)));
    assert_true(lseek(fd, (off_t)length, SEEK_CUR) > 0);
    assert_true(io_write_all(fd, end.data, end.length));
    close(fd);
    buf_free(&end);
    free(content);
}

static void make_linked_twice(const struct spool *spool)
{
    make_right(spool);
    assert_int_equal(linkat(spool->drop, ID, spool->drop, ".tother", 0), 0);
}

static void make_nothing(const struct spool *spool)
{
    (void)spool;
}

static const struct {
    const char *name;
    void (*make)(const struct spool *spool);
    enum drop_result result;
    const char *status;         /* of its flaw, or NULL */
} cases[] = {
    { "nothing",         make_nothing,      DROP_GONE,  NULL },
    { "symlink out",     make_link,         DROP_GONE,  NULL },
    { "symlink within",  make_own_link,     DROP_GONE,  NULL },
    { "fifo",            make_fifo,         DROP_GONE,  NULL },
    { "socket",          make_socket,       DROP_GONE,  NULL },
    { "empty",           make_empty,        DROP_GONE,  NULL },
    { "sparse",          make_sparse,       DROP_GONE,  NULL },
    { "zeros",           make_zeros,        DROP_GONE,  NULL },
    { "another's id",    make_alias,        DROP_GONE,  NULL },
    { "growing",         make_growing,      DROP_GONE,  NULL },
    { "newer",           make_newer,        DROP_LATER, NULL },
    { "newer by a word", make_newer_by_a_word, DROP_LATER, NULL },
    { "optional word",   make_optional_word, DROP_TAKEN, NULL },
    { "queue file",      make_queue_file,   DROP_TAKEN, NULL },
    { "too large",       make_large,        DROP_TAKEN, "5.3.4" },
    { "too large, of nobody", make_large_of_nobody, DROP_LATER, NULL },
    { "bare line ends",  make_bare_ends,    DROP_TAKEN, "5.6.0" },
    { "no recipient",    make_no_recipient, DROP_TAKEN, "5.6.0" },
    { "right",           make_right,        DROP_TAKEN, NULL },
    { "holes",           make_holes,        DROP_TAKEN, NULL },
    { "linked twice",    make_linked_twice, DROP_TAKEN, NULL },
};

/* A hostile message is harmless wherever it goes from here. */
static void check_line_ends(const struct entry *entry)
{
    char octets[64] = "";
    size_t length = entry->content_length < 63 ? entry->content_length : 63;

    assert_int_equal(io_read_at(entry->fd, octets, length,
                                (off_t)entry->content_start), length);
    for (const char *lf = octets; (lf = strchr(lf, '\n')) != NULL; lf++)
        assert_true(lf > octets && lf[-1] == '\r');
}

static void check_entry(const char *name, const struct entry *entry,
                        const char *status)
{
    if ((entry->flaw == NULL) != (status == NULL) ||
        (status != NULL && strcmp(entry->flaw_status, status) != 0))
        fail_msg("%s: flaw: %s", name, entry->flaw);
    if (entry->queued || entry->content_length > LIMIT)
        fail_msg("%s: not as it should be", name);
    check_line_ends(entry);
}

static void takes_messages_and_throws_out_the_rest(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (uint64_t memory = 0; memory <= LIMIT; memory += LIMIT) {
            struct entry *entry = NULL;
            struct error err = { 0 };
            fixture_empty(fixture);
            cases[i].make(spool);
            int64_t start = clock_now();
            const struct drop_limits limit = { LIMIT, memory };
            enum drop_result result = drop_take(spool, ID, &limit, &entry,
                                                &err);
            if (result != cases[i].result)
                fail_msg("%s: %d: %s", cases[i].name, result, err.text);
            if (clock_now() - start > 2000)
                fail_msg("%s held it up", cases[i].name);
            if (fixture_exists(spool->drop, ID) != (result != DROP_GONE))
                fail_msg("%s: is it there still?", cases[i].name);
            if (result != DROP_TAKEN && fixture_count(spool->queue) != 0)
                fail_msg("%s: a copy is left", cases[i].name);
            if (result == DROP_TAKEN)
                check_entry(cases[i].name, entry, cases[i].status);
            entry_free(entry);
        }
}

static void says_what_is_newer(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = NULL;
    struct error err = { 0 };

    fixture_empty(fixture);
    make_newer(&fixture->spool);
    assert_int_equal(drop_take(&fixture->spool, ID, &limits, &entry,
                               &err), DROP_LATER);
    assert_int_equal(err.fault, FAULT_NEWER);
    assert_non_null(strstr(err.text, "drop/" ID));
}

/* The owner has a lease: open(2) would wait for him. */
static void does_not_wait_for_a_lease(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = NULL;
    struct error err;

    fixture_empty(fixture);
    make_right(&fixture->spool);
    int fd = openat(fixture->spool.drop, ID, O_RDWR | O_CLOEXEC);
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == -1) {
        close(fd);
        skip();
    }
    int64_t start = clock_now();
    assert_int_equal(drop_take(&fixture->spool, ID, &limits, &entry,
                               &err), DROP_LATER);
    assert_true(clock_now() - start < 2000);
    assert_true(fixture_exists(fixture->spool.drop, ID));
    close(fd);
    assert_int_equal(drop_take(&fixture->spool, ID, &limits, &entry,
                               &err), DROP_TAKEN);
    entry_free(entry);
}

/* What the owner writes afterwards is not what was taken. */
static void copies_instead_of_adopting(void **state)
{
    struct fixture *fixture = *state;
    char octets[sizeof FIXTURE_BODY] = "";
    struct entry *entry = NULL;
    struct error err;

    for (uint64_t memory = 0; memory <= LIMIT; memory += LIMIT) {
        fixture_empty(fixture);
        make_right(&fixture->spool);
        const struct drop_limits limit = { LIMIT, memory };
        assert_int_equal(drop_take(&fixture->spool, ID, &limit, &entry, &err),
                         DROP_TAKEN);
        make_zeros(&fixture->spool);
        assert_true(io_read_at(entry->fd, octets, strlen(FIXTURE_BODY),
                               (off_t)entry->content_start) > 0);
        assert_string_equal(octets, FIXTURE_BODY);
        entry_free(entry);
    }
}

/* Unreadable: it may be readable soon, but not for ever. */
static void keeps_the_unreadable_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = NULL;
    struct error err;

    if (geteuid() == 0)
        skip();
    fixture_empty(fixture);
    make_right(&fixture->spool);
    assert_int_equal(fchmodat(fixture->spool.drop, ID, 0, 0), 0);
    assert_int_equal(drop_take(&fixture->spool, ID, &limits, &entry,
                               &err), DROP_LATER);
    assert_true(fixture_exists(fixture->spool.drop, ID));
}

/* A claim to be another is believed of the daemon itself only, which is who
 * runs this test. */
static void believes_its_own_claims(void **state)
{
    struct fixture *fixture = *state;
    struct envelope env;
    struct entry *entry = NULL;
    struct error err;

    fixture_empty(fixture);
    struct draft *draft = draft_new_dropped(fixture->path, &err);
    fixture_envelope(&env);
    draft_set_uid(draft, 12345);
    assert_true(draft_envelope(draft, &env, &err) &&
                draft_add(draft, "x\r\n", 3, &err) &&
                draft_end(draft, false, &err) && draft_commit(draft, &err));
    assert_int_equal(drop_take(&fixture->spool, draft_id(draft), &limits,
                               &entry, &err), DROP_TAKEN);
    assert_int_equal(entry->uid, 12345);
    entry_free(entry);
    if (geteuid() == 0) {
        assert_int_equal(fchownat(fixture->spool.drop, draft_id(draft), 65534,
                                  (gid_t)-1, 0), 0);
        assert_int_equal(drop_take(&fixture->spool, draft_id(draft),
                                   &limits, &entry, &err), DROP_TAKEN);
        assert_int_equal(entry->uid, 65534);
        entry_free(entry);
    }
    draft_free(draft);
    envelope_free(&env);
}

static void spoil_content(const struct spool *spool)
{
    int fd = openat(spool->drop, ID, O_RDWR | O_CLOEXEC);
    off_t content = lseek(fd, 0, SEEK_END) - DRAFT_END_LENGTH - 1;

    assert_int_equal(pwrite(fd, "!", 1, content), 1);
    close(fd);
}

/* A file of another user with the id of a queued message stays, and nothing
 * shows that its content is wrong: it is not read before that is gone. */
static void reads_no_foreign_file_of_that_name(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    struct entry *entry = NULL;
    struct error err;

    if (geteuid() != 0)
        skip();
    fixture_empty(fixture);
    make_right(spool);
    assert_int_equal(drop_take(spool, ID, &limits, &entry, &err),
                     DROP_TAKEN);
    assert_true(queue_store(spool, entry, 1700000000, NULL, &err));
    entry_free(entry);
    make_right(spool);
    spoil_content(spool);
    assert_int_equal(fchownat(spool->drop, ID, 65534, (gid_t)-1, 0), 0);
    assert_int_equal(drop_take(spool, ID, &limits, &entry, &err),
                     DROP_LATER);
    assert_int_equal(err.fault, FAULT_UNAVAILABLE);
    assert_true(fixture_exists(spool->drop, ID));
    assert_true(queue_remove(spool, ID, &QUEUE_ALL_FILES, false));
    assert_true(fixture_exists(spool->drop, ID));
    assert_int_equal(drop_take(spool, ID, &limits, &entry, &err),
                     DROP_GONE);
}

/* A message whose line ends are made right is stored so, wherever it was copied
 * to, and as its owner's, whatever a last line of theirs may say. */
static void stores_what_it_made_right(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;

    for (uint64_t memory = 0; memory <= LIMIT; memory += LIMIT) {
        struct entry *entry = NULL;
        int64_t received = 0;
        struct error err;
        fixture_empty(fixture);
        make_text(spool, ID, "a\n.\nQUIT\n",
                  "QUEUED 00000000000000000001 4294967294\n");
        const struct drop_limits limit = { LIMIT, memory };
        assert_int_equal(drop_take(spool, ID, &limit, &entry, &err),
                         DROP_TAKEN);
        assert_true(queue_store(spool, entry, 1700000000, NULL, &err));
        entry_free(entry);
        entry = queue_file_open(spool, ID, &received, &err);
        assert_non_null(entry);
        check_line_ends(entry);
        assert_int_equal(entry->uid, geteuid());
        assert_int_equal(received, 1700000000);
        entry_free(entry);
    }
}

/* A message to one recipient that is one letter again and again: of always the
 * same size, and more than a block, whose end is between a CR and its LF. With
 * the last line of queue/ its content ends earlier. */
#define CHANGED_SIZE 90000
#define QUEUED "QUEUED 00000000001700000000 0000000000\n"

static void make_changed(const struct spool *spool, const char *recipient,
                         char letter, const char *tail)
{
    size_t size = CHANGED_SIZE - (*tail == 'Q' ? strlen(tail) : 0);
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "postrider 1 " ID "\nfrom \nto - - %s\n\n",
                   recipient);
    size_t start = text.length;
    while (text.length < size - 2)
        if (text.length == IO_BLOCK - 1)
            buf_add_text(&text, "\r\n");
        else
            buf_add_char(&text, letter);
    buf_add_text(&text, "\r\n");
    uint32_t sum = crc32c(0, text.data, text.length);
    buf_add_format(&text, "END %020zu %08x 7\n%s", text.length - start, sum,
                   tail);
    fixture_write(spool->drop, ID, text.data, text.length);
    buf_free(&text);
}

/* Its owner changes the file while it is copied. */
static const struct {
    const char *recipient;      /* a longer one: the content begins later */
    char letter;
    const char *tail;
    size_t blocks;              /* are copied before the change */
    enum drop_result result;
} changes[] = {
    { "a@example.com", 'x', "",     0, DROP_TAKEN },    /* none */
    { "a@example.com", 'x', "",     1, DROP_TAKEN },
    { "a@example.com", 'x', "more", 0, DROP_TAKEN },
    { "a@example.com", 'x', "more", 1, DROP_TAKEN },
    { "a@example.com", 'y', "",     0, DROP_TAKEN },
    { "a@example.com", 'x', QUEUED, 0, DROP_TAKEN },    /* an earlier end */
    { "a@example.com", 'y', "",     1, DROP_GONE },     /* a half of each */
    { "bb@example.com", 'x', "",    0, DROP_TAKEN },
    { "bb@example.com", 'y', "",    0, DROP_TAKEN },
    { "bb@example.com", 'x', "",    1, DROP_GONE },
    { "bb@example.com", 'y', "",    1, DROP_GONE },
};

/* Is it all of the one file, by its sum, its recipient and its letter? */
static void check_copy(const struct entry *entry, size_t row)
{
    struct error err;
    char first = '\0';
    struct entry *whole = entry_open(fcntl(entry->fd, F_DUPFD_CLOEXEC, 0), ID,
                                     &err);

    assert_int_equal(io_read_at(entry->fd, &first, 1,
                                (off_t)entry->content_start), 1);
    if (whole == NULL || whole->has_bare_ends || entry->flaw != NULL ||
        first != changes[row].letter ||
        strcmp(entry->envelope.recipients[0].path,
               changes[row].recipient) != 0)
        fail_msg("row %zu: the copy is not what was verified", row);
    entry_free(whole);
}

static void check_change(struct fixture *fixture, size_t row, uint64_t memory)
{
    const struct spool *spool = &fixture->spool;
    const struct drop_limits limit = { LIMIT, memory };
    struct drop_taking *taking;
    struct entry *entry = NULL;
    struct error err;

    fixture_empty(fixture);
    make_changed(spool, "a@example.com", 'x', "");
    enum drop_result result = drop_begin(spool, ID, &limit, &taking, &err);
    for (size_t i = 0; i < changes[row].blocks; i++)
        assert_int_equal(drop_go_on(taking, 1, &entry, &err), DROP_MORE);
    make_changed(spool, changes[row].recipient, changes[row].letter,
                 changes[row].tail);
    while (result == DROP_MORE)
        result = drop_go_on(taking, 1, &entry, &err);
    if (result != changes[row].result)
        fail_msg("row %zu: %d: %s", row, result, err.text);
    if (result == DROP_TAKEN)
        check_copy(entry, row);
    entry_free(entry);
}

/* One that fits into memory is read in one go. */
static void proves_what_it_copied(void **state)
{
    for (size_t row = 0; row < COUNT(changes); row++) {
        check_change(*state, row, 0);
        if (changes[row].blocks == 0)
            check_change(*state, row, LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_messages_and_throws_out_the_rest),
        cmocka_unit_test(says_what_is_newer),
        cmocka_unit_test(does_not_wait_for_a_lease),
        cmocka_unit_test(copies_instead_of_adopting),
        cmocka_unit_test(keeps_the_unreadable_for_a_while),
        cmocka_unit_test(believes_its_own_claims),
        cmocka_unit_test(reads_no_foreign_file_of_that_name),
        cmocka_unit_test(stores_what_it_made_right),
        cmocka_unit_test(proves_what_it_copied),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
