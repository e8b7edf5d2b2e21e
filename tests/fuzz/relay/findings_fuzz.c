/* What the daemon before has found out about smarthosts: state/findings. What
 * is written is read again; what is known of others, and lines and files of a
 * newer version, stay. */
#include "../fuzz_spool.h"
#include "relay/findings.h"
#include "smtp/capability.h"
#include "util/clock.h"

#define HEADING "postrider-findings 1\n"

static bool is_same(const struct distrust *one, const struct distrust *other)
{
    return one->extensions == other->extensions && one->hello == other->hello &&
           one->changes == other->changes;
}

/* Lines that are not of this version are in the file that is written. */
static void check_lines(const char *text, const char *written)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        char *line = alloc_format("\n%.*s\n", (int)(end - text), text);
        PROMISE(text_starts(line, "\nunused ") ||
                strstr(written, line) != NULL);
        free(line);
    }
}

static void read_file(const struct spool *spool, struct buf *text)
{
    struct error err;
    int fd = openat(spool->state, "findings", O_RDONLY | O_CLOEXEC);

    buf_init(text, SIZE_MAX);
    PROMISE(fd != -1 && io_read_all(fd, text, &err));
    close(fd);
}

/* It counts for a day at most. */
static struct distrust read_main(const struct spool *spool)
{
    int64_t first = clock_now();
    struct distrust distrust = findings_read(spool, "main");

    PROMISE(distrust.extensions == 0 ||
            (distrust.until > first &&
             distrust.until <= clock_now() + (int64_t)86400000));
    return distrust;
}

static void check_written(const struct spool *spool, const char *text,
                          size_t size)
{
    const struct distrust found = { .extensions = CAP_PIPELINING | CAP_DSN,
                                    .hello = 77, .changes = 2,
                                    .until = clock_now() + 60000 };
    struct distrust before = read_main(spool);
    bool ours = *text == '\0' || text_starts(text, HEADING);
    struct buf written;

    findings_write(spool, "other", &found);
    if (size > 0 && !ours) {
        PROMISE(before.extensions == 0);
        PROMISE(fuzz_is_kept(spool->state, "findings", text, size));
        return;
    }
    read_file(spool, &written);
    PROMISE(text_starts(written.data, HEADING));
    struct distrust after = read_main(spool);
    struct distrust other = findings_read(spool, "other");
    PROMISE(is_same(&before, &after) && is_same(&other, &found));
    if (size > 0)
        check_lines(text + strlen(HEADING), written.data);
    buf_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);
    struct fixture fixture;

    /* What follows a NUL was not written. */
    size = strlen(text);
    fuzz_open(&fixture);
    if (size > 0)
        fixture_write(fixture.spool.state, "findings", text, size);
    check_written(&fixture.spool, text, size);
    fixture_close(&fixture);
    free(text);
    return 0;
}
