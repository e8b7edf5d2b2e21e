/*
 * text.h - small questions about text, free of locale
 */
#ifndef POSTRIDER_UTIL_TEXT_H
#define POSTRIDER_UTIL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct buf;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ASCII letters are alike in any case; other octets only if equal. */
bool text_equal_case(const char *a, const char *b);
bool text_equal_case_n(const char *a, const char *b, size_t length);
bool text_starts_case(const char *text, const char *prefix);
bool text_starts(const char *text, const char *prefix);

char text_lower(char c);                        /* of an ASCII letter */
char text_upper(char c);
void text_lower_all(char *text);
bool text_is_alpha(char c);
bool text_is_digit(char c);
bool text_is_space(char c);                     /* space, tab, CR, LF */
bool text_is_control(char c);                   /* 0-31 and 127 */

/* How many letters to change, add or take away until a is b, in any case:
 * SIZE_MAX if b is too long for a name. */
size_t text_distance(const char *a, const char *b);

bool text_has_control(const char *text, size_t length);
bool text_is_ascii(const char *text, size_t length);
bool text_is_utf8(const char *text, size_t length);

/* Octets of the UTF-8 character (RFC 3629) at text, and which it is; 0 if there
 * is none. */
size_t text_character(const char *text, size_t length, uint32_t *character);

/*
 * Append text for a log or a terminal: one line of valid UTF-8 in which all
 * characters are seen. Everything else is shown as \xNN; text that is escaped
 * already stays as it is. What out has no room for is left out.
 */
void text_escape(struct buf *out, const char *text, size_t length);

/* The same for what a format of printf(3) makes. A line break at the end of the
 * format stays one. */
void text_escape_vformat(struct buf *out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Print it so, as what a caller, a peer or a file can put into it may reach a
 * terminal. */
void text_print(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Print it as a string of JSON (RFC 8259), with its quotes. JSON is UTF-8 and
 * must be valid whatever a name holds: of text that is not, the octets are
 * shown as on a terminal, \xNN. */
void text_print_json(FILE *out, const char *text);

/* Hexadecimal as we write it, in lower case. */
#define TEXT_HEX_DIGITS "0123456789abcdef"
int text_hex_value(char digit);                 /* -1: it is not one */
void text_add_hex(struct buf *out, const void *octets, size_t length);

/* A decimal number without sign or blanks, up to max. */
bool text_to_number(const char *text, uint64_t max, uint64_t *number);

/* "50M", "10k", "1G" or octets -> octets. */
bool text_to_size(const char *text, uint64_t *octets);

/* "90s", "5m", "1h", "5d", "2w", "1h30m" or seconds -> seconds. */
bool text_to_duration(const char *text, uint64_t *seconds);

#endif
