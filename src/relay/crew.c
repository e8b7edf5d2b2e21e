#include "relay/crew.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/launch.h"
#include "relay/parcel.h"
#include "relay/report.h"
#include "spool/journal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"

#define BUSY 4                  /* jobs with all workers before one more is
                                 * started: a start costs as much as those */
#define JOURNAL_LINES 1000      /* before an idle worker's journal is emptied */
#define JOURNAL_TIME 600000     /* milliseconds in which one that cannot be
                                 * read holds its messages back */

struct job {
    uint64_t number;
    char id[RANDOM_ID_LENGTH + 1];
    bool ended;                 /* and the journal has yet to be read */
};

struct crew_member {
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
    struct job jobs[CREW_JOBS_MAX];
    size_t count;
};

struct crew {
    struct launch *launch;
    const char *name;
    size_t smarthost;
    unsigned connections;
    const struct spool *spool;
    const struct crew_events *events;
    void *context;
    struct distrust distrust;   /* of the smarthost: what workers found out */
    struct crew_member **members;
    size_t count;
};

struct crew *crew_new(struct launch *launch, const char *name,
                      size_t smarthost, unsigned connections,
                      const struct spool *spool,
                      const struct crew_events *events, void *context)
{
    struct crew *crew = alloc_zero(1, sizeof *crew);

    *crew = (struct crew){
        .launch = launch,
        .name = name,
        .smarthost = smarthost,
        .connections = connections,
        .spool = spool,
        .events = events,
        .context = context,
        .members = alloc_zero(connections, sizeof(struct crew_member *)),
    };
    return crew;
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
static bool give_up_journal(struct crew_member *member, const struct job *job)
{
    int64_t now = clock_now();

    if (member->unread_since == 0) {
        member->unread_since = now;
        log_line(LOG_LEVEL_ERROR, "%s: the journal of its worker cannot be "
                 "read: will be tried again", job->id);
    }
    if (now - member->unread_since < JOURNAL_TIME)
        return false;
    log_line(LOG_LEVEL_ERROR, "%s: the journal of its worker cannot be read: "
             "some recipients may get it twice", job->id);
    member->unread = true;
    return true;
}

/* False: that cannot be known now. */
static bool look_up(const struct crew *crew, struct crew_member *member,
                    const struct job *job, struct finding *finding)
{
    *finding = (struct finding){ .id = job->id };
    if (journal_read(crew->spool, member->number, find_line, finding)) {
        member->unread_since = 0;
        return true;
    }
    if (give_up_journal(member, job))
        return true;
    free(finding->indices);
    return false;
}

/* False: some wait for the journal. */
static bool lose_jobs(struct crew *crew, struct crew_member *member)
{
    struct finding finding;

    while (member->count > 0) {
        struct job *job = &member->jobs[member->count - 1];
        if (!look_up(crew, member, job, &finding))
            return false;
        member->count--;
        crew->events->lost(crew->context, job->number, finding.indices,
                           finding.count, member->crashed);
        free(finding.indices);
    }
    return true;
}

static void forget(struct crew *crew, size_t index)
{
    free(crew->members[index]);
    crew->members[index] = crew->members[--crew->count];
}

void crew_free(struct crew *crew)
{
    if (crew == NULL)
        return;
    while (crew->count > 0) {
        struct crew_member *member = crew->members[0];
        io_close(&member->socket);
        io_close(&member->journal);
        forget(crew, 0);
    }
    free(crew->members);
    free(crew);
}

/* Tell a new worker what others have found out. The socket is empty still. */
static void brief(const struct crew *crew, const struct crew_member *member)
{
    struct parcel parcel = {
        .kind = PARCEL_DISTRUST, .fd = -1, .distrust = crew->distrust,
    };
    struct error ignored;

    if (crew->distrust.extensions != 0)
        parcel_send(member->socket, &parcel, &ignored);
}

static struct crew_member *start(struct crew *crew, struct error *err)
{
    struct crew_member *member = alloc_zero(1, sizeof *member);
    int ends[2] = { -1, -1 };

    member->socket = -1;
    member->journal = journal_create(crew->spool, &member->number, err);
    bool started = member->journal != -1;
    if (started && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
                              SOCK_CLOEXEC, 0, ends) == -1)
        started = error_sys(err, FAULT_TEMPORARY, "start a worker");
    if (started)
        member->pid = launch_worker(crew->launch, crew->smarthost, ends[1],
                                    member->journal, err);
    started = started && member->pid != -1;
    io_close(&ends[1]);
    member->socket = ends[0];
    if (started) {
        crew->members[crew->count++] = member;
        brief(crew, member);
        return member;
    }
    io_close(&member->socket);
    if (member->journal != -1)
        journal_remove(crew->spool, member->number);
    io_close(&member->journal);
    free(member);
    return NULL;
}

static struct crew_member *least_busy(const struct crew *crew)
{
    struct crew_member *best = NULL;

    for (size_t i = 0; i < crew->count; i++) {
        struct crew_member *member = crew->members[i];
        if (member->socket != -1 && !member->full && !member->leaves &&
            member->count < CREW_JOBS_MAX &&
            (best == NULL || member->count < best->count))
            best = member;
    }
    return best;
}

struct crew_member *crew_choose(struct crew *crew, size_t backlog,
                                struct error *err)
{
    struct crew_member *best = least_busy(crew);

    err->fault = FAULT_NONE;
    bool is_room = crew->count < crew->connections;
    if (best != NULL && (!is_room || best->count < BUSY || backlog < BUSY))
        return best;
    if (best == NULL && !is_room)
        return NULL;
    struct crew_member *fresh = start(crew, err);
    return fresh != NULL ? fresh : best;
}

bool crew_give(struct crew *crew, struct crew_member *member, uint64_t job,
               const char *id, uid_t uid, int fd, const size_t *recipients,
               size_t count, struct error *err)
{
    struct parcel parcel = {
        .kind = PARCEL_JOB,
        .job = job,
        .uid = uid,
        .fd = fd,
        .recipients = (size_t *)recipients,
        .count = count,
    };
    struct job *mine = &member->jobs[member->count];

    (void)crew;
    if (!parcel_send(member->socket, &parcel, err)) {
        member->full = true;    /* until something is heard of it */
        return false;
    }
    *mine = (struct job){ .number = job };
    memcpy(mine->id, id, sizeof mine->id);
    member->count++;
    member->lines++;
    return true;
}

void crew_each(struct crew *crew, crew_watch *add, void *context)
{
    for (size_t i = 0; i < crew->count; i++)
        if (crew->members[i]->socket != -1)
            add(context, crew->members[i]->socket, crew->members[i]);
}

static struct job *find_job(struct crew_member *member, uint64_t number)
{
    for (size_t i = 0; i < member->count; i++)
        if (member->jobs[i].number == number)
            return &member->jobs[i];
    return NULL;
}

/* known: the worker has sent all outcomes; else its journal is asked. */
static void finish_job(struct crew *crew, struct crew_member *member,
                       struct job *job, bool known)
{
    uint64_t number = job->number;
    struct finding finding = { 0 };

    job->ended = true;
    if (!known && !look_up(crew, member, job, &finding))
        return;
    *job = member->jobs[--member->count];
    /* Everything it noted has been told, and this descriptor appends. */
    if (member->count == 0 && member->lines > JOURNAL_LINES &&
        ftruncate(member->journal, 0) == 0)
        member->lines = 0;
    crew->events->done(crew->context, number, finding.indices, finding.count);
    free(finding.indices);
}

static void take_outcomes(struct crew *crew, struct crew_member *member,
                          const struct parcel *parcel)
{
    struct job *job = find_job(member, parcel->job);
    bool known = false;

    for (size_t i = 0; job != NULL && !known && i < parcel->count; i++) {
        const struct parcel_outcome *one = &parcel->outcomes[i];
        known = crew->events->outcome(crew->context, job->number, one->index,
                                      &one->outcome, parcel->peer,
                                      one->dsn_passed_on);
    }
    if (known)
        finish_job(crew, member, job, true);
}

/* It counts for all workers that are started from now on. */
static void learn(struct crew *crew, const struct distrust *found)
{
    if (found->extensions == 0)
        crew->distrust.extensions = 0;      /* the EHLO has changed */
    else if (distrust_add(&crew->distrust, found->extensions, found->hello,
                          clock_now()))
        report_distrust(crew->name, crew->distrust.extensions);
}

static void take_parcel(struct crew *crew, struct crew_member *member,
                        const struct parcel *parcel)
{
    struct job *job;

    switch (parcel->kind) {
    case PARCEL_OPENED:
        crew->events->opened(crew->context, crew->smarthost, parcel->peer);
        break;
    case PARCEL_CLOSED:
        crew->events->closed(crew->context, crew->smarthost, &parcel->error);
        break;
    case PARCEL_OUTCOMES:
        take_outcomes(crew, member, parcel);
        break;
    case PARCEL_DISTRUST:
        learn(crew, &parcel->distrust);
        break;
    case PARCEL_DONE:
        job = find_job(member, parcel->job);
        if (job != NULL)
            finish_job(crew, member, job, false);
        break;
    default:
        break;
    }
}

void crew_handle(struct crew *crew, struct crew_member *member)
{
    struct parcel parcel;
    struct error err = { 0 };
    int received;

    member->full = false;
    while ((received = parcel_receive(member->socket, &parcel, &err)) == 1) {
        take_parcel(crew, member, &parcel);
        parcel_free(&parcel);
    }
    if (received == -1 && err.fault == FAULT_TEMPORARY)
        return;
    if (received == -1) {
        log_line(LOG_LEVEL_ERROR, "worker %ld of smarthost %s: %s",
                 (long)member->pid, crew->name, err.text);
        launch_signal(crew->launch, member->pid, SIGKILL);
    }
    io_close(&member->socket);  /* the rest when it is reaped */
}

/* A worker that was reaped is forgotten, once its journal has been read. */
static void conclude(struct crew *crew, size_t index)
{
    struct crew_member *member = crew->members[index];

    if (!lose_jobs(crew, member))
        return;
    if (!member->unread)
        journal_remove(crew->spool, member->number);
    forget(crew, index);
}

bool crew_reap(struct crew *crew, pid_t pid, int status)
{
    size_t i = 0;

    while (i < crew->count && crew->members[i]->pid != pid)
        i++;
    if (i == crew->count)
        return false;
    struct crew_member *member = crew->members[i];
    /* Asked to stop before it knew how to: it began nothing. */
    bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    bool ended = stopped || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (WIFSIGNALED(status) && !stopped)
        log_line(LOG_LEVEL_ERROR, "worker %ld of smarthost %s ended by "
                 "signal %d", (long)pid, crew->name, WTERMSIG(status));
    if (member->socket != -1)   /* what it said last can still be heard */
        crew_handle(crew, member);
    io_close(&member->socket);
    io_close(&member->journal);
    member->pid = 0;
    member->leaves = false;
    member->crashed = !ended;
    conclude(crew, i);
    return true;
}

void crew_retry(struct crew *crew)
{
    for (size_t i = crew->count; i-- > 0; ) {
        struct crew_member *member = crew->members[i];
        if (member->pid == 0) {
            conclude(crew, i);
            continue;
        }
        for (size_t j = member->count; j-- > 0; )
            if (member->jobs[j].ended)
                finish_job(crew, member, &member->jobs[j], false);
    }
}

void crew_stop(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        if (crew->members[i]->pid == 0)
            continue;
        launch_signal(crew->launch, crew->members[i]->pid, SIGTERM);
        crew->members[i]->leaves = true;
    }
}

bool crew_leaves(const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++)
        if (crew->members[i]->leaves)
            return true;
    return false;
}

unsigned crew_distrust(const struct crew *crew)
{
    return crew->distrust.extensions;
}

size_t crew_size(const struct crew *crew)
{
    return crew->count;
}

size_t crew_jobs(const struct crew *crew)
{
    size_t jobs = 0;

    for (size_t i = 0; i < crew->count; i++)
        jobs += crew->members[i]->count;
    return jobs;
}
