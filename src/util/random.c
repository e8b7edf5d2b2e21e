#include "util/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *data, size_t length)
{
    char *rest = data;

    while (length > 0) {
        ssize_t done = getrandom(rest, length, 0);
        if (done == -1 && errno == EINTR)
            continue;
        /* A guessable name or nonce is worse than no process. */
        if (done <= 0)
            abort();
        rest += done;
        length -= (size_t)done;
    }
}

void random_id(char id[RANDOM_ID_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[RANDOM_ID_LENGTH / 2];

    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[RANDOM_ID_LENGTH] = '\0';
}

bool random_is_id(const char *text)
{
    return strspn(text, "0123456789abcdef") == RANDOM_ID_LENGTH &&
           text[RANDOM_ID_LENGTH] == '\0';
}

uint32_t random_below(uint32_t limit)
{
    uint32_t number;

    if (limit == 0)
        return 0;
    random_bytes(&number, sizeof number);
    return number % limit;
}
