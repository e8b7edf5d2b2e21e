#include "util/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/alloc.h"
#include "util/text.h"

#define NAME_MAX_LENGTH 253
#define LABEL_MAX_LENGTH 63

static bool is_label(const char *text, size_t length, bool may_have_underscores)
{
    bool right = length > 0 && text[0] != '-' && text[length - 1] != '-';

    for (size_t i = 0; i < length && right; i++)
        right = text_is_alpha(text[i]) || text_is_digit(text[i]) ||
                text[i] == '-' || (text[i] == '_' && may_have_underscores) ||
                (unsigned char)text[i] >= 128;
    return right;
}

/* Digits alone at the end are of an address, which is not a name. */
static bool is_number(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && text_is_digit(text[i]))
        i++;
    return i == length;
}

bool host_is_name(const char *text)
{
    size_t length = strlen(text);

    if (!text_is_utf8(text, length) ||
        (length > NAME_MAX_LENGTH && text_is_ascii(text, length)))
        return false;
    for (;;) {
        size_t label = strcspn(text, ".");
        /* Octets of UTF-8 are not counted: the DNS has another form of them. */
        if (!is_label(text, label, true) ||
            (label > LABEL_MAX_LENGTH && text_is_ascii(text, label)))
            return false;
        if (text[label] == '\0')
            return true;
        text += label + 1;
    }
}

static bool is_own_name(const char *text)
{
    size_t length = strlen(text);

    if (length > NAME_MAX_LENGTH || !text_is_utf8(text, length))
        return false;
    for (;;) {
        size_t label = strcspn(text, ".");
        if (label > LABEL_MAX_LENGTH || !is_label(text, label, false))
            return false;
        if (text[label] == '\0')
            return !is_number(text, label);
        text += label + 1;
    }
}

char *host_name_of(const char *text)
{
    size_t length = strlen(text);

    if (length > 0 && text[length - 1] == '.')
        length--;
    char *name = alloc_bytes(text, length);
    if (is_own_name(name))
        return name;
    free(name);
    return NULL;
}

bool host_is_anyones(const char *name)
{
    static const char *const names[] = {
        "localhost", "localhost4", "localhost6", "ip6-localhost",
        "ip6-loopback",
    };
    static const char under[] = ".localhost";       /* RFC 6761 section 6.3 */
    size_t label = strcspn(name, "."), length = strlen(name);

    for (size_t i = 0; i < COUNT(names); i++)
        if (strlen(names[i]) == label &&
            text_equal_case_n(name, names[i], label))
            return true;
    return length >= sizeof under &&
           text_equal_case(name + length - (sizeof under - 1), under);
}

/* Cut the next word out of a line; NULL at its end. */
static char *next_word(char **line)
{
    char *word;

    do {
        word = strsep(line, " \t\r\n");
    } while (word != NULL && *word == '\0');
    return word;
}

/* A name that means this machine and no other, or NULL. */
static char *own_name_of(const char *text)
{
    char *name = host_name_of(text);

    if (name != NULL && !host_is_anyones(name) &&
        text_is_ascii(name, strlen(name)))
        return name;
    free(name);
    return NULL;
}

/* The first full name on a line of hosts(5) that knows host, or NULL. */
static char *full_name_on_line(char *line, const char *host)
{
    char *full = NULL;
    const char *word;
    bool knows = false;

    *strchrnul(line, '#') = '\0';
    next_word(&line);                               /* the address */
    while ((word = next_word(&line)) != NULL) {
        knows = knows || text_equal_case(word, host);
        if (full == NULL && strchr(word, '.') != NULL)
            full = own_name_of(word);
    }
    if (knows)
        return full;
    free(full);
    return NULL;
}

static char *find_in_hosts(const char *host)
{
    FILE *file = fopen("/etc/hosts", "re");
    char *line = NULL, *found = NULL;
    size_t size = 0;

    if (file == NULL)
        return NULL;
    while (found == NULL && getline(&line, &size, file) != -1)
        found = full_name_on_line(line, host);
    free(line);
    fclose(file);
    return found;
}

char *host_kernel_name(void)
{
    struct utsname system;

    if (uname(&system) == -1 || system.nodename[0] == '\0')
        return alloc_string("localhost");
    return alloc_string(system.nodename);
}

char *host_full_name(void)
{
    char *kernel = host_kernel_name();
    char *name = own_name_of(kernel);

    if (name == NULL || strchr(name, '.') == NULL) {
        char *full = find_in_hosts(kernel);
        if (full != NULL) {
            free(name);
            name = full;
        }
    }
    free(kernel);
    return name;
}
