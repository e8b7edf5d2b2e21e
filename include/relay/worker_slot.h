/*
 * worker_slot.h - one worker process: its socket, its journal and its jobs
 *
 * Private to workers.c and placement.c, which know what the workers of a
 * smarthost have in common.
 */
#ifndef POSTRIDER_RELAY_WORKER_SLOT_H
#define POSTRIDER_RELAY_WORKER_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/workers.h"
#include "spool/spool.h"
#include "util/error.h"
#include "util/random.h"

#define SLOT_OPENING_TIME 2000  /* milliseconds a session may take to open
                                 * before another one is tried */

/* A job that the worker has. */
struct slot_job {
    uint64_t number;            /* of all that this worker was given */
    struct message *message;    /* not looked at */
    char id[RANDOM_ID_LENGTH + 1];
    bool ended;                 /* and the journal has yet to be read */
    uid_t owner;
    uint64_t octets;
    int64_t cost;               /* microseconds it takes, as was known then */
};

struct worker_slot {
    pid_t pid;
    bool reaped;                /* the process has ended, */
    bool crashed;               /* and not by itself */
    int socket;                 /* -1: gone, waits to be reaped */
    bool has_input;             /* something may be there to be read */
    int journal;
    unsigned number;            /* of the journal */
    int64_t unread_since;       /* it cannot be read; 0: it can */
    bool unread;                /* it was given up: the next start reads it */
    bool stuck;                 /* it is not read before workers_retry() */
    unsigned lines;             /* in it, at most */
    bool full;                  /* its socket takes no more for now */
    bool leaves;                /* it was asked to */
    bool open;                  /* its session is open */
    bool closed;                /* ... could not be had */
    bool renews;                /* it gets another token than one that was
                                 * refused */
    bool answered;              /* a job was finished */
    bool recalled;              /* it was asked for its jobs since then */
    int64_t started;            /* when its session was begun to be opened */
    int64_t since;              /* when it last opened or finished anything, or
                                 * got its first job */
    uint64_t given;             /* jobs so far */
    struct slot_job jobs[WORKER_JOBS_MAX];
    size_t count;
};

/* With a journal and a socket; other_end is the worker's, and the caller's to
 * close. NULL with FAULT_TEMPORARY or FAULT_IO. */
struct worker_slot *slot_new(const struct spool *spool, const char *smarthost,
                             int *other_end, struct error *err);
/* Without a process yet, or any more. keeps_journal: it is not removed. */
void slot_free(struct worker_slot *slot, const struct spool *spool,
               bool keeps_journal);

/* Is its session there, or on its way? */
bool slot_is_there(const struct worker_slot *slot);
/* When its silence is too long to wait for it; INT64_MAX: it has nothing to
 * answer. */
int64_t slot_late_at(const struct worker_slot *slot);
/* Would a job that it gets be begun within WORKER_TIME? */
bool slot_is_quick(const struct worker_slot *slot, int64_t now);
/* May it have another job? */
bool slot_has_room(const struct worker_slot *slot, int64_t now);
bool slot_has_job_of(const struct worker_slot *slot, uid_t uid);

/* cost: microseconds that the job will take. False: it could not be given. */
bool slot_give(struct worker_slot *slot, const struct worker_job *job,
               int64_t cost, struct error *err);
/* Have it give back what it has not begun. */
void slot_recall(struct worker_slot *slot);

struct slot_job *slot_find_job(struct worker_slot *slot, uint64_t number);
void slot_remove_job(struct worker_slot *slot, struct slot_job *job);

/* The records of a journal about one job. */
struct finding {
    const char *id;
    size_t *indices;            /* recipients that were accepted; owned */
    size_t count;
};

/* A job that has ended, or was lost with its worker, and what the journal has
 * of it: it is to be removed. NULL: there is none, or it waits for the
 * journal. */
struct slot_job *slot_next_end(struct worker_slot *slot,
                               const struct spool *spool,
                               struct finding *finding);

/* Empty the journal of an idle worker if it is long. Everything that it noted
 * must have been recorded. */
void slot_trim_journal(struct worker_slot *slot);

#endif
