/* check_daemon.c - checks of the running daemon and of its sockets */
#include "postrider/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "net/dial.h"
#include "postrider/status_ahead.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

#define ANSWER_TIME 10000       /* milliseconds */
#define CONNECT_TIME 2000

static const char start_it[] = "systemctl start postrider, or run postrider "
                               "daemon from your service manager";
static const char test_it[] = "postrider test shows where it fails; "
                              SMARTHOST_WAY_OUT;

/* The daemon's answer so far. */
struct summary {
    struct check *check;
    uint64_t queued;            /* messages; its line comes first */
    struct status_ahead ahead;
};

static void report_refusal(const struct summary *summary, const char *name)
{
    const struct status_ahead *ahead = &summary->ahead;
    struct error err;

    if (!status_refuses_most(ahead))
        return;
    error_set(&err, FAULT_UNAVAILABLE, "smarthost %s: %" PRIu64 " of the last "
              "%" PRIu64 " messages %s refused: %s", name, ahead->refused,
              ahead->tried, ahead->refused == 1 ? "was" : "were",
              ahead->refusal);
    error_remedy(&err, "postrider test shows the dialogue");
    check_error(summary->check, &err);
}

/* One that is down does no harm before mail waits for it. */
static void report_smarthost(const struct summary *summary,
                             const struct smarthost_status *smarthost)
{
    struct check *check = summary->check;
    struct error err;

    if (smarthost->state == SMARTHOST_DOWN && summary->queued > 0) {
        error_set(&err, FAULT_UNAVAILABLE, "smarthost %s is down: %s",
                  smarthost->name, smarthost->reason);
        error_remedy(&err, "%s", test_it);
        check_error(check, &err);
    } else if (smarthost->state == SMARTHOST_DOWN) {
        check_warn(check, test_it, "smarthost %s is down: %s",
                   smarthost->name, smarthost->reason);
    } else if (smarthost->state == SMARTHOST_PARKED) {
        error_set(&err, FAULT_PERMISSION, "smarthost %s is parked: %s",
                  smarthost->name, smarthost->reason);
        error_remedy(&err, "%s", test_it);
        check_error(check, &err);
    }
}

/* Rights and failed/ are looked at by other checks, which see what has
 * been mended since the daemon looked. */
static void report_trouble(struct check *check,
                           const struct trouble_status *trouble)
{
    struct error err;

    if (trouble->kind == TROUBLE_KIND_GIVEN_UP ||
        trouble->kind == TROUBLE_KIND_REFUSED)
        return;
    error_set(&err, FAULT_UNAVAILABLE, "%" PRIu64 " message%s in %s %s: %s",
              trouble->count, trouble->count == 1 ? "" : "s", trouble->place,
              trouble_kinds[trouble->kind].what, trouble->text);
    check_error(check, &err);
}

static void take_line(void *context, char *text)
{
    struct summary *summary = context;
    struct status_line line;

    protocol_parse_status(text, &line);
    if (status_take_ahead(&summary->ahead, &line))
        return;
    if (line.kind == STATUS_FIGURE && strcmp(line.figure.name, "queued") == 0) {
        summary->queued = line.figure.value;
    } else if (line.kind == STATUS_SMARTHOST) {
        report_smarthost(summary, &line.smarthost);
        report_refusal(summary, line.smarthost.name);
    } else if (line.kind == STATUS_TROUBLE) {
        report_trouble(summary->check, &line.trouble);
    }
    status_forget_ahead(&summary->ahead);
}

static void count_item(void *context, const struct queue_item *item,
                       bool unattended)
{
    size_t *count = context;

    (void)item;
    (void)unattended;
    ++*count;
}

static size_t count_waiting(const struct check *check)
{
    const struct config *config = check->config;
    struct error ignored;
    size_t count = 0;
    const struct listing_reader reader = { .visit = count_item,
                                           .context = &count };

    if (check->all_seen)
        listing_each(config->control, config->spool, &reader, &ignored);
    return count;
}

static void report_absence(struct check *check)
{
    const char *path = check->config->control;
    size_t waiting = count_waiting(check);
    struct error err;

    if (waiting == 0)
        error_set(&err, FAULT_UNAVAILABLE, "no daemon listens at %s: mail is "
                  "kept, and not delivered", path);
    else
        error_set(&err, FAULT_UNAVAILABLE, "no daemon listens at %s: %zu "
                  "message%s not delivered", path, waiting,
                  waiting == 1 ? " is" : "s are");
    error_remedy(&err, "%s", start_it);
    check_error(check, &err);
}

void check_daemon(struct check *check)
{
    const struct client_question question = {
        .path = check->config->control, .request = REQUEST_STATUS,
        .patience = ANSWER_TIME,
    };
    struct summary summary = { .check = check };
    size_t before = check->count;
    struct error err = { 0 };

    if (client_ask(&question, take_line, &summary, &err)) {
        if (check->count == before)
            check_ok(check, "it runs");
    } else if (err.fault == FAULT_UNAVAILABLE) {
        report_absence(check);
    } else {
        check_error(check, &err);
    }
    status_forget_ahead(&summary.ahead);
}

static bool answers_tcp(const char *address)
{
    char *host = alloc_string(address);
    char *colon = strrchr(host, ':');
    struct dial_list list = { 0 };
    struct error ignored;
    uint64_t port = 0;
    int fd = -1;

    if (colon != NULL && text_to_number(colon + 1, UINT16_MAX, &port)) {
        *colon = '\0';
        if (dial_resolve(&list, host, (uint16_t)port, DIAL_ANY, &ignored) &&
            list.count > 0)
            fd = dial_connect(&list.items[0], "", clock_now() + CONNECT_TIME,
                              &ignored);
    }
    bool answers = fd != -1;
    io_close(&fd);
    dial_list_free(&list);
    free(host);
    return answers;
}

static void check_local_socket(struct check *check, const char *path)
{
    struct stat status;

    if (stat(path, &status) == -1)
        check_warn(check, start_it, "%s: %s", path, strerror(errno));
    else if (!S_ISSOCK(status.st_mode))
        check_fail(check, "remove it, or change listen", "%s is not a socket",
                   path);
    else if ((status.st_mode & S_IWOTH) == 0)
        check_warn(check, "", "%s: not every user may write to it (mode %04o)",
                   path, (unsigned)status.st_mode & 07777);
    else
        check_ok(check, "%s", path);
}

void check_sockets(struct check *check)
{
    const struct strings *listen = &check->config->listen;

    for (size_t i = 0; i < listen->count; i++) {
        const char *name = listen->items[i];
        if (*name == '/')
            check_local_socket(check, name);
        else if (answers_tcp(name))
            check_ok(check, "%s", name);
        else
            check_warn(check, start_it, "%s: no process listens", name);
    }
}
