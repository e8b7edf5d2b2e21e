/*
 * A message from standard input and the addresses of a command line, to the
 * draft that the daemon takes.
 *
 * The first octet has the options; the first line is -f, the second recipients,
 * the rest is the message.
 */
#include "../input.h"
#include "accepted.h"
#include "config/config.h"
#include "sendmail/submit.h"
#include "spool/draft.h"
#include "util/process.h"

enum option { DOTS = 1, EXTRACT = 2, GATEWAY = 4, WITH_RULE = 8, UTF8 = 16,
              ALL_REDIRECTED = 32, WITHOUT_SENDER = 64 };

#define USUAL "hostname = web1.example.com\ndomain = example.com\n" \
              "aliases = \"\"\nmessage_size_limit = 60000\n"

static char login[] = "ann";
static const struct account ann = { .login = login };

/* Each is read once. */
static const struct config *config_of(unsigned options)
{
    static struct config *configs[4];
    static const char *const texts[] = {
        USUAL,
        USUAL "sender \"*\" { address = \"rule@r.example\" name = \"R\" }\n",
        USUAL "redirect_all = \"all@all.example\"\n",
        USUAL "redirect_all = \"all@all.example\"\n"
              "sender \"*\" { envelope = from }\n",
    };
    size_t which = ((options & WITH_RULE) != 0) +
                   2U * ((options & ALL_REDIRECTED) != 0);
    struct error err;

    if (configs[which] == NULL)
        configs[which] = config_load_text("postrider.conf", texts[which],
                                          strlen(texts[which]), &err);
    PROMISE(configs[which] != NULL);
    return configs[which];
}

static void check_draft(struct draft *draft, const struct submission *given,
                        unsigned options)
{
    struct entry *entry = accepted_entry(dup(draft_descriptor(draft)),
                                         draft_id(draft));
    const struct envelope *env = &entry->envelope;

    for (size_t i = 0; (options & ALL_REDIRECTED) != 0 && i < env->count; i++)
        PROMISE(env->recipients[i].flaw != NULL ||
                strcmp(env->recipients[i].path, "all@all.example") == 0);
    if ((options & (WITH_RULE | ALL_REDIRECTED)) == WITH_RULE)
        PROMISE(*envelope_reverse_path(env) == '\0' ||
                strcmp(envelope_reverse_path(env), "rule@r.example") == 0);
    accepted_body(entry, given->source, given->dots);
    entry_free(entry);
}

static void submit(const struct submission *given, unsigned options)
{
    struct error err = { 0 };
    struct draft *draft = draft_new_unnamed(&err);

    PROMISE(draft != NULL);
    if (submit_message(given, config_of(options), draft, &err))
        check_draft(draft, given, options);
    else if (err.fault != FAULT_NONE)
        promise_error(&err);
    draft_free(draft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned options = input_octet(&in);
    char *sender = input_text(&in, '\n');
    char *recipients = input_text(&in, '\n');
    char *arguments[] = { recipients, NULL };
    const struct submission given = {
        .account = &ann, .source = memory_file(in.at, in.left),
        .dots = (options & DOTS) != 0, .extract = (options & EXTRACT) != 0,
        .gateway = (options & GATEWAY) != 0, .utf8 = (options & UTF8) != 0,
        .reverse_path = (options & WITHOUT_SENDER) != 0 ? NULL : sender,
        .recipients = *recipients == '\0' ? arguments + 1 : arguments,
    };

    submit(&given, options);
    close(given.source);
    free(recipients);
    free(sender);
    return 0;
}
