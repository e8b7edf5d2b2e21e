#include "spool/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/unread.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/random.h"
#include "util/text.h"

#define STATE_VERSION 1
#define STATE_MAX (256u << 20)      /* octets of a state file */

static const char *const results[] = {
    [STATE_OPEN] = "open",
    [STATE_DELIVERED] = "delivered",
    [STATE_FAILED] = "failed",
};

struct state *state_new(size_t count)
{
    struct state *state = alloc_zero(1, sizeof *state);

    state->recipients = alloc_zero(count, sizeof *state->recipients);
    state->count = count;
    return state;
}

struct state *state_copy(const struct state *state)
{
    struct state *copy = state_new(state->count);
    struct state_recipient *recipients = copy->recipients;

    *copy = *state;
    copy->recipients = recipients;
    for (size_t i = 0; i < state->count; i++) {
        recipients[i] = state->recipients[i];
        recipients[i].status = alloc_string(state->recipients[i].status);
        recipients[i].relay = alloc_string(state->recipients[i].relay);
        recipients[i].text = alloc_string(state->recipients[i].text);
    }
    return copy;
}

void state_free(struct state *state)
{
    if (state == NULL)
        return;
    for (size_t i = 0; i < state->count; i++) {
        free(state->recipients[i].status);
        free(state->recipients[i].relay);
        free(state->recipients[i].text);
    }
    free(state->recipients);
    free(state);
}

size_t state_open_count(const struct state *state)
{
    size_t open = 0;

    for (size_t i = 0; i < state->count; i++)
        open += state->recipients[i].result == STATE_OPEN;
    return open;
}

static const char *or_dash(const char *text)
{
    return text == NULL || *text == '\0' ? "-" : text;
}

static void write_text(const char *id, const struct state *state,
                       struct buf *out)
{
    buf_add_format(out, "postrider-state %d %s\n", STATE_VERSION, id);
    buf_add_format(out, "attempts %u\nlast %" PRId64 "\nnext %" PRId64 "\n"
                   "warned %d\nheld %d\nreports %u\n", state->attempts,
                   state->last, state->next, state->warned, state->held,
                   state->reports);
    for (size_t i = 0; i < state->count; i++) {
        const struct state_recipient *rcpt = &state->recipients[i];
        buf_add_format(out, "rcpt %s %d %d %" PRId64 " %s %s %s\n",
                       results[rcpt->result], rcpt->notified,
                       rcpt->from_reply, rcpt->when, or_dash(rcpt->status),
                       or_dash(rcpt->relay), or_dash(rcpt->text));
    }
    buf_add_text(out, "end\n");
}

/* Cut the next word, ended by a blank, off *rest; NULL at the end. */
static char *next_word(char **rest)
{
    char *word = *rest;
    char *blank = word == NULL ? NULL : strchr(word, ' ');

    if (blank != NULL)
        *blank++ = '\0';
    *rest = blank;
    return word;
}

static bool take_number(char **rest, uint64_t max, uint64_t *number)
{
    char *word = next_word(rest);

    return word != NULL && text_to_number(word, max, number);
}

static char *take_text(const char *word)
{
    return strcmp(word, "-") == 0 ? NULL : alloc_string(word);
}

static bool parse_recipient(struct state_recipient *rcpt, char *rest)
{
    uint64_t notified, from_reply, when;
    char *result = next_word(&rest);
    size_t kind = 0;

    while (kind < COUNT(results) && strcmp(results[kind], result) != 0)
        kind++;
    if (kind == COUNT(results) || !take_number(&rest, 1, &notified) ||
        !take_number(&rest, 1, &from_reply) ||
        !take_number(&rest, INT64_MAX, &when))
        return false;
    char *status = next_word(&rest);
    char *relay = next_word(&rest);
    if (status == NULL || relay == NULL || rest == NULL)
        return false;
    *rcpt = (struct state_recipient){
        .result = (enum state_result)kind,
        .notified = notified != 0,
        .from_reply = from_reply != 0,
        .when = (int64_t)when,
        .status = take_text(status),
        .relay = take_text(relay),
        .text = take_text(rest),
    };
    return true;
}

/* The numbers come in this order, one a line. */
static bool parse_numbers(struct state *state, char **line)
{
    static const char *const names[] = { "attempts", "last", "next", "warned",
                                         "held", "reports" };
    uint64_t values[COUNT(names)];

    for (size_t i = 0; i < COUNT(names); i++) {
        char *next = *line == NULL ? NULL : strchr(*line, '\n');
        if (next == NULL)
            return false;
        *next++ = '\0';
        char *rest = *line;
        *line = next;
        char *name = next_word(&rest);
        if (strcmp(name, names[i]) != 0 ||
            !take_number(&rest, INT64_MAX, &values[i]))
            return false;
    }
    state->attempts = (unsigned)values[0];
    state->last = (int64_t)values[1];
    state->next = (int64_t)values[2];
    state->warned = values[3] != 0;
    state->held = values[4] != 0;
    state->reports = (unsigned)values[5];
    return true;
}

static bool parse(struct state *state, char *text, const char *id)
{
    char *first = alloc_format("postrider-state %d %s\n", STATE_VERSION, id);
    bool right = text_starts(text, first);
    char *line = text + strlen(first);

    free(first);
    right = right && parse_numbers(state, &line);
    for (size_t i = 0; right && i < state->count; i++) {
        char *next = strchr(line, '\n');
        right = next != NULL && text_starts(line, "rcpt ");
        if (right) {
            *next = '\0';
            right = parse_recipient(&state->recipients[i], line + 5);
            line = next + 1;
        }
    }
    return right && strcmp(line, "end\n") == 0;
}

struct state *state_load(const struct spool *spool, const char *id,
                         size_t count, struct error *err)
{
    struct state *state = state_new(count);
    struct buf text;

    int fd = openat(spool->state, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT)
        return state;
    buf_init(&text, STATE_MAX);
    bool right = false;
    if (fd == -1)
        unread_explain(spool, spool->state, id, err);
    else if (!io_read_all(fd, &text, err))
        error_prefix(err, "%s/state/%s", spool->path, id);
    else if (!parse(state, text.data, id))
        error_set(err, FAULT_DATA, "%s/state/%s is damaged", spool->path, id);
    else
        right = true;
    io_close(&fd);
    buf_free(&text);
    if (right)
        return state;
    state_free(state);
    return NULL;
}

bool state_save(const struct spool *spool, const char *id,
                const struct state *state, struct error *err)
{
    char *temporary = alloc_format(".%s", id);
    struct buf text;

    buf_init(&text, STATE_MAX);
    write_text(id, state, &text);
    int fd = openat(spool->state, temporary, O_CREAT | O_TRUNC | O_WRONLY |
                    O_NOFOLLOW | O_CLOEXEC, 0600);
    bool saved = fd != -1 && io_write_all(fd, text.data, text.length) &&
                 fsync(fd) == 0 &&
                 renameat(spool->state, temporary, spool->state, id) == 0 &&
                 fsync(spool->state) == 0;
    if (!saved) {
        error_sys(err, FAULT_IO, "%s/state/%s", spool->path, id);
        unlinkat(spool->state, temporary, 0);
    }
    io_close(&fd);
    buf_free(&text);
    free(temporary);
    return saved;
}

void state_report_id(const char *id, unsigned n, char *derived)
{
    static const char digits[] = "0123456789abcdef";
    unsigned carry = n + 1;

    /* Ids are random: counting on from one meets no other. */
    memcpy(derived, id, RANDOM_ID_LENGTH + 1);
    for (size_t i = RANDOM_ID_LENGTH; i-- > 0 && carry > 0; ) {
        const char *digit = strchr(digits, derived[i]);
        unsigned sum = (unsigned)(digit - digits) + carry;
        derived[i] = digits[sum % 16];
        carry = sum / 16;
    }
}
