#include "relay/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"
#include "util/unix_socket.h"

#define TEXT_MAX 4096           /* of one string in a packet */
#define OUTCOMES_SIZE 49152     /* when a packet of outcomes is full enough */

struct packet wire_packet(enum wire_kind kind)
{
    return (struct packet){ .kind = kind, .fd = -1, .journal = -1 };
}

void wire_free(struct packet *packet)
{
    io_close(&packet->fd);
    io_close(&packet->journal);
    free(packet->recipients);
    if (packet->outcomes != NULL)
        for (size_t i = 0; i < packet->count; i++)
            outcome_free(&packet->outcomes[i].outcome);
    free(packet->outcomes);
    free(packet->peer);
    free(packet->token);
    free(packet->remark);
    *packet = wire_packet(packet->kind);
}

/*
 * Composes a packet, or parses one: what a kind consists of is written once for
 * both. A function of a field takes the value that is to be sent, and returns
 * the value that the packet has.
 */
struct coder {
    struct buf *out;            /* composed here; NULL when parsing */
    size_t size;                /* octets of outcomes in a datagram, about */
    size_t composed;            /* outcomes that have come into this one */
    const char *data;           /* the rest to be parsed */
    size_t rest;
    bool right;                 /* nothing was missing or wrong so far */
};

/* Eight octets in host order: both ends are one program. */
static uint64_t number(struct coder *coder, uint64_t value, uint64_t max)
{
    if (coder->out != NULL) {
        buf_add(coder->out, &value, sizeof value);
        return value;
    }
    if (coder->rest < sizeof value) {
        coder->right = false;
        return 0;
    }
    memcpy(&value, coder->data, sizeof value);
    coder->data += sizeof value;
    coder->rest -= sizeof value;
    if (value <= max)
        return value;
    coder->right = false;
    return 0;
}

static bool flag(struct coder *coder, bool value)
{
    return number(coder, value, 1) != 0;
}

/* One line; a control character in it breaks the protocol. The caller frees
 * what is parsed. */
static char *text(struct coder *coder, char *value)
{
    size_t length = value == NULL ? 0 : strnlen(value, TEXT_MAX);

    length = (size_t)number(coder, length, TEXT_MAX);
    if (coder->out != NULL) {
        buf_add(coder->out, value, length);
        return value;
    }
    if (length > coder->rest || text_has_control(coder->data, length)) {
        coder->right = false;
        length = 0;
    }
    value = alloc_bytes(coder->data, length);
    coder->data += length;
    coder->rest -= length;
    return value;
}

/* The same for one that has a place of so many octets, and is not empty. */
static void short_text(struct coder *coder, char *value, size_t size)
{
    char *parsed = text(coder, value);

    if (coder->out != NULL)
        return;
    size_t length = strlen(parsed);
    if (length == 0 || length >= size)
        coder->right = false;
    else
        memcpy(value, parsed, length + 1);
    free(parsed);
}

/* The same for one that may be missing: NULL, and empty in the packet. */
static char *optional_text(struct coder *coder, char *value)
{
    value = text(coder, value);
    if (coder->out != NULL || *value != '\0')
        return value;
    free(value);
    return NULL;
}

static void opened_fields(struct coder *coder, struct packet *packet)
{
    packet->peer = text(coder, packet->peer);
    packet->certificate_end =
        (int64_t)number(coder, (uint64_t)packet->certificate_end, INT64_MAX);
}

static void distrust_fields(struct coder *coder, struct packet *packet)
{
    struct distrust *distrust = &packet->distrust;

    distrust->extensions =
        (unsigned)number(coder, distrust->extensions, UINT16_MAX);
    distrust->hello = (uint32_t)number(coder, distrust->hello, UINT32_MAX);
    distrust->until =
        (int64_t)number(coder, (uint64_t)distrust->until, INT64_MAX);
    distrust->changes = (unsigned)number(coder, distrust->changes, UINT16_MAX);
}

static void closed_fields(struct coder *coder, struct packet *packet)
{
    struct error *error = &packet->error;
    enum fault fault = (enum fault)number(coder, error->fault, FAULT_LAST);
    enum reach reach = (enum reach)number(coder, error->reach, REACH_REPLY);
    unsigned line = (unsigned)number(coder, error->line, UINT_MAX);
    char *file = optional_text(coder, error->file);
    char *what = text(coder, error->what);
    char *remedy = optional_text(coder, error->remedy);

    packet->token = optional_text(coder, packet->token);
    if (coder->out != NULL)
        return;
    error_set(error, fault, "%s", what);
    if (file != NULL)
        error_at(error, file, line);
    if (remedy != NULL)
        error_remedy(error, "%s", remedy);
    error->reach = reach;
    free(file);
    free(what);
    free(remedy);
}

static void token_field(struct coder *coder, struct packet *packet)
{
    packet->token = text(coder, packet->token);
}

static void outcome_fields(struct coder *coder, struct wire_outcome *one)
{
    struct outcome *outcome = &one->outcome;

    one->index = (size_t)number(coder, one->index, SIZE_MAX);
    outcome->kind =
        (enum outcome_kind)number(coder, outcome->kind, OUTCOME_FAILED);
    outcome->stage =
        (enum outcome_stage)number(coder, outcome->stage, STAGE_LOCAL);
    outcome->fault = (enum fault)number(coder, outcome->fault, FAULT_LAST);
    outcome->code = (int)number(coder, (uint64_t)outcome->code, 599);
    outcome->uncertain = flag(coder, outcome->uncertain);
    outcome->wants_login = flag(coder, outcome->wants_login);
    one->dsn_passed_on = flag(coder, one->dsn_passed_on);
    short_text(coder, outcome->status, sizeof outcome->status);
    outcome->text = text(coder, outcome->text);
    outcome->remedy = optional_text(coder, outcome->remedy);
}

/* As many of the outcomes that have not gone yet as fit, but one at least. */
static void compose_outcomes(struct coder *coder, const struct packet *packet)
{
    struct wire_outcome *first = packet->outcomes + packet->sent;
    size_t count = packet->count - packet->sent;
    size_t place = coder->out->length;

    number(coder, 0, 0);
    coder->composed = 0;
    while (coder->composed < count &&
           coder->out->length < place + coder->size)
        outcome_fields(coder, &first[coder->composed++]);
    uint64_t composed = coder->composed;
    memcpy(coder->out->data + place, &composed, sizeof composed);
}

static void outcomes_fields(struct coder *coder, struct packet *packet)
{
    packet->job = number(coder, packet->job, UINT64_MAX);
    packet->peer = text(coder, packet->peer);
    if (coder->out != NULL) {
        compose_outcomes(coder, packet);
        return;
    }
    size_t count = (size_t)number(coder, 0, WIRE_SIZE_MAX);
    packet->outcomes = alloc_zero(count, sizeof *packet->outcomes);
    while (coder->right && packet->count < count)
        outcome_fields(coder, &packet->outcomes[packet->count++]);
}

static void job_field(struct coder *coder, struct packet *packet)
{
    packet->job = number(coder, packet->job, UINT64_MAX);
}

static void returned_fields(struct coder *coder, struct packet *packet)
{
    packet->job = number(coder, packet->job, UINT64_MAX);
    packet->refused = flag(coder, packet->refused);
}

static void limit_fields(struct coder *coder, struct packet *packet)
{
    packet->limit = (unsigned)number(coder, packet->limit, UINT32_MAX);
    packet->sure = flag(coder, packet->sure);
}

static void job_fields(struct coder *coder, struct packet *packet)
{
    packet->job = number(coder, packet->job, UINT64_MAX);
    packet->uid = (uid_t)number(coder, packet->uid, UINT32_MAX);
    packet->final = flag(coder, packet->final);
    packet->count = (size_t)number(coder, packet->count, WIRE_RECIPIENTS_MAX);
    if (coder->out == NULL)
        packet->recipients = alloc_zero(packet->count, sizeof(size_t));
    /* Those of a job that is given are its owner's. */
    for (size_t i = 0; coder->right && i < packet->count; i++) {
        uint64_t index = number(coder, packet->recipients[i], SIZE_MAX);
        if (coder->out == NULL)
            packet->recipients[i] = (size_t)index;
    }
    coder->right = coder->right && packet->count > 0;
}

static void count_field(struct coder *coder, struct packet *packet)
{
    packet->count = (size_t)number(coder, packet->count, UINT32_MAX);
}

static void smarthost_field(struct coder *coder, struct packet *packet)
{
    packet->smarthost = (size_t)number(coder, packet->smarthost, SIZE_MAX);
}

static void server_fields(struct coder *coder, struct packet *packet)
{
    packet->uid = (uid_t)number(coder, packet->uid, UINT32_MAX);
    packet->impatient = flag(coder, packet->impatient);
}

static void process_fields(struct coder *coder, struct packet *packet)
{
    packet->pid = (pid_t)number(coder, (uint64_t)packet->pid, INT32_MAX);
    packet->value = (int)number(coder, (uint64_t)packet->value, INT32_MAX);
}

static void notice_fields(struct coder *coder, struct packet *packet)
{
    packet->notice =
        (enum notice)number(coder, packet->notice, NOTICE_STOPPING);
    packet->queued = number(coder, packet->queued, UINT64_MAX);
    packet->delivered = number(coder, packet->delivered, UINT64_MAX);
    packet->remark = text(coder, packet->remark);
}

static void no_fields(struct coder *coder, struct packet *packet)
{
    (void)coder;
    (void)packet;
}

static const struct rule {
    unsigned from;              /* enum wire_party, or-ed */
    size_t least, most;         /* descriptors */
    void (*fields)(struct coder *coder, struct packet *packet);
} rules[WIRE_KINDS] = {
    [WIRE_OPENED]       = { WIRE_WORKER | WIRE_MANAGER, 0, 0, opened_fields },
    [WIRE_DISTRUST]     = { WIRE_WORKER | WIRE_MANAGER, 0, 0, distrust_fields },
    [WIRE_CLOSED]       = { WIRE_WORKER, 0, 0, closed_fields },
    [WIRE_OUTCOMES]     = { WIRE_WORKER, 0, 0, outcomes_fields },
    [WIRE_RETURNED]     = { WIRE_WORKER, 0, 0, returned_fields },
    [WIRE_LIMIT]        = { WIRE_WORKER | WIRE_MANAGER, 0, 0, limit_fields },
    [WIRE_DONE]         = { WIRE_WORKER, 0, 0, job_field },
    [WIRE_JOB]          = { WIRE_MANAGER, 1, 2, job_fields },
    [WIRE_RECALL]       = { WIRE_MANAGER, 0, 0, no_fields },
    [WIRE_REFUSED]      = { WIRE_MANAGER, 0, 0, token_field },
    [WIRE_START_WORKER] = { WIRE_MANAGER, 2, 2, smarthost_field },
    [WIRE_START_SERVER] = { WIRE_MANAGER, 1, 1, server_fields },
    [WIRE_SIGNAL]       = { WIRE_MANAGER, 0, 0, process_fields },
    [WIRE_NOTICE]       = { WIRE_MANAGER, 0, 0, notice_fields },
    [WIRE_RELOAD]       = { WIRE_MANAGER, 0, 0, no_fields },
    [WIRE_STARTED]      = { WIRE_LAUNCHER, 0, 0, process_fields },
    [WIRE_ENDED]        = { WIRE_LAUNCHER, 0, 0, process_fields },
    [WIRE_SILENT]       = { WIRE_MANAGER, 0, 0, count_field },
};

static void compose(struct coder *coder, struct packet *packet)
{
    buf_clear(coder->out);
    number(coder, packet->kind, WIRE_KINDS);
    rules[packet->kind].fields(coder, packet);
}

static bool send_datagram(int socket, const struct buf *data,
                          const struct packet *packet, struct error *err)
{
    const struct rule *rule = &rules[packet->kind];
    const int fds[] = { packet->fd, packet->journal };

    if (pass_send(socket, data->data, data->length, fds,
                  packet->journal == -1 ? rule->least : rule->most))
        return true;
    bool later = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ||
                 errno == ETOOMANYREFS;
    return error_sys(err, later ? FAULT_TEMPORARY : FAULT_IO,
                     "hand over to the other process");
}

/* Outcomes that have gone stay gone when the socket takes no more: another call
 * goes on from there. A socket with a small buffer wants small datagrams. */
static bool send_outcomes(int socket, struct packet *packet,
                          struct coder *coder, struct error *err)
{
    while (packet->sent < packet->count) {
        compose(coder, packet);
        if (send_datagram(socket, coder->out, packet, err))
            packet->sent += coder->composed;
        else if (errno == EMSGSIZE && coder->composed > 1)
            coder->size /= 2;
        else
            return false;
    }
    return true;
}

bool wire_send(int socket, struct packet *packet, struct error *err)
{
    struct buf data;
    struct coder coder = { .out = &data, .size = OUTCOMES_SIZE,
                           .right = true };
    bool sent;

    buf_init(&data, WIRE_SIZE_MAX);
    if (packet->kind == WIRE_OUTCOMES) {
        sent = send_outcomes(socket, packet, &coder, err);
    } else {
        compose(&coder, packet);
        sent = send_datagram(socket, &data, packet, err);
    }
    buf_free(&data);
    return sent;
}

static bool parse(struct coder *coder, enum wire_party from,
                  struct packet *packet, size_t descriptors)
{
    packet->kind = (enum wire_kind)number(coder, 0, WIRE_KINDS - 1);
    const struct rule *rule = &rules[packet->kind];

    if (!coder->right || (rule->from & (unsigned)from) == 0 ||
        descriptors < rule->least || descriptors > rule->most)
        return false;
    rule->fields(coder, packet);
    return coder->right && coder->rest == 0;
}

int wire_receive(int socket, enum wire_party from, struct packet *packet,
                 struct error *err)
{
    char *data = alloc_resize(NULL, WIRE_SIZE_MAX, 1);
    struct passed passed = { .wanted = 2, .fds = { -1, -1 } };
    int result = 1;

    ssize_t length = pass_receive(socket, data, WIRE_SIZE_MAX, &passed);
    *packet = wire_packet(WIRE_DONE);
    packet->fd = passed.fds[0];
    packet->journal = passed.fds[1];
    if (length == 0) {
        result = 0;
    } else if (length == -1) {
        error_sys(err, FAULT_TEMPORARY, "receive from the other process");
        result = -1;
    } else {
        struct coder coder = { .data = data, .rest = (size_t)length,
                               .right = true };
        if (!parse(&coder, from, packet, passed.count)) {
            error_set(err, FAULT_PROTOCOL, "malformed packet from the other "
                      "process");
            wire_free(packet);
            result = -1;
        }
    }
    free(data);
    return result;
}
