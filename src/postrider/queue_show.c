/* queue_show.c - postrider queue show: all that is known about a message */
#include "postrider/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/listing.h"
#include "mail/header.h"
#include "spool/entry.h"
#include "spool/spool.h"
#include "spool/unread.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

struct wanted {
    const struct config *config;
    const char *id;
    bool given_up;              /* it is in failed/ */
    bool found;
};

/* Where the message is, if the caller may read it. */
static struct entry *open_message(const struct config *config, const char *id,
                                  struct error *err)
{
    struct spool spool;
    struct entry *entry = NULL;

    if (!spool_open(&spool, config->spool, false, err))
        return NULL;
    const int folders[] = { spool.queue, spool.drop, spool.failed };
    error_set(err, FAULT_INPUT, "no message %s in %s", id, spool.path);
    for (size_t i = 0; i < COUNT(folders) && entry == NULL; i++) {
        int fd = openat(folders[i], id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                        O_CLOEXEC);
        if (fd != -1)
            entry = entry_reopen(fd, id, err);
        else if (errno != ENOENT)
            unread_explain(&spool, folders[i], id, err);
    }
    spool_close(&spool);
    return entry;
}

static void print_subject(const struct entry *entry)
{
    struct header header = { 0 };
    struct buf text;
    size_t length;

    buf_init(&text, SIZE_MAX);
    entry_header(entry, &header);
    size_t index = header_find(&header, "Subject", 0);
    if (index < header.count) {
        const char *body = field_value(&header.fields[index], &length);
        for (size_t i = 0; i < length; i++)
            if (body[i] != '\r' && body[i] != '\n')
                buf_add_char(&text, body[i]);
        text_print(stdout, "subject: %s\n", text.data);
    }
    header_free(&header);
    buf_free(&text);
}

static void print_time(const char *name, int64_t when, bool is_past)
{
    const int64_t now = (int64_t)time(NULL);
    struct buf text;

    buf_init(&text, SIZE_MAX);
    clock_add_date(&text, (time_t)when);
    buf_add_text(&text, is_past ? " (" : " (in ");
    clock_add_span(&text, is_past ? now - when : when - now);
    buf_add_text(&text, is_past ? " ago)" : ")");
    printf("%s: %s\n", name, text.data);
    buf_free(&text);
}

/* Facts of its file that the daemon does not list. */
static void print_content_facts(const struct wanted *wanted)
{
    struct error err;
    struct entry *entry = open_message(wanted->config, wanted->id, &err);

    if (entry == NULL)
        return;
    if (entry->envelope.smarthost != NULL)
        text_print(stdout, "smarthost: %s\n", entry->envelope.smarthost);
    print_subject(entry);
    entry_free(entry);
}

static void print_next(const struct queue_item *item, bool unattended)
{
    const struct queue_state_words *words = &queue_states[item->state];

    if (words->released_by != NULL)
        printf("next-try: %s, until %s\n", words->name,
               words->released_by);
    else if (item->state == QUEUE_ACTIVE)
        puts("next-try: now");
    else if (unattended)
        puts("next-try: no daemon is running");
    else if (item->next > 0)
        print_time("next-try", item->next, false);
}

static void print_item(void *context, const struct queue_item *item,
                       bool unattended)
{
    struct wanted *wanted = context;

    if (strcmp(item->id, wanted->id) != 0)
        return;
    wanted->found = true;
    const struct passwd *user = getpwuid(item->uid);
    fputs("queue-id: ", stdout);
    listing_print_id(stdout, item->id);
    printf("\nstate: %s\nuid: %lu\n", wanted->given_up
           ? "given up: postrider queue requeue tries it again"
           : queue_states[item->state].name, (unsigned long)item->uid);
    if (user != NULL)
        text_print(stdout, "login: %s\n", user->pw_name);
    printf("size: %" PRIu64 "\nattempts: %u\n", item->size, item->attempts);
    print_time("arrival", item->received, true);
    if (!wanted->given_up)
        print_next(item, unattended);
    print_content_facts(wanted);
    text_print(stdout, "sender: <%s>\n", item->sender);
    for (size_t i = 0; i < item->recipient_count; i++)
        text_print(stdout, "recipient: <%s>\n", item->recipients[i]);
    if (*item->reason != '\0')
        text_print(stdout, "reason: %s\n", item->reason);
}

bool queue_show(const struct config *config, const char *id,
                struct error *err)
{
    struct wanted wanted = { .config = config, .id = id };
    const struct listing_reader reader = { .visit = print_item,
                                           .context = &wanted };

    if (config->delivery == DELIVERY_QUEUE &&
        !listing_each(config->control, config->spool, &reader, err))
        return false;
    wanted.given_up = !wanted.found;
    if (wanted.given_up)        /* only root and the daemon's user see that */
        listing_each_failed(config->spool, &reader, err);
    return wanted.found || error_set(err, FAULT_INPUT, "no message \"%s\" in "
                                     "the queue", id);
}

bool queue_show_content(const struct config *config, const char *id,
                        struct error *err)
{
    struct entry *entry = open_message(config, id, err);

    if (entry == NULL)
        return false;
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);
    while (io_blocks_next(&blocks))
        fwrite(blocks.data, 1, blocks.length, stdout);
    bool whole = io_blocks_end(&blocks) ||
                 error_sys(err, FAULT_IO, "read message %s", id);
    entry_free(entry);
    if (whole && (fflush(stdout) != 0 || ferror(stdout)))
        return error_sys(err, FAULT_IO, "write message %s", id);
    return whole;
}
