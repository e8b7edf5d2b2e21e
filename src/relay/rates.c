#include "relay/rates.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"

/*
 * state/rates: "postrider-rates 1 SECONDS", when it was begun; then lines, each
 * with a smarthost, in the order of time. Lines that are unknown are passed
 * over: what cannot be read is not worth more than a minute.
 *
 *     AGE NAME         a message was sent, so many milliseconds before that
 *     out NAME         one was given to a worker
 *     +TIME NAME       it is back, and may have been sent: so many milliseconds
 *                      after the file was begun
 *     back NAME        it is back, and was not sent
 *
 * Lines are appended as things happen, and not synced: after SIGKILL they are
 * there, and what was out then may have been sent at any time since.
 */
#define NAME "rates"
#define HEADING "postrider-rates 1 "
#define RATES_MAX (64u << 20)   /* octets that are read */
#define LINES_MORE 1000         /* besides one for each message that is allowed:
                                 * then the file is begun again */

static const char *name_of(const struct hops *hops, size_t smarthost)
{
    return hops->list[smarthost].smarthost->name;
}

/* All that is known, to begin with. */
static void add_known(const struct hops *hops, struct buf *text)
{
    for (size_t i = 0; i < hops->count; i++) {
        const struct pace *pace = &hops->list[i].availability.pace;
        for (size_t n = 0; n < pace->count; n++) {
            size_t at = (pace->first + n) % pace->limit;
            buf_add_format(text, "%" PRId64 " %s\n",
                           hops->rates.begun - pace->sent[at],
                           name_of(hops, i));
        }
        for (unsigned n = 0; n < pace->out && pace->limit > 0; n++)
            buf_add_format(text, "out %s\n", name_of(hops, i));
    }
}

static void cannot_write(struct hops *hops)
{
    if (!hops->rates.has_failed)
        log_line(LOG_LEVEL_WARNING, "%s/state/" NAME " cannot be written: "
                 "messages_per_minute may begin again when the daemon does",
                 hops->rates.spool->path);
    hops->rates.has_failed = true;
}

static void begin_file(struct hops *hops, const struct moment *now)
{
    const struct replacement file = { .folder = hops->rates.spool->state,
                                      .name = NAME, .draft = "." NAME,
                                      .mode = 0600 };
    struct rates *rates = &hops->rates;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    rates->begun = now->awake;
    rates->lines = 0;
    buf_add_format(&text, HEADING "%" PRId64 "\n", now->wall);
    add_known(hops, &text);
    io_close(&rates->file);
    if (file_replace(&file, &text))
        rates->file = openat(hops->rates.spool->state, NAME,
                             O_WRONLY | O_APPEND |
                             O_NOFOLLOW | O_CLOEXEC);
    if (rates->file == -1)
        cannot_write(hops);
    buf_free(&text);
}

static void append(struct hops *hops, const struct buf *line)
{
    if (hops->rates.file == -1 ||
        !io_write_all(hops->rates.file, line->data, line->length))
        cannot_write(hops);
}

void rates_note(struct hops *hops, size_t smarthost, enum rates_event event,
                const struct moment *now)
{
    struct rates *rates = &hops->rates;
    struct buf line;

    if (hops->list[smarthost].availability.pace.limit == 0)
        return;
    if (++rates->lines > rates->lines_max) {
        begin_file(hops, now);  /* this event is known */
        return;
    }
    buf_init(&line, SIZE_MAX);
    if (event == RATES_SENT)
        buf_add_format(&line, "+%" PRId64, now->awake - rates->begun);
    else
        buf_add_text(&line, event == RATES_OUT ? "out" : "back");
    buf_add_format(&line, " %s\n", name_of(hops, smarthost));
    append(hops, &line);
    buf_free(&line);
}

/* A file as it is read. */
struct reading {
    struct hops *hops;
    const struct moment *now;
    int64_t begun;              /* on the monotonic clock, at the earliest */
    unsigned *out;              /* one a smarthost: given out, and not back */
};

/* SIZE_MAX: it has no limit, or none any more. */
static size_t find_smarthost(const struct hops *hops, const char *name)
{
    for (size_t i = 0; i < hops->count; i++)
        if (hops->list[i].availability.pace.limit > 0 &&
            strcmp(name_of(hops, i), name) == 0)
            return i;
    return SIZE_MAX;
}

static void take_line(struct reading *reading, char *line)
{
    char *name = strchr(line, ' ');
    size_t i = name == NULL ? SIZE_MAX
                            : find_smarthost(reading->hops, name + 1);
    uint64_t time;

    if (i == SIZE_MAX)
        return;
    *name = '\0';
    bool after = *line == '+';
    bool back = after || strcmp(line, "back") == 0;
    if (back && reading->out[i] > 0)
        reading->out[i]--;
    else if (strcmp(line, "out") == 0)
        reading->out[i]++;
    if (text_to_number(line + after, INT32_MAX, &time))
        pace_remember(&reading->hops->list[i].availability.pace,
                      after ? reading->begun + (int64_t)time
                            : reading->begun - (int64_t)time);
}

/* False: it is of no use. */
static bool take_heading(struct reading *reading, const char *line)
{
    uint64_t begun;

    if (!text_starts(line, HEADING) ||
        !text_to_number(line + strlen(HEADING), INT64_MAX, &begun))
        return false;
    /* A clock that was set back meanwhile lets no more be sent; nor does the
     * part of a second that the file was begun in. */
    int64_t age = clocks_age((int64_t)begun, reading->now->wall);
    reading->begun = reading->now->awake - (age > 0 ? age - 1 : 0) * 1000;
    return true;
}

static void parse(struct hops *hops, char *text, const struct moment *now)
{
    struct reading reading = {
        .hops = hops,
        .now = now,
        .out = alloc_zero(hops->count,
                          sizeof *reading.out),
    };
    char *line = strchr(text, '\n');

    if (line != NULL)
        *line++ = '\0';
    if (line != NULL && take_heading(&reading, text))
        for (char *next; (next = strchr(line, '\n')) != NULL; line = next) {
            *next++ = '\0';
            take_line(&reading, line);
        }
    for (size_t i = 0; i < hops->count; i++)
        for (unsigned n = 0; n < reading.out[i]; n++)
            pace_remember(&hops->list[i].availability.pace, now->awake);
    free(reading.out);
}

void rates_start(struct hops *hops, const struct spool *spool,
                 const struct moment *now)
{
    struct buf text;
    struct error err;
    size_t allowed = 0;
    int fd = openat(spool->state, NAME, O_RDONLY | O_NOFOLLOW |
                    O_CLOEXEC);

    buf_init(&text, RATES_MAX);
    if (fd != -1 && io_read_all(fd, &text, &err))
        parse(hops, text.data, now);
    io_close(&fd);
    buf_free(&text);
    for (size_t i = 0; i < hops->count; i++)
        allowed += hops->list[i].availability.pace.limit;
    hops->rates = (struct rates){ .spool = spool, .file = -1,
                                  .lines_max = allowed + LINES_MORE };
    if (allowed > 0)
        begin_file(hops, now);
    else
        unlinkat(spool->state, NAME, 0);
}

void rates_stop(struct hops *hops)
{
    io_close(&hops->rates.file);
}
