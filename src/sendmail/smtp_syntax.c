#include "sendmail/smtp_syntax.h"

#include <string.h>

#include "util/text.h"

#define ORIGINAL_MAX 500        /* RFC 3461 section 4.2 */

char *smtp_after_word(char *argument, const char *word)
{
    if (!text_starts_case(argument, word))
        return NULL;
    argument += strlen(word);
    return argument + strspn(argument, " ");
}

char *smtp_take_path(char **text)
{
    char *path = *text;
    bool quoted = false;
    bool brackets = *path == '<';
    char *p = path + brackets;

    for (; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *p == (brackets ? '>' : ' '))
            break;
    }
    if (brackets ? *p != '>' : p == path)
        return NULL;
    char *end = p + brackets;
    if (*end != '\0' && *end != ' ')
        return NULL;
    *text = end + strspn(end, " ");
    *p = '\0';
    return path + brackets;
}

bool smtp_next_parameter(char **text, char **key, char **value)
{
    char *word = *text + strspn(*text, " ");
    size_t length = strcspn(word, " ");

    if (length == 0)
        return false;
    *text = word + length + (word[length] == ' ');
    word[length] = '\0';
    *key = word;
    *value = strchr(word, '=');
    if (*value != NULL)
        *(*value)++ = '\0';
    else
        *value = word + length;
    return true;
}

bool smtp_is_original(const char *value)
{
    const char *semicolon = strchr(value, ';');
    size_t length = strlen(value);

    if (semicolon == NULL || semicolon == value || semicolon[1] == '\0' ||
        length > ORIGINAL_MAX || text_has_control(value, length) ||
        !text_is_ascii(value, length) || strchr(value, '=') != NULL)
        return false;
    for (const char *plus = strchr(semicolon, '+'); plus != NULL;
         plus = strchr(plus + 1, '+'))
        if (strspn(plus + 1, "0123456789ABCDEFabcdef") < 2)
            return false;
    return true;
}
