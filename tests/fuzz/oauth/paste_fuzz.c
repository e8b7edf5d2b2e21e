/* The address that a browser shows at the end of a login: made by a server,
 * pasted by a person. */
#include <ctype.h>
#include <string.h>

#include "../fuzz.h"
#include "oauth/form.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

/* Only hexadecimal digits are an octet. */
static void check_coded(const char *query, const char *name)
{
    size_t end = strcspn(query, "#");

    for (size_t at = 0; at < end; at += strcspn(query + at, "&#") + 1) {
        const char *pair = query + at, *p = pair + strlen(name);
        if (strncmp(pair, name, strlen(name)) != 0 || *p != '=')
            continue;
        for (; strchr("&#", *p) == NULL; p++)
            if (*p == '%')
                PROMISE(isxdigit((unsigned char)p[1]) &&
                        isxdigit((unsigned char)p[2]));
    }
}

/* What was decoded gives the same once it is encoded and decoded again. */
static void check_value(const char *query, const char *name)
{
    char *value = form_value(query, name);
    struct buf again;

    if (value == NULL)
        return;
    check_coded(query, name);
    buf_init(&again, SIZE_MAX);
    form_add(&again, name, value);
    PROMISE(text_is_ascii(again.data, again.length));
    char *decoded = form_value(again.data, name);
    PROMISE(decoded != NULL && strcmp(decoded, value) == 0);
    buf_free(&again);
    free(decoded);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);
    const char *query = strchr(text, '?');
    const char *host;

    query = query == NULL ? text : query + 1;
    check_value(query, "code");
    check_value(query, "state");
    check_value(query, "error");
    size_t length = form_host(text, &host);
    PROMISE(length == 0 || (host > text && length < strlen(text)));
    free(text);
    return 0;
}
