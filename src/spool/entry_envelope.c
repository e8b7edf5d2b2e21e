/* entry_envelope.c - the envelope of a message file: a keyword a line */
#include "spool/entry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/format.h"
#include "util/alloc.h"
#include "util/text.h"

void entry_blame(struct entry *entry, const char *status, const char *flaw)
{
    if (entry->flaw != NULL)
        return;
    entry->flaw = alloc_string(flaw);
    entry->flaw_status = status;
}

/* The meaning of one keyword of the envelope: value is the rest of its line.
 * False with FAULT_DATA: the line makes no sense. */
typedef bool read_value(struct entry *entry, char *value, struct error *err);

static bool refuse_line(struct error *err, const char *what)
{
    return error_set(err, FAULT_DATA, "wrong line in its envelope: %s", what);
}

/* A second line with the same path marks one that was completed from a local
 * name. */
static bool read_from(struct entry *entry, char *value, struct error *err)
{
    struct envelope *env = &entry->envelope;

    env->from_local = *value != '\0' &&
                      strcmp(envelope_reverse_path(env), value) == 0;
    return envelope_set_reverse_path(env, value, err);
}

static bool read_to(struct entry *entry, char *value, struct error *err)
{
    char *original = strchr(value, ' ');
    char *path = original == NULL ? NULL : strchr(original + 1, ' ');
    unsigned notify = 0;

    if (path == NULL)
        return refuse_line(err, "to");
    *original++ = '\0';
    *path++ = '\0';
    if (strcmp(original, "-") != 0 && strchr(original, ';') == NULL)
        return refuse_line(err, "original recipient");
    if (strcmp(value, "-") != 0 && !notify_parse(value, &notify, err))
        return false;
    return envelope_add_recipient(&entry->envelope, path,
                                  strcmp(original, "-") == 0 ? NULL : original,
                                  notify, err);
}

/* Of the recipient in the line before it. The oldest versions pass over this
 * line, and find a reason of their own in the path. */
static bool read_flaw(struct entry *entry, char *value, struct error *err)
{
    const struct envelope *env = &entry->envelope;

    if (env->count == 0)
        return refuse_line(err, "opt-flaw");
    struct recipient *rcpt = &env->recipients[env->count - 1];
    free(rcpt->flaw);
    rcpt->flaw = alloc_string(value);
    return true;
}

static bool read_ret(struct entry *entry, char *value, struct error *err)
{
    return dsn_return_parse(value, &entry->envelope.dsn_return, err);
}

static bool read_envid(struct entry *entry, char *value, struct error *err)
{
    if (entry->envelope.envelope_id != NULL || !xtext_check(value))
        return refuse_line(err, "envid");
    entry->envelope.envelope_id = alloc_string(value);
    return true;
}

static bool read_smarthost(struct entry *entry, char *value, struct error *err)
{
    if (entry->envelope.smarthost != NULL)
        return refuse_line(err, "smarthost");
    entry->envelope.smarthost = alloc_string(value);
    return true;
}

static bool read_utf8(struct entry *entry, char *value, struct error *err)
{
    entry->envelope.utf8 = *value == '\0';
    return *value == '\0' || refuse_line(err, "utf8");
}

static bool read_uid(struct entry *entry, char *value, struct error *err)
{
    uint64_t uid;

    if (entry->has_claim || !text_to_number(value, UINT32_MAX, &uid))
        return refuse_line(err, "uid");
    entry->has_claim = true;
    entry->claimed_uid = (uid_t)uid;
    return true;
}

static const struct keyword {
    const char *word;
    read_value *read;
} keywords[] = {
    { "from", read_from },
    { "to", read_to },
    { "opt-flaw", read_flaw },
    { "ret", read_ret },
    { "envid", read_envid },
    { "smarthost", read_smarthost },
    { "utf8", read_utf8 },
    { "uid", read_uid },
};

static const struct keyword *find_keyword(const char *line)
{
    size_t length = strcspn(line, " ");

    for (size_t i = 0; i < COUNT(keywords); i++)
        if (strlen(keywords[i].word) == length &&
            text_starts(line, keywords[i].word))
            return &keywords[i];
    return NULL;
}

/* A recipient that is invalid is reported to the sender; others get it. */
static void note_bad_line(struct entry *entry, const struct keyword *keyword,
                          const char *value, size_t length,
                          const struct error *why)
{
    const char *path = value;
    struct error many;

    for (int word = 0; word < 2; word++) {
        const char *blank = memchr(path, ' ',
                                   length - (size_t)(path - value));
        path = blank == NULL ? path : blank + 1;
    }
    if (keyword == NULL || keyword->read != read_to ||
        !envelope_add_flawed(&entry->envelope, path,
                             length - (size_t)(path - value), why->text,
                             &many))
        entry_blame(entry, "5.6.0", why->text);
}

bool entry_read_line(struct entry *entry, const char *line, size_t length,
                     struct error *err)
{
    const struct keyword *keyword = find_keyword(line);
    size_t start = strcspn(line, " ");
    start += start < length;
    char *value = alloc_bytes(line + start, length - start);
    bool right;

    if (keyword == NULL)
        right = format_check_unknown(line, err);
    else if (text_has_control(line, length))
        right = refuse_line(err, "a control character in it");
    else
        right = keyword->read(entry, value, err);
    free(value);
    if (right || err->fault == FAULT_NEWER)
        return right;
    note_bad_line(entry, keyword, line + start, length - start, err);
    return true;
}
