/* check_report.c - the findings of postrider check, as lines or JSON */
#include "postrider/check.h"

#include <stdarg.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/text.h"

struct finding {
    const char *severity;
    const char *text;
    const char *remedy;         /* "" for none */
    const char *file;           /* "" for none */
    unsigned line;              /* 0 for none */
};

static const char ok[] = "ok", warning[] = "warning", failure[] = "error",
                  unseen[] = "not checked";

static void print_json_member(FILE *out, const char *name, const char *value)
{
    fprintf(out, ", \"%s\": ", name);
    text_print_json(out, value);
}

static void print_json(struct check *check, const struct finding *finding)
{
    fprintf(check->out, "%s\n  {\"topic\": ", check->count == 0 ? "" : ",");
    text_print_json(check->out, check->topic);
    print_json_member(check->out, "severity", finding->severity);
    print_json_member(check->out, "text", finding->text);
    print_json_member(check->out, "remedy", finding->remedy);
    print_json_member(check->out, "file", finding->file);
    if (finding->line > 0)
        fprintf(check->out, ", \"line\": %u", finding->line);
    putc('}', check->out);
}

/* One line, whatever octets a name has. */
static void print_line(struct check *check, const struct finding *finding)
{
    text_print(check->out, "%s: %s: ", check->topic, finding->severity);
    if (*finding->file != '\0')
        text_print(check->out, "%s:%u: ", finding->file, finding->line);
    text_print(check->out, "%s%s%s\n", finding->text,
               *finding->remedy != '\0' ? "; " : "", finding->remedy);
}

static void print(struct check *check, const struct finding *finding)
{
    if (check->json)
        print_json(check, finding);
    else
        print_line(check, finding);
    fflush(check->out);
    check->count++;
}

static void say(struct check *check, const char *severity, const char *remedy,
                const char *format, va_list args)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_vformat(&text, format, args);
    print(check, &(struct finding){ .severity = severity, .text = text.data,
                                    .remedy = remedy, .file = "" });
    buf_free(&text);
}

void check_ok(struct check *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(check, ok, "", format, args);
    va_end(args);
}

void check_warn(struct check *check, const char *remedy, const char *format,
                ...)
{
    va_list args;

    va_start(args, format);
    say(check, warning, remedy, format, args);
    va_end(args);
}

/* The exit status that the most can be done about comes last in the list. */
static void note(struct check *check, enum fault fault)
{
    if (fault > check->worst)
        check->worst = fault;
}

void check_fail(struct check *check, const char *remedy, const char *format,
                ...)
{
    va_list args;

    note(check, FAULT_CONFIG);
    va_start(args, format);
    say(check, failure, remedy, format, args);
    va_end(args);
}

void check_unseen(struct check *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(check, unseen, "run as root", format, args);
    va_end(args);
}

void check_error(struct check *check, const struct error *err)
{
    note(check, err->fault);
    print(check, &(struct finding){ .severity = failure, .text = err->what,
                                    .remedy = err->remedy, .file = err->file,
                                    .line = err->line });
}

void check_begin(struct check *check)
{
    if (check->json)
        putc('[', check->out);
}

void check_end(struct check *check)
{
    if (check->json)
        fputs("\n]\n", check->out);
}
