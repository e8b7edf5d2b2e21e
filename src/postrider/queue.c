/* queue.c - postrider queue: list and change what is queued */
#include "postrider/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/text.h"

/* What can be done with the queue; a change is a request to the daemon. */
struct action {
    const char *name;
    const char *operand;        /* "" if there is none */
    const char *summary;
    bool (*run)(const struct config *config, const struct action *action,
                const char *operand, struct error *err);
    enum request request;       /* of a change */
    const char *past;           /* ... what the messages are then */
};

struct answer {
    bool known;
    struct changes changes;
};

static void take_answer(void *context, char *text)
{
    struct answer *answer = context;

    answer->known = protocol_parse_changes(text, &answer->changes);
}

static void print_changes(const struct changes *changes, const char *past)
{
    if (changes->left == 0 || changes->done > 0)
        printf("%" PRIu64 " %s\n", changes->done, past);
    if (changes->left > 0)
        printf("%" PRIu64 " on the way: %s unless delivered now\n",
               changes->left, past);
}

/* With direct delivery nothing is ever kept. */
static bool has_queue(const struct config *config)
{
    return config->delivery == DELIVERY_QUEUE;
}

static bool request(const struct config *config, enum request request,
                    const char *argument, struct changes *changes,
                    struct error *err)
{
    const struct client_question question = {
        .path = config->control, .request = request, .argument = argument,
        .patience = CLIENT_PATIENCE,
    };
    struct answer answer = { .known = !has_queue(config) };

    if (has_queue(config) && !client_ask(&question, take_answer, &answer, err))
        return false;
    *changes = answer.changes;
    return answer.known || error_set(err, FAULT_TEMPORARY, "the daemon gave "
                                     "no answer");
}

static bool change(const struct config *config, const struct action *action,
                   const char *operand, struct error *err)
{
    struct changes changes;

    if (!protocol_is_messages(operand))
        return error_set(err, FAULT_USAGE, "queue %s: \"%s\" is no queue-id, "
                         "nor \"all\"", action->name, operand);
    if (!request(config, action->request, operand, &changes, err))
        return false;
    if (changes.done + changes.left == 0)
        return error_set(err, FAULT_INPUT, "no such message in the queue");
    print_changes(&changes, action->past);
    return true;
}

static bool list(const struct config *config, const struct action *action,
                 const char *operand, struct error *err)
{
    bool json = *operand != '\0';

    (void)action;
    if (!has_queue(config) && !json)
        puts("Mail queue is empty");
    return !has_queue(config) ||
           listing_print(config->control, config->spool, json, "postrider",
                         stdout, err);
}

static bool flush(const struct config *config, const struct action *action,
                  const char *operand, struct error *err)
{
    struct changes ignored;

    return request(config, action->request, operand, &ignored, err);
}

struct wanted {
    const char *id;
    bool found;
};

static void print_item(void *context, const struct queue_item *item,
                       bool unattended)
{
    struct wanted *wanted = context;

    (void)unattended;
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

static bool show(const struct config *config, const struct action *action,
                 const char *operand, struct error *err)
{
    struct wanted wanted = { .id = operand };
    const struct listing_reader reader = { .visit = print_item,
                                           .context = &wanted };

    (void)action;
    if (has_queue(config) &&
        !listing_each(config->control, config->spool, &reader, err))
        return false;
    return wanted.found || error_set(err, FAULT_INPUT, "no message \"%s\" in "
                                     "the queue", operand);
}

static const struct action actions[] = {
    { "list", "[--json]", "list the queue", list, REQUEST_LIST, NULL },
    { "show", "ID", "what is known about a message", show, REQUEST_LIST,
      NULL },
    { "hold", "ID|all", "do not try a message", change, REQUEST_HOLD,
      "held" },
    { "release", "ID|all", "let a held message go", change, REQUEST_RELEASE,
      "released" },
    { "retry", "ID|all", "try a message now", change, REQUEST_RETRY,
      "will be tried now" },
    { "remove", "ID|all", "remove a message without a report", change,
      REQUEST_REMOVE, "removed" },
    { "flush", "", "try everything now", flush, REQUEST_FLUSH, NULL },
};

static bool refuse(struct error *err)
{
    struct buf usage;

    buf_init(&usage, SIZE_MAX);
    for (size_t i = 0; i < COUNT(actions); i++)
        buf_add_format(&usage, "%s%s%s%s", i == 0 ? "" : " | ",
                       actions[i].name, *actions[i].operand != '\0' ? " " : "",
                       actions[i].operand);
    error_set(err, FAULT_USAGE, "usage: postrider queue %s", usage.data);
    buf_free(&usage);
    return false;
}

/* Operands that are options need not be there. */
static bool takes(const struct action *action, const char *operand)
{
    if (*action->operand == '[')
        return *operand == '\0' || strcmp(operand, "--json") == 0;
    return (*action->operand != '\0') == (*operand != '\0');
}

static bool run(const struct config *config, int argc, char **argv,
                struct error *err)
{
    const char *name = argc > 1 ? argv[1] : "list";
    const char *operand = argc > 2 ? argv[2] : "";

    for (size_t i = 0; i < COUNT(actions) && argc <= 3; i++)
        if (strcmp(name, actions[i].name) == 0)
            return takes(&actions[i], operand)
                   ? actions[i].run(config, &actions[i], operand, err)
                   : refuse(err);
    return refuse(err);
}

static int print_help(void)
{
    puts("usage: postrider queue [ACTION]");
    for (size_t i = 0; i < COUNT(actions); i++)
        printf("  %-8s%-10s%s\n", actions[i].name, actions[i].operand,
               actions[i].summary);
    return EX_OK;
}

int command_queue(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return print_help();
    struct config *config = config_load(&err);
    bool done = config != NULL && run(config, argc, argv, &err);
    config_free(config);
    return done ? EX_OK : command_fail(&err);
}
