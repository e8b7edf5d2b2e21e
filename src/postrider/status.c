/* status.c - postrider status: the daemon in numbers, its smarthosts, trouble */
#include "postrider/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "control/client.h"
#include "util/error.h"
#include "util/text.h"

/* A smarthost that is up has no reason to end the line with. */
static void print_line(void *context, char *text)
{
    size_t length = strlen(text);

    (void)context;
    if (length > 0 && text[length - 1] == ' ')
        text[length - 1] = '\0';
    text_print(stdout, "%s\n", text);
}

/* The object is printed as it comes: figures, then two arrays. */
struct json_printer {
    size_t members;
    enum status_kind open;      /* the array that is not closed yet */
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

    if (!client_ask(&question, json ? print_json_line : print_line, &printer,
                    err))
        return false;
    if (json)
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
