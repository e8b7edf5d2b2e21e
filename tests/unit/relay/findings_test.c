#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "relay/findings.h"
#include "smtp/capability.h"
#include "util/clock.h"
#include "util/text.h"

#include "../in_range.h"

#define DAY (24 * 60 * 60 * 1000)       /* milliseconds */

static struct distrust sample(unsigned extensions)
{
    return (struct distrust){ .extensions = extensions, .hello = 4000000000,
                              .until = clock_now() + DAY / 2, .changes = 2 };
}

static void keeps_what_is_known_of_each(void **state)
{
    struct fixture fixture;
    struct distrust one = sample(CAP_CHUNKING | CAP_DSN);
    struct distrust other = sample(CAP_PIPELINING);

    (void)state;
    fixture_open(&fixture);
    assert_int_equal(findings_read(&fixture.spool, "our office").extensions, 0);
    findings_write(&fixture.spool, "our office", &one);
    findings_write(&fixture.spool, "office", &other);
    struct distrust got = findings_read(&fixture.spool, "our office");
    assert_int_equal(got.extensions, one.extensions);
    assert_int_equal(got.hello, one.hello);
    assert_int_equal(got.changes, one.changes);
    assert_int_in_range(got.until, one.until - 5000, one.until + 1000);
    got = findings_read(&fixture.spool, "office");
    assert_int_equal(got.extensions, CAP_PIPELINING);
    findings_write(&fixture.spool, "office", &one);
    assert_int_equal(findings_read(&fixture.spool, "office").extensions,
                     one.extensions);
    one.extensions = 0;
    findings_write(&fixture.spool, "our office", &one);
    assert_int_equal(findings_read(&fixture.spool, "our office").extensions, 0);
    assert_int_not_equal(findings_read(&fixture.spool, "office").extensions, 0);
    fixture_close(&fixture);
}

#define FOREVER "99999999999"
#define LATE "2147483647"

static const struct {
    const char *text;
    unsigned extensions;
    bool stays;                 /* as it is, whatever is written */
} files[] = {
    { "postrider-findings 1\nunused " LATE " 1 0 DSN x\n", CAP_DSN, false },
    { "postrider-findings 1\nunused " LATE " 1 0 DSN,TELEPATHY x\n", CAP_DSN,
      false },
    { "postrider-findings 1\nunused " LATE " 1 0 TELEPATHY x\n", 0, false },
    { "postrider-findings 1\nunused 1000000000 1 0 DSN x\n", 0, false },
    { "postrider-findings 1\nunused " FOREVER " 1 0 DSN x\n", 0, true },
    { "postrider-findings 1\nunused " LATE " 1 DSN x\n", 0, true },
    { "postrider-findings 1\nslow " LATE " x\n", 0, true },
    { "postrider-findings 1\nunused " LATE " 1 0 DSN y\n", 0, true },
    { "postrider-findings 2\nunused " LATE " 1 0 DSN x\n", 0, true },
    { "postrider-findings 1\nunused " LATE " 1 0 DSN x", 0, false },
    { "", 0, false },
};

static void write_file(const struct fixture *fixture, const char *text)
{
    int fd = openat(fixture->spool.state, "findings", O_CREAT | O_WRONLY, 0600);

    assert_true(io_write_all(fd, text, strlen(text)));
    close(fd);
}

static bool file_begins(const struct fixture *fixture, const char *text)
{
    struct buf now;
    struct error err;
    int fd = openat(fixture->spool.state, "findings", O_RDONLY);

    buf_init(&now, SIZE_MAX);
    assert_true(io_read_all(fd, &now, &err));
    close(fd);
    bool begins = text_starts(now.data, text);
    buf_free(&now);
    return begins;
}

/* No more than a day, however the clock was set. */
static void reads_what_is_there(void **state)
{
    struct distrust other = sample(CAP_SIZE);

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        write_file(&fixture, files[i].text);
        struct distrust got = findings_read(&fixture.spool, "x");
        if (got.extensions != files[i].extensions ||
            got.until > clock_now() + DAY)
            fail_msg("%s", files[i].text);
        findings_write(&fixture.spool, "x", &other);
        if (file_begins(&fixture, files[i].text) != files[i].stays &&
            *files[i].text != '\0')
            fail_msg("changed: %s", files[i].text);
        fixture_close(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_is_known_of_each),
        cmocka_unit_test(reads_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
