/*
 * relay_fixture.h - the manager's parts, with a test in place of the workers
 *
 * A spool, one smarthost, and everything between drop/ and a worker's socket;
 * the test is the launcher and the worker. Nothing waits: a step is what the
 * manager does in a round of its poll loop.
 */
#ifndef POSTRIDER_TESTS_RELAY_FIXTURE_H
#define POSTRIDER_TESTS_RELAY_FIXTURE_H

#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "config/destination.h"
#include "relay/clocks.h"
#include "relay/control.h"
#include "relay/dispatch.h"
#include "relay/expiry.h"
#include "relay/hops.h"
#include "relay/launch.h"
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/metrics.h"
#include "relay/parts.h"
#include "relay/pickup.h"
#include "relay/requests.h"
#include "relay/result.h"
#include "relay/schedule.h"
#include "relay/shares.h"
#include "relay/storage.h"
#include "relay/troubles.h"
#include "relay/wire.h"
#include "relay/worker_answers.h"
#include "spool/journal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/scratch.h"

#define RELAY_PEER "mx.example[192.0.2.1]:25"
#define RELAY_OWNER 65534       /* of messages, where we may choose: a user */

struct relay {
    struct fixture fixture;
    struct config config;
    struct smarthost smarthosts[2];     /* of which config has one at first */
    char *control_path;
    int log;                    /* what was logged */
    int standard_error;         /* while it goes there */
    int launcher;               /* our end: we are the launcher, */
    bool promised;              /* whose answer to a start is there already */
    pid_t pid;
    int worker;                 /* our end: we are the worker; -1: none */
    int journal;
    unsigned started;           /* for these smarthosts, a bit each */
    bool opened;
    bool has_dsn;               /* the smarthost reports for itself */
    uint64_t job;               /* that it has; 0: none */
    size_t *recipients;         /* indices; owned */
    size_t count;
    int original;               /* the file in drop/, as it came with it; -1:
                                 * it came without */
    struct clocks clocks;       /* moved by the test */
    struct parts parts;
};

/* What is logged from here on is for relay_log(); else it goes nowhere. */
static inline void relay_begin_log(struct relay *relay)
{
    fflush(stderr);
    relay->standard_error = dup(STDERR_FILENO);
    dup2(relay->log, STDERR_FILENO);
    log_open(LOG_TO_STDERR, "test");
}

static inline void relay_end_log(struct relay *relay)
{
    log_open(LOG_OFF, "test");
    dup2(relay->standard_error, STDERR_FILENO);
    close(relay->standard_error);
}

/* All lines so far; the caller frees. */
static inline char *relay_log(const struct relay *relay)
{
    struct buf text;
    char block[4096];
    ssize_t length;

    buf_init(&text, SIZE_MAX);
    buf_add_text(&text, "");
    for (off_t at = 0; (length = pread(relay->log, block, sizeof block, at)) >
                       0; at += length)
        buf_add(&text, block, (size_t)length);
    return text.data == NULL ? alloc_string("") : text.data;
}

/* How often has the text been logged? */
static inline size_t relay_count_logged(const struct relay *relay,
                                        const char *text)
{
    char *log = relay_log(relay);
    size_t count = 0;

    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    free(log);
    return count;
}

static inline void relay_configure(struct relay *relay)
{
    static char name[] = "main", second[] = "second", host[] = "mx.example",
                empty[] = "", domain[] = "example.com",
                source[] = "postrider.conf";

    for (size_t i = 0; i < 2; i++)
        relay->smarthosts[i] = (struct smarthost){
            .name = i == 0 ? name : second, .host = host, .connections = 1,
        };
    relay->config = (struct config){
        .source = source,
        .hostname = domain,
        .domain = domain,
        .aliases = empty,
        .local_recipient = empty,
        .spool = relay->fixture.path,
        .metrics = empty,
        .redirect_all = empty,
        .message_size_limit = 1 << 20,
        .retry_first = 300000,
        .retry_longest = 3600000,
        .expire_after = 432000000,
        .delay_warning = 14400000,
        .smarthosts = relay->smarthosts,
        .smarthost_count = 1,
    };
}

static inline enum control_reply
relay_answer(void *context, const struct control_request *what)
{
    struct relay *relay = context;

    return requests_answer(relay->parts.requests, what, &relay->clocks.seen);
}

/* As after the start of a daemon. */
static inline void relay_start(struct relay *relay)
{
    const struct moment moment = clocks_moment();
    struct strings journals;
    struct error err;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                                ends), 0);
    relay->launcher = ends[0];
    clocks_start(&relay->clocks, &moment);
    relay->parts = (struct parts){
        .config = &relay->config,
        .spool = &relay->fixture.spool,
        .launch = launch_new(ends[1]),
        .control = control_new(relay->control_path, relay_answer, relay, &err),
    };
    assert_non_null(relay->parts.control);
    assert_true(journal_list(&relay->fixture.spool, &journals, &err));
    parts_make(&relay->parts, &journals, &moment);
    if (!messages_recover(relay->parts.messages, &journals, &moment, &err))
        fail_msg("%s", err.text);
    strings_free(&journals);
}

/* As after kill -9. */
static inline void relay_stop(struct relay *relay)
{
    parts_free(&relay->parts);
    control_free(relay->parts.control);
    launch_free(relay->parts.launch);
    io_close(&relay->launcher);
    io_close(&relay->worker);
    io_close(&relay->journal);
    io_close(&relay->original);
    free(relay->recipients);
    relay->recipients = NULL;
    relay->job = 0;
    relay->promised = relay->opened = false;
}

static inline const struct moment *relay_now(const struct relay *relay)
{
    return &relay->clocks.seen;
}

/* What is in drop/. */
static inline void relay_pick_up(struct relay *relay)
{
    pickup_scan(relay->parts.pickup);
    while (pickup_run(relay->parts.pickup, relay_now(relay), INT64_MAX))
        ;
}

/* All that is only in drop/ so far, as when a smarthost goes down. */
static inline void relay_store_all(struct relay *relay)
{
    storage_keep_all(relay->parts.storage);
}

/* As the poll loop does in each round. */
static inline void relay_store_what_must_be(struct relay *relay)
{
    while (storage_run(relay->parts.storage, relay_now(relay)->awake,
                       INT64_MAX))
        ;
}

static inline void relay_dispatch(struct relay *relay)
{
    const struct moment *now = relay_now(relay);
    struct message *message;
    bool more;

    do {
        message = dispatch_run(relay->parts.dispatch, now,
                               pickup_waiting(relay->parts.pickup), &more);
        if (message != NULL)
            result_conclude(relay->parts.result, message, now);
    } while (message != NULL || more);
}

static inline void relay_note_slot(void *context, int fd,
                                   struct worker_slot *slot)
{
    (void)fd;
    *(struct worker_slot **)context = slot;
}

static inline struct workers *relay_workers(const struct relay *relay)
{
    return relay->parts.hops->list[0].workers;
}

/* What the worker has sent. */
static inline void relay_hear_worker(struct relay *relay)
{
    struct worker_slot *slot = NULL;

    workers_each(relay_workers(relay), relay_note_slot, &slot);
    if (slot != NULL)
        workers_note_input(slot);
    worker_answers_take(&relay->parts.answers, relay_now(relay));
}

static inline void relay_reap(struct relay *relay, int status)
{
    assert_true(workers_reap(relay_workers(relay), relay->pid, status));
    worker_answers_take(&relay->parts.answers, relay_now(relay));
}

static inline void relay_sweep(struct relay *relay)
{
    struct message *message;
    bool expired;

    while ((message = expiry_next(relay->parts.expiry, &relay->clocks,
                                  &expired)) != NULL)
        result_late(relay->parts.result, message, expired, relay_now(relay));
}

/* The answer to a request of root; the caller frees. */
static inline char *relay_ask(struct relay *relay, enum request what,
                              const char *argument)
{
    struct control_progress progress = { 0 };
    char waiting[RANDOM_ID_LENGTH + 1] = "";
    struct buf out;

    buf_init(&out, SIZE_MAX);
    buf_add_text(&out, "");
    const struct control_request request = {
        .uid = 0, .request = what, .argument = argument,
        .progress = &progress, .out = &out, .waiting = waiting,
    };
    while (relay_answer(relay, &request) == CONTROL_MORE)
        ;
    return out.data == NULL ? alloc_string("") : out.data;
}

/* When a message is due: milliseconds from now; -1 if it has no time. */
static inline int64_t relay_due(struct relay *relay, const char *id)
{
    const struct message *message = messages_find(relay->parts.messages, id);
    int64_t now = relay_now(relay)->awake;

    if (message == NULL || message->place != MESSAGE_TIMED)
        return -1;
    return message->due > now ? message->due - now : 0;
}

/* It is so many seconds older, and was tried just before. */
static inline void relay_age(struct relay *relay, const char *id,
                             int64_t seconds)
{
    struct message *message = messages_find(relay->parts.messages, id);

    assert_non_null(message);
    message->received -= seconds;
    message->tried = seconds;
}

/* Fill this user's share of failed/. */
static inline void relay_fill_failed(struct relay *relay, uid_t uid)
{
    shares_add(relay->parts.messages->home.shares, SHARE_FAILED, uid,
               UINT32_MAX);
}

static inline void relay_empty_failed(struct relay *relay, uid_t uid)
{
    struct timespec never[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

    shares_remove(relay->parts.messages->home.shares, SHARE_FAILED, uid,
                  UINT32_MAX);
    futimens(relay->fixture.spool.failed, never);
    messages_look_again(relay->parts.messages, relay_now(relay));
}

static inline bool relay_is_open(struct relay *relay, const char *id)
{
    const struct message *message = messages_find(relay->parts.messages, id);

    return message != NULL && message->place != MESSAGE_OUT &&
           message_entry(message) != NULL;
}

/* --- The launcher and the worker. --- */

static inline void relay_set_up(struct relay *relay)
{
    fixture_open(&relay->fixture);
    relay->control_path = alloc_format("%s/control", relay->fixture.path);
    relay->worker = relay->journal = relay->launcher = -1;
    relay->original = -1;
    relay->log = open(relay->fixture.path, O_RDWR | O_TMPFILE | O_APPEND, 0600);
    assert_int_not_equal(relay->log, -1);
    relay_configure(relay);
}

static inline void relay_tear_down(struct relay *relay)
{
    io_close(&relay->log);
    free(relay->control_path);
    fixture_close(&relay->fixture);
}

/* The state of a test, of so many octets, which begins with a struct relay: it
 * is started, all else is 0. */
static inline void *relay_new(size_t size)
{
    struct relay *relay = alloc_zero(1, size);

    relay_set_up(relay);
    relay_start(relay);
    return relay;
}

/* The end of such a test, for cmocka. */
static inline int relay_end(void **state)
{
    relay_stop(*state);
    relay_tear_down(*state);
    free(*state);
    return 0;
}

/* The launcher's answer must be there before it is asked for. */
static inline void relay_promise_worker(struct relay *relay)
{
    struct packet answer = wire_packet(WIRE_STARTED);
    struct error err;

    if (relay->promised)
        return;
    answer.pid = relay->pid + 1;
    assert_true(wire_send(relay->launcher, &answer, &err));
    relay->promised = true;
}

/* Has a worker been asked for? Then it is us. */
static inline void relay_become_worker(struct relay *relay)
{
    struct packet packet;
    struct error err;

    while (wire_receive(relay->launcher, WIRE_MANAGER, &packet, &err) == 1) {
        if (packet.kind == WIRE_START_WORKER) {
            io_close(&relay->worker);
            io_close(&relay->journal);
            relay->worker = packet.fd;
            relay->journal = packet.journal;
            packet.fd = packet.journal = -1;
            relay->pid++;
            relay->started |= 1u << packet.smarthost;
            relay->promised = relay->opened = false;
        }
        wire_free(&packet);
    }
}

static inline void relay_send(struct relay *relay, struct packet *packet)
{
    struct error err;

    packet->fd = packet->journal = -1;
    if (!wire_send(relay->worker, packet, &err))
        fail_msg("%s", err.text);
    relay_hear_worker(relay);
}

static inline void relay_open_session(struct relay *relay)
{
    static char peer[] = RELAY_PEER;

    relay_send(relay, &(struct packet){ .kind = WIRE_OPENED, .peer = peer });
    relay->opened = true;
}

/* Take the job that the worker was given, if there is one. */
static inline void relay_take_job(struct relay *relay)
{
    struct packet packet;
    struct error err;

    while (relay->worker != -1 &&
           wire_receive(relay->worker, WIRE_MANAGER, &packet, &err) == 1) {
        if (packet.kind == WIRE_JOB) {
            free(relay->recipients);
            relay->job = packet.job;
            relay->recipients = packet.recipients;
            relay->count = packet.count;
            io_close(&relay->original);
            relay->original = packet.original;
            packet.recipients = NULL;
            packet.original = -1;
        }
        wire_free(&packet);
    }
}

/* Dispatch until a message is with the worker, or none can go. */
static inline void relay_give(struct relay *relay)
{
    relay->job = 0;
    relay_promise_worker(relay);
    relay_dispatch(relay);
    relay_become_worker(relay);
    if (relay->worker != -1 && !relay->opened) {
        relay_open_session(relay);
        relay_dispatch(relay);
    }
    relay_take_job(relay);
}

/* --- Messages, and what becomes of them. --- */

struct message_shape {
    const char *reverse_path;
    const char *smarthost;      /* NULL: any */
    size_t recipients;
    unsigned notify;            /* of all of them; 0: unspecified */
    bool flawed;                /* the first of them */
};

/* To b@, c@ ... of example.com; the others of a long list have numbers. id has
 * RANDOM_ID_LENGTH + 1 octets. */
static inline void relay_drop(const struct relay *relay, char *id,
                              const struct message_shape *shape)
{
    struct envelope env = { 0 };
    struct error err;
    struct buf text;
    int folder = relay->fixture.spool.drop;

    random_id(id);
    struct draft *draft = draft_new_report(id, SCRATCH_PLACES, &err);
    assert_true(envelope_set_reverse_path(&env, shape->reverse_path, &err));
    if (shape->smarthost != NULL)
        env.smarthost = alloc_string(shape->smarthost);
    for (size_t i = 0; i < shape->recipients; i++) {
        char *path = i < 3 ? alloc_format("%c@example.com", (char)('b' + i))
                           : alloc_format("%zu@example.com", i);
        assert_true(envelope_add_recipient(&env, path, NULL, shape->notify,
                                           &err));
        free(path);
    }
    if (shape->flawed)
        env.recipients[0].flaw = alloc_string("it has no domain");
    assert_true(draft_envelope(draft, &env, &err));
    assert_true(draft_add(draft, FIXTURE_BODY, strlen(FIXTURE_BODY), &err));
    assert_true(draft_end(draft, false, &err));
    buf_init(&text, SIZE_MAX);
    assert_true(io_read_all(draft_descriptor(draft), &text, &err));
    fixture_write(folder, id, text.data, text.length);
    if (geteuid() == 0)
        assert_int_equal(fchownat(folder, id, RELAY_OWNER, (gid_t)-1, 0),
                         0);
    buf_free(&text);
    draft_free(draft);
    envelope_free(&env);
}

static inline void relay_fill_outcome(struct outcome *outcome, char code)
{
    static const struct outcome outcomes[] = {
        { .kind = OUTCOME_DELIVERED, .code = 250, .status = "2.0.0" },
        { .kind = OUTCOME_DEFERRED, .code = 450, .status = "4.2.0",
          .fault = FAULT_TEMPORARY },
        { .kind = OUTCOME_FAILED, .code = 550, .status = "5.1.1",
          .fault = FAULT_RECIPIENT },
    };

    *outcome = outcomes[code == '2' ? 0 : code == '4' ? 1 : 2];
    outcome->stage = STAGE_RCPT;
    outcome->text = alloc_string("as the server has it");
}

/* Outcomes of the job's recipients, in their order: '2', '4' or '5' each. */
static inline void relay_settle(struct relay *relay, const char *codes)
{
    static char peer[] = RELAY_PEER;
    size_t count = strlen(codes);
    struct wire_outcome *outcomes = alloc_zero(count, sizeof *outcomes);
    struct packet packet = wire_packet(WIRE_OUTCOMES);

    if (relay->job == 0)
        fail_msg("the worker has no job");
    for (size_t i = 0; i < count; i++) {
        outcomes[i].index = relay->recipients[i];
        outcomes[i].dsn_passed_on = relay->has_dsn;
        relay_fill_outcome(&outcomes[i].outcome, codes[i]);
    }
    packet.job = relay->job;
    packet.outcomes = outcomes;
    packet.count = count;
    packet.peer = peer;
    while (packet.sent < count)
        relay_send(relay, &packet);
    for (size_t i = 0; i < count; i++)
        outcome_free(&outcomes[i].outcome);
    free(outcomes);
}

/* The same one for all. */
static inline void relay_settle_all(struct relay *relay, char code)
{
    char *codes = alloc_zero(relay->count + 1, 1);

    memset(codes, code, relay->count);
    relay_settle(relay, codes);
    free(codes);
}

/* Time passes. */
static inline void relay_wait(struct relay *relay, int64_t milliseconds)
{
    struct moment *now = &relay->clocks.seen;

    now->awake += milliseconds;
    now->running += milliseconds;
    now->wall += milliseconds / 1000;
}

#endif
