#include "spool/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "spool/format.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/io.h"
#include "util/random.h"
#include "util/text.h"

#define STATE_MAX (256u << 20)      /* octets of a state file */
#define TEXT_MAX 1024               /* octets of a text in it: so that the
                                     * most recipients there can be fit */
#define REMEDIES_MAX 100            /* recipients whose remedy is in it */

static const struct format format = { "postrider-state", 1 };

/* A version that does not know it makes a report twice, at worst. */
static const char report_name[] = "opt-report";
/* ... and shows the reply without. */
static const char remedy_name[] = "opt-remedy";

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

void state_free(struct state *state)
{
    if (state == NULL)
        return;
    for (size_t i = 0; i < state->count; i++) {
        free(state->recipients[i].status);
        free(state->recipients[i].relay);
        free(state->recipients[i].text);
        free(state->recipients[i].remedy);
    }
    free(state->recipients);
    free(state);
}

static void replace_text(char **text, const char *by)
{
    char *copy = alloc_string(by);

    free(*text);
    *text = copy;
}

bool state_put(struct state *state, size_t index,
               const struct state_recipient *known)
{
    if (index >= state->count ||
        state->recipients[index].result != STATE_OPEN)
        return false;
    struct state_recipient *rcpt = &state->recipients[index];
    rcpt->result = known->result;
    rcpt->notified = known->notified;
    rcpt->from_reply = known->from_reply;
    rcpt->when = known->when;
    replace_text(&rcpt->status, known->status);
    replace_text(&rcpt->relay, known->relay);
    replace_text(&rcpt->text, known->text);
    replace_text(&rcpt->remedy, known->remedy);
    return true;
}

char *state_reason(const struct state_recipient *recipient)
{
    return recipient->text != NULL && recipient->remedy != NULL
           ? alloc_format("%s; %s", recipient->text, recipient->remedy)
           : alloc_string(recipient->text);
}

size_t state_open_count(const struct state *state)
{
    size_t open = 0;

    for (size_t i = 0; i < state->count; i++)
        open += state->recipients[i].result == STATE_OPEN;
    return open;
}

/* The numbers of a state, by the names that the file has for them. */
enum number { ATTEMPTS, LAST, NEXT, WARNED, HELD, REPORTS, NUMBERS };

static const struct {
    const char *name;
    uint64_t max;
} numbers[NUMBERS] = {
    [ATTEMPTS] = { "attempts", UINT_MAX },
    [LAST] = { "last", INT64_MAX },
    [NEXT] = { "next", INT64_MAX },
    [WARNED] = { "warned", 1 },
    [HELD] = { "held", 1 },
    [REPORTS] = { "reports", UINT_MAX },
};

static const char *or_dash(const char *text)
{
    return text == NULL || *text == '\0' ? "-" : text;
}

/* A text, or as many whole characters of it as fit. At most three octets of a
 * character of UTF-8 follow its first; a text in another encoding is cut
 * anywhere. */
static bool add_text(struct buf *out, const char *text, char end)
{
    const char *shown = or_dash(text);
    size_t length = strlen(shown);

    if (length > TEXT_MAX)
        for (length = TEXT_MAX; length > TEXT_MAX - 3 &&
                                (shown[length] & 0xc0) == 0x80; )
            length--;
    return buf_add(out, shown, length) && buf_add_char(out, end);
}

/* False if it does not fit. */
static bool write_state(const char *id, const struct state *state,
                        struct buf *out)
{
    bool fits = buf_add_format(out, "%s %u %s\n", format.word,
                               format.version, id) &&
                buf_add_format(out, "attempts %u\nlast %" PRId64 "\nnext %"
                               PRId64 "\nwarned %d\nheld %d\nreports %u\n",
                               state->attempts, state->last, state->next,
                               state->warned, state->held, state->reports);

    if (fits && *state->report != '\0')
        fits = buf_add_format(out, "%s %s %s\n", report_name, state->about,
                              state->report);
    for (size_t i = 0, remedies = 0; fits && i < state->count; i++) {
        const struct state_recipient *rcpt = &state->recipients[i];
        fits = buf_add_format(out, "rcpt %s %d %d %" PRId64 " %s ",
                              results[rcpt->result], rcpt->notified,
                              rcpt->from_reply, rcpt->when,
                              or_dash(rcpt->status)) &&
               add_text(out, rcpt->relay, ' ') &&
               add_text(out, rcpt->text, '\n');
        if (fits && rcpt->remedy != NULL && remedies++ < REMEDIES_MAX)
            fits = buf_add_format(out, "%s ", remedy_name) &&
                   add_text(out, rcpt->remedy, '\n');
    }
    return fits && buf_add_text(out, "end\n");
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

static bool read_number(char **rest, uint64_t max, uint64_t *number)
{
    char *word = next_word(rest);

    return word != NULL && text_to_number(word, max, number);
}

static char *copy_text(const char *word)
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
    if (kind == COUNT(results) || !read_number(&rest, 1, &notified) ||
        !read_number(&rest, 1, &from_reply) ||
        !read_number(&rest, INT64_MAX, &when))
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
        .status = copy_text(status),
        .relay = copy_text(relay),
        .text = copy_text(rest),
    };
    return true;
}

/* The contents of a file, as far as it has been read. */
struct reading {
    struct state *state;
    uint64_t values[NUMBERS];
    size_t recipients;
    bool ended;
};

static bool report_damage(struct error *err)
{
    return error_set(err, FAULT_DATA, "it is damaged");
}

static bool parse_number(struct reading *reading, const char *name,
                         char *rest, struct error *err)
{
    for (size_t i = 0; i < NUMBERS; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return read_number(&rest, numbers[i].max,
                               &reading->values[i]) ||
                   report_damage(err);
    return format_check_unknown(name, err);
}

/* A line of another form can be done without. */
static void read_report(struct state *state, char *rest)
{
    const char *about = next_word(&rest);
    size_t length = about == NULL ? 0 : strlen(about);

    if (about == NULL || length > STATE_ABOUT_MAX || rest == NULL ||
        !random_is_id(rest))
        return;
    memcpy(state->about, about, length + 1);
    memcpy(state->report, rest, sizeof state->report);
}

static void read_remedy(struct reading *reading, const char *rest)
{
    if (reading->recipients > 0 && rest != NULL)
        replace_text(&reading->state->recipients[reading->recipients - 1]
                          .remedy, rest);
}

static bool parse_line(struct reading *reading, char *line,
                       struct error *err)
{
    struct state *state = reading->state;
    char *rest = line;
    const char *name = next_word(&rest);

    if (reading->ended)
        return report_damage(err);
    reading->ended = strcmp(name, "end") == 0;
    if (reading->ended)
        return true;
    if (strcmp(name, report_name) == 0) {
        read_report(state, rest);
        return true;
    }
    if (strcmp(name, remedy_name) == 0) {
        read_remedy(reading, rest);
        return true;
    }
    if (strcmp(name, "rcpt") != 0)
        return parse_number(reading, name, rest, err);
    return (reading->recipients < state->count && rest != NULL &&
            parse_recipient(&state->recipients[reading->recipients++],
                            rest)) ||
           report_damage(err);
}

static bool parse_state(struct state *state, struct buf *text, const char *id,
                        struct error *err)
{
    struct reading reading = { .state = state };
    char *line = text->data;
    const char *end = text->data + text->length;

    if (!format_check_start(&format, line, id, NULL, err))
        return false;
    if (memchr(line, '\0', text->length) != NULL ||
        text->data[text->length - 1] != '\n')
        return report_damage(err);
    for (line = strchr(line, '\n') + 1; line < end; ) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        *stop = '\0';
        if (!parse_line(&reading, line, err))
            return false;
        line = stop + 1;
    }
    state->attempts = (unsigned)reading.values[ATTEMPTS];
    state->last = (int64_t)reading.values[LAST];
    state->next = (int64_t)reading.values[NEXT];
    state->warned = reading.values[WARNED] != 0;
    state->held = reading.values[HELD] != 0;
    state->reports = (unsigned)reading.values[REPORTS];
    return (reading.ended && reading.recipients == state->count) ||
           report_damage(err);
}

/* Where a state is, and of which message it is. */
struct place {
    int folder;
    const char *name;
    const char *id;
};

static struct state *load_file(const struct spool *spool,
                               const struct place *place, size_t count,
                               struct error *err)
{
    struct state *state = state_new(count);
    struct buf text;

    int fd = openat(place->folder, place->name,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT)
        return state;
    buf_init(&text, STATE_MAX);
    bool right = false;
    if (fd == -1)
        unread_explain(spool, place->folder, place->name, err);
    else if (!io_read_all(fd, &text, err) ||
             !parse_state(state, &text, place->id, err))
        error_prefix(err, "%s/%s/%s", spool->path,
                     place->folder == spool->state ? "state" : "failed",
                     place->name);
    else
        right = true;
    io_close(&fd);
    buf_free(&text);
    state->on_disk = true;
    if (right)
        return state;
    state_free(state);
    return NULL;
}

struct state *state_load(const struct spool *spool, const char *id,
                         size_t count, struct error *err)
{
    return load_file(spool, &(struct place){
        .folder = spool->state, .name = id, .id = id }, count, err);
}

struct state *state_load_failed(const struct spool *spool, const char *id,
                                size_t count, struct error *err)
{
    char *name = alloc_format("%s.state", id);
    struct state *state = load_file(spool, &(struct place){
        .folder = spool->failed, .name = name, .id = id }, count, err);

    free(name);
    return state;
}

bool state_save(const struct spool *spool, const char *id,
                const struct state *state, struct error *err)
{
    char *temporary = alloc_format(".%s", id);
    struct buf text;

    buf_init(&text, STATE_MAX);
    if (!write_state(id, state, &text)) {
        buf_free(&text);
        free(temporary);
        return error_set(err, FAULT_SOFTWARE, "%s/state/%s: more than %u "
                         "octets", spool->path, id, STATE_MAX);
    }
    bool saved = file_replace(&(struct replacement){
        .folder = spool->state, .name = id, .draft = temporary, .mode = 0600,
        .is_durable = true }, &text) ||
        error_sys(err, FAULT_IO, "%s/state/%s", spool->path, id);
    buf_free(&text);
    free(temporary);
    return saved;
}
