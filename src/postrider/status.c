/* status.c - postrider status: the daemon, its smarthosts, trouble */
#include "postrider/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

/* The summary for people; the lines themselves are for scripts. */
struct summary {
    struct buf text;            /* smarthosts and troubles */
    struct buf lines;           /* as they came */
    uint64_t queued, active, held, oldest;
    int64_t since, next;        /* of the smarthost that comes next */
    int64_t now;
};

static void note_figure(struct summary *summary,
                        const struct figure_status *figure)
{
    const struct { const char *name; uint64_t *value; } wanted[] = {
        { "queued", &summary->queued }, { "active", &summary->active },
        { "held", &summary->held }, { "oldest", &summary->oldest },
    };

    for (size_t i = 0; i < COUNT(wanted); i++)
        if (strcmp(figure->name, wanted[i].name) == 0)
            *wanted[i].value = figure->value;
}

/* "main: down for 12 min, next try in 48 s: connect ..." */
static void describe_smarthost(struct summary *summary,
                               const struct smarthost_status *smarthost)
{
    struct buf *text = &summary->text;
    bool up = smarthost->state == SMARTHOST_UP;

    buf_add_format(text, "%s: %s", smarthost->name,
                   smarthost_states[smarthost->state]);
    if (!up && summary->since > 0) {
        buf_add_text(text, " for ");
        clock_add_span(text, summary->now - summary->since);
    }
    if (!up && summary->next > 0) {
        buf_add_text(text, ", next try in ");
        clock_add_span(text, summary->next - summary->now);
    }
    if (up && smarthost->workers > 0)
        buf_add_format(text, ", %" PRIu64 " connection%s, %" PRIu64
                       " message%s on the way", smarthost->workers,
                       smarthost->workers == 1 ? "" : "s", smarthost->jobs,
                       smarthost->jobs == 1 ? "" : "s");
    if (*smarthost->reason != '\0')
        buf_add_format(text, ": %s", smarthost->reason);
    buf_add_text(text, up ? "\n" : "\n    " SMARTHOST_WAY_OUT "\n");
}

static void describe_trouble(struct summary *summary,
                             const struct trouble_status *trouble)
{
    buf_add_format(&summary->text, "%" PRIu64 " message%s in %s %s: %s\n",
                   trouble->count, trouble->count == 1 ? "" : "s",
                   trouble->place, trouble_kinds[trouble->kind].what,
                   trouble->text);
}

/* A smarthost that is up has no reason to end the line with. */
static void keep_line(struct buf *lines, const char *text)
{
    size_t length = strlen(text);

    if (length > 0 && text[length - 1] == ' ')
        length--;
    buf_add(lines, text, length);
    buf_add_char(lines, '\n');
}

static void take_line(void *context, char *text)
{
    struct summary *summary = context;
    struct status_line line;

    keep_line(&summary->lines, text);
    protocol_parse_status(text, &line);
    switch (line.kind) {
    case STATUS_FIGURE:
        note_figure(summary, &line.figure);
        break;
    case STATUS_SINCE:
        summary->since = line.smarthost.since;
        summary->next = line.smarthost.next;
        break;
    case STATUS_SMARTHOST:
        describe_smarthost(summary, &line.smarthost);
        summary->since = summary->next = 0;
        break;
    case STATUS_TROUBLE:
        describe_trouble(summary, &line.trouble);
        break;
    case STATUS_UNKNOWN:
        break;
    }
}

static void print_queue(const struct summary *summary)
{
    struct buf age;

    buf_init(&age, SIZE_MAX);
    clock_add_span(&age, summary->now - (int64_t)summary->oldest);
    if (summary->queued == 0)
        puts("the queue is empty");
    else
        printf("%" PRIu64 " message%s queued, %" PRIu64 " on the way, %" PRIu64
               " held; the oldest for %s\n", summary->queued,
               summary->queued == 1 ? "" : "s", summary->active,
               summary->held, age.data);
    buf_free(&age);
}

/* Lines of text, of which each is made harmless. */
static void print_lines(const struct buf *lines)
{
    const char *line = lines->data;

    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        text_print(stdout, "%.*s\n", (int)(end - line), line);
}

/* Scripts read the lines of the daemon; a person need not see them. */
static bool print_summary(const struct client_question *question,
                          struct error *err)
{
    struct summary summary = { .now = (int64_t)time(NULL) };

    buf_init(&summary.text, SIZE_MAX);
    buf_init(&summary.lines, SIZE_MAX);
    bool answered = client_ask(question, take_line, &summary, err);
    if (answered) {
        print_queue(&summary);
        print_lines(&summary.text);
        if (!isatty(STDOUT_FILENO))
            print_lines(&summary.lines);
    }
    buf_free(&summary.text);
    buf_free(&summary.lines);
    return answered;
}

/* The object is printed as it comes: figures, then two arrays. */
struct json_printer {
    size_t members;
    enum status_kind open;      /* the array that is not closed yet */
    int64_t since, next;        /* of the smarthost that comes next */
};

static void begin_member(struct json_printer *printer, const char *name)
{
    if (printer->open != STATUS_UNKNOWN)
        putchar(']');
    printer->open = STATUS_UNKNOWN;
    fputs(printer->members++ == 0 ? "{" : ", ", stdout);
    text_print_json(stdout, name);
    fputs(": ", stdout);
}

static void begin_element(struct json_printer *printer, enum status_kind kind,
                          const char *name)
{
    if (printer->open == kind) {
        fputs(", ", stdout);
        return;
    }
    begin_member(printer, name);
    putchar('[');
    printer->open = kind;
}

static void print_figure(struct json_printer *printer,
                         const struct figure_status *figure)
{
    begin_member(printer, figure->name);
    printf("%" PRIu64, figure->value);
}

static void print_smarthost(struct json_printer *printer,
                            const struct smarthost_status *smarthost)
{
    begin_element(printer, STATUS_SMARTHOST, "smarthosts");
    fputs("{\"name\": ", stdout);
    text_print_json(stdout, smarthost->name);
    printf(", \"state\": \"%s\", \"workers\": %" PRIu64 ", \"jobs\": %" PRIu64
           ", \"reason\": ", smarthost_states[smarthost->state],
           smarthost->workers, smarthost->jobs);
    text_print_json(stdout, smarthost->reason);
    if (printer->since > 0)
        printf(", \"since\": %" PRId64, printer->since);
    if (printer->next > 0)
        printf(", \"next_trial\": %" PRId64, printer->next);
    printer->since = printer->next = 0;
    putchar('}');
}

static void print_trouble(struct json_printer *printer,
                          const struct trouble_status *trouble)
{
    begin_element(printer, STATUS_TROUBLE, "troubles");
    fputs("{\"place\": ", stdout);
    text_print_json(stdout, trouble->place);
    printf(", \"kind\": \"%s\", \"count\": %" PRIu64 ", \"text\": ",
           trouble_kinds[trouble->kind].name, trouble->count);
    text_print_json(stdout, trouble->text);
    putchar('}');
}

static void print_json_line(void *context, char *text)
{
    struct json_printer *printer = context;
    struct status_line line;

    protocol_parse_status(text, &line);
    switch (line.kind) {
    case STATUS_FIGURE:
        print_figure(printer, &line.figure);
        break;
    case STATUS_SMARTHOST:
        print_smarthost(printer, &line.smarthost);
        break;
    case STATUS_TROUBLE:
        print_trouble(printer, &line.trouble);
        break;
    case STATUS_SINCE:
        printer->since = line.smarthost.since;
        printer->next = line.smarthost.next;
        break;
    case STATUS_UNKNOWN:
        break;
    }
}

static bool has_daemon(const struct config *config, struct error *err)
{
    return config->delivery == DELIVERY_QUEUE ||
           error_set(err, FAULT_UNAVAILABLE, "there is no daemon with "
                     "delivery = direct");
}

static bool print_status(const struct config *config, bool json,
                         struct error *err)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_STATUS,
        .patience = CLIENT_PATIENCE,
    };
    struct json_printer printer = { 0 };

    if (!json)
        return print_summary(&question, err);
    if (!client_ask(&question, print_json_line, &printer, err))
        return false;
    printf("%s%s}\n", printer.members == 0 ? "{" : "",
           printer.open == STATUS_UNKNOWN ? "" : "]");
    return true;
}

int command_status(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct error err = { 0 };

    if (argc > 1 && !json) {
        error_set(&err, FAULT_USAGE, "usage: postrider status [--json]");
        return command_fail(&err);
    }
    struct config *config = config_load(&err);
    bool done = config != NULL && has_daemon(config, &err) &&
                print_status(config, json, &err);
    config_free(config);
    return done ? EX_OK : command_fail(&err);
}
