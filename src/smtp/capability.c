#include "smtp/capability.h"

#include <stdlib.h>
#include <string.h>

#include "smtp/reply.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/text.h"

#define MECHANISMS_MAX 64       /* more are not remembered */
#define DISTRUST_TIME (24 * 60 * 60 * 1000)     /* milliseconds */
#define DISTRUST_CHANGES_MAX 8  /* of the EHLO, until it counts for any */

static void read_size(struct capabilities *caps, char *arguments)
{
    uint64_t limit;

    if (text_to_number(arguments, UINT64_MAX / 2, &limit))
        caps->size_limit = limit;
}

static void read_mechanisms(struct capabilities *caps, char *arguments)
{
    char *word = arguments;

    while (*word != '\0' && caps->mechanisms.count < MECHANISMS_MAX) {
        size_t length = strcspn(word, " \t");
        if (length > 0) {
            char *name = alloc_bytes(word, length);
            for (char *p = name; *p != '\0'; p++)
                if (*p >= 'a' && *p <= 'z')
                    *p = (char)(*p - 'a' + 'A');
            if (strings_has(&caps->mechanisms, name))
                free(name);
            else
                strings_take(&caps->mechanisms, name);
        }
        word += length + strspn(word + length, " \t");
    }
}

static const struct keyword {
    const char *word;
    enum capability flag;
    void (*take)(struct capabilities *caps, char *arguments);
} keywords[] = {
    { "PIPELINING", CAP_PIPELINING, NULL },
    { "SIZE", CAP_SIZE, read_size },
    { "8BITMIME", CAP_8BITMIME, NULL },
    { "SMTPUTF8", CAP_SMTPUTF8, NULL },
    { "DSN", CAP_DSN, NULL },
    { "CHUNKING", CAP_CHUNKING, NULL },
    { "ENHANCEDSTATUSCODES", CAP_STATUS_CODES, NULL },
    { "STARTTLS", CAP_STARTTLS, NULL },
    { "AUTH", CAP_AUTH, read_mechanisms },
};

static void read_extension(struct capabilities *caps, char *line)
{
    size_t length = strcspn(line, " =");
    char *arguments = line + length;

    /* Only "AUTH=" has ever been written like this. */
    if (*arguments == '=' && !(length == 4 && text_starts_case(line, "AUTH")))
        return;
    if (*arguments != '\0')
        *arguments++ = '\0';
    arguments += strspn(arguments, " ");
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (text_equal_case(line, keywords[i].word)) {
            caps->flags |= keywords[i].flag;
            if (keywords[i].take != NULL)
                keywords[i].take(caps, arguments);
        }
}

void capabilities_parse(struct capabilities *caps, const struct reply *reply)
{
    char *text = alloc_bytes(reply->text.data, reply->text.length);
    char *line = strchr(text, '\n');    /* the first is the server's name */

    if (line != NULL)
        caps->hello = crc32c(0, line, strlen(line));
    while (line != NULL) {
        char *next = strchr(++line, '\n');
        if (next != NULL)
            *next = '\0';
        read_extension(caps, line);
        line = next;
    }
    free(text);
}

void capabilities_free(struct capabilities *caps)
{
    strings_free(&caps->mechanisms);
    *caps = (struct capabilities){ 0 };
}

void capabilities_remove(struct capabilities *caps, unsigned flags)
{
    caps->flags &= ~flags;
    if ((flags & CAP_SIZE) != 0)
        caps->size_limit = 0;
}

const char *capability_word(size_t i)
{
    for (size_t k = 0; k < COUNT(keywords); k++)
        if ((unsigned)keywords[k].flag == 1U << i)
            return keywords[k].word;
    return NULL;
}

unsigned capability_flag(const char *word)
{
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (text_equal_case(word, keywords[i].word))
            return keywords[i].flag;
    return 0;
}

void capabilities_describe(unsigned extensions, struct buf *out)
{
    const char *word;
    const char *separator = "";

    for (size_t i = 0; (word = capability_word(i)) != NULL; i++)
        if ((extensions & (1U << i)) != 0) {
            buf_add_format(out, "%s%s", separator, word);
            separator = ", ";
        }
}

static bool is_about(const struct distrust *distrust, uint32_t hello)
{
    return distrust->hello == hello ||
           distrust->changes >= DISTRUST_CHANGES_MAX;
}

unsigned distrust_of(struct distrust *distrust, uint32_t hello, int64_t now)
{
    if (now >= distrust->until)
        *distrust = (struct distrust){ 0 };
    else if (!is_about(distrust, hello))
        distrust->extensions = 0;
    return distrust->extensions;
}

bool distrust_add(struct distrust *distrust, unsigned extensions,
                  uint32_t hello, int64_t now)
{
    unsigned known = distrust_of(distrust, hello, now);

    if ((extensions & ~known) == 0)
        return false;
    distrust->changes += distrust->until != 0 && distrust->hello != hello;
    distrust->hello = hello;
    distrust->until = now + DISTRUST_TIME;
    distrust->extensions |= extensions;
    return true;
}
