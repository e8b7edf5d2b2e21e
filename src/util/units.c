/* units.c - numbers, sizes and durations, from text */
#include "util/text.h"

#include <stddef.h>

/* Read digits at *text; false if there are none, or more than max. */
static bool take_number(const char **text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    const char *p = *text;

    if (!text_is_digit(*p))
        return false;
    for (; text_is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *text = p;
    *number = value;
    return true;
}

bool text_to_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value;

    if (!take_number(&text, max, &value) || *text != '\0')
        return false;
    *number = value;
    return true;
}

struct unit {
    char letter;            /* lower case */
    uint64_t factor;
};

static const struct unit *find_unit(const struct unit *units, size_t count,
                                    char letter)
{
    for (size_t i = 0; i < count; i++)
        if (units[i].letter == text_lower(letter))
            return &units[i];
    return NULL;
}

bool text_to_size(const char *text, uint64_t *octets)
{
    static const struct unit units[] = {
        { 'k', 1u << 10 }, { 'm', 1u << 20 }, { 'g', 1u << 30 },
    };
    uint64_t value;

    if (!take_number(&text, UINT64_MAX >> 31, &value))
        return false;
    if (*text != '\0') {
        const struct unit *unit = find_unit(units, COUNT(units), *text++);
        if (unit == NULL)
            return false;
        value *= unit->factor;
        if (text_lower(*text) == 'b')
            text++;
    }
    *octets = value;
    return *text == '\0';
}

bool text_to_duration(const char *text, uint64_t *seconds)
{
    static const struct unit units[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
        { 'w', 604800 },
    };
    uint64_t total = 0, value;

    if (text_to_number(text, UINT32_MAX, seconds))
        return true;
    do {
        if (!take_number(&text, UINT32_MAX, &value) || *text == '\0')
            return false;
        const struct unit *unit = find_unit(units, COUNT(units), *text++);
        if (unit == NULL)
            return false;
        total += value * unit->factor;
    } while (*text != '\0');
    *seconds = total;
    return total <= UINT32_MAX;
}
