/* The parameters of DSN, from clients and callers: NOTIFY, RET, ENVID. */
#include "../input.h"
#include "mail/envelope.h"

static void check_notify(const char *text)
{
    unsigned bits = 0, again = 0;
    struct error err;

    if (!notify_parse(text, &bits, &err)) {
        promise_error(&err);
        PROMISE(bits == 0);
        return;
    }
    PROMISE(bits != 0);
    PROMISE((bits & NOTIFY_NEVER) == 0 || bits == NOTIFY_NEVER);
    PROMISE(notify_parse(notify_text(bits), &again, &err));
    PROMISE(again == bits);
}

static void check_return(const char *text)
{
    enum dsn_return value = RETURN_UNSPECIFIED;
    struct error err;

    if (dsn_return_parse(text, &value, &err)) {
        PROMISE(value != RETURN_UNSPECIFIED && strlen(text) == 4);
    } else {
        promise_error(&err);
        PROMISE(value == RETURN_UNSPECIFIED);
    }
}

/* The other side of xtext_encode(), by the letter of RFC 3461 section 4. */
static char *decode(const char *xtext)
{
    char *text = alloc_string(xtext);
    size_t length = 0;

    for (const char *p = xtext; *p != '\0'; p++)
        if (*p == '+') {
            int high = text_hex_value(text_lower(p[1]));
            int low = text_hex_value(text_lower(p[2]));
            PROMISE(high >= 0 && low >= 0);
            text[length++] = (char)(high << 4 | low);
            p += 2;
        } else {
            PROMISE(*p > ' ' && *p <= '~' && *p != '=');
            text[length++] = *p;
        }
    text[length] = '\0';
    return text;
}

/* Ours decodes alike, or does not decode what has a NUL or is not xtext. */
static void check_decoded(const char *xtext)
{
    char *own = xtext_decode(xtext);
    char *decoded = own != NULL || xtext_check(xtext) ? decode(xtext) : NULL;

    if (own != NULL)
        PROMISE(strcmp(own, decoded) == 0);
    else
        PROMISE(decoded == NULL || strstr(xtext, "+00") != NULL);
    free(decoded);
    free(own);
}

static void check_xtext(const char *text)
{
    char *encoded = xtext_encode(text);
    char *decoded = decode(encoded);
    size_t length = strlen(encoded);

    PROMISE(strcmp(decoded, text) == 0);
    PROMISE(xtext_check(encoded) == (length > 0 && length <= 100));
    check_decoded(encoded);
    check_decoded(text);
    free(decoded);
    free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);

    check_notify(text);
    check_return(text);
    check_xtext(text);
    free(text);
    return 0;
}
