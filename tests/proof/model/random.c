/* random.c - util/random.h: what is an id */
#include "proof.h"

#include "util/random.h"

bool random_is_id(const char *text)
{
    /*@ loop unroll 40; */
    for (size_t i = 0; i < RANDOM_ID_LENGTH; i++) {
        if (text[i] == '\0')            /* Eva learns where it may be */
            return false;
        if (!((text[i] >= '0' && text[i] <= '9') ||
              (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    }
    return text[RANDOM_ID_LENGTH] == '\0';
}
