/*
 * capability_proof.c - what a server lists in its reply to EHLO
 *
 * about: smtp/capability.c
 * shows: replies up to 65536 octets; a line up to 48; 0 to 4 octets in all, as
 *      a line, as the mechanisms, and after AUTH and SIZE
 * with in exact: util/text.c model/format.c model/buf.c model/sum.c
 *      model/alloc.c model/search.c model/strings.c
 * with in limit: model/text.c model/format.c model/buf.c model/sum.c
 *      model/alloc.c model/scan.c model/strings.c
 * with in part: model/text.c model/format.c model/buf.c model/sum.c
 *      model/alloc.c model/scan.c model/strings.c
 * longest: 4
 * exact: -eva-slevel 20 -eva-min-loop-unroll 12
 * limit: -eva-slevel 20 -eva-use-spec read_extension
 * define in part: PROOF_SPLIT_WORDS
 * part: -eva-slevel 20 -eva-use-spec read_mechanisms
 *      -eva-slevel-function read_extension:5000
 */
#include "proof.h"

/* By contract in limit(); part() is about it. It also cuts the line, which is
 * not read again. */
/*@ requires string: valid_read_string(line);
  @ requires writable: \valid(line);
  @ requires caps: \valid(caps);
  @ assigns *caps \from *caps, indirect:line[0 ..];
  @*/
static void read_extension(struct capabilities *caps, char *line);

/* By contract in part(). */
/*@ requires string: valid_read_string(arguments);
  @ assigns *caps \from *caps, indirect:arguments[0 ..];
  @*/
static void read_mechanisms(struct capabilities *caps, char *arguments);

#include "../../../src/smtp/capability.c"

static void parse(size_t length)
{
    struct reply reply = { .text = { .data = proof_text(length),
                                     .length = length } };
    struct capabilities caps = { 0 };

    capabilities_parse(&caps, &reply);
    capabilities_free(&caps);
}

/* A line: a word, and octets after it. */
static void extension(const char *word, size_t length)
{
    size_t start = strlen(word);
    char *line = proof_text(start + length);
    struct capabilities caps = { 0 };

    memcpy(line, word, start);
    read_extension(&caps, line);
    capabilities_free(&caps);
}

static void mechanisms(size_t length)
{
    struct capabilities caps = { 0 };

    read_mechanisms(&caps, proof_text(length));
    capabilities_free(&caps);
}

static void describe(void)
{
    struct capabilities caps = {
        .flags = Frama_C_unsigned_int_interval(0, 1023),
    };
    struct buf out;

    buf_init(&out, SIZE_MAX);
    capabilities_describe(caps.flags, &out);
    buf_free(&out);
    capabilities_remove(&caps, Frama_C_unsigned_int_interval(0, 1023));
}

/* What was found out of an EHLO, at any time. */
static void distrust(void)
{
    struct distrust known = {
        .extensions = Frama_C_unsigned_int_interval(0, UINT32_MAX),
        .hello = Frama_C_unsigned_int_interval(0, UINT32_MAX),
        .until = Frama_C_long_interval(0, INT64_MAX / 2),
        .changes = Frama_C_unsigned_int_interval(0, 1000),
    };
    int64_t now = Frama_C_long_interval(0, INT64_MAX / 2);

    (void)distrust_add(&known, capability_flag(proof_text(20)), 1, now);
    (void)distrust_of(&known, 2, now);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 6)) {
    case 0: parse(length); break;
    case 1: mechanisms(length); break;
    case 2: extension("", length); break;
    case 3: extension("AUTH", length); break;
    case 4: extension("SIZE", length); break;
    case 5: describe(); break;
    default: distrust();
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

/* REPLY_SIZE_MAX octets. */
void limit(void)
{
    parse(PROOF_TEXT_MAX);
}

void part(void)
{
    extension("", 48);
}
