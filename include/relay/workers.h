/*
 * workers.h - the workers of one smarthost, as the manager sees them
 */
#ifndef POSTRIDER_RELAY_WORKERS_H
#define POSTRIDER_RELAY_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spool/spool.h"
#include "util/error.h"

#define CREW_JOBS_MAX 16    /* a worker has at most so many at once */
#define CREW_OCTETS 1048576 /* no job goes after so many, */
#define CREW_TIME 500       /* nor after so many milliseconds' worth */

struct launch;
struct crew;                /* fields: src/relay/workers.c */
struct crew_member;         /* one worker process */
struct outcome;

/*
 * Events for the manager, in crew_handle, crew_reap and crew_retry; it must not
 * start or give anything from there. job is the number it gave.
 *
 * outcome  true is the answer when all that was asked of this job is known
 * done     the worker has finished with it
 * lost     the worker is gone, and has not; crashed: it did not end by itself.
 *          Or it has given the job back, of which no content was sent
 * closed   no session could be had. served: others are had still, or were since
 *
 * delivered: recipients that were accepted, by the journal, where a job ends
 * before all is known. It may name some of an earlier job of this message.
 */
struct crew_events {
    void (*opened)(void *context, size_t smarthost, const char *peer);
    void (*closed)(void *context, size_t smarthost, const struct error *err,
                   bool served);
    bool (*outcome)(void *context, uint64_t job, size_t index,
                    const struct outcome *outcome, const char *peer,
                    bool dsn_passed_on);
    void (*done)(void *context, uint64_t job, const size_t *delivered,
                 size_t count);
    void (*lost)(void *context, uint64_t job, const size_t *delivered,
                 size_t count, bool crashed);
};

/* smarthost is the index of its section, which is called name: for launch, the
 * events and the log. launch, name and spool are borrowed. */
struct crew *crew_new(struct launch *launch, const char *name,
                      size_t smarthost, unsigned connections,
                      const struct spool *spool,
                      const struct crew_events *events, void *context);
void crew_free(struct crew *crew);

/*
 * A worker that can take another job: of those whose session stands and whose
 * jobs take less than CREW_TIME, as this smarthost was measured, the one with
 * the fewest. One that has not answered for that time takes none; nor, before
 * anything was measured, does one that has a job. NULL if none can.
 */
struct crew_member *crew_choose(const struct crew *crew, int64_t now);

/*
 * May this user's message of so many octets go out? One worker is left to users
 * without a message at any worker: another user's message may take it only if
 * it takes less than CREW_TIME. With one or two connections there is none to
 * spare.
 */
bool crew_has_place(const struct crew *crew, uid_t uid, uint64_t octets,
                    int64_t now);

/* Is another worker worth its start, with so many jobs ready? chosen is what
 * crew_choose() gave. A worker that opens its session, or is at its job, is
 * waited for a moment. */
bool crew_wants_more(const struct crew *crew, const struct crew_member *chosen,
                     size_t backlog, int64_t now);

/* A new worker: it opens its session. */
bool crew_start(struct crew *crew, struct error *err);

/* Have workers that have not answered for CREW_TIME give back what they have
 * not begun. */
void crew_recall(struct crew *crew, int64_t now);

/* When one of the above may be answered in another way, without an event;
 * INT64_MAX: never. */
int64_t crew_next_time(const struct crew *crew, int64_t now);

/* What a job is made of; the pointers and the descriptor stay the caller's. */
struct crew_job {
    uint64_t number;
    const char *id;             /* for the journal */
    uid_t uid;
    uint64_t octets;            /* of the message */
    int fd;                     /* its file */
    const size_t *recipients;
    size_t count;
};

/* False: it could not be given; the job is the caller's still. */
bool crew_give(struct crew *crew, struct crew_member *member,
               const struct crew_job *job, struct error *err);

/* For the poll loop: call add with each descriptor to be watched for input;
 * crew_handle when one of them has some. */
typedef void crew_watch(void *context, int fd, struct crew_member *member);
void crew_each(struct crew *crew, crew_watch *add, void *context);
void crew_handle(struct crew *crew, struct crew_member *member);

/* A process that was launched ended: is it one of this crew? Only then are its
 * unfinished jobs lost. */
bool crew_reap(struct crew *crew, pid_t pid, int status);

/* Try again to read journals that could not be read when a job ended: until
 * then, but not for ever, such a job is not done or lost. A journal that was
 * given up stays for the next start. */
void crew_retry(struct crew *crew);

/* Ask all to finish (SIGTERM): they get no more jobs. Are some of those still
 * there? */
void crew_stop(struct crew *crew);
bool crew_leaves(const struct crew *crew);

/* Extensions that the smarthost lists and does not do (enum capability,
 * or-ed). */
unsigned crew_distrust(const struct crew *crew);

size_t crew_size(const struct crew *crew);
size_t crew_jobs(const struct crew *crew);

#endif
