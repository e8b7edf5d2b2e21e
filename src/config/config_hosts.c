/* config_hosts.c - names and addresses of hosts, as values of keys */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_keys.h"
#include "config/config_values.h"
#include "util/alloc.h"
#include "util/host.h"
#include "util/text.h"
#include "util/unix_socket.h"

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
        return error_set(err, FAULT_CONFIG,
                         "must be in ASCII: give its xn-- form");
    if (*text != '\0' && !is_name_to_look_up(text) && !is_address(text))
        return error_set(err, FAULT_CONFIG, "must be a host name or an "
                         "address; the port is a key of its own");
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
                   strchr("0123456789abcdef", c) != NULL;
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
