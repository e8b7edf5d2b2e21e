#include "relay/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/clocks.h"
#include "relay/shares.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/queue_file.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"

#define SUMMARY_MAX 300         /* octets: a reverse-path alone fits */
#define CONTENT_MEMORY 32768    /* octets of a copy in memory, at most */
#define RECIPIENT_MORE 64       /* octets that memory takes for a recipient's
                                 * strings besides */
#define LARGE 262144            /* octets of memory that an envelope and its
                                 * state take: of some 1,000 recipients */
#define STATE_LINE 128          /* octets of a recipient in state/, about */

/* --- What it counts for. --- */

/* Memory while it is open; about. */
static uint32_t memory_of(const struct entry *entry)
{
    const struct envelope *env = &entry->envelope;
    uint64_t size = sizeof *entry + CONTENT_MEMORY;

    for (size_t i = 0; i < env->count; i++)
        size += sizeof env->recipients[i] + strlen(env->recipients[i].path) +
                sizeof(struct state_recipient) + RECIPIENT_MORE;
    return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

/* Its size in the spool, about: its envelope may be larger than its
 * content, and each recipient has a line in state/. */
static uint64_t octets_of(const struct entry *entry)
{
    return entry->content_start + entry->content_length +
           entry->envelope.count * STATE_LINE;
}

static enum share_kind share_of(const struct message *message)
{
    return message->stored ? SHARE_QUEUE : SHARE_MEMORY;
}

static uint64_t charge_of(const struct message *message)
{
    return message->stored ? message->octets : message->memory;
}

static void charge(struct message *message)
{
    message->charged = true;
    shares_add(message->home->shares, share_of(message), message->owner,
               charge_of(message));
}

static void discharge(struct message *message)
{
    if (!message->charged)
        return;
    message->charged = false;
    shares_remove(message->home->shares, share_of(message), message->owner,
                  charge_of(message));
}

/* --- From its beginning to its end. --- */

static struct message *new_message(struct message_home *home,
                                   struct entry *entry, struct state *state,
                                   int64_t received)
{
    struct message *message = alloc_zero(1, sizeof *message);

    memcpy(message->id, entry->id, sizeof message->id);
    message->home = home;
    message->uid = entry->uid;
    message->owner = entry_user(entry, entry->uid);
    message->size = entry->content_length;
    message->octets = octets_of(entry);
    message->received = received;
    message->smarthost = SMARTHOST_ANY;
    message->entry = entry;
    message->state = state;
    message->memory = memory_of(entry);
    return message;
}

static void note_opened(struct message *message)
{
    if (message->opens++ == 0 && message_is_large(message))
        message->home->large += message->memory;
}

struct message *message_new_taken(struct message_home *home,
                                  struct entry *entry, int64_t received)
{
    struct state *state = state_new(entry->envelope.count);
    struct message *message = new_message(home, entry, state, received);

    message->files = (struct queue_files){ .original = true,
                                           .copy = entry->copied };
    charge(message);
    note_opened(message);
    return message;
}

struct message *message_new_stored(struct message_home *home,
                                   struct entry *entry, struct state *state,
                                   int64_t received)
{
    struct message *message = new_message(home, entry, state, received);

    message->stored = true;
    message->files = QUEUE_ALL_FILES;
    message->files.state = state->on_disk;
    charge(message);
    note_opened(message);
    return message;
}

static void free_content(struct message *message)
{
    entry_free(message->entry);
    message->entry = NULL;
}

static void free_state(struct message *message)
{
    state_free(message->state);
    message->state = NULL;
}

static void note_closed(struct message *message)
{
    if (message_is_large(message))
        message->home->large -= message->memory;
}

void message_free(struct message *message)
{
    discharge(message);
    message_end_attempt(message);
    if (message->opens > 0)
        note_closed(message);
    free_content(message);
    free_state(message);
    free(message->missing);
    free(message->summary);
    reason_free(message->reason);
    free(message);
}

bool message_may_use(const struct message *message, size_t smarthost)
{
    return message->smarthost == SMARTHOST_ANY ||
           (message->smarthost >= 0 &&
            (size_t)message->smarthost == smarthost);
}

/* --- Content and state. --- */

static bool read_content(struct message *message, struct error *err)
{
    int64_t received;

    if (message->entry == NULL)
        message->entry = queue_file_open(message->home->spool, message->id,
                                         &received, err);
    return message->entry != NULL;
}

static bool read_state(struct message *message, struct error *err)
{
    size_t count = message->entry->envelope.count;

    if (message->state == NULL)
        message->state = message->stored && message->files.state
                         ? state_load(message->home->spool, message->id,
                                      count, err)
                         : state_new(count);
    return message->state != NULL;
}

/* The files go, too. */
static void let_go(struct message *message)
{
    if (message->stored || message->done)
        free_content(message);
    if (!message->unsaved || message->done)
        free_state(message);
}

bool message_open(struct message *message, struct error *err)
{
    if (read_content(message, err) && read_state(message, err)) {
        note_opened(message);
        return true;
    }
    if (message->opens == 0)
        let_go(message);
    return false;
}

void message_close(struct message *message)
{
    assert(message->opens > 0);
    if (--message->opens > 0)
        return;
    note_closed(message);
    let_go(message);
}

const struct entry *message_entry(const struct message *message)
{
    return message->entry;
}

void message_close_original(struct message *message)
{
    io_close(&message->entry->original);
}

struct state *message_state(const struct message *message)
{
    return message->state;
}

void message_keep_state(struct message *message)
{
    message->unsaved = true;
}

bool message_is_on_disk(const struct message *message)
{
    return message->stored && !message->unsaved;
}

bool message_is_large(const struct message *message)
{
    return message->memory > LARGE;
}

bool message_is_open(const struct message *message)
{
    const char *summary = message->summary;

    return !message->done &&
           (summary == NULL || summary[strlen(summary) + 1] != '\0');
}

/* Reverse-path and open recipients, each with its NUL, and one more; NULL if
 * that is longer than max. */
static char *summary_of(const struct message *message, size_t max)
{
    const struct envelope *env = &message->entry->envelope;
    const struct state *state = message->state;
    const char *path = envelope_reverse_path(env);
    struct buf text;

    buf_init(&text, max);
    bool fits = buf_add(&text, path, strlen(path) + 1);
    for (size_t i = 0; fits && i < env->count; i++) {
        if (state->recipients[i].result != STATE_OPEN)
            continue;
        path = env->recipients[i].path;
        fits = buf_add(&text, path, strlen(path) + 1);
    }
    fits = fits && buf_add_char(&text, '\0');
    char *summary = fits ? alloc_bytes(text.data, text.length) : NULL;
    buf_free(&text);
    return summary;
}

static char *last_reason(const struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->recipients[i].result == STATE_OPEN &&
            state->recipients[i].text != NULL)
            return state_reason(&state->recipients[i]);
    return NULL;
}

void message_describe(struct message *message)
{
    free(message->summary);
    message->summary = summary_of(message, SUMMARY_MAX);
    reason_free(message->reason);
    char *reason = last_reason(message->state);
    message->reason = reasons_keep(&message->home->reasons, reason);
    free(reason);
    message->attempts = message->state->attempts;
    message->warned = message->state->warned;
}

char *message_summary(struct message *message)
{
    struct error err;

    if (!message_open(message, &err))
        return NULL;
    char *summary = summary_of(message, SIZE_MAX);
    message_close(message);
    return summary;
}

/* --- On disk. --- */

static bool put_in_queue(struct message *message, const struct state *state,
                         struct error *err)
{
    bool has_state = state != NULL || message->files.state;

    message->files = QUEUE_ALL_FILES;   /* if that ends halfway */
    if (!queue_store(message->home->spool, message->entry, message->received,
                     state, err))
        return false;
    message->files = (struct queue_files){
        .original = message->entry->dropped,
        .message = true,
        .state = has_state,
    };
    discharge(message);
    message->stored = true;
    charge(message);
    message->unsaved = false;
    return true;
}

bool message_store(struct message *message, struct error *err)
{
    if (!put_in_queue(message, message->unsaved ? message->state : NULL, err))
        return false;
    if (message->opens == 0)
        let_go(message);
    return true;
}

static bool write_state(struct message *message, struct error *err)
{
    message->files.state = true;
    return state_save(message->home->spool, message->id, message->state, err);
}

bool message_save(struct message *message, struct error *err)
{
    message->unsaved = !(message->stored
                         ? write_state(message, err)
                         : put_in_queue(message, message->state, err));
    return !message->unsaved;
}

bool message_remove(struct message *message, bool sync)
{
    struct error ignored;

    discharge(message);
    bool removed = queue_remove(message->home->spool, message->id,
                                &message->files, sync);
    /* Another start must know that it is done. */
    if (!removed && !message->done && message->stored && message->opens > 0)
        (void)write_state(message, &ignored);
    message->done = true;
    while (message->opens > 0)
        message_close(message);
    let_go(message);
    return removed;
}

/* --- The attempt under way. --- */

void message_begin_job(struct message *message, size_t smarthost, int64_t now,
                       int64_t wall)
{
    struct message_attempt *attempt = message->attempt;

    if (attempt == NULL) {
        attempt = message->attempt = alloc_zero(1, sizeof *attempt);
        attempt->offers = alloc_zero(message->state->count,
                                     sizeof *attempt->offers);
        attempt->age = clocks_age(message->received, wall);
    }
    attempt->smarthost = smarthost;
    attempt->began = now;
}

size_t message_offer(struct message *message, size_t *indices, size_t max)
{
    const struct state *state = message->state;
    struct message_attempt *attempt = message->attempt;

    for (size_t i = 0; i < state->count && attempt->out < max; i++)
        if (state->recipients[i].result == STATE_OPEN &&
            attempt->offers[i] == OFFER_DUE) {
            attempt->offers[i] = OFFER_OUT;
            indices[attempt->out++] = i;
        }
    return attempt->out;
}

bool message_take_answer(struct message *message, size_t index)
{
    struct message_attempt *attempt = message->attempt;

    if (index >= message->state->count || attempt->offers[index] != OFFER_OUT)
        return false;
    attempt->offers[index] = OFFER_DONE;
    attempt->out--;
    attempt->attempted = true;
    return true;
}

void message_end_job(struct message *message)
{
    struct message_attempt *attempt = message->attempt;
    bool begun = false;

    for (size_t i = 0; i < message->state->count; i++)
        if (attempt->offers[i] == OFFER_OUT)
            attempt->offers[i] = OFFER_DUE;
        else if (attempt->offers[i] == OFFER_DONE)
            begun = true;
    attempt->out = 0;
    attempt->trial = 0;
    attempt->attempted = attempt->withdrawn = false;
    if (!begun)
        message_end_attempt(message);
}

bool message_has_more(const struct message *message)
{
    for (size_t i = 0; i < message->state->count; i++)
        if (message->state->recipients[i].result == STATE_OPEN &&
            message->attempt->offers[i] != OFFER_DONE)
            return true;
    return false;
}

void message_end_attempt(struct message *message)
{
    if (message->attempt != NULL)
        free(message->attempt->offers);
    free(message->attempt);
    message->attempt = NULL;
}
