/* rates.c - keep the counts of messages_per_minute over a restart */
#include "relay/desk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"

/*
 * state/rates: "postrider-rates 1 SECONDS\n", when it was written; then a line
 * for each message sent lately, the oldest first: milliseconds before that, and
 * the smarthost. It is worth a minute; what cannot be read is not worth more.
 */
#define NAME "rates"
#define HEADING "postrider-rates 1 "
#define RATES_MAX (64u << 20)   /* octets that are read */

void rates_save(const struct desk *desk)
{
    int64_t now = clock_now();
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, HEADING "%" PRId64 "\n", (int64_t)time(NULL));
    size_t heading = text.length;
    for (size_t i = 0; i < desk->config->smarthost_count; i++) {
        const struct pace *pace = &desk->gates[i].pace;
        for (size_t n = 0; n < pace->count; n++) {
            size_t at = (pace->first + n) % pace->limit;
            buf_add_format(&text, "%" PRId64 " %s\n", now - pace->sent[at],
                           desk->config->smarthosts[i].name);
        }
    }
    int fd = text.length == heading
             ? -1 : openat(desk->spool.state, NAME, O_CREAT | O_TRUNC |
                           O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (text.length > heading &&
        (fd == -1 || !io_write_all(fd, text.data, text.length)))
        log_line(LOG_LEVEL_WARNING, "%s/state/" NAME " cannot be written: "
                 "messages_per_minute begins anew", desk->spool.path);
    io_close(&fd);
    buf_free(&text);
}

static struct pace *find_pace(struct desk *desk, const char *name)
{
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        if (strcmp(desk->config->smarthosts[i].name, name) == 0)
            return &desk->gates[i].pace;
    return NULL;
}

/* "MILLISECONDS NAME", so long before then (on the monotonic clock). */
static void take_line(struct desk *desk, char *line, int64_t then)
{
    char *name = strchr(line, ' ');
    uint64_t age;

    if (name == NULL)
        return;
    *name++ = '\0';
    struct pace *pace = find_pace(desk, name);
    if (pace != NULL && text_to_number(line, INT32_MAX, &age))
        pace_remember(pace, then - (int64_t)age);
}

static void parse(struct desk *desk, char *text)
{
    char *line = strchr(text, '\n');
    uint64_t written;

    if (line == NULL || !text_starts(text, HEADING))
        return;
    *line++ = '\0';
    if (!text_to_number(text + strlen(HEADING), INT64_MAX, &written))
        return;
    /* A clock that was set back meanwhile makes nobody send more. */
    int64_t since = lifetime_age((int64_t)written, time(NULL)) * 1000;
    for (char *next; (next = strchr(line, '\n')) != NULL; line = next) {
        *next++ = '\0';
        take_line(desk, line, clock_now() - since);
    }
}

void rates_load(struct desk *desk)
{
    struct buf text;
    struct error err;
    int fd = openat(desk->spool.state, NAME, O_RDONLY | O_NOFOLLOW |
                    O_CLOEXEC);

    buf_init(&text, RATES_MAX);
    if (fd != -1 && io_read_all(fd, &text, &err))
        parse(desk, text.data);
    if (fd != -1)
        unlinkat(desk->spool.state, NAME, 0);
    io_close(&fd);
    buf_free(&text);
}
