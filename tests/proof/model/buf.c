/*
 * buf.c - util/buf.h: any text of up to PROOF_TEXT_MAX octets
 *
 * Its memory is as large as it can become from the start. What is added makes
 * it longer by that at least, and may not fit at any time: so a loop that fills
 * a buffer comes to the same state again soon.
 */
#include "proof.h"

#include "util/buf.h"

static size_t room_of(const struct buf *buf)
{
    return buf->limit < PROOF_TEXT_MAX ? buf->limit : PROOF_TEXT_MAX;
}

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){ .limit = limit };
    buf->data = proof_text(room_of(buf));
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
    buf_free(buf);
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data;

    *buf = (struct buf){ .limit = buf->limit };
    return text;
}

/* Some more octets, if they fit. */
static bool grow(struct buf *buf, size_t length)
{
    size_t room = room_of(buf);

    if (length > room || proof_any())
        return false;
    size_t least = buf->length + length;
    if (least > room)
        return false;
    buf->length = Frama_C_unsigned_long_interval(least, room);
    proof_change(buf->data, room);
    return true;
}

char *buf_reserve(struct buf *buf, size_t size)
{
    size_t room = room_of(buf);

    if (size > room || buf->length > room - size)
        return NULL;
    return buf->data + buf->length;
}

bool buf_add(struct buf *buf, const void *data, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read((char *)data + (0 .. length - 1)); */
        /*@ assert set: \initialized((char *)data + (0 .. length - 1)); */
    }
    return grow(buf, length);
}

bool buf_add_text(struct buf *buf, const char *text)
{
    return grow(buf, strlen(text));
}

bool buf_add_char(struct buf *buf, char c)
{
    return grow(buf, 1);
}

bool buf_add_vformat(struct buf *buf, const char *format, va_list args)
{
    return grow(buf, proof_format(format, args));
}

bool buf_add_format(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    bool added = buf_add_vformat(buf, format, args);
    va_end(args);
    return added;
}

bool buf_replace(struct buf *buf, size_t position, size_t count,
                 const char *text, size_t length)
{
    size_t length_before = buf->length;

    /*@ assert within: position <= length_before; */
    /*@ assert within: count <= length_before - position; */
    /*@ assert readable: length == 0 ||
      @     \valid_read(text + (0 .. length - 1)); */
    if (length > count && (length - count > buf->limit || proof_any()))
        return false;
    buf->length -= count;
    buf->length += length;
    proof_change(buf->data, room_of(buf));
    return true;
}

void buf_remove(struct buf *buf, size_t position, size_t count)
{
    (void)buf_replace(buf, position, count, "", 0);
}
