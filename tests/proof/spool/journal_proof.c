/*
 * journal_proof.c - lines of a worker's journal
 *
 * about: spool/journal.c
 * shows: a line of 0 to 7 octets, and 0 to 7 after an id; names up to 65536
 * with in exact: util/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/search.c model/random.c model/sum.c
 * with in limit: model/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/scan.c model/random.c model/sum.c
 * define: PROOF_NUMBERS
 * longest: 7
 * exact: -eva-slevel 400 -eva-min-loop-unroll 12
 * limit: -eva-slevel 40
 */
#include "proof.h"

#include <unistd.h>

#include "../../../src/spool/journal.c"

static bool take(void *context, const char *id, const size_t *indices,
                 size_t count)
{
    /*@ assert id: \valid_read(id + (0 .. RANDOM_ID_LENGTH)); */
    for (size_t i = 0; i < count; i++) {
        /*@ assert index: \initialized(indices + i); */
    }
    return proof_any();
}

static void line(const char *id, size_t length)
{
    size_t start = strlen(id);
    char *text = proof_text(start + length);

    memcpy(text, id, start);
    (void)read_line(text, start + length, take, NULL);
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++) {
        if (proof_any()) {
            line("", length);
            return;
        }
        if (proof_any()) {
            line("0123456789abcdef0123456789abcdef ", length);
            return;
        }
        (void)is_journal(proof_text(length));
    }
    (void)is_journal("journal.1");
    (void)is_journal("journal.");
}

/* Names in state/. */
void limit(void)
{
    (void)is_journal(proof_text(PROOF_TEXT_MAX));
}
