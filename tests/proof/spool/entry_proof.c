/*
 * entry_proof.c - message files: their frame
 *
 * about: spool/entry.c
 * shows: files of any size, with content that begins at 6 places; the END and
 *      QUEUED lines; envelopes of 0 to 5 octets, blocks of content of 1 to 6;
 *      verifying 1 to 3 octets of a file of up to 4, anywhere in it
 * of: util/text.c
 * with in exact: model/format.c model/alloc.c model/buf.c model/error.c
 *      model/search.c model/random.c model/sum.c model/file.c
 * with in limit: model/format.c model/alloc.c model/buf.c model/error.c
 *      model/random.c model/sum.c model/file.c
 * longest: 5
 * exact: -eva-slevel 60 -eva-min-loop-unroll 12
 * limit: -eva-slevel 100 -eva-min-loop-unroll 12 -eva-slevel-function
 *      any_start:20,frame:200 -eva-split-return-function any_start:full
 *      -eva-split-return-function io_read_at:36:39,read_part:36:39
 */
#include "proof.h"

#include "../../../src/spool/entry.c"

/* Those of spool/entry_envelope.c, which has a harness of its own. */
bool entry_read_line(struct entry *entry, const char *line, size_t length,
                     struct error *err)
{
    /*@ assert line: \valid_read(line + (0 .. length)); */
    /*@ assert end: line[length] == '\0'; */
    entry->envelope.count = proof_length(ENVELOPE_RECIPIENTS_MAX);
    return proof_any() || error_set(err, FAULT_NEWER, "newer");
}

void entry_blame(struct entry *entry, const char *status, const char *flaw)
{
    (void)strlen(flaw);
}

static struct head any_head(void)
{
    static char data[ENVELOPE_STEP];

    proof_change(data, sizeof data);
    return (struct head){ data, proof_length(sizeof data), 0 };
}

static uint64_t any_size(void)
{
    return Frama_C_unsigned_long_interval(DRAFT_END_LENGTH + 1, INT64_MAX);
}

/* One at a time: so Eva keeps which sizes are larger. */
static uint64_t any_start(void)
{
    switch (Frama_C_interval(0, 5)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return 4096;
    case 3: return DRAFT_ENVELOPE_MAX;
    case 4: return DRAFT_CONTENT_MAX;
    default: return INT64_MAX;
    }
}

static void frame(void)
{
    struct head head = any_head();
    struct entry entry = { .fd = 3 };
    uint64_t size = any_size();
    struct error err;

    entry.content_start = any_start();
    (void)read_first_line(&entry, &head, NULL, &err);
    (void)read_queued_line(&entry, &head, &size, &err);
    (void)read_end(&entry, &head, size, &err);
}

static void end_line(void)
{
    struct end_line end = { 0 };
    struct error err;

    (void)parse_end_line(&end, proof_octets(DRAFT_END_LENGTH), &err);
}

/* Content: the ends of its lines, and its fields. */
static void content(size_t length)
{
    struct entry_progress progress = {
        .start = proof_length(8), .done = proof_length(16),
        .has_bare_ends = proof_any(),
        .before = Frama_C_char_interval(-128, 127),
    };

    verify_data(&progress, proof_octets(length), length);
    (void)field_length(proof_octets(length), length);
}

/* Octets that are read past a hole or on, of a small file. */
static void verify(size_t start, size_t end, size_t done)
{
    for (size_t length = 1; length <= 3; length++)
        for (size_t at = done; at <= done + 2; at++) {
            struct entry_progress progress = {
                .start = start, .end = end, .done = done,
                .before = Frama_C_char_interval(-128, 127),
            };
            entry_verify_octets(&progress, at, proof_octets(length), length);
        }
}

static void verify_each(void)
{
    for (size_t start = 0; start <= 2; start++)
        for (size_t end = start; end <= start + 2; end++)
            for (size_t done = 0; done <= end; done++)
                if (proof_any()) {
                    verify(start, end, done);
                    return;
                }
}

/* The lines of an envelope of so many octets after its first line, as
 * read_envelope() leaves it. */
static void envelope(size_t length)
{
    char *data = proof_text(length + 2);
    struct buf text = { .data = data, .length = length + 2 };
    struct entry entry = { 0 };
    struct error err;

    data[0] = data[length + 1] = '\n';
    (void)parse_envelope(&entry, &text, &err);
}

static void each(size_t length)
{
    if (proof_any())
        content(length + 1);
    else
        envelope(length);
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++)
        if (proof_any()) {
            each(length);
            return;
        }
    if (proof_any())
        verify_each();
    else
        end_line();
}

void limit(void)
{
    frame();
}
