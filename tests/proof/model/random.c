/* random.c - util/random.h: what is an id */
#include "proof.h"

#include "util/random.h"

bool random_is_id(const char *text)
{
    size_t i = 0;

    /*@ loop unroll 40; */
    while (i < RANDOM_ID_LENGTH &&
           ((text[i] >= '0' && text[i] <= '9') ||
            (text[i] >= 'a' && text[i] <= 'f')))
        i++;
    return i == RANDOM_ID_LENGTH && text[i] == '\0';
}
