#include "relay/workers.h"

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
#define OPENING_TIME 2000       /* milliseconds a session may take to open
                                 * before another one is tried */
#define HOLD_TIME 30000         /* after one could not be opened while others
                                 * stand: some smarthosts take no more */
#define PIECE 65536             /* octets that take as long as a message */
#define USERS 256               /* whose pace is known */
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
    bool open;                  /* its session stands */
    bool closed;                /* ... could not be had */
    bool answered;              /* a job was finished */
    bool recalled;              /* it was asked for its jobs since then */
    int64_t started;            /* when its session was begun to be opened */
    int64_t since;              /* when it last opened or finished anything, or
                                 * got its first job */
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
    int64_t opened;             /* when a session was opened last; 0: never */
    char *winner;               /* the peer that gave one, to be tried first */
    int64_t winner_until;       /* ... until then; NULL: none */
    int64_t hold;               /* no other one is to be opened before */
    int64_t pace;               /* microseconds a piece takes; -1: unknown */
    struct measured {
        bool known;
        uid_t uid;
        int64_t pace;
    } users[USERS];             /* the same, of those seen last */
    size_t next_user;
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
        .pace = -1,
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
    free(crew->winner);
    free(crew->members);
    free(crew);
}

/* After its time the addresses have their order again, even if it has won all
 * the while: those in front of it may be well by then. */
static void note_winner(struct crew *crew, const char *peer)
{
    bool same = crew->winner != NULL && strcmp(crew->winner, peer) == 0;

    if (same && clock_remaining(crew->winner_until) > 0)
        return;
    free(crew->winner);
    crew->winner = alloc_string(peer);
    crew->winner_until = clock_now() + WINNER_TIME;
}

/* Tell a new worker what others have found out. The socket is empty still. */
static void brief(const struct crew *crew, const struct crew_member *member)
{
    struct parcel parcel = {
        .kind = PARCEL_DISTRUST, .fd = -1, .distrust = crew->distrust,
    };
    struct parcel winner = {
        .kind = PARCEL_OPENED, .fd = -1, .peer = crew->winner,
    };
    struct error ignored;

    if (crew->distrust.extensions != 0)
        parcel_send(member->socket, &parcel, &ignored);
    if (crew->winner != NULL && clock_remaining(crew->winner_until) > 0)
        parcel_send(member->socket, &winner, &ignored);
}

bool crew_start(struct crew *crew, struct error *err)
{
    struct crew_member *member = alloc_zero(1, sizeof *member);
    int ends[2] = { -1, -1 };

    member->socket = -1;
    member->journal = journal_create(crew->spool, &member->number, err);
    bool started = member->journal != -1;
    if (started && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
                              SOCK_CLOEXEC, 0, ends) == -1)
        started = error_sys(err, FAULT_TEMPORARY, "start a worker");
    member->socket = ends[0];
    if (started) {
        brief(crew, member);
        member->pid = launch_worker(crew->launch, crew->smarthost, ends[1],
                                    member->journal, err);
    }
    started = started && member->pid != -1;
    io_close(&ends[1]);
    member->started = member->since = clock_now();
    if (started) {
        crew->members[crew->count++] = member;
        return true;
    }
    io_close(&member->socket);
    if (member->journal != -1)
        journal_remove(crew->spool, member->number);
    io_close(&member->journal);
    free(member);
    return false;
}

/* Where the pace of a user's mail is; USERS: it is not known. */
static size_t find_user(const struct crew *crew, uid_t uid)
{
    size_t i = 0;

    while (i < USERS && !(crew->users[i].known && crew->users[i].uid == uid))
        i++;
    return i;
}

/* Microseconds that a message of so many octets takes, as far as is known: some
 * users' mail is slower than that of others, and what was not measured may
 * be. */
static int64_t cost_of(const struct crew *crew, uid_t uid, uint64_t octets)
{
    size_t user = find_user(crew, uid);

    return user == USERS ? CREW_TIME * 1000
           : crew->users[user].pace * (int64_t)(1 + octets / PIECE);
}

/* A message took so many milliseconds. The last one counts as much as all
 * before it: what is slow today may be quick tomorrow. */
static void measure(struct crew *crew, const struct job *job, int64_t duration)
{
    int64_t pace = duration * 1000 / (int64_t)(1 + job->octets / PIECE);
    size_t user = find_user(crew, job->uid);

    crew->pace = crew->pace < 0 ? pace : (crew->pace + pace) / 2;
    if (user < USERS)
        crew->users[user].pace = (crew->users[user].pace + pace) / 2;
    else
        crew->users[crew->next_user++ % USERS] = (struct measured){
            .known = true, .uid = job->uid, .pace = pace,
        };
}

static bool is_there(const struct crew_member *member)
{
    return member->socket != -1 && !member->leaves && !member->closed;
}

/* When its silence is too long to wait for it; INT64_MAX: it has nothing to
 * answer. */
static int64_t late_at(const struct crew_member *member)
{
    if (!member->open)
        return member->started + OPENING_TIME;
    return member->count > 0 ? member->since + CREW_TIME : INT64_MAX;
}

/* Would a job that this worker gets be begun within CREW_TIME? */
static bool is_quick(const struct crew_member *member, int64_t now)
{
    int64_t cost = 0;

    for (size_t i = 0; i < member->count; i++)
        cost += member->jobs[i].cost;
    return is_there(member) && now < late_at(member) &&
           cost < CREW_TIME * 1000;
}

static bool has_room(const struct crew_member *member, int64_t now)
{
    /* A new session has yet to show that it is as quick as others. */
    size_t most = member->answered ? CREW_JOBS_MAX : BUSY;
    uint64_t octets = 0;

    for (size_t i = 0; i < member->count; i++)
        octets += member->jobs[i].octets;
    return member->open && !member->full && member->count < most &&
           octets < CREW_OCTETS && is_quick(member, now);
}

struct crew_member *crew_choose(const struct crew *crew, int64_t now)
{
    struct crew_member *best = NULL;

    for (size_t i = 0; i < crew->count; i++) {
        struct crew_member *member = crew->members[i];
        if (has_room(member, now) &&
            (best == NULL || member->count < best->count))
            best = member;
    }
    return best;
}

static bool may_start(const struct crew *crew, int64_t now)
{
    return crew->count < crew->connections && now >= crew->hold;
}

static bool has_job_of(const struct crew_member *member, uid_t uid)
{
    for (size_t i = 0; i < member->count; i++)
        if (member->jobs[i].uid == uid)
            return true;
    return false;
}

static bool has_outside(const struct crew *crew, uid_t uid)
{
    for (size_t i = 0; i < crew->count; i++)
        if (has_job_of(crew->members[i], uid))
            return true;
    return false;
}

/* Has the user a message with a worker that does not answer? */
static bool waits_for_late(const struct crew *crew, uid_t uid, int64_t now)
{
    for (size_t i = 0; i < crew->count; i++)
        if (now >= late_at(crew->members[i]) &&
            has_job_of(crew->members[i], uid))
            return true;
    return false;
}

bool crew_has_place(const struct crew *crew, uid_t uid, uint64_t octets,
                    int64_t now)
{
    size_t quick = may_start(crew, now) ? crew->connections - crew->count : 0;

    for (size_t i = 0; i < crew->count; i++)
        quick += is_quick(crew->members[i], now);
    if (quick > 1 || crew->connections < SPARE_FROM || !has_outside(crew, uid))
        return true;
    return cost_of(crew, uid, octets) < CREW_TIME * 1000 &&
           !waits_for_late(crew, uid, now);
}

/* How many more jobs the workers are good for that will soon be heard of. */
static size_t capacity(const struct crew *crew, int64_t now)
{
    bool slow = crew->pace >= CREW_TIME * 1000;
    size_t jobs = 0;

    for (size_t i = 0; i < crew->count; i++) {
        const struct crew_member *member = crew->members[i];
        if (!is_there(member) || now >= late_at(member))
            continue;
        if (!member->open)
            jobs += slow ? 1 : BUSY;
        else if (member->count > 0 && !slow)
            jobs += BUSY;
    }
    return jobs;
}

bool crew_wants_more(const struct crew *crew, const struct crew_member *chosen,
                     size_t backlog, int64_t now)
{
    if (!may_start(crew, now))
        return false;
    if (chosen == NULL)
        return backlog > capacity(crew, now);
    size_t opening = 0;
    for (size_t i = 0; i < crew->count; i++)
        opening += !crew->members[i]->open;
    return chosen->count >= BUSY && backlog > BUSY * (1 + opening);
}

void crew_recall(struct crew *crew, int64_t now)
{
    struct parcel parcel = { .kind = PARCEL_RECALL, .fd = -1 };
    struct error ignored;

    for (size_t i = 0; i < crew->count; i++) {
        struct crew_member *member = crew->members[i];
        if (!is_there(member) || member->recalled || member->count < 2 ||
            now < late_at(member))
            continue;
        parcel_send(member->socket, &parcel, &ignored);
        member->recalled = true;
    }
}

int64_t crew_next_time(const struct crew *crew, int64_t now)
{
    int64_t next = crew->hold > now ? crew->hold : INT64_MAX;

    for (size_t i = 0; i < crew->count; i++) {
        const struct crew_member *member = crew->members[i];
        if (is_there(member) && late_at(member) > now)
            next = clock_earlier(next, late_at(member));
    }
    return next;
}

bool crew_give(struct crew *crew, struct crew_member *member,
               const struct crew_job *job, struct error *err)
{
    struct parcel parcel = {
        .kind = PARCEL_JOB,
        .job = job->number,
        .uid = job->uid,
        .fd = job->fd,
        .recipients = (size_t *)job->recipients,
        .count = job->count,
    };
    struct job *mine = &member->jobs[member->count];

    if (!parcel_send(member->socket, &parcel, err)) {
        member->full = true;    /* until something is heard of it */
        return false;
    }
    *mine = (struct job){ .number = job->number, .uid = job->uid,
                          .octets = job->octets,
                          .cost = cost_of(crew, job->uid, job->octets) };
    memcpy(mine->id, job->id, sizeof mine->id);
    if (member->count == 0)
        member->since = clock_now();
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

static void note_answer(struct crew *crew, struct crew_member *member,
                        const struct job *job)
{
    int64_t now = clock_now();

    measure(crew, job, now - member->since);
    member->since = now;
    member->answered = true;
    member->recalled = false;
}

/* known: the worker has sent all outcomes; else its journal is asked. */
static void finish_job(struct crew *crew, struct crew_member *member,
                       struct job *job, bool known)
{
    uint64_t number = job->number;
    struct finding finding = { 0 };

    if (!job->ended)
        note_answer(crew, member, job);
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

/* Is another session there that answers? */
static bool others_answer(const struct crew *crew,
                          const struct crew_member *member)
{
    for (size_t i = 0; i < crew->count; i++)
        if (crew->members[i] != member && crew->members[i]->open &&
            is_there(crew->members[i]) &&
            clock_now() < late_at(crew->members[i]))
            return true;
    return false;
}

/*
 * No session could be had. That is nothing new of a smarthost in which others
 * are had, or were opened since this one was begun: it may take no more at a
 * time, or have lost a connection.
 */
static void close_member(struct crew *crew, struct crew_member *member,
                         const struct error *err)
{
    bool refused = err->fault == FAULT_PERMISSION ||
                   err->fault == FAULT_CONFIG;
    bool served = !refused && (crew->opened > member->started ||
                               others_answer(crew, member));

    member->closed = true;
    if (served)
        crew->hold = clock_now() + HOLD_TIME;
    crew->events->closed(crew->context, crew->smarthost, err, served);
}

/* It has not sent any content of this job. */
static void take_back(struct crew *crew, struct crew_member *member,
                      struct job *job)
{
    uint64_t number = job->number;

    *job = member->jobs[--member->count];
    crew->events->lost(crew->context, number, NULL, 0, false);
}

static void take_parcel(struct crew *crew, struct crew_member *member,
                        const struct parcel *parcel)
{
    struct job *job;

    switch (parcel->kind) {
    case PARCEL_OPENED:
        member->open = true;
        member->since = crew->opened = clock_now();
        note_winner(crew, parcel->peer);
        crew->events->opened(crew->context, crew->smarthost, parcel->peer);
        break;
    case PARCEL_CLOSED:
        close_member(crew, member, &parcel->error);
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
    case PARCEL_RETURNED:
        job = find_job(member, parcel->job);
        if (job != NULL)
            take_back(crew, member, job);
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

/* It ended before it could tell what became of its session. */
static void close_unheard(struct crew *crew, struct crew_member *member)
{
    struct error err;

    error_set(&err, FAULT_TEMPORARY, "worker %ld ended before it had a "
              "session", (long)member->pid);
    close_member(crew, member, &err);
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
    if (!member->open && !member->closed && !member->leaves)
        close_unheard(crew, member);
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
