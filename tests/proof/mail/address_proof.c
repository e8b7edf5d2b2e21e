/*
 * address_proof.c - addresses: their parts, their forms, may they be sent?
 *
 * about: mail/address.c
 * shows: up to 65536 octets; address_check() up to 300; to the octet: 0 to 2,
 *      and 0 to 2 as a quoted local part, a domain, a literal and its tag, the
 *      rest of a character of 3 or 4 octets; before 6, compared with a@B
 * with in exact: util/text.c util/buf.c util/host.c model/format.c
 *      model/alloc.c model/error.c model/search.c
 * with in limit: model/text.c model/buf.c model/host.c model/format.c
 *      model/alloc.c model/error.c model/scan.c
 * with in part: model/text.c model/buf.c model/host.c model/format.c
 *      model/alloc.c model/error.c model/scan.c
 * define in exact: PROOF_STRINGS PROOF_SETS
 * longest: 2
 * exact: -eva-slevel 1000 -eva-min-loop-unroll 24 -eva-ilevel 256
 *      -eva-split-return full -eva-split-return-function proof_member:0
 *      -eva-split-return-function text_is_space:0,text_is_control:0
 *      -eva-split-return-function is_atext:0,text_is_alpha:0,text_is_digit:0
 *      -eva-split-return-function is_disguise:0,text_lower:0,text_is_ascii:0
 *      -eva-split-return-function text_equal_case_n:0,is_label:0
 *      -eva-split-return-function text_has_control:0
 * limit: -eva-slevel 40 -eva-use-spec is_literal -eva-slevel-function
 *      has_disguise:2000,text_character:2000
 *      -eva-split-return-function text_character:0
 * part: -eva-slevel 40
 */
#include "proof.h"

#include "util/alloc.h"

/* By contract in limit(); part() is about it. */
/*@ requires string: valid_read_string(domain);
  @ assigns \result \from domain[0 ..];
  @ ensures known: 0 <= \result <= 1;
  @*/
static bool is_literal(const char *domain);

#include "../../../src/mail/address.c"

/* A string: a start, so many octets, an end. */
static const char *text_of(const char *start, size_t length, const char *end)
{
    size_t first = strlen(start), last = strlen(end);
    char *text = proof_text(first + length + last);
    char *any = proof_string(length);

    memcpy(text, start, first);
    memcpy(text + first, any, length);
    memcpy(text + first + length, end, last);
    return text;
}

static void check(const char *text)
{
    struct error err;

    (void)address_check(text, &err);
}

static void forms(const char *text)
{
    switch (Frama_C_interval(0, 5)) {
    case 0: (void)address_complete(text, "x.y"); break;
    case 1: (void)address_canonical(text); break;
    case 2: (void)address_local_part(text); break;
    case 3: (void)address_local_name(text); break;
    case 4: (void)address_without_domain(text, strlen(text)); break;
    default: (void)address_is_bare(text);
    }
}

static void compare(const char *text, const char *other)
{
    (void)address_equal(text, other);
}

static void check_long(void)
{
    char *text = alloc_zero(ADDRESS_LENGTH_MAX + 2, 1);

    memset(text, 'a', ADDRESS_LENGTH_MAX + 1);
    check(text);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 12)) {
    case 12: compare(text_of("", length, "bcde@f"), "a@B"); break;
    case 0: check(text_of("", length, "")); break;
    case 1: check(text_of("\"", length, "\"@b")); break;
    case 2: check(text_of("a@", length, "")); break;
    case 3: check(text_of("a@[", length, "]")); break;
    case 4: forms(text_of("", length, "")); break;
    case 5: forms(text_of("\"", length, "\"@b")); break;
    case 6: check(text_of("\xe2", length, "@b")); break;
    case 7: check(text_of("\xf0\x90", length, "@b")); break;
    case 8: check(text_of("a@[IPv6:", length, "]")); break;
    case 9: check(text_of("a@[x:", length, "]")); break;
    case 10: compare(text_of("", length, ""), "a"); break;
    default: compare(text_of("a@", length, ""), "a@B");
    }
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++)
        if (proof_any()) {
            each(length);
            return;
        }
    check_long();
}

/* Addresses have up to 254 octets, but that is not the first check. */
#define CHECKED_MAX 300

void limit(void)
{
    switch (Frama_C_interval(0, 2)) {
    case 0: check(proof_text(CHECKED_MAX)); break;
    case 1: forms(proof_text(PROOF_TEXT_MAX)); break;
    default: compare(proof_text(PROOF_TEXT_MAX), proof_text(PROOF_TEXT_MAX));
    }
}

void part(void)
{
    (void)is_literal(proof_text(PROOF_TEXT_MAX));
}
