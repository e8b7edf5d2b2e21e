#include "smtp/distrust.h"

#include <stddef.h>

#include "smtp/capability.h"
#include "util/buf.h"

#define LIFETIME (24 * 60 * 60 * 1000)  /* milliseconds */
#define CHANGES_MAX 8

static bool is_for(const struct distrust *distrust, uint32_t hello)
{
    return distrust->hello == hello || distrust->changes >= CHANGES_MAX;
}

unsigned distrust_of(struct distrust *distrust, uint32_t hello, int64_t now)
{
    if (now >= distrust->until)
        *distrust = (struct distrust){ 0 };
    else if (!is_for(distrust, hello))
        distrust->extensions = 0;
    return distrust->extensions;
}

bool distrust_add(struct distrust *distrust, unsigned extensions,
                  uint32_t hello, int64_t now)
{
    unsigned known = distrust_of(distrust, hello, now);

    if ((extensions & ~known) == 0)
        return false;
    distrust->changes += distrust->until != 0 && distrust->hello != hello;
    distrust->hello = hello;
    distrust->until = now + LIFETIME;
    distrust->extensions |= extensions;
    return true;
}

void distrust_describe(unsigned extensions, struct buf *out)
{
    const char *word;
    const char *separator = "";

    for (size_t i = 0; (word = capability_word(i)) != NULL; i++)
        if ((extensions & (1U << i)) != 0) {
            buf_add_format(out, "%s%s", separator, word);
            separator = ", ";
        }
}
