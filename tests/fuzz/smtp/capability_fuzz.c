/* The extensions that a server lists in its reply to EHLO, and those of them
 * that the first octet has found not to work. */
#include "../input.h"
#include "octets.h"
#include "smtp/capability.h"
#include "smtp/reply.h"
#include "util/buf.h"

#define ALL ((unsigned)CAP_AUTH * 2 - 1)

static void check_mechanisms(const struct capabilities *caps)
{
    for (size_t i = 0; i < caps->mechanisms.count; i++) {
        const char *name = caps->mechanisms.items[i];
        PROMISE(*name != '\0' && strpbrk(name, " \t\n") == NULL);
        for (const char *p = name; *p != '\0'; p++)
            PROMISE(*p < 'a' || *p > 'z');
    }
}

/* Its keywords, listed by a server, are these extensions. */
static void check_again(unsigned flags, const struct buf *words)
{
    struct capabilities caps = { 0 };
    struct reply reply;
    const char *word = words->data;

    reply_init(&reply);
    reply.code = 250;
    buf_add_text(&reply.text, "server");
    while (*word != '\0') {
        size_t length = strcspn(word, ",");
        buf_add_char(&reply.text, '\n');
        buf_add(&reply.text, word, length);
        word += length + strspn(word + length, ", ");
    }
    capabilities_parse(&caps, &reply);
    PROMISE((caps.flags & ~(unsigned)CAP_AUTH) ==
            (flags & ~(unsigned)CAP_AUTH));
    capabilities_free(&caps);
    reply_free(&reply);
}

static void check_flags(struct capabilities *caps, unsigned removed)
{
    unsigned flags = caps->flags;
    struct buf words;

    PROMISE((flags & ~ALL) == 0);
    PROMISE((flags & CAP_SIZE) != 0 || caps->size_limit == 0);
    buf_init(&words, SIZE_MAX);
    capabilities_describe(flags, &words);
    check_again(flags, &words);
    buf_free(&words);
    capabilities_remove(caps, removed);
    PROMISE(caps->flags == (flags & ~removed));
    PROMISE((caps->flags & CAP_SIZE) != 0 || caps->size_limit == 0);
}

/* A finding about this EHLO counts for a day. */
static void check_distrust(const struct capabilities *caps, unsigned found)
{
    struct distrust distrust = { 0 };

    PROMISE(distrust_of(&distrust, caps->hello, 1000) == 0);
    PROMISE(distrust_add(&distrust, found, caps->hello, 1000) ==
            (found != 0));
    PROMISE(distrust_of(&distrust, caps->hello, 2000) == found);
    PROMISE(!distrust_add(&distrust, found, caps->hello, 2000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned removed = input_octet(&in);
    struct stream *stream = stream_of(in.at, in.left, false);
    struct capabilities caps = { 0 };
    struct reply reply;
    struct error err;

    reply_init(&reply);
    if (stream != NULL &&
        reply_read(&reply, stream, clock_now() + 10000, &err)) {
        capabilities_parse(&caps, &reply);
        check_mechanisms(&caps);
        check_distrust(&caps, removed);
        check_flags(&caps, removed);
    }
    capabilities_free(&caps);
    reply_free(&reply);
    stream_free(stream);
    return 0;
}
