#include "relay/workers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/durations.h"
#include "relay/launch.h"
#include "relay/report.h"
#include "relay/wire.h"
#include "spool/journal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"

#define BUSY 4                  /* jobs with all workers before one more is
                                 * started: a start costs as much as those */
#define OPENING_TIME 2000       /* milliseconds a session may take to open
                                 * before another one is tried */
#define HOLD_TIME 30000         /* after one could not be opened while others
                                 * stand: some smarthosts take no more */
#define SPARE_FROM 3            /* connections, for one to be spared */
#define WINNER_TIME 600000      /* milliseconds an address is tried first */
#define JOURNAL_LINES 1000      /* before an idle worker's journal is emptied */
#define JOURNAL_TIME 600000     /* milliseconds in which one that cannot be
                                 * read holds its messages back */

struct job {
    uint64_t number;
    char id[RANDOM_ID_LENGTH + 1];
    bool ended;                 /* and the journal has yet to be read */
    uid_t uid;
    uint64_t octets;
    int64_t cost;               /* microseconds it takes, as was known then */
};

struct worker_slot {
    pid_t pid;                  /* 0: reaped, waits for its journal */
    int socket;                 /* -1: gone, waits to be reaped */
    int journal;
    unsigned number;            /* of the journal */
    int64_t unread_since;       /* it cannot be read; 0: it can */
    bool unread;                /* it was given up: the next start reads it */
    unsigned lines;             /* in it, at most */
    bool full;                  /* its socket takes no more for now */
    bool leaves;                /* it was asked to */
    bool crashed;               /* it did not end by itself */
    bool open;                  /* its session stands */
    bool closed;                /* ... could not be had */
    bool answered;              /* a job was finished */
    bool recalled;              /* it was asked for its jobs since then */
    int64_t started;            /* when its session was begun to be opened */
    int64_t since;              /* when it last opened or finished anything, or
                                 * got its first job */
    struct job jobs[WORKER_JOBS_MAX];
    size_t count;
};

struct workers {
    struct launch *launch;
    const char *name;
    size_t smarthost;
    unsigned connections;
    const struct spool *spool;
    const struct worker_events *events;
    void *context;
    struct distrust distrust;   /* of the smarthost: what workers found out */
    struct worker_slot **slots;
    size_t count;
    int64_t opened;             /* when a session was opened last; 0: never */
    char *winner;               /* the peer that gave one, to be tried first */
    int64_t winner_until;       /* ... until then; NULL: none */
    int64_t hold;               /* no other one is to be opened before */
    struct durations durations;
};

struct workers *workers_new(struct launch *launch, const char *name,
                            size_t smarthost, unsigned connections,
                            const struct spool *spool,
                            const struct worker_events *events, void *context)
{
    struct workers *pool = alloc_zero(1, sizeof *pool);

    *pool = (struct workers){
        .launch = launch,
        .name = name,
        .smarthost = smarthost,
        .connections = connections,
        .spool = spool,
        .events = events,
        .context = context,
        .slots = alloc_zero(connections, sizeof(struct worker_slot *)),
    };
    durations_init(&pool->durations);
    return pool;
}

/* What a journal says of one job. */
struct finding {
    const char *id;
    size_t *indices;
    size_t count;
};

static bool find_line(void *context, const char *id, const size_t *indices,
                      size_t count)
{
    struct finding *finding = context;

    if (strcmp(id, finding->id) != 0)
        return true;
    finding->indices = alloc_resize(finding->indices, finding->count + count,
                                    sizeof(size_t));
    memcpy(finding->indices + finding->count, indices, count * sizeof(size_t));
    finding->count += count;
    return true;
}

/* Without it recipients would get the message twice: it waits some time for
 * that. False: it does. */
static bool give_up_journal(struct worker_slot *slot, const struct job *job)
{
    int64_t now = clock_now();

    if (slot->unread_since == 0) {
        slot->unread_since = now;
        log_line(LOG_LEVEL_ERROR, "%s: the journal of its worker cannot be "
                 "read: will be tried again", job->id);
    }
    if (now - slot->unread_since < JOURNAL_TIME)
        return false;
    log_line(LOG_LEVEL_ERROR, "%s: the journal of its worker cannot be read: "
             "some recipients may get it twice", job->id);
    slot->unread = true;
    return true;
}

/* False: that cannot be known now. */
static bool look_up(const struct workers *pool, struct worker_slot *slot,
                    const struct job *job, struct finding *finding)
{
    *finding = (struct finding){ .id = job->id };
    if (journal_read(pool->spool, slot->number, find_line, finding)) {
        slot->unread_since = 0;
        return true;
    }
    if (give_up_journal(slot, job))
        return true;
    free(finding->indices);
    return false;
}

/* False: some wait for the journal. */
static bool lose_jobs(struct workers *pool, struct worker_slot *slot)
{
    struct finding finding;

    while (slot->count > 0) {
        struct job *job = &slot->jobs[slot->count - 1];
        if (!look_up(pool, slot, job, &finding))
            return false;
        slot->count--;
        pool->events->lost(pool->context, job->number, finding.indices,
                           finding.count, slot->crashed);
        free(finding.indices);
    }
    return true;
}

static void forget(struct workers *pool, size_t index)
{
    free(pool->slots[index]);
    pool->slots[index] = pool->slots[--pool->count];
}

void workers_free(struct workers *pool)
{
    if (pool == NULL)
        return;
    while (pool->count > 0) {
        struct worker_slot *slot = pool->slots[0];
        io_close(&slot->socket);
        io_close(&slot->journal);
        forget(pool, 0);
    }
    free(pool->winner);
    free(pool->slots);
    free(pool);
}

/* After its time the addresses have their order again, even if it has won all
 * the while: those in front of it may be well by then. */
static void note_winner(struct workers *pool, const char *peer)
{
    bool same = pool->winner != NULL && strcmp(pool->winner, peer) == 0;

    if (same && clock_remaining(pool->winner_until) > 0)
        return;
    free(pool->winner);
    pool->winner = alloc_string(peer);
    pool->winner_until = clock_now() + WINNER_TIME;
}

/* Tell a new worker what others have found out. The socket is empty still. */
static void brief(const struct workers *pool, const struct worker_slot *slot)
{
    struct packet packet = {
        .kind = WIRE_DISTRUST, .fd = -1, .distrust = pool->distrust,
    };
    struct packet winner = {
        .kind = WIRE_OPENED, .fd = -1, .peer = pool->winner,
    };
    struct error ignored;

    if (pool->distrust.extensions != 0)
        wire_send(slot->socket, &packet, &ignored);
    if (pool->winner != NULL && clock_remaining(pool->winner_until) > 0)
        wire_send(slot->socket, &winner, &ignored);
}

bool workers_start(struct workers *pool, struct error *err)
{
    struct worker_slot *slot = alloc_zero(1, sizeof *slot);
    int ends[2] = { -1, -1 };

    slot->socket = -1;
    slot->journal = journal_create(pool->spool, &slot->number, err);
    bool started = slot->journal != -1;
    if (started && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
                              SOCK_CLOEXEC, 0, ends) == -1)
        started = error_sys(err, FAULT_TEMPORARY, "start a worker");
    slot->socket = ends[0];
    if (started) {
        brief(pool, slot);
        slot->pid = launch_worker(pool->launch, pool->smarthost, ends[1],
                                  slot->journal, err);
    }
    started = started && slot->pid != -1;
    io_close(&ends[1]);
    slot->started = slot->since = clock_now();
    if (started) {
        pool->slots[pool->count++] = slot;
        return true;
    }
    io_close(&slot->socket);
    if (slot->journal != -1)
        journal_remove(pool->spool, slot->number);
    io_close(&slot->journal);
    free(slot);
    return false;
}

/* Microseconds that a message will take: what was not measured may be slow. */
static int64_t cost_of(const struct workers *pool, uid_t uid, uint64_t octets)
{
    int64_t cost = durations_expect(&pool->durations, uid, octets);

    return cost == DURATIONS_UNKNOWN ? WORKER_TIME * 1000 : cost;
}

static bool is_there(const struct worker_slot *slot)
{
    return slot->socket != -1 && !slot->leaves && !slot->closed;
}

/* When its silence is too long to wait for it; INT64_MAX: it has nothing to
 * answer. */
static int64_t late_at(const struct worker_slot *slot)
{
    if (!slot->open)
        return slot->started + OPENING_TIME;
    return slot->count > 0 ? slot->since + WORKER_TIME : INT64_MAX;
}

/* Would a job that this worker gets be begun within WORKER_TIME? */
static bool is_quick(const struct worker_slot *slot, int64_t now)
{
    int64_t cost = 0;

    for (size_t i = 0; i < slot->count; i++)
        cost += slot->jobs[i].cost;
    return is_there(slot) && now < late_at(slot) &&
           cost < WORKER_TIME * 1000;
}

static bool has_room(const struct worker_slot *slot, int64_t now)
{
    /* A new session has yet to show that it is as quick as others. */
    size_t most = slot->answered ? WORKER_JOBS_MAX : BUSY;
    uint64_t octets = 0;

    for (size_t i = 0; i < slot->count; i++)
        octets += slot->jobs[i].octets;
    return slot->open && !slot->full && slot->count < most &&
           octets < WORKER_OCTETS && is_quick(slot, now);
}

struct worker_slot *workers_choose(const struct workers *pool, int64_t now)
{
    struct worker_slot *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        struct worker_slot *slot = pool->slots[i];
        if (has_room(slot, now) &&
            (best == NULL || slot->count < best->count))
            best = slot;
    }
    return best;
}

static bool may_start(const struct workers *pool, int64_t now)
{
    return pool->count < pool->connections && now >= pool->hold;
}

static bool has_job_of(const struct worker_slot *slot, uid_t uid)
{
    for (size_t i = 0; i < slot->count; i++)
        if (slot->jobs[i].uid == uid)
            return true;
    return false;
}

static bool has_outside(const struct workers *pool, uid_t uid)
{
    for (size_t i = 0; i < pool->count; i++)
        if (has_job_of(pool->slots[i], uid))
            return true;
    return false;
}

/* Has the user a message with a worker that does not answer? */
static bool waits_for_late(const struct workers *pool, uid_t uid, int64_t now)
{
    for (size_t i = 0; i < pool->count; i++)
        if (now >= late_at(pool->slots[i]) &&
            has_job_of(pool->slots[i], uid))
            return true;
    return false;
}

bool workers_have_place(const struct workers *pool, uid_t uid, uint64_t octets,
                        int64_t now)
{
    size_t quick = may_start(pool, now) ? pool->connections - pool->count : 0;

    for (size_t i = 0; i < pool->count; i++)
        quick += is_quick(pool->slots[i], now);
    if (quick > 1 || pool->connections < SPARE_FROM || !has_outside(pool, uid))
        return true;
    return cost_of(pool, uid, octets) < WORKER_TIME * 1000 &&
           !waits_for_late(pool, uid, now);
}

/* How many more jobs the workers are good for that will soon be heard of. */
static size_t capacity(const struct workers *pool, int64_t now)
{
    bool slow = pool->durations.any >= WORKER_TIME * 1000;
    size_t jobs = 0;

    for (size_t i = 0; i < pool->count; i++) {
        const struct worker_slot *slot = pool->slots[i];
        if (!is_there(slot) || now >= late_at(slot))
            continue;
        if (!slot->open)
            jobs += slow ? 1 : BUSY;
        else if (slot->count > 0 && !slow)
            jobs += BUSY;
    }
    return jobs;
}

bool workers_want_more(const struct workers *pool,
                       const struct worker_slot *chosen, size_t backlog,
                       int64_t now)
{
    if (!may_start(pool, now))
        return false;
    if (chosen == NULL)
        return backlog > capacity(pool, now);
    size_t opening = 0;
    for (size_t i = 0; i < pool->count; i++)
        opening += !pool->slots[i]->open;
    return chosen->count >= BUSY && backlog > BUSY * (1 + opening);
}

void workers_recall(struct workers *pool, int64_t now)
{
    struct packet packet = { .kind = WIRE_RECALL, .fd = -1 };
    struct error ignored;

    for (size_t i = 0; i < pool->count; i++) {
        struct worker_slot *slot = pool->slots[i];
        if (!is_there(slot) || slot->recalled || slot->count < 2 ||
            now < late_at(slot))
            continue;
        wire_send(slot->socket, &packet, &ignored);
        slot->recalled = true;
    }
}

int64_t workers_next_time(const struct workers *pool, int64_t now)
{
    int64_t next = pool->hold > now ? pool->hold : INT64_MAX;

    for (size_t i = 0; i < pool->count; i++) {
        const struct worker_slot *slot = pool->slots[i];
        if (is_there(slot) && late_at(slot) > now)
            next = clock_earlier(next, late_at(slot));
    }
    return next;
}

bool workers_give(struct workers *pool, struct worker_slot *slot,
                  const struct worker_job *job, struct error *err)
{
    struct packet packet = {
        .kind = WIRE_JOB,
        .job = job->number,
        .uid = job->uid,
        .fd = job->fd,
        .recipients = (size_t *)job->recipients,
        .count = job->count,
    };
    struct job *mine = &slot->jobs[slot->count];

    if (!wire_send(slot->socket, &packet, err)) {
        slot->full = true;      /* until something is heard of it */
        return false;
    }
    *mine = (struct job){ .number = job->number, .uid = job->uid,
                          .octets = job->octets,
                          .cost = cost_of(pool, job->uid, job->octets) };
    memcpy(mine->id, job->id, sizeof mine->id);
    if (slot->count == 0)
        slot->since = clock_now();
    slot->count++;
    slot->lines++;
    return true;
}

void workers_each(struct workers *pool, workers_watch *add, void *context)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->slots[i]->socket != -1)
            add(context, pool->slots[i]->socket, pool->slots[i]);
}

static struct job *find_job(struct worker_slot *slot, uint64_t number)
{
    for (size_t i = 0; i < slot->count; i++)
        if (slot->jobs[i].number == number)
            return &slot->jobs[i];
    return NULL;
}

static void note_answer(struct workers *pool, struct worker_slot *slot,
                        const struct job *job)
{
    int64_t now = clock_now();

    durations_note(&pool->durations, job->uid, job->octets, now - slot->since);
    slot->since = now;
    slot->answered = true;
    slot->recalled = false;
}

/* known: the worker has sent all outcomes; else its journal is asked. */
static void finish_job(struct workers *pool, struct worker_slot *slot,
                       struct job *job, bool known)
{
    uint64_t number = job->number;
    struct finding finding = { 0 };

    if (!job->ended)
        note_answer(pool, slot, job);
    job->ended = true;
    if (!known && !look_up(pool, slot, job, &finding))
        return;
    *job = slot->jobs[--slot->count];
    /* Everything it noted has been told, and this descriptor appends. */
    if (slot->count == 0 && slot->lines > JOURNAL_LINES &&
        ftruncate(slot->journal, 0) == 0)
        slot->lines = 0;
    pool->events->done(pool->context, number, finding.indices, finding.count);
    free(finding.indices);
}

static void take_outcomes(struct workers *pool, struct worker_slot *slot,
                          const struct packet *packet)
{
    struct job *job = find_job(slot, packet->job);
    bool known = false;

    for (size_t i = 0; job != NULL && !known && i < packet->count; i++) {
        const struct wire_outcome *one = &packet->outcomes[i];
        known = pool->events->outcome(pool->context, job->number, one->index,
                                      &one->outcome, packet->peer,
                                      one->dsn_passed_on);
    }
    if (known)
        finish_job(pool, slot, job, true);
}

/* It counts for all workers that are started from now on. */
static void learn(struct workers *pool, const struct distrust *found)
{
    if (found->extensions == 0)
        pool->distrust.extensions = 0;  /* the EHLO has changed */
    else if (distrust_add(&pool->distrust, found->extensions, found->hello,
                          clock_now()))
        report_distrust(pool->name, pool->distrust.extensions);
}

/* Is another session there that answers? */
static bool others_answer(const struct workers *pool,
                          const struct worker_slot *slot)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->slots[i] != slot && pool->slots[i]->open &&
            is_there(pool->slots[i]) &&
            clock_now() < late_at(pool->slots[i]))
            return true;
    return false;
}

/*
 * No session could be had. That is nothing new of a smarthost in which others
 * are had, or were opened since this one was begun: it may take no more at a
 * time, or have lost a connection.
 */
static void close_slot(struct workers *pool, struct worker_slot *slot,
                       const struct error *err)
{
    bool refused = err->fault == FAULT_PERMISSION ||
                   err->fault == FAULT_CONFIG;
    bool served = !refused && (pool->opened > slot->started ||
                               others_answer(pool, slot));

    slot->closed = true;
    if (served)
        pool->hold = clock_now() + HOLD_TIME;
    pool->events->closed(pool->context, pool->smarthost, err, served);
}

/* It has not sent any content of this job. */
static void take_back(struct workers *pool, struct worker_slot *slot,
                      struct job *job)
{
    uint64_t number = job->number;

    *job = slot->jobs[--slot->count];
    pool->events->lost(pool->context, number, NULL, 0, false);
}

static void take_packet(struct workers *pool, struct worker_slot *slot,
                        const struct packet *packet)
{
    struct job *job;

    switch (packet->kind) {
    case WIRE_OPENED:
        slot->open = true;
        slot->since = pool->opened = clock_now();
        note_winner(pool, packet->peer);
        pool->events->opened(pool->context, pool->smarthost, packet->peer);
        break;
    case WIRE_CLOSED:
        close_slot(pool, slot, &packet->error);
        break;
    case WIRE_OUTCOMES:
        take_outcomes(pool, slot, packet);
        break;
    case WIRE_DISTRUST:
        learn(pool, &packet->distrust);
        break;
    case WIRE_DONE:
        job = find_job(slot, packet->job);
        if (job != NULL)
            finish_job(pool, slot, job, false);
        break;
    case WIRE_RETURNED:
        job = find_job(slot, packet->job);
        if (job != NULL)
            take_back(pool, slot, job);
        break;
    default:
        break;
    }
}

void workers_handle(struct workers *pool, struct worker_slot *slot)
{
    struct packet packet;
    struct error err = { 0 };
    int received;

    slot->full = false;
    while ((received = wire_receive(slot->socket, &packet, &err)) == 1) {
        take_packet(pool, slot, &packet);
        wire_free(&packet);
    }
    if (received == -1 && err.fault == FAULT_TEMPORARY)
        return;
    if (received == -1) {
        log_line(LOG_LEVEL_ERROR, "worker %ld of smarthost %s: %s",
                 (long)slot->pid, pool->name, err.text);
        launch_signal(pool->launch, slot->pid, SIGKILL);
    }
    io_close(&slot->socket);  /* the rest when it is reaped */
}

/* A worker that was reaped is forgotten, once its journal has been read. */
static void conclude(struct workers *pool, size_t index)
{
    struct worker_slot *slot = pool->slots[index];

    if (!lose_jobs(pool, slot))
        return;
    if (!slot->unread)
        journal_remove(pool->spool, slot->number);
    forget(pool, index);
}

/* It ended before it could tell what became of its session. */
static void close_unheard(struct workers *pool, struct worker_slot *slot)
{
    struct error err;

    error_set(&err, FAULT_TEMPORARY, "worker %ld ended before it had a "
              "session", (long)slot->pid);
    close_slot(pool, slot, &err);
}

bool workers_reap(struct workers *pool, pid_t pid, int status)
{
    size_t i = 0;

    while (i < pool->count && pool->slots[i]->pid != pid)
        i++;
    if (i == pool->count)
        return false;
    struct worker_slot *slot = pool->slots[i];
    /* Asked to stop before it knew how to: it began nothing. */
    bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    bool ended = stopped || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (WIFSIGNALED(status) && !stopped)
        log_line(LOG_LEVEL_ERROR, "worker %ld of smarthost %s ended by "
                 "signal %d", (long)pid, pool->name, WTERMSIG(status));
    if (slot->socket != -1)   /* what it said last can still be heard */
        workers_handle(pool, slot);
    io_close(&slot->socket);
    if (!slot->open && !slot->closed && !slot->leaves)
        close_unheard(pool, slot);
    io_close(&slot->journal);
    slot->pid = 0;
    slot->leaves = false;
    slot->crashed = !ended;
    conclude(pool, i);
    return true;
}

void workers_retry(struct workers *pool)
{
    for (size_t i = pool->count; i-- > 0; ) {
        struct worker_slot *slot = pool->slots[i];
        if (slot->pid == 0) {
            conclude(pool, i);
            continue;
        }
        for (size_t j = slot->count; j-- > 0; )
            if (slot->jobs[j].ended)
                finish_job(pool, slot, &slot->jobs[j], false);
    }
}

void workers_stop(struct workers *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->slots[i]->pid == 0)
            continue;
        launch_signal(pool->launch, pool->slots[i]->pid, SIGTERM);
        pool->slots[i]->leaves = true;
    }
}

bool workers_leave(const struct workers *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->slots[i]->leaves)
            return true;
    return false;
}

unsigned workers_distrust(const struct workers *pool)
{
    return pool->distrust.extensions;
}

size_t workers_count(const struct workers *pool)
{
    return pool->count;
}

size_t workers_jobs(const struct workers *pool)
{
    size_t jobs = 0;

    for (size_t i = 0; i < pool->count; i++)
        jobs += pool->slots[i]->count;
    return jobs;
}
