#include "util/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

/* Copy text escaped into size octets, cut at a character's border. */
static void copy_text(char *out, size_t size, const char *text)
{
    struct buf shown;

    buf_init(&shown, size - 1);
    text_escape(&shown, text, strlen(text));
    memcpy(out, shown.data, shown.length + 1);
    buf_free(&shown);
}

/* The one place where the members become a line for people. */
static void compose(struct error *err)
{
    char *remedy = *err->remedy != '\0' ? alloc_format("; %s", err->remedy)
                                        : alloc_string("");
    char *rest = err->line > 0 ? alloc_format("%s:%u: %s", err->file,
                                              err->line, err->what)
                               : alloc_string(err->what);

    size_t length = strlen(remedy);
    copy_text(err->text, sizeof err->text - length, rest);
    memcpy(err->text + strlen(err->text), remedy, length + 1);
    free(rest);
    free(remedy);
}

/* The caller frees it. */
static char *format_text(const char *format, va_list args)
{
    char *text = NULL;

    return vasprintf(&text, format, args) == -1 ? alloc_string(format) : text;
}

/* Forget all other facts. Returns false. */
static bool set(struct error *err, enum fault fault, int number,
                const char *what)
{
    err->fault = fault;
    err->reach = REACH_NONE;
    err->number = number;
    err->reply.code = 0;
    err->reply.status[0] = '\0';
    err->file[0] = '\0';
    err->line = 0;
    err->remedy[0] = '\0';
    copy_text(err->what, sizeof err->what, what);
    compose(err);
    return false;
}

bool error_set(struct error *err, enum fault fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *what = format_text(format, args);
    va_end(args);
    set(err, fault, 0, what);
    free(what);
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
    char *thing = format_text(format, args);
    va_end(args);
    if (fault == FAULT_CONFIG && is_shortage(number))
        fault = FAULT_TEMPORARY;
    char *what = alloc_format("%s: %s", thing, strerror(number));
    set(err, fault, number, what);
    free(what);
    free(thing);
    errno = number;
    return false;
}

bool error_remedy(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *remedy = format_text(format, args);
    va_end(args);
    copy_text(err->remedy, sizeof err->remedy, remedy);
    free(remedy);
    compose(err);
    return false;
}

bool error_at(struct error *err, const char *file, unsigned line)
{
    copy_text(err->file, sizeof err->file, file);
    err->line = line;
    compose(err);
    return false;
}

bool error_reply(struct error *err, int code, const char *status)
{
    err->reply.code = code;
    copy_text(err->reply.status, sizeof err->reply.status, status);
    return false;
}

/* Takes what over. Returns false. */
static bool replace_what(struct error *err, char *what)
{
    copy_text(err->what, sizeof err->what, what);
    free(what);
    compose(err);
    return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *prefix = format_text(format, args);
    va_end(args);
    char *what = alloc_format("%s: %s", prefix, err->what);
    free(prefix);
    return replace_what(err, what);
}

bool error_append(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *more = format_text(format, args);
    va_end(args);
    char *what = alloc_format("%s%s", err->what, more);
    free(more);
    return replace_what(err, what);
}

/* Is the status code about this subject, whatever its class? */
static bool is_about(const char *status, const char *subject)
{
    return *status != '\0' && text_starts(status + 1, subject);
}

enum fault error_refusal_fault(const char *status)
{
    static const struct {
        const char *subject;
        enum fault fault;
    } rows[] = {                        /* the first that fits counts */
        { ".1.2", FAULT_HOST },
        { ".1.7", FAULT_UNAVAILABLE },      /* about the sender */
        { ".1.8", FAULT_UNAVAILABLE },
        { ".1.", FAULT_RECIPIENT },
        { ".2.3", FAULT_DATA },             /* too large */
        { ".3.4", FAULT_DATA },
        { ".6.", FAULT_DATA },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (is_about(status, rows[i].subject))
            return rows[i].fault;
    return FAULT_UNAVAILABLE;
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
        [FAULT_TLS] = EX_TEMPFAIL,
        [FAULT_PERMISSION] = EX_NOPERM,
        [FAULT_CONFIG] = EX_CONFIG,
        [FAULT_NEWER] = EX_TEMPFAIL,    /* until the program is newer, too */
    };

    return (size_t)fault < COUNT(statuses) ? statuses[fault] : EX_SOFTWARE;
}
