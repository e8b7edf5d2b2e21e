#include "util/lines.h"

#include <string.h>

size_t lines_mark_length(const char *text, size_t length)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t octets = sizeof mark - 1;

    return length >= octets && memcmp(text, mark, octets) == 0 ? octets : 0;
}

void lines_start(struct lines *lines, const char *text, size_t length)
{
    *lines = (struct lines){
        .rest = text + lines_mark_length(text, length),
        .end = text + length,
    };
}

bool lines_next(struct lines *lines)
{
    if (lines->rest == lines->end)
        return false;
    size_t left = (size_t)(lines->end - lines->rest);
    const char *feed = memchr(lines->rest, '\n', left);

    lines->text = lines->rest;
    lines->length = feed != NULL ? (size_t)(feed - lines->rest) : left;
    lines->rest += lines->length + (feed != NULL);
    lines->number++;
    while (lines->length > 0 && lines->text[lines->length - 1] == '\r')
        lines->length--;
    return true;
}
