/*
 * An envelope of anything that callers may give, written by sendmail and read
 * by the daemon: what the one takes, the other takes, and as the same.
 *
 * Lines: the reverse-path, ENVID, then recipients. The first octet has options;
 * the first octet of a recipient has those of its NOTIFY, and a tab in it comes
 * before ORCPT.
 */
#include "../input.h"
#include "mail/envelope.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "util/buf.h"

enum option { WITH_UTF8 = 1, WITH_LOCAL = 2, WITH_SMARTHOST = 4, FULL = 8,
              HEADERS = 16, FLAWED = 32 };

static void add_recipient(struct envelope *env, struct input line,
                          unsigned options)
{
    static const unsigned notify[] = {
        0, NOTIFY_NEVER, NOTIFY_SUCCESS, NOTIFY_FAILURE | NOTIFY_DELAY,
        NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY };
    unsigned bits = notify[input_octet(&line) % COUNT(notify)];
    char *path = input_text(&line, '\t');
    char *text = line.left > 0 ? input_text(&line, '\t') : NULL;
    char *xtext = text == NULL ? NULL : xtext_encode(text);
    char *original = xtext == NULL ? NULL : alloc_format("rfc822;%s", xtext);
    struct error err;

    if (!envelope_add_recipient(env, path, original, bits, &err)) {
        promise_error(&err);
        if ((options & FLAWED) != 0)
            PROMISE(envelope_add_flawed(env, path, strlen(path), err.text,
                                        &err));
    }
    free(original);
    free(xtext);
    free(text);
    free(path);
}

static void fill(struct envelope *env, struct input *in, unsigned options)
{
    char *path = input_text(in, '\n');
    char *envid = input_text(in, '\n');
    struct error err;

    if (!envelope_set_reverse_path(env, path, &err))
        promise_error(&err);
    env->from_local = (options & WITH_LOCAL) != 0 &&
                      *envelope_reverse_path(env) != '\0';
    env->envelope_id = xtext_check(envid) ? alloc_string(envid) : NULL;
    env->utf8 = (options & WITH_UTF8) != 0;
    env->smarthost = alloc_string((options & WITH_SMARTHOST) != 0 ? "main"
                                                                  : NULL);
    env->dsn_return = (options & FULL) != 0      ? RETURN_FULL
                      : (options & HEADERS) != 0 ? RETURN_HEADERS
                                                 : RETURN_UNSPECIFIED;
    while (in->left > 0)
        add_recipient(env, input_part(in, '\n'), options);
    free(path);
    free(envid);
}

static void promise_same(const char *one, const char *other)
{
    PROMISE((one == NULL) == (other == NULL));
    PROMISE(one == NULL || strcmp(one, other) == 0);
}

static void check_entry(const struct entry *entry, const struct envelope *env)
{
    const struct envelope *read = &entry->envelope;

    PROMISE(entry->flaw == NULL && !entry->has_bare_ends);
    PROMISE(entry->content_length == strlen("a: b\r\n\r\n"));
    promise_same(envelope_reverse_path(read), envelope_reverse_path(env));
    promise_same(read->envelope_id, env->envelope_id);
    promise_same(read->smarthost, env->smarthost);
    PROMISE(read->from_local == env->from_local && read->utf8 == env->utf8);
    PROMISE(read->dsn_return == env->dsn_return);
    PROMISE(read->count == env->count);
    for (size_t i = 0; i < env->count; i++) {
        promise_same(read->recipients[i].path, env->recipients[i].path);
        promise_same(read->recipients[i].original,
                     env->recipients[i].original);
        promise_same(read->recipients[i].flaw, env->recipients[i].flaw);
        PROMISE(read->recipients[i].notify == env->recipients[i].notify);
    }
}

static void check_envelope(const struct envelope *env)
{
    struct error err;
    struct draft *draft = draft_new_unnamed(&err);

    PROMISE(draft != NULL);
    PROMISE(draft_envelope(draft, env, &err));
    PROMISE(draft_add(draft, "a: b\r\n\r\n", 8, &err));
    PROMISE(draft_end(draft, false, &err));
    struct entry *entry = entry_open(dup(draft_descriptor(draft)),
                                     draft_id(draft), &err);
    PROMISE(entry != NULL);
    check_entry(entry, env);
    entry_free(entry);
    draft_free(draft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned options = input_octet(&in);
    struct envelope env = { 0 };

    fill(&env, &in, options);
    if (env.count > 0)          /* sendmail has refused the rest */
        check_envelope(&env);
    envelope_free(&env);
    return 0;
}
