#include "relay/dsn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "mail/encode.h"
#include "mail/header.h"
#include "relay/retry.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/strings.h"
#include "util/text.h"

#define WHOLE_MAX 51200         /* octets of a message returned unasked */
#define HEADER_MAX 65536        /* octets of a header section returned */
#define LISTED_MAX 100          /* recipients a report names: some 400 octets
                                 * each, and smarthosts refuse large mail */

/* The words for each kind: for people first, then for machines. */
static const struct wording {
    const char *lead;
    const char *action;         /* RFC 3464 section 2.3.3 */
    const char *part;           /* Content-Description of the third part */
} wordings[] = {
    [DSN_FAILURE] = {
        "Your message could not be delivered to the recipients below. It will"
        "\r\nnot be tried again.\r\n", "failed", "Undelivered Message" },
    [DSN_DELAY] = {
        "Your message has not been delivered yet. You need not send it again:"
        "\r\nit is kept and tried until it is delivered or expires.\r\n",
        "delayed", "Delayed Message" },
    [DSN_SUCCESS] = {
        "Your message was handed to the mail system of your provider, which "
        "does\r\nnot report final delivery.\r\n", "relayed",
        "Relayed Message" },
    [DSN_DOUBLE] = {
        "A message without a sender, such as a report to a sender, could not "
        "be\r\ndelivered. It will not be tried again.\r\n", "failed",
        "Undelivered Message" },
};

/* --- The three parts of a report (RFC 3462 section 1). --- */

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* Text of one line, broken at blanks before column 72 or so: a reply may be
 * longer than a line may be. */
static void add_folded(struct buf *out, const char *text)
{
    size_t length = strlen(text);

    while (length > 60) {
        size_t cut = 60;
        while (cut > 30 && text[cut] != ' ')
            cut--;
        if (text[cut] != ' ') {
            const char *blank = memchr(text + 60, ' ', length - 60);
            cut = blank == NULL ? length : (size_t)(blank - text);
        }
        if (cut > 900)
            cut = 900;
        buf_add(out, text, cut);
        text += cut;
        length -= cut;
        if (length > 0)
            buf_add_text(out, "\r\n   ");
    }
    buf_add(out, text, length);
}

static size_t count_listed(const struct dsn *dsn)
{
    return dsn->count < LISTED_MAX ? dsn->count : LISTED_MAX;
}

static void add_explanation(struct buf *out, const struct dsn *dsn)
{
    buf_add_format(out, "--%s\r\nContent-Description: Notification\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "%s\r\n", dsn->boundary, dsn->is_8bit
                   ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    buf_add_format(out, "This is the mail system at %s.\r\n\r\n%s\r\n",
                   dsn->config->hostname, wordings[dsn->kind].lead);
    for (size_t i = 0; i < count_listed(dsn); i++) {
        size_t index = dsn->recipients[i];
        const struct state_recipient *known = &dsn->state->recipients[index];
        buf_add_format(out, "<%s>: ",
                       dsn->entry->envelope.recipients[index].path);
        if (known->from_reply)
            buf_add_format(out, "%s said: ", or_empty(known->relay));
        add_folded(out, or_empty(known->text));
        buf_add_text(out, "\r\n\r\n");
    }
    if (dsn->count > LISTED_MAX)
        buf_add_format(out, "... and %zu more recipients, which the log of "
                       "that system lists.\r\n\r\n", dsn->count - LISTED_MAX);
}

static void add_date(struct buf *out, const char *field, int64_t when)
{
    if (when <= 0)
        return;
    buf_add_format(out, "%s: ", field);
    clock_add_date(out, (time_t)when);
    buf_add_text(out, "\r\n");
}

/* "rfc822" or, for an address that is not ASCII, "utf-8" (RFC 6533). */
static const char *address_type(const char *address)
{
    return text_is_ascii(address, strlen(address)) ? "rfc822" : "utf-8";
}

/* The name before "[address]:port". */
static void add_remote(struct buf *out, const char *relay)
{
    size_t length = strcspn(relay, "[");

    if (length > 0 && relay[length] == '[')
        buf_add_format(out, "Remote-MTA: dns; %.*s\r\n", (int)length, relay);
}

/* The octet that "+2B" encodes, or 0. */
static char xtext_octet(const char *text)
{
    char digits[3] = { 0 };
    char *end;

    if (*text != '+' || text[1] == '\0')
        return '\0';
    memcpy(digits, text + 1, 2);
    unsigned long value = strtoul(digits, &end, 16);
    return *end == '\0' && value >= 32 && value < 127 ? (char)value : '\0';
}

/* RFC 3461 section 6.3 wants it decoded; what would not be printable stays
 * as it is. */
static void add_decoded(struct buf *out, const char *xtext)
{
    for (; *xtext != '\0'; xtext++) {
        char octet = xtext_octet(xtext);
        buf_add_char(out, octet != '\0' ? octet : *xtext);
        xtext += octet != '\0' ? 2 : 0;
    }
}

static void add_original_recipient(struct buf *out, const char *original)
{
    const char *value = original == NULL ? NULL : strchr(original, ';');

    if (value == NULL)
        return;
    buf_add_format(out, "Original-Recipient: %.*s; ",
                   (int)(value - original), original);
    add_decoded(out, value + 1);
    buf_add_text(out, "\r\n");
}

static void add_one_status(struct buf *out, const struct dsn *dsn,
                           size_t index)
{
    const struct recipient *rcpt = &dsn->entry->envelope.recipients[index];
    const struct state_recipient *known = &dsn->state->recipients[index];

    buf_add_text(out, "\r\n");
    add_original_recipient(out, rcpt->original);
    buf_add_format(out, "Final-Recipient: %s; %s\r\n",
                   address_type(rcpt->path), rcpt->path);
    buf_add_format(out, "Action: %s\r\nStatus: %s\r\n",
                   wordings[dsn->kind].action,
                   known->status != NULL ? known->status : "4.0.0");
    if (known->relay != NULL)
        add_remote(out, known->relay);
    if (known->text != NULL) {
        buf_add_format(out, "Diagnostic-Code: %s; ",
                       known->from_reply ? "smtp" : "x-postrider");
        add_folded(out, known->text);
        buf_add_text(out, "\r\n");
    }
    add_date(out, "Last-Attempt-Date", known->when);
    if (dsn->kind == DSN_DELAY)
        add_date(out, "Will-Retry-Until",
                 retry_until(dsn->config, dsn->received));
}

static void add_status(struct buf *out, const struct dsn *dsn)
{
    const char *envid = dsn->entry->envelope.envelope_id;

    buf_add_format(out, "--%s\r\nContent-Description: Delivery report\r\n"
                   "Content-Type: message/delivery-status\r\n\r\n",
                   dsn->boundary);
    buf_add_format(out, "Reporting-MTA: dns; %s\r\n", dsn->config->hostname);
    if (envid != NULL) {
        buf_add_text(out, "Original-Envelope-Id: ");
        add_decoded(out, envid);
        buf_add_text(out, "\r\n");
    }
    buf_add_format(out, "X-Postrider-Queue-ID: %s\r\n", dsn->entry->id);
    add_date(out, "Arrival-Date", dsn->received);
    for (size_t i = 0; i < count_listed(dsn); i++)
        add_one_status(out, dsn, dsn->recipients[i]);
}

/* Octets of these lines before the first that is too long to be sent. */
static size_t sound_length(const char *text, size_t length)
{
    size_t at = 0;

    while (at < length) {
        const char *stop = memchr(text + at, '\n', length - at);
        size_t end = stop != NULL ? (size_t)(stop + 1 - text) : length;
        if (end - at > HEADER_LINE_MAX + 2)
            break;
        at = end;
    }
    return at;
}

/* Octets of the header section, with the empty line; at most HEADER_MAX, and
 * up to a line that is too long. */
static uint64_t header_length(const struct entry *entry)
{
    char *start = alloc_resize(NULL, HEADER_MAX, 1);
    ssize_t length = io_read_at(entry->fd, start, HEADER_MAX,
                                (off_t)entry->content_start);
    uint64_t result = length < 0 ? 0 : (uint64_t)length;

    if (result > entry->content_length)
        result = entry->content_length;
    const char *end = memmem(start, (size_t)result, "\r\n\r\n", 4);
    if (end != NULL)
        result = (uint64_t)(end + 4 - start);
    else if (result >= 2 && memcmp(start, "\r\n", 2) == 0)
        result = 2;
    result = sound_length(start, (size_t)result);
    free(start);
    return result;
}

/* Servers that refused a message for its lines would refuse a report with
 * them, too. */
static bool has_overlong_lines(const struct entry *entry)
{
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);
    struct line_lengths lines = { 0 };

    while (!lines.has_overlong && io_blocks_next(&blocks))
        line_lengths_add(&lines, blocks.data, blocks.length);
    (void)io_blocks_end(&blocks);
    return lines.has_overlong;
}

static bool returns_whole(const struct dsn *dsn)
{
    enum dsn_return wanted = dsn->entry->envelope.dsn_return;

    /* RFC 3461 section 6.2: a report of success or delay needs no more. */
    if (dsn->kind == DSN_SUCCESS || dsn->kind == DSN_DELAY)
        return false;
    return (wanted == RETURN_FULL ||
            (wanted == RETURN_UNSPECIFIED &&
             dsn->entry->content_length <= WHOLE_MAX)) &&
           !has_overlong_lines(dsn->entry);
}

static bool copy_content(struct draft *draft, const struct entry *entry,
                         uint64_t length, struct error *err)
{
    struct io_blocks blocks = entry_blocks(entry, 0, length);
    bool added = true;

    while (added && io_blocks_next(&blocks))
        added = draft_add(draft, blocks.data, blocks.length, err);
    if (!io_blocks_end(&blocks))
        return error_sys(err, FAULT_IO, "read %s", entry->id);
    return added;
}

static bool add_original(struct draft *draft, const struct dsn *dsn,
                         struct error *err)
{
    bool whole = returns_whole(dsn);
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "\r\n--%s\r\nContent-Description: %s\r\n"
                   "Content-Type: %s\r\n%s\r\n", dsn->boundary,
                   wordings[dsn->kind].part,
                   whole ? "message/rfc822" : "text/rfc822-headers",
                   dsn->is_8bit
                   ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    bool done = draft_add(draft, text.data, text.length, err) &&
                copy_content(draft, dsn->entry, whole
                             ? dsn->entry->content_length
                             : header_length(dsn->entry), err);
    buf_clear(&text);
    buf_add_format(&text, "\r\n--%s--\r\n", dsn->boundary);
    done = done && draft_add(draft, text.data, text.length, err);
    buf_free(&text);
    return done;
}

/* --- The report. --- */

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
    const struct sender_rule *rule = config_sender(dsn->config, "postrider",
                                                   sender, NULL);
    bool is_own;
    const struct sender_rule *null = config_sender_null(dsn->config, &is_own);

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
    add_explanation(&text, dsn);
    add_status(&text, dsn);
    done = done && draft_envelope(draft, &env, err) &&
           draft_add(draft, text.data, text.length, err) &&
           add_original(draft, dsn, err);
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
    struct draft *draft = draft_new_report(dsn.id, dsn.folder, err);
    if (draft != NULL && !write_all(draft, &dsn, err)) {
        draft_free(draft);
        draft = NULL;
    }
    free(boundary);
    return draft;
}
