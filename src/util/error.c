#include "util/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

/* Copy text escaped into err, cut at a character's border. */
static void set_text(struct error *err, const char *text)
{
    struct buf shown;

    buf_init(&shown, sizeof err->text - 1);
    text_escape(&shown, text, strlen(text));
    memcpy(err->text, shown.data, shown.length + 1);
    buf_free(&shown);
}

static char *format_text(const char *format, va_list args)
{
    char *text = NULL;

    return vasprintf(&text, format, args) == -1 ? alloc_string(format) : text;
}

bool error_set(struct error *err, enum fault fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    err->fault = fault;
    err->reach = REACH_NONE;
    set_text(err, text);
    free(text);
    return false;
}

static bool is_shortage(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOMEM ||
           number == ENOBUFS;
}

bool error_sys(struct error *err, enum fault fault, const char *format, ...)
{
    int number = errno;
    va_list args;

    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    if (fault == FAULT_CONFIG && is_shortage(number))
        fault = FAULT_TEMPORARY;
    error_set(err, fault, "%s: %s", text, strerror(number));
    free(text);
    errno = number;
    return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *prefix = format_text(format, args);
    va_end(args);

    char *whole = alloc_format("%s: %s", prefix, err->text);
    set_text(err, whole);
    free(whole);
    free(prefix);
    return false;
}

bool error_append(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *more = format_text(format, args);
    va_end(args);

    char *whole = alloc_format("%s%s", err->text, more);
    set_text(err, whole);
    free(whole);
    free(more);
    return false;
}

int error_exit_status(enum fault fault)
{
    static const int statuses[] = {
        [FAULT_NONE] = EX_OK,
        [FAULT_USAGE] = EX_USAGE,
        [FAULT_DATA] = EX_DATAERR,
        [FAULT_SIZE] = EX_DATAERR,
        [FAULT_INPUT] = EX_NOINPUT,
        [FAULT_RECIPIENT] = EX_NOUSER,
        [FAULT_HOST] = EX_NOHOST,
        [FAULT_UNAVAILABLE] = EX_UNAVAILABLE,
        [FAULT_SOFTWARE] = EX_SOFTWARE,
        [FAULT_SYSTEM] = EX_OSERR,
        [FAULT_CREATE] = EX_CANTCREAT,
        [FAULT_IO] = EX_TEMPFAIL,       /* the caller is to try again */
        [FAULT_TEMPORARY] = EX_TEMPFAIL,
        [FAULT_PROTOCOL] = EX_TEMPFAIL, /* another try may find it well */
        [FAULT_PERMISSION] = EX_NOPERM,
        [FAULT_CONFIG] = EX_CONFIG,
        [FAULT_NEWER] = EX_TEMPFAIL,    /* until the program is newer, too */
    };

    return (size_t)fault < COUNT(statuses) ? statuses[fault] : EX_SOFTWARE;
}
