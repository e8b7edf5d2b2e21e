/* format.c - printf's family, as far as it reads its arguments */
#include "proof.h"

#include <stdarg.h>
#include <stdio.h>

/* The octets that %.*s may read: up to a NUL. */
static void read_octets(const char *text, int count)
{
    for (int i = 0; i < count; i++) {
        /*@ assert readable: \valid_read(text + i) && \initialized(text + i); */
        if (text[i] == '\0')
            return;
    }
}

size_t proof_format(const char *format, va_list args)
{
    /*@ loop unroll 400; */
    for (const char *p = format; *p != '\0'; p++) {
        int precision = -1;
        bool is_long = false;
        if (*p != '%')
            continue;
        p++;
        if (*p == '%')
            continue;
        while (*p == '0' || *p == '-' || (*p >= '1' && *p <= '9'))
            p++;
        if (*p == '.') {
            p++;
            if (*p == '*') {
                precision = va_arg(args, int);
                p++;
            }
            for (; *p >= '0' && *p <= '9'; p++)
                precision = (precision < 0 ? 0 : precision) * 10 + *p - '0';
        }
        for (; *p == 'l' || *p == 'z'; p++)
            is_long = true;
        if (*p == 's' && precision == -1)
            (void)strlen(va_arg(args, const char *));
        else if (*p == 's')
            read_octets(va_arg(args, const char *), precision);
        else if (is_long)
            (void)va_arg(args, long);
        else
            (void)va_arg(args, int);
    }
    return proof_length(PROOF_TEXT_MAX);
}

#ifdef PROOF_FRESH
/* Up to two octets, in memory of just that size. */
int vasprintf(char **text, const char *format, va_list args)
{
    (void)proof_format(format, args);
    for (int length = 0; length <= 2; length++)
        if (proof_any()) {
            *text = proof_text((size_t)length);
            return length;
        }
    return -1;
}
#else
int vasprintf(char **text, const char *format, va_list args)
{
    size_t length = proof_format(format, args);

    *text = proof_text(PROOF_TEXT_MAX);
    return (int)length;
}
#endif
