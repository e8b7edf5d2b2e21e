#include "mail/found.h"

#include <stdint.h>

#include "util/buf.h"
#include "util/text.h"

void flaws_add(struct flaws *flaws, const char *text, size_t length,
               const char *reason)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, text, length);
    strings_take(&flaws->texts, buf_take(&shown));
    strings_add(&flaws->reasons, reason);
}

void flaws_free(struct flaws *flaws)
{
    strings_free(&flaws->texts);
    strings_free(&flaws->reasons);
}

bool found_any(const struct found *found)
{
    return found->addresses.count > 0 || found->flaws.texts.count > 0 ||
           found->discards;
}

void found_free(struct found *found)
{
    strings_free(&found->addresses);
    flaws_free(&found->flaws);
    *found = (struct found){ 0 };
}
