/*
 * crew.h - the workers of one smarthost, as the manager sees them
 */
#ifndef POSTRIDER_RELAY_CREW_H
#define POSTRIDER_RELAY_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spool/spool.h"
#include "util/error.h"

#define CREW_JOBS_MAX 16    /* a worker has at most so many at once */

struct launch;
struct crew;                /* fields: src/relay/crew.c */
struct crew_member;         /* one worker process */
struct outcome;

/*
 * What the manager is told, in crew_handle, crew_reap and crew_retry; it must
 * not start or give anything from there. job is the number it gave.
 *
 * outcome  true is the answer when all that was asked of this job is known
 * done     the worker has finished with it
 * lost     the worker is gone, and has not; crashed: it did not end by itself
 *
 * delivered: recipients which the journal says were accepted, where a job ends
 * before all is known. It may name some of an earlier job of this message.
 */
struct crew_events {
    void (*opened)(void *context, size_t smarthost, const char *peer);
    void (*closed)(void *context, size_t smarthost, const struct error *err);
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
 * A worker that can take another job: the one with the fewest; a new one is
 * started if all are busy, there is room, and backlog (jobs ready besides this
 * one) makes it worth it. NULL if none can (err->fault FAULT_NONE) or a process
 * could not be started.
 */
struct crew_member *crew_choose(struct crew *crew, size_t backlog,
                                struct error *err);

/* Give it a job. id is for the journal. The descriptor stays the caller's.
 * False: it could not be given; the job is the caller's still. */
bool crew_give(struct crew *crew, struct crew_member *member, uint64_t job,
               const char *id, uid_t uid, int fd, const size_t *recipients,
               size_t count, struct error *err);

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

/* Extensions that the smarthost lists and does not do: enum capability, or-ed. */
unsigned crew_distrust(const struct crew *crew);

size_t crew_size(const struct crew *crew);
size_t crew_jobs(const struct crew *crew);

#endif
