/*
 * header.h - a header section in memory (RFC 5322 section 2.2)
 *
 * Fields keep every octet they came with, folding included, and their order.
 * Lines end with CRLF.
 */
#ifndef POSTRIDER_MAIL_HEADER_H
#define POSTRIDER_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct field {
    char *text;             /* the whole field with its last CRLF; owned */
    size_t length;
    size_t name_length;     /* text[0..name_length) is the name */
    size_t body_start;      /* after the colon */
    bool is_mended;         /* blanks in it were other octets: see reader.h */
};

struct header {
    struct field *fields;   /* owned; change only through the functions */
    size_t count;
    size_t capacity;
};

/* { 0 } is an empty header section. */
void header_free(struct header *header);

/* A name with its white space is shorter than a line may be (section 2.1.1). */
#define HEADER_NAME_MAX 997

/*
 * White space of a line of the header section: blank, tab, and what becomes a
 * blank in a field because some programs would see an end there: NUL, and CR,
 * which does not end a line by itself.
 */
bool header_is_blank(char c);

/*
 * Does this line (of length octets, with or without its line end) start a
 * field: a name of printable ASCII without colon, then perhaps white space
 * (RFC 5322 section 4.5), then a colon? The first HEADER_NAME_MAX + 1 octets
 * of a line decide.
 */
bool header_line_is_field(const char *line, size_t length);

/* Append a field given as raw text: lines that end with CRLF, the first one
 * a header_line_is_field(). Copied, without blanks before the colon. */
void header_append_raw(struct header *header, const char *text, size_t length);

/* Append "name: body CRLF". */
void header_append(struct header *header, const char *name, const char *body);

/* The same before field number index. */
void header_insert(struct header *header, size_t index, const char *name,
                   const char *body);

/* Is the name of the field this one, in any case? */
bool field_is(const struct field *field, const char *name);

/* Index of the first field of that name at or after index from, or count. */
size_t header_find(const struct header *header, const char *name, size_t from);
bool header_has(const struct header *header, const char *name);
size_t header_count(const struct header *header, const char *name);

/* Remove all fields of that name; or those after field number index. */
void header_remove_all(struct header *header, const char *name);
void header_remove_after(struct header *header, const char *name,
                         size_t index);

/* Replace count octets of the field's body, at position from its start. */
void field_replace(struct field *field, size_t position, size_t count,
                   const char *text);

/* Replace all of the field's body; text may hold any octets. */
void field_set_body(struct field *field, const char *text, size_t length);

/* Has the field nothing but white space for a body? */
bool field_is_blank(const struct field *field);

/* The body of a field: octets after the colon up to the last CRLF. Borrowed. */
const char *field_body(const struct field *field, size_t *length);

/* The same without the white space around it. Borrowed. */
const char *field_value(const struct field *field, size_t *length);

/*
 * Fold lines of over HEADER_LINE_MAX octets, which common servers refuse, at
 * the last white space within these; in lists of addresses or message ids some
 * is put between the items before that. A line without any stays as long as it
 * is.
 */
#define HEADER_LINE_MAX 998     /* without CRLF (RFC 5322 section 2.1.1) */
void header_fold(struct header *header);

/* Append all fields as they are, without the empty line. */
void header_write(const struct header *header, struct buf *out);

#endif
