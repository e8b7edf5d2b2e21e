/*
 * wire.h - the messages between manager and worker
 *
 * Over a SOCK_SEQPACKET pair, a datagram a packet; workers face the network, so
 * the manager believes nothing of a worker's that it cannot check.
 *
 *   manager -> worker   JOB: number, uid, recipients to try; with descriptor
 *                       DISTRUST: what is known of the smarthost, before jobs
 *                       OPENED: the peer to be tried first, before jobs
 *                       RECALL: give back what may not have been begun yet
 *   worker -> manager   OPENED: a session stands; its peer
 *                       CLOSED: no session could be had; fault and text
 *                       OUTCOMES: job number; for each recipient its outcome
 *                       RETURNED: job number; no content of it was sent
 *                       DONE: the job is finished, all outcomes were sent
 *                       DISTRUST: what is known of the smarthost now
 */
#ifndef POSTRIDER_RELAY_WIRE_H
#define POSTRIDER_RELAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "smtp/distrust.h"
#include "smtp/outcome.h"
#include "util/error.h"

#define WIRE_SIZE_MAX 65536
#define WIRE_RECIPIENTS_MAX 1000  /* a job; more recipients: more jobs */

enum wire_kind { WIRE_JOB, WIRE_OPENED, WIRE_CLOSED, WIRE_OUTCOMES, WIRE_DONE,
                 WIRE_DISTRUST, WIRE_RECALL, WIRE_RETURNED };

struct wire_outcome {
    size_t index;           /* of the recipient in the envelope */
    struct outcome outcome; /* owned */
    bool dsn_passed_on;     /* the smarthost has DSN and was told NOTIFY */
};

struct packet {
    enum wire_kind kind;
    uint64_t job;                       /* JOB, OUTCOMES, DONE, RETURNED */
    uid_t uid;                          /* JOB: for the Received field */
    int fd;                             /* JOB: message file; owned; else -1 */
    size_t *recipients;                 /* JOB: indices; owned */
    struct wire_outcome *outcomes;    /* OUTCOMES; owned */
    size_t count;                       /* of recipients or outcomes */
    size_t sent;                        /* OUTCOMES: so many have gone */
    char *peer;                         /* OPENED, OUTCOMES; owned */
    struct error error;                 /* CLOSED */
    struct distrust distrust;           /* DISTRUST */
};

void wire_free(struct packet *packet);

/*
 * Send; with JOB, its descriptor is passed and stays the caller's, too. False
 * with FAULT_TEMPORARY (EAGAIN: would block) or FAULT_IO: the peer is gone.
 * OUTCOMES that do not fit into one datagram are split; sent counts those that
 * have gone, and another call with the same packet sends only the others.
 */
bool wire_send(int socket, struct packet *packet, struct error *err);

/*
 * Receive one; blocks unless the socket is non-blocking. 1: *packet is the
 * caller's to free; 0: the peer is gone; -1: FAULT_TEMPORARY nothing there now,
 * FAULT_PROTOCOL malformed (close the worker).
 */
int wire_receive(int socket, struct packet *packet, struct error *err);

#endif
