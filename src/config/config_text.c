#include "config/config_text.h"

#include <string.h>

#include "util/buf.h"
#include "util/lines.h"
#include "util/text.h"

struct scan {
    const char *path;
    const char *text;
    size_t length;
    size_t at;
    unsigned line;
    size_t depth;           /* of braces */
    unsigned brace_line;    /* of the outermost open one */
    struct buf *out;
};

static bool fault_at(const struct scan *s, unsigned line, const char *text,
                     struct error *err)
{
    return error_set(err, FAULT_CONFIG, "%s:%u: %s", s->path, line, text);
}

static char peek(const struct scan *s, size_t ahead)
{
    return s->length - s->at > ahead ? s->text[s->at + ahead] : '\0';
}

static void skip_line(struct scan *s)
{
    while (s->at < s->length && s->text[s->at] != '\n')
        s->at++;
}

static bool skip_block(struct scan *s, struct error *err)
{
    unsigned start = s->line;

    for (s->at += 2; s->at < s->length; s->at++) {
        if (peek(s, 0) == '*' && peek(s, 1) == '/') {
            s->at += 2;
            buf_add_char(s->out, ' ');
            return true;
        }
        if (peek(s, 0) == '\n') {
            s->line++;
            buf_add_char(s->out, '\n');
        }
    }
    return fault_at(s, start, "this comment is never closed", err);
}

static bool copy_string(struct scan *s, struct error *err)
{
    char quote = s->text[s->at++];

    buf_add_char(s->out, quote);
    while (s->at < s->length) {
        char c = s->text[s->at++];
        if (c == '\n')
            break;
        if (text_is_control(c) && c != '\t')
            return fault_at(s, s->line, "control character", err);
        if (quote == '"' && c == '$' && peek(s, 0) == '{')
            buf_add_char(s->out, '\\');
        buf_add_char(s->out, c);
        if (c == quote)
            return true;
        if (c == '\\' && (peek(s, 0) == '\n' || !text_is_control(peek(s, 0)))) {
            s->line += peek(s, 0) == '\n';
            buf_add_char(s->out, s->text[s->at++]);
        }
    }
    return fault_at(s, s->line, "a quote is not closed on this line", err);
}

/* What is left of the last token decides whether a slash starts a comment. */
static bool is_token_start(const struct scan *s)
{
    char last = s->out->length == 0 ? ' ' : s->out->data[s->out->length - 1];

    return strchr(" \t\n{}=,\"'", last) != NULL;
}

static void count_brace(struct scan *s, char c)
{
    if (c == '{' && s->depth++ == 0)
        s->brace_line = s->line;
    if (c == '}' && s->depth > 0)
        s->depth--;
}

/* Outside of quotes and comments. */
static bool copy_plain(struct scan *s, struct error *err)
{
    char c = peek(s, 0), next = peek(s, 1);

    if (c == '\r' && next == '\n')
        c = ' ';
    if (text_is_control(c) && c != '\t' && c != '\n')
        return fault_at(s, s->line, "control character", err);
    if (c == '*' || (c == '+' && next != '='))
        return fault_at(s, s->line, c == '*' ? "\"*\" must be inside quotes"
                                     : "\"+\" must be inside quotes", err);
    if (c == '$' && next == '{')
        return fault_at(s, s->line, "\"${\" must be inside quotes; variables "
                        "of the environment are not expanded", err);
    count_brace(s, c);
    buf_add_char(s->out, c);
    s->at++;
    s->line += c == '\n';
    return true;
}

static bool step(struct scan *s, struct error *err)
{
    char c = peek(s, 0), next = peek(s, 1);

    if (c == '"' || c == '\'')
        return copy_string(s, err);
    if (c == '/' && next == '*' && is_token_start(s))
        return skip_block(s, err);
    if (c == '#' || (c == '/' && next == '/' && is_token_start(s))) {
        skip_line(s);
        return true;
    }
    return copy_plain(s, err);
}

bool config_text_prepare(struct buf *out, const char *path, const char *text,
                         size_t length, struct error *err)
{
    struct scan s = { .path = path, .text = text, .length = length,
                      .at = lines_mark_length(text, length), .line = 1,
                      .out = out };

    while (s.at < s.length)
        if (!step(&s, err))
            return false;
    if (s.depth > 0)
        return fault_at(&s, s.brace_line, "this \"{\" is never closed", err);
    return true;
}
