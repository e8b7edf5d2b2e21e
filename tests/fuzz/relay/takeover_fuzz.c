/*
 * A worker that was taken over, and what it can do to the manager: the input is
 * a list of what it sends, writes into its journal, and of deaths and restarts.
 * It has messages to carry. Another message was never given to it: that one
 * stays as it is. One that it carries is gone only when each recipient was
 * reported, or noted, for a job that it has.
 */
#include "../fuzz_relay.h"

#define STEPS 60
#define RECIPIENTS 3
#define JOBS 64
#define DAY 86400000            /* milliseconds */

struct attack {
    struct relay relay;
    struct fuzz_input input;
    char carried[RANDOM_ID_LENGTH + 1], other[RANDOM_ID_LENGTH + 1];
    struct buf other_file, other_state;
    bool is_its_job[JOBS];      /* is it with the carried message; by number */
    uint64_t last_job;          /* of this worker */
    bool claimed[RECIPIENTS];   /* reported or noted as at their end */
    bool unknown;               /* octets were sent that we do not parse */
    int64_t waited;
};

static void read_file(int folder, const char *name, struct buf *text)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct error err;

    buf_init(text, SIZE_MAX);
    PROMISE(fd != -1 && io_read_all(fd, text, &err));
    close(fd);
}

/* Which message is each job about? */
static void take_jobs(struct attack *attack)
{
    struct relay *relay = &attack->relay;
    struct packet packet;
    struct error err;

    while (relay->worker != -1 &&
           wire_receive(relay->worker, WIRE_MANAGER, &packet, &err) == 1) {
        if (packet.kind == WIRE_JOB) {
            struct entry *entry = entry_reopen(packet.fd, NULL, &err);
            packet.fd = -1;
            PROMISE(entry != NULL && strcmp(entry->id, attack->other) != 0);
            attack->last_job = packet.job;
            if (packet.job < JOBS)
                attack->is_its_job[packet.job] =
                    strcmp(entry->id, attack->carried) == 0;
            entry_free(entry);
        }
        wire_free(&packet);
    }
}

static void forget_jobs(struct attack *attack)
{
    memset(attack->is_its_job, 0, sizeof attack->is_its_job);
    attack->last_job = 0;
}

/* The manager may have closed the socket of one that sent nonsense. */
static void send_packet(struct attack *attack, struct packet *packet)
{
    struct error err;

    packet->fd = packet->journal = -1;
    if (attack->relay.worker != -1)
        (void)wire_send(attack->relay.worker, packet, &err);
    relay_hear_worker(&attack->relay);
}

static void give(struct attack *attack)
{
    static char peer[] = RELAY_PEER;
    struct relay *relay = &attack->relay;
    struct packet opened = wire_packet(WIRE_OPENED);
    pid_t before = relay->pid;

    relay_promise_worker(relay);
    relay_dispatch(relay);
    relay_become_worker(relay);
    if (relay->pid != before)
        forget_jobs(attack);
    if (relay->worker != -1 && !relay->opened) {
        opened.peer = peer;
        send_packet(attack, &opened);
        relay->opened = true;
        relay_dispatch(relay);
    }
    take_jobs(attack);
}

static char *read_text(struct attack *attack)
{
    size_t wanted = fuzz_octet(&attack->input) % 40, length;
    const char *text = fuzz_octets(&attack->input, wanted, &length);

    return alloc_bytes(text, length);
}

static void read_outcome(struct attack *attack, struct wire_outcome *one)
{
    static const char *const statuses[] = { "2.0.0", "4.2.0", "5.1.1", "4.5.3",
                                            "5.7.1", "x", "2.1.5" };
    static const int codes[] = { 250, 450, 550, 421, 0, 535, 599 };
    struct fuzz_input *input = &attack->input;
    struct outcome *outcome = &one->outcome;
    unsigned flags = fuzz_octet(input);

    one->index = fuzz_octet(input) % (RECIPIENTS + 2);
    if (one->index > RECIPIENTS)
        one->index = SIZE_MAX;
    one->dsn_passed_on = flags & 1;
    outcome->uncertain = flags >> 1 & 1;
    outcome->wants_login = flags >> 2 & 1;
    outcome->kind = fuzz_octet(input) % (OUTCOME_FAILED + 1);
    outcome->stage = fuzz_octet(input) % (STAGE_LOCAL + 1);
    outcome->fault = fuzz_octet(input) % (FAULT_LAST + 1);
    unsigned which = fuzz_octet(input);
    outcome->code = codes[which % COUNT(codes)];
    snprintf(outcome->status, sizeof outcome->status, "%s",
             statuses[which / 8 % COUNT(statuses)]);
    outcome->text = read_text(attack);
    outcome->remedy = flags & 8 ? read_text(attack) : NULL;
}

static void note_claim(struct attack *attack, const struct wire_outcome *one)
{
    if ((one->outcome.kind == OUTCOME_DELIVERED ||
         one->outcome.kind == OUTCOME_FAILED) && one->index < RECIPIENTS)
        attack->claimed[one->index] = true;
}

static void fill_outcomes(struct attack *attack, struct packet *packet)
{
    packet->count = fuzz_octet(&attack->input) % 6;
    packet->outcomes = alloc_zero(packet->count, sizeof *packet->outcomes);
    for (size_t i = 0; i < packet->count; i++) {
        read_outcome(attack, &packet->outcomes[i]);
        if (packet->job < JOBS && attack->is_its_job[packet->job])
            note_claim(attack, &packet->outcomes[i]);
    }
}

static void fill_error(struct attack *attack, struct packet *packet)
{
    unsigned reach = fuzz_octet(&attack->input);
    char *text = read_text(attack);

    error_set(&packet->error, fuzz_octet(&attack->input) % (FAULT_LAST + 1),
              "%s", text);
    packet->error.reach = reach % (REACH_REPLY + 1);
    if (reach & 0x80)
        packet->token = read_text(attack);
    free(text);
}

static void attack_by_packet(struct attack *attack)
{
    struct fuzz_input *input = &attack->input;
    struct packet packet = wire_packet(fuzz_octet(input) % WIRE_KINDS);

    packet.job = fuzz_octet(input) % 4 + attack->last_job - 1;
    packet.peer = read_text(attack);
    packet.limit = fuzz_octet(input) % 8;
    packet.sure = packet.refused = fuzz_octet(input) & 1;
    packet.distrust = (struct distrust){ .extensions = packet.limit * 37,
                                         .hello = packet.limit,
                                         .until = INT64_MAX / 2 };
    packet.remark = alloc_string("");
    if (packet.kind == WIRE_OUTCOMES)
        fill_outcomes(attack, &packet);
    else if (packet.kind == WIRE_CLOSED)
        fill_error(attack, &packet);
    else if (packet.kind == WIRE_REFUSED)
        packet.token = read_text(attack);
    send_packet(attack, &packet);
    if (packet.kind == WIRE_RETURNED && packet.job < JOBS)
        attack->is_its_job[packet.job] = false;
    wire_free(&packet);
}

static void attack_by_octets(struct attack *attack)
{
    size_t length, wanted = fuzz_octet(&attack->input);
    const char *octets = fuzz_octets(&attack->input, wanted, &length);

    attack->unknown = true;
    if (attack->relay.worker != -1 && length > 0)
        (void)send(attack->relay.worker, octets, length, MSG_NOSIGNAL);
    relay_hear_worker(&attack->relay);
}

static void write_journal(struct attack *attack)
{
    size_t indices[4], count = fuzz_octet(&attack->input) % 4 + 1;

    for (size_t i = 0; i < count; i++) {
        indices[i] = fuzz_octet(&attack->input) % (RECIPIENTS + 1);
        if (attack->relay.journal != -1 && indices[i] < RECIPIENTS)
            attack->claimed[indices[i]] = true;
    }
    journal_note(attack->relay.journal, attack->carried, indices, count);
}

static void spoil_journal(struct attack *attack)
{
    size_t length, wanted = fuzz_octet(&attack->input);
    const char *octets = fuzz_octets(&attack->input, wanted, &length);

    if (attack->relay.journal != -1)
        (void)io_write_all(attack->relay.journal, octets, length);
}

static void die(struct attack *attack)
{
    static const int statuses[] = { 0, SIGSEGV, SIGTERM, SIGKILL, 75 << 8 };
    struct relay *relay = &attack->relay;
    int status = statuses[fuzz_octet(&attack->input) % COUNT(statuses)];

    io_close(&relay->worker);
    if (relay->pid != 0 &&
        workers_reap(relay_workers(relay), relay->pid, status))
        worker_answers_take(&relay->parts.answers, relay_now(relay));
    forget_jobs(attack);
}

static void restart(struct attack *attack)
{
    relay_stop(&attack->relay);
    relay_start(&attack->relay);
    relay_pick_up(&attack->relay);
    forget_jobs(attack);
}

/* Not so long that messages expire. */
static void wait(struct attack *attack)
{
    int64_t time = fuzz_octet(&attack->input) * (int64_t)60000;

    if (attack->waited + time > 3 * DAY)
        return;
    attack->waited += time;
    relay_wait(&attack->relay, time);
    workers_recall(relay_workers(&attack->relay),
                   relay_now(&attack->relay)->awake);
    relay_sweep(&attack->relay);
    worker_answers_take(&attack->relay.parts.answers,
                        relay_now(&attack->relay));
}

static void (*const steps[])(struct attack *attack) = {
    attack_by_packet, attack_by_octets, write_journal, spoil_journal, give, die,
    restart, wait,
};

static void check_other(const struct attack *attack)
{
    const struct relay *relay = &attack->relay;
    const struct spool *spool = &relay->fixture.spool;
    const struct message *message = messages_find(relay->parts.messages,
                                                  attack->other);

    PROMISE(message != NULL && message->place == MESSAGE_HELD &&
            message->attempts == 0);
    PROMISE(fuzz_is_kept(spool->queue, attack->other, attack->other_file.data,
                         attack->other_file.length));
    PROMISE(fuzz_is_kept(spool->state, attack->other, attack->other_state.data,
                         attack->other_state.length));
}

static void check_carried(const struct attack *attack)
{
    const struct relay *relay = &attack->relay;
    const struct spool *spool = &relay->fixture.spool;
    bool there = fixture_exists(spool->drop, attack->carried) ||
                 fixture_exists(spool->queue, attack->carried);

    PROMISE(!there || messages_find(relay->parts.messages,
                                    attack->carried) != NULL);
    for (size_t i = 0; i < RECIPIENTS && !there && !attack->unknown; i++)
        PROMISE(attack->claimed[i]);
}

static void set_up(struct attack *attack)
{
    static const struct message_shape shape = {
        .reverse_path = "a@example.com", .recipients = RECIPIENTS,
        .notify = NOTIFY_FAILURE | NOTIFY_SUCCESS };
    struct relay *relay = &attack->relay;

    fuzz_relay_open(relay);
    relay_drop(relay, attack->other, &shape);
    relay_pick_up(relay);
    free(relay_ask(relay, REQUEST_HOLD, attack->other));
    read_file(relay->fixture.spool.queue, attack->other, &attack->other_file);
    read_file(relay->fixture.spool.state, attack->other,
              &attack->other_state);
    relay_drop(relay, attack->carried, &shape);
    relay_pick_up(relay);
    give(attack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attack attack = { .input = { data, size } };

    set_up(&attack);
    for (int i = 0; i < STEPS && attack.input.left > 0; i++) {
        steps[fuzz_octet(&attack.input) % COUNT(steps)](&attack);
        check_other(&attack);
        check_carried(&attack);
    }
    fuzz_relay_close(&attack.relay);
    buf_free(&attack.other_file);
    buf_free(&attack.other_state);
    return 0;
}
