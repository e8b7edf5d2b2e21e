/* queue_table.c - the queue for a person at a terminal */
#include "postrider/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "control/listing.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/text.h"

#define SHORTEST_ID 4           /* digits */
#define ADDRESS_WIDTH 19        /* columns, so that a line has 80 at most */

struct row {                    /* all text is owned */
    char *id;
    char *sender;
    char *recipient;            /* the first one */
    char *reason;
    size_t recipients;
    enum queue_state state;
    uint64_t size;
    int64_t received;
    int64_t next;
    unsigned attempts;
};

struct table {
    struct row *rows;
    size_t count, capacity;
    uint64_t unlisted;          /* messages without a row */
    bool unattended;
};

static void add_row(void *context, const struct queue_item *item,
                    bool unattended)
{
    struct table *table = context;

    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
        table->rows = alloc_resize(table->rows, table->capacity,
                                   sizeof *table->rows);
    }
    table->unattended = table->unattended || unattended;
    table->rows[table->count++] = (struct row){
        .id = alloc_string(item->id),
        .sender = alloc_string(item->sender),
        .recipient = alloc_string(item->recipient_count > 0
                                  ? item->recipients[0] : ""),
        .reason = alloc_string(item->reason),
        .recipients = item->recipient_count,
        .state = item->state,
        .size = item->size,
        .received = item->received,
        .next = item->next,
        .attempts = item->attempts,
    };
}

static void add_others(void *context, const struct queue_others *others)
{
    ((struct table *)context)->unlisted += others->count;
    printf("%" PRIu64 " more of other users\n", others->count);
}

static void print_unread(void *context, const struct queue_unread *unread)
{
    ((struct table *)context)->unlisted += unread->count;
    text_print(stdout, "%zu more that cannot be read: %s\n", unread->count,
               unread->text);
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->rows[i].id);
        free(table->rows[i].sender);
        free(table->rows[i].recipient);
        free(table->rows[i].reason);
    }
    free(table->rows);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id);
}

static int compare_ages(const void *a, const void *b)
{
    const struct row *one = a, *other = b;

    return (one->received > other->received) -
           (one->received < other->received);
}

/* By reason; those without one come last. */
static int compare_reasons(const void *a, const void *b)
{
    return strcmp(((const struct row *)b)->reason,
                  ((const struct row *)a)->reason);
}

/* So many digits distinguish all ids. */
static size_t id_length(struct table *table)
{
    size_t length = SHORTEST_ID;

    qsort(table->rows, table->count, sizeof *table->rows, compare_ids);
    for (size_t i = 1; i < table->count; i++)
        while (strncmp(table->rows[i - 1].id, table->rows[i].id, length) == 0 &&
               table->rows[i].id[length] != '\0')
            length++;
    return length;
}

/* An address in its column: of one that is too long the beginning. */
static void add_address(struct buf *line, const char *address)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, address, strlen(address));
    buf_add_format(line, " %-*.*s", ADDRESS_WIDTH, ADDRESS_WIDTH, shown.data);
    buf_free(&shown);
}

static void add_size(struct buf *line, uint64_t size)
{
    if (size < 10000)
        buf_add_format(line, " %5" PRIu64, size);
    else if (size < (uint64_t)10000 << 10)
        buf_add_format(line, " %4" PRIu64 "K", size >> 10);
    else
        buf_add_format(line, " %4" PRIu64 "M", size >> 20);
}

static void add_span(struct buf *line, const char *before, int64_t seconds)
{
    struct buf span;

    buf_init(&span, SIZE_MAX);
    buf_add_text(&span, before);
    clock_add_span(&span, seconds);
    buf_add_format(line, " %-6s", span.data);
    buf_free(&span);
}

static void add_next(struct buf *line, const struct table *table,
                     const struct row *row, int64_t now)
{
    if (queue_states[row->state].released_by != NULL)
        buf_add_format(line, " %s", queue_states[row->state].name);
    else if (row->state == QUEUE_ACTIVE)
        buf_add_text(line, " on the way");
    else if (!table->unattended && row->next > now)
        add_span(line, "in ", row->next - now);
    else if (!table->unattended && row->next > 0)
        buf_add_text(line, " now");
    else
        buf_add_text(line, " -");
}

static void print_row(const struct table *table, const struct row *row,
                      size_t length, int64_t now)
{
    struct buf line, recipient;

    buf_init(&line, SIZE_MAX);
    buf_init(&recipient, SIZE_MAX);
    if (row->recipients > 1)
        buf_add_format(&recipient, "+%zu ", row->recipients - 1);
    buf_add_text(&recipient, row->recipient);
    for (size_t i = 0; i < length; i++)
        buf_add_char(&line, text_upper(row->id[i]));
    add_span(&line, "", now - row->received);
    buf_add_format(&line, " %5u", row->attempts);
    add_size(&line, row->size);
    add_address(&line, *row->sender != '\0' ? row->sender : "MAILER-DAEMON");
    add_address(&line, recipient.data);
    add_next(&line, table, row, now);
    puts(line.data);
    buf_free(&recipient);
    buf_free(&line);
}

/* Each reason once, with the number of messages that wait for it. */
static void print_reasons(struct table *table)
{
    qsort(table->rows, table->count, sizeof *table->rows, compare_reasons);
    for (size_t i = 0, next; i < table->count; i = next) {
        const char *reason = table->rows[i].reason;
        for (next = i + 1; next < table->count &&
             strcmp(table->rows[next].reason, reason) == 0; )
            next++;
        if (*reason != '\0')
            text_print(stdout, "%zu wait%s: %s\n", next - i,
                       next - i == 1 ? "s" : "", reason);
    }
}

static void print_table(struct table *table)
{
    size_t length = id_length(table);

    printf("%-*s AGE    TRIES  SIZE %-*s %-*s NEXT\n", (int)length, "ID",
           ADDRESS_WIDTH, "FROM", ADDRESS_WIDTH, "TO");
    qsort(table->rows, table->count, sizeof *table->rows, compare_ages);
    for (size_t i = 0; i < table->count; i++)
        print_row(table, &table->rows[i], length, (int64_t)time(NULL));
    print_reasons(table);
}

bool queue_print_table(const struct config *config, struct error *err)
{
    struct table table = { 0 };
    const struct listing_reader reader = {
        .visit = add_row, .unread = print_unread, .others = add_others,
        .context = &table,
    };

    bool listed = listing_each(config->control, config->spool, &reader, err);
    if (listed && table.count > 0)
        print_table(&table);
    if (listed && table.count > 0 && table.unattended)
        puts("no daemon is running, nothing is delivered: start postrider "
             "daemon");
    if (listed && table.count + table.unlisted == 0)
        puts("Mail queue is empty");
    free_table(&table);
    return listed;
}
