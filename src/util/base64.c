#include "util/base64.h"

#include <string.h>

#include "util/buf.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct buf *out, const void *data, size_t length)
{
    const unsigned char *in = data;
    size_t needed = (length / 3 + (length % 3 != 0)) * 4;

    if (buf_reserve(out, needed) == NULL)
        return false;
    for (size_t i = 0; i < length; i += 3) {
        size_t count = length - i < 3 ? length - i : 3;
        unsigned long bits = (unsigned long)in[i] << 16;
        if (count > 1)
            bits |= (unsigned long)in[i + 1] << 8;
        if (count > 2)
            bits |= in[i + 2];
        char quad[] = { alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                        count > 1 ? alphabet[bits >> 6 & 63] : '=',
                        count > 2 ? alphabet[bits & 63] : '=' };
        buf_add(out, quad, sizeof quad);
    }
    return true;
}

bool base64_encode_url(struct buf *out, const void *data, size_t length)
{
    size_t start = out->length;

    if (!base64_encode(out, data, length))
        return false;
    while (out->length > start && out->data[out->length - 1] == '=')
        out->data[--out->length] = '\0';
    for (size_t i = start; i < out->length; i++) {
        if (out->data[i] == '+')
            out->data[i] = '-';
        else if (out->data[i] == '/')
            out->data[i] = '_';
    }
    return true;
}

static int value_of(char c)
{
    const char *found = c == '\0' ? NULL : strchr(alphabet, c);

    return found == NULL ? -1 : (int)(found - alphabet);
}

/* Decode four characters into at most three octets; 0 if they are wrong. */
static size_t decode_quad(const char *quad, bool last, char octets[3])
{
    size_t padding = 0;
    unsigned long bits = 0;

    if (last && quad[3] == '=')
        padding = quad[2] == '=' ? 2 : 1;
    for (size_t i = 0; i < 4; i++) {
        int value = i >= 4 - padding ? 0 : value_of(quad[i]);
        if (value == -1)
            return 0;
        bits = bits << 6 | (unsigned long)value;
    }
    /* Bits that no octet takes must be zero: one text for one value. */
    if ((padding == 1 && (bits & 0xff) != 0) ||
        (padding == 2 && (bits & 0xffff) != 0))
        return 0;
    octets[0] = (char)(bits >> 16);
    octets[1] = (char)(bits >> 8 & 0xff);
    octets[2] = (char)(bits & 0xff);
    return 3 - padding;
}

bool base64_decode(struct buf *out, const char *text, size_t length)
{
    size_t before = out->length;
    char octets[3];

    bool right = length % 4 == 0;
    for (size_t i = 0; right && i < length; i += 4) {
        size_t count = decode_quad(text + i, i + 4 == length, octets);
        right = count > 0 && buf_add(out, octets, count);
    }
    explicit_bzero(octets, sizeof octets);
    if (!right) {
        out->length = before;
        out->data[before] = '\0';
    }
    return right;
}
