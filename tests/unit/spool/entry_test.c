#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "util/crc32c.h"
#include "util/scratch.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"
#define FIRST "postrider 1 " ID "\n"

static int file_of(const void *data, size_t length)
{
    struct scratch scratch;
    struct error err;

    assert_true(scratch_open(&scratch, &err));
    assert_true(scratch_write(&scratch, data, length));
    return scratch.fd;
}

static struct entry *open_text(const void *data, size_t length,
                               struct error *err)
{
    return entry_open(file_of(data, length), ID, err);
}

/* Envelope and content with the right END line; the caller frees. */
static void finish_text(struct buf *out, const char *envelope,
                        const char *content, size_t length)
{
    buf_init(out, SIZE_MAX);
    buf_add_text(out, envelope);
    buf_add(out, content, length);
    uint32_t sum = crc32c(0, out->data, out->length);
    buf_add_format(out, "END %020zu %08x 7\n", length, sum);
}

static void reads_what_a_draft_wrote(void **state)
{
    struct error err;
    struct buf text;

    (void)state;
    fixture_text(ID, FIXTURE_BODY, &text);
    struct entry *entry = open_text(text.data, text.length, &err);
    if (entry == NULL)
        fail_msg("%s", err.text);
    const struct envelope *env = &entry->envelope;
    assert_string_equal(entry->id, ID);
    assert_string_equal(envelope_reverse_path(env), "a@example.com");
    assert_int_equal(env->count, 2);
    assert_string_equal(env->recipients[0].path, "b@example.com");
    assert_string_equal(env->recipients[0].original, "rfc822;b@example.com");
    assert_int_equal(env->recipients[0].notify, NOTIFY_FAILURE | NOTIFY_DELAY);
    assert_string_equal(env->recipients[1].path, "c@example.com");
    assert_null(env->recipients[1].original);
    assert_int_equal(env->recipients[1].notify, 0);
    assert_int_equal(env->dsn_return, RETURN_HEADERS);
    assert_string_equal(env->envelope_id, "id+20one");
    assert_null(env->smarthost);
    assert_false(entry->has_claim || entry->queued || entry->is_8bit);
    assert_int_equal(entry->uid, geteuid());
    assert_int_equal(entry->content_length, strlen(FIXTURE_BODY));
    assert_memory_equal(text.data + entry->content_start, FIXTURE_BODY,
                        strlen(FIXTURE_BODY));
    entry_free(entry);
    buf_free(&text);
}

/* A torn write, a flipped bit: the checksum or the form tells. */
static void refuses_a_changed_octet(void **state)
{
    static const unsigned char masks[] = { 0x01, 0x20, 0x80, 0xff };
    struct error err;
    struct buf text;
    size_t harmless = 0;

    (void)state;
    fixture_text(ID, FIXTURE_BODY, &text);
    for (size_t i = 0; i < text.length; i++)
        for (size_t m = 0; m < COUNT(masks) + 1; m++) {
            char was = text.data[i];
            text.data[i] = m == COUNT(masks)
                           ? '\0' : (char)((unsigned char)was ^ masks[m]);
            struct entry *entry = open_text(text.data, text.length, &err);
            /* Only what the END line says of the body's octets is bare. */
            bool is_flag = i == text.length - 2;
            if (entry != NULL && !is_flag)
                fail_msg("octet %zu: %02x for %02x", i,
                         (unsigned char)text.data[i], (unsigned char)was);
            if (entry == NULL)
                assert_int_equal(err.fault, FAULT_DATA);
            harmless += entry != NULL;
            entry_free(entry);
            text.data[i] = was;
        }
    assert_true(harmless <= 1);
    buf_free(&text);
}

static void refuses_a_cut_or_longer_file(void **state)
{
    struct error err;
    struct buf text;

    (void)state;
    fixture_text(ID, FIXTURE_BODY, &text);
    for (size_t length = 0; length < text.length; length++) {
        if (open_text(text.data, length, &err) != NULL)
            fail_msg("cut at %zu", length);
        assert_int_equal(err.fault, FAULT_DATA);
    }
    for (size_t start = 1; start < text.length; start++)
        if (open_text(text.data + start, text.length - start, &err) != NULL)
            fail_msg("without the first %zu", start);
    size_t length = text.length;
    buf_add(&text, text.data, length);
    for (size_t more = 1; more <= length; more++)
        if (open_text(text.data, length + more, &err) != NULL)
            fail_msg("%zu octets more", more);
    buf_free(&text);
}

/* Right sums over wrong content: what a hostile owner can write. */
enum verdict { RIGHT, DAMAGED, NEWER, FLAWED, FOR_SOME };

static const struct {
    const char *envelope;
    enum verdict verdict;
} envelopes[] = {
    { FIRST "from \nto - - b@example.com\n\n", RIGHT },
    { FIRST "from a@b.example\nto - - b@example.com\nutf8\n\n", RIGHT },
    { FIRST "from \nto - - b@example.com\nuid 0\n\n", RIGHT },
    { FIRST "from \nto NEVER - b@example.com\nsmarthost x\n\n", RIGHT },
    { FIRST "from a@b.example\nfrom a@b.example\nto - - b@example.com\n\n",
      RIGHT },
    { FIRST "to - - b@example.com\n\n", RIGHT },
    { FIRST "opt-x\nto - - b@example.com\nopt-y \x01 z\n\n", RIGHT },
    /* Not the frame of version 1, nor of any other. */
    { "postrider 0 " ID "\nfrom \nto - - b@example.com\n\n", DAMAGED },
    { "postrider 01 " ID "\nfrom \nto - - b@example.com\n\n", DAMAGED },
    { "postrider 1 " ID "x\nfrom \nto - - b@example.com\n\n", DAMAGED },
    { "postrider 1 " ID " \nfrom \nto - - b@example.com\n\n", DAMAGED },
    { "postrider 1 0123\nfrom \nto - - b@example.com\n\n", DAMAGED },
    { "postrider 1 ffffffffffffffffffffffffffffffff\nfrom \n"
      "to - - b@example.com\n\n", DAMAGED },
    { "postrider 2 ffffffffffffffffffffffffffffffff\nfrom \n"
      "to - - b@example.com\n\n", DAMAGED },
    { "postrider 1 0123456789ABCDEF0123456789abcdef\nfrom \n"
      "to - - b@example.com\n\n", DAMAGED },
    { "postrider 1 \nto - - b@example.com\n\n", DAMAGED },
    { "postrider\nto - - b@example.com\n\n", DAMAGED },
    { "\nto - - b@example.com\n\n", DAMAGED },
    { FIRST "from \nto - - b@example.com\n", DAMAGED },
    /* Other versions: only the first line is known of them. */
    { "postrider 2 " ID "\n", NEWER },
    { "postrider 10 " ID "\nfrom \nto - - b@example.com\n\n", NEWER },
    { "postrider 2 " ID " more\n\x01\n\n", NEWER },
    { "postrider 99999999999999999999999 " ID "\n\n", NEWER },
    { FIRST "from \nto - - b@example.com\nx\n\n", NEWER },
    { FIRST "from \nto - - b@example.com\nexec /bin/sh\n\n", NEWER },
    { FIRST "from \nto - - b@example.com\nutf8-only\n\n", NEWER },
    { FIRST "from \nto - - b@example.com\noption-x y\n\n", NEWER },
    /* Whole, but not to be sent. */
    { FIRST "from \n\n", FLAWED },
    { FIRST "\n", FLAWED },
    { FIRST "from a\x01@b.example\nto - - b@example.com\n\n", FLAWED },
    { FIRST "from a b@c.example\nto - - b@example.com\n\n", FLAWED },
    { FIRST "from <a@b.example>\nto - - b@example.com\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nret some\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nenvid a b\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nenvid x\nenvid x\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nuid -1\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nuid 4294967296\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nuid 1\nuid 0\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nsmarthost a\nsmarthost b\n\n",
      FLAWED },
    { FIRST "from \nto - - b@example.com\nutf8 no\n\n", FLAWED },
    { FIRST "from \nto - - b@example.com\nTo: b@example.com\n\n", FLAWED },
    /* Not to be sent to one of its recipients. */
    { FIRST "from \nto b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto - b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto  b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto - - \n\n", FOR_SOME },
    { FIRST "from \nto - - b@example.com>\n\n", FOR_SOME },
    { FIRST "from \nto - - b@example.com\r\n\n", FOR_SOME },
    { FIRST "from \nto bogus - b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto NEVER,DELAY - b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto - b@example.com SIZE=1 - b@example.com\n\n",
      FOR_SOME },
    { FIRST "from \nto - rfc822;a\x7f b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto - ORCPT b@example.com\n\n", FOR_SOME },
    { FIRST "from \nto - - |x\nopt-flaw no programs\n\n", FOR_SOME },
    { FIRST "from \nto - - b@example.com\nopt-flaw why\n\n", FOR_SOME },
    { FIRST "opt-flaw why\nto - - b@example.com\n\n", FLAWED },
};

static enum verdict verdict_on(const struct entry *entry,
                               const struct error *err)
{
    struct error flaw;

    if (entry == NULL)
        return err->fault == FAULT_NEWER ? NEWER : DAMAGED;
    if (!entry_check(entry, &flaw))
        return FLAWED;
    return entry->envelope.recipients[0].flaw != NULL ? FOR_SOME : RIGHT;
}

static void judges_envelopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(envelopes); i++) {
        struct error err = { 0 };
        struct buf text;
        finish_text(&text, envelopes[i].envelope, "Subject: x\r\n", 12);
        struct entry *entry = open_text(text.data, text.length, &err);
        enum verdict verdict = verdict_on(entry, &err);
        if (verdict != envelopes[i].verdict)
            fail_msg("%s: %d: %s", envelopes[i].envelope, verdict, err.text);
        if (verdict == DAMAGED)
            assert_int_equal(err.fault, FAULT_DATA);
        if (verdict == FOR_SOME) {
            assert_int_equal(entry->envelope.count, 1);
            assert_non_null(entry->envelope.recipients[0].flaw);
        }
        entry_free(entry);
        buf_free(&text);
    }
}

/* Those who did nothing wrong get it. */
static void blames_only_the_recipients_that_are_wrong(void **state)
{
    struct error err;
    struct buf text;

    (void)state;
    finish_text(&text, FIRST "from \nto - - b@example.com\nto - - x y\n"
                "to - - c@example.com\n\n", "\r\n", 2);
    struct entry *entry = open_text(text.data, text.length, &err);
    assert_non_null(entry);
    assert_null(entry->flaw);
    assert_int_equal(entry->envelope.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(entry->envelope.recipients[i].flaw != NULL, i == 1);
    entry_free(entry);
    buf_free(&text);
}

static void takes_a_message_of_any_octets(void **state)
{
    struct error err;
    struct buf text;
    char content[1024];

    (void)state;
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (char)(i * 7);
        if (content[i] == '\r' || content[i] == '\n')
            content[i] = '.';           /* these are not for themselves */
    }
    finish_text(&text, FIRST "from \nto - - b@example.com\n\n", content,
                sizeof content);
    struct entry *entry = open_text(text.data, text.length, &err);
    if (entry == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(entry->content_length, sizeof content);
    entry_free(entry);
    buf_free(&text);
}

/* Some smarthosts would see the end of a message where we see none. */
static void sees_lines_without_crlf(void **state)
{
    static const struct {
        const char *content;
        bool is_right;
    } cases[] = {
        { "", true }, { "\r\n", true }, { "x\r\n.\r\n\r\n", true },
        { "x", true }, { "x\r\ny", true },
        { "\n", false }, { "\r", false }, { "x\n.\r\n", false },
        { "x\r.\r\n", false }, { "x\r\n.\r", false },
        { "x\r\r\n", false }, { "x\r\n\n", false }, { "\n\r\n", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct buf text;
        finish_text(&text, FIRST "from \nto - - b@example.com\n\n",
                    cases[i].content, strlen(cases[i].content));
        struct entry *entry = open_text(text.data, text.length, &err);
        if (entry == NULL)
            fail_msg("case %zu: %s", i, err.text);
        if (entry->has_bare_ends == cases[i].is_right ||
            (entry->flaw == NULL) != cases[i].is_right)
            fail_msg("case %zu", i);
        entry_free(entry);
        buf_free(&text);
    }
}

static void takes_many_recipients(void **state)
{
    struct error err;
    struct buf envelope, text;

    (void)state;
    buf_init(&envelope, SIZE_MAX);
    buf_add_text(&envelope, FIRST "from \n");
    for (int i = 0; i < 20000; i++)
        buf_add_format(&envelope, "to - - user%d@example.com\n", i);
    buf_add_text(&envelope, "\n");
    finish_text(&text, envelope.data, "\r\n", 2);
    struct entry *entry = open_text(text.data, text.length, &err);
    if (entry == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(entry->envelope.count, 20000);
    entry_free(entry);
    buf_free(&envelope);
    buf_free(&text);
}

/* An envelope without end must not fill the memory. */
static void refuses_an_endless_envelope(void **state)
{
    struct error err;
    size_t length = DRAFT_ENVELOPE_MAX + (1u << 20);
    char *text = alloc_zero(length, 1);

    (void)state;
    memset(text, 'x', length);
    assert_null(open_text(text, length, &err));
    assert_int_equal(err.fault, FAULT_DATA);
    free(text);
}

static void refuses_what_is_no_file(void **state)
{
    struct error err;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_null(entry_open(ends[0], NULL, &err));
    close(ends[1]);
    assert_null(entry_open(open("/", O_RDONLY | O_DIRECTORY), NULL, &err));
}

static const struct {
    const char *line;           /* of a queue file, its last */
    bool is_right;
} queued[] = {
    { "QUEUED 00000000001700000000 0000001000\n", true },
    { "QUEUED 00000000001700000000 4294967295\n", true },
    { "QUEUED 00000000001700000000 4294967296\n", false },
    { "QUEUED -0000000001700000000 0000001000\n", false },
    { "QUEUED 0000000000170000000x 0000001000\n", false },
    { "QUEUED 00000000001700000000x0000001000\n", false },
    { "QUEUED 00000000001700000000 0000001000x", false },
    { "QUEUEd 00000000001700000000 0000001000\n", false },
};

static void reads_the_last_line_of_a_queue_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(queued); i++) {
        struct error err;
        struct buf text;
        fixture_text(ID, FIXTURE_BODY, &text);
        buf_add_text(&text, queued[i].line);
        struct entry *entry = open_text(text.data, text.length, &err);
        if ((entry != NULL) != queued[i].is_right)
            fail_msg("%s", queued[i].line);
        if (entry != NULL) {
            assert_true(entry->queued);
            assert_int_equal(entry->received, 1700000000);
            assert_int_equal(entry->content_length, strlen(FIXTURE_BODY));
        }
        entry_free(entry);
        buf_free(&text);
    }
}

/* What any other owner claims is not believed. */
static void believes_the_daemon_for_whom_it_is(void **state)
{
    uid_t own = geteuid();
    const struct entry claims = { .has_claim = true, .claimed_uid = own + 1 };
    const struct entry plain = { .claimed_uid = own + 1 };

    (void)state;
    assert_int_equal(entry_user(&claims, own), own + 1);
    assert_int_equal(entry_user(&claims, own + 2), own + 2);
    assert_int_equal(entry_user(&plain, own), own);
}

static void reopens_without_the_sum_only(void **state)
{
    struct error err;
    struct buf text;

    (void)state;
    fixture_text(ID, FIXTURE_BODY, &text);
    char *octet = memmem(text.data, text.length, ".dot", 4);
    *octet = ',';
    assert_null(open_text(text.data, text.length, &err));
    struct entry *entry = entry_reopen(file_of(text.data, text.length), ID,
                                       &err);
    assert_non_null(entry);
    entry_free(entry);
    assert_null(entry_reopen(file_of(text.data, text.length - 1), ID, &err));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_draft_wrote),
        cmocka_unit_test(refuses_a_changed_octet),
        cmocka_unit_test(refuses_a_cut_or_longer_file),
        cmocka_unit_test(judges_envelopes),
        cmocka_unit_test(blames_only_the_recipients_that_are_wrong),
        cmocka_unit_test(takes_a_message_of_any_octets),
        cmocka_unit_test(sees_lines_without_crlf),
        cmocka_unit_test(takes_many_recipients),
        cmocka_unit_test(refuses_an_endless_envelope),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(reads_the_last_line_of_a_queue_file),
        cmocka_unit_test(believes_the_daemon_for_whom_it_is),
        cmocka_unit_test(reopens_without_the_sum_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
