#include "relay/manager.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/confine.h"
#include "relay/control.h"
#include "relay/dispatch.h"
#include "relay/expiry.h"
#include "relay/hops.h"
#include "relay/launch.h"
#include "relay/listener.h"
#include "relay/messages.h"
#include "relay/metrics.h"
#include "relay/parts.h"
#include "relay/pickup.h"
#include "relay/requests.h"
#include "relay/result.h"
#include "relay/retry.h"
#include "relay/shutdown.h"
#include "relay/storage.h"
#include "relay/troubles.h"
#include "relay/worker_answers.h"
#include "spool/journal.h"
#include "spool/spool.h"
#include "spool/volume.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"

#define RESCAN_TIME 30000       /* milliseconds: inotify is only a hint */
#define ROUND_TIME 50           /* what takes longer goes on in the next round
                                 * of the poll loop */
#define READ_TIME 2             /* of a round, for what was in queue/ at the
                                 * start: new mail takes several rounds */
#define MOVED_TIME 3600000      /* between lines about a spool that was moved */
#define METRICS_TIME 15000

/* The source of a descriptor in the poll set. */
enum source { SOURCE_SIGNAL, SOURCE_PICKUP, SOURCE_LAUNCH, SOURCE_WORKER,
              SOURCE_CONTROL, SOURCE_LISTENER };

struct watched {
    enum source source;
    struct worker_slot *slot;   /* SOURCE_WORKER */
};

struct manager {
    const struct config *config;
    struct spool spool;
    struct clocks clocks;       /* as of the last look at them */
    struct parts parts;
    struct listener *listener;
    int signals;
    struct pollfd *set;         /* rebuilt in each round */
    struct watched *watched;    /* the same indices */
    size_t count, capacity;
    int64_t next_rescan, next_sweep, next_metrics, next_watchdog;
    int64_t next_moved;         /* when a spool that was moved may be logged
                                 * again */
    char *remark;               /* the last one in a notice; owned */
    int64_t watchdog;           /* interval; 0: none */
    struct shutdown shutdown;
};

/* --- The clocks. --- */

static const struct moment *now_of(const struct manager *manager)
{
    return &manager->clocks.seen;
}

/* Look at the clocks. If one was set, what is known of dates follows it. */
static void look_at_clocks(struct manager *manager)
{
    struct moment moment = clocks_moment();
    int64_t before = manager->clocks.seen.wall;
    int64_t set = clocks_look(&manager->clocks, &moment);

    if (set == 0)
        return;
    log_line(LOG_LEVEL_WARNING, "the clock was set by %" PRId64 " s", set);
    messages_move_dates(manager->parts.messages, before, set);
}

/* --- Other processes. --- */

static void reap(struct manager *manager)
{
    const struct hops *hops = manager->parts.hops;
    int status;
    pid_t pid;

    while (launch_ended(manager->parts.launch, &pid, &status)) {
        bool found = listener_reap(manager->listener, pid, status);
        for (size_t i = 0; !found && i < hops->count; i++)
            found = workers_reap(hops->list[i].workers, pid, status);
    }
}

static void send_notice(struct manager *manager, enum notice notice)
{
    char *remark = hops_describe_trouble(manager->parts.hops);

    launch_notice(manager->parts.launch, notice,
                  messages_count(manager->parts.messages),
                  manager->parts.totals.delivered, remark);
    free(manager->remark);
    manager->remark = remark;
}

/* The service manager need not wait for the next round of the watchdog to show
 * that a smarthost is down, or up again. */
static void send_changes(struct manager *manager)
{
    char *remark = hops_describe_trouble(manager->parts.hops);

    if (manager->remark != NULL && strcmp(remark, manager->remark) != 0)
        send_notice(manager, NOTICE_ALIVE);
    free(remark);
}

/* --- To stop, or to start again. --- */

static bool is_leaving(const struct manager *manager)
{
    return manager->shutdown.stage == SHUTDOWN_LEAVING;
}

static void stop(struct manager *manager, enum manager_end end)
{
    if (!shutdown_ask(&manager->shutdown, end, now_of(manager)->awake))
        return;
    send_notice(manager, end == MANAGER_RELOAD ? NOTICE_RELOADING
                                               : NOTICE_STOPPING);
    /* Take what was committed just before: where the spool goes with a
     * container, no other daemon will send it. */
    if (manager->shutdown.stage == SHUTDOWN_DRAINING)
        pickup_scan(manager->parts.pickup);
}

static void take_signals(struct manager *manager)
{
    struct signalfd_siginfo info;

    while (io_read(manager->signals, &info, sizeof info) ==
           (ssize_t)sizeof info)
        stop(manager, info.ssi_signo == SIGUSR1 ? MANAGER_RELOAD
                                                : MANAGER_STOPPED);
}

/* --- What the poll loop waits for. --- */

static void watch(struct manager *manager, int fd, short events,
                  const struct watched *what)
{
    if (manager->count == manager->capacity) {
        manager->capacity = manager->capacity * 2 + 16;
        manager->set = alloc_resize(manager->set, manager->capacity,
                                    sizeof *manager->set);
        manager->watched = alloc_resize(manager->watched, manager->capacity,
                                        sizeof *manager->watched);
    }
    manager->set[manager->count] = (struct pollfd){ .fd = fd,
                                                    .events = events };
    manager->watched[manager->count++] = *what;
}

static void watch_worker(void *context, int fd, struct worker_slot *slot)
{
    struct manager *manager = context;

    watch(manager, fd, POLLIN, &(struct watched){
        .source = SOURCE_WORKER,
        .slot = slot,
    });
}

static void watch_control(void *context, int fd, short events)
{
    watch(context, fd, events, &(struct watched){ .source = SOURCE_CONTROL });
}

static void watch_listener(void *context, int fd, short events)
{
    watch(context, fd, events, &(struct watched){ .source = SOURCE_LISTENER });
}

static void build_set(struct manager *manager)
{
    manager->count = 0;
    watch(manager, manager->signals, POLLIN,
          &(struct watched){ .source = SOURCE_SIGNAL });
    watch(manager, launch_descriptor(manager->parts.launch), POLLIN,
          &(struct watched){ .source = SOURCE_LAUNCH });
    if (pickup_descriptor(manager->parts.pickup) != -1)
        watch(manager, pickup_descriptor(manager->parts.pickup), POLLIN,
              &(struct watched){ .source = SOURCE_PICKUP });
    for (size_t i = 0; i < manager->parts.hops->count; i++)
        workers_each(manager->parts.hops->list[i].workers, watch_worker,
                     manager);
    control_each(manager->parts.control, watch_control, manager);
    if (manager->shutdown.stage == SHUTDOWN_NONE)
        listener_each(manager->listener, watch_listener, manager);
}

static void handle(struct manager *manager, size_t index)
{
    const struct pollfd *ready = &manager->set[index];
    const struct watched *what = &manager->watched[index];

    switch (what->source) {
    case SOURCE_SIGNAL:
        take_signals(manager);
        break;
    case SOURCE_PICKUP:
        pickup_take_hints(manager->parts.pickup, clock_now() + ROUND_TIME);
        break;
    case SOURCE_LAUNCH:
        break;                  /* children are reaped in every round */
    case SOURCE_WORKER:
        workers_note_input(what->slot);
        break;
    case SOURCE_CONTROL:
        control_handle(manager->parts.control, ready->fd, ready->revents);
        break;
    case SOURCE_LISTENER:
        listener_handle(manager->listener, ready->fd);
        break;
    }
}

/* How long nothing needs to be done unless something happens. */
static int patience(const struct manager *manager, bool more)
{
    int64_t next = clock_earlier(manager->next_rescan, manager->next_sweep);

    if (more && !is_leaving(manager))
        return 0;
    if (!is_leaving(manager))
        next = clock_earlier(next, dispatch_next_time(manager->parts.dispatch));
    next = clock_earlier(next, control_expire(manager->parts.control,
                                              now_of(manager)->awake));
    if (*manager->config->metrics != '\0')
        next = clock_earlier(next, manager->next_metrics);
    if (manager->watchdog > 0)
        next = clock_earlier(next, manager->next_watchdog);
    next = clock_earlier(next, shutdown_next_time(&manager->shutdown));
    return clock_remaining(next);
}

/* --- What is due by the clock. --- */

static void log_moved(struct manager *manager, const char *what)
{
    int64_t now = now_of(manager)->awake;

    if (now < manager->next_moved)
        return;
    log_line(LOG_LEVEL_ALERT, "spool %s is not the one that was opened: it "
             "was moved, restored or mounted over: %s", manager->spool.path,
             what);
    manager->next_moved = now + MOVED_TIME;
}

/* All is looked at again: new mail without a notice, files that could not
 * be read, and whether callers and we mean the same folders. */
static void rescan(struct manager *manager)
{
    struct error err;

    requests_look_again(manager->parts.requests, now_of(manager));
    if (spool_is_in_place(&manager->spool))
        return;
    /* With a spool that is wrong the next daemon would not start. */
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        if (!spool_verify(manager->spool.path, i, &err)) {
            log_moved(manager, err.text);
            return;
        }
    log_moved(manager, "reading it again");
    stop(manager, MANAGER_RELOAD);
}

/* Deal with what is late, for a round. True: that is all. */
static bool sweep(struct manager *manager)
{
    int64_t end = clock_now() + ROUND_TIME;
    bool expired;

    do {
        struct message *message = expiry_next(manager->parts.expiry,
                                              &manager->clocks, &expired);
        if (message == NULL)
            return true;
        result_late(manager->parts.result, message, expired, now_of(manager));
    } while (clock_now() < end);
    return false;
}

static void housekeeping(struct manager *manager)
{
    int64_t now = now_of(manager)->awake;

    if (now >= manager->next_rescan) {
        rescan(manager);
        manager->next_rescan = now + RESCAN_TIME;
    }
    if (now >= manager->next_sweep && sweep(manager))
        manager->next_sweep = now + retry_sweep_time(manager->config);
    if (now >= manager->next_metrics) {
        metrics_write(manager->parts.metrics);
        manager->next_metrics = now + METRICS_TIME;
    }
    if (manager->watchdog > 0 && now >= manager->next_watchdog) {
        send_notice(manager, NOTICE_ALIVE);
        manager->next_watchdog = now + manager->watchdog;
    }
    send_changes(manager);
}

/* --- The rounds. --- */

/* From drop/ to memory or to queue/; and what a start has left in queue/. True
 * if there is more. */
static bool take_in(struct manager *manager)
{
    const struct moment *now = now_of(manager);
    bool more = !is_leaving(manager) &&
                pickup_run(manager->parts.pickup, now,
                           clock_now() + ROUND_TIME);

    more = messages_read(manager->parts.messages, now,
                         clock_now() + READ_TIME) ||
           more;
    if (pickup_has_passed(manager->parts.pickup))
        troubles_log(manager->parts.troubles, now->awake);
    return storage_run(manager->parts.storage, now->awake,
                       clock_now() + ROUND_TIME) || more;
}

/* To workers; or, where no recipient is open, to its end. True if there is
 * more. */
static bool hand_out(struct manager *manager)
{
    const struct moment *now = now_of(manager);
    int64_t end = clock_now() + ROUND_TIME;
    bool more;

    if (is_leaving(manager))
        return false;
    do {
        struct message *message =
            dispatch_run(manager->parts.dispatch, now,
                         pickup_waiting(manager->parts.pickup), &more);
        if (message == NULL)
            return more;
        result_conclude(manager->parts.result, message, now);
    } while (clock_now() < end);
    return true;
}

static void run_round(struct manager *manager)
{
    bool was_leaving = is_leaving(manager);
    bool more = take_in(manager);

    look_at_clocks(manager);
    more = hand_out(manager) || more;
    shutdown_go_on(&manager->shutdown,
                   !more && dispatch_is_idle(manager->parts.dispatch),
                   messages_count(manager->parts.messages),
                   now_of(manager)->awake);
    /* What came while it was leaving was noticed, and not taken. */
    more = more || (was_leaving && !is_leaving(manager));
    build_set(manager);
    int ready = poll(manager->set, manager->count, patience(manager, more));
    look_at_clocks(manager);
    for (size_t i = 0; ready > 0 && i < manager->count; i++)
        if (manager->set[i].revents != 0)
            handle(manager, i);
    reap(manager);
    worker_answers_take(&manager->parts.answers, now_of(manager));
    housekeeping(manager);
}

static void work(struct manager *manager)
{
    size_t left = messages_to_read(manager->parts.messages);

    if (left == 0)
        log_line(LOG_LEVEL_INFO, "started: %zu queued",
                 messages_count(manager->parts.messages));
    else
        log_line(LOG_LEVEL_INFO, "started: %zu queued, %zu of them still to be "
                 "read", messages_count(manager->parts.messages), left);
    if (manager->parts.hops->count == 0)
        log_line(LOG_LEVEL_WARNING, "mail is kept: " HOPS_MISSING);
    send_notice(manager, NOTICE_READY);
    while (!shutdown_is_over(&manager->shutdown))
        run_round(manager);
    metrics_write(manager->parts.metrics);
}

/* --- The start, and the end. --- */

static bool prepare_signals(struct manager *manager, struct error *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    manager->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return manager->signals != -1 ||
           error_sys(err, FAULT_SYSTEM, "signalfd");
}

static enum control_reply answer(void *context,
                                 const struct control_request *what)
{
    const struct manager *manager = context;

    return requests_answer(manager->parts.requests, what, now_of(manager));
}

static bool prepare_sockets(struct manager *manager, struct sockets *sockets,
                            const struct servers *servers, struct error *err)
{
    const struct config *config = manager->config;

    manager->parts.control = control_new(config->control, answer, manager, err);
    if (manager->parts.control == NULL)
        return false;
    manager->listener = listener_new(&config->listen, sockets, servers,
                                     manager->parts.launch, err);
    return manager->listener != NULL;
}

/* The order is policy: each line may do less than the one before. */
static bool start(struct manager *manager, struct sockets *sockets,
                  const struct servers *servers, struct error *err)
{
    const struct config *config = manager->config;
    const struct moment moment = clocks_moment();
    struct strings journals;

    clocks_start(&manager->clocks, &moment);
    manager->next_rescan = moment.awake + RESCAN_TIME;
    manager->next_sweep = moment.awake + retry_sweep_time(config);

    /* The spool is locked from here on: no other daemon uses it. */
    if (!spool_open(&manager->spool, config->spool, true, err) ||
        !volume_check(&manager->spool, err))
        return false;
    /* Signals wait for the poll loop. */
    if (!prepare_signals(manager, err))
        return false;
    /* Sockets are made while this process is not shut in yet. */
    if (!prepare_sockets(manager, sockets, servers, err) ||
        !journal_list(&manager->spool, &journals, err))
        return false;
    /* What is outside of the spool: aliases, and the watch on drop/. */
    parts_make(&manager->parts, &journals, &moment);
    manager->shutdown.hops = manager->parts.hops;
    pickup_watch(manager->parts.pickup, RESCAN_TIME);
    /* From here on files of hostile users are read. */
    confine_manager(config);
    bool recovered = messages_recover(manager->parts.messages, &journals,
                                      &moment, err);
    strings_free(&journals);
    return recovered;
}

static void clean_up(struct manager *manager)
{
    parts_free(&manager->parts);
    control_free(manager->parts.control);
    listener_free(manager->listener);
    launch_free(manager->parts.launch);
    spool_close(&manager->spool);
    io_close(&manager->signals);
    free(manager->remark);
    free(manager->set);
    free(manager->watched);
}

enum manager_end manager_run(const struct config *config,
                             struct sockets *sockets,
                             const struct servers *servers, int launcher,
                             struct error *err)
{
    struct manager manager = {
        .config = config,
        .parts = {
            .config = config,
            .spool = &manager.spool,
            .launch = launch_new(launcher),
        },
        .signals = -1,
        .watchdog = launch_notice_interval(),
        .shutdown = shutdown_none(config, NULL),
    };

    if (start(&manager, sockets, servers, err))
        work(&manager);
    clean_up(&manager);
    return manager.shutdown.end;
}
