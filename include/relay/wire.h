/*
 * wire.h - the messages between the processes of the daemon
 *
 * Over SOCK_SEQPACKET pairs, a datagram a packet. Manager, launcher and workers
 * are one program in one version. They do not trust each other all the same:
 * workers face the network, and the manager reads what users write. So a
 * packet is parsed with all bounds, and one of a kind that its sender has no
 * business with is malformed.
 *
 *   worker -> manager    OPENED: a session is open; its peer, and
 *                        when the certificate of that ends
 *                        DISTRUST: what is known of the smarthost now
 *                        CLOSED: no session could be had; fault and text;
 *                        the name of a token that was refused
 *                        OUTCOMES: job; for each recipient its outcome
 *                        RETURNED: job; no content of it was sent, or it was
 *                        refused for the sake of the session
 *                        LIMIT: of messages in a session
 *                        DONE: job; it is finished, all outcomes were sent
 *   manager -> worker    JOB: number, uid, recipients to try; the message file
 *                        RECALL: give back what may not have been begun yet
 *                        and, before jobs, what others have found out:
 *                        OPENED: the peer to be tried first; SILENT: how
 *                        many connections are silent; DISTRUST; REFUSED: the
 *                        name of a token; LIMIT, also later
 *   manager -> launcher  START_WORKER: of which smarthost; socket and journal
 *                        START_SERVER: `sendmail -bs`; its connection
 *                        SIGNAL: to a process that was started so
 *                        NOTICE: to the service manager, with figures
 *                        RELOAD: as a SIGHUP to the launcher
 *   launcher -> manager  STARTED: the answer to START_x: a pid, or errno
 *                        ENDED: a pid, and its wait(2) status
 */
#ifndef POSTRIDER_RELAY_WIRE_H
#define POSTRIDER_RELAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "smtp/capability.h"
#include "smtp/outcome.h"
#include "util/error.h"

#define WIRE_SIZE_MAX 65536
#define WIRE_RECIPIENTS_MAX 1000    /* a job; more recipients: more jobs */

enum wire_kind {
    WIRE_OPENED, WIRE_DISTRUST, WIRE_CLOSED, WIRE_OUTCOMES, WIRE_RETURNED,
    WIRE_LIMIT, WIRE_DONE, WIRE_JOB, WIRE_RECALL, WIRE_REFUSED,
    WIRE_START_WORKER, WIRE_START_SERVER, WIRE_SIGNAL, WIRE_NOTICE,
    WIRE_RELOAD, WIRE_STARTED, WIRE_ENDED, WIRE_SILENT, WIRE_KINDS
};

/* To the service manager. */
enum notice { NOTICE_READY, NOTICE_ALIVE, NOTICE_RELOADING, NOTICE_STOPPING };

enum wire_party { WIRE_MANAGER = 1, WIRE_WORKER = 2, WIRE_LAUNCHER = 4 };

struct wire_outcome {
    size_t index;           /* of the recipient in the envelope */
    struct outcome outcome; /* owned */
    bool dsn_passed_on;     /* the smarthost has DSN and got NOTIFY */
};

struct packet {
    enum wire_kind kind;
    uint64_t job;                       /* JOB, OUTCOMES, DONE, RETURNED */
    uid_t uid;                          /* JOB: for the Received field;
                                         * START_SERVER: of its client */
    bool refused;                       /* RETURNED: at the end of a session,
                                         * which may be the message's doing */
    bool final;                         /* JOB: it was refused so too often: the
                                         * next refusal is the message's */
    unsigned limit;                     /* LIMIT */
    bool sure;                          /* LIMIT: it was a reply */
    size_t *recipients;                 /* JOB: indices; owned */
    struct wire_outcome *outcomes;      /* OUTCOMES; owned */
    size_t count;                       /* of recipients or outcomes; SILENT */
    size_t sent;                        /* OUTCOMES: so many have gone */
    char *peer;                         /* OPENED, OUTCOMES; owned */
    int64_t certificate_end;            /* OPENED: in seconds since 1970; 0:
                                         * there is none */
    struct error error;                 /* CLOSED */
    char *token;                        /* CLOSED, or NULL; REFUSED:
                                         * digest_name(); owned */
    struct distrust distrust;           /* DISTRUST */
    size_t smarthost;                   /* START_WORKER: index of its section */
    bool impatient;                     /* START_SERVER: with the client, as
                                         * others may soon need the place */
    pid_t pid;                          /* SIGNAL, STARTED, ENDED */
    int value;                          /* SIGNAL: its number; STARTED: 0 or
                                         * errno; ENDED: wait(2) status */
    char *remark;                       /* NOTICE; owned; as the next three */
    enum notice notice;
    uint64_t queued, delivered;
    int fd;                             /* JOB: message file; START_WORKER:
                                         * socket; START_SERVER: connection;
                                         * owned; else -1 */
    union {                             /* owned; -1: there is none */
        int journal;                    /* START_WORKER */
        int original;                   /* JOB: drop/ID, if fd is a copy of it:
                                         * to be closed once it is unlinked */
    };
};

/* One of this kind with nothing in it. */
struct packet wire_packet(enum wire_kind kind);
void wire_free(struct packet *packet);

/*
 * Send; descriptors are passed and stay the caller's, too. False with
 * FAULT_TEMPORARY (EAGAIN: would block) or FAULT_IO: the peer is gone. OUTCOMES
 * that do not fit into one datagram are split; sent counts those that have
 * gone, and another call with the same packet sends only the others.
 */
bool wire_send(int socket, struct packet *packet, struct error *err);

/*
 * Receive one; blocks unless the socket is non-blocking. 1: *packet is the
 * caller's to free; 0: the peer is gone; -1: FAULT_TEMPORARY nothing there now,
 * FAULT_PROTOCOL malformed.
 */
int wire_receive(int socket, enum wire_party from, struct packet *packet,
                 struct error *err);

#endif
