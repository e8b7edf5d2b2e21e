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

#define WORKER_JOBS_MAX 16      /* a worker has at most so many at once */
/* A worker whose jobs have so many octets, or take so many milliseconds as that
 * was measured, gets no more. */
#define WORKER_OCTETS 1048576
#define WORKER_TIME 500

struct launch;
struct workers;             /* fields: worker_pool.h */
struct message;
struct smarthost;
struct strings;
struct worker_slot;         /* one worker process */
struct wire_outcome;

/* index is that of its section, for launch. journals: journal_list(), for this
 * call. The others are borrowed. */
struct workers *workers_new(struct launch *launch,
                            const struct smarthost *smarthost, size_t index,
                            const struct spool *spool,
                            const struct strings *journals);
void workers_free(struct workers *pool);

/* A new worker: it opens its session. */
bool workers_start(struct workers *pool, struct error *err);

/* Have workers that have not answered for WORKER_TIME give back what they have
 * not begun. */
void workers_recall(struct workers *pool, int64_t now);

/* The parts of a job; the pointers and the descriptor stay the caller's. */
struct worker_job {
    struct message *message;    /* for the events about it; not looked at */
    const char *id;             /* for the journal */
    uid_t uid;                  /* of the sender, for the trace field */
    uid_t owner;                /* whose share of the workers it takes */
    uint64_t octets;            /* of the message */
    bool final;                 /* what it is refused for counts in any case */
    int fd;                     /* its file, */
    int original;               /* and drop/ID itself, or -1 */
    const size_t *recipients;
    size_t count;
};

/* False: it could not be given; the job is the caller's still. */
bool workers_give(struct workers *pool, struct worker_slot *slot,
                  const struct worker_job *job, struct error *err);

/* For the poll loop: call add with each descriptor to be watched for input,
 * and note when one of them has some. */
typedef void workers_watch(void *context, int fd, struct worker_slot *slot);
void workers_each(struct workers *pool, workers_watch *add, void *context);
void workers_note_input(struct worker_slot *slot);

/* A process that was launched ended: is it one of these? */
bool workers_reap(struct workers *pool, pid_t pid, int status);

/* Try again to read journals that could not be read when a job ended: until
 * then, but not for ever, such a job is not done or lost. A journal that was
 * given up stays for the next start. */
void workers_retry(struct workers *pool);

enum worker_event_kind {
    WORKER_OPENED,              /* a session is open */
    WORKER_CLOSED,              /* none could be had */
    WORKER_OUTCOMES,            /* of some recipients of a job */
    WORKER_DONE,                /* the worker has finished with a job */
    WORKER_LOST                 /* the worker is gone, and had a job; or it
                                 * gave the job back: nothing was accepted */
};

/* The pointers are valid until the next event. */
struct worker_event {
    enum worker_event_kind kind;
    char *peer;                 /* OPENED, OUTCOMES */
    int64_t certificate_end;    /* OPENED: that of the smarthost ends then, in
                                 * seconds since 1970; 0: there is none */
    const struct error *error;  /* CLOSED: why */
    bool served;                /* CLOSED: others are had still, or were since
                                 * this one was begun */
    bool renews;                /* CLOSED: its token was refused, and the next
                                 * worker has another one: nothing is known */
    struct message *message;    /* OUTCOMES, DONE, LOST: that the job was
                                 * given for */
    uint64_t job;               /* OUTCOMES: for workers_finish() */
    const struct wire_outcome *outcomes;
    const size_t *delivered;    /* DONE, LOST: recipients that were accepted,
                                 * by the journal. It may name some of an
                                 * earlier job of this message. */
    size_t count;               /* of outcomes, or delivered */
    bool crashed;               /* LOST: the worker did not end by itself */
    bool refused;               /* LOST: it was refused, or lost, as if its
                                 * session were over */
    struct worker_slot *slot;   /* OUTCOMES: for workers_finish() */
};

/* The next event of those whose input was noted, and that were reaped. False:
 * there is none. */
bool workers_next(struct workers *pool, struct worker_event *event);

/* With these outcomes all that was asked of the job is known, and recorded: the
 * worker has one job less. */
void workers_finish(struct workers *pool, const struct worker_event *event);

/* Ask all to finish (SIGTERM): they get no more jobs. Are some of those still
 * there? */
void workers_stop(struct workers *pool);
bool workers_leave(const struct workers *pool);

/* Extensions that the smarthost lists and does not do (enum capability,
 * or-ed). */
unsigned workers_distrust(const struct workers *pool);

size_t workers_count(const struct workers *pool);
size_t workers_jobs(const struct workers *pool);

#endif
