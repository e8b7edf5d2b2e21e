/*
 * header_proof.c - header sections: fields, their bodies, and their folding
 *
 * about: mail/header.c
 * shows: lines up to 65536 octets: is it a field, where can it be folded;
 *      lines of 1 to 4 and the fields that they are; 0 to 3 in fields that are
 *      divided, 1 to 4 in such that are folded; lines of 3 to 6
 * with in exact: util/text.c util/buf.c model/format.c model/alloc.c
 *      model/search.c
 * with in limit: model/text.c model/buf.c model/format.c model/alloc.c
 *      model/scan.c
 * define: PROOF_STRINGS
 * longest: 3
 * exact: -eva-slevel 2000 -eva-min-loop-unroll 12 -eva-ilevel 256
 *      -eva-split-return full
 *      -eva-split-return-function text_is_space:0,is_name_char:0
 *      -eva-split-return-function header_is_blank:0,is_apart:0
 *      -eva-split-return-function text_lower:0,is_there:0
 * limit: -eva-slevel 30
 */
#include "proof.h"

#include "mail/header.h"

/* Short texts must reach these. */
#undef HEADER_LINE_MAX
#define HEADER_LINE_MAX 4
#undef HEADER_NAME_MAX
#define HEADER_NAME_MAX 12

#include "../../../src/mail/header.c"

static const char names[] = "Cc";

/* A word, any octets, and a line end: added, if that is a field. */
static bool add(struct header *header, const char *word, size_t length)
{
    size_t start = strlen(word), whole = start + length + LINE_END_LENGTH;
    char *text = proof_octets(whole);

    memcpy(text, word, start);
    memcpy(text + start + length, line_end, LINE_END_LENGTH);
    if (!header_line_is_field(text, whole))
        return false;
    header_append_raw(header, text, whole);
    return true;
}

static void questions(struct header *header)
{
    const struct field *field = header->fields;
    size_t length;

    (void)field_is_blank(field);
    (void)field_body(field, &length);
    (void)field_is(field, proof_text(3));
    (void)header_has(header, names);
    (void)header_count(header, names);
}

static void changes(struct header *header)
{
    size_t length;

    (void)field_body(header->fields, &length);
    if (proof_any())
        field_set_body(header->fields, proof_octets(3), 3);
    else if (length > 0)
        field_replace(header->fields, length - 1, 1, "ab");
    else
        field_replace(header->fields, 0, 0, "abc");
    const struct field *field = header->fields;
    (void)field_body(field, &length);
    /*@ assert cr: field->text[field->length - 2] == 13; */
    /*@ assert lf: field->text[field->length - 1] == 10; */
}

/* Of two fields, or the place after them; one at a time. */
static size_t any_index(void)
{
    switch (Frama_C_interval(0, 2)) {
    case 0: return 0;
    case 1: return 1;
    default: return 2;
    }
}

static void removal(struct header *header)
{
    if (proof_any())
        header_insert(header, 0, "Bcc", "");
    else
        header_append(header, "Bcc", "x");
    if (proof_any())
        header_remove_all(header, names);
    else
        header_remove_after(header, names, any_index());
    header_free(header);
}

static void writing(const struct header *header)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    header_write(header, &out);
    buf_free(&out);
}

static void any_field(size_t length)
{
    struct header header = { 0 };

    if (!add(&header, "", length))
        return;
    switch (Frama_C_interval(0, 3)) {
    case 0: questions(&header); break;
    case 1: changes(&header); break;
    case 2: removal(&header); break;
    default: writing(&header);
    }
}

/* Of items: blanks between them. */
static void division(const char *word, size_t length)
{
    struct header header = { 0 };

    if (add(&header, word, length))
        divide(header.fields);
}

static void folding(size_t length)
{
    struct header header = { 0 };

    if (add(&header, "x:", length))
        header_fold(&header);
}

/* A line, with words anywhere in it. */
static void folded_line(size_t length)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    add_folded(&out, proof_octets(length), length, 0);
    buf_free(&out);
}

/* A name that is too long, or just not. */
static void long_name(size_t length)
{
    static const char name[] = "abcdefghijk";
    char *line = proof_octets(sizeof name - 1 + length);

    memcpy(line, name, sizeof name - 1);
    (void)header_line_is_field(line, sizeof name - 1 + length);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 5)) {
    case 0: any_field(length + 1); break;
    case 1: division("Cc:", length); break;
    case 2: division("References:", length); break;
    case 3: folded_line(length + 3); break;
    case 4: long_name(length); break;
    default: folding(length + 1);
    }
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++)
        if (proof_any()) {
            each(length);
            return;
        }
}

/* Lines, and where white space of them begins that has words before it. */
void limit(void)
{
    const char *line = proof_octets(PROOF_TEXT_MAX);
    size_t length = proof_length(PROOF_TEXT_MAX);

    if (proof_any())
        (void)header_line_is_field(line, length);
    else
        (void)find_fold(line, length, proof_length(length));
}
