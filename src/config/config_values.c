#include "config/config_values.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_keys.h"
#include "config/password_command.h"
#include "mail/address.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/host.h"
#include "util/sasl.h"
#include "util/strings.h"
#include "util/text.h"
#include "util/unix_socket.h"

static bool refuse(struct error *err, const char *allowed)
{
    return error_set(err, FAULT_CONFIG, "%s", allowed);
}

static void set_string(void *member, char *text)
{
    char **string = member;

    free(*string);
    *string = text;
}

static bool is_clean(const char *text)
{
    size_t length = strlen(text);

    return !text_has_control(text, length) && text_is_utf8(text, length);
}

CONFIG_TAKE(config_take_text)
{
    (void)key;
    if (!is_clean(text))
        return refuse(err, "must be UTF-8 without control characters");
    set_string(member, alloc_string(text));
    return true;
}

CONFIG_TAKE(config_take_path)
{
    bool is_empty = *text == '\0' && key->min == 0;

    if (!is_clean(text) || (*text != '/' && !is_empty))
        return refuse(err, "must be an absolute path");
    set_string(member, alloc_string(text));
    return true;
}

/* The address of a server that tokens and secrets are sent to. */
CONFIG_TAKE(config_take_https)
{
    (void)key;
    if (*text != '\0' &&
        (!text_starts_case(text, "https://") || text[8] == '\0' ||
         text[8] == '/' || strpbrk(text, " \"<>#") != NULL ||
         !is_clean(text) || !text_is_ascii(text, strlen(text))))
        return refuse(err, "must begin with https://");
    set_string(member, alloc_string(text));
    return true;
}

static void list_words(struct buf *list, const struct config_word *words)
{
    for (size_t i = 0; words[i].word != NULL; i++) {
        if (i > 0)
            buf_add_text(list, words[i + 1].word == NULL ? " or " : ", ");
        buf_add_text(list, words[i].word);
    }
}

static const struct config_word *find_word(const struct config_key *key,
                                           const char *text)
{
    for (size_t i = 0; key->words[i].word != NULL; i++)
        if (text_equal_case(key->words[i].word, text))
            return &key->words[i];
    return NULL;
}

static const struct config_word *need_word(const struct config_key *key,
                                           const char *text,
                                           struct error *err)
{
    const struct config_word *word = find_word(key, text);
    struct buf list;

    if (word != NULL)
        return word;
    buf_init(&list, SIZE_MAX);
    list_words(&list, key->words);
    error_set(err, FAULT_CONFIG, "must be %s", list.data);
    buf_free(&list);
    return NULL;
}

CONFIG_TAKE(config_take_word)
{
    const struct config_word *word = need_word(key, text, err);

    /* The members are enums, which gcc and clang hold in an unsigned. */
    if (word != NULL)
        memcpy(member, &word->value, sizeof word->value);
    return word != NULL;
}

static bool refuse_auth(const struct config_key *key, struct error *err)
{
    const struct sasl_mechanism *mechanism;
    struct buf list;

    buf_init(&list, SIZE_MAX);
    for (size_t i = 0; (mechanism = sasl_at(i)) != NULL; i++)
        if (!mechanism->binds)
            buf_add_format(&list, "%s, ", mechanism->key);
    list_words(&list, key->words);
    error_set(err, FAULT_CONFIG, "must be %s", list.data);
    buf_free(&list);
    return false;
}

CONFIG_TAKE(config_take_auth)
{
    const struct sasl_mechanism *mechanism = sasl_find(text);
    const struct config_word *word = find_word(key, text);

    if (mechanism == NULL && word == NULL)
        return refuse_auth(key, err);
    set_string(member, alloc_string(mechanism != NULL ? mechanism->key
                                                      : word->word));
    return true;
}

CONFIG_TAKE(config_take_choice)
{
    const struct config_word *word = need_word(key, text, err);

    if (word != NULL)
        *(bool *)member = word->value != 0;
    return word != NULL;
}

CONFIG_TAKE(config_take_keyword)
{
    (void)member;
    return need_word(key, text, err) != NULL;
}

CONFIG_TAKE(config_take_bool)
{
    static const struct config_word words[] = {     /* libconfuse's own */
        { "true", true }, { "yes", true }, { "on", true },
        { "false", false }, { "no", false }, { "off", false }
    };

    (void)key;
    for (size_t i = 0; i < COUNT(words); i++)
        if (text_equal_case(words[i].word, text)) {
            *(bool *)member = words[i].value != 0;
            return true;
        }
    return refuse(err, "must be true or false");
}

static bool read_number(const struct config_key *key, const char *text,
                        uint64_t *number, struct error *err)
{
    if (text_to_number(text, key->max, number) && *number >= key->min)
        return true;
    return error_set(err, FAULT_CONFIG, "must be %llu to %llu",
                     (unsigned long long)key->min,
                     (unsigned long long)key->max);
}

CONFIG_TAKE(config_take_number)
{
    uint64_t number;

    if (!read_number(key, text, &number, err))
        return false;
    *(unsigned *)member = (unsigned)number;
    return true;
}

CONFIG_TAKE(config_take_port)
{
    uint64_t number;

    if (!read_number(key, text, &number, err))
        return false;
    *(uint16_t *)member = (uint16_t)number;
    return true;
}

CONFIG_TAKE(config_take_size)
{
    uint64_t octets;

    if (!text_to_size(text, &octets) || octets < key->min ||
        octets > key->max)
        return refuse(err, key->allowed);
    *(uint64_t *)member = octets;
    return true;
}

CONFIG_TAKE(config_take_time)
{
    uint64_t seconds;

    if (!text_to_duration(text, &seconds) || seconds < key->min ||
        seconds > key->max)
        return refuse(err, key->allowed);
    *(int64_t *)member = (int64_t)seconds * 1000;
    return true;
}

CONFIG_TAKE(config_take_address)
{
    (void)key;
    char *address = address_parse_one(text, err);
    if (address != NULL && *address != '\0' && !address_check(address, err)) {
        free(address);
        address = NULL;
    }
    if (address == NULL)
        return error_prefix(err, "must be one complete address");
    set_string(member, address);
    return true;
}

CONFIG_TAKE(config_take_command)
{
    struct strings words = { 0 };

    (void)key;
    bool done = is_clean(text) && password_command_split(text, &words) &&
                (words.count > 0 || *text == '\0');
    strings_free(&words);
    if (!done)
        return refuse(err, "must be a command with its arguments, "
                      "every quote closed");
    set_string(member, alloc_string(text));
    return true;
}

CONFIG_TAKE(config_take_credential)
{
    (void)key;
    if (!is_clean(text) || strchr(text, '/') != NULL ||
        strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return refuse(err, "must be the name of a credential, not a path");
    set_string(member, alloc_string(text));
    return true;
}

bool config_check_name(const char *name, struct error *err)
{
    if (*name == '\0' || !is_clean(name))
        return error_set(err, FAULT_CONFIG, "needs a name of UTF-8 text "
                         "without control characters");
    return true;
}

bool config_check_oauth_name(const char *name, struct error *err)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (!text_is_alpha(name[i]) && !text_is_digit(name[i]) &&
            (i == 0 || strchr("._-", name[i]) == NULL))
            length = 0;
    if (length == 0 || length > 64)
        return error_set(err, FAULT_CONFIG, "needs a name of letters, digits, "
                         "\".\", \"_\" and \"-\", which names files, too");
    return true;
}

bool config_check_match(const char *match, struct error *err)
{
    if (*match == '@') {
        if (match[1] == '\0' || !host_is_name(match + 1))
            return error_set(err, FAULT_CONFIG, "is not a domain");
        return true;
    }
    if (strchr(match, '@') != NULL)
        return address_check(match, err);
    if (*match == '\0' || !is_clean(match))
        return error_set(err, FAULT_CONFIG, "must be a login name, an "
                         "address, @domain or \"*\"");
    return true;
}

/* Keep the name, as servers take it, for a key that is about this machine. */
static bool take_own_name(const struct config_key *key, const char *text,
                          void *member, struct error *err)
{
    char *name = host_name_of(text);
    bool taken = name != NULL && config_take_text(key, name, member, err);

    free(name);
    return taken;
}

/* Does text, up to length, hold an address of this family? */
static bool is_ip(int family, const char *text, size_t length)
{
    struct in6_addr address;
    char *copy = alloc_bytes(text, length);
    bool is_right = inet_pton(family, copy, &address) == 1;

    free(copy);
    return is_right;
}

bool config_is_loopback(const char *host)
{
    return text_equal_case(host, "localhost") ||
           strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0 ||
           (text_starts(host, "127.") && is_ip(AF_INET, host, strlen(host)));
}

/* "[::1]" or "[192.0.2.1]" */
static bool is_bracketed(const char *text)
{
    size_t length = strlen(text);

    return length > 2 && text[0] == '[' && text[length - 1] == ']' &&
           (is_ip(AF_INET6, text + 1, length - 2) ||
            is_ip(AF_INET, text + 1, length - 2));
}

static bool is_address(const char *text)
{
    return is_bracketed(text) || is_ip(AF_INET6, text, strlen(text)) ||
           is_ip(AF_INET, text, strlen(text));
}

CONFIG_TAKE(config_take_domain)
{
    if (*text == '\0')
        return config_take_text(key, text, member, err);
    return take_own_name(key, text, member, err) ||
           error_set(err, FAULT_CONFIG, "must be a domain name");
}

/* A dot at the end keeps the resolver from trying the domains that it adds. */
static bool is_name_to_look_up(const char *text)
{
    size_t length = strlen(text);
    char *name = alloc_bytes(text, length > 0 && text[length - 1] == '.'
                                   ? length - 1 : length);
    bool is_name = host_is_name(name);

    free(name);
    return is_name;
}

CONFIG_TAKE(config_take_host)
{
    if (!text_is_ascii(text, strlen(text)))
        return error_set(err, FAULT_CONFIG, "must be in ASCII") ||
               error_remedy(err, "give its xn-- form");
    if (*text != '\0' && !is_name_to_look_up(text) && !is_address(text))
        return error_set(err, FAULT_CONFIG,
                         "must be a host name or an address") ||
               error_remedy(err, "set the port with the key port");
    return config_take_text(key, text, member, err);
}

CONFIG_TAKE(config_take_ip)
{
    if (*text != '\0' && !is_address(text))
        return error_set(err, FAULT_CONFIG,
                         "must be an IPv4 or IPv6 address of this host");
    return config_take_text(key, text, member, err);
}

/* [IPv6:::1] is RFC 5321's form (section 4.1.3). */
static bool is_literal(const char *text)
{
    size_t length = strlen(text);

    return length > 7 && text_starts_case(text, "[IPv6:") &&
           text[length - 1] == ']' &&
           is_ip(AF_INET6, text + 6, length - 7);
}

CONFIG_TAKE(config_take_hello)
{
    bool is_address = is_literal(text) ||
                      (is_bracketed(text) && strchr(text, ':') == NULL);

    if (*text == '\0' || is_address)
        return config_take_text(key, text, member, err);
    return (text_is_ascii(text, strlen(text)) &&
            take_own_name(key, text, member, err)) ||
           error_set(err, FAULT_CONFIG, "must be a full host name of letters, "
                     "digits and hyphens, or an address as in [192.0.2.1] or "
                     "[IPv6:2001:db8::1]");
}

#define FINGERPRINT_DIGITS 64

/* With or without colons between the octets, as openssl(1) prints it. */
CONFIG_TAKE(config_take_fingerprint)
{
    char digits[FINGERPRINT_DIGITS + 1] = "";
    size_t count = 0;
    bool is_right = true;

    for (const char *p = text; is_right && *p != '\0'; p++) {
        char c = text_lower(*p);
        if (c == ':' && count > 0 && count % 2 == 0)
            continue;
        is_right = count < FINGERPRINT_DIGITS &&
                   text_hex_value(c) != -1;
        if (is_right)
            digits[count++] = c;
    }
    if (!is_right || (count != 0 && count != FINGERPRINT_DIGITS))
        return error_set(err, FAULT_CONFIG, "must be the SHA-256 of the "
                         "certificate, 64 hexadecimal digits");
    return config_take_text(key, digits, member, err);
}

/* 127.0.0.0/8 or [::1], a colon and a port. */
static bool is_loopback(const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (colon == NULL || !text_to_number(colon + 1, 65535, &port) ||
        port == 0)
        return false;
    size_t length = (size_t)(colon - text);
    return (length == 5 && strncmp(text, "[::1]", length) == 0) ||
           (text_starts(text, "127.") && is_ip(AF_INET, text, length));
}

CONFIG_TAKE(config_take_listen)
{
    bool is_path = *text == '/' && strlen(text) <= unix_socket_path_max() &&
                   !text_has_control(text, strlen(text));

    (void)key;
    (void)member;
    if (!is_path && !is_loopback(text))
        return error_set(err, FAULT_CONFIG, "must be the path of a socket, or "
                         "a loopback address with its port, as in "
                         "127.0.0.1:25 or [::1]:25");
    return true;
}
