#include "relay/worker.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password.h"
#include "net/stream.h"
#include "relay/confine.h"
#include "relay/connect.h"
#include "relay/delivery.h"
#include "relay/wire.h"
#include "smtp/session.h"
#include "spool/entry.h"
#include "spool/journal.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"

#define IDLE_TIME 5000          /* milliseconds a session is kept idle */
#define FRESH_TIME 1000         /* one that ends sooner, without a message, is
                                 * an attempt at that which waits for it */
#define REFUSED_MAX 2           /* messages in a row, before it is over */

#define KEPT 16                 /* files of jobs that are over */
#define KEPT_OCTETS 65536       /* larger ones are not kept */
#define KEPT_TIME 100           /* milliseconds without a job */

static volatile sig_atomic_t asked_to_stop;
static volatile sig_atomic_t may_leave;     /* there is nothing to finish */

static void on_stop(int signal)
{
    (void)signal;
    if (may_leave)
        _exit(EX_OK);
    asked_to_stop = 1;
}

struct job {
    uint64_t number;
    bool final;                 /* a refusal is the message's, whatever it says
                                 * of the session */
    struct entry *entry;
    struct delivery delivery;
    struct job *next;           /* in the order they came */
};

struct worker {
    const struct config *config;
    const struct smarthost *smarthost;
    struct connector *connector;
    struct session *session;
    struct distrust known;      /* what the manager knows of the smarthost */
    int64_t opened;             /* when the session was */
    unsigned messages;          /* sent over it, */
    unsigned limit;             /* and how many it may carry */
    bool taken;                 /* the smarthost took one of them */
    unsigned refused;           /* the last ones, as if the session were over */
    unsigned before;            /* so many came before those */
    bool over;                  /* the session is over */
    struct transaction *running;        /* NULL: between two messages */
    int socket;
    int journal;
    struct job *first, *last;
    int kept[KEPT];             /* a ring; -1: none */
    size_t next_kept;
};

static void job_free(struct job *job)
{
    if (job == NULL)
        return;
    delivery_free(&job->delivery);
    entry_free(job->entry);
    free(job);
}

/*
 * The last one to close an unlinked file waits for its blocks to be freed,
 * which takes some disks long. That must not be the manager, which all mail
 * waits for: a worker keeps the files of its last jobs until they are unlinked.
 */
static void keep_file(struct worker *worker, struct job *job)
{
    struct entry *entry = job->entry;
    int *file = entry->original != -1 ? &entry->original : &entry->fd;
    int *place = &worker->kept[worker->next_kept];

    if (entry->content_length > KEPT_OCTETS)
        return;
    worker->next_kept = (worker->next_kept + 1) % KEPT;
    io_close(place);
    *place = *file;
    *file = -1;
}

static void close_kept(struct worker *worker)
{
    for (size_t i = 0; i < KEPT; i++)
        io_close(&worker->kept[i]);
}

static void append(struct worker *worker, struct job *job)
{
    job->next = NULL;
    if (worker->first == NULL)
        worker->first = job;
    else
        worker->last->next = job;
    worker->last = job;
}

static struct job *take_first(struct worker *worker)
{
    struct job *job = worker->first;

    worker->first = job->next;
    return job;
}

/* Send it to the manager, and wait until that can read it. If the manager is
 * gone, the journal has what matters. */
static void send_packet(struct worker *worker, struct packet *packet)
{
    struct pollfd waiting = { .fd = worker->socket, .events = POLLOUT };
    struct error err = { 0 };

    while (!wire_send(worker->socket, packet, &err) &&
           err.fault == FAULT_TEMPORARY)
        poll(&waiting, 1, -1);
}

static void report_job(struct worker *worker, enum wire_kind kind,
                       uint64_t number)
{
    struct packet packet = wire_packet(kind);

    packet.job = number;
    send_packet(worker, &packet);
}

/* A job from the manager, whose files were verified when they were taken. */
static void accept_job(struct worker *worker, struct packet *packet)
{
    struct error err;
    struct entry *entry = entry_reopen(packet->fd, NULL, &err);

    packet->fd = -1;
    if (entry != NULL) {
        entry->original = packet->original;
        packet->original = -1;
    }
    bool fits = entry != NULL && entry->flaw == NULL;
    for (size_t i = 0; fits && i < packet->count; i++)
        fits = packet->recipients[i] < entry->envelope.count;
    if (!fits) {
        entry_free(entry);
        report_job(worker, WIRE_DONE, packet->job);
        return;
    }
    struct job *job = alloc_zero(1, sizeof *job);
    job->number = packet->job;
    job->final = packet->final;
    job->entry = entry;
    entry->uid = packet->uid;
    delivery_init(&job->delivery, worker->config, entry, packet->recipients,
                  packet->count);
    job->delivery.transaction.stoppable = &may_leave;
    append(worker, job);
}

/* May this job still be given back? What was begun may only while a reply is
 * waited for: then the session sends no more, and its content never goes. */
static bool may_return(const struct job *job, bool reads)
{
    const struct transaction *t = &job->delivery.transaction;

    return reads ? !t->content_sent : !t->begun;
}

/* The peer is silent: other workers may be quicker. Content goes in the order
 * of the jobs, so what is kept comes first. */
static void return_jobs(struct worker *worker, bool reads)
{
    struct transaction *kept = worker->running;
    struct job **link = &worker->first;

    worker->last = NULL;
    while (*link != NULL && !may_return(*link, reads)) {
        worker->last = *link;
        kept = &(*link)->delivery.transaction;
        link = &(*link)->next;
    }
    struct job *job = *link;
    *link = NULL;
    if (kept != NULL)
        kept->next = NULL;
    while (job != NULL) {
        struct job *next = job->next;
        if (job->delivery.transaction.begun)
            session_spoil(worker->session);
        report_job(worker, WIRE_RETURNED, job->number);
        job_free(job);
        job = next;
    }
}

/* Take in what the manager has sent. False when it is gone. */
static bool take_packets(struct worker *worker, bool reads)
{
    struct packet packet;
    struct error err = { 0 };

    for (;;) {
        int received = wire_receive(worker->socket, WIRE_MANAGER, &packet,
                                    &err);
        if (received == 0)
            return false;
        if (received == -1)
            return err.fault == FAULT_TEMPORARY;
        if (packet.kind == WIRE_JOB)
            accept_job(worker, &packet);
        else if (packet.kind == WIRE_DISTRUST)
            worker->known = *connector_distrust(worker->connector) =
                packet.distrust;
        else if (packet.kind == WIRE_LIMIT)
            worker->limit = packet.limit < worker->limit ? packet.limit
                                                         : worker->limit;
        else if (packet.kind == WIRE_OPENED)
            connector_prefer(worker->connector, packet.peer);
        else if (packet.kind == WIRE_SILENT)
            connector_pass_over(worker->connector, packet.count);
        else if (packet.kind == WIRE_REFUSED)
            connector_refuse_token(worker->connector, packet.token);
        else if (packet.kind == WIRE_RECALL)
            return_jobs(worker, reads);
        wire_free(&packet);
    }
}

/* The same, while a session waits for its peer. */
static bool take_meanwhile(void *context, bool reads)
{
    return take_packets(context, reads);
}

/* False: nothing came until then, or a signal did. */
static bool wait_for_packet(struct worker *worker, int64_t until)
{
    struct pollfd waiting = { .fd = worker->socket, .events = POLLIN };
    int ready = poll(&waiting, 1, KEPT_TIME);

    if (ready != 0)
        return ready > 0;
    close_kept(worker);
    return poll(&waiting, 1, clock_remaining(until)) > 0;
}

/* The same, between two messages; without a job, wait for one for a while. */
static bool take_jobs(struct worker *worker)
{
    int64_t until = clock_now() + IDLE_TIME;
    bool manager = take_packets(worker, false);

    while (manager && worker->first == NULL && !asked_to_stop &&
           wait_for_packet(worker, until))
        manager = take_packets(worker, false);
    return manager;
}

/* Something about the smarthost was found out: the next worker must know. */
static void report_distrust_change(struct worker *worker)
{
    struct packet packet = wire_packet(WIRE_DISTRUST);

    packet.distrust = *connector_distrust(worker->connector);
    if (packet.distrust.extensions == worker->known.extensions)
        return;
    worker->known = packet.distrust;
    send_packet(worker, &packet);
}

/* goes_on: some recipients will be offered again, and have no outcome yet. */
static void report_outcomes(struct worker *worker, const struct job *job,
                            bool goes_on)
{
    const struct delivery *delivery = &job->delivery;
    bool has_dsn = session_has(worker->session, CAP_DSN) &&
                   (delivery->transaction.without & CAP_DSN) == 0;
    struct packet packet = wire_packet(WIRE_OUTCOMES);
    size_t *accepted = alloc_zero(delivery->count, sizeof *accepted);
    size_t count = 0;

    packet.job = job->number;
    packet.outcomes = alloc_zero(delivery->count, sizeof *packet.outcomes);
    packet.peer = alloc_string(connector_peer(worker->connector));
    for (size_t i = 0; i < delivery->count; i++) {
        if (goes_on && delivery_is_left(delivery, i))
            continue;
        if (delivery->outcomes[i].kind == OUTCOME_DELIVERED)
            accepted[count++] = delivery->recipients[i];
        struct wire_outcome *one = &packet.outcomes[packet.count++];
        one->index = delivery->recipients[i];
        one->dsn_passed_on = has_dsn;
        outcome_copy(&one->outcome, &delivery->outcomes[i]);
    }
    /* First of all: what was accepted must never be sent again. */
    journal_note(worker->journal, job->entry->id, accepted, count);
    worker->taken = worker->taken || count > 0;
    send_packet(worker, &packet);
    wire_free(&packet);
    free(accepted);
}

static int64_t deadline_for(const struct worker *worker, uint64_t octets)
{
    return clock_now() + 10 * worker->smarthost->timeout +
           (int64_t)(octets / 8);
}

static char *copy_of(const char *text)
{
    return text != NULL ? alloc_string(text) : NULL;
}

/* Without a job: none waits for a smarthost that is silent. */
static bool open_session(struct worker *worker)
{
    struct packet packet = wire_packet(WIRE_OPENED);
    struct error err = { 0 };

    /* A smarthost may be silent for minutes; a stop does not wait for that.
     * But no other process would end a program that prints it. */
    may_leave = !password_is_printed(worker->smarthost);
    if (connector_prepare(worker->connector, &err)) {
        may_leave = 1;
        if (asked_to_stop)
            return false;
        confine_worker_opening(worker->config, worker->smarthost,
                               connector_targets(worker->connector));
        worker->session = connector_open_once(worker->connector,
                                              deadline_for(worker, 0), &err);
    }
    may_leave = 0;
    confine_worker_session(worker->config);
    packet.peer = alloc_string(connector_peer(worker->connector));
    if (worker->session == NULL) {
        packet.kind = WIRE_CLOSED;
        connector_name_others(worker->connector, &err);
        packet.error = err;
        packet.token = copy_of(connector_refused_token(worker->connector));
    } else {
        worker->opened = clock_now();
        packet.certificate_end = session_certificate_end(worker->session);
        stream_set_watch(session_stream(worker->session), worker->socket,
                         take_meanwhile, worker);
    }
    send_packet(worker, &packet);
    wire_free(&packet);
    report_distrust_change(worker);
    return worker->session != NULL;
}

/*
 * Which jobs may follow the first one in the same flight: all that came, as
 * far as this session may carry messages. Begun jobs stay linked.
 */
static void link_jobs(struct worker *worker)
{
    unsigned ahead = worker->messages + 1;

    for (struct job *job = worker->first; job != NULL; job = job->next) {
        struct transaction *t = &job->delivery.transaction;
        bool follows = job->next != NULL &&
                       (job->next->delivery.transaction.begun ||
                        (!asked_to_stop && ahead < worker->limit));
        t->next = follows ? &job->next->delivery.transaction : NULL;
        ahead++;
    }
}

static bool is_begun(const struct job *job)
{
    return job != NULL && job->delivery.transaction.begun;
}

/* Is a message on its way, and may be accepted? */
static bool is_committed(const struct worker *worker)
{
    for (const struct job *job = worker->first; job != NULL; job = job->next)
        if (job->delivery.transaction.content_sent)
            return true;
    return false;
}

static void settle_job(struct worker *worker, struct job *job)
{
    worker->messages++;
    delivery_settle(&job->delivery);
}

/* It goes to another worker. It may be what has ended the session, if it is the
 * first one, or if it was answered. */
static void return_refused(struct worker *worker, const struct job *job)
{
    struct packet packet = wire_packet(WIRE_RETURNED);

    packet.job = job->number;
    packet.refused = worker->refused == 0 ||
                     job->delivery.outcomes[0].code != 0;
    if (worker->refused == 0)
        worker->before = worker->messages - 1;
    worker->refused++;
    send_packet(worker, &packet);
}

/* Report a job, unless all of it is to be begun again in another session: then
 * it goes to another worker, as if it had not been tried. */
static void end_job(struct worker *worker, struct job *job)
{
    if (worker->taken && !job->final &&
        delivery_blame_session(&job->delivery)) {
        return_refused(worker, job);
    } else {
        worker->refused = 0;
        if (!delivery_is_undone(&job->delivery))
            report_outcomes(worker, job, false);
    }
    keep_file(worker, job);
    job_free(job);
}

/*
 * One message can be refused for a reason of its own; a second one in a row
 * shows that the session is over. If it has ended by itself, that may have had
 * another reason than its length.
 */
static void judge_session(struct worker *worker, bool usable)
{
    struct packet packet = wire_packet(WIRE_LIMIT);

    if (worker->over || worker->refused == 0 ||
        (usable && worker->refused < REFUSED_MAX))
        return;
    packet.limit = worker->before;
    packet.sure = usable;
    if (packet.limit > 0)
        send_packet(worker, &packet);
    worker->limit = worker->messages;
    worker->over = true;
}

/* Run the first job. False: the session is at its end. */
static bool run_job(struct worker *worker)
{
    link_jobs(worker);
    /* Even a reply to MAIL may take minutes. */
    may_leave = !is_committed(worker);
    if (asked_to_stop && may_leave)     /* during an earlier acceptance */
        _exit(EX_OK);
    struct job *job = take_first(worker);

    session_set_deadline(worker->session,
                         deadline_for(worker, job->entry->content_length));
    worker->running = &job->delivery.transaction;
    bool usable = transaction_run(worker->session, worker->running);
    worker->running = NULL;
    may_leave = 0;
    report_distrust_change(worker);
    settle_job(worker, job);
    if (usable && delivery_may_go_on(&job->delivery)) {
        report_outcomes(worker, job, true);
        delivery_go_on(&job->delivery);
        append(worker, job);
    } else {
        end_job(worker, job);
    }
    while (!usable && is_begun(worker->first)) {
        job = take_first(worker);
        settle_job(worker, job);
        end_job(worker, job);
    }
    judge_session(worker, usable);
    return usable;
}

/*
 * The manager was killed: another one has or will have all that it gave us.
 * Only the reply to what is sent already is waited for, and noted. True if
 * there is none.
 */
static bool is_over(const struct worker *worker)
{
    return !is_begun(worker->first) ||
           !worker->first->delivery.transaction.content_sent;
}

/*
 * Work until there is none, the manager is gone, or the session is at its end.
 * Jobs not begun go to another worker: this process can open nothing.
 */
static void serve(struct worker *worker)
{
    bool usable = true;

    while (usable && (!asked_to_stop || is_begun(worker->first))) {
        bool manager = take_jobs(worker);
        if (worker->first == NULL)
            break;
        if (!manager) {
            asked_to_stop = 1;              /* begin nothing after it */
            if (is_over(worker))
                break;
        }
        if (worker->messages >= worker->limit && !is_begun(worker->first))
            break;
        /* A session may end between messages, but one that ends before it
         * carries any must be an attempt: or this would go on for ever. */
        bool stood = worker->messages > 0 ||
                     clock_now() - worker->opened > FRESH_TIME;
        if (stood && !is_begun(worker->first) &&
            !session_usable(worker->session))
            break;
        usable = run_job(worker);
    }
}

static void prepare_signals(void)
{
    /* Without SA_RESTART, so that waiting for work ends at once. */
    struct sigaction action = { .sa_handler = on_stop };

    sigset_t none;

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);       /* of a terminal, to all of us */
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int worker_run(const struct config *config, const struct smarthost *smarthost,
               int socket, int journal)
{
    struct worker worker = {
        .config = config,
        .smarthost = smarthost,
        .connector = connector_new(config, smarthost, NULL, NULL),
        .limit = smarthost->messages_per_connection,
        .socket = socket,
        .journal = journal,
    };

    for (size_t i = 0; i < KEPT; i++)
        worker.kept[i] = -1;
    prepare_signals();
    /* Findings about the smarthost come first. */
    if (take_packets(&worker, false) && open_session(&worker))
        serve(&worker);
    session_close(worker.session);
    while (worker.first != NULL)
        job_free(take_first(&worker));
    close_kept(&worker);
    connector_free(worker.connector);
    return EX_OK;
}
