/* The outcomes so far of a message. A state that was read is written and read
 * again as the same; one that cannot be read stays. The number of recipients is
 * that of the lines which begin with "rcpt". */
#include "../fuzz_spool.h"
#include "spool/state.h"

static size_t count_recipients(const char *text)
{
    size_t count = 0;

    while ((text = strstr(text, "\nrcpt ")) != NULL) {
        count++;
        text++;
    }
    return count;
}

/* "-", nothing and no text are one. Only the beginning of a long one is kept. */
static bool is_same_text(const char *one, const char *other)
{
    one = one == NULL || strcmp(one, "-") == 0 ? "" : one;
    other = other == NULL || strcmp(other, "-") == 0 ? "" : other;
    return strlen(one) > 1000 ? text_starts(one, other) && *other != '\0'
                              : strcmp(one, other) == 0;
}

static void check_same(const struct state *one, const struct state *other)
{
    size_t remedies = 0;

    PROMISE(one->attempts == other->attempts && one->last == other->last &&
            one->next == other->next && one->warned == other->warned &&
            one->held == other->held && one->reports == other->reports);
    PROMISE(strcmp(one->report, other->report) == 0);
    PROMISE(strcmp(one->about, other->about) == 0 || *one->report == '\0');
    for (size_t i = 0; i < one->count; i++) {
        const struct state_recipient *rcpt = &one->recipients[i];
        const struct state_recipient *same = &other->recipients[i];
        PROMISE(rcpt->result == same->result &&
                rcpt->notified == same->notified &&
                rcpt->from_reply == same->from_reply &&
                rcpt->when == same->when);
        PROMISE(is_same_text(rcpt->status, same->status));
        PROMISE(is_same_text(rcpt->relay, same->relay));
        PROMISE(is_same_text(rcpt->text, same->text));
        remedies += rcpt->remedy != NULL;
        PROMISE(remedies > 100 || is_same_text(rcpt->remedy, same->remedy));
    }
}

static void save(const struct spool *spool, const struct state *state,
                 struct buf *text)
{
    struct error err;

    PROMISE(state_save(spool, FUZZ_ID, state, &err));
    int fd = openat(spool->state, FUZZ_ID, O_RDONLY | O_CLOEXEC);
    buf_init(text, SIZE_MAX);
    PROMISE(fd != -1 && io_read_all(fd, text, &err));
    close(fd);
}

static void check_state(const struct spool *spool, const struct state *state)
{
    struct buf first, second;
    struct error err;

    save(spool, state, &first);
    struct state *again = state_load(spool, FUZZ_ID, state->count, &err);
    PROMISE(again != NULL);
    check_same(state, again);
    save(spool, again, &second);
    PROMISE(first.length == second.length &&
            memcmp(first.data, second.data, first.length) == 0);
    state_free(again);
    buf_free(&first);
    buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);
    size_t count = count_recipients(text);
    struct fixture fixture;
    struct error err;

    fuzz_open(&fixture);
    fixture_write(fixture.spool.state, FUZZ_ID, text, size);
    struct state *state = state_load(&fixture.spool, FUZZ_ID, count, &err);
    if (state == NULL) {
        fuzz_check_error(&err);
        PROMISE(err.fault == FAULT_DATA || err.fault == FAULT_NEWER);
    } else {
        PROMISE(state->count == count && state->on_disk);
        PROMISE(size > 4 && memcmp(text + size - 4, "end\n", 4) == 0);
        PROMISE(state_load(&fixture.spool, FUZZ_ID, count + 1, &err) == NULL);
        PROMISE(count == 0 || state_load(&fixture.spool, FUZZ_ID, count - 1,
                                         &err) == NULL);
    }
    PROMISE(fuzz_is_kept(fixture.spool.state, FUZZ_ID, text, size));
    if (state != NULL)
        check_state(&fixture.spool, state);
    state_free(state);
    fixture_close(&fixture);
    free(text);
    return 0;
}
