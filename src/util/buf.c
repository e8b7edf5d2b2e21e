#include "util/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){ .data = alloc_zero(1, 1), .limit = limit };
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){ .limit = buf->limit };
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->data[0] = '\0';
}

void buf_wipe(struct buf *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->capacity);
    buf_free(buf);
}

/*
 * Secrets pass through buffers, so memory that is outgrown is wiped; realloc
 * would leave a copy.
 */
static void grow(struct buf *buf, size_t capacity)
{
    char *bigger = alloc_resize(NULL, capacity + 1, 1);

    memcpy(bigger, buf->data, buf->length + 1);
    explicit_bzero(buf->data, buf->capacity);
    free(buf->data);
    buf->data = bigger;
    buf->capacity = capacity;
}

char *buf_reserve(struct buf *buf, size_t size)
{
    if (size > buf->limit || buf->length > buf->limit - size)
        return NULL;
    size_t needed = buf->length + size;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity < 32 ? 64 : buf->capacity * 2;
        grow(buf, needed > capacity ? needed : capacity);
    }
    return buf->data + buf->length;
}

bool buf_add(struct buf *buf, const void *data, size_t length)
{
    char *room = buf_reserve(buf, length);

    if (room == NULL)
        return false;
    if (length > 0)
        memcpy(room, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
    return true;
}

bool buf_add_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_add_char(struct buf *buf, char c)
{
    return buf_add(buf, &c, 1);
}

bool buf_add_vformat(struct buf *buf, const char *format, va_list args)
{
    char *text = NULL;
    int length = vasprintf(&text, format, args);

    if (length == -1)
        return false;
    bool added = buf_add(buf, text, (size_t)length);
    explicit_bzero(text, (size_t)length);
    free(text);
    return added;
}

bool buf_add_format(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    bool added = buf_add_vformat(buf, format, args);
    va_end(args);
    return added;
}

void buf_remove(struct buf *buf, size_t position, size_t count)
{
    buf_replace(buf, position, count, "", 0);
}

bool buf_replace(struct buf *buf, size_t position, size_t count,
                 const char *text, size_t length)
{
    if (length > count && buf_reserve(buf, length - count) == NULL)
        return false;
    size_t tail = position + count;
    memmove(buf->data + position + length, buf->data + tail,
            buf->length - tail + 1);
    if (length > 0)
        memcpy(buf->data + position, text, length);
    buf->length = buf->length - count + length;
    return true;
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data;

    *buf = (struct buf){ .limit = buf->limit };
    return text;
}
