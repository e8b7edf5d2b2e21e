/*
 * A file in the drop directory, as the daemon takes it; first an octet that
 * chooses how, and whether the END line is to be made right. A file with the
 * frame of a message is never removed for what is in it, nor is a newer one; it
 * is taken in one go and in steps alike, and what is then stored is what was
 * taken. One that has the name of another message waits.
 */
#include "../fuzz_spool.h"

enum { MENDED = 1, LOW_LIMIT = 2, ON_DISK = 4, KNOWN = 8, KNOWN_STATE = 16 };

#define LIMIT_LOW 40            /* octets of a message */

static uint64_t limit_of(unsigned how)
{
    return (how & LOW_LIMIT) != 0 ? LIMIT_LOW : 1 << 20;
}

static uint64_t memory_of(unsigned how)
{
    return (how & ON_DISK) != 0 ? 0 : 1 << 20;
}

/* Is that the start "postrider VERSION ID" of a higher version? Nobody counts
 * so far that its number fills a first line. */
static bool is_newer(const struct buf *file)
{
    const char *at = file->data + strlen("postrider ");

    if (!text_starts(file->data, "postrider ") || *at == '0')
        return false;
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && digits < 60 && !(digits == 1 && *at == '1') &&
           (text_starts(at + digits, " " FUZZ_ID " ") ||
            text_starts(at + digits, " " FUZZ_ID "\n"));
}

/* Is that what follows the END line of a queue file? */
static bool is_queued_line(const char *line, size_t length)
{
    return length == 0 ||
           (strspn(line + 7, "0123456789") == 20 && line[27] == ' ' &&
            strspn(line + 28, "0123456789") == 10 &&
            strtoull(line + 7, NULL, 10) <= INT64_MAX &&
            strtoull(line + 28, NULL, 10) <= UINT32_MAX && line[38] == '\n');
}

/* What postrider-queue(5) says of the frame, in other words than entry.c. A
 * queue file's last line may follow. */
static bool has_frame(const struct buf *file)
{
    static const char first[] = "postrider 1 " FUZZ_ID "\n";
    const char *stop = memmem(file->data, file->length, "\n\n", 2);
    char line[DRAFT_END_LENGTH + 1];

    size_t queued = fuzz_queued_length(file);
    size_t length = file->length - queued;
    if (!text_starts(file->data, first) || stop == NULL ||
        length < DRAFT_END_LENGTH ||
        !is_queued_line(file->data + length, queued))
        return false;
    size_t start = (size_t)(stop + 2 - file->data);
    size_t end = length - DRAFT_END_LENGTH;
    if (start > end)
        return false;
    snprintf(line, sizeof line, "END %020zu %08x %c\n", end - start,
             crc32c(0, file->data, end),
             file->data[length - 2] == '8' ? '8' : '7');
    return memcmp(file->data + end, line, DRAFT_END_LENGTH) == 0;
}

static enum drop_result take(const struct spool *spool, unsigned how,
                             uint64_t step, struct entry **entry)
{
    const struct drop_limits limits = { limit_of(how), memory_of(how) };
    struct drop_taking *taking = NULL;
    struct error err = { 0 };
    enum drop_result result = drop_begin(spool, FUZZ_ID, &limits, &taking,
                                         &err);

    while (result == DROP_MORE)
        result = drop_go_on(taking, step, entry, &err);
    if (result == DROP_LATER)
        fuzz_check_error(&err);
    PROMISE(result != DROP_LATER || err.fault != FAULT_NONE);
    return result;
}

static const char *skip_ends(const char *at, const char *end)
{
    while (at < end && (*at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* It is what the file has but for its line ends; of a large one, the beginning.
 */
static void check_content(const struct entry *entry, unsigned how,
                          const struct buf *file)
{
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);
    const char *at = memmem(file->data, file->length, "\n\n", 2);
    const char *end = file->data + file->length - fuzz_queued_length(file) -
                      DRAFT_END_LENGTH;

    at += 2;
    bool large = (uint64_t)(end - at) > limit_of(how);
    while (io_blocks_next(&blocks))
        for (size_t i = 0; i < blocks.length; i++)
            if (blocks.data[i] != '\r' && blocks.data[i] != '\n') {
                at = skip_ends(at, end);
                PROMISE(at < end && *at++ == blocks.data[i]);
            }
    PROMISE(io_blocks_end(&blocks));
    PROMISE(large || skip_ends(at, end) == end);
}

static void check_taken(const struct entry *entry, unsigned how,
                        const struct buf *file)
{
    struct error err;

    check_content(entry, how, file);
    PROMISE(entry->dropped && !entry->queued);
    PROMISE(!entry_check(entry, &err) ||
            entry->content_length <= limit_of(how));
    PROMISE(!entry->has_bare_ends);
}

/* It is stored, and drop/ID goes; what is in queue/ is the same message. */
static void check_stored(const struct spool *spool, struct entry *entry)
{
    struct buf taken, stored;
    int64_t received = 0;
    struct error err;

    fuzz_print(entry, &taken);
    PROMISE(queue_store(spool, entry, 1700000000, NULL, &err));
    PROMISE(!fixture_exists(spool->drop, FUZZ_ID) && !entry->dropped);
    PROMISE(queue_file_verify(spool, FUZZ_ID, FUZZ_ID, &err));
    struct entry *queued = queue_file_open(spool, FUZZ_ID, &received, &err);
    PROMISE(queued != NULL && received == 1700000000);
    PROMISE(queued->uid == entry->uid);
    fuzz_print(queued, &stored);
    PROMISE(taken.length == stored.length &&
            memcmp(taken.data, stored.data, taken.length) == 0);
    entry_free(queued);
    buf_free(&taken);
    buf_free(&stored);
}

/* Nobody has that name yet. */
static void run_new(const struct spool *spool, unsigned how,
                    const struct buf *file)
{
    struct entry *entry = NULL, *again = NULL;
    bool stays = has_frame(file) || is_newer(file);
    enum drop_result result = take(spool, how, 50, &entry);

    PROMISE(!stays || result != DROP_GONE);
    PROMISE(result != DROP_TAKEN || has_frame(file) ||
            (how & LOW_LIMIT) != 0);    /* a large one is not summed up */
    if (result == DROP_GONE) {
        PROMISE(!fixture_exists(spool->drop, FUZZ_ID));
        return;
    }
    PROMISE(fuzz_is_kept(spool->drop, FUZZ_ID, file->data, file->length));
    PROMISE(take(spool, how, UINT64_MAX, &again) == result);
    if (result == DROP_TAKEN) {
        check_taken(entry, how, file);
        PROMISE((entry->flaw == NULL) == (again->flaw == NULL));
        PROMISE(entry->content_length == again->content_length);
        entry_free(again);
        check_stored(spool, entry);
    }
    entry_free(entry);
}

/* Would it become the message of this file? */
static bool becomes(const struct spool *spool, unsigned how,
                    const struct buf *queued)
{
    struct error err;
    struct entry *entry = NULL;
    struct entry *wanted = entry_open(fuzz_file(queued->data, queued->length),
                                      FUZZ_ID, &err);

    bool same = take(spool, how, UINT64_MAX, &entry) == DROP_TAKEN &&
                entry->sum == wanted->sum &&
                entry->content_length == wanted->content_length;
    entry_free(entry);
    entry_free(wanted);
    return same;
}

/* A message of that name is in queue/, or in state/: neither is changed, and a
 * file that is whole and another message is not lost. */
static void run_known(const struct spool *spool, unsigned how,
                      const struct buf *file)
{
    struct entry *entry = NULL;
    struct buf queued;
    bool stays = has_frame(file) || is_newer(file);

    fixture_text(FUZZ_ID, FIXTURE_BODY, &queued);
    bool same = becomes(spool, how, &queued);
    fixture_write(spool->drop, FUZZ_ID, file->data, file->length);
    buf_add_format(&queued, "QUEUED %020d %010lu\n", 1700000000,
                   (unsigned long)geteuid());
    if ((how & KNOWN) != 0)
        fixture_write(spool->queue, FUZZ_ID, queued.data, queued.length);
    else
        fixture_write(spool->state, FUZZ_ID, "x", 1);
    enum drop_result result = take(spool, how, 50, &entry);
    PROMISE(result == DROP_LATER || result == DROP_GONE);
    PROMISE(!stays || result == DROP_LATER || (same && (how & KNOWN) != 0));
    PROMISE((how & KNOWN) != 0
            ? fuzz_is_kept(spool->queue, FUZZ_ID, queued.data, queued.length)
            : fuzz_is_kept(spool->state, FUZZ_ID, "x", 1));
    PROMISE(result == DROP_GONE ||
            fuzz_is_kept(spool->drop, FUZZ_ID, file->data, file->length));
    buf_free(&queued);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture fixture;
    struct buf file;

    if (size == 0)
        return 0;
    unsigned how = data[0];
    fuzz_open(&fixture);
    buf_init(&file, SIZE_MAX);
    buf_add(&file, data + 1, size - 1);
    if ((how & MENDED) != 0)
        fuzz_mend(&file);
    fixture_write(fixture.spool.drop, FUZZ_ID, file.data, file.length);
    if ((how & (KNOWN | KNOWN_STATE)) != 0)
        run_known(&fixture.spool, how, &file);
    else
        run_new(&fixture.spool, how, &file);
    buf_free(&file);
    fixture_close(&fixture);
    return 0;
}
