/* check_report.c - the findings of postrider check, as lines or JSON */
#include "postrider/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

#define COLUMNS 79

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

/* Words as they fit into the columns of a terminal; a longer one has a line. */
static void add_wrapped(struct buf *out, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        if (column > 0 && column + 1 + length > COLUMNS) {
            buf_add_text(out, "\n   ");
            column = 3;
        }
        if (column > 0) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add(out, text, length);
        column += length;
        text += length + (text[length] == ' ');
    }
    buf_add_char(out, '\n');
}

/* The first occurrence, after the topic, is the severity itself. */
static void add_coloured(struct buf *out, const struct buf *lines,
                         const char *severity)
{
    const char *colour = severity == failure ? "31" : severity == warning
                         ? "33" : severity == ok ? "32" : "36";
    const char *place = strstr(lines->data, severity);

    buf_add(out, lines->data, (size_t)(place - lines->data));
    buf_add_format(out, "\033[%sm%s\033[m%s", colour, severity,
                   place + strlen(severity));
}

/* One line, whatever octets a name has; on a terminal as many as it needs. */
static void add_line(const struct check *check, const struct finding *finding,
                     struct buf *out)
{
    struct buf line, shown;

    buf_init(&line, SIZE_MAX);
    buf_init(&shown, SIZE_MAX);
    buf_add_format(&line, "%s: %s: ", check->topic, finding->severity);
    if (*finding->file != '\0')
        buf_add_format(&line, "%s:%u: ", finding->file, finding->line);
    buf_add_format(&line, "%s%s%s", finding->text,
                   *finding->remedy != '\0' ? "; " : "", finding->remedy);
    text_escape(&shown, line.data, line.length);
    buf_clear(&line);
    if (check->terminal)
        add_wrapped(&line, shown.data);
    else
        buf_add_format(&line, "%s\n", shown.data);
    if (check->coloured)
        add_coloured(out, &line, finding->severity);
    else
        buf_add(out, line.data, line.length);
    buf_free(&shown);
    buf_free(&line);
}

/* Errors come last, where they are not scrolled away. */
static void keep_line(struct check *check, const struct finding *finding)
{
    struct buf line;

    if (finding->severity == failure) {
        add_line(check, finding, &check->error_lines);
    } else if (finding->severity == warning) {
        add_line(check, finding, &check->warning_lines);
    } else {
        buf_init(&line, SIZE_MAX);
        add_line(check, finding, &line);
        fputs(line.data, check->out);
        buf_free(&line);
    }
}

static void print(struct check *check, const struct finding *finding)
{
    if (check->json)
        print_json(check, finding);
    else
        keep_line(check, finding);
    fflush(check->out);
    check->count++;
    check->warnings += finding->severity == warning;
    check->errors += finding->severity == failure;
}

static void print_finding(struct check *check, const char *severity,
                          const char *remedy, const char *format, va_list args)
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
    print_finding(check, ok, "", format, args);
    va_end(args);
}

void check_warn(struct check *check, const char *remedy, const char *format,
                ...)
{
    va_list args;

    va_start(args, format);
    print_finding(check, warning, remedy, format, args);
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
    print_finding(check, failure, remedy, format, args);
    va_end(args);
}

void check_unseen(struct check *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_finding(check, unseen, "run as root", format, args);
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
    buf_init(&check->warning_lines, SIZE_MAX);
    buf_init(&check->error_lines, SIZE_MAX);
    if (check->json)
        putc('[', check->out);
}

static void print_total(struct check *check)
{
    struct buf text, line;

    buf_init(&text, SIZE_MAX);
    buf_init(&line, SIZE_MAX);
    buf_add_format(&text, "%zu error%s, %zu warning%s", check->errors,
                   check->errors == 1 ? "" : "s", check->warnings,
                   check->warnings == 1 ? "" : "s");
    check->topic = "total";
    add_line(check, &(struct finding){
        .severity = check->errors > 0 ? failure
                    : check->warnings > 0 ? warning : ok,
        .text = text.data, .remedy = "", .file = "" }, &line);
    fputs(line.data, check->out);
    buf_free(&line);
    buf_free(&text);
}

void check_end(struct check *check)
{
    fputs(check->warning_lines.data, check->out);
    fputs(check->error_lines.data, check->out);
    if (check->json)
        fputs("\n]\n", check->out);
    else
        print_total(check);
    buf_free(&check->warning_lines);
    buf_free(&check->error_lines);
}
