#include "relay/reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/address.h"
#include "mail/recipients.h"
#include "relay/log_delivery.h"
#include "relay/message.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/spool.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/random.h"
#include "util/strings.h"

struct reports {
    const struct config *config;
    const struct spool *spool;
    struct totals *totals;
    struct destinations *destinations;
    bool aliases_are_old;       /* that has been logged */
    struct strings postmaster;  /* where a failed report is reported */
};

struct reports *reports_new(const struct config *config,
                            const struct spool *spool, struct totals *totals)
{
    struct reports *reports = alloc_zero(1, sizeof *reports);
    struct recipients found = { 0 };
    struct error err = { 0 };

    reports->config = config;
    reports->spool = spool;
    reports->totals = totals;
    reports->destinations = destinations_new(config, false);
    if (!destinations_preload(reports->destinations, &err) ||
        (!destinations_find_given(reports->destinations, "postmaster",
                                  &found, &err) &&
         err.fault != FAULT_NONE))
        log_line(LOG_LEVEL_WARNING, "reports: %s", err.text);
    for (size_t i = 0; i < found.flaws.reasons.count; i++)
        log_line(LOG_LEVEL_WARNING, "reports: %s",
                 found.flaws.reasons.items[i]);
    reports->postmaster = found.addresses;
    flaws_free(&found.flaws);
    return reports;
}

void reports_free(struct reports *reports)
{
    if (reports == NULL)
        return;
    destinations_free(reports->destinations);
    strings_free(&reports->postmaster);
    free(reports);
}

/* --- Where they go. --- */

/* They were read before the manager was shut in. */
static void mind_aliases(struct reports *reports)
{
    if (reports->aliases_are_old ||
        destinations_current(reports->destinations))
        return;
    reports->aliases_are_old = true;
    log_line(LOG_LEVEL_WARNING, "%s has changed: reports use the old aliases "
             "until newaliases is run as root, or postrider is reloaded",
             reports->config->aliases);
}

/* A reverse-path that was completed from a local name is often no mailbox, and
 * mail for that name has its place. */
static void find_sender(struct reports *reports, const struct entry *entry,
                        struct strings *to)
{
    const char *path = envelope_reverse_path(&entry->envelope);
    const char *at = address_at(path);
    struct recipients found = { 0 };
    struct error err = { 0 };

    mind_aliases(reports);
    if (entry->envelope.from_local && at != NULL) {
        char *name = alloc_bytes(path, (size_t)(at - path));
        destinations_find_given(reports->destinations, name, &found, &err);
        free(name);
    } else {
        destinations_find(reports->destinations, path, &found, &err);
    }
    if (err.fault != FAULT_NONE)
        log_line(LOG_LEVEL_WARNING, "%s: report: %s: it goes to %s",
                 entry->id, err.text, path);
    for (size_t i = 0; i < found.flaws.reasons.count; i++)
        log_line(LOG_LEVEL_WARNING, "%s: report: %s", entry->id,
                 found.flaws.reasons.items[i]);
    for (size_t i = 0; i < found.addresses.count; i++)
        strings_add(to, found.addresses.items[i]);
    if (to->count == 0)
        strings_add(to, path);
    recipients_free(&found);
}

/* --- What they are about. --- */

/*
 * The id of a report is random, since callers choose theirs, and on disk before
 * the report is: so a repetition after a stop finds it. One about other
 * recipients is another report: of each kind they only become more (or, for
 * a delay, fewer), so that their number shows.
 */
static void name_report(struct state *state, enum dsn_kind kind, size_t count)
{
    static const char *const words[] = {
        [DSN_FAILURE] = "failure", [DSN_DELAY] = "delay",
        [DSN_SUCCESS] = "success", [DSN_DOUBLE] = "double",
    };
    char about[sizeof state->about];

    snprintf(about, sizeof about, "%s-%zu", words[kind], count);
    if (*state->report != '\0' && strcmp(state->about, about) == 0)
        return;
    random_id(state->report);
    memcpy(state->about, about, sizeof about);
}

/* Its state has it, and it is in queue/. */
static bool write_report(struct reports *reports, struct message *message,
                         const struct dsn *dsn, int64_t wall)
{
    struct error err;

    /* Outcomes first: the report must not be newer than what it is about. */
    if (!message_save(message, &err)) {
        log_line(LOG_LEVEL_ERROR, "%s: %s: will be tried again", message->id,
                 err.text);
        return false;
    }
    struct draft *draft = dsn_compose(dsn, &err);
    bool made = draft != NULL && queue_add(reports->spool, draft, wall, &err);
    draft_free(draft);
    if (!made)
        log_line(LOG_LEVEL_ERROR, "%s: report: %s: will be tried again",
                 message->id, err.text);
    return made;
}

static void note_made(struct reports *reports, struct message *message,
                      const struct dsn *dsn, struct strings *made)
{
    static const char *const words[] = {
        [DSN_FAILURE] = "non-delivery", [DSN_DELAY] = "delay",
        [DSN_SUCCESS] = "delivery status", [DSN_DOUBLE] = "non-delivery",
    };
    struct state *state = message_state(message);

    log_line(LOG_LEVEL_INFO, "%s: sender %s notification: %s", message->id,
             words[dsn->kind], dsn->id);
    strings_add(made, dsn->id);
    state->report[0] = '\0';
    state->reports++;
    reports->totals->reports++;
    if (dsn->kind == DSN_DELAY)
        state->warned = true;
    for (size_t i = 0; dsn->kind != DSN_DELAY && i < dsn->count; i++)
        state->recipients[dsn->recipients[i]].notified = true;
}

/* A report has been made, or was before a stop. dsn lacks what all have. */
static bool make_report(struct reports *reports, struct message *message,
                        struct dsn *dsn, int64_t wall, struct strings *made)
{
    struct state *state = message_state(message);

    name_report(state, dsn->kind, dsn->count);
    dsn->config = reports->config;
    dsn->entry = message_entry(message);
    dsn->state = state;
    dsn->id = state->report;
    dsn->received = message->received;
    dsn->folder = reports->spool->queue;
    if (!write_report(reports, message, dsn, wall))
        return false;
    note_made(reports, message, dsn, made);
    return true;
}

bool reports_to_sender(struct reports *reports, struct message *message,
                       enum dsn_kind kind, int64_t wall,
                       struct strings *made)
{
    const struct entry *entry = message_entry(message);
    struct strings to = { 0 };
    size_t count;
    size_t *recipients = dsn_recipients(kind, entry, message_state(message),
                                        &count);
    bool done = true;

    if (count > 0) {
        find_sender(reports, entry, &to);
        done = make_report(reports, message, &(struct dsn){
            .kind = kind, .recipients = recipients, .count = count, .to = &to,
        }, wall, made);
    }
    strings_free(&to);
    free(recipients);
    return done;
}

static bool is_among(const struct strings *list, const char *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (address_equal(list->items[i], address))
            return true;
    return false;
}

/* Mail for the postmaster is not reported to where it failed. */
static bool can_report(const struct strings *postmaster,
                       const struct entry *entry, const size_t *recipients,
                       size_t count)
{
    const struct envelope *env = &entry->envelope;

    for (size_t i = 0; i < count; i++)
        if (is_among(postmaster, env->recipients[recipients[i]].path))
            return false;
    return postmaster->count > 0;
}

enum report_result reports_to_postmaster(struct reports *reports,
                                         struct message *message, int64_t wall,
                                         struct strings *made)
{
    const struct entry *entry = message_entry(message);
    enum report_result result = REPORT_MADE;
    size_t count;
    size_t *recipients = dsn_recipients(DSN_DOUBLE, entry,
                                        message_state(message), &count);

    if (count > 0 &&
        !can_report(&reports->postmaster, entry, recipients, count))
        result = REPORT_HAS_NO_READER;
    else if (count > 0 && !make_report(reports, message, &(struct dsn){
                              .kind = DSN_DOUBLE,
                              .recipients = recipients,
                              .count = count,
                              .to = &reports->postmaster,
                          }, wall, made))
        result = REPORT_IN_TROUBLE;
    free(recipients);
    return result;
}
