/* commands.c - what the subcommands of postrider(8) share */
#include "postrider/commands.h"

#include <stdio.h>

#include "util/error.h"

int command_fail(const struct error *err)
{
    fprintf(stderr, "postrider: %s\n", err->text);
    return error_exit_status(err->fault);
}
