#include "postrider/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "control/client.h"
#include "postrider/status.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

#define ANSWER_TIME 30000       /* milliseconds */

struct printer {
    bool json;
    size_t lines;
    size_t smarthosts;
    size_t troubles;
};

/* Cut the first word off. */
static const char *next_word(char **text)
{
    char *word = *text;
    char *end = word + strcspn(word, " ");

    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

void status_take_smarthost(struct status_smarthost *smarthost, char *text)
{
    smarthost->name = next_word(&text);
    smarthost->state = next_word(&text);
    smarthost->workers = next_word(&text);
    smarthost->jobs = next_word(&text);
    smarthost->reason = text;
}

void status_take_trouble(struct status_trouble *trouble, char *text)
{
    trouble->place = next_word(&text);
    trouble->kind = next_word(&text);
    trouble->count = next_word(&text);
    trouble->text = text;
}

static void print_json_smarthost(struct printer *printer, char *text)
{
    struct status_smarthost smarthost;

    status_take_smarthost(&smarthost, text);
    fputs(printer->smarthosts++ == 0 ? ", \"smarthosts\": [{\"name\": "
                                     : ", {\"name\": ", stdout);
    text_print_json(stdout, smarthost.name);
    printf(", \"state\": \"%s\", \"workers\": %s, \"jobs\": %s, "
           "\"reason\": ", smarthost.state, smarthost.workers,
           smarthost.jobs);
    text_print_json(stdout, smarthost.reason);
    putchar('}');
}

static void print_json_trouble(struct printer *printer, char *text)
{
    struct status_trouble trouble;

    status_take_trouble(&trouble, text);
    if (printer->troubles++ == 0)
        printf("%s, \"troubles\": [", printer->smarthosts > 0 ? "]" : "");
    else
        fputs(", ", stdout);
    printf("{\"place\": \"%s\", \"kind\": \"%s\", \"count\": %s, "
           "\"text\": ", trouble.place, trouble.kind, trouble.count);
    text_print_json(stdout, trouble.text);
    putchar('}');
}

static void print_line(void *context, const char *line, size_t length)
{
    struct printer *printer = context;

    if (!printer->json) {
        /* A smarthost that is up has no reason to end the line with. */
        int end = (int)length - (length > 0 && line[length - 1] == ' ');
        text_print(stdout, "%.*s\n", end, line);
        return;
    }
    char *copy = alloc_bytes(line, length);
    char *value = strchr(copy, ' ');
    if (value != NULL) {
        *value++ = '\0';
        if (strcmp(copy, "smarthost") == 0)
            print_json_smarthost(printer, value);
        else if (strcmp(copy, "trouble") == 0)
            print_json_trouble(printer, value);
        else
            printf("%s\"%s\": %s", printer->lines == 0 ? "{" : ", ", copy,
                   value);
        printer->lines++;
    }
    free(copy);
}

static bool has_daemon(const struct config *config, struct error *err)
{
    return config->delivery == DELIVERY_QUEUE ||
           error_set(err, FAULT_UNAVAILABLE, "there is no daemon with "
                     "delivery = direct");
}

int command_status(int argc, char **argv)
{
    struct printer printer = { .json = argc == 2 &&
                                       strcmp(argv[1], "--json") == 0 };
    struct error err = { 0 };

    if (argc > 1 && !printer.json) {
        error_set(&err, FAULT_USAGE, "usage: postrider status [--json]");
        return command_fail(&err);
    }
    struct config *config = config_load(&err);
    bool done = config != NULL && has_daemon(config, &err) &&
                client_ask(config->control, "status", ANSWER_TIME, print_line,
                           &printer, &err);
    if (done && printer.json)
        printf("%s}\n", printer.smarthosts + printer.troubles > 0 ? "]"
                                                                 : "");
    config_free(config);
    return done ? EX_OK : command_fail(&err);
}
