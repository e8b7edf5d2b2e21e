#include "mail/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/host.h"
#include "util/text.h"

const char *address_at(const char *address)
{
    bool quoted = false;

    for (const char *p = address; *p != '\0'; p++) {
        if (*p == '\\' && quoted && p[1] != '\0')
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == '@' && !quoted)
            return p;
    }
    return NULL;
}

bool address_is_bare(const char *address)
{
    const char *at = address_at(address);

    if (*address == '\0')
        return false;
    return at == NULL || text_equal_case(at + 1, "localhost.localdomain") ||
           (at[1] != '[' && at[1] != '\0' && strchr(at, '.') == NULL);
}

char *address_complete(const char *address, const char *domain)
{
    const char *at = address_at(address);

    if (!address_is_bare(address))
        return alloc_string(address);
    char *name = alloc_bytes(address, at != NULL ? (size_t)(at - address)
                                                 : strlen(address));
    char *complete = alloc_format("%s@%s", name, domain);
    free(name);
    return complete;
}

size_t address_without_domain(const char *text, size_t length)
{
    size_t end = length > 0 && text[length - 1] == '>' ? length - 1 : length;
    size_t start;

    if (end == 0 || text[--end] != '@')
        return 0;
    for (start = end; start > 0 && !text_is_space(text[start - 1]); start--)
        if (strchr("<>,;:@", text[start - 1]) != NULL)
            break;
    return start == end || (start > 0 && text[start - 1] == '@') ? 0 : end;
}

bool address_equal(const char *a, const char *b)
{
    const char *at_a = address_at(a);
    const char *at_b = address_at(b);

    if (at_a == NULL || at_b == NULL)
        return strcmp(a, b) == 0;
    return at_a - a == at_b - b && memcmp(a, b, (size_t)(at_a - a)) == 0 &&
           text_equal_case(at_a, at_b);
}

char *address_local_name(const char *address)
{
    const char *at = address_at(address);
    const char *end = at != NULL ? at : address + strlen(address);
    struct buf name;

    buf_init(&name, SIZE_MAX);
    for (const char *p = address; p < end; p++) {
        if (*p == '\\' && p + 1 < end)
            buf_add_char(&name, *++p);
        else if (*p != '"')
            buf_add_char(&name, *p);
    }
    return buf_take(&name);
}

static bool refuse(struct error *err, const char *address, const char *why)
{
    return error_set(err, FAULT_DATA, "address \"%.100s\": %s", address, why);
}

static bool is_atext(char c)
{
    return text_is_alpha(c) || text_is_digit(c) || (unsigned char)c >= 128 ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Dots may be where RFC 5321 has none: such mailboxes exist. */
static bool is_dot_string(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_atext(text[i]) && text[i] != '.')
            return false;
    return length > 0;
}

static bool is_quoted_string(const char *text, size_t length)
{
    if (length < 2 || text[0] != '"' || text[length - 1] != '"')
        return false;
    for (size_t i = 1; i < length - 1; i++) {
        if (text[i] == '"')
            return false;
        if (text[i] == '\\' && ++i == length - 1)
            return false;
    }
    return true;
}

/* RFC 5321 section 4.1.3, without the brackets. */
static bool is_literal_content(const char *text)
{
    static const char ipv6[] = "IPv6:";
    unsigned char octets[sizeof(struct in6_addr)];

    if (text_starts_case(text, ipv6))
        return inet_pton(AF_INET6, text + sizeof ipv6 - 1, octets) == 1;
    if (inet_pton(AF_INET, text, octets) == 1)
        return true;
    const char *colon = strchr(text, ':');      /* of a tag to come */
    return colon != NULL && colon > text && colon[1] != '\0' &&
           text[strcspn(text, "[]\\ ")] == '\0' &&
           text_is_ascii(text, strlen(text));
}

static bool is_literal(const char *domain)
{
    size_t length = strlen(domain);

    if (length < 3 || domain[0] != '[' || domain[length - 1] != ']')
        return false;
    char *content = alloc_bytes(domain + 1, length - 2);
    bool right = is_literal_content(content);
    free(content);
    return right;
}

static bool is_dot_atom(const char *text)
{
    size_t length = strlen(text);

    return is_dot_string(text, length) && text[0] != '.' &&
           text[length - 1] != '.' && strstr(text, "..") == NULL;
}

char *address_local_part(const char *name)
{
    struct buf quoted;

    /* A path that looks like an option is better quoted. */
    if (is_dot_atom(name) && *name != '-')
        return alloc_string(name);
    buf_init(&quoted, SIZE_MAX);
    buf_add_char(&quoted, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            buf_add_char(&quoted, '\\');
        buf_add_char(&quoted, *name);
    }
    buf_add_char(&quoted, '"');
    return buf_take(&quoted);
}

char *address_canonical(const char *address)
{
    const char *at = address_at(address);
    const char *end = at != NULL ? at : address + strlen(address);

    if (memchr(address, '"', (size_t)(end - address)) == NULL)
        return alloc_string(address);
    char *name = address_local_name(address);
    char *local = address_local_part(name);
    char *canonical = alloc_format("%s%s", local, end);
    free(local);
    free(name);
    return canonical;
}

/*
 * Some terminals obey U+0080 to U+009F as controls; others turn the direction
 * of writing or break lines, so that an address is shown as another; blanks and
 * what has no width are copied along with an address from a document. No
 * mailbox has them, while joiners (U+200C, U+200D) belong to some scripts.
 */
static bool is_disguise(uint32_t character)
{
    return (character >= 0x80 && character <= 0xa0) || character == 0xad ||
           character == 0x61c || character == 0x180e ||
           (character >= 0x2000 && character <= 0x200b) ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202f) ||
           (character >= 0x205f && character <= 0x2069) ||
           character == 0x3000 || character == 0xfeff;
}

static bool has_disguise(const char *address, size_t length)
{
    uint32_t character;

    for (size_t at = 0; at < length; ) {
        at += text_character(address + at, length - at, &character);
        if (is_disguise(character))
            return true;
    }
    return false;
}

bool address_check(const char *address, struct error *err)
{
    size_t length = strlen(address);
    const char *at = address_at(address);

    if (text_has_control(address, length))
        return refuse(err, address, "it contains a control character");
    if (!text_is_utf8(address, length))
        return refuse(err, address, "it is not UTF-8");
    if (has_disguise(address, length))
        return refuse(err, address, "it contains an invisible character, or "
                      "one that terminals show as something else");
    if (address[0] == '-')
        return refuse(err, address, "it begins with -");
    if (length > ADDRESS_LENGTH_MAX)
        return refuse(err, address, "longer than 254 octets");
    if (at == NULL)
        return refuse(err, address, "it has no domain");
    size_t local = (size_t)(at - address);
    if (!is_dot_string(address, local) && !is_quoted_string(address, local))
        return refuse(err, address, "the part before @ must be quoted");
    if (!host_is_name(at + 1) && !is_literal(at + 1))
        return refuse(err, address, "the part after @ is not a valid domain");
    return true;
}
