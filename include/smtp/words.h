/*
 * words.h - the words of a reply, apart from the names that it quotes
 *
 * Servers quote addresses, hosts and what they were sent; those may hold any
 * words, and none of them counts.
 */
#ifndef POSTRIDER_SMTP_WORDS_H
#define POSTRIDER_SMTP_WORDS_H

#include <stdbool.h>

struct buf;
struct reply;

/*
 * Append the words of all lines, in lower case, with one blank between them.
 * "*" matches what is in angle brackets, and for each word with an "@" or
 * with a dot in it: addresses, hosts, URLs, status codes.
 */
void words_of(const struct reply *reply, struct buf *out);

/*
 * Do the words hold one of the phrases? "too many&login|later" asks for both of
 * the first two, or for the last one. A phrase begins where a word begins, and
 * its last word may be longer: "limit" is in "limits", not in "unlimited", nor
 * in the name "limit-1".
 */
bool words_hold(const char *words, const char *phrases);

/* The same of a reply. */
bool words_in(const struct reply *reply, const char *phrases);

#endif
