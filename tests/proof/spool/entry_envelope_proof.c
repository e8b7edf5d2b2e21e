/*
 * entry_envelope_proof.c - the lines of a message file's envelope
 *
 * about: spool/entry_envelope.c
 * shows: a line of 0 to 3 octets, and such after each keyword
 * of: util/text.c
 * with: model/format.c model/alloc.c model/buf.c model/error.c model/search.c
 *      model/file.c model/envelope.c
 * longest: 3
 * mutants: 1
 * exact: -eva-slevel 40 -eva-min-loop-unroll 12
 */
#include "proof.h"

#include "../../../src/spool/entry_envelope.c"

/* What lines before it have set. */
static void had_lines(struct entry *entry, struct recipient *recipient)
{
    entry->envelope.recipients = recipient;
    entry->envelope.count = 1;
    entry->envelope.envelope_id = alloc_string("id");
    entry->envelope.smarthost = alloc_string("host");
    entry->has_claim = true;
    entry->flaw = alloc_string("flaw");
}

static void envelope_line(const char *word, size_t length)
{
    size_t start = strlen(word);
    char *line = proof_text(start + length);
    struct recipient one = { 0 };
    struct entry entry = { 0 };
    struct error err = { 0 };   /* that a refusal sets it is not shown */

    if (proof_any())
        had_lines(&entry, &one);

    memcpy(line, word, start);
    (void)entry_read_line(&entry, line, start + length, &err);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 8)) {
    case 0: envelope_line("", length); break;
    case 1: envelope_line("to ", length); break;
    case 2: envelope_line("from ", length); break;
    case 3: envelope_line("uid ", length); break;
    case 4: envelope_line("utf8", length); break;
    case 5: envelope_line("ret ", length); break;
    case 6: envelope_line("envid ", length); break;
    case 7: envelope_line("smarthost ", length); break;
    default: envelope_line("opt-flaw ", length);
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
