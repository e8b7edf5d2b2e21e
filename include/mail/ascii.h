/*
 * ascii.h - addresses and header sections for servers that take only ASCII
 */
#ifndef POSTRIDER_MAIL_ASCII_H
#define POSTRIDER_MAIL_ASCII_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* The address with its domain as mail/idna.h has it. The caller frees it. NULL
 * if it cannot be ASCII. */
char *ascii_address(const char *address);

/*
 * Append a header section (fields with their CRLF) as ASCII. Text in UTF-8
 * becomes encoded-words (RFC 2047): display names, comments, and the bodies of
 * fields without a structure. Text without such a form stays as it is: local
 * parts, parameters, other charsets, and lines that are not a field with its
 * CRLF.
 *
 * True if an address in it is not ASCII as it came: then SMTPUTF8 is of use.
 */
bool ascii_header(const char *text, size_t length, struct buf *out);

#endif
