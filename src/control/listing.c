#include "control/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/client.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/spool.h"
#include "spool/state.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/random.h"
#include "util/text.h"

#define ANSWER_TIME 30000       /* milliseconds the daemon has for an answer */
#define FIELDS_MIN 8            /* of a line about a message */
#define UNREAD_FIELDS 3         /* "unread", count, text */

/* A reader, and what it will hear of after all messages. */
struct lister {
    const struct listing_reader *reader;
    struct unread unread;
};

/* The fields of a line, split at tabs; the caller frees the array. */
static char **split(char *line, size_t *count)
{
    size_t capacity = 16;
    char **fields = alloc_resize(NULL, capacity, sizeof *fields);

    *count = 0;
    while (line != NULL) {
        char *tab = strchr(line, '\t');
        if (tab != NULL)
            *tab++ = '\0';
        if (*count == capacity) {
            capacity *= 2;
            fields = alloc_resize(fields, capacity, sizeof *fields);
        }
        fields[(*count)++] = line;
        line = tab;
    }
    return fields;
}

/* id, mark, uid, size, received, attempts, reason, sender, recipients... */
static void take_line(void *context, const char *line, size_t length)
{
    const struct listing_reader *reader = context;
    char *copy = alloc_bytes(line, length);
    size_t count;
    char **fields = split(copy, &count);
    uint64_t uid, size, received, attempts;

    if (count >= FIELDS_MIN && text_to_number(fields[2], UINT32_MAX, &uid) &&
        text_to_number(fields[3], INT64_MAX, &size) &&
        text_to_number(fields[4], INT64_MAX, &received) &&
        text_to_number(fields[5], UINT32_MAX, &attempts)) {
        const struct listing_item item = {
            .id = fields[0],
            .mark = fields[1][0],
            .uid = (uid_t)uid,
            .size = size,
            .received = (int64_t)received,
            .attempts = (unsigned)attempts,
            .reason = fields[6],
            .sender = fields[7],
            .recipients = (const char *const *)fields + FIELDS_MIN,
            .recipient_count = count - FIELDS_MIN,
        };
        reader->visit(reader->context, &item);
    } else if (count == UNREAD_FIELDS && reader->unread != NULL &&
               strcmp(fields[0], "unread") == 0 &&
               text_to_number(fields[1], SIZE_MAX / 2, &size)) {
        reader->unread(reader->context, (size_t)size, fields[2]);
    }
    free(fields);
    free(copy);
}

static void visit_entry(struct lister *lister, const struct entry *entry,
                        const struct state *state)
{
    const struct envelope *env = &entry->envelope;
    struct stat status = { 0 };
    const char **paths = alloc_zero(env->count, sizeof *paths);
    fstat(entry->fd, &status);      /* nobody has taken it: when it came */
    struct listing_item item = {
        .id = entry->id,
        .mark = state->held ? '!' : '-',
        .uid = entry->uid,
        .size = entry->content_length,
        .received = entry->queued ? entry->received : status.st_mtime,
        .attempts = state->attempts,
        .reason = "",
        .sender = envelope_reverse_path(env),
        .recipients = paths,
        .unattended = true,
    };

    for (size_t i = 0; i < env->count; i++) {
        if (state->recipients[i].result != STATE_OPEN)
            continue;
        paths[item.recipient_count++] = env->recipients[i].path;
        if (state->recipients[i].text != NULL)
            item.reason = state->recipients[i].text;
    }
    lister->reader->visit(lister->reader->context, &item);
    free(paths);
}

/* A message in queue/, or in drop/ while nobody has taken it. */
static void visit_file(const struct spool *spool, int folder, const char *id,
                       struct lister *lister)
{
    struct error err;
    int fd = openat(folder, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                    O_CLOEXEC);
    struct entry *entry = fd == -1 ? NULL : entry_reopen(fd, id, &err);

    if (fd == -1 && errno == ENOENT)
        return;                 /* done with since */
    if (fd == -1)
        unread_explain(spool, folder, id, &err);
    struct state *state = entry == NULL ? NULL
                          : state_load(spool, id, entry->envelope.count,
                                       &err);
    if (state != NULL)
        visit_entry(lister, entry, state);
    else if (err.fault != FAULT_DATA || folder != spool->drop)
        unread_add(&lister->unread, &err);      /* junk in drop/ is none */
    state_free(state);
    entry_free(entry);
}

static bool visit_folder(const struct spool *spool, int folder,
                         struct lister *lister, struct error *err)
{
    struct strings names = { 0 };

    bool listed = folder_list(folder, &names) ||
                  error_sys(err, FAULT_IO, "%s/%s", spool->path,
                            folder == spool->drop ? "drop" : "queue");
    for (size_t i = 0; listed && i < names.count; i++) {
        const char *name = names.items[i];
        bool twice = folder == spool->drop &&
                     queue_has(spool, name);
        if (random_is_id(name) && !twice)
            visit_file(spool, folder, name, lister);
    }
    strings_free(&names);
    return listed;
}

static void report_unread(struct lister *lister)
{
    const struct listing_reader *reader = lister->reader;

    for (size_t i = 0; i < UNREAD_KINDS && reader->unread != NULL; i++)
        if (lister->unread.count[i] > 0)
            reader->unread(reader->context, lister->unread.count[i],
                           lister->unread.text[i]);
    unread_clear(&lister->unread);
}

bool listing_each(const char *control, const char *path,
                  const struct listing_reader *reader, struct error *err)
{
    struct lister lister = { .reader = reader };
    struct listing_reader asked = *reader;
    struct error unreadable;
    struct spool spool;

    if (client_ask(control, "list", ANSWER_TIME, take_line, &asked, err))
        return true;
    if (err->fault != FAULT_UNAVAILABLE)
        return false;
    if (!spool_open(&spool, path, false, &unreadable))
        return error_set(err, FAULT_UNAVAILABLE, "%s; and %s", err->text,
                         unreadable.text);
    bool listed = visit_folder(&spool, spool.queue, &lister, err) &&
                  visit_folder(&spool, spool.drop, &lister, err);
    report_unread(&lister);
    spool_close(&spool);
    return listed;
}
