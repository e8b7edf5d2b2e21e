/* queue.c - postrider queue: list and change what is queued */
#include "postrider/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/random.h"
#include "util/text.h"

#define ANSWER_TIME 30000       /* milliseconds */

/* What came back: "COUNT [COUNT]", or "error text". The second count is of
 * messages that are on their way: what becomes of them is not known yet. */
struct answer {
    bool refused;
    char *text;
};

static void take_answer(void *context, const char *line, size_t length)
{
    struct answer *answer = context;

    free(answer->text);
    answer->refused = text_starts(line, "error ");
    answer->text = alloc_bytes(line, length);
}

static void print_counts(const struct answer *answer, const char *past)
{
    size_t length = strcspn(answer->text, " ");
    const char *under_way = answer->text + length;

    if (*under_way == '\0' || strncmp(answer->text, "0 ", 2) != 0)
        printf("%.*s %s\n", (int)length, answer->text, past);
    if (*under_way != '\0')
        printf("%s on the way: %s unless delivered now\n", under_way + 1,
               past);
}

static int finish(const struct answer *answer, const char *past,
                  struct error *err)
{
    if (answer->text == NULL)
        error_set(err, FAULT_TEMPORARY, "the daemon gave no answer");
    else if (answer->refused)
        error_set(err, FAULT_PERMISSION, "%s", answer->text + 6);
    else if (strcmp(answer->text, "0") == 0)
        error_set(err, FAULT_INPUT, "no such message in the queue");
    else
        print_counts(answer, past);
    return err->fault == FAULT_NONE ? EX_OK : command_fail(err);
}

/* With direct delivery nothing is ever kept. */
static bool has_queue(const struct config *config)
{
    return config->delivery == DELIVERY_QUEUE;
}

static bool request(const struct config *config, const char *line,
                    struct answer *answer, struct error *err)
{
    if (!has_queue(config)) {
        take_answer(answer, "0", 1);
        return true;
    }
    return client_ask(config->control, line, ANSWER_TIME, take_answer, answer,
                      err);
}

static int change(const struct config *config, const char *action,
                  const char *past, const char *argument)
{
    struct answer answer = { 0 };
    struct error err = { 0 };
    int status;

    if (strcmp(argument, "all") != 0 && !random_is_id(argument)) {
        error_set(&err, FAULT_USAGE, "queue %s: \"%s\" is no queue-id, nor "
                  "\"all\"", action, argument);
        return command_fail(&err);
    }
    char *line = alloc_format("%s %s", action, argument);
    status = request(config, line, &answer, &err)
             ? finish(&answer, past, &err) : command_fail(&err);
    free(line);
    free(answer.text);
    return status;
}

static int list(const struct config *config, bool json)
{
    struct error err = { 0 };

    if (!has_queue(config) && !json)
        puts("Mail queue is empty");
    return !has_queue(config) ||
           listing_print(config->control, config->spool, json, "postrider",
                         stdout, &err)
           ? EX_OK : command_fail(&err);
}

static int flush(const struct config *config)
{
    struct answer answer = { 0 };
    struct error err = { 0 };
    bool done = request(config, "flush", &answer, &err);

    if (done && answer.refused)
        done = error_set(&err, FAULT_PERMISSION, "%s", answer.text + 6);
    free(answer.text);
    return done ? EX_OK : command_fail(&err);
}

struct wanted {
    const char *id;
    bool found;
};

static void print_item(void *context, const struct listing_item *item)
{
    struct wanted *wanted = context;

    if (strcmp(item->id, wanted->id) != 0)
        return;
    wanted->found = true;
    printf("queue-id: %s\nuid: %lu\nsize: %llu\nattempts: %u\n", item->id,
           (unsigned long)item->uid, (unsigned long long)item->size,
           item->attempts);
    text_print(stdout, "sender: <%s>\n", item->sender);
    for (size_t i = 0; i < item->recipient_count; i++)
        text_print(stdout, "recipient: <%s>\n", item->recipients[i]);
    if (*item->reason != '\0')
        text_print(stdout, "reason: %s\n", item->reason);
}

static int show(const struct config *config, const char *id)
{
    struct wanted wanted = { .id = id };
    const struct listing_reader reader = { .visit = print_item,
                                           .context = &wanted };
    struct error err = { 0 };

    if (has_queue(config) &&
        !listing_each(config->control, config->spool, &reader, &err))
        return command_fail(&err);
    if (wanted.found)
        return EX_OK;
    error_set(&err, FAULT_INPUT, "no message \"%s\" in the queue", id);
    return command_fail(&err);
}

static const struct {
    const char *name;
    const char *past;           /* of a change: it takes "ID|all" */
} changes[] = {
    { "hold", "held" },
    { "release", "released" },
    { "retry", "will be tried now" },
    { "remove", "removed" },
};

static int run(const struct config *config, int argc, char **argv)
{
    struct error err = { 0 };
    const char *name = argc > 1 ? argv[1] : "list";

    if (strcmp(name, "list") == 0 &&
        (argc <= 2 || (argc == 3 && strcmp(argv[2], "--json") == 0)))
        return list(config, argc == 3);
    if (strcmp(name, "flush") == 0 && argc == 2)
        return flush(config);
    if (strcmp(name, "show") == 0 && argc == 3)
        return show(config, argv[2]);
    for (size_t i = 0; i < COUNT(changes); i++)
        if (strcmp(name, changes[i].name) == 0 && argc == 3)
            return change(config, name, changes[i].past, argv[2]);
    error_set(&err, FAULT_USAGE, "usage: postrider queue list [--json] | show "
              "ID | hold|release|retry|remove ID|all | flush");
    return command_fail(&err);
}

int command_queue(int argc, char **argv)
{
    struct error err = { 0 };
    struct config *config = config_load(&err);

    if (config == NULL)
        return command_fail(&err);
    int status = run(config, argc, argv);
    config_free(config);
    return status;
}
