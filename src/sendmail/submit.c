#include "sendmail/submit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/complete.h"
#include "mail/encode.h"
#include "mail/header.h"
#include "mail/reader.h"
#include "mail/recipients.h"
#include "sendmail/origin.h"
#include "sendmail/route.h"
#include "spool/draft.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/log.h"
#include "util/scratch.h"
#include "util/strings.h"
#include "util/text.h"

/* A message on its way through this file. */
struct work {
    const struct submission *given;     /* by the caller */
    const struct config *config;
    struct draft *draft;
    struct reader *reader;
    struct header header;
    struct line_lengths lines;          /* of the body */
    struct origin origin;
    struct route *route;
    struct envelope env;
    struct error why;                   /* the first flaw of a recipient */
};

/* The refusals that need no reading. */
static bool check_submission(const struct submission *given, struct error *err)
{
    if (!given->extract && given->recipients[0] == NULL &&
        given->named_count == 0)
        return error_set(err, FAULT_USAGE,
                         "Recipient names must be specified");
    if (given->hops > SUBMIT_HOPS_MAX)
        return error_set(err, FAULT_UNAVAILABLE, "too many hops: more than %d",
                         SUBMIT_HOPS_MAX);
    return true;
}

static bool read_header(struct work *work, struct error *err)
{
    work->reader = reader_new(work->given->source, work->given->dots,
                              SUBMIT_HEADER_MAX);
    return reader_header(work->reader, &work->header, err);
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

/* Others get the message. The first reason is given if there are no others. */
static bool note_flaw(struct work *work, const char *text,
                      const struct error *why, struct error *err)
{
    if (work->why.fault == FAULT_NONE)
        work->why = *why;
    return envelope_add_flawed(&work->env, text, strlen(text), why->text, err);
}

static bool note_flaws(struct work *work, const struct flaws *flaws,
                       struct error *err)
{
    bool noted = true;

    for (size_t i = 0; noted && i < flaws->texts.count; i++) {
        struct error why = { 0 };
        error_set(&why, FAULT_DATA, "%s", flaws->reasons.items[i]);
        noted = note_flaw(work, flaws->texts.items[i], &why, err);
    }
    return noted;
}

/* Route a recipient into the envelope. */
static bool add_recipient(struct work *work, const struct submit_recipient *who,
                          struct error *err)
{
    size_t before = work->env.count;
    struct error why = { 0 };

    if (who->flaw != NULL) {
        error_set(&why, FAULT_DATA, "%s", who->flaw);
        return note_flaw(work, who->address, &why, err);
    }
    if (route_recipient(work->route, who->address,
                        &(struct route_dsn){ .notify = who->notify,
                                             .original = who->original },
                        &work->env, &why))
        return true;
    if ((why.fault != FAULT_DATA && why.fault != FAULT_CONFIG) ||
        work->env.count == ENVELOPE_RECIPIENTS_MAX) {
        *err = why;
        return false;
    }
    /* An alias has its flaws in the envelope already. */
    if (work->env.count == before)
        return note_flaw(work, who->address, &why, err);
    if (work->why.fault == FAULT_NONE)
        work->why = why;
    return true;
}

/* The same with a list, those in except left out. */
static bool add_recipients(struct work *work, const struct mailbox_list *list,
                           const struct mailbox_list *except,
                           struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct submit_recipient who = {
            .address = list->items[i].address, .notify = work->given->notify,
        };

        if (except != NULL &&
            is_among(except, who.address, work->config->domain))
            continue;
        if (!add_recipient(work, &who, err))
            return false;
    }
    return true;
}

static bool add_named(struct work *work, struct error *err)
{
    const struct submission *given = work->given;

    for (size_t i = 0; i < given->named_count; i++)
        if (!add_recipient(work, &given->named[i], err))
            return false;
    return true;
}

/* Add the recipients that the caller has named as text. With -t, arguments are
 * recipients, too, as with Sendmail 8.17; its manual had them taken off the
 * header's instead, which can be configured. */
static bool add_written(struct work *work, struct error *err)
{
    struct mailbox_list named = { 0 };      /* by arguments */
    struct mailbox_list found = { 0 };      /* in the header */
    struct flaws flaws = { 0 };
    bool subtract = work->given->extract && work->config->subtract_arguments;

    for (char *const *word = work->given->recipients; *word != NULL; word++)
        route_parse(*word, &named, &flaws);
    if (work->given->extract)
        complete_recipients(&work->header, &found, &flaws);
    bool done = note_flaws(work, &flaws, err) &&
                (subtract || add_recipients(work, &named, NULL, err)) &&
                add_recipients(work, &found, subtract ? &named : NULL, err);
    mailbox_list_free(&named);
    mailbox_list_free(&found);
    flaws_free(&flaws);
    return done;
}

/* Is there a recipient who gets the message? */
static bool is_for_any(const struct envelope *env)
{
    size_t i = 0;

    while (i < env->count && env->recipients[i].flaw != NULL)
        i++;
    return i < env->count;
}

static bool find_recipients(struct work *work, struct error *err)
{
    if (work->given->route != NULL)
        route_renew(work->route = work->given->route);
    else
        work->route = route_new(work->config, work->given->no_aliases);
    if (!add_named(work, err) || !add_written(work, err))
        return false;
    if (is_for_any(&work->env) || route_discarded(work->route)->count > 0)
        return true;
    if (work->why.fault == FAULT_NONE)
        error_set(&work->why, FAULT_USAGE, "Recipient names must be specified");
    *err = work->why;
    return false;
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
        .gateway = work->given->gateway,
        .extracted = work->given->extract,
    };

    if (rule != NULL && *rule->address != '\0')
        with.rule_address = rule->address;
    if (rule != NULL && *rule->name != '\0') {
        with.rule_name = rule->name;
        with.rule_replaces_name = rule->replace_name;
    }
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
    env->dsn_return = work->given->dsn_return;
    env->envelope_id = alloc_string(work->given->envelope_id);
    if (rule != NULL && *rule->smarthost != '\0')
        env->smarthost = alloc_string(rule->smarthost);
    env->utf8 = work->given->utf8 || envelope_has_utf8_address(env) ||
                header_has_utf8(&work->header);
    return true;
}

static bool decide_envelope(struct work *work, struct error *err)
{
    /* First: a sender section may be for the address after the name. */
    if (!work->given->gateway)
        complete_mend_authors(&work->header);
    return find_recipients(work, err) &&
           origin_find(&work->origin, work->given, work->config, &work->header,
                       err) &&
           complete_message(work, err) &&
           finish_envelope(work, err);
}

static bool add_body(void *context, const char *data, size_t length,
                     struct error *err)
{
    struct work *work = context;

    line_lengths_add(&work->lines, data, length);
    return draft_add(work->draft, data, length, err);
}

static bool add_encoded(void *context, const char *data, size_t length,
                        struct error *err)
{
    struct work *work = context;

    return draft_add(work->draft, data, length, err);
}

/* The header section; *length is how many octets it has with the empty line. */
static bool add_header(struct work *work, size_t *length, bool *is_8bit,
                       struct error *err)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    header_write(&work->header, &text);
    buf_add_text(&text, "\r\n");
    *length = text.length;
    *is_8bit = !text_is_ascii(text.data, text.length);
    bool done = draft_add(work->draft, text.data, text.length, err);
    buf_free(&text);
    return done;
}

/* The body, which is there from start on, has lines that servers refuse: it
 * goes encoded. */
static bool write_encoded(struct work *work, const struct scratch *from,
                          size_t start, bool *is_8bit, struct error *err)
{
    struct io_blocks body = io_blocks(from->fd, start, from->length);
    size_t length;

    return encode_declare(&work->header, from->fd, start, from->length - start,
                          err) &&
           add_header(work, &length, is_8bit, err) &&
           encode_body(&body, add_encoded, work, err);
}

/* All of it is written again. */
static bool encode_content(struct work *work, size_t header_length,
                           bool *is_8bit, struct error *err)
{
    struct scratch old;
    bool done = draft_take_back(work->draft, &old, err) &&
                write_encoded(work, &old, header_length, is_8bit, err);

    scratch_close(&old);
    return done;
}

/* As a rule the body needs nothing, and is written as it comes. */
static bool write_content(struct work *work, bool *is_8bit, struct error *err)
{
    size_t length;

    if (!add_header(work, &length, is_8bit, err) ||
        !reader_body(work->reader, add_body, work, err))
        return false;
    if (work->lines.has_overlong && encode_is_allowed(&work->header))
        return encode_content(work, length, is_8bit, err);
    *is_8bit = *is_8bit || reader_body_is_8bit(work->reader);
    return true;
}

/* A body on its way to a file that can be read. */
struct collection {
    struct work *work;
    struct scratch body;
};

/* Octets beyond the limit are of no use: the draft refuses those that are
 * there. */
static bool collect_body(void *context, const char *data, size_t length,
                         struct error *err)
{
    struct collection *to = context;

    line_lengths_add(&to->work->lines, data, length);
    return to->body.length > to->work->config->message_size_limit ||
           scratch_write(&to->body, data, length) ||
           error_sys(err, FAULT_TEMPORARY, "store the message");
}

static bool copy_body(struct work *work, const struct scratch *body,
                      struct error *err)
{
    struct io_blocks blocks = io_blocks(body->fd, 0, body->length);
    bool added = true;

    while (added && io_blocks_next(&blocks))
        added = draft_add(work->draft, blocks.data, blocks.length, err);
    if (!io_blocks_end(&blocks))
        return error_sys(err, FAULT_TEMPORARY, "read the message again");
    return added;
}

/* A process that has shut itself in cannot read what it has put into drop/: it
 * has to know what the body needs before that. */
static bool write_collected(struct work *work, bool *is_8bit,
                            struct error *err)
{
    struct collection to = { .work = work, .body = SCRATCH_NONE };
    size_t ignored;

    bool done = scratch_open(&to.body, err) &&
                reader_body(work->reader, collect_body, &to, err);
    bool encodes = done && work->lines.has_overlong &&
                   encode_is_allowed(&work->header);
    if (encodes)
        done = write_encoded(work, &to.body, 0, is_8bit, err);
    else if (done)
        done = add_header(work, &ignored, is_8bit, err) &&
               copy_body(work, &to.body, err);
    if (!encodes)
        *is_8bit = *is_8bit || reader_body_is_8bit(work->reader);
    scratch_close(&to.body);
    return done;
}

static bool write_draft(struct work *work, struct error *err)
{
    bool is_8bit = false;

    /* Of what leaves, not of what came in: the daemon counts that, too. */
    draft_set_limit(work->draft, work->config->message_size_limit);
    return draft_envelope(work->draft, &work->env, err) &&
           (draft_can_take_back(work->draft)
            ? write_content(work, &is_8bit, err)
            : write_collected(work, &is_8bit, err)) &&
           draft_end(work->draft, is_8bit, err);
}

static void log_discarded(const struct work *work)
{
    const struct strings *to = route_discarded(work->route);

    for (size_t i = 0; i < to->count; i++)
        log_line(LOG_LEVEL_INFO, "%s: to=<%s>, relay=none, dsn=2.0.0, "
                 "status=discarded (its alias is /dev/null)",
                 draft_id(work->draft), to->items[i]);
}

static bool drop_body(void *context, const char *data, size_t length,
                      struct error *err)
{
    (void)context;
    (void)data;
    (void)length;
    (void)err;
    return true;
}

/* There is no recipient, and no report to make; but its writer must not get
 * SIGPIPE. */
static bool discard_message(struct work *work, struct error *err)
{
    if (!reader_body(work->reader, drop_body, NULL, err))
        return false;
    log_discarded(work);
    *err = (struct error){ .fault = FAULT_NONE };
    return false;
}

static bool write_or_discard(struct work *work, struct error *err)
{
    if (work->env.count == 0)
        return discard_message(work, err);
    if (!write_draft(work, err))
        return false;
    log_discarded(work);
    return true;
}

bool submit_message(const struct submission *submission,
                    const struct config *config, struct draft *draft,
                    struct error *err)
{
    struct work work = {
        .given = submission, .config = config, .draft = draft,
    };
    bool done = check_submission(submission, err) &&
                read_header(&work, err) &&
                decide_envelope(&work, err) &&
                write_or_discard(&work, err);

    envelope_free(&work.env);
    if (submission->route == NULL)
        route_free(work.route);
    origin_free(&work.origin);
    header_free(&work.header);
    reader_free(work.reader);
    return done;
}
