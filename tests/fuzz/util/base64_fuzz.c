/* Base64 as servers send it, and any octets in base64. */
#include "../input.h"
#include "util/base64.h"
#include "util/buf.h"

/* A text that is taken for base64 is the one encoding of its octets. */
static void check_decode(const char *text, size_t length)
{
    struct buf octets, again;

    buf_init(&octets, SIZE_MAX);
    buf_init(&again, SIZE_MAX);
    if (base64_decode(&octets, text, length)) {
        PROMISE(base64_encode(&again, octets.data, octets.length));
        PROMISE(again.length == length &&
                memcmp(again.data, text, length) == 0);
    } else {
        PROMISE(octets.length == 0);
    }
    buf_free(&octets);
    buf_free(&again);
}

/* Octets that are encoded are decoded to the same, and go into an URL. */
static void check_encode(const char *data, size_t length)
{
    struct buf text, octets;

    buf_init(&text, SIZE_MAX);
    buf_init(&octets, SIZE_MAX);
    PROMISE(base64_encode(&text, data, length));
    PROMISE(base64_decode(&octets, text.data, text.length));
    PROMISE(octets.length == length &&
            memcmp(octets.data, data, length) == 0);
    buf_clear(&text);
    PROMISE(base64_encode_url(&text, data, length));
    PROMISE(strpbrk(text.data, "+/=") == NULL);
    PROMISE(text.length == (length * 4 + 2) / 3);
    buf_free(&text);
    buf_free(&octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decode((const char *)data, size);
    if (size > 0)
        check_encode((const char *)data, size);
    return 0;
}
