/*
 * address_parse_proof.c - lists of addresses
 *
 * about: mail/address_parse.c
 * shows: the next token from any place in up to 65536 octets; lists of 1 and 2
 *      octets; 0 and 1 in and after addresses, names, <>, quotes, comments,
 *      literals, groups, routes
 * with in exact: util/text.c util/buf.c model/format.c model/alloc.c
 *      model/error.c model/search.c
 * with in limit: model/text.c model/buf.c model/format.c model/alloc.c
 *      model/error.c model/scan.c
 * define in exact: PROOF_STRINGS PROOF_SETS PROOF_LENGTHS
 * define in limit: PROOF_STRINGS PROOF_SETS
 * longest: 1
 * exact: -eva-domains equality -eva-slevel 500 -eva-min-loop-unroll 24
 *      -eva-ilevel 256 -eva-use-spec text_escape -eva-split-return full
 *      -eva-split-return-function proof_member:0
 *      -eva-split-return-function text_is_space:0,text_is_control:0
 *      -eva-split-return-function is_special:0,is_atom_char:0,is_word:0
 *      -eva-split-return-function text_has_control:0
 * limit: -eva-slevel 30 -eva-use-spec text_escape
 */
#include "proof.h"

#include "util/buf.h"

/* What is shown is not read again. */
/*@ requires readable: length == 0 || \valid_read(text + (0 .. length - 1));
  @ requires set: length == 0 || \initialized(text + (0 .. length - 1));
  @ assigns out->length \from out->length;
  @ ensures same: out->length == \old(out->length);
  @*/
void text_escape(struct buf *out, const char *text, size_t length);

#include "../../../src/mail/address_parse.c"

/* Those of mail/address.c, which has a harness of its own. */
const char *address_at(const char *address)
{
    for (; *address != '\0'; address++)
        if (*address == '@' && proof_any())
            return address;
    return NULL;
}

char *address_canonical(const char *address)
{
    (void)strlen(address);
    return proof_text(3);
}

char *address_local_name(const char *address)
{
    return address_canonical(address);
}

bool address_check(const char *address, struct error *err)
{
    (void)strlen(address);
    return proof_any();
}

/* That of mail/phrase.c: the shortest is =?x?q?a?=. Of a text of any length,
 * Eva does not keep place and rest together. */
size_t phrase_encoded_word(const char *text, size_t length)
{
#ifdef PROOF_LENGTHS
    if (length > 0) {
        /*@ assert readable: \valid_read(text + (0 .. length - 1)); */
        /*@ assert set: \initialized(text + (0 .. length - 1)); */
    }
#else
    (void)text;
#endif
    return length >= 9 && proof_any() ? length : 0;
}

/* A start, so many octets, an end. */
static char *octets(const char *start, size_t length, const char *end)
{
    size_t first = strlen(start), last = strlen(end);
    char *text = proof_octets(first + length + last);

    memcpy(text, start, first);
    if (last > 0)
        memcpy(text + first + length, end, last);
    return text;
}

static void list(const char *start, size_t length, const char *end)
{
    struct mailbox_list list = { 0 };
    const char *text = octets(start, length, end);
    struct error err;

    (void)mailbox_list_parse(&list, text,
                             strlen(start) + length + strlen(end), &err);
    mailbox_list_free(&list);
}

static void recipients(const char *start, size_t length, const char *end)
{
    struct mailbox_list list = { 0 };
    const char *text = octets(start, length, end);
    struct error err;

    (void)mailbox_list_parse_recipients(&list, text, strlen(start) + length +
                                        strlen(end), &err);
    mailbox_list_free(&list);
}

static void one(size_t length)
{
    const char *text = proof_text(length);
    struct error err;

    if (proof_any())
        (void)address_parse_one(text, &err);
    else
        (void)address_argument(text, &err);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 12)) {
    case 0: list("", length + 1, ""); break;
    case 1: list("a@b", length, ""); break;
    case 2: list("a@b ", length, "c@d"); break;
    case 3: list("a <", length, ">"); break;
    case 4: list("a <b> ", length, "c@d"); break;
    case 5: list("\"", length, "\""); break;
    case 6: list("(", length, ")"); break;
    case 7: list("a@[", length, "]"); break;
    case 8: list("a:", length, ";"); break;
    case 9: list("<@a", length, ":b>"); break;
    case 10: list("<a>", length, ""); break;
    case 11: recipients("a ", length, "b"); break;
    default: one(length);
    }
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++)
        if (proof_any()) {
            each(length);
            return;
        }
}

/* From any place in a text on. */
static void token(void)
{
    struct scanner s = { .text = proof_octets(PROOF_TEXT_MAX),
                         .length = PROOF_TEXT_MAX,
                         .at = proof_length(PROOF_TEXT_MAX) };

    (void)next_token(&s);
    (void)is_divided_by_blanks(s.text, proof_length(PROOF_TEXT_MAX));
}

void limit(void)
{
    token();
}
