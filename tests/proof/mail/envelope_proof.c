/*
 * envelope_proof.c - xtext and NOTIFY of RFC 3461
 *
 * about: mail/envelope.c
 * shows: xtext checked and encoded up to 65536 octets; NOTIFY, RET and xtext of 0 to 9
 * with in exact: util/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/search.c
 * with in limit: model/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/scan.c
 * longest: 9
 * exact: -eva-slevel 20 -eva-min-loop-unroll 12
 * limit: -eva-slevel 10
 */
#include "proof.h"

#include "../../../src/mail/envelope.c"

static void words(const char *text)
{
    enum dsn_return value;
    unsigned notify;
    struct error err;

    if (notify_parse(text, &notify, &err))
        (void)notify_text(notify);
    (void)dsn_return_parse(text, &value, &err);
}

static void xtext(const char *text)
{
    (void)xtext_check(text);
    free(xtext_encode(text));
    free(xtext_decode(text));
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++) {
        if (proof_any()) {
            words(proof_text(length));
            return;
        }
        if (proof_any()) {
            xtext(proof_text(length));
            return;
        }
    }
    (void)notify_text(Frama_C_unsigned_int_interval(0, UINT32_MAX));
}

/* xtext has at most 100 octets. */
void limit(void)
{
    if (proof_any())
        (void)xtext_check(proof_text(101));
    else if (proof_any())
        (void)xtext_check(proof_text(PROOF_TEXT_MAX));
    else
        free(xtext_encode(proof_text(PROOF_TEXT_MAX)));
}
