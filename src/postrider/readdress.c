#include "postrider/readdress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "postrider/resubmit.h"
#include "spool/entry.h"
#include "spool/queue_file.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/host.h"
#include "util/io.h"
#include "util/scratch.h"
#include "util/strings.h"
#include "util/text.h"

#define HEADER_MAX (1u << 20)   /* octets in which authors are looked for */

/* A message in the daemon's list. */
struct listed {
    char *id;
    uid_t uid;
};

struct readdress {
    const struct config *config;
    char *host;                 /* completed local names; NULL if it has none */
    struct spool spool;
    struct listed *messages;
    size_t count;
};

static void note_message(void *context, const struct queue_item *item,
                         bool unattended)
{
    struct readdress *work = context;

    /* After an attempt some recipients may have it. */
    if (unattended || item->attempts > 0 ||
        queue_states[item->state].released_by != NULL)
        return;
    work->messages = alloc_resize(work->messages, work->count + 1,
                                  sizeof *work->messages);
    work->messages[work->count++] = (struct listed){
        .id = alloc_string(item->id), .uid = item->uid };
}

/* The address without its domain. */
static char *local_part_of(const char *address)
{
    const char *at = strrchr(address, '@');

    return at != NULL ? alloc_format("%.*s", (int)(at - address), address)
                      : alloc_string(address);
}

/* -f of a local name, so that the new domain completes it. */
static char *sender_of(const struct envelope *env)
{
    const char *path = envelope_reverse_path(env);

    if (*path == '\0')
        return alloc_string("<>");
    return env->from_local ? local_part_of(path) : alloc_string(path);
}

/* At the machine's own name it is a local name, whatever that means now. */
static char *recipient_of(const char *path, const char *host)
{
    const char *at = strrchr(path, '@');
    bool is_own = at != NULL && host != NULL && text_equal_case(at + 1, host);

    return is_own ? local_part_of(path) : alloc_string(path);
}

static void add_option(struct strings *arguments, const char *option,
                       const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    strings_add(arguments, option);
    strings_add(arguments, value);
}

/* With -odi it is in the daemon's list when that ends. Notifications are those
 * of the first recipient: they differ for clients of SMTP alone. */
void readdress_arguments(const struct envelope *env, const char *host,
                         struct strings *arguments)
{
    char *sender = sender_of(env);

    strings_add(arguments, "sendmail");
    strings_add(arguments, "-i");
    strings_add(arguments, "-odi");
    add_option(arguments, "-f", sender);
    add_option(arguments, "-N", notify_text(env->recipients[0].notify));
    add_option(arguments, "-R", env->dsn_return == RETURN_FULL ? "full"
               : env->dsn_return == RETURN_HEADERS ? "hdrs" : NULL);
    add_option(arguments, "-V", env->envelope_id);
    strings_add(arguments, "--");
    for (size_t i = 0; i < env->count; i++)
        strings_take(arguments, recipient_of(env->recipients[i].path, host));
    free(sender);
}

/* Is the name of the field, or of the one that the line goes on with, one that
 * sendmail completes? */
static bool is_completed(const char *line, bool before)
{
    return text_is_space(*line) ? before
           : text_starts_case(line, "from:") ||
             text_starts_case(line, "sender:") ||
             text_starts_case(line, "reply-to:");
}

/* A line without the machine's name after an @: for sendmail to complete. */
static void add_line(struct buf *out, const char *line, size_t length,
                     const char *host)
{
    static const char after[] = "> \t\r\n,;()";
    size_t own = strlen(host);

    for (size_t i = 0; i < length; i++) {
        if (line[i] == '@' && length - i - 1 > own &&
            text_equal_case_n(line + i + 1, host, own) &&
            strchr(after, line[i + 1 + own]) != NULL)
            i += own;
        else
            buf_add_char(out, line[i]);
    }
}

size_t readdress_header(struct buf *out, const struct buf *text,
                        const char *host)
{
    const char *line = text->data, *end = text->data + text->length;
    bool completed = false;

    while (line < end && *line != '\r') {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL)
            break;
        completed = is_completed(line, completed);
        if (completed)
            add_line(out, line, (size_t)(stop + 1 - line), host);
        else
            buf_add(out, line, (size_t)(stop + 1 - line));
        line = stop + 1;
    }
    return (size_t)(line - text->data);
}

/* The message, with the machine's own name taken off its authors. */
static bool add_content(const struct readdress *work, const struct entry *entry,
                        struct scratch *content)
{
    uint64_t length = entry->content_length < HEADER_MAX
                      ? entry->content_length : HEADER_MAX;
    struct io_blocks blocks = entry_blocks(entry, 0, length);
    struct buf text, header;
    size_t done = 0;

    buf_init(&text, HEADER_MAX);
    buf_init(&header, HEADER_MAX);
    while (io_blocks_next(&blocks))
        buf_add(&text, blocks.data, blocks.length);
    if (io_blocks_end(&blocks) && work->host != NULL)
        done = readdress_header(&header, &text, work->host);
    bool added = scratch_write(content, header.data, header.length) &&
                 scratch_copy(content, entry->fd, entry->content_start + done,
                              entry->content_length - done);
    buf_free(&text);
    buf_free(&header);
    return added;
}

static bool submit_entry(const struct readdress *work,
                         const struct listed *message,
                         const struct entry *entry)
{
    struct scratch content = SCRATCH_NONE;
    struct strings arguments = { 0 };
    struct error ignored;

    readdress_arguments(&entry->envelope, work->host, &arguments);
    bool done = scratch_open(&content, &ignored) &&
                add_content(work, entry, &content) &&
                lseek(content.fd, 0, SEEK_SET) == 0 &&
                resubmit(message->uid, work->config->path, &arguments,
                         content.fd);
    scratch_close(&content);
    strings_free(&arguments);
    return done;
}

static bool remove_message(const struct readdress *work, const char *id)
{
    const struct client_question question = {
        .path = work->config->control, .request = REQUEST_REMOVE,
        .argument = id, .patience = CLIENT_PATIENCE,
    };
    struct error ignored;

    return client_ask(&question, NULL, NULL, &ignored);
}

static bool readdress_one(const struct readdress *work,
                          const struct listed *message)
{
    struct error ignored;
    int64_t received;
    struct entry *entry = queue_file_open(&work->spool, message->id, &received,
                                          &ignored);
    bool done = entry != NULL && entry->envelope.count > 0 &&
                submit_entry(work, message, entry) &&
                remove_message(work, message->id);

    entry_free(entry);
    return done;
}

struct readdressed readdress_all(const struct config *config)
{
    struct readdress work = { .config = config, .host = host_full_name() };
    const struct listing_reader reader = { .visit = note_message,
                                           .context = &work };
    struct readdressed result = { 0 };
    struct error ignored;

    if (config->delivery != DELIVERY_QUEUE ||
        !spool_open(&work.spool, config->spool, false, &ignored)) {
        free(work.host);
        return result;
    }
    (void)listing_each(config->control, config->spool, &reader, &ignored);
    for (size_t i = 0; i < work.count; i++) {
        if (readdress_one(&work, &work.messages[i]))
            result.done++;
        else
            result.left++;
        free(work.messages[i].id);
    }
    free(work.messages);
    free(work.host);
    spool_close(&work.spool);
    return result;
}
