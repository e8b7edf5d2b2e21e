#include "relay/dsn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/sender.h"
#include "relay/dsn_text.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/strings.h"
#include "util/text.h"

/* Does the sender want this kind of report about this recipient? */
static bool is_wanted(enum dsn_kind kind, const struct recipient *rcpt,
                      const struct state_recipient *known)
{
    unsigned notify = rcpt->notify != 0 ? rcpt->notify
                                        : NOTIFY_FAILURE | NOTIFY_DELAY;

    switch (kind) {
    case DSN_FAILURE:
        return known->result == STATE_FAILED && !known->notified &&
               (notify & NOTIFY_FAILURE) != 0;
    case DSN_DELAY:
        return known->result == STATE_OPEN && (notify & NOTIFY_DELAY) != 0;
    case DSN_SUCCESS:
        return known->result == STATE_DELIVERED && !known->notified &&
               (notify & NOTIFY_SUCCESS) != 0;
    default:
        /* The postmaster asked for nothing and gets all failures. */
        return known->result == STATE_FAILED && !known->notified;
    }
}

bool dsn_owes_success(const struct entry *entry, size_t index,
                      bool dsn_passed_on)
{
    const struct envelope *env = &entry->envelope;

    return (env->recipients[index].notify & NOTIFY_SUCCESS) != 0 &&
           !dsn_passed_on && *envelope_reverse_path(env) != '\0';
}

size_t *dsn_recipients(enum dsn_kind kind, const struct entry *entry,
                       const struct state *state, size_t *count)
{
    const struct envelope *env = &entry->envelope;
    size_t *indices = alloc_zero(state->count, sizeof *indices);
    bool is_null = *envelope_reverse_path(env) == '\0';

    *count = 0;
    if (is_null != (kind == DSN_DOUBLE))
        return indices;
    for (size_t i = 0; i < state->count; i++)
        if (is_wanted(kind, &env->recipients[i], &state->recipients[i]))
            indices[(*count)++] = i;
    return indices;
}

/* A From that a smarthost accepts: what the sender sections make of mail from
 * this sender, or of all. */
static void add_from(struct buf *out, const struct dsn *dsn)
{
    const char *sender = envelope_reverse_path(&dsn->entry->envelope);
    const struct sender_rule *rule = sender_match(dsn->config, "postrider",
                                                  sender, NULL);
    bool is_own;
    const struct sender_rule *null = sender_match_null(dsn->config, &is_own);

    if (is_own && *null->address != '\0')
        rule = null;
    buf_add_text(out, "From: Mail Delivery System <");
    if (rule != NULL && *rule->address != '\0')
        buf_add_text(out, rule->address);
    else
        buf_add_format(out, "MAILER-DAEMON@%s", dsn->config->domain);
    buf_add_text(out, ">\r\n");
}

/* The sender as the message has it; an alias may lead from there to many. */
static void add_recipients(struct buf *out, const struct dsn *dsn)
{
    if (dsn->kind != DSN_DOUBLE) {
        buf_add_format(out, "To: %s\r\n",
                       envelope_reverse_path(&dsn->entry->envelope));
        return;
    }
    buf_add_text(out, "To: ");
    for (size_t i = 0; i < dsn->to->count; i++)
        buf_add_format(out, "%s%s", i == 0 ? "" : ",\r\n\t", dsn->to->items[i]);
    buf_add_text(out, "\r\n");
}

static void add_header(struct buf *out, const struct dsn *dsn)
{
    static const char *const subjects[] = {
        [DSN_FAILURE] = "Undelivered Mail Returned to Sender",
        [DSN_DELAY] = "Delayed Mail (still being retried)",
        [DSN_SUCCESS] = "Successful Mail Delivery Report",
        [DSN_DOUBLE] = "Postmaster Copy: Undelivered Mail",
    };

    buf_add_text(out, "Date: ");
    clock_add_date(out, time(NULL));
    buf_add_text(out, "\r\n");
    add_from(out, dsn);
    add_recipients(out, dsn);
    buf_add_format(out, "Subject: %s\r\n", subjects[dsn->kind]);
    buf_add_format(out, "Message-ID: <%s@%s>\r\n", dsn->id,
                   dsn->config->hostname);
    buf_add_text(out, "Auto-Submitted: auto-replied\r\n"
                 "MIME-Version: 1.0\r\n");
    buf_add_format(out, "Content-Type: multipart/report; "
                   "report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n",
                   dsn->boundary);
    if (dsn->is_8bit)
        buf_add_text(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_add_text(out, "\r\n");
}

static bool write_all(struct draft *draft, const struct dsn *dsn,
                      struct error *err)
{
    struct envelope env = { 0 };
    struct buf text;
    bool done = true;

    for (size_t i = 0; done && i < dsn->to->count; i++)
        done = envelope_add_recipient(&env, dsn->to->items[i], NULL,
                                      NOTIFY_NEVER, err);
    buf_init(&text, SIZE_MAX);
    draft_set_uid(draft, entry_user(dsn->entry, dsn->entry->uid));
    add_header(&text, dsn);
    dsn_add_explanation(&text, dsn);
    dsn_add_status(&text, dsn);
    done = done && draft_envelope(draft, &env, err) &&
           draft_add(draft, text.data, text.length, err) &&
           dsn_add_original(draft, dsn, err);
    buf_free(&text);
    envelope_free(&env);
    return done && draft_end(draft, dsn->is_8bit, err);
}

/* Addresses and replies may be UTF-8, whatever the message is. */
static bool is_all_ascii(const struct entry *entry, const struct state *state)
{
    if (envelope_has_utf8_address(&entry->envelope))
        return false;
    for (size_t i = 0; i < state->count; i++) {
        const char *text = state->recipients[i].text;
        if (text != NULL && !text_is_ascii(text, strlen(text)))
            return false;
    }
    return true;
}

struct draft *dsn_compose(const struct dsn *about, struct error *err)
{
    char *boundary = alloc_format("=_%s", about->id);
    struct dsn dsn = *about;

    dsn.boundary = boundary;
    dsn.is_8bit = about->entry->is_8bit ||
                  !is_all_ascii(about->entry, about->state);
    struct draft *draft = draft_new_report(dsn.id, err);
    if (draft != NULL && !write_all(draft, &dsn, err)) {
        draft_free(draft);
        draft = NULL;
    }
    free(boundary);
    return draft;
}
