/*
 * text.c - util/text.h, for texts of any length: what it reads, any answer
 *
 * util/text_proof.c is about the functions themselves. Questions about an octet
 * are macros (direct.h), so that Eva learns where in a text it is from them.
 */
#include "proof.h"

#include "util/text.h"

#undef text_is_digit
#undef text_is_space
#undef text_is_alpha
#undef text_is_control
#undef text_lower

bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool text_is_alpha(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool text_is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char text_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static void read(const char *text, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read(text + (0 .. length - 1)); */
        /*@ assert set: \initialized(text + (0 .. length - 1)); */
    }
}

bool text_equal_case_n(const char *a, const char *b, size_t length)
{
    read(a, length);
    read(b, length);
    return proof_any();
}

bool text_equal_case(const char *a, const char *b)
{
    return (strlen(a) == strlen(b)) & proof_any();
}

/* Such a text is as long as what it begins with. */
static bool starts(const char *text, const char *prefix)
{
    /*@ loop unroll 100; */
    for (size_t i = 0; prefix[i] != '\0'; i++)
        if (text[i] != prefix[i] && (text[i] == '\0' || proof_any()))
            return false;
    return true;
}

bool text_starts_case(const char *text, const char *prefix)
{
    return starts(text, prefix);
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_has_control(const char *text, size_t length)
{
    read(text, length);
    return length > 0 && proof_any();
}

bool text_is_ascii(const char *text, size_t length)
{
    read(text, length);
    return length == 0 || proof_any();
}

bool text_is_utf8(const char *text, size_t length)
{
    read(text, length);
    return length == 0 || proof_any();
}

int text_hex_value(char digit)
{
    return Frama_C_interval(-1, 15);
}

/* Where a character ends is known exactly, if it is where it begins. */
static size_t character_end;

size_t text_character(const char *text, size_t length, uint32_t *character)
{
    size_t most = length < 4 ? length : 4;
    size_t step = 0;

    read(text, most);
    /*@ loop unroll 5; */
    while (step < most && proof_any())
        step++;
    if (step > 0)
        *character = Frama_C_unsigned_int_interval(0, 0x10ffff);
    character_end = Frama_C_offset(text) + step;
    /*@ split character_end; */
    return step;
}

bool text_to_number(const char *text, uint64_t max, uint64_t *number)
{
    (void)strlen(text);
    if (*text < '0' || *text > '9' || proof_any())
        return false;
    *number = Frama_C_unsigned_long_interval(0, max);
    return true;
}
