/* address_parse.c - parse lists of addresses; add commas that are missing */
#include "mail/address.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/phrase.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

enum token { TOKEN_END, TOKEN_ATOM, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_COMMENT,
             TOKEN_SPECIAL, TOKEN_WRONG };

/* Where parsing is; the last token is [start, at). */
struct scanner {
    const char *text;
    size_t length;
    size_t at;
    size_t start;
    size_t gap;                 /* where the token before it ended */
    bool in_group;
    bool blanks_divide;         /* words are local names */
};

/* The text before an element without a comma. */
enum before { BEFORE_NOTHING, BEFORE_ADDRESS, BEFORE_NAME_AND_ADDRESS };

/* One element of the list while it is read. */
struct element {
    struct buf address;         /* words, dots and @ so far */
    size_t start, end;          /* of those in the text */
    size_t ats;
    bool after_word;            /* the last one was a word */
    bool after_at;
    bool is_phrase;             /* two words met: a display name */
    bool has_stray_literal;     /* one that is not right after an @ */
    bool has_words;
    bool is_one_token;
    bool has_comment;
    bool has_name;              /* words before <> */
    size_t name;                /* where they begin */
    bool is_closed;             /* by <> */
    bool is_spread;             /* over blanks or comments */
    bool after_stop;            /* a dot right after what is before it */
    bool has_full_stop;         /* one that a gap and a word follow */
    enum before before;         /* the <> that it follows */
    size_t comma;               /* where one is missing before it; 0: nowhere */
};

static bool is_special(char c)
{
    return c != '\0' && strchr("()<>[]:;@\\,.\"", c) != NULL;
}

static bool is_atom_char(char c)
{
    return !is_special(c) && !text_is_space(c) && !text_is_control(c);
}

/* The place after the closing character, or 0. Backslash takes the next octet
 * along. Nesting is counted, not recursed into. */
static size_t skip_enclosed(const struct scanner *s, char open, char close)
{
    size_t depth = 0;

    for (size_t i = s->at; i < s->length; i++) {
        char c = s->text[i];
        if (c == '\\')
            i++;
        else if (c == close && --depth == 0)
            return i + 1;
        else if (c == open)
            depth++;
    }
    return 0;
}

static size_t skip_quoted(const struct scanner *s)
{
    for (size_t i = s->at + 1; i < s->length; i++)
        if (s->text[i] == '\\')
            i++;
        else if (s->text[i] == '"')
            return i + 1;
    return 0;
}

static size_t skip_atom(const struct scanner *s)
{
    size_t i = s->at;

    while (i < s->length &&
           (is_atom_char(s->text[i]) ||
            (s->text[i] == '\\' && i + 1 < s->length)))
        i += s->text[i] == '\\' ? 2 : 1;
    return i;
}

static enum token next_token(struct scanner *s)
{
    enum token token = TOKEN_SPECIAL;
    size_t end;

    s->gap = s->at;
    while (s->at < s->length && text_is_space(s->text[s->at]))
        s->at++;
    s->start = s->at;
    if (s->at == s->length)
        return TOKEN_END;
    char c = s->text[s->at];
    if (c == '(') {
        end = skip_enclosed(s, '(', ')');
        token = TOKEN_COMMENT;
    } else if (c == '"') {
        end = skip_quoted(s);
        token = TOKEN_QUOTED;
    } else if (c == '[') {
        end = skip_enclosed(s, '[', ']');
        token = TOKEN_LITERAL;
    } else if (is_atom_char(c) || c == '\\') {
        end = s->at + phrase_encoded_word(s->text + s->at, s->length - s->at);
        if (end == s->at)
            end = skip_atom(s);
        token = TOKEN_ATOM;
    } else {
        end = text_is_control(c) ? 0 : s->at + 1;
    }
    if (end <= s->at)
        return TOKEN_WRONG;
    s->at = end;
    return token;
}

/* Has an atom, unlike a special, what no atom may hold: as quoted pairs, as in
 * `john\ doe`, or as an encoded-word? */
static bool must_be_quoted(const struct scanner *s)
{
    if (s->at == s->start + 1)
        return false;
    for (size_t i = s->start; i < s->at; i++) {
        if (s->text[i] == '\\' && s->text[++i] == '.')
            continue;
        if (!is_atom_char(s->text[i]))
            return true;
    }
    return false;
}

/* Quoted pairs outside quotes (RFC 822) become the octet that they quote. */
static void add_atom(struct buf *out, const struct scanner *s)
{
    bool quoted = must_be_quoted(s);

    if (quoted)
        buf_add_char(out, '"');
    for (size_t i = s->start; i < s->at; i++) {
        char c = s->text[i] == '\\' ? s->text[++i] : s->text[i];
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, c);
    }
    if (quoted)
        buf_add_char(out, '"');
}

/* A quoted string or a literal, unfolded. */
static void add_enclosed(struct buf *out, const struct scanner *s)
{
    for (size_t i = s->start; i < s->at; i++) {
        char c = s->text[i];
        if (c == '\r' || c == '\n')
            continue;
        buf_add_char(out, c);
        if (c == '\\')          /* what it protects is not folding */
            buf_add_char(out, s->text[++i]);
    }
}

static bool is_word(enum token token)
{
    return token == TOKEN_ATOM || token == TOKEN_QUOTED ||
           token == TOKEN_LITERAL;
}

static void take(struct element *e, const struct scanner *s, enum token token)
{
    char c = token == TOKEN_SPECIAL ? s->text[s->start] : '\0';
    bool gap = e->has_words && e->end != s->start;

    if (!e->has_words)
        e->start = s->start;
    e->is_one_token = !e->has_words;
    e->is_spread |= gap;
    e->has_full_stop |= gap && e->after_stop && is_word(token);
    e->after_stop = c == '.' && !gap;
    if (is_word(token) && e->after_word)
        e->is_phrase = true;
    if (token == TOKEN_LITERAL && !e->after_at)
        e->has_stray_literal = true;
    e->after_at = c == '@';
    e->ats += e->after_at;
    e->has_words = true;
    e->after_word = is_word(token);
    e->end = s->at;
    if (token == TOKEN_QUOTED || token == TOKEN_LITERAL)
        add_enclosed(&e->address, s);
    else
        add_atom(&e->address, s);
}

static void reset(struct element *e)
{
    struct buf address = e->address;

    buf_clear(&address);
    *e = (struct element){ .address = address };
}

static bool complain(struct error *err, const char *text, size_t length,
                     const char *why)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, text, length < 200 ? length : 200);
    error_set(err, FAULT_DATA, "\"%s\" is not an address: %s",
              shown.data, why);
    buf_free(&shown);
    return false;
}

static const char *wrong_with(const struct element *e)
{
    const char *text = e->address.data;
    const char *at = address_at(text);

    if (e->is_phrase || (e->has_full_stop && !e->is_closed))
        return "an address must be in <> when words precede it";
    if (text_has_control(text, e->address.length))
        return "it contains a control character";
    if (e->ats > 1)
        return "more than one @";
    if (e->has_stray_literal)
        return "[] is allowed after @ only";
    if (at == text || e->address.length == 0)
        return "nothing before the @";
    if (e->ats == 1 && (at == NULL || at[1 + strspn(at + 1, ".")] == '\0'))
        return "nothing after the @";
    return e->address.length > ADDRESS_LENGTH_MAX ? "too long" : NULL;
}

static char *plain_address(const struct element *e)
{
    size_t length = e->address.length;

    if (e->ats == 1 && e->address.data[length - 1] == '.')
        length--;               /* the root's dot, which mail does not have */
    char *address = alloc_bytes(e->address.data, length);
    char *canonical = address_canonical(address);
    free(address);
    return canonical;
}

/* An element in quotes as a whole, as in `"bob@x"`, if that is an address: no
 * local name is like that. Else NULL. */
static char *quoted_address(const struct element *e, const struct scanner *s)
{
    struct error ignored;

    if (e->ats > 0 || s->text[e->start] != '"' || !e->is_one_token)
        return NULL;
    char *inner = address_local_name(e->address.data);
    if (address_check(inner, &ignored))
        return inner;
    free(inner);
    return NULL;
}

static bool add_mailbox(struct mailbox_list *list, const struct element *e,
                        const struct scanner *s, struct error *err)
{
    const char *why = wrong_with(e);

    if (why != NULL)
        return complain(err, s->text + e->start, e->end - e->start, why);
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 4;
        list->items = alloc_resize(list->items, list->capacity,
                                   sizeof *list->items);
    }
    char *quoted = quoted_address(e, s);
    list->items[list->count++] = (struct mailbox){
        .address = quoted != NULL ? quoted : plain_address(e),
        .has_domain = e->ats == 1 || quoted != NULL,
        .is_quoted = quoted != NULL,
        .start = e->start,
        .end = e->end,
        .name = e->has_name ? e->name : e->start,
        .comma = e->comma,
        .has_brackets = e->is_closed,
        .has_name = e->has_name || e->has_comment,
    };
    return true;
}

/* Skip a route, "@one,@two:", which is at its first @. */
static enum token skip_route(struct scanner *s)
{
    enum token token;

    do
        token = next_token(s);
    while (token == TOKEN_ATOM || token == TOKEN_LITERAL ||
           token == TOKEN_COMMENT ||
           (token == TOKEN_SPECIAL && strchr("@.,", s->text[s->start])));
    if (token != TOKEN_SPECIAL || s->text[s->start] != ':')
        return TOKEN_WRONG;
    return next_token(s);
}

/* After a <: the address up to the >. The display name is forgotten. */
static bool take_brackets(struct element *e, struct scanner *s,
                          struct error *err)
{
    size_t open = s->start;
    enum token token = next_token(s);
    size_t start = s->start;
    bool routed = token == TOKEN_SPECIAL && s->text[start] == '@';

    buf_clear(&e->address);
    e->has_name = e->has_words;
    e->name = e->start;
    e->ats = 0;
    e->is_phrase = e->has_stray_literal = e->has_words = false;
    e->after_word = e->after_at = e->after_stop = false;
    e->is_closed = true;
    if (routed)
        token = skip_route(s);
    for (;; token = next_token(s)) {
        char c = token == TOKEN_SPECIAL ? s->text[s->start] : '\0';
        if (c == '>')
            break;
        if (token == TOKEN_END || token == TOKEN_WRONG ||
            (c != '\0' && c != '.' && c != '@'))
            return complain(err, s->text + open, s->length - open,
                            "no address in <>");
        if (token == TOKEN_COMMENT)
            e->has_comment = true;
        else
            take(e, s, token);
    }
    if (routed && !e->has_words)
        return complain(err, s->text + open, s->at - open,
                        "nothing after the route");
    if (e->has_words)
        e->start = start;       /* with the route */
    return true;
}

/* Add a part of an element that has lost its commas: written without a gap,
 * and with an @, if it could be a name or the rest of one. */
static bool add_part(struct mailbox_list *list, struct element *part,
                     const struct element *whole, const struct scanner *s,
                     struct error *err)
{
    if (part->is_spread || (part->ats == 0 && !s->blanks_divide))
        return complain(err, s->text + whole->start,
                        whole->end - whole->start,
                        "an address must be in <> when words precede it");
    part->has_comment = whole->has_comment;
    bool added = add_mailbox(list, part, s, err);
    reset(part);
    return added;
}

/* Does the token begin another address than the part? Words without a gap
 * between them are one that is wrong. */
static bool begins_next(const struct element *part, const struct scanner *s,
                        enum token token)
{
    return part->after_word && is_word(token) && s->start > part->end;
}

/* Words without <>, as in `a@x b@y`: each must be an address. */
static bool add_parts(struct mailbox_list *list, const struct element *e,
                      const struct scanner *s, struct error *err)
{
    struct scanner again = *s;
    struct element part = { 0 };
    enum token token;
    bool added = true;

    list->is_repaired = true;
    buf_init(&part.address, SIZE_MAX);
    part.comma = e->comma;
    again.at = e->start;
    again.length = e->end;
    while (added && (token = next_token(&again)) != TOKEN_END) {
        if (begins_next(&part, &again, token)) {
            added = add_part(list, &part, e, s, err);
            part.comma = again.gap;
        }
        if (added && token != TOKEN_COMMENT)
            take(&part, &again, token);
    }
    added = added && add_part(list, &part, e, s, err);
    buf_free(&part.address);
    return added;
}

/* At the end of an element. It may be empty, as <> is, or the end of a name,
 * as in `Bob <bob@x> Jr.` */
static bool finish(struct mailbox_list *list, struct element *e,
                   const struct scanner *s, struct error *err)
{
    bool is_end_of_name = e->before == BEFORE_NAME_AND_ADDRESS && e->ats == 0;
    bool done = true;

    if (e->has_words && e->is_closed)
        done = add_mailbox(list, e, s, err);
    else if (e->has_words && (e->is_phrase || e->before != BEFORE_NOTHING))
        done = is_end_of_name || add_parts(list, e, s, err);
    else if (e->has_words)
        done = add_mailbox(list, e, s, err);
    reset(e);
    return done;
}

/* After <> there is more, without a comma. */
static bool begin_next(struct mailbox_list *list, struct element *e,
                       const struct scanner *s, struct error *err)
{
    enum before before = e->has_name ? BEFORE_NAME_AND_ADDRESS
                                     : BEFORE_ADDRESS;

    if (!finish(list, e, s, err))
        return false;
    e->before = before;
    e->comma = s->gap;
    list->is_repaired = true;
    return true;
}

/* At a colon: the words before it are the name of a group. */
static bool begin_group(struct element *e, struct scanner *s,
                        struct error *err)
{
    if (!e->has_words)
        return complain(err, s->text + s->start, s->length - s->start,
                        "a group without a name");
    if (e->ats > 0 || e->before != BEFORE_NOTHING || s->in_group)
        return complain(err, s->text + s->start, s->length - s->start,
                        "not expected there");
    reset(e);
    s->in_group = true;
    return true;
}

static bool take_token(struct mailbox_list *list, struct scanner *s,
                       struct element *e, enum token token, struct error *err)
{
    char c = token == TOKEN_SPECIAL ? s->text[s->start] : '\0';

    if (token == TOKEN_COMMENT) {
        e->has_comment = true;
        return true;
    }
    if (c == ',' || c == ';') {
        s->in_group = s->in_group && c == ',';
        return finish(list, e, s, err);
    }
    if (e->is_closed && !begin_next(list, e, s, err))
        return false;
    if (c == '<')
        return take_brackets(e, s, err);
    if (c == ':')
        return begin_group(e, s, err);
    if (token == TOKEN_WRONG || (c != '\0' && c != '.' && c != '@'))
        return complain(err, s->text + s->start, s->length - s->start,
                        "not expected there");
    take(e, s, token);
    return true;
}

static bool parse_elements(struct mailbox_list *list, struct scanner *s,
                           struct element *e, struct error *err)
{
    enum token token;

    while ((token = next_token(s)) != TOKEN_END)
        if (!take_token(list, s, e, token, err))
            return false;
    return finish(list, e, s, err);
}

/* Sendmail's rule: where a list has none of these, it has the oldest form, in
 * which blanks are between addresses. A command, as in `|touch x`, would be
 * two addresses. */
static bool is_divided_by_blanks(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\0' && strchr(",;<(|", text[i]) != NULL)
            return false;
    return true;
}

static bool parse(struct mailbox_list *list, struct scanner *s,
                  struct error *err)
{
    struct element element = { 0 };
    size_t before = list->count;

    buf_init(&element.address, SIZE_MAX);
    bool parsed = parse_elements(list, s, &element, err);
    buf_free(&element.address);
    while (!parsed && list->count > before)
        free(list->items[--list->count].address);
    if (list->count == 0)
        mailbox_list_free(list);        /* nothing found needs no freeing */
    list->ends_in_group = parsed && s->in_group;
    return parsed;
}

bool mailbox_list_parse(struct mailbox_list *list, const char *text,
                        size_t length, struct error *err)
{
    struct scanner scanner = { .text = text, .length = length };

    return parse(list, &scanner, err);
}

bool mailbox_list_parse_recipients(struct mailbox_list *list, const char *text,
                                   size_t length, struct error *err)
{
    struct scanner scanner = {
        .text = text, .length = length,
        .blanks_divide = is_divided_by_blanks(text, length),
    };

    return parse(list, &scanner, err);
}

void mailbox_list_free(struct mailbox_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].address);
    free(list->items);
    *list = (struct mailbox_list){ 0 };
}

char *address_argument(const char *text, struct error *err)
{
    size_t length = strlen(text);

    while (length > 0 && text_is_space(*text)) {
        text++;
        length--;
    }
    while (length > 0 && text_is_space(text[length - 1]))
        length--;
    for (size_t i = 0; i < length; i++)
        if (text_is_control(text[i]) && text[i] != '\t') {
            complain(err, text, length, "it contains a control character");
            return NULL;
        }
    return alloc_bytes(text, length);
}

char *address_parse_one(const char *text, struct error *err)
{
    struct mailbox_list list = { 0 };
    char *address = NULL;
    size_t length = strlen(text);

    if (length == 0 || strcmp(text, "<>") == 0)
        return alloc_string("");
    if (mailbox_list_parse(&list, text, length, err)) {
        if (list.count == 1)
            address = alloc_string(list.items[0].address);
        else
            complain(err, text, length, "exactly one address is expected");
    }
    mailbox_list_free(&list);
    return address;
}
