/*
 * hidden.h - is a secret in a text, as it is or in base64?
 */
#ifndef POSTRIDER_TESTS_FUZZ_SMTP_HIDDEN_H
#define POSTRIDER_TESTS_FUZZ_SMTP_HIDDEN_H

#include <stdbool.h>
#include <string.h>

#include "../fuzz.h"
#include "util/base64.h"
#include "util/buf.h"

/* Base64 has three texts for it: by how many octets come before. The digits
 * that are also made of those, or of what follows, are left out. */
static inline bool shows_coded(const char *text, size_t length,
                               const char *secret, size_t before)
{
    const size_t first = (before * 8 + 5) / 6;
    struct buf plain, coded;

    buf_init(&plain, SIZE_MAX);
    buf_init(&coded, SIZE_MAX);
    for (size_t i = 0; i < before; i++)
        buf_add_char(&plain, '\0');
    buf_add_text(&plain, secret);
    base64_encode(&coded, plain.data, plain.length);
    size_t end = plain.length * 8 / 6;
    bool shown = memmem(text, length, coded.data + first, end - first) != NULL;
    buf_free(&plain);
    buf_free(&coded);
    return shown;
}

static inline bool shows_secret(const char *text, size_t length,
                                const char *secret)
{
    bool shown = memmem(text, length, secret, strlen(secret)) != NULL;

    for (size_t before = 0; before < 3; before++)
        shown |= shows_coded(text, length, secret, before);
    return shown;
}

#endif
