/* check_report.c - the findings of postrider check, as lines or JSON */
#include "postrider/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

struct finding {
    const char *severity;
    const char *text;
    const char *remedy;         /* "" for none */
    const char *file;           /* "" for none */
    uint64_t line;              /* 0 for none */
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
        fprintf(check->out, ", \"line\": %llu",
                (unsigned long long)finding->line);
    putc('}', check->out);
}

/* One line, whatever octets a name has. */
static void print_line(struct check *check, const struct finding *finding)
{
    text_print(check->out, "%s: %s: ", check->topic, finding->severity);
    if (*finding->file != '\0')
        text_print(check->out, "%s:%llu: ", finding->file,
                   (unsigned long long)finding->line);
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

/* Cut "FILE:LINE: " off; the rest. */
static char *take_place(char *text, struct finding *finding)
{
    char *end = *text == '/' ? strstr(text, ": ") : NULL;
    char *colon;

    if (end == NULL)
        return text;
    *end = '\0';
    colon = strrchr(text, ':');
    if (colon == NULL || !text_to_number(colon + 1, UINT32_MAX,
                                         &finding->line)) {
        *end = ':';
        return text;
    }
    *colon = '\0';
    finding->file = text;
    return end + 2;
}

/* Cut the remedy off that error texts end with; "" if there is none. */
static const char *take_remedy(char *text)
{
    static const char *const verbs[] = { "add ", "chgrp ", "chmod ", "chown ",
                                         "did you ", "find ", "give ",
                                         "install ", "let ", "look ", "make ",
                                         "set ", "start ", "store ",
                                         "systemctl ", "useradd ", "write " };
    char *start = text;

    while ((start = strstr(start, ": ")) != NULL) {
        for (size_t i = 0; i < COUNT(verbs); i++)
            if (text_starts(start + 2, verbs[i])) {
                *start = '\0';
                return start + 2;
            }
        start += 2;
    }
    return "";
}

void check_error(struct check *check, const struct error *err)
{
    struct finding finding = { .severity = failure, .file = "" };
    char *copy = alloc_string(err->text);
    char *text = take_place(copy, &finding);

    note(check, err->fault);
    finding.remedy = take_remedy(text);
    finding.text = text;
    print(check, &finding);
    free(copy);
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
