#include "util/secret.h"

#include <stdlib.h>
#include <string.h>

void secret_take(struct secret *secret, char *data, size_t length)
{
    *secret = (struct secret){ .data = data, .length = length };
}

void secret_wipe(struct secret *secret)
{
    if (secret->data != NULL)
        explicit_bzero(secret->data, secret->length);
    free(secret->data);
    *secret = (struct secret){ 0 };
}
