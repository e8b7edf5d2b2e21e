/* queue_select.c - the messages that the operands of postrider queue name */
#include "postrider/queue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/listing.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/random.h"
#include "util/text.h"

#define INPUT_MAX (64u << 20)       /* octets of queue-ids */

static void note_id(void *context, const struct queue_item *item,
                    bool unattended)
{
    (void)unattended;
    strings_add(context, item->id);
}

/* What words are looked for in, and what has come of that. */
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

bool queue_select(const struct config *config, char **operands, bool failed,
                  struct strings *ids, struct error *err)
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
