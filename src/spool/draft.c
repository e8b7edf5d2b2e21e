#include "spool/draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/envelope.h"
#include "spool/place.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/random.h"
#include "util/scratch.h"
#include "util/text.h"

#define BUFFER_SIZE 65536

struct draft {
    struct scratch file;        /* of a dropped draft: never in memory */
    struct drop_place place;    /* where it is committed; closed if nowhere */
    char id[RANDOM_ID_LENGTH + 1];
    struct buf pending;         /* not written yet; at most BUFFER_SIZE */
    uint64_t content;           /* octets of the message so far */
    uint64_t limit;             /* of them */
    uint32_t sum;
    uint64_t head;              /* octets of the envelope, and their sum */
    uint32_t head_sum;
    bool has_uid;
    uid_t uid;
};

static struct draft *draft_new(const char *id)
{
    struct draft *draft = alloc_zero(1, sizeof *draft);

    draft->file = SCRATCH_NONE;
    draft->place = DROP_PLACE_NONE;
    draft->limit = DRAFT_CONTENT_MAX;
    memcpy(draft->id, id, sizeof draft->id);
    buf_init(&draft->pending, BUFFER_SIZE);
    return draft;
}

struct draft *draft_new_report(const char *id, struct error *err)
{
    struct draft *draft = draft_new(id);

    if (scratch_open(&draft->file, err))
        return draft;
    draft_free(draft);
    return NULL;
}

struct draft *draft_new_unnamed(struct error *err)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    return draft_new_report(id, err);
}

struct draft *draft_new_dropped(const char *spool, struct error *err)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    struct draft *draft = draft_new(id);
    draft->file.fd = drop_place_open(&draft->place, spool, err);
    if (draft->file.fd != -1)
        return draft;
    draft_free(draft);
    return NULL;
}

bool draft_commit(struct draft *draft, struct error *err)
{
    return drop_place_commit(&draft->place, draft->file.fd, draft->id, err);
}

void draft_free(struct draft *draft)
{
    if (draft == NULL)
        return;
    scratch_close(&draft->file);
    drop_place_close(&draft->place);
    buf_free(&draft->pending);
    free(draft);
}

const char *draft_id(const struct draft *draft)
{
    return draft->id;
}

static bool write_out(struct draft *draft, const char *data, size_t length,
                      struct error *err)
{
    if (!scratch_write(&draft->file, data, length))
        return error_sys(err, FAULT_TEMPORARY, "store the message (%" PRIu64
                         " octets so far)", draft->file.length) ||
               error_remedy(err, "make room and send it again");
    return true;
}

static bool flush(struct draft *draft, struct error *err)
{
    bool done = write_out(draft, draft->pending.data, draft->pending.length,
                          err);

    buf_clear(&draft->pending);
    return done;
}

static bool put(struct draft *draft, const char *data, size_t length,
                struct error *err)
{
    draft->sum = crc32c(draft->sum, data, length);
    if (length > BUFFER_SIZE - draft->pending.length && !flush(draft, err))
        return false;
    if (length >= BUFFER_SIZE)
        return write_out(draft, data, length, err);
    buf_add(&draft->pending, data, length);
    return true;
}

void draft_set_uid(struct draft *draft, uid_t uid)
{
    draft->has_uid = true;
    draft->uid = uid;
}

void draft_set_limit(struct draft *draft, uint64_t limit)
{
    draft->limit = limit < DRAFT_CONTENT_MAX ? limit : DRAFT_CONTENT_MAX;
}

static void add_recipient(struct buf *out, const struct recipient *rcpt)
{
    const char *notify = notify_text(rcpt->notify);

    buf_add_format(out, "to %s %s %s\n", *notify == '\0' ? "-" : notify,
                   rcpt->original == NULL ? "-" : rcpt->original, rcpt->path);
    if (rcpt->flaw != NULL) {
        buf_add_text(out, "opt-flaw ");
        text_escape(out, rcpt->flaw, strlen(rcpt->flaw));
        buf_add_char(out, '\n');
    }
}

bool draft_envelope(struct draft *draft, const struct envelope *env,
                    struct error *err)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    const char *from = envelope_reverse_path(env);
    buf_add_format(&text, "postrider %d %s\n", DRAFT_VERSION, draft->id);
    /* Here drop_user() finds it. */
    if (draft->has_uid)
        buf_add_format(&text, "uid %lu\n", (unsigned long)draft->uid);
    buf_add_format(&text, "from %s\n", from);
    /* The same line again is not a new word: the oldest reader takes it. */
    if (env->from_local)
        buf_add_format(&text, "from %s\n", from);
    for (size_t i = 0; i < env->count; i++)
        add_recipient(&text, &env->recipients[i]);
    if (env->dsn_return != RETURN_UNSPECIFIED)
        buf_add_format(&text, "ret %s\n",
                       env->dsn_return == RETURN_FULL ? "full" : "hdrs");
    if (env->envelope_id != NULL)
        buf_add_format(&text, "envid %s\n", env->envelope_id);
    if (env->smarthost != NULL)
        buf_add_format(&text, "smarthost %s\n", env->smarthost);
    if (env->utf8)
        buf_add_text(&text, "utf8\n");
    buf_add_char(&text, '\n');

    bool done = text.length <= DRAFT_ENVELOPE_MAX
                ? put(draft, text.data, text.length, err)
                : error_set(err, FAULT_DATA, "the addresses of all recipients "
                            "have more than %u octets: send several messages",
                            DRAFT_ENVELOPE_MAX);
    draft->head = text.length;
    draft->head_sum = draft->sum;
    buf_free(&text);
    return done;
}

bool draft_add(struct draft *draft, const char *data, size_t length,
               struct error *err)
{
    if (length > draft->limit - draft->content)
        return error_set(err, FAULT_SIZE, "message is larger than "
                         "message_size_limit (%" PRIu64 " octets)",
                         draft->limit);
    draft->content += length;
    return put(draft, data, length, err);
}

bool draft_take_back(struct draft *draft, struct scratch *content,
                     struct error *err)
{
    *content = SCRATCH_NONE;
    if (!flush(draft, err) || !scratch_open(content, err))
        return false;
    int fd = draft->file.fd;
    if (!scratch_copy(content, fd, draft->head, draft->content) ||
        ftruncate(fd, (off_t)draft->head) == -1 ||
        lseek(fd, (off_t)draft->head, SEEK_SET) == -1)
        return error_sys(err, FAULT_TEMPORARY, "read the message again");
    draft->file.length = draft->head;
    draft->sum = draft->head_sum;
    draft->content = 0;
    return true;
}

bool draft_end(struct draft *draft, bool is_8bit, struct error *err)
{
    char line[DRAFT_END_LENGTH + 1];

    snprintf(line, sizeof line, "END %020" PRIu64 " %08" PRIx32 " %c\n",
             draft->content, draft->sum, is_8bit ? '8' : '7');
    return put(draft, line, DRAFT_END_LENGTH, err) && flush(draft, err);
}

int draft_descriptor(struct draft *draft)
{
    lseek(draft->file.fd, 0, SEEK_SET);
    return draft->file.fd;
}
