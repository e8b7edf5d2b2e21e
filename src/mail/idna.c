#include "mail/idna.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

#define LABEL_MAX 63            /* octets (RFC 1035 section 2.3.4) */

/* RFC 3492 section 5. */
enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, BIAS = 72,
       INITIAL = 128 };

static uint32_t small(uint32_t c)
{
    bool latin = (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
                 (c >= 'A' && c <= 'Z');
    bool paired = (c >= 0x100 && c <= 0x137 && c != 0x130) ||
                  (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481);

    if (latin || (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
        return c + (c & 1);
    return paired ? c | 1 : c;
}

static bool is_combining(uint32_t c)
{
    return c >= 0x300 && c <= 0x36f;
}

static char digit(uint32_t value)
{
    return (char)(value < 26 ? 'a' + value : '0' + value - 26);
}

/* RFC 3492 section 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t count, bool first)
{
    uint32_t k = 0;

    delta /= first ? DAMP : 2;
    for (delta += delta / count; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static void add_number(struct buf *out, uint32_t number, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
        if (number < t)
            break;
        buf_add_char(out, digit(t + (number - t) % (BASE - t)));
        number = (number - t) / (BASE - t);
    }
    buf_add_char(out, digit(number));
}

/* RFC 3492 section 6.3. A label has few characters, so nothing overflows: 63
 * times 0x110000 is below 2^32. */
static void add_punycode(struct buf *out, const uint32_t *label, uint32_t count)
{
    uint32_t done = 0, bias = BIAS, delta = 0, next = INITIAL;

    for (uint32_t i = 0; i < count; i++)
        if (label[i] < INITIAL) {
            buf_add_char(out, (char)label[i]);
            done++;
        }
    uint32_t basic = done;
    if (basic > 0)
        buf_add_char(out, '-');
    for (; done < count; delta++, next++) {
        uint32_t least = UINT32_MAX;
        for (uint32_t i = 0; i < count; i++)
            if (label[i] >= next && label[i] < least)
                least = label[i];
        delta += (least - next) * (done + 1);
        next = least;
        for (uint32_t i = 0; i < count; i++) {
            delta += label[i] < next;
            if (label[i] != next)
                continue;
            add_number(out, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            done++;
            delta = 0;
        }
    }
}

static bool add_label(struct buf *out, const char *text, size_t length)
{
    uint32_t label[LABEL_MAX] = { 0 };
    uint32_t count = 0;
    size_t start = out->length;

    if (text_is_ascii(text, length))
        return buf_add(out, text, length);
    while (length > 0) {
        uint32_t c;
        size_t step = text_character(text, length, &c);
        if (step == 0 || count == LABEL_MAX || is_combining(c))
            return false;
        label[count++] = small(c);
        text += step;
        length -= step;
    }
    buf_add_text(out, "xn--");
    add_punycode(out, label, count);
    return out->length - start <= LABEL_MAX;
}

char *idna_domain(const char *domain)
{
    struct buf out;
    bool done = true;

    buf_init(&out, SIZE_MAX);
    while (done) {
        size_t length = strcspn(domain, ".");
        done = add_label(&out, domain, length);
        domain += length;
        if (*domain == '\0')
            break;
        buf_add_char(&out, *domain++);
    }
    if (done)
        return buf_take(&out);
    buf_free(&out);
    return NULL;
}
