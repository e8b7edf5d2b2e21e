/* queue.c - postrider queue: list and change what is queued */
#include "postrider/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "postrider/commands.h"
#include "postrider/readdress.h"
#include "postrider/waiting.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"
#include "util/random.h"
#include "util/strings.h"
#include "util/text.h"

#define INPUT_MAX (64u << 20)       /* octets of queue-ids */

/* The actions on the queue; a change is a request to the daemon. */
struct action {
    const char *name;
    const char *operand;        /* "" if there is none */
    const char *summary;
    bool (*run)(const struct config *config, const struct action *action,
                char **operands, struct error *err);
    enum request request;       /* of a change */
    const char *past;           /* ... what the messages are then */
};

/* With direct delivery nothing is ever kept. */
static bool has_queue(const struct config *config)
{
    return config->delivery == DELIVERY_QUEUE;
}

struct answer {
    bool known;
    struct changes changes;
};

static void take_answer(void *context, char *text)
{
    struct answer *answer = context;

    answer->known = protocol_parse_changes(text, &answer->changes);
}

/* The result is added to changes. */
static bool request(const struct config *config, enum request request,
                    const char *argument, struct changes *changes,
                    struct error *err)
{
    const struct client_question question = {
        .path = config->control, .request = request, .argument = argument,
        .patience = CLIENT_PATIENCE,
    };
    struct answer answer = { .known = !has_queue(config) };
    bool asked = !has_queue(config) ||
                 client_ask(&question, take_answer, &answer, err);

    changes->done += answer.changes.done;
    changes->left += answer.changes.left;
    changes->held += answer.changes.held;
    if (!asked && answer.known)         /* of some, or of the only one */
        err->fault = FAULT_IO;
    if (!asked)
        return false;
    if (!answer.known)
        return error_set(err, FAULT_TEMPORARY, "the daemon gave no answer");
    return answer.changes.done + answer.changes.left + answer.changes.held > 0
           || error_set(err, FAULT_INPUT, "no such message in the queue") ||
           error_remedy(err, "the log has what became of it");
}

static void print_changes(const struct changes *changes, const char *past)
{
    if (changes->done > 0)
        printf("%" PRIu64 " %s\n", changes->done, past);
    if (changes->left > 0)
        printf("%" PRIu64 " on the way: %s unless delivered now\n",
               changes->left, past);
    if (changes->held > 0)
        printf("%" PRIu64 " held, not tried until postrider queue release\n",
               changes->held);
}

/* An id that is not found does not keep the others from their change. */
static bool change_each(const struct config *config, enum request kind,
                        const struct strings *ids, struct changes *changes,
                        struct error *err)
{
    bool all_found = true, done = true;
    struct error fresh;

    for (size_t i = 0; done && i < ids->count; i++) {
        if (request(config, kind, ids->items[i], changes, &fresh))
            continue;
        done = fresh.fault == FAULT_INPUT;
        if (ids->count > 1)
            error_prefix(&fresh, "%s", ids->items[i]);
        if (all_found || !done)
            *err = fresh;
        all_found = false;
    }
    return all_found;
}

static bool change_and_print(const struct config *config,
                             const struct action *action,
                             const struct strings *ids, struct error *err)
{
    struct changes changes = { 0 };
    bool all_found = change_each(config, action->request, ids, &changes, err);

    print_changes(&changes, action->past);
    return all_found;
}

static void note_id(void *context, const struct queue_item *item,
                    bool unattended)
{
    (void)unattended;
    strings_add(context, item->id);
}

/* The ids that words select. */
struct selection {
    const struct config *config;
    bool failed;
    struct strings listed;      /* only if a word is not an id itself */
    struct strings *ids;
};

static bool list_ids(struct selection *selection, struct error *err)
{
    const struct config *config = selection->config;
    const struct listing_reader reader = { .visit = note_id,
                                           .context = &selection->listed };

    if (selection->failed)
        return listing_each_failed(config->spool, &reader, err);
    return config->delivery == DELIVERY_DIRECT ||
           listing_each(config->control, config->spool, &reader, err);
}

static bool is_beginning(const char *text)
{
    return *text != '\0' && text[strspn(text, TEXT_HEX_DIGITS)] == '\0';
}

/* The one that begins so. */
static bool complete_id(struct selection *selection, const char *start,
                        struct error *err)
{
    const struct strings *listed = &selection->listed;
    const char *found = NULL;

    for (size_t i = 0; i < listed->count; i++) {
        if (!text_starts(listed->items[i], start))
            continue;
        if (found != NULL)
            return error_set(err, FAULT_USAGE, "\"%s\" is the beginning of "
                             "several queue-ids", start);
        found = listed->items[i];
    }
    if (found == NULL)
        return error_set(err, FAULT_USAGE, "\"%s\" is neither a queue-id nor "
                         "the beginning of one in the queue", start);
    strings_add(selection->ids, found);
    return true;
}

static bool read_words(struct strings *words, struct error *err)
{
    static const char blanks[] = " \t\r\n";
    struct buf text;

    buf_init(&text, INPUT_MAX);
    bool done = io_read_all(STDIN_FILENO, &text, err);
    char *word = text.data + strspn(text.data, blanks);
    while (done && *word != '\0') {
        char *end = word + strcspn(word, blanks);
        char *next = end + strspn(end, blanks);
        *end = '\0';
        strings_add(words, word);
        word = next;
    }
    buf_free(&text);
    return done;
}

static bool collect_words(char **operands, struct strings *words,
                          struct error *err)
{
    for (; *operands != NULL; operands++) {
        if (strcmp(*operands, "-") == 0 && !read_words(words, err))
            return false;
        if (strcmp(*operands, "-") != 0)
            strings_add(words, *operands);
    }
    return true;
}

static bool add_word(struct selection *selection, char *word,
                     struct error *err)
{
    text_lower_all(word);
    if (random_is_id(word)) {
        strings_add(selection->ids, word);
        return true;
    }
    if (!is_beginning(word))
        return error_set(err, FAULT_USAGE, "\"%s\" is not a queue-id", word);
    return (selection->listed.count > 0 || list_ids(selection, err)) &&
           complete_id(selection, word, err);
}

/*
 * The queue-ids that operands name, in lower case: whole ones, in any case,
 * which are believed; the beginning of one that is listed, if it is the only
 * one; and for "-" the words of standard input. "all", by itself, stays as it
 * is. operands ends with NULL. FAULT_USAGE if one is none of that.
 *
 * failed   beginnings are those of messages in failed/, instead of the queue
 */
static bool select_ids(const struct config *config, char **operands,
                       bool failed, struct strings *ids, struct error *err)
{
    struct selection selection = { .config = config, .failed = failed,
                                   .ids = ids };
    struct strings words = { 0 };
    bool all = operands[0] != NULL && operands[1] == NULL &&
               strcmp(operands[0], "all") == 0;

    if (all)
        strings_add(ids, "all");
    bool done = all || collect_words(operands, &words, err);
    for (size_t i = 0; done && i < words.count; i++)
        done = add_word(&selection, words.items[i], err);
    strings_free(&words);
    strings_free(&selection.listed);
    return done;
}

static bool change(const struct config *config, const struct action *action,
                   char **operands, struct error *err)
{
    struct strings ids = { 0 };

    bool done = select_ids(config, operands, false, &ids, err) &&
                change_and_print(config, action, &ids, err);
    strings_free(&ids);
    return done;
}

static bool remove_messages(const struct config *config,
                            const struct action *action, char **operands,
                            struct error *err)
{
    struct strings ids = { 0 };

    (void)action;
    bool done = select_ids(config, operands, false, &ids, err) &&
                queue_remove_messages(config, &ids, change_each, err);
    strings_free(&ids);
    return done;
}

/* Print the outcome; false if one waits still. */
static bool print_waiting(const struct waiting *waiting, struct error *err)
{
    const struct waiting_sum sum = waiting_sum(waiting);

    printf("%zu of %zu left the queue\n", sum.gone, sum.noted);
    return sum.left == 0 ||
           error_set(err, FAULT_TEMPORARY, "%zu message%s wait%s still%s%s",
                     sum.left, sum.left == 1 ? "" : "s",
                     sum.left == 1 ? "s" : "", sum.reason != NULL ? ": " : "",
                     sum.reason != NULL ? sum.reason : "");
}

static bool retry_and_wait(const struct config *config,
                           const struct action *action,
                           const struct strings *ids, struct error *err)
{
    struct waiting *waiting = waiting_note(config, strings_has(ids, "all")
                                                   ? NULL : ids);
    bool done = change_and_print(config, action, ids, err);

    fflush(stdout);
    if (done) {
        waiting_watch(waiting, config, 0);
        done = print_waiting(waiting, err);
    }
    waiting_free(waiting);
    return done;
}

static bool retry(const struct config *config, const struct action *action,
                  char **operands, struct error *err)
{
    struct strings ids = { 0 };
    bool waits = strcmp(operands[0], "--wait") == 0;

    bool done = select_ids(config, operands + waits, false, &ids, err) &&
                (waits ? retry_and_wait(config, action, &ids, err)
                       : change_and_print(config, action, &ids, err));
    strings_free(&ids);
    return done;
}

/* A message in failed/ is not in the daemon's list. */
static bool requeue(const struct config *config, const struct action *action,
                    char **operands, struct error *err)
{
    struct strings ids = { 0 };
    const struct listing_reader reader = { .visit = note_id,
                                           .context = &ids };
    bool all = strcmp(operands[0], "all") == 0 && operands[1] == NULL;

    bool done = (all ? listing_each_failed(config->spool, &reader, err)
                     : select_ids(config, operands, true, &ids, err)) &&
                (ids.count > 0 || error_set(err, FAULT_INPUT, "no message was "
                                            "given up")) &&
                change_and_print(config, action, &ids, err);
    strings_free(&ids);
    return done;
}

static bool list(const struct config *config, const struct action *action,
                 char **operands, struct error *err)
{
    const char *option = operands[0] != NULL ? operands[0] : "";
    bool json = strcmp(option, "--json") == 0;

    (void)action;
    if (strcmp(option, "--failed") == 0)
        return listing_print_failed(config->spool, stdout, err);
    if (!has_queue(config) && !json)
        puts("Mail queue is empty");
    if (!has_queue(config))
        return true;
    if (!json && isatty(STDOUT_FILENO))
        return queue_print_table(config, err);
    return listing_print(config, json, "postrider", stdout, err);
}

static bool flush(const struct config *config, const struct action *action,
                  char **operands, struct error *err)
{
    struct changes ignored = { 0 };

    (void)operands;
    return request(config, action->request, "", &ignored, err) ||
           err->fault == FAULT_INPUT;
}

static bool resubmit(const struct config *config, const struct action *action,
                     char **operands, struct error *err)
{
    (void)action;
    (void)operands;
    if (geteuid() != 0)
        return error_set(err, FAULT_PERMISSION, "only root can submit for "
                         "other users");
    if (config->smarthost_count == 0)
        return error_set(err, FAULT_CONFIG, "no smarthost is configured: what "
                         "is submitted now would get the same addresses");
    struct readdressed mail = readdress_all(config);
    printf("%zu submitted again\n", mail.done);
    return mail.left == 0 ||
           error_set(err, FAULT_TEMPORARY, "%zu stay%s as before", mail.left,
                     mail.left == 1 ? "s" : "");
}

static bool show(const struct config *config, const struct action *action,
                 char **operands, struct error *err)
{
    struct strings ids = { 0 };
    bool content = strcmp(operands[0], "--message") == 0;
    bool done = select_ids(config, operands + content, false, &ids, err);

    (void)action;
    for (size_t i = 0; done && i < ids.count; i++) {
        if (i > 0)
            putchar('\n');
        done = content ? queue_show_content(config, ids.items[i], err)
                       : queue_show(config, ids.items[i], err);
    }
    strings_free(&ids);
    return done;
}

static const struct action actions[] = {
    { "list", "[--json|--failed]", "list the queue, or what was given up",
      list, REQUEST_LIST, NULL },
    { "show", "[--message] ID...", "show what is known about a message, "
      "or all of it", show, REQUEST_LIST, NULL },
    { "hold", "ID...|all", "do not try a message", change, REQUEST_HOLD,
      "held" },
    { "release", "ID...|all", "deliver a held message", change,
      REQUEST_RELEASE, "released" },
    { "retry", "[--wait] ID...|all", "try a message now", retry,
      REQUEST_RETRY, "will be tried now" },
    { "remove", "ID...|all", "remove a message without a report",
      remove_messages, REQUEST_REMOVE, "removed" },
    { "requeue", "ID...|all", "try again what was given up", requeue,
      REQUEST_REQUEUE, "queued again" },
    { "flush", "", "try everything now", flush, REQUEST_FLUSH, NULL },
    { "resubmit", "", "submit again what was never tried", resubmit,
      REQUEST_REMOVE, NULL },
};

/* The word is one of no action, or one whose operands are wrong. */
static bool refuse(const char *name, struct error *err)
{
    const char *meant = command_nearest(name, actions, COUNT(actions),
                                        sizeof actions[0]);
    struct buf usage;

    buf_init(&usage, SIZE_MAX);
    if (meant != NULL && strcmp(meant, name) != 0)
        buf_add_format(&usage, "is \"%s\" meant? ", meant);
    buf_add_text(&usage, "usage: postrider queue ");
    for (size_t i = 0; i < COUNT(actions); i++)
        buf_add_format(&usage, "%s%s%s%s", i == 0 ? "" : " | ",
                       actions[i].name, *actions[i].operand != '\0' ? " " : "",
                       actions[i].operand);
    error_set(err, FAULT_USAGE, "%s", usage.data);
    buf_free(&usage);
    return false;
}

/* Is it one of "[--this|--that]"? */
static bool has_option(const struct action *action, const char *option)
{
    const char *found = *action->operand == '['
                        ? strstr(action->operand, option) : NULL;

    return found != NULL && strchr("[|", found[-1]) != NULL &&
           strchr("|]", found[strlen(option)]) != NULL;
}

/* Options come first, and an action without ID has nothing after them. */
static bool takes(const struct action *action, char **operands)
{
    bool option = operands[0] != NULL && text_starts(operands[0], "--");

    return (!option || has_option(action, operands[0])) &&
           (operands[option] != NULL) == (strstr(action->operand, "ID") !=
                                          NULL);
}

static bool run(const struct config *config, int argc, char **argv,
                struct error *err)
{
    const char *name = argc > 1 ? argv[1] : "list";
    char **operands = argv + (argc > 1 ? 2 : 1);

    for (size_t i = 0; i < COUNT(actions); i++)
        if (strcmp(name, actions[i].name) == 0 && takes(&actions[i], operands))
            return actions[i].run(config, &actions[i], operands, err);
    return refuse(name, err);
}

static int print_help(void)
{
    puts("usage: postrider queue [ACTION]");
    for (size_t i = 0; i < COUNT(actions); i++)
        printf("  %-9s%-19s%s\n", actions[i].name, actions[i].operand,
               actions[i].summary);
    puts("ID is a queue-id or the beginning of one, in any case; - reads them "
         "from\nstandard input.");
    return EX_OK;
}

int command_queue(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc > 1 && argc < 4 && strcmp(argv[argc - 1], "--help") == 0)
        return print_help();
    struct config *config = config_load(&err);
    bool done = config != NULL && run(config, argc, argv, &err);
    config_free(config);
    return done ? EX_OK : command_fail(&err);
}
