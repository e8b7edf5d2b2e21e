/*
 * A worker, and what it takes in: packets of a manager that was taken over, the
 * message files of its jobs, and the replies of a smarthost. What it reports is
 * about jobs and recipients that it was given; an acceptance is noted in the
 * journal before that, and is of a message that was sent whole and replied to;
 * what is given back was not sent, and if it was begun, nothing is begun after
 * it; what was sent is reported before the process ends. What it sends is read
 * by the letter of RFC 5321. Where TLS is wanted neither login nor message goes
 * without it, and with TLS from the first octet nothing at all; no packet shows
 * the password. A server that asks for a certificate gets the one that is
 * configured. The sender of a rule goes in the place of the null one only, and
 * with a rule for all senders only once that was refused. A stop does not take
 * it from a message that waits for its last reply, and without a manager it
 * begins none. No descriptor is left.
 *
 * The input: two octets of options, with a user or a client certificate another
 * one of the login, then what happens: smtp/dialogue.h. After 06 the manager
 * acts, as `acts` has it.
 */
#include "worker_login.h"
#include "worker_sent.h"

#include "net/digest.h"
#include "relay/wire.h"
#include "spool/journal.h"
#include "util/unix_socket.h"

/* The end of the process, and what a worker writes down and sends, in its
 * order. */
static void fuzz_exit(int status);
static void note(int fd, const char *id, const size_t *indices, size_t count);
static bool report(int socket, struct packet *packet, struct error *err);
static int take(int socket, enum wire_party from, struct packet *packet,
                struct error *err);

#define _exit fuzz_exit
#define journal_note note
#define wire_send report
#define wire_receive take
#include "../../../src/relay/worker.c"
#undef _exit
#undef journal_note
#undef wire_send
#undef wire_receive

#define password_fetch fetch_secret
#define password_renew renew_secret
#include "../../../src/relay/connect.c"
#undef password_fetch
#undef password_renew

#define INPUT_MAX 16384
#define JOBS_MAX 32

static struct attack {
    int manager, worker;        /* the ends of their socket */
    int file;                   /* of the last job; -1: none */
    bool refuses, connected;    /* connections */
    struct given jobs[JOBS_MAX];
    size_t count;
    bool unknown;               /* a file was sent that no manager in order
                                 * would send: its content may be anything */
    bool has_null;              /* a message has no sender, or may have none */
    bool distrusts;             /* the smarthost turned out not to have what
                                 * it lists: what was sent so goes again */
    bool over;                  /* the process has ended */
    unsigned endings;           /* how often it found the manager gone, */
    size_t begun;               /* and what was until the second time: the
                                 * first may be in the middle of a flight */
    bool gave_up;               /* it gave back a job that was begun, */
    size_t begun_then;          /* and what was until then */
} attack;

/* --- What it does itself. --- */

static void cut_all(void)
{
    shutdown(dialogue.fd, SHUT_RDWR);
    shutdown(attack.manager, SHUT_RDWR);
    dialogue.script.left = 0;
}

static bool is_reported(const struct given *job)
{
    bool reported = job->is_over;

    for (size_t i = 0; i < RECIPIENTS; i++)
        reported |= job->is_reported[i];
    return reported;
}

/* What was sent is known to the manager. */
static void check_reported(void)
{
    for (size_t i = 0; i < attack.count; i++) {
        const struct given *job = &attack.jobs[i];
        if (*job->id != '\0' && was_sent(job, false))
            PROMISE(is_reported(job) || attack.distrusts);
    }
}

/* Its code goes on, but reaches nothing any more. */
static void fuzz_exit(int status)
{
    PROMISE(status == EX_OK);
    PROMISE(attack.over || attack.unknown || !waits_for_reply());
    if (!attack.over && !attack.unknown)
        check_reported();
    attack.over = true;
    cut_all();
}

static struct given *find_job(uint64_t number)
{
    size_t i = 0;

    while (i < attack.count && attack.jobs[i].number != number)
        i++;
    PROMISE(i < attack.count);
    return &attack.jobs[i];
}

static void note_one(const char *id, size_t index)
{
    for (size_t i = 0; i < attack.count; i++) {
        struct given *job = &attack.jobs[i];
        if (strcmp(job->id, id) != 0)
            continue;
        PROMISE(index < RECIPIENTS && job->is_meant[index]);
        PROMISE(attack.unknown || was_sent(job, true));
        job->is_noted[index] = true;
    }
}

static void note(int fd, const char *id, const size_t *indices, size_t count)
{
    for (size_t i = 0; i < count && !attack.over; i++)
        note_one(id, indices[i]);
    journal_note(fd, id, indices, count);
}

static void check_outcome(struct given *job, const struct wire_outcome *one)
{
    const struct outcome *outcome = &one->outcome;

    PROMISE(outcome->kind != OUTCOME_NONE && *outcome->status != '\0');
    promise_one_line(outcome->text);
    promise_no_login(outcome->text);
    if (*job->id == '\0')
        return;
    PROMISE(one->index < RECIPIENTS && job->is_meant[one->index]);
    PROMISE(!job->is_reported[one->index]);
    PROMISE(outcome->kind != OUTCOME_DELIVERED || job->is_noted[one->index]);
    job->is_reported[one->index] = true;
}

static void check_returned(struct given *job, const struct packet *packet)
{
    for (size_t i = 0; i < RECIPIENTS; i++)
        PROMISE(!job->is_reported[i] && !job->is_noted[i]);
    job->was_unsent = !packet->refused;
    if (!attack.gave_up && !attack.unknown && count_mails(job) > job->mails) {
        attack.gave_up = true;
        attack.begun_then = count_begun();
    }
}

/* No session was opened. The token that was refused is named by its hash. */
static void check_closed(const struct packet *packet)
{
    struct buf name;

    promise_error(&packet->error);
    promise_no_login(packet->error.text);
    promise_no_login(packet->error.what);
    promise_no_login(packet->error.remedy);
    if (packet->token == NULL)
        return;
    buf_init(&name, SIZE_MAX);
    PROMISE(fetched != NULL && digest_name(&name, fetched));
    PROMISE(strcmp(packet->token, name.data) == 0);
    buf_free(&name);
}

static void check_report(const struct packet *packet)
{
    struct given *job;

    switch (packet->kind) {
    case WIRE_OUTCOMES:
    case WIRE_RETURNED:
    case WIRE_DONE:
        job = find_job(packet->job);
        PROMISE(!job->is_over);
        PROMISE(packet->kind == WIRE_DONE || !job->is_flawed);
        for (size_t i = 0; i < packet->count; i++)
            check_outcome(job, &packet->outcomes[i]);
        job->is_over = packet->kind != WIRE_OUTCOMES;
        if (job->is_over)
            check_returned(job, packet);
        job->mails = count_mails(job);
        break;
    case WIRE_CLOSED:
        check_closed(packet);
        break;
    case WIRE_DISTRUST:
        attack.distrusts = true;
        break;
    default:
        PROMISE(packet->kind == WIRE_OPENED || packet->kind == WIRE_LIMIT);
    }
}

static int take(int socket, enum wire_party from, struct packet *packet,
                struct error *err)
{
    int received = wire_receive(socket, from, packet, err);

    if (received == 0 && ++attack.endings == 2 && !attack.unknown)
        attack.begun = count_begun();
    return received;
}

/* The manager takes each packet at once. */
static bool report(int socket, struct packet *packet, struct error *err)
{
    struct packet taken;
    struct error ignored;

    if (!attack.over && packet->sent == 0)
        check_report(packet);
    bool sent = wire_send(socket, packet, err);
    while (wire_receive(attack.manager, WIRE_WORKER, &taken, &ignored) == 1)
        wire_free(&taken);
    return sent;
}

/* --- What the manager does. --- */

/* The descriptors of a packet are its receiver's then. */
static void send_to_worker(struct packet *packet)
{
    struct error ignored;

    (void)wire_send(attack.manager, packet, &ignored);
    wire_free(packet);
}

static void send_job(struct buf *file, struct packet *packet)
{
    io_close(&attack.file);
    attack.file = memory_file(file->data, file->length);
    packet->fd = dup(attack.file);
    PROMISE(packet->fd != -1);
    send_to_worker(packet);
    buf_free(file);
}

static struct given *new_job(struct packet *packet)
{
    struct given *job = &attack.jobs[attack.count++];

    *packet = wire_packet(WIRE_JOB);
    packet->job = job->number = 1000 + attack.count;
    packet->uid = 7;
    return job;
}

static void choose_recipients(struct given *job, struct packet *packet,
                              unsigned which)
{
    packet->recipients = alloc_zero(RECIPIENTS + 1, sizeof(size_t));
    for (size_t i = 0; i < RECIPIENTS; i++)
        if (which >> i & 1) {
            job->is_meant[i] = true;
            packet->recipients[packet->count++] = i;
        }
    packet->final = which >> 3 & 1;
    /* There is none of that number. */
    if ((which >> 4 & 1) != 0 || packet->count == 0)
        packet->recipients[packet->count++] = RECIPIENTS + (which >> 5);
}

static bool give_job(struct input *in)
{
    unsigned shape = input_octet(in);
    struct packet packet;
    struct buf file;

    if (attack.count == JOBS_MAX)
        return true;
    struct given *job = new_job(&packet);
    snprintf(job->id, sizeof job->id, "%032x", (unsigned)attack.count);
    attack.has_null |= (shape & NULL_SENDER) != 0;
    choose_recipients(job, &packet, input_octet(in));
    make_file(job, shape, &file);
    send_job(&file, &packet);
    return true;
}

/* A message file of these octets, up to a NUL. */
static bool give_file(struct input *in)
{
    unsigned which = input_octet(in);
    struct input octets = input_part(in, '\0');
    struct packet packet;
    struct buf file;

    if (attack.count == JOBS_MAX)
        return true;
    struct given *job = new_job(&packet);
    choose_recipients(job, &packet, which);
    buf_init(&file, SIZE_MAX);
    buf_add(&file, octets.at, octets.left);
    if (which < 128)
        fuzz_mend(&file);
    if (!is_sound(&file, &job->is_flawed))
        attack.unknown = true;
    attack.has_null = true;
    send_job(&file, &packet);
    return true;
}

static bool send_other(struct input *in)
{
    static const enum wire_kind kinds[] = { WIRE_RECALL, WIRE_LIMIT,
                                            WIRE_DISTRUST, WIRE_OPENED,
                                            WIRE_REFUSED, WIRE_SILENT };
    struct packet packet = wire_packet(kinds[input_octet(in) % COUNT(kinds)]);

    packet.count = packet.limit = input_octet(in);
    packet.sure = packet.limit & 1;
    packet.distrust = (struct distrust){ .extensions = packet.limit * 37,
                                         .hello = packet.limit,
                                         .until = INT64_MAX / 2 };
    if (packet.kind == WIRE_OPENED)
        packet.peer = input_text(in, '\0');
    else if (packet.kind == WIRE_REFUSED)
        packet.token = input_text(in, '\0');
    send_to_worker(&packet);
    return true;
}

static bool send_octets_of(struct input *in)
{
    size_t wanted = input_octet(in);
    size_t length = wanted < in->left ? wanted : in->left;
    const int fds[] = { STDERR_FILENO, STDERR_FILENO };

    if (length > 0)
        (void)pass_send(attack.manager, in->at, length, fds, wanted % 3);
    in->at += length;
    in->left -= length;
    return true;
}

static bool shorten_file(struct input *in)
{
    unsigned part = input_octet(in);
    off_t length = attack.file != -1 ? lseek(attack.file, 0, SEEK_END) : 0;

    if (attack.file != -1)
        (void)!ftruncate(attack.file, length * part / 256);
    return true;
}

static bool stop(struct input *in)
{
    (void)in;
    on_stop(SIGTERM);
    return false;
}

static bool leave(struct input *in)
{
    (void)in;
    shutdown(attack.manager, SHUT_WR);
    return true;
}

static bool be_gone(struct input *in)
{
    (void)in;
    shutdown(attack.manager, SHUT_RDWR);
    return true;
}

static dialogue_other *const acts[] = {
    give_job, give_file, send_other, send_octets_of, shorten_file, stop, leave,
    be_gone,
};

static bool act(struct input *in)
{
    if (in->left == 0)
        return leave(in);
    return acts[input_octet(in) % COUNT(acts)](in);
}

/* --- A run. --- */

/* In the place of libc's: the one connection is the dialogue's. */
int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int type = 0;
    socklen_t size = sizeof type;

    (void)address;
    (void)length;
    PROMISE(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0);
    if (type != SOCK_STREAM)            /* is there a route? */
        return 0;
    if (attack.refuses || attack.connected) {
        errno = ECONNREFUSED;
        return -1;
    }
    attack.connected = true;
    PROMISE(dup2(dialogue.client, fd) == fd);
    close(dialogue.client);
    dialogue.client = fd;
    return 0;
}

static void set_up(struct input in, unsigned options)
{
    int ends[2];

    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       0, ends) == 0);
    attack = (struct attack){ .manager = ends[0], .worker = ends[1],
                              .file = -1,
                              .refuses = (options & REFUSED) != 0 };
    asked_to_stop = may_leave = 0;
    dialogue_start(in);
    dialogue.implicit = (options & WITH_TLS) != 0 && (options & IMPLICIT) != 0;
    dialogue.asks = SSL_VERIFY_PEER | (options & MUST_SHOW_ONE
                                       ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    dialogue.act = act;
    dialogue.other = attack.worker;
    /* What the manager sends before the worker runs. */
    while (dialogue.script.left > 1 && *dialogue.script.at == OTHER_ACTS) {
        input_octet(&dialogue.script);
        act(&dialogue.script);
    }
}

/* What was given back has not been sent, then or later; what was is known. */
static void check_sent(void)
{
    size_t begun = count_begun();
    PROMISE(attack.endings < 2 || begun == attack.begun);
    PROMISE(!attack.gave_up || begun == attack.begun_then);
    for (size_t i = 0; i < attack.count; i++)
        PROMISE(!attack.jobs[i].was_unsent || *attack.jobs[i].id == '\0' ||
                !was_sent(&attack.jobs[i], false));
    if (!attack.over)
        check_reported();
}

static void tear_down(void)
{
    if (!attack.connected)
        close(dialogue.client);
    dialogue_end();
    for (size_t i = 0; i < attack.count; i++)
        free(attack.jobs[i].content);
    io_close(&attack.file);
    close(attack.manager);
    close(attack.worker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned options = input_octet(&in);
    options |= input_octet(&in) << 8;
    unsigned how = options & (WITH_USER | WITH_CERTIFICATE)
                   ? input_octet(&in) : 0;
    struct smarthost smarthost;
    struct config config;
    struct oauth oauth;

    /* A server that knows the password need not be sent it. */
    if (size > INPUT_MAX || shows_login((const char *)data, size))
        return 0;
    configure(&config, &smarthost, &oauth, options, how);
    unsigned before = open_descriptors();
    set_up(in, options);
    int journal = options & WITHOUT_JOURNAL ? -1 : memory_file("", 0);
    PROMISE(worker_run(&config, &smarthost, attack.worker, journal) == EX_OK);
    if (!attack.unknown) {
        check_sent();
        check_login(&smarthost);
        check_senders(config.sender_count > 0 ? RULE_SENDER : NULL,
                      (options & SENDER_OF_NULL) != 0, attack.has_null);
    }
    io_close(&journal);
    tear_down();
    PROMISE(open_descriptors() == before);
    return 0;
}
