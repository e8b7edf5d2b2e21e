/*
 * entry_envelope_proof.c - the lines of a message file's envelope
 *
 * about: spool/entry_envelope.c
 * shows: what follows a keyword, up to 16 MiB; a line up to 32 octets; a line
 *      of 0 to 3, and such after each keyword
 * with in exact: util/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/search.c model/file.c model/envelope.c
 * with in limit: model/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/scan.c model/file.c model/envelope.c
 * with in part: model/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/scan.c model/file.c model/envelope.c
 * define in part: PROOF_SPLIT_WORDS PROOF_EXACT_MAX=0
 * define in limit: PROOF_TEXT_MAX=16777216
 * longest: 3
 * exact: -eva-slevel 40 -eva-min-loop-unroll 12
 * limit: -eva-slevel 40
 * part: -eva-slevel 40 -eva-use-spec note_bad_line
 *      -eva-slevel-function entry_read_line:5000,find_keyword:5000
 *      -eva-slevel-function strncmp:5000,text_starts:5000
 */
#include "proof.h"

#include "spool/draft.h"
#include "spool/entry.h"

struct keyword;

/* By contract in part(); limit() is about it, with shorter lines. */
/*@ requires readable: length == 0 || \valid_read(value + (0 .. length - 1));
  @ requires entry: \valid(entry);
  @ assigns *entry \from *entry, indirect:value[0 .. length - 1];
  @*/
static void note_bad_line(struct entry *entry, const struct keyword *keyword,
                          const char *value, size_t length,
                          const struct error *why);

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

/* What follows a keyword of an unknown line. */
static void bad_line(size_t length)
{
    struct entry entry = { 0 };
    struct error why = { 0 };

    note_bad_line(&entry, &keywords[1], proof_text(length), length, &why);
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
    bad_line(LONGEST + 9);
}

/* What follows a keyword, of any length up to the largest envelope's. */
static void value_of(void)
{
    char *value = proof_text(DRAFT_ENVELOPE_MAX);
    const struct keyword *keyword =
        &keywords[Frama_C_interval(0, COUNT(keywords) - 1)];
    struct recipient one = { 0 };
    struct entry entry = { 0 };
    struct error err;

    if (proof_any())
        had_lines(&entry, &one);
    (void)keyword->read(&entry, value, &err);
}

void limit(void)
{
    value_of();
}

void part(void)
{
    envelope_line("", 32);
}
