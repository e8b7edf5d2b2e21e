/*
 * libc.h - contracts of what the headers of Frama-C do not have
 *
 * Included before each file that is analysed.
 */
#ifndef PROOF_LIBC_H
#define PROOF_LIBC_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* Linux has them: fcntl(2). */
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37

/* Not of what is analysed. */
extern int unlinkat(int folder, const char *name, int flags);

/* In model/search.c, where an analysis has that. */
/*@ requires readable: n == 0 || \valid_read((char *)hay + (0 .. n - 1));
  @ requires wanted: m == 0 || \valid_read((char *)needle + (0 .. m - 1));
  @ assigns \result \from hay, indirect:((char *)hay)[0 .. n - 1],
  @                       indirect:((char *)needle)[0 .. m - 1];
  @ ensures within: \result == \null ||
  @                 \subset((char *)\result, (char *)hay + (0 .. n - m));
  @*/
extern void *memmem(const void *hay, size_t n, const void *needle, size_t m);

/* What is erased is not read again: any octet is there. */
/*@ requires writable: n == 0 || \valid((char *)s + (0 .. n - 1));
  @ assigns ((char *)s)[0 .. n - 1] \from \nothing;
  @ ensures erased: n == 0 || \initialized((char *)s + (0 .. n - 1));
  @*/
extern void explicit_bzero(void *s, size_t n);

/* Numbers of Linux: AF_INET is 2. */
/*@ requires text: valid_read_string(text);
  @ requires writable: \valid((char *)out + (0 .. (family == 2 ? 3 : 15)));
  @ assigns \result, ((char *)out)[0 .. (family == 2 ? 3 : 15)]
  @     \from family, indirect:text[0 ..];
  @ ensures known: -1 <= \result <= 1;
  @*/
extern int inet_pton(int family, const char *text, void *out);

/* In model/format.c. */
extern int vasprintf(char **text, const char *format, va_list args);

/* Those of model/search.c, where an analysis wants them. */
#ifdef PROOF_SEARCH
extern char *proof_strchr(const char *text, int c);
extern void *proof_memchr(const void *data, int c, size_t length);
extern size_t proof_strnlen(const char *text, size_t most);
extern char *proof_member(const char *set, char c);
#ifdef PROOF_SETS               /* strchr() looks into sets of characters */
#define strchr proof_member
#else
#define strchr proof_strchr
#endif
#define strnlen proof_strnlen
#define memchr proof_memchr
#endif

/*
 * Eva looks at the end of a structure, and not of an array that is a member of
 * it: whether a copy stays within an array that it comes from or goes to is
 * asked here. Of a pointer, Eva knows the memory itself.
 */
extern size_t proof_within(size_t size, size_t length);

#define PROOF_IS_ARRAY(to) \
    (!__builtin_types_compatible_p(__typeof__(to), __typeof__((to) + 0)))
#define PROOF_WITHIN(to, length) \
    proof_within(sizeof(to) | ~(size_t)0 * !PROOF_IS_ARRAY(to), length)
#define memcpy(to, from, length) \
    memcpy(to, from, PROOF_WITHIN(to, PROOF_WITHIN(from, length)))
#define memmove(to, from, length) \
    memmove(to, from, PROOF_WITHIN(to, PROOF_WITHIN(from, length)))
#define memset(to, octet, length) memset(to, octet, PROOF_WITHIN(to, length))
#define explicit_bzero(to, length) \
    explicit_bzero(to, PROOF_WITHIN(to, length))

#endif
