#include "util/json.h"

#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

static void print_string(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (text_is_control(*text))
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            putc(*text, out);
    putc('"', out);
}

void json_print_text(FILE *out, const char *text)
{
    size_t length = strlen(text);
    struct buf shown;

    if (text_is_utf8(text, length)) {
        print_string(out, text);
        return;
    }
    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, text, length);
    print_string(out, shown.data);
    buf_free(&shown);
}
