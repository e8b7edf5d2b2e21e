#include "postrider/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "spool/ask.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

#define ANSWER_TIME 30000       /* milliseconds */

struct printer {
    bool json;
    size_t lines;
    size_t smarthosts;
};

static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

/* "smarthost NAME STATE WORKERS JOBS REASON"; the name may hold blanks in
 * theory only. */
static void print_json_smarthost(struct printer *printer, char *text)
{
    const char *fields[5] = { "", "", "0", "0", "" };

    for (size_t i = 0; i < COUNT(fields) && text != NULL; i++) {
        char *blank = i + 1 < COUNT(fields) ? strchr(text, ' ') : NULL;
        if (blank != NULL)
            *blank++ = '\0';
        fields[i] = text;
        text = blank;
    }
    fputs(printer->smarthosts++ == 0 ? ", \"smarthosts\": [{\"name\": "
                                     : ", {\"name\": ", stdout);
    print_json_text(fields[0]);
    printf(", \"state\": \"%s\", \"workers\": %s, \"jobs\": %s, \"reason\": ",
           fields[1], fields[2], fields[3]);
    print_json_text(fields[4]);
    putchar('}');
}

static void print_line(void *context, const char *line, size_t length)
{
    struct printer *printer = context;

    if (!printer->json) {
        puts(line);
        return;
    }
    char *copy = alloc_bytes(line, length);
    char *value = strchr(copy, ' ');
    if (value != NULL) {
        *value++ = '\0';
        if (strcmp(copy, "smarthost") == 0)
            print_json_smarthost(printer, value);
        else
            printf("%s\"%s\": %s", printer->lines == 0 ? "{" : ", ", copy,
                   value);
        printer->lines++;
    }
    free(copy);
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
    bool done = config != NULL &&
                ask_daemon(config->control, "status", ANSWER_TIME, print_line,
                           &printer, &err);
    if (done && printer.json)
        printf("%s%s\n", printer.smarthosts > 0 ? "]" : "", "}");
    config_free(config);
    return done ? EX_OK : command_fail(&err);
}
