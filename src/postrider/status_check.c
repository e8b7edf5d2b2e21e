#include "postrider/status_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "control/client.h"
#include "postrider/status_ahead.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#define ANSWER_TIME 8000        /* milliseconds: NRPE gives a plugin ten s */

/* The exit statuses of the guidelines. */
enum verdict { OK, WARNING, CRITICAL, UNKNOWN, VERDICTS };

struct plugin {
    struct buf found[VERDICTS]; /* what speaks for each verdict */
    struct buf figures;         /* "performance data" */
    struct status_ahead ahead;
    uint64_t queued, held, unattended;
    size_t smarthosts, troubles;
    int64_t now, late;          /* seconds; late 0: no message ever is */
};

static void begin_remark(struct plugin *plugin, enum verdict verdict)
{
    if (plugin->found[verdict].length > 0)
        buf_add_text(&plugin->found[verdict], "; ");
}

static void judge_oldest(struct plugin *plugin, int64_t age)
{
    struct buf *text = &plugin->found[WARNING];

    if (plugin->late == 0 || age <= plugin->late)
        return;
    begin_remark(plugin, WARNING);
    buf_add_text(text, "the oldest message waits for ");
    clock_add_span(text, age);
}

/* The age of the oldest message; the daemon sends date 0 if the queue is
 * empty. */
static void take_oldest(struct plugin *plugin, int64_t date)
{
    int64_t age = date > 0 && date < plugin->now ? plugin->now - date : 0;

    judge_oldest(plugin, age);
    buf_add_format(&plugin->figures, " oldest=%" PRId64 "s;", age);
    if (plugin->late > 0)
        buf_add_format(&plugin->figures, "%" PRId64, plugin->late);
    buf_add_text(&plugin->figures, ";;0");
}

/* Messages that need an administrator: users see their number alone. */
static void count_unattended(struct plugin *plugin,
                             const struct figure_status *figure)
{
    static const char *const names[] = { "unread", "given_up", "bound" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(figure->name, names[i]) == 0)
            plugin->unattended += figure->value;
}

static void take_figure(struct plugin *plugin,
                        const struct figure_status *figure)
{
    static const struct { const char *name, *form; } shown[] = {
        { "queued", ";;;0" }, { "active", ";;;0" }, { "deferred", ";;;0" },
        { "held", ";;;0" }, { "unread", ";;;0" }, { "given_up", ";;;0" },
        { "bound", ";;;0" }, { "accepted", "c" }, { "delivered", "c" },
        { "deferrals", "c" }, { "failed", "c" }, { "reports", "c" },
    };

    count_unattended(plugin, figure);
    if (strcmp(figure->name, "queued") == 0)
        plugin->queued = figure->value;
    if (strcmp(figure->name, "held") == 0)
        plugin->held = figure->value;
    if (strcmp(figure->name, "oldest") == 0)
        take_oldest(plugin, (int64_t)figure->value);
    for (size_t i = 0; i < COUNT(shown); i++)
        if (strcmp(figure->name, shown[i].name) == 0)
            buf_add_format(&plugin->figures, " %s=%" PRIu64 "%s",
                           figure->name, figure->value, shown[i].form);
}

/* One that is down does no harm before mail waits for it. */
static void judge_state(struct plugin *plugin,
                        const struct smarthost_status *smarthost)
{
    enum verdict verdict = smarthost->state == SMARTHOST_DOWN &&
                           plugin->queued == 0 ? WARNING : CRITICAL;
    struct buf *text = &plugin->found[verdict];

    if (smarthost->state == SMARTHOST_UP)
        return;
    begin_remark(plugin, verdict);
    buf_add_format(text, "smarthost %s is %s", smarthost->name,
                   smarthost_states[smarthost->state]);
    if (plugin->ahead.since > 0) {
        buf_add_text(text, " for ");
        clock_add_span(text, plugin->now - plugin->ahead.since);
    }
    buf_add_format(text, ": %s", smarthost->reason);
}

static void judge_refusals(struct plugin *plugin, const char *name)
{
    const struct status_ahead *ahead = &plugin->ahead;

    if (!status_refuses_most(ahead))
        return;
    begin_remark(plugin, CRITICAL);
    buf_add_format(&plugin->found[CRITICAL], "smarthost %s refused %" PRIu64
                   " of the last %" PRIu64 " messages: %s", name,
                   ahead->refused, ahead->tried, ahead->refusal);
}

static void take_smarthost(struct plugin *plugin,
                           const struct smarthost_status *smarthost)
{
    plugin->smarthosts++;
    judge_state(plugin, smarthost);
    judge_refusals(plugin, smarthost->name);
}

static void take_trouble(struct plugin *plugin,
                         const struct trouble_status *trouble)
{
    plugin->troubles++;
    begin_remark(plugin, CRITICAL);
    buf_add_format(&plugin->found[CRITICAL], "%" PRIu64 " message%s in %s %s",
                   trouble->count, trouble->count == 1 ? "" : "s",
                   trouble->place, trouble_kinds[trouble->kind].what);
}

static void take_line(void *context, char *text)
{
    struct plugin *plugin = context;
    struct status_line line;

    protocol_parse_status(text, &line);
    if (status_take_ahead(&plugin->ahead, &line))
        return;
    if (line.kind == STATUS_FIGURE)
        take_figure(plugin, &line.figure);
    else if (line.kind == STATUS_SMARTHOST)
        take_smarthost(plugin, &line.smarthost);
    else if (line.kind == STATUS_TROUBLE)
        take_trouble(plugin, &line.trouble);
    status_forget_ahead(&plugin->ahead);
}

static void judge_whole(struct plugin *plugin)
{
    if (plugin->smarthosts == 0) {
        begin_remark(plugin, CRITICAL);
        buf_add_text(&plugin->found[CRITICAL], "no smarthost is configured");
    }
    if (plugin->troubles == 0 && plugin->unattended > 0) {
        begin_remark(plugin, CRITICAL);
        buf_add_format(&plugin->found[CRITICAL], "%" PRIu64 " message%s an "
                       "administrator", plugin->unattended,
                       plugin->unattended == 1 ? " needs" : "s need");
    }
    if (plugin->held > 0) {
        begin_remark(plugin, WARNING);
        buf_add_format(&plugin->found[WARNING], "%" PRIu64 " message%s held",
                       plugin->held, plugin->held == 1 ? " is" : "s are");
    }
    buf_add_format(&plugin->found[OK], "%" PRIu64 " message%s queued, %zu "
                   "smarthost%s up", plugin->queued,
                   plugin->queued == 1 ? "" : "s", plugin->smarthosts,
                   plugin->smarthosts == 1 ? "" : "s");
}

static void ask(struct plugin *plugin, const struct config *config)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_STATUS,
        .patience = ANSWER_TIME,
    };
    struct error err = { 0 };

    if (client_ask(&question, take_line, plugin, &err)) {
        judge_whole(plugin);
    } else {
        begin_remark(plugin, CRITICAL);
        buf_add_text(&plugin->found[CRITICAL], err.text);
    }
}

/* A bar begins the figures, so the text, of which a peer writes parts, has
 * none. */
static void print_text(const char *text)
{
    struct buf line;

    buf_init(&line, SIZE_MAX);
    text_escape(&line, text, strlen(text));
    for (char *bar = line.data; (bar = strchr(bar, '|')) != NULL;)
        *bar = '/';
    fputs(line.data, stdout);
    buf_free(&line);
}

static enum verdict print_worst(const struct plugin *plugin)
{
    enum verdict verdict = plugin->found[CRITICAL].length > 0 ? CRITICAL
                           : plugin->found[WARNING].length > 0 ? WARNING : OK;

    fputs(verdict == CRITICAL ? "POSTRIDER CRITICAL - "
          : verdict == WARNING ? "POSTRIDER WARNING - " : "POSTRIDER OK - ",
          stdout);
    print_text(plugin->found[verdict].data);
    if (verdict == CRITICAL && plugin->found[WARNING].length > 0) {
        fputs("; ", stdout);
        print_text(plugin->found[WARNING].data);
    }
    if (plugin->figures.length > 0)
        printf(" |%s", plugin->figures.data);
    putchar('\n');
    return verdict;
}

int status_check(const struct config *config)
{
    struct plugin plugin = { .now = (int64_t)time(NULL),
                             .late = config->delay_warning / 1000 };

    for (size_t i = 0; i < VERDICTS; i++)
        buf_init(&plugin.found[i], SIZE_MAX);
    buf_init(&plugin.figures, SIZE_MAX);
    ask(&plugin, config);
    enum verdict verdict = print_worst(&plugin);
    status_forget_ahead(&plugin.ahead);
    buf_free(&plugin.figures);
    for (size_t i = 0; i < VERDICTS; i++)
        buf_free(&plugin.found[i]);
    return (int)verdict;
}

int status_check_fail(const struct error *err)
{
    fputs("POSTRIDER UNKNOWN - ", stdout);
    print_text(err->text);
    putchar('\n');
    return (int)UNKNOWN;
}
