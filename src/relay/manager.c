#include "relay/manager.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "config/destination.h"
#include "relay/confine.h"
#include "relay/control.h"
#include "relay/desk.h"
#include "relay/hint.h"
#include "relay/launch.h"
#include "relay/listener.h"
#include "relay/notify.h"
#include "relay/metrics.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"

#define RESCAN_TIME 30000       /* milliseconds: inotify is only a hint */
#define SWEEP_TIME 60000        /* at most; so for the next one, at least */
#define SWEEP_TIME_MIN 1000
#define METRICS_TIME 15000
#define DRAIN_TIME 2000         /* the first one of a stop or reload */

/* What a descriptor in the poll set stands for. */
enum source { SOURCE_SIGNAL, SOURCE_INOTIFY, SOURCE_LAUNCH, SOURCE_WORKER,
              SOURCE_CONTROL, SOURCE_LISTENER };

struct watched {
    enum source source;
    struct worker_slot *slot;   /* SOURCE_WORKER */
};

struct manager {
    struct desk desk;
    struct launch *launch;
    struct listener *listener;
    int signals;
    int inotify;
    struct pollfd *set;         /* rebuilt in each round */
    struct watched *watched;    /* the same indices */
    size_t count, capacity;
    int64_t next_rescan, next_sweep, next_metrics, next_watchdog;
    int64_t watchdog;           /* interval; 0: none */
    int64_t drain_until;        /* then a reload serves in between */
    int64_t drain_time;         /* longer each time */
    enum manager_end end;       /* once a stop or a reload was asked for */
};

static void reap(struct manager *manager)
{
    struct desk *desk = &manager->desk;
    int status;
    pid_t pid;

    while (launch_ended(manager->launch, &pid, &status)) {
        bool found = listener_reap(manager->listener, pid, status);
        for (size_t i = 0; !found && i < desk->config->smarthost_count; i++)
            found = workers_reap(desk->workers[i], pid, status);
    }
}

/* What workers have sent, and what became of those that were reaped. */
static void take_worker_events(struct desk *desk)
{
    struct worker_event event;

    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        while (workers_next(desk->workers[i], &event))
            mission_take(desk, i, &event);
}

static void tell(struct manager *manager, enum notice notice)
{
    const struct desk *desk = &manager->desk;

    launch_notice(manager->launch, notice, schedule_count(desk->schedule),
                  desk->totals.delivered);
}

/* Hand out nothing more, and let the workers go. */
static void drain(struct manager *manager)
{
    struct desk *desk = &manager->desk;

    desk->stopping = true;
    manager->drain_until = clock_now() + manager->drain_time;
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        workers_stop(desk->workers[i]);
}

static bool somebody_leaves(const struct desk *desk)
{
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        if (workers_leave(desk->workers[i]))
            return true;
    return false;
}

/* A worker may wait for a reply for minutes. That must not hold up all mail:
 * a reload lets others go on until it has left, and then tries again. With
 * more patience, or it would never meet workers that are all quick enough. */
static void mind_reload(struct manager *manager, int64_t now)
{
    struct desk *desk = &manager->desk;

    if (manager->end != MANAGER_RELOAD)
        return;
    if (desk->stopping && now >= manager->drain_until)
        desk->stopping = !somebody_leaves(desk);
    else if (!desk->stopping && !somebody_leaves(desk)) {
        manager->drain_time *= 2;
        drain(manager);
    }
}

static void stop(struct manager *manager, enum manager_end end)
{
    struct desk *desk = &manager->desk;

    if (desk->stopping && manager->end == MANAGER_STOPPED)
        return;
    log_line(LOG_LEVEL_INFO, "%s", end == MANAGER_RELOAD
             ? "configuration will be read again" : "stopping");
    tell(manager, end == MANAGER_RELOAD ? NOTICE_RELOADING : NOTICE_STOPPING);
    manager->end = end;
    manager->drain_time = DRAIN_TIME;
    drain(manager);
}

static void take_signals(struct manager *manager)
{
    struct signalfd_siginfo info;

    while (io_read(manager->signals, &info, sizeof info) ==
           (ssize_t)sizeof info)
        stop(manager, info.ssi_signo == SIGUSR1 ? MANAGER_RELOAD
                                                : MANAGER_STOPPED);
}

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
    struct desk *desk = &manager->desk;

    manager->count = 0;
    watch(manager, manager->signals, POLLIN,
          &(struct watched){ .source = SOURCE_SIGNAL });
    watch(manager, launch_descriptor(manager->launch), POLLIN,
          &(struct watched){ .source = SOURCE_LAUNCH });
    if (manager->inotify != -1)
        watch(manager, manager->inotify, POLLIN,
              &(struct watched){ .source = SOURCE_INOTIFY });
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        workers_each(desk->workers[i], watch_worker, manager);
    control_each(desk->control, watch_control, manager);
    if (!desk->stopping)
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
    case SOURCE_INOTIFY:
        if (hint_take(manager->inotify, manager->desk.scan))
            manager->desk.scan_due = true;
        break;
    case SOURCE_LAUNCH:
        break;                  /* who ended is reaped in every round */
    case SOURCE_WORKER:
        workers_note_input(what->slot);
        break;
    case SOURCE_CONTROL:
        control_handle(manager->desk.control, ready->fd, ready->revents);
        break;
    case SOURCE_LISTENER:
        listener_handle(manager->listener, ready->fd);
        break;
    }
}

/* How long nothing needs to be done unless something happens. */
static int patience(const struct manager *manager, bool more)
{
    int64_t now = clock_now();
    int64_t next = clock_earlier(manager->next_rescan, manager->next_sweep);

    if (more && !manager->desk.stopping)
        return 0;
    if (!manager->desk.stopping)
        next = clock_earlier(next, dispatch_next_time(&manager->desk));
    next = clock_earlier(next, control_expire(manager->desk.control, now));
    if (*manager->desk.config->metrics != '\0')
        next = clock_earlier(next, manager->next_metrics);
    if (manager->watchdog > 0)
        next = clock_earlier(next, manager->next_watchdog);
    if (manager->end == MANAGER_RELOAD && manager->desk.stopping)
        next = clock_earlier(next, manager->drain_until);
    return clock_remaining(next);
}

/* Often enough for what is configured: who is late by less does not mind. */
static int64_t sweep_time(const struct config *config)
{
    int64_t shortest = config->expire_after;

    if (config->delay_warning > 0)
        shortest = clock_earlier(shortest, config->delay_warning);
    return shortest / 2 > SWEEP_TIME ? SWEEP_TIME
           : shortest / 2 < SWEEP_TIME_MIN ? SWEEP_TIME_MIN : shortest / 2;
}

/* All is looked at anew: new mail that no hint told of, files that could not
 * be read, and whether callers and we mean the same folders. */
static void rescan(struct manager *manager)
{
    struct desk *desk = &manager->desk;
    struct error err;

    pickup_unread(desk);
    if (spool_is_in_place(&desk->spool))
        return;
    /* What is there instead must be right, or a daemon would be missing. */
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        if (!spool_prove(desk->spool.path, i, &err)) {
            trouble_moved(desk, err.text);
            return;
        }
    trouble_moved(desk, "reading it anew");
    stop(manager, MANAGER_RELOAD);
}

/* What is due by the clock. */
static void housekeeping(struct manager *manager)
{
    struct desk *desk = &manager->desk;
    int64_t now = clock_now();

    mind_reload(manager, now);
    if (now >= manager->next_rescan) {
        rescan(manager);
        manager->next_rescan = now + RESCAN_TIME;
    }
    if (now >= manager->next_sweep && !sweep_run(desk))
        manager->next_sweep = now + sweep_time(desk->config);
    if (now >= manager->next_metrics) {
        tally_write(desk);
        manager->next_metrics = now + METRICS_TIME;
    }
    if (manager->watchdog > 0 && now >= manager->next_watchdog) {
        tell(manager, NOTICE_ALIVE);
        manager->next_watchdog = now + manager->watchdog;
    }
}

static bool is_finished(const struct manager *manager)
{
    const struct desk *desk = &manager->desk;
    size_t workers = 0;

    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        workers += workers_count(desk->workers[i]);
    return desk->stopping && workers == 0;
}

static void run_round(struct manager *manager)
{
    struct desk *desk = &manager->desk;
    bool more = !desk->stopping && pickup_run(desk);

    more = pickup_go_on_storing(desk) || more;
    more = dispatch_run(desk) || more;
    build_set(manager);
    int ready = poll(manager->set, manager->count, patience(manager, more));
    sweep_clock(desk);
    for (size_t i = 0; ready > 0 && i < manager->count; i++)
        if (manager->set[i].revents != 0)
            handle(manager, i);
    reap(manager);
    take_worker_events(desk);
    housekeeping(manager);
}

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

static void prepare_smarthosts(struct manager *manager)
{
    struct desk *desk = &manager->desk;
    const struct config *config = desk->config;
    size_t count = config->smarthost_count;

    desk->schedule = schedule_new(count);
    desk->shares = shares_new();
    desk->gates = alloc_zero(count, sizeof *desk->gates);
    desk->workers = alloc_zero(count, sizeof *desk->workers);
    for (size_t i = 0; i < count; i++) {
        const struct smarthost *smarthost = &config->smarthosts[i];
        gate_init(&desk->gates[i], smarthost->messages_per_minute,
                  clock_now());
        desk->workers[i] = workers_new(manager->launch, smarthost->name, i,
                                       smarthost->connections, &desk->spool);
    }
}

static bool is_known(void *context, const char *id)
{
    struct desk *desk = context;

    return pickup_knows(desk, id);
}

static void free_entry(void *context, struct message *message)
{
    (void)context;
    entry_free(message->entry);
}

static void clean_up(struct manager *manager)
{
    struct desk *desk = &manager->desk;

    for (size_t i = 0; desk->workers != NULL &&
                       i < desk->config->smarthost_count; i++) {
        workers_free(desk->workers[i]);
        gate_free(&desk->gates[i]);
    }
    if (desk->schedule != NULL)
        schedule_each(desk->schedule, free_entry, NULL);
    schedule_free(desk->schedule);
    free(desk->workers);
    free(desk->gates);
    drop_scan_free(desk->scan);
    drop_taking_free(desk->taking);
    shares_free(desk->shares);
    strings_free(&desk->unread);
    unread_clear(&desk->unread_why);
    recall_forget(desk);
    rates_stop(desk);
    strings_free(&desk->postmaster);
    destinations_free(desk->destinations);
    control_free(desk->control);
    listener_free(manager->listener);
    launch_free(manager->launch);
    spool_close(&desk->spool);
    io_close(&manager->signals);
    io_close(&manager->inotify);
    free(manager->set);
    free(manager->watched);
}

static void work(struct manager *manager)
{
    struct desk *desk = &manager->desk;

    log_line(LOG_LEVEL_INFO, "started: %zu queued",
             schedule_count(desk->schedule));
    tell(manager, NOTICE_READY);
    while (!is_finished(manager))
        run_round(manager);
    tally_write(desk);
}

enum manager_end manager_run(const struct config *config,
                             struct sockets *sockets, int launcher,
                             struct error *err)
{
    struct manager manager = {
        .desk = { .config = config, .started = time(NULL), .sweep = 1,
                  .to_store = SCHEDULE_PLACES,
                  .rates = { .file = -1 } },
        .launch = launch_new(launcher),
        .signals = -1,
        .inotify = -1,
        .watchdog = notify_watchdog_interval(),
        .next_rescan = clock_now() + RESCAN_TIME,
        .next_sweep = clock_now() + sweep_time(config),
        .end = MANAGER_FAILED,
    };
    struct desk *desk = &manager.desk;
    const struct moment moment = lifetime_moment();

    bool started = spool_open(&desk->spool, config->spool, true, err) &&
                   prepare_signals(&manager, err) &&
                   (desk->control = control_new(config->control,
                                                answer_request, desk,
                                                err)) != NULL &&
                   (manager.listener = listener_new(&config->listen, sockets,
                                                    manager.launch,
                                                    err)) != NULL;
    if (started) {
        lifetime_start(&desk->lifetime, &moment);
        prepare_smarthosts(&manager);
        rates_start(desk);
        manager.inotify = hint_open(config->spool, RESCAN_TIME);
        settle_prepare(desk);
        confine_manager(config);
        desk->scan = drop_scan_new(&desk->spool, is_known, pickup_has_room,
                                   desk);
        desk->scan_due = true;
        started = pickup_recover(desk, err);
    }
    if (started)
        work(&manager);
    clean_up(&manager);
    return manager.end;
}
