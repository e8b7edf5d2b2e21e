#include "mail/envelope.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/hash.h"
#include "util/text.h"

void envelope_free(struct envelope *env)
{
    for (size_t i = 0; i < env->count; i++) {
        free(env->recipients[i].path);
        free(env->recipients[i].original);
        free(env->recipients[i].flaw);
    }
    free(env->recipients);
    free(env->slots);
    free(env->reverse_path);
    free(env->envelope_id);
    free(env->smarthost);
    *env = (struct envelope){ 0 };
}

bool envelope_set_reverse_path(struct envelope *env, const char *path,
                               struct error *err)
{
    if (*path != '\0' && !address_check(path, err))
        return false;
    free(env->reverse_path);
    env->reverse_path = alloc_string(path);
    return true;
}

const char *envelope_reverse_path(const struct envelope *env)
{
    return env->reverse_path == NULL ? "" : env->reverse_path;
}

/* Domains are alike in any case, local parts are not. */
static uint64_t hash_of(const char *path)
{
    const char *at = address_at(path);
    uint64_t hash = hash_start();

    for (const char *p = path; *p != '\0'; p++)
        hash = hash_octet(hash, at != NULL && p > at ? text_lower(*p) : *p);
    return hash;
}

/* The slot of a path: its own, or the empty one where it belongs. Slots hold
 * the recipient's index plus one. */
static size_t *slot_of(const struct envelope *env, const char *path)
{
    size_t at = hash_slot(hash_of(path), env->slot_count);

    while (env->slots[at] != 0 &&
           !address_equal(env->recipients[env->slots[at] - 1].path, path))
        at = (at + 1) & (env->slot_count - 1);
    return &env->slots[at];
}

/* At most half of the slots are taken, and their number is a power of two. */
static void make_room(struct envelope *env)
{
    if (env->count == env->capacity) {
        env->capacity = env->capacity * 2 + 4;
        env->recipients = alloc_resize(env->recipients, env->capacity,
                                       sizeof *env->recipients);
    }
    if (2 * (env->count + 1) <= env->slot_count)
        return;
    env->slot_count = env->slot_count == 0 ? 16 : 2 * env->slot_count;
    free(env->slots);
    env->slots = alloc_zero(env->slot_count, sizeof *env->slots);
    for (size_t i = 0; i < env->count; i++)
        *slot_of(env, env->recipients[i].path) = i + 1;
}

/* The recipient of that path, a new one if need be. NULL: there are too many
 * already. */
static struct recipient *recipient_of(struct envelope *env, const char *path,
                                      struct error *err)
{
    make_room(env);
    size_t *slot = slot_of(env, path);
    if (*slot != 0)
        return &env->recipients[*slot - 1];
    if (env->count == ENVELOPE_RECIPIENTS_MAX) {
        error_set(err, FAULT_DATA, "more than %d recipients: send several "
                  "messages", ENVELOPE_RECIPIENTS_MAX);
        return NULL;
    }
    struct recipient *rcpt = &env->recipients[env->count++];
    *rcpt = (struct recipient){ .path = alloc_string(path) };
    *slot = env->count;
    return rcpt;
}

bool envelope_add_recipient(struct envelope *env, const char *path,
                            const char *original, unsigned notify,
                            struct error *err)
{
    size_t before = env->count;
    struct recipient *rcpt = address_check(path, err)
                             ? recipient_of(env, path, err) : NULL;

    if (rcpt != NULL && env->count > before) {
        rcpt->original = alloc_string(original);
        rcpt->notify = notify;
    }
    return rcpt != NULL;
}

bool envelope_add_flawed(struct envelope *env, const char *text, size_t length,
                         const char *flaw, struct error *err)
{
    struct error ignored;
    struct buf shown;

    buf_init(&shown, ADDRESS_LENGTH_MAX);
    text_escape(&shown, text, length);
    /* Its first 254 octets must not be an address, or they would be sent to. */
    if (address_check(shown.data, &ignored))
        shown.data[shown.length - 1] = '.';
    size_t before = env->count;
    struct recipient *rcpt = recipient_of(env, shown.data, err);
    if (rcpt != NULL && env->count > before)
        rcpt->flaw = alloc_string(flaw);
    buf_free(&shown);
    return rcpt != NULL;
}

bool envelope_has_utf8_address(const struct envelope *env)
{
    const char *path = envelope_reverse_path(env);

    if (!text_is_ascii(path, strlen(path)))
        return true;
    for (size_t i = 0; i < env->count; i++) {
        path = env->recipients[i].path;
        if (!text_is_ascii(path, strlen(path)))
            return true;
    }
    return false;
}

static const struct {
    const char *word;
    unsigned bit;
} notify_words[] = {
    { "success", NOTIFY_SUCCESS },
    { "failure", NOTIFY_FAILURE },
    { "delay", NOTIFY_DELAY },
};

/* The bit of a word of the list, 0 if there is none. */
static unsigned notify_bit(const char *word, size_t length)
{
    for (size_t i = 0; i < COUNT(notify_words); i++)
        if (strlen(notify_words[i].word) == length &&
            text_equal_case_n(notify_words[i].word, word, length))
            return notify_words[i].bit;
    return 0;
}

bool notify_parse(const char *text, unsigned *notify, struct error *err)
{
    unsigned bits = 0;
    const char *word = text;

    if (text_equal_case(text, "never")) {
        *notify = NOTIFY_NEVER;
        return true;
    }
    for (;;) {
        size_t length = strcspn(word, ",");
        unsigned bit = notify_bit(word, length);
        if (bit == 0)
            return error_set(err, FAULT_USAGE, "notify \"%s\": must be never, "
                             "or a list of success, failure, delay", text);
        bits |= bit;
        if (word[length] == '\0')
            break;
        word += length + 1;
    }
    *notify = bits;
    return true;
}

const char *notify_text(unsigned notify)
{
    static const char *const texts[] = {
        "", "SUCCESS", "FAILURE", "SUCCESS,FAILURE", "DELAY", "SUCCESS,DELAY",
        "FAILURE,DELAY", "SUCCESS,FAILURE,DELAY",
    };

    return (notify & NOTIFY_NEVER) != 0 ? "NEVER" : texts[notify >> 1 & 7];
}

bool dsn_return_parse(const char *text, enum dsn_return *value,
                      struct error *err)
{
    if (text_equal_case(text, "full"))
        *value = RETURN_FULL;
    else if (text_equal_case(text, "hdrs"))
        *value = RETURN_HEADERS;
    else
        return error_set(err, FAULT_USAGE, "return \"%s\": must be full or "
                         "hdrs", text);
    return true;
}

static bool is_xchar(char c)
{
    return c >= '!' && c <= '~' && c != '+' && c != '=';
}

static bool is_hex(char c)
{
    return text_is_digit(c) || (c >= 'A' && c <= 'F');
}

/* The octet at +XX, or NUL, which no text has. */
static char decode_octet(const char *text)
{
    if (text[0] != '+' || !is_hex(text[1]) || !is_hex(text[2]))
        return '\0';
    return (char)(text_hex_value(text_lower(text[1])) * 16 +
                  text_hex_value(text_lower(text[2])));
}

char *xtext_decode(const char *text)
{
    size_t length = strlen(text);
    struct buf out;

    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < length; i++) {
        if (is_xchar(text[i])) {
            buf_add_char(&out, text[i]);
            continue;
        }
        char c = decode_octet(text + i);
        if (c == '\0') {
            buf_free(&out);
            return NULL;
        }
        buf_add_char(&out, c);
        i += 2;
    }
    return buf_take(&out);
}

bool xtext_check(const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || length > 100)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (is_xchar(text[i]))
            continue;
        if (text[i] != '+' || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
            return false;
        i += 2;
    }
    return true;
}

char *xtext_encode(const char *text)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    for (; *text != '\0'; text++)
        if (is_xchar(*text))
            buf_add_char(&out, *text);
        else
            buf_add_format(&out, "+%02X", (unsigned char)*text);
    return buf_take(&out);
}
