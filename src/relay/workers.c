#include "relay/workers.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "config/config.h"
#include "relay/capacity.h"
#include "relay/findings.h"
#include "relay/launch.h"
#include "relay/log_delivery.h"
#include "relay/placement.h"
#include "relay/wire.h"
#include "relay/worker_pool.h"
#include "relay/worker_slot.h"
#include "spool/journal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"

#define LEFT_TIME 2000          /* after the end of a session: the smarthost may
                                 * not have noticed it yet, and refuse one more;
                                 * so long that one is then not tried again */
#define STANDING_TIME 60000     /* a session may be silent while another one is
                                 * refused, and is at its work */
#define WINNER_TIME 600000      /* milliseconds an address is tried first */

struct workers *workers_new(struct launch *launch,
                            const struct smarthost *smarthost, size_t index,
                            const struct spool *spool,
                            const struct strings *journals)
{
    const char *name = smarthost->name;
    struct workers *pool = alloc_zero(1, sizeof *pool);

    *pool = (struct workers){
        .launch = launch,
        .name = name,
        .smarthost = index,
        .spool = spool,
        .distrust = findings_read(spool, name),
        .slots = alloc_zero(smarthost->connections,
                            sizeof(struct worker_slot *)),
    };
    concurrency_init(&pool->concurrency, smarthost->connections);
    durations_init(&pool->durations);
    pool->packet = wire_packet(WIRE_DONE);
    pool->orphans = journal_find_held(spool, journals, name,
                                      &pool->orphan_count);
    if (pool->orphan_count > 0)
        log_line(LOG_LEVEL_INFO, "smarthost %s: %zu connection%s of the "
                 "previous daemon %s not finished yet", name,
                 pool->orphan_count,
                 pool->orphan_count == 1 ? "" : "s",
                 pool->orphan_count == 1 ? "is" : "are");
    return pool;
}

/* Free what the last event was made of. */
static void forget_event(struct workers *pool)
{
    wire_free(&pool->packet);
    pool->packet = wire_packet(WIRE_DONE);
    free(pool->finding.indices);
    pool->finding = (struct finding){ 0 };
}

void workers_free(struct workers *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->count; i++)
        slot_free(pool->slots[i], pool->spool, true);
    forget_event(pool);
    for (size_t i = 0; i < pool->orphan_count; i++)
        io_close(&pool->orphans[i]);
    free(pool->orphans);
    free(pool->winner);
    free(pool->refused);
    free(pool->slots);
    free(pool);
}

/* After that time the addresses have their order again, even if it has won
 * since: those before it may answer again. */
static void note_winner(struct workers *pool, const char *peer)
{
    bool same = pool->winner != NULL && strcmp(pool->winner, peer) == 0;

    if (same && clock_remaining(pool->winner_until) > 0)
        return;
    free(pool->winner);
    pool->winner = alloc_string(peer);
    pool->winner_until = clock_now() + WINNER_TIME;
}

static void send_limit(const struct workers *pool,
                       const struct worker_slot *slot)
{
    struct packet packet = wire_packet(WIRE_LIMIT);
    struct error ignored;

    packet.limit = session_limit_get(&pool->session_limit, clock_now());
    if (packet.limit > 0)
        wire_send(slot->socket, &packet, &ignored);
}

/* How many connections are silent, with those that made room for others, as
 * long as none is open: the smarthost may answer at another address. */
static size_t count_silent(const struct workers *pool)
{
    size_t silent = pool->renewals;

    if (placement_standing(pool, NULL) > 0)
        return 0;
    for (size_t i = 0; i < pool->count; i++)
        silent += slot_is_there(pool->slots[i]) && !pool->slots[i]->open;
    return silent;
}

/* Send a new worker the findings of others. The socket is empty still. */
static void brief(const struct workers *pool, struct worker_slot *slot)
{
    struct packet distrust = wire_packet(WIRE_DISTRUST);
    struct packet winner = wire_packet(WIRE_OPENED);
    struct packet silent = wire_packet(WIRE_SILENT);
    struct packet refused = wire_packet(WIRE_REFUSED);
    struct error ignored;

    distrust.distrust = pool->distrust;
    winner.peer = pool->winner;
    if (pool->distrust.extensions != 0)
        wire_send(slot->socket, &distrust, &ignored);
    if (pool->winner != NULL && clock_remaining(pool->winner_until) > 0)
        wire_send(slot->socket, &winner, &ignored);
    silent.count = count_silent(pool);
    if (silent.count > 0)
        wire_send(slot->socket, &silent, &ignored);
    refused.token = pool->refused;
    slot->renews = pool->renews;
    if (pool->renews)
        wire_send(slot->socket, &refused, &ignored);
    send_limit(pool, slot);
}

bool workers_start(struct workers *pool, struct error *err)
{
    int other_end = -1;
    struct worker_slot *slot = slot_new(pool->spool, pool->name, &other_end,
                                        err);

    if (slot == NULL)
        return false;
    brief(pool, slot);
    slot->pid = launch_worker(pool->launch, pool->smarthost, other_end,
                              slot->journal, err);
    io_close(&other_end);
    if (slot->pid == -1) {
        slot_free(slot, pool->spool, false);
        return false;
    }
    pool->slots[pool->count++] = slot;
    pool->started = slot->started;
    return true;
}

void workers_recall(struct workers *pool, int64_t now)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct worker_slot *slot = pool->slots[i];
        if (slot_is_there(slot) && !slot->recalled && slot->count > 1 &&
            now >= slot_late_at(slot))
            slot_recall(slot);
    }
}

bool workers_give(struct workers *pool, struct worker_slot *slot,
                  const struct worker_job *job, struct error *err)
{
    int64_t cost = placement_cost(pool, job->owner, job->octets);

    return slot_give(slot, job, cost, err);
}

void workers_each(struct workers *pool, workers_watch *add, void *context)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->slots[i]->socket != -1)
            add(context, pool->slots[i]->socket, pool->slots[i]);
}

void workers_note_input(struct worker_slot *slot)
{
    slot->has_input = true;
}

static void note_answer(struct workers *pool, struct worker_slot *slot,
                        const struct slot_job *job)
{
    int64_t now = clock_now();

    concurrency_note(&pool->concurrency,
                     durations_note(&pool->durations, job->owner, job->octets,
                                    now - slot->since), now);
    slot->since = now;
    slot->answered = true;
    slot->recalled = false;
}

void workers_finish(struct workers *pool, const struct worker_event *event)
{
    struct slot_job *job = slot_find_job(event->slot, event->job);

    note_answer(pool, event->slot, job);
    slot_remove_job(event->slot, job);
}

/* It counts for all workers that are started from now on. */
static void learn(struct workers *pool, const struct distrust *found)
{
    bool is_news = pool->distrust.extensions != 0;

    if (found->extensions == 0) {
        pool->distrust.extensions = 0;  /* the EHLO has changed */
    } else {
        is_news = distrust_add(&pool->distrust, found->extensions,
                               found->hello, clock_now());
        if (is_news)
            log_distrust(pool->name, pool->distrust.extensions, true);
    }
    if (is_news)
        findings_write(pool->spool, pool->name, &pool->distrust);
}

/* That counts for open sessions, too. */
static void learn_limit(struct workers *pool, unsigned messages, bool sure)
{
    struct session_limit *limit = &pool->session_limit;
    int64_t now = clock_now();
    unsigned before = session_limit_get(limit, now);

    if (!session_limit_note(limit, messages, sure, now))
        return;
    if (messages != before)
        log_line(LOG_LEVEL_INFO, "smarthost %s: sessions end after %u "
                 "message%s", pool->name, messages, messages == 1 ? "" : "s");
    for (size_t i = 0; i < pool->count; i++)
        if (slot_is_there(pool->slots[i]))
            send_limit(pool, pool->slots[i]);
}

/* Is another session there that answers? */
static bool others_answer(const struct workers *pool,
                          const struct worker_slot *slot)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->slots[i] != slot && pool->slots[i]->open &&
            slot_is_there(pool->slots[i]) &&
            clock_now() < slot_late_at(pool->slots[i]))
            return true;
    return false;
}

/* The smarthost has answered, if not as it should: does another session carry
 * mail there? */
static bool others_work(const struct workers *pool,
                        const struct worker_slot *slot,
                        const struct error *err)
{
    bool works = false;

    for (size_t i = 0; i < pool->count; i++)
        works |= pool->slots[i] != slot && pool->slots[i]->open &&
                 slot_is_there(pool->slots[i]) &&
                 clock_now() - pool->slots[i]->since < STANDING_TIME;
    return works && err->reach >= REACH_REFUSED;
}

/* Some smarthosts do not notice at once that a session has ended. */
static bool comes_too_soon(struct workers *pool,
                           const struct worker_slot *slot,
                           const struct error *err)
{
    bool soon = pool->left > 0 && slot->started - pool->left < LEFT_TIME &&
                err->reach >= REACH_REFUSED;

    pool->left = 0;
    if (soon)
        pool->hold = clock_now() + LEFT_TIME;
    return soon;
}

/* The next worker gets another token. False: this worker had the last one that
 * is tried. One that was started before a session was opened may have been
 * refused for an older token than the present one. */
static bool renews_token(struct workers *pool, const struct worker_slot *slot,
                         char **token)
{
    bool is_news = !pool->renews && slot->started >= pool->opened;

    free(pool->refused);
    pool->refused = *token;
    *token = NULL;
    pool->renews = pool->renews || is_news;
    if (is_news)
        log_line(LOG_LEVEL_INFO, "smarthost %s refuses its token: another one "
                 "is asked for", pool->name);
    return !slot->renews;
}

/* Did this machine fail, and not the smarthost? A login that the smarthost
 * refuses is not ours, though a wrong password would be: some reply 535 to one
 * connection too many, while other sessions of the account work. */
static bool is_ours(const struct error *err)
{
    return err->fault == FAULT_CONFIG ||
           (err->fault == FAULT_PERMISSION && err->reach < REACH_REPLY);
}

/*
 * No session could be had. That does not show that the smarthost is down where
 * other sessions are open, or were opened since this one was begun: it may take
 * no more at a time, or a connection may have been lost.
 */
static void close_slot(struct workers *pool, struct worker_slot *slot,
                       struct packet *packet, struct worker_event *event)
{
    const struct error *err = &packet->error;
    bool renews = packet->token != NULL &&
                  renews_token(pool, slot, &packet->token);
    bool ours = is_ours(err);
    bool served = !ours && (pool->opened > slot->started ||
                            others_answer(pool, slot) ||
                            others_work(pool, slot, err));

    slot->closed = true;
    if (!ours && comes_too_soon(pool, slot, err))
        served = true;
    else if (served && !renews)
        concurrency_refused(&pool->concurrency, placement_standing(pool, slot),
                            clock_now());
    *event = (struct worker_event){ .kind = WORKER_CLOSED, .error = err,
                                    .served = served, .renews = renews };
}

/* A packet about a job that it has. */
static bool take_job_packet(struct workers *pool, struct worker_slot *slot,
                            struct worker_event *event)
{
    const struct packet *packet = &pool->packet;
    struct slot_job *job = slot_find_job(slot, packet->job);

    if (job == NULL)
        return false;
    *event = (struct worker_event){ .message = job->message,
                                    .job = job->number, .slot = slot };
    switch (packet->kind) {
    case WIRE_OUTCOMES:
        event->kind = WORKER_OUTCOMES;
        event->peer = packet->peer;
        event->outcomes = packet->outcomes;
        event->count = packet->count;
        return true;
    case WIRE_RETURNED:         /* nothing of this job was accepted */
        event->kind = WORKER_LOST;
        event->refused = packet->refused;
        slot_remove_job(slot, job);
        return true;
    default:                    /* WIRE_DONE: its journal shows the rest */
        if (!job->ended)
            note_answer(pool, slot, job);
        job->ended = true;
        return false;
    }
}

static void note_opened(struct workers *pool, struct worker_slot *slot)
{
    int64_t now = clock_now();

    slot->open = true;
    slot->since = pool->opened = now;
    pool->renewals = 0;
    pool->renews = false;
    concurrency_opened(&pool->concurrency, placement_standing(pool, NULL),
                       now - slot->started, now);
}

/* True if it makes an event. */
static bool take_packet(struct workers *pool, struct worker_slot *slot,
                        struct worker_event *event)
{
    struct packet *packet = &pool->packet;

    switch (packet->kind) {
    case WIRE_OPENED:
        note_opened(pool, slot);
        note_winner(pool, packet->peer);
        *event = (struct worker_event){ .kind = WORKER_OPENED,
                                        .peer = packet->peer,
                                        .certificate_end =
                                            packet->certificate_end };
        return true;
    case WIRE_CLOSED:
        close_slot(pool, slot, packet, event);
        return true;
    case WIRE_DISTRUST:
        learn(pool, &packet->distrust);
        return false;
    case WIRE_LIMIT:
        learn_limit(pool, packet->limit, packet->sure);
        return false;
    case WIRE_OUTCOMES:
    case WIRE_RETURNED:
    case WIRE_DONE:
        return take_job_packet(pool, slot, event);
    default:
        return false;
    }
}

/* Receive the next packet of a worker. False: there is none. */
static bool receive(struct workers *pool, struct worker_slot *slot)
{
    struct error err = { 0 };

    forget_event(pool);
    slot->full = false;
    int received = wire_receive(slot->socket, WIRE_WORKER, &pool->packet,
                                &err);
    if (received == 1)
        return true;
    slot->has_input = false;
    if (received == -1 && err.fault == FAULT_TEMPORARY && !slot->reaped)
        return false;
    if (received == -1 && err.fault != FAULT_TEMPORARY) {
        log_line(LOG_LEVEL_ERROR, "worker %ld of smarthost %s: %s",
                 (long)slot->pid, pool->name, err.text);
        launch_signal(pool->launch, slot->pid, SIGKILL);
    }
    io_close(&slot->socket);    /* the rest when it is reaped */
    if (slot->open)
        pool->left = clock_now();
    return false;
}

/* It ended before it could report on its session. */
static void close_unheard(struct workers *pool, struct worker_slot *slot,
                          struct worker_event *event)
{
    error_set(&pool->packet.error, FAULT_TEMPORARY, "worker %ld ended before "
              "it had a session", (long)slot->pid);
    close_slot(pool, slot, &pool->packet, event);
}

/* The event of a job that ended, or that a worker had when it ended. */
static bool next_end(struct workers *pool, struct worker_slot *slot,
                     struct worker_event *event)
{
    struct slot_job *job = slot_next_end(slot, pool->spool, &pool->finding);

    if (job == NULL)
        return false;
    *event = (struct worker_event){
        .kind = job->ended ? WORKER_DONE : WORKER_LOST,
        .message = job->message,
        .delivered = pool->finding.indices,
        .count = pool->finding.count,
        .crashed = slot->crashed && !job->ended,
    };
    slot_remove_job(slot, job);
    return true;
}

static bool next_of_slot(struct workers *pool, struct worker_slot *slot,
                         struct worker_event *event)
{
    while (slot->has_input)
        if (receive(pool, slot) && take_packet(pool, slot, event))
            return true;
    if (slot->reaped && !slot->open && !slot->closed && !slot->leaves) {
        close_unheard(pool, slot, event);
        return true;
    }
    return next_end(pool, slot, event);
}

/* A worker that was reaped is forgotten once its journal has been read. */
static void conclude(struct workers *pool, size_t index)
{
    struct worker_slot *slot = pool->slots[index];

    slot_trim_journal(slot);
    if (!slot->reaped || slot->count > 0)
        return;
    slot_free(slot, pool->spool, slot->unread);
    pool->slots[index] = pool->slots[--pool->count];
}

/* Nothing reports the end of a process that is not our child's. */
static void look_at_orphans(struct workers *pool)
{
    for (size_t i = pool->orphan_count; i-- > 0; )
        if (!journal_is_held(pool->orphans[i], pool->name)) {
            io_close(&pool->orphans[i]);
            pool->orphans[i] = pool->orphans[--pool->orphan_count];
        }
}

bool workers_next(struct workers *pool, struct worker_event *event)
{
    look_at_orphans(pool);
    forget_event(pool);
    for (size_t i = pool->count; i-- > 0; ) {
        if (next_of_slot(pool, pool->slots[i], event))
            return true;
        conclude(pool, i);
    }
    return false;
}

bool workers_reap(struct workers *pool, pid_t pid, int status)
{
    size_t i = 0;

    while (i < pool->count &&
           (pool->slots[i]->pid != pid || pool->slots[i]->reaped))
        i++;
    if (i == pool->count)
        return false;
    struct worker_slot *slot = pool->slots[i];
    /* SIGTERM came before it was handled: nothing had begun. */
    bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    bool ended = stopped || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (WIFSIGNALED(status) && !stopped)
        log_line(LOG_LEVEL_ERROR, "worker %ld of smarthost %s ended by "
                 "signal %d", (long)pid, pool->name, WTERMSIG(status));
    slot->reaped = true;
    slot->crashed = !ended;
    slot->has_input = slot->socket != -1;   /* what it sent last */
    return true;
}

void workers_retry(struct workers *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        pool->slots[i]->stuck = false;
}

void workers_stop(struct workers *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->slots[i]->reaped)
            continue;
        launch_signal(pool->launch, pool->slots[i]->pid, SIGTERM);
        pool->slots[i]->leaves = true;
    }
}

bool workers_leave(const struct workers *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->slots[i]->leaves && !pool->slots[i]->reaped)
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
