#include "relay/reasons.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* Callers get a pointer to the text; what is before it is found from that. */
struct reason {
    unsigned uses;
    char text[];
};

static struct reason *reason_of(const char *text)
{
    return (struct reason *)(uintptr_t)(text - offsetof(struct reason, text));
}

void reason_free(const char *text)
{
    if (text != NULL && --reason_of(text)->uses == 0)
        free(reason_of(text));
}

void reasons_forget(struct reasons *reasons)
{
    for (size_t i = 0; i < REASONS_KNOWN; i++)
        reason_free(reasons->known[i]);
    *reasons = (struct reasons){ 0 };
}

static const char *add(struct reasons *reasons, const char *text)
{
    size_t size = strlen(text) + 1;
    char **place = &reasons->known[reasons->next];
    struct reason *reason = alloc_resize(NULL, sizeof *reason + size, 1);

    reasons->next = (reasons->next + 1) % REASONS_KNOWN;
    reason_free(*place);
    memcpy(reason->text, text, size);
    reason->uses = 1;
    *place = reason->text;
    return reason->text;
}

const char *reasons_keep(struct reasons *reasons, const char *text)
{
    const char *found = NULL;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; found == NULL && i < REASONS_KNOWN; i++)
        if (reasons->known[i] != NULL && strcmp(reasons->known[i], text) == 0)
            found = reasons->known[i];
    if (found == NULL)
        found = add(reasons, text);
    reason_of(found)->uses++;
    return found;
}
