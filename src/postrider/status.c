/* status.c - postrider status: the daemon, its smarthosts, trouble */
#include "postrider/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "postrider/status_ahead.h"
#include "postrider/status_check.h"
#include "spool/volume.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

/* The summary for people; the lines themselves are for scripts. */
struct summary {
    struct buf text;            /* smarthosts and troubles */
    struct buf lines;           /* as they came */
    uint64_t queued, reading, active, held, oldest;
    struct status_ahead ahead;
    size_t smarthosts;
    int64_t now;
};

static void note_figure(struct summary *summary,
                        const struct figure_status *figure)
{
    const struct { const char *name; uint64_t *value; } wanted[] = {
        { "queued", &summary->queued }, { "reading", &summary->reading },
        { "active", &summary->active },
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
    const struct status_ahead *ahead = &summary->ahead;
    bool up = smarthost->state == SMARTHOST_UP;

    summary->smarthosts++;
    buf_add_format(text, "%s: %s", smarthost->name,
                   smarthost_states[smarthost->state]);
    if (!up && ahead->since > 0) {
        buf_add_text(text, " for ");
        clock_add_span(text, summary->now - ahead->since);
    }
    if (!up && ahead->next > 0) {
        buf_add_text(text, ", next try in ");
        clock_add_span(text, ahead->next - summary->now);
    }
    if (up && smarthost->workers > 0)
        buf_add_format(text, ", %" PRIu64 " connection%s, %" PRIu64
                       " message%s on the way", smarthost->workers,
                       smarthost->workers == 1 ? "" : "s", smarthost->jobs,
                       smarthost->jobs == 1 ? "" : "s");
    if (*smarthost->reason != '\0')
        buf_add_format(text, ": %s", smarthost->reason);
    buf_add_text(text, up ? "\n" : "\n    " SMARTHOST_WAY_OUT "\n");
    if (ahead->refusal != NULL)
        buf_add_format(text, "    %" PRIu64 " of the last %" PRIu64 " messages "
                       "%s refused: %s\n", ahead->refused, ahead->tried,
                       ahead->refused == 1 ? "was" : "were", ahead->refusal);
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
    if (status_take_ahead(&summary->ahead, &line))
        return;
    if (line.kind == STATUS_FIGURE)
        note_figure(summary, &line.figure);
    else if (line.kind == STATUS_SMARTHOST)
        describe_smarthost(summary, &line.smarthost);
    else if (line.kind == STATUS_TROUBLE)
        describe_trouble(summary, &line.trouble);
    status_forget_ahead(&summary->ahead);
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
    if (summary->reading > 0)
        printf("the daemon has just started, and has still to read %" PRIu64
               " of them\n", summary->reading);
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
        if (summary.smarthosts == 0)
            puts("no smarthost is configured: run postrider setup");
        print_lines(&summary.text);
        if (!isatty(STDOUT_FILENO))
            print_lines(&summary.lines);
    }
    status_forget_ahead(&summary.ahead);
    buf_free(&summary.text);
    buf_free(&summary.lines);
    return answered;
}

/* The object is printed as it comes: figures, then two arrays. */
struct json_printer {
    size_t members;
    enum status_kind open;      /* the array that is not closed yet */
    size_t smarthosts[SMARTHOST_STATES];
    size_t troubles;
    struct status_ahead ahead;
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

static void begin_array(struct json_printer *printer, enum status_kind kind)
{
    begin_member(printer, kind == STATUS_SMARTHOST ? "smarthosts"
                                                   : "troubles");
    putchar('[');
    printer->open = kind;
}

static void begin_element(struct json_printer *printer, enum status_kind kind)
{
    if (printer->open == kind)
        fputs(", ", stdout);
    else
        begin_array(printer, kind);
}

static void print_text_member(const char *name, const char *text)
{
    printf(", \"%s\": ", name);
    text_print_json(stdout, text != NULL ? text : "");
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
    const struct status_ahead *ahead = &printer->ahead;

    begin_element(printer, STATUS_SMARTHOST);
    printer->smarthosts[smarthost->state]++;
    fputs("{\"name\": ", stdout);
    text_print_json(stdout, smarthost->name);
    printf(", \"state\": \"%s\", \"workers\": %" PRIu64 ", \"jobs\": %" PRIu64,
           smarthost_states[smarthost->state], smarthost->workers,
           smarthost->jobs);
    print_text_member("reason", smarthost->reason);
    print_text_member("remedy", smarthost->state == SMARTHOST_UP
                                ? "" : SMARTHOST_WAY_OUT);
    if (ahead->since > 0)
        printf(", \"since\": %" PRId64, ahead->since);
    if (ahead->next > 0)
        printf(", \"next_trial\": %" PRId64, ahead->next);
    if (ahead->refusal != NULL) {
        printf(", \"refused\": %" PRIu64 ", \"refused_of\": %" PRIu64,
               ahead->refused, ahead->tried);
        print_text_member("refusal", ahead->refusal);
    }
    putchar('}');
}

static void print_trouble(struct json_printer *printer,
                          const struct trouble_status *trouble)
{
    begin_element(printer, STATUS_TROUBLE);
    printer->troubles++;
    fputs("{\"place\": ", stdout);
    text_print_json(stdout, trouble->place);
    printf(", \"kind\": \"%s\", \"count\": %" PRIu64,
           trouble_kinds[trouble->kind].name, trouble->count);
    print_text_member("text", trouble->text);
    print_text_member("remedy", printer->ahead.remedy);
    putchar('}');
}

static void print_json_line(void *context, char *text)
{
    struct json_printer *printer = context;
    struct status_line line;

    protocol_parse_status(text, &line);
    if (status_take_ahead(&printer->ahead, &line))
        return;
    if (line.kind == STATUS_FIGURE)
        print_figure(printer, &line.figure);
    else if (line.kind == STATUS_SMARTHOST)
        print_smarthost(printer, &line.smarthost);
    else if (line.kind == STATUS_TROUBLE)
        print_trouble(printer, &line.trouble);
    status_forget_ahead(&printer->ahead);
}

/* Both arrays are there, and how many smarthosts take no mail. */
static void end_json(struct json_printer *printer)
{
    static const enum smarthost_state states[] = { SMARTHOST_DOWN,
                                                   SMARTHOST_PARKED };
    size_t smarthosts = 0;

    for (size_t i = 0; i < SMARTHOST_STATES; i++)
        smarthosts += printer->smarthosts[i];
    if (smarthosts == 0)
        begin_array(printer, STATUS_SMARTHOST);
    if (printer->troubles == 0)
        begin_array(printer, STATUS_TROUBLE);
    for (size_t i = 0; i < COUNT(states); i++) {
        begin_member(printer, smarthost_states[states[i]]);
        printf("%zu", printer->smarthosts[states[i]]);
    }
    puts("}");
    status_forget_ahead(&printer->ahead);
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
    end_json(&printer);
    return true;
}

/* A daemon that answers may lack room, or a smarthost. */
struct readiness {
    uint64_t room;              /* octets */
    bool has_smarthost;
};

static void take_readiness(void *context, char *text)
{
    struct readiness *ready = context;
    struct status_line line;

    protocol_parse_status(text, &line);
    if (line.kind == STATUS_SMARTHOST)
        ready->has_smarthost = true;
    else if (line.kind == STATUS_FIGURE &&
             strcmp(line.figure.name, "free") == 0)
        ready->room = line.figure.value;
}

/* For probes. One that is ready takes mail: that a smarthost is down is no
 * reason to take the programs that send out of service. */
static bool probe_daemon(const struct config *config, bool to_take,
                         struct error *err)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_STATUS,
        .patience = CLIENT_PATIENCE,
    };
    struct readiness ready = { 0 };

    if (!client_ask(&question, take_readiness, &ready, err))
        return false;
    if (to_take && !ready.has_smarthost)
        return error_set(err, FAULT_UNAVAILABLE, "no smarthost is configured");
    if (to_take && ready.room < VOLUME_FULL)
        return error_set(err, FAULT_UNAVAILABLE, "%s is full", config->spool);
    puts(to_take ? "ready" : "alive");
    return true;
}

static bool is_option(int argc, char **argv, const char *name)
{
    return argc == 2 && strcmp(argv[1], name) == 0;
}

int command_status(int argc, char **argv)
{
    bool json = is_option(argc, argv, "--json");
    bool check = is_option(argc, argv, "--check");
    bool alive = is_option(argc, argv, "--alive");
    bool to_take = is_option(argc, argv, "--ready");
    struct error err = { 0 };
    int status;

    if (argc > 1 && !json && !check && !alive && !to_take) {
        error_set(&err, FAULT_USAGE,
                  "usage: postrider status [--json | --check | --alive | "
                  "--ready]");
        return command_fail(&err);
    }
    struct config *config = config_load(&err);
    bool ready = config != NULL && has_daemon(config, &err);
    if (check)
        status = ready ? status_check(config) : status_check_fail(&err);
    else if (ready && (alive || to_take
                       ? probe_daemon(config, to_take, &err)
                       : print_status(config, json, &err)))
        status = EX_OK;
    else
        status = command_fail(&err);
    config_free(config);
    return status;
}
