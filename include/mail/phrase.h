/*
 * phrase.h - names of people in header fields
 */
#ifndef POSTRIDER_MAIL_PHRASE_H
#define POSTRIDER_MAIL_PHRASE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * Append a display name as a phrase (RFC 5322 section 3.2.5): as it is if it
 * is only atoms and spaces, quoted if it needs quotes, as encoded-words (RFC
 * 2047, UTF-8, folded) if it is not ASCII; octets that are not UTF-8 are taken
 * for ISO 8859-1. Control characters become spaces. A name that comes with
 * quotes around it already loses those first; one that is all encoded-words
 * stays as it is.
 */
void phrase_add(struct buf *out, const char *name);

/*
 * Append words of a field as a phrase: quoted where one has to be, as it is not
 * in `Foo, Inc.`, on one line. Encoded-words stay as they are; octets in them
 * that a phrase cannot have are encoded, too.
 */
void phrase_add_words(struct buf *out, const char *text, size_t length);

/*
 * The length of the encoded-word (Q) at text, also of one in which a program
 * has left octets that a phrase cannot have, such as a comma; but with a blank
 * or one of <>@"\ in it, or with anything at its end that could belong to it,
 * it is not taken for one: 0.
 */
size_t phrase_encoded_word(const char *text, size_t length);

/* Is there one with such octets in the text? */
bool phrase_is_loose(const char *text, size_t length);

/* Append text in UTF-8, without line ends, as encoded-words, folded. column is
 * the column of the first one. */
void phrase_add_encoded(struct buf *out, const char *text, size_t length,
                        size_t column);

#endif
