#include "control/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/client.h"
#include "spool/entry.h"
#include "spool/queue_file.h"
#include "spool/spool.h"
#include "spool/state.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/random.h"

/* A reader, and what it gets after all messages. */
struct lister {
    const struct listing_reader *reader;
    bool failed;                /* those in failed/: also recipients that were
                                 * refused are listed */
    struct unread unread;
    char next_id[RANDOM_ID_LENGTH + 1];     /* of the item that comes next, */
    int64_t next;                           /* and when it is tried */
};

static void take_next(struct lister *lister, const struct queue_next *next)
{
    if (!random_is_id(next->id))
        return;
    memcpy(lister->next_id, next->id, sizeof lister->next_id);
    lister->next = next->time;
}

static void take_item(struct lister *lister, struct queue_item *item)
{
    if (strcmp(item->id, lister->next_id) == 0)
        item->next = lister->next;
    lister->reader->visit(lister->reader->context, item, false);
}

static void take_line(void *context, char *text)
{
    struct lister *lister = context;
    const struct listing_reader *reader = lister->reader;
    struct list_line line;

    protocol_parse_list(text, &line);
    if (line.kind == LIST_ITEM)
        take_item(lister, &line.item);
    else if (line.kind == LIST_NEXT)
        take_next(lister, &line.next);
    else if (line.kind == LIST_UNREAD && reader->unread != NULL)
        reader->unread(reader->context, &line.unread);
    else if (line.kind == LIST_OTHERS && reader->others != NULL)
        reader->others(reader->context, &line.others);
    protocol_free_list(&line);
}

static void visit_entry(struct lister *lister, const struct entry *entry,
                        const struct state *state)
{
    const struct envelope *env = &entry->envelope;
    struct stat status = { 0 };
    char *reason = NULL;
    const char **paths = alloc_zero(env->count, sizeof *paths);
    fstat(entry->fd, &status);      /* of one in drop/: when it came */
    struct queue_item item = {
        .id = entry->id,
        .state = state->held ? QUEUE_HELD : QUEUE_WAITING,
        .uid = entry->uid,
        .size = entry->content_length,
        .received = entry->queued ? entry->received : status.st_mtime,
        .attempts = state->attempts,
        .reason = "",
        .next = state->held ? 0 : state->next,
        .sender = envelope_reverse_path(env),
        .recipients = paths,
    };

    for (size_t i = 0; i < env->count; i++) {
        const enum state_result result = state->recipients[i].result;
        if (result == STATE_DELIVERED ||
            (result == STATE_FAILED && !lister->failed))
            continue;
        paths[item.recipient_count++] = env->recipients[i].path;
        if (state->recipients[i].text == NULL)
            continue;
        free(reason);
        item.reason = reason = state_reason(&state->recipients[i]);
    }
    lister->reader->visit(lister->reader->context, &item, !lister->failed);
    free(paths);
    free(reason);
}

static struct state *load_state(const struct spool *spool, int folder,
                                const struct entry *entry, struct error *err)
{
    const size_t count = entry->envelope.count;

    return folder == spool->failed
           ? state_load_failed(spool, entry->id, count, err)
           : state_load(spool, entry->id, count, err);
}

/* A message in queue/, in failed/, or in drop/ before the daemon has taken
 * it. */
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
                          : load_state(spool, folder, entry, &err);
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
                            folder == spool->drop ? "drop"
                            : folder == spool->queue ? "queue" : "failed");
    for (size_t i = 0; listed && i < names.count; i++) {
        const char *name = names.items[i];
        bool twice = folder == spool->drop &&
                     queue_file_exists(spool, name);
        if (random_is_id(name) && !twice)
            visit_file(spool, folder, name, lister);
    }
    strings_free(&names);
    return listed;
}

static void report_unread(struct lister *lister)
{
    const struct listing_reader *reader = lister->reader;

    for (size_t i = 0; i < UNREAD_KINDS && reader->unread != NULL; i++) {
        const size_t count = lister->unread.count[i];
        if (count > 0)
            reader->unread(reader->context, &(struct queue_unread){
                .count = count, .text = lister->unread.example[i]->text });
    }
    unread_clear(&lister->unread);
}

bool listing_each(const char *control, const char *path,
                  const struct listing_reader *reader, struct error *err)
{
    const struct client_question question = {
        .path = control, .request = REQUEST_LIST, .patience = CLIENT_PATIENCE,
    };
    struct lister lister = { .reader = reader };
    struct error unreadable;
    struct spool spool;

    if (client_ask(&question, take_line, &lister, err))
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

bool listing_each_failed(const char *path,
                         const struct listing_reader *reader,
                         struct error *err)
{
    struct lister lister = { .reader = reader, .failed = true };
    struct spool spool;

    if (!spool_open(&spool, path, false, err)) {
        err->fault = FAULT_UNAVAILABLE;
        return false;
    }
    bool listed = visit_folder(&spool, spool.failed, &lister, err);
    report_unread(&lister);
    spool_close(&spool);
    return listed;
}
