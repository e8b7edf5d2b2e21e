#include "sendmail/submit.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "mail/reader.h"
#include "sendmail/origin.h"
#include "sendmail/route.h"
#include "spool/draft.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

/* A message on its way through this file. */
struct work {
    const struct submission *said;      /* by the caller */
    const struct config *config;
    struct draft *draft;
    struct reader *reader;
    struct header header;
    bool resent;                        /* -t goes by the resent block */
    struct origin origin;
    struct route *route;
    struct envelope env;
};

/* What can be refused without reading anything. */
static bool check_submission(const struct submission *said, struct error *err)
{
    if (!said->extract && said->recipients[0] == NULL &&
        said->named_count == 0)
        return error_set(err, FAULT_USAGE,
                         "Recipient names must be specified");
    if (said->hops > SUBMIT_HOPS_MAX)
        return error_set(err, FAULT_UNAVAILABLE, "too many hops: more than %d",
                         SUBMIT_HOPS_MAX);
    return true;
}

static bool read_header(struct work *work, struct error *err)
{
    work->reader = reader_new(work->said->source, work->said->dots,
                              SUBMIT_HEADER_MAX);
    if (!reader_header(work->reader, &work->header, err))
        return false;
    struct resent_block block = complete_resent_block(&work->header);
    work->resent = work->said->extract && block.first < block.end;
    return true;
}

static bool is_among(const struct mailbox_list *list, const char *address,
                     const char *domain)
{
    char *wanted = address_complete(address, domain);
    bool found = false;

    for (size_t i = 0; i < list->count && !found; i++) {
        char *complete = address_complete(list->items[i].address, domain);
        found = address_equal(complete, wanted);
        free(complete);
    }
    free(wanted);
    return found;
}

/* Route one list's recipients into the envelope, those in except left out. */
static bool add_recipients(struct work *work, const struct mailbox_list *list,
                           const struct mailbox_list *except,
                           struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *address = list->items[i].address;

        if (except != NULL &&
            is_among(except, address, work->config->domain))
            continue;
        if (!route_recipient(work->route, address, work->said->notify, NULL,
                             &work->env, err))
            return false;
    }
    return true;
}

static bool parse_arguments(const struct submission *said,
                            struct mailbox_list *list, struct error *err)
{
    for (char *const *word = said->recipients; *word != NULL; word++)
        if (!route_parse(*word, list, err))
            return false;
    return true;
}

static bool add_named(struct work *work, struct error *err)
{
    const struct submission *said = work->said;

    for (size_t i = 0; i < said->named_count; i++)
        if (!route_recipient(work->route, said->named[i].address,
                             said->named[i].notify, said->named[i].original,
                             &work->env, err))
            return false;
    return true;
}

/*
 * With -t, arguments are recipients, too, as with Sendmail 8.17; its manual
 * had them taken off the header's instead, which can be configured.
 */
static bool find_recipients(struct work *work, struct error *err)
{
    struct mailbox_list named = { 0 };      /* by arguments */
    struct mailbox_list found = { 0 };      /* in the header */
    bool subtract = work->said->extract && work->config->subtract_arguments;

    if (work->said->route != NULL)
        route_renew(work->route = work->said->route);
    else
        work->route = route_new(work->config, work->said->no_aliases);
    bool done = add_named(work, err) &&
                parse_arguments(work->said, &named, err) &&
                (!work->said->extract ||
                 complete_recipients(&work->header, &found, err)) &&
                (subtract || add_recipients(work, &named, NULL, err)) &&
                add_recipients(work, &found, subtract ? &named : NULL, err);
    mailbox_list_free(&named);
    mailbox_list_free(&found);
    if (done && work->env.count == 0)
        return error_set(err, FAULT_USAGE,
                         "Recipient names must be specified");
    return done;
}

static bool complete_message(struct work *work, struct error *err)
{
    const struct sender_rule *rule = work->origin.rule;
    char *originals = route_originals(work->route);
    struct completion with = {
        .host = work->config->hostname,
        .domain = work->config->domain,
        .sender = work->origin.author,
        .full_name = work->origin.full_name,
        .original_to = originals,
        .id = draft_id(work->draft),
        .now = time(NULL),
        .gateway = work->said->gateway,
        .extracted = work->said->extract,
    };

    if (rule != NULL && *rule->address != '\0')
        with.rule_address = rule->address;
    if (rule != NULL && *rule->name != '\0')
        with.rule_name = rule->name;
    bool done = complete_header(&work->header, &with, err);
    free(originals);
    return done;
}

/* Raw UTF-8: the relay decides how it goes. */
static bool header_has_utf8(const struct header *header)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct field *field = &header->fields[i];
        if (!text_is_ascii(field->text, field->length) &&
            text_is_utf8(field->text, field->length))
            return true;
    }
    return false;
}

static bool finish_envelope(struct work *work, struct error *err)
{
    const struct sender_rule *rule = work->origin.rule;
    struct envelope *env = &work->env;

    if (!envelope_set_reverse_path(env, work->origin.reverse_path, err))
        return false;
    env->from_local = work->origin.is_local;
    env->dsn_return = work->said->dsn_return;
    env->envelope_id = alloc_string(work->said->envelope_id);
    if (rule != NULL && *rule->smarthost != '\0')
        env->smarthost = alloc_string(rule->smarthost);
    env->utf8 = work->said->utf8 || envelope_has_utf8_address(env) ||
                header_has_utf8(&work->header);
    return true;
}

static bool decide(struct work *work, struct error *err)
{
    return find_recipients(work, err) &&
           origin_find(&work->origin, work->said, work->config, &work->header,
                       work->resent, err) &&
           complete_message(work, err) &&
           finish_envelope(work, err);
}

static bool add_body(void *context, const char *data, size_t length,
                     struct error *err)
{
    return draft_add(context, data, length, err);
}

static bool write_draft(struct work *work, struct error *err)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    header_write(&work->header, &text);
    buf_add_text(&text, "\r\n");
    bool is_8bit = !text_is_ascii(text.data, text.length);
    /* Of what leaves, not of what came in: the daemon counts that, too. */
    draft_set_limit(work->draft, work->config->message_size_limit);
    bool done = draft_envelope(work->draft, &work->env, err) &&
                draft_add(work->draft, text.data, text.length, err);
    buf_free(&text);
    return done &&
           reader_body(work->reader, add_body, work->draft, err) &&
           draft_end(work->draft,
                     is_8bit || reader_body_is_8bit(work->reader), err);
}

bool submit_message(const struct submission *submission,
                    const struct config *config, struct draft *draft,
                    struct error *err)
{
    struct work work = {
        .said = submission, .config = config, .draft = draft,
    };
    bool done = check_submission(submission, err) &&
                read_header(&work, err) &&
                decide(&work, err) &&
                write_draft(&work, err);

    envelope_free(&work.env);
    if (submission->route == NULL)
        route_free(work.route);
    origin_free(&work.origin);
    header_free(&work.header);
    reader_free(work.reader);
    return done;
}
