/* commands.c - what the subcommands of postrider(8) share */
#include "postrider/commands.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

#define SLIP_MAX 2              /* letters that are wrong, missing, too many */

const char *command_nearest(const char *word, const void *rows, size_t count,
                            size_t size)
{
    const char *best = NULL;
    size_t least = SLIP_MAX + 1;

    for (size_t i = 0; i < count; i++) {
        const char *name;
        memcpy(&name, (const char *)rows + i * size, sizeof name);
        size_t letters = text_distance(word, name);
        if (letters < least) {
            least = letters;
            best = name;
        }
    }
    return best;
}

int command_fail(const struct error *err)
{
    fprintf(stderr, "postrider: %s\n", err->text);
    return error_exit_status(err->fault);
}
