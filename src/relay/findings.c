#include "relay/findings.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "smtp/capability.h"
#include "spool/spool.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/io.h"
#include "util/text.h"

/*
 * state/findings: "postrider-findings 1", then a line for a smarthost:
 *
 *     unused UNTIL EHLO CHANGES KEYWORDS NAME
 *
 * UNTIL is in seconds since 1970, the others are members of struct distrust.
 * Keywords that are unknown are passed over. Other lines stay as they are, and
 * so does a file with another heading: both are of a newer version.
 */
#define NAME "findings"
#define HEADING "postrider-findings 1\n"
#define WORD "unused "
#define FINDINGS_MAX (1U << 20)         /* octets */
#define DAY 86400                       /* seconds */

/* The file; empty if there is none. False: it is not for us. */
static bool read_file(const struct spool *spool, struct buf *text)
{
    struct error err;
    int fd = openat(spool->state, NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool read = fd == -1 || io_read_all(fd, text, &err);

    io_close(&fd);
    return read && (text->length == 0 || text_starts(text->data, HEADING));
}

/* The next field of a line, and its end by NUL; the name is what is left. */
static char *take_field(char **line)
{
    char *field = *line;
    char *end = strchrnul(field, ' ');

    *line = *end == '\0' ? end : end + 1;
    *end = '\0';
    return field;
}

static bool take_number(char **line, uint64_t max, uint64_t *number)
{
    return text_to_number(take_field(line), max, number);
}

static unsigned flags_of(char *keywords)
{
    unsigned flags = 0;

    for (char *word = keywords, *next; word != NULL; word = next) {
        next = strchr(word, ',');
        if (next != NULL)
            *next++ = '\0';
        flags |= capability_flag(word);
    }
    return flags;
}

/* Is it a line about this smarthost? It is changed. */
static bool parse_line(char *line, const char *smarthost,
                       struct distrust *distrust)
{
    uint64_t until, hello, changes;
    int64_t left;

    if (!text_starts(line, WORD))
        return false;
    line += strlen(WORD);
    if (!take_number(&line, INT32_MAX, &until) ||
        !take_number(&line, UINT32_MAX, &hello) ||
        !take_number(&line, UINT16_MAX, &changes))
        return false;
    unsigned extensions = flags_of(take_field(&line));
    if (strcmp(line, smarthost) != 0)
        return false;
    /* A clock that was set makes it no longer than a day. */
    left = (int64_t)until - (int64_t)time(NULL);
    left = left > DAY ? DAY : left;
    *distrust = (struct distrust){ 0 };
    if (left > 0 && extensions != 0)
        *distrust = (struct distrust){
            .extensions = extensions, .hello = (uint32_t)hello,
            .until = clock_now() + left * 1000, .changes = (unsigned)changes };
    return true;
}

/* Go through the lines; others is what is not about this smarthost, or NULL. */
static void parse(const struct buf *text, const char *smarthost,
                  struct distrust *distrust, struct buf *others)
{
    struct buf line;
    const char *at = text->data + (text->length > 0 ? strlen(HEADING) : 0);

    buf_init(&line, SIZE_MAX);
    for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        size_t length = (size_t)(end - at);
        buf_clear(&line);
        buf_add(&line, at, length);
        if (!parse_line(line.data, smarthost, distrust) && others != NULL)
            buf_add(others, at, length + 1);
    }
    buf_free(&line);
}

struct distrust findings_read(const struct spool *spool, const char *smarthost)
{
    struct distrust distrust = { 0 };
    struct buf text;

    buf_init(&text, FINDINGS_MAX);
    if (read_file(spool, &text))
        parse(&text, smarthost, &distrust, NULL);
    buf_free(&text);
    return distrust;
}

static void add_line(struct buf *out, const char *smarthost,
                     const struct distrust *distrust)
{
    int64_t until = time(NULL) + clock_remaining(distrust->until) / 1000;
    const char *word, *separator = " ";

    buf_add_format(out, WORD "%" PRId64 " %" PRIu32 " %u", until,
                   distrust->hello, distrust->changes);
    for (size_t i = 0; (word = capability_word(i)) != NULL; i++)
        if ((distrust->extensions & (1U << i)) != 0) {
            buf_add_format(out, "%s%s", separator, word);
            separator = ",";
        }
    buf_add_format(out, " %s\n", smarthost);
}

void findings_write(const struct spool *spool, const char *smarthost,
                    const struct distrust *distrust)
{
    const struct replacement file = { .folder = spool->state, .name = NAME,
                                      .draft = "." NAME, .mode = 0600 };
    struct distrust ignored;
    struct buf text, out;

    buf_init(&text, FINDINGS_MAX);
    buf_init(&out, FINDINGS_MAX);
    buf_add_text(&out, HEADING);
    if (read_file(spool, &text)) {
        parse(&text, smarthost, &ignored, &out);
        if (distrust->extensions != 0)
            add_line(&out, smarthost, distrust);
        file_replace(&file, &out);
    }
    buf_free(&text);
    buf_free(&out);
}
