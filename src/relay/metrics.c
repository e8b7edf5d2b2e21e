#include "relay/metrics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/schedule.h"
#include "relay/troubles.h"
#include "smtp/capability.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

struct metrics {
    struct metrics_parts parts;
    int64_t started;            /* seconds since 1970 */
};

struct metrics *metrics_new(const struct metrics_parts *parts, int64_t wall)
{
    struct metrics *metrics = alloc_zero(1, sizeof *metrics);

    metrics->parts = *parts;
    metrics->started = wall;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    free(metrics);
}

static const enum smarthost_state states[] = {
    [HOP_UP] = SMARTHOST_UP,
    [HOP_DOWN] = SMARTHOST_DOWN,
    [HOP_PARKED] = SMARTHOST_PARKED,
};

/* Every number there is, once: its name in the status and in the metrics. */
struct figure {
    const char *name;
    const char *metric;
    const char *type;
    const char *help;
    uint64_t value;
};

#define NOW_FIGURES 11          /* of the queue as it is */
#define TOTAL_FIGURES 6         /* since the start */
#define FIGURES (NOW_FIGURES + TOTAL_FIGURES)

/* Octets; 0 if that cannot be known, as a file system that fails has no room
 * either. */
static uint64_t free_room(const struct spool *spool)
{
    struct statvfs status;

    if (fstatvfs(spool->queue, &status) == -1)
        return 0;
    return (uint64_t)status.f_bavail * (uint64_t)status.f_frsize;
}

static uint64_t count_unread(const struct trouble *troubles)
{
    uint64_t count = 0;

    for (size_t i = 0; i < TROUBLES_UNREAD; i++)
        count += troubles[i].count;
    return count;
}

static void collect_now(const struct metrics *metrics, struct figure *figures)
{
    struct messages *messages = metrics->parts.messages;
    const struct schedule *schedule = messages->schedule;
    size_t out = schedule_count_in(schedule, MESSAGE_OUT);
    size_t held = schedule_count_in(schedule, MESSAGE_HELD);
    size_t waiting = schedule_count(schedule) - out - held;
    struct trouble troubles[TROUBLES];

    troubles_collect(metrics->parts.troubles, troubles);
    uint64_t unread = count_unread(troubles);
    uint64_t given_up = troubles[TROUBLE_GIVEN_UP].count;
    uint64_t bound = troubles[TROUBLE_BOUND].count;
    troubles_free_list(troubles);
    const struct figure list[NOW_FIGURES] = {
        { "queued", "queued_messages", "gauge",
          "Messages in the queue.", messages_count(messages) },
        { "reading", "reading_messages", "gauge",
          "Messages yet to be read.", messages_to_read(messages) },
        { "active", "active_messages", "gauge",
          "Messages a worker has.", out },
        { "deferred", "waiting_messages", "gauge",
          "Messages that wait for a time or a smarthost.", waiting },
        { "held", "held_messages", "gauge",
          "Messages that are held.", held },
        { "unread", "unread_messages", "gauge",
          "Messages in the spool that cannot be read.", unread },
        { "given_up", "given_up_messages", "gauge",
          "Messages neither delivered nor returned.", given_up },
        { "bound", "bound_messages", "gauge",
          "Messages bound to a smarthost that is not configured.", bound },
        { "oldest", "oldest_message_timestamp_seconds", "gauge",
          "When the oldest message was accepted; 0: none.",
          (uint64_t)messages_oldest(messages) },
        { "started", "start_timestamp_seconds", "gauge",
          "When the daemon was started.", (uint64_t)metrics->started },
        { "free", "spool_free_bytes", "gauge",
          "Room that is left in the file system of the spool.",
          free_room(messages->home.spool) },
    };

    memcpy(figures, list, sizeof list);
}

static void collect_totals(const struct totals *totals, struct figure *figures)
{
    const struct figure list[TOTAL_FIGURES] = {
        { "accepted", "accepted_messages_total", "counter",
          "Messages picked up.", totals->accepted },
        { "delivered", "delivered_recipients_total", "counter",
          "Recipients a smarthost accepted.", totals->delivered },
        { "last_delivery", "last_delivery_timestamp_seconds", "gauge",
          "When a smarthost last accepted a recipient; 0: not since the start.",
          (uint64_t)totals->last_delivery },
        { "deferrals", "deferred_recipients_total", "counter",
          "Attempts at a recipient that were deferred.", totals->deferred },
        { "failed", "failed_recipients_total", "counter",
          "Recipients refused for good.", totals->failed },
        { "reports", "reports_total", "counter",
          "Delivery status notifications made.", totals->reports },
    };

    memcpy(figures, list, sizeof list);
}

static void collect(const struct metrics *metrics,
                    struct figure figures[FIGURES])
{
    collect_now(metrics, figures);
    collect_totals(metrics->parts.totals, figures + NOW_FIGURES);
}

static void add_troubles(const struct metrics *metrics, struct buf *out)
{
    struct trouble troubles[TROUBLES];

    troubles_collect(metrics->parts.troubles, troubles);
    for (size_t i = 0; i < TROUBLES; i++) {
        const struct trouble_status status = {
            .place = troubles[i].place, .kind = troubles[i].kind,
            .count = troubles[i].count, .text = troubles[i].text,
            .remedy = troubles[i].remedy,
        };
        if (status.count > 0)
            protocol_put_trouble(out, &status);
    }
    troubles_free_list(troubles);
}

/* Why it is not up, or what it lists in vain. */
static void add_remark(const struct hop *hop, struct buf *out)
{
    unsigned distrusted = workers_distrust(hop->workers);

    if (hop->availability.reason != NULL) {
        buf_add_text(out, hop->availability.reason);
    } else if (distrusted != 0) {
        buf_add_text(out, "not used, though listed: ");
        capabilities_describe(distrusted, out);
    }
}

static void add_smarthost(const struct hop *hop, const struct moment *now,
                          struct buf *out)
{
    const struct availability *host = &hop->availability;
    int64_t next = host->state == HOP_UP
                   ? INT64_MAX : availability_next_time(host, now->awake);
    unsigned refused;
    unsigned tried = refusals_count(&hop->refusals, now->awake, &refused);
    struct buf remark;

    buf_init(&remark, SIZE_MAX);
    add_remark(hop, &remark);
    protocol_put_smarthost(out, &(struct smarthost_status){
        .name = hop->smarthost->name,
        .state = states[hop->availability.state],
        .workers = workers_count(hop->workers),
        .jobs = workers_jobs(hop->workers),
        .reason = remark.data,
        .since = moment_date(now, host->since),
        .next = next == INT64_MAX ? 0 : moment_date(now, next),
        .refused = refused,
        .tried = tried,
        .refusal = hop->refusals.reason,
    });
    buf_free(&remark);
}

void metrics_status(struct metrics *metrics, bool all,
                    const struct moment *now, struct buf *out)
{
    struct figure figures[FIGURES];

    collect(metrics, figures);
    for (size_t i = 0; i < FIGURES; i++)
        protocol_put_figure(out, &(struct figure_status){
            .name = figures[i].name, .value = figures[i].value });
    for (size_t i = 0; i < metrics->parts.hops->count; i++)
        add_smarthost(&metrics->parts.hops->list[i], now, out);
    if (all)
        add_troubles(metrics, out);
}

/* A label's value: backslash, quote and line end are special. */
static void add_label(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

static void add_attempts(const struct hops *hops, struct buf *out)
{
    static const struct {
        enum outcome_kind kind;
        const char *name;
    } kinds[] = {
        { OUTCOME_DELIVERED, "delivered" }, { OUTCOME_DEFERRED, "deferred" },
        { OUTCOME_FAILED, "failed" },
    };

    buf_add_text(out, "# HELP postrider_attempts_total Attempts at a recipient "
                 "by outcome.\n"
                 "# TYPE postrider_attempts_total counter\n");
    for (size_t i = 0; i < hops->count; i++)
        for (size_t j = 0; j < COUNT(kinds); j++) {
            buf_add_text(out, "postrider_attempts_total{smarthost=\"");
            add_label(out, hops->list[i].smarthost->name);
            buf_add_format(out, "\",outcome=\"%s\"} %" PRIu64 "\n",
                           kinds[j].name,
                           hops->list[i].attempts[kinds[j].kind]);
        }
}

static void add_smarthosts(const struct hops *hops, struct buf *out)
{
    buf_add_text(out, "# HELP postrider_smarthost_up Whether the smarthost "
                 "takes mail.\n# TYPE postrider_smarthost_up gauge\n");
    for (size_t i = 0; i < hops->count; i++) {
        buf_add_text(out, "postrider_smarthost_up{smarthost=\"");
        add_label(out, hops->list[i].smarthost->name);
        buf_add_format(out, "\"} %d\n",
                       hops->list[i].availability.state == HOP_UP);
    }
    buf_add_text(out, "# HELP postrider_workers Worker processes.\n"
                 "# TYPE postrider_workers gauge\n");
    for (size_t i = 0; i < hops->count; i++) {
        buf_add_text(out, "postrider_workers{smarthost=\"");
        add_label(out, hops->list[i].smarthost->name);
        buf_add_format(out, "\"} %zu\n", workers_count(hops->list[i].workers));
    }
}

/* Only of those that have had a session with TLS since the start. */
static void add_certificates(const struct hops *hops, struct buf *out)
{
    static const char name[] =
        "postrider_smarthost_certificate_expiry_timestamp_seconds";

    buf_add_format(out, "# HELP %s When the smarthost's certificate expires.\n"
                   "# TYPE %s gauge\n", name, name);
    for (size_t i = 0; i < hops->count; i++) {
        if (hops->list[i].certificate_end == 0)
            continue;
        buf_add_format(out, "%s{smarthost=\"", name);
        add_label(out, hops->list[i].smarthost->name);
        buf_add_format(out, "\"} %" PRId64 "\n", hops->list[i].certificate_end);
    }
}

static void add_build(struct buf *out)
{
    buf_add_text(out, "# HELP postrider_build_info 1, for the version.\n"
                 "# TYPE postrider_build_info gauge\n"
                 "postrider_build_info{version=\"" POSTRIDER_VERSION "\"} 1\n");
}

static bool replace(const char *path, const struct buf *text)
{
    char *draft = alloc_format("%s.new", path);
    bool done = file_replace(&(struct replacement){
        .folder = AT_FDCWD, .name = path, .draft = draft, .mode = 0644 },
        text);

    free(draft);
    return done;
}

void metrics_write(struct metrics *metrics)
{
    const char *path = metrics->parts.config->metrics;
    struct figure figures[FIGURES];
    struct buf text;

    if (*path == '\0')
        return;
    buf_init(&text, SIZE_MAX);
    collect(metrics, figures);
    for (size_t i = 0; i < FIGURES; i++)
        buf_add_format(&text, "# HELP postrider_%s %s\n# TYPE postrider_%s "
                       "%s\npostrider_%s %" PRIu64 "\n", figures[i].metric,
                       figures[i].help, figures[i].metric, figures[i].type,
                       figures[i].metric, figures[i].value);
    delays_put(&metrics->parts.totals->delays, &text);
    add_smarthosts(metrics->parts.hops, &text);
    add_attempts(metrics->parts.hops, &text);
    add_certificates(metrics->parts.hops, &text);
    add_build(&text);
    if (!replace(path, &text))
        log_line(LOG_LEVEL_WARNING, "metrics: %s cannot be written", path);
    buf_free(&text);
}
