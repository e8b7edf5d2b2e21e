/* The outcomes so far of a message. A state that was read is what its lines
 * say, and is written and read again as the same; one that cannot be read
 * stays. The number of recipients is that of the lines which begin with "rcpt".
 * Octets of the input choose a state, too, which is written and read. */
#include <limits.h>

#include "../fuzz_spool.h"
#include "../input.h"
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

/* "-", nothing and no text are one. Of a long one whole characters are kept. */
static bool is_same_text(const char *one, const char *other)
{
    one = one == NULL || strcmp(one, "-") == 0 ? "" : one;
    other = other == NULL || strcmp(other, "-") == 0 ? "" : other;
    size_t length = strlen(other);
    return strlen(one) <= 1024
           ? strcmp(one, other) == 0
           : text_starts(one, other) && length > 1020 && length <= 1024 &&
             (text_is_utf8(other, length) || !text_is_utf8(one, strlen(one)));
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

/* What the last line of that name has; 0 without one. */
static uint64_t number_of(const char *text, const char *name)
{
    char *start = alloc_format("\n%s ", name);
    uint64_t number = 0;

    while ((text = strstr(text, start)) != NULL) {
        text += strlen(start);
        number = strtoull(text, NULL, 10);
    }
    free(start);
    return number;
}

static const char *or_dash(const char *text)
{
    return text == NULL ? "-" : text;
}

/* line: what follows "rcpt" in its line. */
static void check_recipient(const struct state_recipient *rcpt, char *line)
{
    static const char *const results[] = { "open", "delivered", "failed" };
    char *texts = alloc_format("%s %s %s", or_dash(rcpt->status),
                               or_dash(rcpt->relay), or_dash(rcpt->text));

    PROMISE(strcmp(strsep(&line, " "), results[rcpt->result]) == 0);
    PROMISE(strtoull(strsep(&line, " "), NULL, 10) == rcpt->notified);
    PROMISE(strtoull(strsep(&line, " "), NULL, 10) == rcpt->from_reply);
    PROMISE(strtoull(strsep(&line, " "), NULL, 10) == (uint64_t)rcpt->when);
    PROMISE(strcmp(line, texts) == 0);
    free(texts);
}

/* Of the lines up to the next recipient's, the last remedy counts. */
static void check_remedy(const struct state_recipient *rcpt, const char *text)
{
    static const char start[] = "\nopt-remedy ";
    const char *next = strstr(text, "\nrcpt ");
    const char *found = NULL;

    while ((text = strstr(text, start)) != NULL &&
           (next == NULL || text < next))
        found = text += strlen(start);
    PROMISE((found == NULL) == (rcpt->remedy == NULL));
    PROMISE(found == NULL || (strlen(rcpt->remedy) == strcspn(found, "\n") &&
                              text_starts(found, rcpt->remedy)));
}

/* A line that only a newer version understands is in none, and nothing follows
 * its end. */
static void check_words(const char *whole)
{
    static const char *const words[] = { "opt-", "rcpt ", "attempts ", "last ",
                                         "next ", "warned ", "held ",
                                         "reports ", "end\n" };
    const char *text = whole;

    while (*(text = strchr(text, '\n') + 1) != '\0') {
        bool known = false;
        for (size_t i = 0; i < COUNT(words); i++)
            known = known || text_starts(text, words[i]);
        PROMISE(known);
    }
    PROMISE(strcmp(strstr(whole, "\nend\n"), "\nend\n") == 0);
}

/* The header of state.h, in other words than state.c. */
static void check_lines(const struct state *state, const char *text)
{
    char *report = alloc_format("\nopt-report %s %s\n", state->about,
                                state->report);

    PROMISE(text_starts(text, "postrider-state 1 " FUZZ_ID "\n"));
    PROMISE(state->attempts == number_of(text, "attempts"));
    PROMISE((uint64_t)state->last == number_of(text, "last"));
    PROMISE((uint64_t)state->next == number_of(text, "next"));
    PROMISE(state->warned == number_of(text, "warned"));
    PROMISE(state->held == number_of(text, "held"));
    PROMISE(state->reports == number_of(text, "reports"));
    PROMISE(*state->report == '\0' || (random_is_id(state->report) &&
                                       strstr(text, report) != NULL));
    check_words(text);
    for (size_t i = 0; i < state->count; i++) {
        text = strstr(text, "\nrcpt ") + strlen("\nrcpt ");
        char *line = alloc_bytes(text, strcspn(text, "\n"));
        check_recipient(&state->recipients[i], line);
        check_remedy(&state->recipients[i], text);
        free(line);
    }
    free(report);
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

static const char *choose(struct input *in, const char *const texts[4])
{
    return texts[input_octet(in) % 4];
}

static void fill(struct state *state, struct input *in)
{
    static const char *const statuses[4] = { NULL, "2.0.0", "4.2.0", "5.1.1" };
    static const char *const relays[4] = { NULL, "mx.example[192.0.2.1]:587",
                                           "\xc3\xbc-", "none" };
    static const char *const texts[4] = { NULL, "550 5.1.1 no such; user",
                                          "\xc3\xbc-", " " };
    static const char *const remedies[4] = { NULL, "ask", "-", "a  b" };

    state->attempts = input_octet(in);
    state->last = INT64_MAX >> input_octet(in) % 64;
    state->next = INT64_MAX >> input_octet(in) % 64;
    state->reports = UINT_MAX >> input_octet(in) % 32;
    unsigned flags = input_octet(in);
    state->warned = flags & 1;
    state->held = flags >> 1 & 1;
    if (flags & 4) {
        memcpy(state->report, FUZZ_ID, sizeof state->report);
        memset(state->about, 'f', flags % STATE_ABOUT_MAX + 1);
    }
    for (size_t i = 0; i < state->count; i++) {
        unsigned bits = input_octet(in);
        PROMISE(state_put(state, i, &(struct state_recipient){
            .result = bits % 3, .notified = bits >> 2 & 1,
            .from_reply = bits >> 3 & 1, .when = bits,
            .status = (char *)choose(in, statuses),
            .relay = (char *)choose(in, relays),
            .text = (char *)choose(in, texts),
            .remedy = (char *)choose(in, remedies) }));
    }
}

static void check_made(const struct spool *spool, struct input in)
{
    struct state *state = state_new(input_octet(&in) % 4);

    fill(state, &in);
    check_state(spool, state);
    state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);
    size_t count = count_recipients(text);
    struct fixture fixture;
    struct error err = { 0 };

    fuzz_open(&fixture);
    fixture_write(fixture.spool.state, FUZZ_ID, text, size);
    struct state *state = state_load(&fixture.spool, FUZZ_ID, count, &err);
    if (state == NULL) {
        fuzz_check_error(&err);
        PROMISE(err.fault == FAULT_DATA || err.fault == FAULT_NEWER);
    } else {
        PROMISE(state->count == count && state->on_disk);
        PROMISE(strlen(text) == size);
        PROMISE(size > 4 && memcmp(text + size - 4, "end\n", 4) == 0);
        PROMISE(state_load(&fixture.spool, FUZZ_ID, count + 1, &err) == NULL);
        PROMISE(count == 0 || state_load(&fixture.spool, FUZZ_ID, count - 1,
                                         &err) == NULL);
    }
    PROMISE(fuzz_is_kept(fixture.spool.state, FUZZ_ID, text, size));
    if (state != NULL) {
        check_lines(state, text);
        check_state(&fixture.spool, state);
    }
    state_free(state);
    check_made(&fixture.spool, input_of(data + size / 2, size - size / 2));
    fixture_close(&fixture);
    free(text);
    return 0;
}
