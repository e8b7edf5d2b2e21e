#include "relay/worker_slot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/wire.h"
#include "spool/journal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"

#define NEW_SESSION_JOBS 4      /* until it has shown that it is quick */
#define JOURNAL_LINES 1000      /* before an idle worker's journal is emptied */
#define JOURNAL_TIME 600000     /* milliseconds in which one that cannot be
                                 * read holds its messages back */

struct worker_slot *slot_new(const struct spool *spool, const char *smarthost,
                             int *other_end, struct error *err)
{
    struct worker_slot *slot = alloc_zero(1, sizeof *slot);
    int ends[2];

    slot->socket = -1;
    slot->started = slot->since = clock_now();
    slot->journal = journal_create(spool, smarthost, &slot->number, err);
    if (slot->journal == -1) {
        slot_free(slot, spool, true);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   ends) == -1) {
        error_sys(err, FAULT_TEMPORARY, "start a worker");
        slot_free(slot, spool, false);
        return NULL;
    }
    slot->socket = ends[0];
    *other_end = ends[1];
    return slot;
}

void slot_free(struct worker_slot *slot, const struct spool *spool,
               bool keeps_journal)
{
    io_close(&slot->socket);
    io_close(&slot->journal);
    if (!keeps_journal)
        journal_remove(spool, slot->number);
    free(slot);
}

bool slot_is_there(const struct worker_slot *slot)
{
    return slot->socket != -1 && !slot->leaves && !slot->closed;
}

int64_t slot_late_at(const struct worker_slot *slot)
{
    if (!slot->open)
        return slot->started + SLOT_OPENING_TIME;
    return slot->count > 0 ? slot->since + WORKER_TIME : INT64_MAX;
}

bool slot_is_quick(const struct worker_slot *slot, int64_t now)
{
    int64_t cost = 0;

    for (size_t i = 0; i < slot->count; i++)
        cost += slot->jobs[i].cost;
    return slot_is_there(slot) && now < slot_late_at(slot) &&
           cost < WORKER_TIME * 1000;
}

bool slot_has_room(const struct worker_slot *slot, int64_t now)
{
    size_t most = slot->answered ? WORKER_JOBS_MAX : NEW_SESSION_JOBS;
    uint64_t octets = 0;

    for (size_t i = 0; i < slot->count; i++)
        octets += slot->jobs[i].octets;
    return slot->open && !slot->full && slot->count < most &&
           octets < WORKER_OCTETS && slot_is_quick(slot, now);
}

bool slot_has_job_of(const struct worker_slot *slot, uid_t uid)
{
    for (size_t i = 0; i < slot->count; i++)
        if (slot->jobs[i].owner == uid)
            return true;
    return false;
}

bool slot_give(struct worker_slot *slot, const struct worker_job *job,
               int64_t cost, struct error *err)
{
    struct packet packet = wire_packet(WIRE_JOB);
    struct slot_job *mine = &slot->jobs[slot->count];

    packet.job = slot->given + 1;
    packet.uid = job->uid;
    packet.final = job->final;
    packet.fd = job->fd;
    packet.original = job->original;
    packet.recipients = (size_t *)job->recipients;
    packet.count = job->count;
    if (!wire_send(slot->socket, &packet, err)) {
        slot->full = true;      /* until it has sent something */
        return false;
    }
    *mine = (struct slot_job){ .number = ++slot->given,
                               .message = job->message, .owner = job->owner,
                               .octets = job->octets, .cost = cost };
    memcpy(mine->id, job->id, sizeof mine->id);
    if (slot->count == 0)
        slot->since = clock_now();
    slot->count++;
    slot->lines++;
    return true;
}

void slot_recall(struct worker_slot *slot)
{
    struct packet packet = wire_packet(WIRE_RECALL);
    struct error ignored;

    wire_send(slot->socket, &packet, &ignored);
    slot->recalled = true;
}

struct slot_job *slot_find_job(struct worker_slot *slot, uint64_t number)
{
    for (size_t i = 0; i < slot->count; i++)
        if (slot->jobs[i].number == number)
            return &slot->jobs[i];
    return NULL;
}

void slot_remove_job(struct worker_slot *slot, struct slot_job *job)
{
    *job = slot->jobs[--slot->count];
}

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

/* Without its journal, recipients would get the message of a job twice, so the
 * job waits for it for some time. False: it waits still. */
static bool give_up_journal(struct worker_slot *slot,
                            const struct slot_job *job)
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
static bool look_up(struct worker_slot *slot, const struct spool *spool,
                    const struct slot_job *job, struct finding *finding)
{
    *finding = (struct finding){ .id = job->id };
    if (journal_read(spool, slot->number, find_line, finding)) {
        slot->unread_since = 0;
        return true;
    }
    if (give_up_journal(slot, job))
        return true;
    free(finding->indices);
    finding->indices = NULL;
    return false;
}

struct slot_job *slot_next_end(struct worker_slot *slot,
                               const struct spool *spool,
                               struct finding *finding)
{
    for (size_t i = slot->count; i-- > 0 && !slot->stuck; ) {
        struct slot_job *job = &slot->jobs[i];
        if (!job->ended && !slot->reaped)
            continue;
        if (look_up(slot, spool, job, finding))
            return job;
        slot->stuck = true;
    }
    return NULL;
}

/* The descriptor appends: what follows begins the file. */
void slot_trim_journal(struct worker_slot *slot)
{
    if (slot->count == 0 && slot->lines > JOURNAL_LINES &&
        ftruncate(slot->journal, 0) == 0)
        slot->lines = 0;
}
