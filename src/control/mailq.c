/* mailq.c - print the queue as mailq does, or as JSON */
#include "control/listing.h"

#include <inttypes.h>
#include <time.h>

#include "config/config.h"
#include "util/text.h"

struct printer {
    const char *program;
    FILE *out;
    uint64_t octets;
    uint64_t messages;          /* that are listed */
    uint64_t unlisted;
};

/* Before the list, whose last line is what monitoring looks at. */
static void remark_daemon(const struct printer *printer, bool unattended)
{
    if (printer->messages == 0 && unattended)
        fprintf(stderr, "%s: no daemon is running, nothing is delivered: "
                "start postrider daemon\n", printer->program);
}

/* In capitals: scripts count the lines that begin with ^[0-9A-F]. */
void listing_print_id(FILE *out, const char *id)
{
    for (; *id != '\0'; id++)
        putc(text_upper(*id), out);
}

static void print_item(void *context, const struct queue_item *item,
                       bool unattended)
{
    struct printer *printer = context;
    char date[32] = "";
    time_t when = (time_t)item->received;
    struct tm tm;

    remark_daemon(printer, unattended);
    if (printer->messages++ == 0)
        fputs("-Queue ID-                        --Size-- ----Arrival Time---- "
              "-Sender/Recipient-------\n", printer->out);
    printer->octets += item->size;
    if (localtime_r(&when, &tm) != NULL)
        strftime(date, sizeof date, "%a %b %d %H:%M:%S", &tm);
    listing_print_id(printer->out, item->id);
    text_print(printer->out, "%c %8" PRIu64 " %-20s %s\n",
               queue_states[item->state].shown, item->size, date,
               *item->sender != '\0' ? item->sender : "MAILER-DAEMON");
    if (*item->reason != '\0')
        text_print(printer->out, "    (%s)\n", item->reason);
    for (size_t i = 0; i < item->recipient_count; i++)
        text_print(printer->out, "%64s%s\n", "", item->recipients[i]);
    fputc('\n', printer->out);
}

static void print_json_item(void *context, const struct queue_item *item,
                            bool unattended)
{
    struct printer *printer = context;
    FILE *out = printer->out;

    remark_daemon(printer, unattended);
    printer->messages++;
    fprintf(out, "{\"queue_id\": \"%s\", \"state\": \"%s\", \"uid\": %lu, "
            "\"size\": %" PRIu64 ", \"arrival_time\": %" PRId64
            ", \"attempts\": %u, \"sender\": ", item->id,
            queue_states[item->state].name, (unsigned long)item->uid,
            item->size, item->received, item->attempts);
    text_print_json(out, item->sender);
    fputs(", \"reason\": ", out);
    text_print_json(out, item->reason);
    if (item->next > 0)
        fprintf(out, ", \"next_attempt_time\": %" PRId64, item->next);
    fputs(", \"recipients\": [", out);
    for (size_t i = 0; i < item->recipient_count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        text_print_json(out, item->recipients[i]);
    }
    fputs("]}\n", out);
}

/* Before the last line, which counts them, too. */
static void print_unread(void *context, const struct queue_unread *unread)
{
    struct printer *printer = context;

    printer->unlisted += unread->count;
    text_print(printer->out, "%zu more that cannot be read: %s\n",
               unread->count, unread->text);
}

static void print_others(void *context, const struct queue_others *others)
{
    struct printer *printer = context;

    printer->unlisted += others->count;
    printer->octets += others->octets;
    fprintf(printer->out, "%" PRIu64 " more of other users\n", others->count);
}

/* A reader of objects gets nothing but messages. */
static void remark_unread(void *context, const struct queue_unread *unread)
{
    const struct printer *printer = context;

    text_print(stderr, "%s: %zu more that cannot be read: %s\n",
               printer->program, unread->count, unread->text);
}

static void print_sum(const struct printer *printer, const char *none)
{
    const uint64_t count = printer->messages + printer->unlisted;

    if (count == 0)
        fputs(none, printer->out);
    else
        /* Sendmail's last line, then Postfix's: monitoring looks for one of
         * them, as it takes this for the one or the other. */
        fprintf(printer->out, "\t\tTotal requests: %" PRIu64 "\n-- %" PRIu64
                " Kbytes in %" PRIu64 " Request%s.\n", count,
                (printer->octets + 1023) / 1024, count,
                count == 1 ? "" : "s");
}

bool listing_print(const struct config *config, bool json, const char *program,
                   FILE *out, struct error *err)
{
    struct printer printer = { .program = program, .out = out };
    const struct listing_reader reader = {
        .visit = json ? print_json_item : print_item,
        .unread = json ? remark_unread : print_unread,
        .others = json ? NULL : print_others,
        .context = &printer,
    };

    if (!listing_each(config->control, config->spool, &reader, err))
        return false;
    if (!json)
        print_sum(&printer, "Mail queue is empty\n");
    return true;
}

bool listing_print_failed(const char *spool, FILE *out, struct error *err)
{
    struct printer printer = { .out = out };
    const struct listing_reader reader = {
        .visit = print_item, .unread = print_unread, .context = &printer,
    };

    if (!listing_each_failed(spool, &reader, err))
        return false;
    print_sum(&printer, "No message was given up\n");
    return true;
}
