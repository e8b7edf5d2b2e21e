/*
 * buf_proof.c - text that grows
 *
 * about: util/buf.c
 * shows: additions of 0, 1, 63 to 65, 128 and 129 octets, two of them one after
 *      the other; of a format, 0 to 2; replacing anything in 0 to 2 octets by 0
 *      to 2
 * of: util/buf.c
 * with: model/format.c model/alloc.c
 * define: PROOF_FRESH
 * longest: 2
 * exact: -eva-slevel 200 -eva-slevel-function replace:100,replace_at:100
 *      -eva-split-return-function vasprintf:full
 *      -eva-min-loop-unroll 12
 */
#include "proof.h"

#include "util/buf.h"

/* Of these the second one fits, fits just, or does not. */
static const size_t sizes[] = { 0, 1, 63, 64, 65, 128, 129 };

#define SIZES (sizeof sizes / sizeof sizes[0])

static void add(size_t first, size_t second, size_t limit)
{
    struct buf buf;

    buf_init(&buf, limit);
    if (buf_add(&buf, proof_octets(first), first) &&
        buf_add(&buf, proof_octets(second), second)) {
        /*@ assert whole: buf.length == first + second; */
        /*@ assert end: buf.data[buf.length] == 0; */
        char *room = buf_reserve(&buf, 3);
        if (room != NULL)
            proof_change(room, 3);
    }
    buf_wipe(&buf);
}

struct place {
    size_t length, at, count, by;
};

static void replace_at(const struct place *place)
{
    struct buf buf;

    buf_init(&buf, proof_any() ? SIZE_MAX : place->length);
    (void)buf_add(&buf, proof_octets(place->length), place->length);
    if (buf_replace(&buf, place->at, place->count, proof_octets(place->by),
                    place->by)) {
        /*@ assert whole:
          @     buf.length == place->length - place->count + place->by; */
    }
    buf_free(&buf);
}

static void replace(size_t length, size_t by)
{
    for (size_t at = 0; at <= length; at++)
        for (size_t count = 0; count <= length - at; count++)
            if (proof_any()) {
                replace_at(&(struct place){ length, at, count, by });
                return;
            }
}

/* The rest, and what they hand over. */
static void others(void)
{
    struct buf buf;

    buf_init(&buf, 100);
    (void)buf_add_char(&buf, 'a');
    (void)buf_add_text(&buf, "bc");
    (void)buf_add_format(&buf, "%s", "de");
    buf_remove(&buf, 1, 1);
    buf_clear(&buf);
    free(buf_take(&buf));
    buf_wipe(&buf);
}

void exact(void)
{
    /*@ loop unroll 12; */
    for (size_t i = 0; i < SIZES; i++)
        /*@ loop unroll 12; */
        for (size_t k = 0; k < SIZES; k++)
            if (proof_any()) {
                add(sizes[i], sizes[k], proof_any() ? SIZE_MAX : 128);
                return;
            }
    for (size_t length = 0; length <= LONGEST; length++)
        for (size_t by = 0; by <= 2; by++)
            if (proof_any()) {
                replace(length, by);
                return;
            }
    others();
}
