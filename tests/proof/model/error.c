/* error.c - util/error.h: any text, of arguments that can be read */
#include "proof.h"

#include <stdarg.h>

#include "util/error.h"

static void change(char *text, size_t size)
{
    proof_change(text, size - 1);
    text[size - 1] = '\0';
}

/* Every octet of it is set. */
static bool fill(struct error *err, enum fault fault)
{
    err->fault = fault;
    err->reach = REACH_NONE;
    err->number = Frama_C_interval(0, 200);
    err->reply.code = 0;
    err->reply.status[0] = '\0';
    err->line = 0;
    change(err->file, sizeof err->file);
    change(err->what, sizeof err->what);
    change(err->remedy, sizeof err->remedy);
    change(err->text, sizeof err->text);
    return false;
}

bool error_set(struct error *err, enum fault fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)proof_format(format, args);
    va_end(args);
    return fill(err, fault);
}

bool error_sys(struct error *err, enum fault fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)proof_format(format, args);
    va_end(args);
    return fill(err, fault);
}

/* It must be set already. */
static bool add(struct error *err)
{
    (void)strlen(err->what);
    (void)strlen(err->text);
    return fill(err, err->fault);
}

bool error_remedy(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)proof_format(format, args);
    va_end(args);
    return add(err);
}

bool error_prefix(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)proof_format(format, args);
    va_end(args);
    return add(err);
}
