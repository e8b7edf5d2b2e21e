/*
 * fuzz_spool.h - the spool of the unit tests, in memory, for a fuzzer; message
 * files whose frame is right
 */
#ifndef POSTRIDER_TESTS_FUZZ_SPOOL_H
#define POSTRIDER_TESTS_FUZZ_SPOOL_H

#include <inttypes.h>
#include <sys/mman.h>

#include "fuzz.h"

/* What the fixtures ask of cmocka. */
#define assert_true(condition) PROMISE(condition)
#define assert_non_null(pointer) PROMISE((pointer) != NULL)
#define assert_int_equal(one, other) PROMISE((one) == (other))
#define assert_int_not_equal(one, other) PROMISE((one) != (other))
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), abort())

#include "../unit/spool/spool_fixture.h"
#include "util/crc32c.h"
#include "util/scratch.h"
#include "util/text.h"

/* The queue-id in inputs. */
#define FUZZ_ID "0123456789abcdef0123456789abcdef"

/* In memory where the system has such a folder, as a run must be quick. */
static inline void fuzz_in_memory(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
}

static inline void fuzz_open(struct fixture *fixture)
{
    fuzz_in_memory();
    fixture_open(fixture);
}

/* Has folder/name these octets still? */
static inline bool fuzz_is_kept(int folder, const char *name,
                                const void *data, size_t length)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct error err;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    bool same = fd != -1 && io_read_all(fd, &text, &err) &&
                text.length == length && memcmp(text.data, data, length) == 0;
    io_close(&fd);
    buf_free(&text);
    return same;
}

/* One line for people: of valid UTF-8, without control characters. */
static inline void fuzz_check_text(const char *text)
{
    PROMISE(!text_has_control(text, strlen(text)));
    PROMISE(text_is_utf8(text, strlen(text)));
}

static inline void fuzz_check_error(const struct error *err)
{
    PROMISE(err->fault != FAULT_NONE && *err->text != '\0');
    fuzz_check_text(err->text);
    fuzz_check_text(err->what);
    fuzz_check_text(err->remedy);
}

/* The last line of a queue file, if the file ends with one: 0 or its length. */
static inline size_t fuzz_queued_length(const struct buf *file)
{
    return file->length > QUEUE_LINE_LENGTH &&
           text_starts(file->data + file->length - QUEUE_LINE_LENGTH,
                       "QUEUED ") ? QUEUE_LINE_LENGTH : 0;
}

/*
 * The same message file with an END line that is right: nearly nothing that
 * libFuzzer makes would get past a wrong one. What follows it in a queue file
 * stays. An envelope without an end gets one.
 */
static inline void fuzz_mend(struct buf *file)
{
    size_t queued = fuzz_queued_length(file);
    char *rest = alloc_bytes(file->data + file->length - queued, queued);
    char bits = '7';

    file->length -= queued;
    if (file->length >= DRAFT_END_LENGTH &&
        memcmp(file->data + file->length - DRAFT_END_LENGTH, "END ", 4) == 0) {
        bits = file->data[file->length - 2] == '8' ? '8' : '7';
        file->length -= DRAFT_END_LENGTH;
    }
    if (memmem(file->data, file->length, "\n\n", 2) == NULL)
        buf_add_text(file, "\n\n");
    const char *end = memmem(file->data, file->length, "\n\n", 2);
    size_t content = file->length - (size_t)(end + 2 - file->data);
    buf_add_format(file, "END %020zu %08" PRIx32 " %c\n", content,
                   crc32c(0, file->data, file->length), bits);
    buf_add(file, rest, queued);
    free(rest);
}

/* A file without a name, of these octets. */
static inline int fuzz_file(const char *data, size_t length)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    PROMISE(fd != -1 && io_write_all(fd, data, length));
    return fd;
}

/* The message file that a draft makes of an entry. */
static inline void fuzz_print(const struct entry *entry, struct buf *out)
{
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);
    struct error err;
    struct draft *draft = draft_new_report(entry->id, SCRATCH_PLACES, &err);

    PROMISE(draft != NULL);
    if (entry->has_claim)
        draft_set_uid(draft, entry->claimed_uid);
    PROMISE(draft_envelope(draft, &entry->envelope, &err));
    while (io_blocks_next(&blocks))
        PROMISE(draft_add(draft, blocks.data, blocks.length, &err));
    PROMISE(io_blocks_end(&blocks));
    PROMISE(draft_end(draft, entry->is_8bit, &err));
    buf_init(out, SIZE_MAX);
    PROMISE(io_read_all(draft_descriptor(draft), out, &err));
    draft_free(draft);
}

#endif
