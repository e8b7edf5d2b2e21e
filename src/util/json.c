#include "util/json.h"

#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

/* As UTF-16 has it: RFC 8259 section 7. */
static void print_number(FILE *out, uint32_t character)
{
    if (character < 0x10000)
        fprintf(out, "\\u%04x", (unsigned)character);
    else
        fprintf(out, "\\u%04x\\u%04x",
                (unsigned)(0xd800 + ((character - 0x10000) >> 10)),
                (unsigned)(0xdc00 + (character & 0x3ff)));
}

/* What JSON allows may be on its way to a terminal. */
static void print_string(FILE *out, const char *text)
{
    const char *end = text + strlen(text);
    uint32_t character;

    putc('"', out);
    for (size_t step; text < end; text += step) {
        step = text_character(text, (size_t)(end - text), &character);
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (text_is_unseen(character))
            print_number(out, character);
        else
            fwrite(text, 1, step, out);
    }
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
