/* strings.c - util/strings.h: how many there are, not which */
#include "proof.h"

#include "util/alloc.h"
#include "util/strings.h"

void strings_take(struct strings *list, char *text)
{
    (void)strlen(text);
    free(text);
    if (list->count < PROOF_TEXT_MAX)
        list->count = Frama_C_unsigned_long_interval(list->count + 1,
                                                     PROOF_TEXT_MAX);
}

void strings_add(struct strings *list, const char *text)
{
    strings_take(list, alloc_string(text));
}

bool strings_has(const struct strings *list, const char *text)
{
    (void)strlen(text);
    return list->count > 0 && proof_any();
}

void strings_free(struct strings *list)
{
    *list = (struct strings){ 0 };
}
