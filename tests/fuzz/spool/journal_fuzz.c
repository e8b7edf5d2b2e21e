/* What a worker wrote before it, or the machine, stopped. A line that is not
 * whole says nothing; what is written is read again; what could not be applied
 * stays. */
#include "../fuzz_spool.h"
#include "spool/journal.h"
#include "util/random.h"

struct calls {
    struct buf text;            /* as lines */
    size_t refuse;              /* this one: it could not be done */
    size_t count;
};

static bool note_line(void *context, const char *id, const size_t *indices,
                      size_t count)
{
    struct calls *calls = context;

    PROMISE(random_is_id(id) && count > 0);
    buf_add_text(&calls->text, id);
    for (size_t i = 0; i < count; i++)
        buf_add_format(&calls->text, "%c%zu", i == 0 ? ' ' : ',', indices[i]);
    buf_add_char(&calls->text, '\n');
    return ++calls->count != calls->refuse;
}

static struct calls read_text(const struct spool *spool, const char *text,
                              size_t length)
{
    struct calls calls = { 0 };

    buf_init(&calls.text, SIZE_MAX);
    fixture_write(spool->state, "journal.7", text, length);
    PROMISE(journal_read(spool, 7, note_line, &calls));
    journal_remove(spool, 7);
    return calls;
}

static const char *skip_zeros(const char *at)
{
    while (at[0] == '0' && text_is_digit(at[1]))
        at++;
    return at;
}

/* Are the numbers of this line those that were read, but for leading zeros? At
 * one of another form, which follows a comma, they end. */
static bool is_line(const char *line, const char *end, const char *read,
                    const char *read_end)
{
    while (line < end && read < read_end) {
        if (!text_is_digit(line[-1]))
            line = skip_zeros(line);
        if (*line++ != *read++)
            return false;
    }
    return (line == end || *line == ',') && read == read_end;
}

/* Each line that was read is one of the text, as a whole and in its order. */
static void check_lines(const struct calls *calls, const char *text,
                        size_t length)
{
    const char *at = text, *stop = text + length;
    const char *read = calls->text.data;

    for (size_t i = 0; i < calls->count; i++) {
        const char *read_end = strchr(read, '\n');
        const char *end;
        for (;; at = end + 1) {
            end = memchr(at, '\n', (size_t)(stop - at));
            PROMISE(end != NULL);
            if (end - at > RANDOM_ID_LENGTH &&
                memchr(at, '\0', (size_t)(end - at)) == NULL &&
                memcmp(at, read, RANDOM_ID_LENGTH) == 0 &&
                is_line(at + RANDOM_ID_LENGTH, end, read + RANDOM_ID_LENGTH,
                        read_end))
                break;
        }
        at = end + 1;
        read = read_end + 1;
    }
}

/* A stop leaves the beginning of a journal: nothing is read of it that the
 * whole one has not. */
static void check_torn(const struct spool *spool, const struct calls *calls,
                       const char *text, size_t length)
{
    const size_t cuts[] = { length / 3, length / 2, length - length / 8 };

    for (size_t i = 0; i < COUNT(cuts); i++) {
        struct calls torn = read_text(spool, text, cuts[i]);
        PROMISE(torn.count <= calls->count);
        PROMISE(memcmp(torn.text.data, calls->text.data,
                       torn.text.length) == 0);
        buf_free(&torn.text);
    }
}

/* A journal of which a line was not taken stays for the next start. */
static void check_kept(const struct spool *spool, const struct calls *read,
                       const char *text, size_t length)
{
    struct strings names;
    struct error err;

    for (size_t refuse = 0; refuse <= read->count && refuse < 3; refuse++) {
        struct calls calls = { .refuse = refuse };
        buf_init(&calls.text, SIZE_MAX);
        fixture_write(spool->state, "journal.3", text, length);
        PROMISE(journal_list(spool, &names, &err));
        PROMISE(journal_take_all(spool, &names, note_line, &calls) ==
                (refuse > 0));
        PROMISE(calls.count == read->count);
        strings_free(&names);
        PROMISE(fixture_exists(spool->state, "journal.3") == (refuse > 0));
        PROMISE(refuse == 0 ||
                fuzz_is_kept(spool->state, "journal.3", text, length));
        journal_remove(spool, 3);
        buf_free(&calls.text);
    }
}

static bool write_line(void *context, const char *id, const size_t *indices,
                       size_t count)
{
    journal_note(*(const int *)context, id, indices, count);
    return true;
}

/* What a worker would write is read as the same, and one line more. */
static void check_again(const struct spool *spool, struct calls *calls,
                        const char *text, size_t length)
{
    const size_t more[] = { 0, calls->count, SIZE_MAX / 2 };
    struct calls again = { 0 };
    unsigned number = 1;
    struct error err;
    int fd = journal_create(spool, "main", &number, &err);

    PROMISE(fd != -1 && number == 1);
    buf_init(&again.text, SIZE_MAX);
    fixture_write(spool->state, "journal.7", text, length);
    PROMISE(journal_read(spool, 7, write_line, &fd));
    journal_note(fd, FUZZ_ID, more, COUNT(more));
    note_line(calls, FUZZ_ID, more, COUNT(more));
    PROMISE(journal_read(spool, 1, note_line, &again));
    PROMISE(again.text.length == calls->text.length &&
            memcmp(again.text.data, calls->text.data,
                   again.text.length) == 0);
    close(fd);
    buf_free(&again.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);
    struct fixture fixture;

    fuzz_open(&fixture);
    struct calls calls = read_text(&fixture.spool, text, size);
    check_lines(&calls, text, size);
    check_torn(&fixture.spool, &calls, text, size);
    check_kept(&fixture.spool, &calls, text, size);
    check_again(&fixture.spool, &calls, text, size);
    buf_free(&calls.text);
    fixture_close(&fixture);
    free(text);
    return 0;
}
