/* A message file, as it is and with the END line that its octets need. What is
 * read is what its lines say, and written again it is the same; nothing in it
 * is a line break or a control character of an envelope. */
#include "../fuzz_spool.h"

static void check_path(const char *path)
{
    PROMISE(!text_has_control(path, strlen(path)));
}

static void check_envelope(const struct envelope *env)
{
    check_path(envelope_reverse_path(env));
    PROMISE(env->count <= ENVELOPE_RECIPIENTS_MAX);
    for (size_t i = 0; i < env->count; i++) {
        const struct recipient *rcpt = &env->recipients[i];
        check_path(rcpt->path);
        PROMISE(rcpt->flaw != NULL || *rcpt->path != '\0');
        PROMISE(rcpt->flaw == NULL ||
                !text_has_control(rcpt->flaw, strlen(rcpt->flaw)));
        PROMISE(rcpt->original == NULL ||
                (!text_has_control(rcpt->original, strlen(rcpt->original)) &&
                 strchr(rcpt->original, ' ') == NULL &&
                 strchr(rcpt->original, ';') != NULL));
    }
    PROMISE(env->envelope_id == NULL || xtext_check(env->envelope_id));
    if (env->smarthost != NULL)
        check_path(env->smarthost);
}

/* The value in the next line with this keyword, which begins with a line feed;
 * NULL: there is none. */
static const char *next_value(const char *text, const char *keyword)
{
    size_t length = strlen(keyword);

    while ((text = strstr(text, keyword)) != NULL) {
        text += length;
        if (*text == ' ' || *text == '\n')
            return text + (*text == ' ');
    }
    return NULL;
}

/* The same of the only such line. */
static const char *find_value(const char *envelope, const char *keyword)
{
    const char *value = next_value(envelope, keyword);

    PROMISE(value == NULL || next_value(value, keyword) == NULL);
    return value;
}

static void check_line(const char *envelope, const char *keyword,
                       const char *value)
{
    const char *line = find_value(envelope, keyword);

    PROMISE((line == NULL) == (value == NULL));
    PROMISE(line == NULL || (strcspn(line, "\n") == strlen(value) &&
                             text_starts(line, value)));
}

/* "NOTIFY ORIGINAL PATH": has it this recipient? */
static bool is_of(const char *value, const struct recipient *rcpt)
{
    char *end = alloc_format(" %s %s\n", rcpt->original == NULL
                             ? "-" : rcpt->original, rcpt->path);

    bool same = rcpt->flaw != NULL ||
                text_starts(value + strcspn(value, " \n"), end);
    free(end);
    return same;
}

/* A path may be there twice. */
static bool has_line(const struct envelope *env, const char *value)
{
    const char *path = value;

    for (int word = 0; word < 2; word++)
        path += strcspn(path, " \n") + (path[strcspn(path, " \n")] == ' ');
    for (size_t i = 0; i < env->count; i++)
        if (is_of(value, &env->recipients[i]) ||
            (strcspn(path, "\n") == strlen(env->recipients[i].path) &&
             text_starts_case(path, env->recipients[i].path)))
            return true;
    return false;
}

/* The header of draft.h, in other words than entry_envelope.c: nothing is left
 * out or made of a message without a flaw. */
static void check_lines(const struct entry *entry, const struct buf *file)
{
    const struct envelope *env = &entry->envelope;
    char *envelope = alloc_bytes(file->data, entry->content_start - 1);
    const char *line = envelope;

    PROMISE(text_starts(envelope, "postrider 1 " FUZZ_ID "\n"));
    /* A NUL is one of a recipient that has a flaw. */
    for (char *nul; (nul = memchr(envelope, '\0', entry->content_start - 1)) !=
                    NULL; )
        *nul = ' ';
    const char *uid = find_value(envelope, "\nuid");
    check_line(envelope, "\nsmarthost", env->smarthost);
    check_line(envelope, "\nenvid", env->envelope_id);
    PROMISE((uid != NULL) == entry->has_claim);
    PROMISE(uid == NULL || strtoull(uid, NULL, 10) == entry->claimed_uid);
    for (size_t i = 0; i < env->count; i++) {
        do {
            line = next_value(line, "\nto");
            PROMISE(line != NULL);
        } while (!is_of(line, &env->recipients[i]));
    }
    for (line = envelope; (line = next_value(line, "\nto")) != NULL; )
        PROMISE(has_line(env, line));
    free(envelope);
}

static bool is_same_text(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other
                                        : strcmp(one, other) == 0;
}

static void check_same(const struct entry *one, const struct entry *other)
{
    const struct envelope *env = &one->envelope, *again = &other->envelope;

    PROMISE(strcmp(one->id, other->id) == 0);
    PROMISE(one->has_claim == other->has_claim &&
            one->claimed_uid == other->claimed_uid);
    PROMISE(one->content_length == other->content_length);
    PROMISE(one->is_8bit == other->is_8bit);
    PROMISE(one->has_bare_ends == other->has_bare_ends);
    PROMISE(is_same_text(envelope_reverse_path(env),
                         envelope_reverse_path(again)));
    PROMISE(env->from_local == again->from_local);
    PROMISE(env->count == again->count);
    for (size_t i = 0; i < env->count; i++) {
        const struct recipient *rcpt = &env->recipients[i];
        const struct recipient *same = &again->recipients[i];
        PROMISE(is_same_text(rcpt->path, same->path));
        PROMISE(is_same_text(rcpt->original, same->original));
        PROMISE(rcpt->notify == same->notify);
        PROMISE((rcpt->flaw == NULL) == (same->flaw == NULL));
    }
    PROMISE(env->dsn_return == again->dsn_return && env->utf8 == again->utf8);
    PROMISE(is_same_text(env->envelope_id, again->envelope_id));
    PROMISE(is_same_text(env->smarthost, again->smarthost));
}

/* Only content without a line that ends with less than CRLF may be sent. */
static void check_ends(const struct entry *entry)
{
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);
    char before = '\0';

    while (io_blocks_next(&blocks))
        for (size_t i = 0; i < blocks.length; i++) {
            PROMISE((before == '\r') == (blocks.data[i] == '\n'));
            before = blocks.data[i];
        }
    PROMISE(io_blocks_end(&blocks) && before != '\r');
}

static void check_entry(const struct entry *entry, const struct buf *file)
{
    struct buf printed, again;
    struct error err;

    check_envelope(&entry->envelope);
    if (entry_check(entry, &err)) {
        check_lines(entry, file);
        check_ends(entry);
    } else {
        fuzz_check_error(&err);
    }
    fuzz_print(entry, &printed);
    struct entry *same = entry_open(fuzz_file(printed.data, printed.length),
                                    entry->id, &err);
    PROMISE(same != NULL);
    check_same(entry, same);
    fuzz_print(same, &again);
    PROMISE(again.length == printed.length &&
            memcmp(again.data, printed.data, again.length) == 0);
    entry_free(same);
    buf_free(&printed);
    buf_free(&again);
}

/* Who reads only the frame takes what others take, but for the sum. */
static void check_reopened(const struct buf *file, bool taken)
{
    struct error err;
    struct entry_progress progress = { 0 };
    struct entry *entry = entry_reopen(fuzz_file(file->data, file->length),
                                       FUZZ_ID, &err);

    PROMISE(entry != NULL || !taken);
    if (entry == NULL)
        return;
    bool right = true;
    while (right && !entry_is_verified(entry, &progress))
        right = entry_verify(entry, &progress, 100, &err);
    PROMISE(right == taken || entry->content_start +
                              entry->content_length == 0);
    entry_free(entry);
}

static bool run(const struct buf *file)
{
    struct error err = { 0 };
    struct entry *entry = entry_open(fuzz_file(file->data, file->length),
                                     FUZZ_ID, &err);
    bool taken = entry != NULL;

    if (entry != NULL) {
        check_entry(entry, file);
    } else {
        fuzz_check_error(&err);
        PROMISE(err.fault == FAULT_DATA || err.fault == FAULT_NEWER);
    }
    entry_free(entry);
    check_reopened(file, taken);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf file;

    buf_init(&file, SIZE_MAX);
    buf_add(&file, data, size);
    bool taken = run(&file);
    fuzz_mend(&file);
    PROMISE(run(&file) || !taken);
    buf_free(&file);
    return 0;
}
