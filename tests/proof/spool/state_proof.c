/*
 * state_proof.c - state files, and the first line of files
 *
 * about: spool/state.c spool/format.c
 * shows: lines and their words, texts to write, and keywords up to 65536
 *      octets; a file of 0 to 3 octets, and of its first line, those and an
 *      end; lines and their words of 0 to 3 octets, a report of 80, a keyword
 *      of 41; first lines of 15 to 21 octets, and of 52 and 53
 * of: spool/format.c
 * with in exact: util/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/search.c model/random.c
 * with in limit: model/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/scan.c model/random.c
 * longest: 3
 * exact: -eva-slevel 60 -eva-min-loop-unroll 12 -eva-slevel-function
 *      start_line:1000,format_check_start:1000,find_version:1000
 * limit: -eva-slevel 60
 */
#include "proof.h"

#include "../../../src/spool/state.c"

static const char first[] =
    "postrider-state 1 0123456789abcdef0123456789abcdef\n";
static const char others[] =
    "postrider-state 1 0123456789abcdef0123456789abcdee\n";

/* A file: its first line, octets, and an end. */
static void whole(const char *head, size_t length, const char *end)
{
    size_t start = strlen(head), rest = strlen(end);
    char *data = proof_text(start + length + rest);
    struct buf text = { .data = data, .length = start + length + rest };
    struct state *state = state_new(rest == 0);
    struct error err;

    memcpy(data, head, start);
    memcpy(data + start + length, end, rest);
    (void)parse_state(state, &text, "0123456789abcdef0123456789abcdef", &err);
    state_free(state);
}

static void line(const char *word, size_t length)
{
    size_t start = strlen(word);
    char *text = proof_text(start + length);
    struct state *state = state_new(2);
    struct reading reading = { .state = state,
                               .recipients = proof_length(2),
                               .ended = proof_any() };
    struct error err;

    memcpy(text, word, start);
    (void)parse_line(&reading, text, &err);
}

static void recipient(const char *words, size_t length)
{
    size_t start = strlen(words);
    char *text = proof_text(start + length);
    struct state_recipient rcpt = { 0 };

    memcpy(text, words, start);
    if (parse_recipient(&rcpt, text)) {
        /*@ assert known: 0 <= rcpt.result <= STATE_FAILED; */
    }
}

/* All but its result is right. */
static void unknown_result(void)
{
    recipient("openly 1 0 1 5.1.1 - ", 1);
}

static void report(size_t length)
{
    struct state *state = state_new(0);

    read_report(state, proof_text(length));
}

/* What a line of a journal has, or an attempt. */
static void put(size_t index)
{
    struct state *state = state_new(2);
    struct state_recipient known = {
        .result = STATE_FAILED, .status = proof_text(5),
        .text = proof_any() ? NULL : proof_text(3),
    };

    if (state_put(state, index, &known))
        (void)state_put(state, index, &known);
    free(state_reason(state->recipients));
    (void)state_open_count(state);
    state_free(state);
}

/* A text for add_text() of any length up to this. */
static void write(size_t length)
{
    char *text = proof_text(length);
    struct buf out;

    if (length > 0)
        text[0] = 'a';
    buf_init(&out, STATE_MAX);
    (void)add_text(&out, text, ' ');
    buf_free(&out);
}

static void check_start(const char *text)
{
    struct error err;
    char id[RANDOM_ID_LENGTH + 1];

    (void)format_check_start(&format, text, NULL, id, &err);
}

/* The word, 3 octets for the version, and so many for the id and its end. */
static const char *with_id(size_t length)
{
    size_t start = strlen(format.word) + 1;
    char *text = proof_text(start + 4 + length);

    memcpy(text, "postrider-state ", start);
    text[start + 3] = ' ';
    return text;
}

/* It ends after the id, or before the version, in it, in the id. */
static void start_line(void)
{
    static const char word[] = "postrider-state ";
    size_t start = sizeof word - 1;

    switch (Frama_C_interval(0, 2)) {
    case 0: check_start(with_id(RANDOM_ID_LENGTH)); return;
    case 1: check_start(with_id(RANDOM_ID_LENGTH + 1)); return;
    default: check_start(proof_text(20));
    }
    for (size_t length = start - 1; length < start + 6; length++)
        if (proof_any()) {
            char *shorter = proof_text(length);
            memcpy(shorter, word, length < start ? length : start);
            check_start(shorter);
            return;
        }
}

/* A keyword of so many letters at least, as a newer version may have it. */
static void keyword(size_t known, size_t length)
{
    char *text = proof_text(known + length);
    struct error err;

    memset(text, 'a', known);
    (void)format_check_unknown(text, &err);
}

static void each(size_t length)
{
    switch (Frama_C_interval(0, 16)) {
    case 16: whole("", length, ""); break;
    case 0: whole(first, length, ""); break;
    case 8: whole(first, length, "end\n"); break;
    case 11: whole(others, length, ""); break;
    case 12: line("opt-report ", length); break;
    case 13: line("opt-report", length); break;
    case 14: line("opt-x", length); break;
    case 15: line("rcpt open 0 0 1 5.1.1 - ", length); break;
    case 9: recipient("open 1 ", length); break;
    case 10: recipient("open 1 0 ", length); break;
    case 1: line("", length); break;
    case 2: line("rcpt ", length); break;
    case 3: line("opt-remedy ", length); break;
    case 4: line("held ", length); break;
    case 5: recipient("", length); break;
    case 6: recipient("open ", length); break;
    default: recipient("open 1 0 1 5.1.1 ", length);
    }
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++)
        if (proof_any()) {
            each(length);
            return;
        }
    switch (Frama_C_interval(0, 12)) {
    case 11: unknown_result(); break;
    case 5: put(1); break;
    case 9: put(2); break;
    case 10: put(SIZE_MAX); break;
    case 0: start_line(); break;
    case 1: report(34); break;
    case 2: report(80); break;
    case 3: write(0); break;
    case 4: write(TEXT_MAX); break;
    case 6: keyword(38, 3); break;
    case 7: state_free(NULL); break;
    case 8: (void)or_dash(NULL); break;
    default: write(TEXT_MAX + 4);
    }
}

void limit(void)
{
    switch (Frama_C_interval(0, 7)) {
    case 0: line("", PROOF_TEXT_MAX); break;
    case 1: line("rcpt ", PROOF_TEXT_MAX); break;
    case 2: line("opt-report ", PROOF_TEXT_MAX); break;
    case 3: line("opt-remedy ", PROOF_TEXT_MAX); break;
    case 4: recipient("", PROOF_TEXT_MAX); break;
    case 5: report(PROOF_TEXT_MAX); break;
    case 6: keyword(0, PROOF_TEXT_MAX); break;
    default: write(PROOF_TEXT_MAX);
    }
}
