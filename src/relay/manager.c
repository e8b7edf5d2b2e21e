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
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/metrics.h"
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
    struct totals totals;
    struct launch *launch;
    struct control *control;
    struct listener *listener;
    struct hops *hops;
    struct messages *messages;
    struct storage *storage;
    struct pickup *pickup;
    struct dispatch *dispatch;
    struct result *result;
    struct worker_answers answers;
    struct expiry *expiry;
    struct troubles *troubles;
    struct metrics *metrics;
    struct requests *requests;
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
    messages_move_dates(manager->messages, before, set);
}

/* --- Other processes. --- */

static void reap(struct manager *manager)
{
    const struct hops *hops = manager->hops;
    int status;
    pid_t pid;

    while (launch_ended(manager->launch, &pid, &status)) {
        bool found = listener_reap(manager->listener, pid, status);
        for (size_t i = 0; !found && i < hops->count; i++)
            found = workers_reap(hops->list[i].workers, pid, status);
    }
}

static void send_notice(struct manager *manager, enum notice notice)
{
    char *remark = hops_describe_trouble(manager->hops);

    launch_notice(manager->launch, notice,
                  messages_count(manager->messages),
                  manager->totals.delivered, remark);
    free(manager->remark);
    manager->remark = remark;
}

/* The service manager need not wait for the next round of the watchdog to show
 * that a smarthost is down, or up again. */
static void send_changes(struct manager *manager)
{
    char *remark = hops_describe_trouble(manager->hops);

    if (manager->remark != NULL && strcmp(remark, manager->remark) != 0)
        send_notice(manager, NOTICE_ALIVE);
    free(remark);
}

/* --- To stop, or to start anew. --- */

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
        pickup_scan(manager->pickup);
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
    watch(manager, launch_descriptor(manager->launch), POLLIN,
          &(struct watched){ .source = SOURCE_LAUNCH });
    if (pickup_descriptor(manager->pickup) != -1)
        watch(manager, pickup_descriptor(manager->pickup), POLLIN,
              &(struct watched){ .source = SOURCE_PICKUP });
    for (size_t i = 0; i < manager->hops->count; i++)
        workers_each(manager->hops->list[i].workers, watch_worker, manager);
    control_each(manager->control, watch_control, manager);
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
        pickup_take_hints(manager->pickup, clock_now() + ROUND_TIME);
        break;
    case SOURCE_LAUNCH:
        break;                  /* children are reaped in every round */
    case SOURCE_WORKER:
        workers_note_input(what->slot);
        break;
    case SOURCE_CONTROL:
        control_handle(manager->control, ready->fd, ready->revents);
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
        next = clock_earlier(next, dispatch_next_time(manager->dispatch));
    next = clock_earlier(next, control_expire(manager->control,
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

/* All is looked at anew: new mail without a notice, files that could not
 * be read, and whether callers and we mean the same folders. */
static void rescan(struct manager *manager)
{
    struct error err;

    pickup_look_again(manager->pickup);
    messages_look_again(manager->messages, now_of(manager));
    for (size_t i = 0; i < manager->hops->count; i++)
        workers_retry(manager->hops->list[i].workers);
    if (spool_is_in_place(&manager->spool))
        return;
    /* With a spool that is wrong the next daemon would not start. */
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        if (!spool_verify(manager->spool.path, i, &err)) {
            log_moved(manager, err.text);
            return;
        }
    log_moved(manager, "reading it anew");
    stop(manager, MANAGER_RELOAD);
}

/* Deal with what is late, for a round. True: that is all. */
static bool sweep(struct manager *manager)
{
    int64_t end = clock_now() + ROUND_TIME;
    bool expired;

    do {
        struct message *message = expiry_next(manager->expiry,
                                              &manager->clocks, &expired);
        if (message == NULL)
            return true;
        result_late(manager->result, message, expired, now_of(manager));
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
        metrics_write(manager->metrics);
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
                pickup_run(manager->pickup, now, clock_now() + ROUND_TIME);

    more = messages_read(manager->messages, now, clock_now() + READ_TIME) ||
           more;
    if (pickup_has_passed(manager->pickup))
        troubles_log(manager->troubles, now->awake);
    return storage_run(manager->storage, now->awake,
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
        struct message *message = dispatch_run(
            manager->dispatch, now, pickup_waiting(manager->pickup), &more);
        if (message == NULL)
            return more;
        result_conclude(manager->result, message, now);
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
                   !more && dispatch_is_idle(manager->dispatch),
                   messages_count(manager->messages),
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
    worker_answers_take(&manager->answers, now_of(manager));
    housekeeping(manager);
}

static void work(struct manager *manager)
{
    size_t left = messages_to_read(manager->messages);

    if (left == 0)
        log_line(LOG_LEVEL_INFO, "started: %zu queued",
                 messages_count(manager->messages));
    else
        log_line(LOG_LEVEL_INFO, "started: %zu queued, %zu of them still to be "
                 "read", messages_count(manager->messages), left);
    if (manager->hops->count == 0)
        log_line(LOG_LEVEL_WARNING, "mail is kept: " HOPS_MISSING);
    send_notice(manager, NOTICE_READY);
    while (!shutdown_is_over(&manager->shutdown))
        run_round(manager);
    metrics_write(manager->metrics);
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

    return requests_answer(manager->requests, what, now_of(manager));
}

/* The parts that bring messages in, and to their ends. */
static void prepare_parts(struct manager *manager)
{
    const struct config *config = manager->config;

    manager->storage = storage_new(manager->messages, manager->hops,
                                   manager->control);
    manager->pickup = pickup_new(&(struct pickup_parts){
        .config = config,
        .spool = &manager->spool,
        .messages = manager->messages,
        .hops = manager->hops,
        .storage = manager->storage,
        .totals = &manager->totals,
    });
    manager->dispatch = dispatch_new(manager->messages, manager->hops);
    manager->result = result_new(&(struct result_parts){
        .config = config,
        .messages = manager->messages,
        .hops = manager->hops,
        .control = manager->control,
        .totals = &manager->totals,
    });
    manager->answers = (struct worker_answers){
        .config = config,
        .messages = manager->messages,
        .hops = manager->hops,
        .storage = manager->storage,
        .control = manager->control,
        .totals = &manager->totals,
        .result = manager->result,
    };
    manager->expiry = expiry_new(config, manager->messages, manager->hops);
}

/* The parts for requests and metrics. */
static void prepare_answers(struct manager *manager)
{
    manager->troubles = troubles_new(manager->messages, manager->pickup);
    manager->metrics = metrics_new(&(struct metrics_parts){
        .config = manager->config,
        .messages = manager->messages,
        .hops = manager->hops,
        .troubles = manager->troubles,
        .totals = &manager->totals,
    }, now_of(manager)->wall);
    manager->requests = requests_new(&(struct requests_parts){
        .messages = manager->messages,
        .hops = manager->hops,
        .storage = manager->storage,
        .pickup = manager->pickup,
        .metrics = manager->metrics,
        .troubles = manager->troubles,
        .launch = manager->launch,
    });
}

static bool prepare_sockets(struct manager *manager, struct sockets *sockets,
                            const struct servers *servers, struct error *err)
{
    const struct config *config = manager->config;

    manager->control = control_new(config->control, answer, manager, err);
    if (manager->control == NULL)
        return false;
    manager->listener = listener_new(&config->listen, sockets, servers,
                                     manager->launch, err);
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
    /* Smarthosts, and what they were sent before. */
    manager->hops = hops_new(config, manager->launch, &manager->spool,
                             &journals, &moment);
    manager->shutdown.hops = manager->hops;
    manager->messages = messages_new(config, &manager->spool,
                                     &manager->totals);
    /* Files outside of the spool: the watch on drop/, and aliases for reports,
     * which are not read again. */
    prepare_parts(manager);
    pickup_watch(manager->pickup, RESCAN_TIME);
    prepare_answers(manager);
    /* From here on files of hostile users are read. */
    confine_manager(config);
    bool recovered = messages_recover(manager->messages, &journals, &moment,
                                      err);
    strings_free(&journals);
    return recovered;
}

static void clean_up(struct manager *manager)
{
    requests_free(manager->requests);
    metrics_free(manager->metrics);
    troubles_free(manager->troubles);
    expiry_free(manager->expiry);
    result_free(manager->result);
    dispatch_free(manager->dispatch);
    pickup_free(manager->pickup);
    storage_free(manager->storage);
    messages_free(manager->messages);
    hops_free(manager->hops);
    control_free(manager->control);
    listener_free(manager->listener);
    launch_free(manager->launch);
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
        .launch = launch_new(launcher),
        .signals = -1,
        .watchdog = launch_notice_interval(),
        .shutdown = shutdown_none(config, NULL),
    };

    if (start(&manager, sockets, servers, err))
        work(&manager);
    clean_up(&manager);
    return manager.shutdown.end;
}
