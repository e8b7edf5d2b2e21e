/*
 * text_proof.c - small questions about text
 *
 * about: util/text.c
 * shows: a character in 0 to 4 octets; texts shown, and compared with a word,
 *      of 0 to 2; numbers of 0, 11 and 22; octets that are looked at one by
 *      one: up to 65536
 * with in exact: util/text.c model/format.c model/alloc.c model/buf.c
 * with in limit: util/text.c model/format.c model/alloc.c model/buf.c
 * longest: 2
 * exact: -eva-slevel 500 -eva-min-loop-unroll 26 -eva-ilevel 256
 *      -eva-split-return full
 *      -eva-split-return-function is_unseen:0,text_is_digit:0
 * limit: -eva-slevel 10
 */
#include "proof.h"

#include "util/buf.h"
#include "util/text.h"

static void character(size_t length)
{
    const char *text = proof_octets(length);
    uint32_t character;

    if (text_character(text, length, &character) > 0) {
        /*@ assert set: character <= 0x1fffff; */
    }
}

static void characters(size_t length)
{
    (void)text_is_utf8(proof_octets(length), length);
}

static void shown(size_t length)
{
    struct buf out;

    buf_init(&out, proof_any() ? SIZE_MAX : 1);
    text_escape(&out, proof_octets(length), length);
    buf_free(&out);
}

static void numbers(size_t length)
{
    const char *text = proof_text(length);
    uint64_t number;

    if (text_to_number(text, UINT64_MAX / 2, &number)) {
        /*@ assert set: \initialized(&number); */
    }
}

static void comparisons(size_t length)
{
    char *text = proof_text(length);

    (void)text_equal_case(text, "a");
    (void)text_starts_case(text, "opt-");
    (void)text_starts(text, "opt-");
    text_lower_all(text);
}

static void octets(const char *text, size_t length)
{
    (void)text_has_control(text, length);
    (void)text_is_ascii(text, length);
    (void)text_equal_case_n(text, text, length);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 5)) {
    case 0: character(length + 2); break;
    case 1: characters(length); break;
    case 2: shown(length); break;
    case 3: numbers(length * 11); break;
    case 4: comparisons(length); break;
    default: octets(proof_octets(length), length);
    }
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++)
        if (proof_any()) {
            each(length);
            return;
        }
    (void)text_hex_value(Frama_C_char_interval(-128, 127));
}

void limit(void)
{
    char *text = proof_text(PROOF_TEXT_MAX);

    octets(text, proof_length(PROOF_TEXT_MAX));
    text_lower_all(text);
}
