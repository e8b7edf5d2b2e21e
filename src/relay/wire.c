#include "relay/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"
#include "util/unix_socket.h"

#define TEXT_MAX 4096           /* of one string in a packet */
#define OUTCOMES_SIZE 49152     /* when a packet of outcomes is full enough */

void wire_free(struct packet *packet)
{
    io_close(&packet->fd);
    free(packet->recipients);
    if (packet->outcomes != NULL)
        for (size_t i = 0; i < packet->count; i++)
            outcome_free(&packet->outcomes[i].outcome);
    free(packet->outcomes);
    free(packet->peer);
    *packet = (struct packet){ .fd = -1 };
}

/* Numbers are eight octets in host order: both ends are one program. */
static void put_number(struct buf *out, uint64_t number)
{
    buf_add(out, &number, sizeof number);
}

static void put_text(struct buf *out, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);

    if (length > TEXT_MAX)
        length = TEXT_MAX;
    put_number(out, length);
    buf_add(out, text, length);
}

struct cursor {
    const char *data;
    size_t rest;
    bool right;             /* nothing was missing so far */
};

static uint64_t get_number(struct cursor *in, uint64_t max)
{
    uint64_t number = 0;

    if (in->rest < sizeof number) {
        in->right = false;
        return 0;
    }
    memcpy(&number, in->data, sizeof number);
    in->data += sizeof number;
    in->rest -= sizeof number;
    if (number <= max)
        return number;
    in->right = false;
    return 0;
}

/* One line without control characters, or the other side cheats. */
static char *get_text(struct cursor *in)
{
    size_t length = (size_t)get_number(in, TEXT_MAX);

    if (length > in->rest || text_has_control(in->data, length)) {
        in->right = false;
        length = 0;
    }
    char *text = alloc_bytes(in->data, length);
    in->data += length;
    in->rest -= length;
    return text;
}

static void put_outcome(struct buf *out, const struct wire_outcome *one)
{
    put_number(out, one->index);
    put_number(out, one->outcome.kind);
    put_number(out, one->outcome.stage);
    put_number(out, one->outcome.fault);
    put_number(out, one->outcome.from_reply);
    put_number(out, one->outcome.uncertain);
    put_number(out, one->outcome.wants_login);
    put_number(out, one->dsn_passed_on);
    put_text(out, one->outcome.status);
    put_text(out, one->outcome.text);
}

static void get_outcome(struct cursor *in, struct wire_outcome *one)
{
    struct outcome *outcome = &one->outcome;

    one->index = (size_t)get_number(in, SIZE_MAX);
    outcome->kind = (enum outcome_kind)get_number(in, OUTCOME_FAILED);
    outcome->stage = (enum outcome_stage)get_number(in, STAGE_LOCAL);
    outcome->fault = (enum fault)get_number(in, FAULT_LAST);
    outcome->from_reply = get_number(in, 1) != 0;
    outcome->uncertain = get_number(in, 1) != 0;
    outcome->wants_login = get_number(in, 1) != 0;
    one->dsn_passed_on = get_number(in, 1) != 0;
    char *status = get_text(in);
    size_t length = strlen(status);
    if (length == 0 || length >= sizeof outcome->status)
        in->right = false;
    else
        memcpy(outcome->status, status, length + 1);
    free(status);
    outcome->text = get_text(in);
}

static bool send_datagram(int socket, const struct buf *data, int fd,
                          struct error *err)
{
    if (pass_send(socket, data->data, data->length, &fd, fd != -1))
        return true;
    bool later = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ||
                 errno == ETOOMANYREFS;
    return error_sys(err, later ? FAULT_TEMPORARY : FAULT_IO,
                     "hand over to the other process");
}

static void put_head(struct buf *out, const struct packet *packet)
{
    buf_clear(out);
    put_number(out, packet->kind);
    put_number(out, packet->job);
    put_number(out, packet->uid);
    put_text(out, packet->peer);
}

/* As many of the outcomes that have not gone yet as fit into this size, but
 * one at least; how many that are. */
static size_t put_outcomes(struct buf *out, const struct packet *packet,
                           size_t size)
{
    const struct wire_outcome *first = packet->outcomes + packet->sent;
    size_t count = 0;
    struct buf body;

    buf_init(&body, WIRE_SIZE_MAX);
    while (packet->sent + count < packet->count && body.length < size)
        put_outcome(&body, &first[count++]);
    put_number(out, count);
    buf_add(out, body.data, body.length);
    buf_free(&body);
    return count;
}

/* What has gone stays gone when the socket takes no more: another call goes on
 * from there. A socket with a small buffer wants small datagrams. */
static bool send_outcomes(int socket, struct packet *packet, struct buf *data,
                          struct error *err)
{
    size_t size = OUTCOMES_SIZE;

    while (packet->sent < packet->count) {
        put_head(data, packet);
        size_t count = put_outcomes(data, packet, size);
        if (send_datagram(socket, data, -1, err))
            packet->sent += count;
        else if (errno == EMSGSIZE && count > 1)
            size /= 2;
        else
            return false;
    }
    return true;
}

static void put_distrust(struct buf *out, const struct distrust *distrust)
{
    put_number(out, distrust->extensions);
    put_number(out, distrust->hello);
    put_number(out, (uint64_t)distrust->until);
    put_number(out, distrust->changes);
}

static void get_distrust(struct cursor *in, struct distrust *distrust)
{
    distrust->extensions = (unsigned)get_number(in, UINT16_MAX);
    distrust->hello = (uint32_t)get_number(in, UINT32_MAX);
    distrust->until = (int64_t)get_number(in, INT64_MAX);
    distrust->changes = (unsigned)get_number(in, UINT16_MAX);
}

bool wire_send(int socket, struct packet *packet, struct error *err)
{
    struct buf data;
    bool sent;

    buf_init(&data, WIRE_SIZE_MAX);
    put_head(&data, packet);
    if (packet->kind == WIRE_JOB) {
        put_number(&data, packet->count);
        for (size_t i = 0; i < packet->count; i++)
            put_number(&data, packet->recipients[i]);
    } else if (packet->kind == WIRE_CLOSED) {
        put_number(&data, packet->error.fault);
        put_text(&data, packet->error.text);
    } else if (packet->kind == WIRE_DISTRUST) {
        put_distrust(&data, &packet->distrust);
    }
    if (packet->kind == WIRE_OUTCOMES)
        sent = send_outcomes(socket, packet, &data, err);
    else
        sent = send_datagram(socket, &data, packet->kind == WIRE_JOB
                                            ? packet->fd : -1, err);
    buf_free(&data);
    return sent;
}

static void get_recipients(struct cursor *in, struct packet *packet)
{
    packet->count = (size_t)get_number(in, WIRE_RECIPIENTS_MAX);
    packet->recipients = alloc_zero(packet->count, sizeof(size_t));
    for (size_t i = 0; in->right && i < packet->count; i++)
        packet->recipients[i] = (size_t)get_number(in, SIZE_MAX);
    in->right = in->right && packet->count > 0 && packet->fd != -1;
}

static void get_outcomes(struct cursor *in, struct packet *packet)
{
    size_t count = (size_t)get_number(in, WIRE_SIZE_MAX);

    packet->outcomes = alloc_zero(count, sizeof *packet->outcomes);
    while (in->right && packet->count < count)
        get_outcome(in, &packet->outcomes[packet->count++]);
}

static void get_error(struct cursor *in, struct packet *packet)
{
    enum fault fault = (enum fault)get_number(in, FAULT_LAST);
    char *text = get_text(in);

    error_set(&packet->error, fault, "%s", text);
    free(text);
}

static bool parse(struct packet *packet, struct cursor *in)
{
    packet->kind = (enum wire_kind)get_number(in, WIRE_RETURNED);
    packet->job = get_number(in, UINT64_MAX);
    packet->uid = (uid_t)get_number(in, UINT32_MAX);
    packet->peer = get_text(in);
    if (packet->kind == WIRE_JOB)
        get_recipients(in, packet);
    else if (packet->kind == WIRE_OUTCOMES)
        get_outcomes(in, packet);
    else if (packet->kind == WIRE_CLOSED)
        get_error(in, packet);
    else if (packet->kind == WIRE_DISTRUST)
        get_distrust(in, &packet->distrust);
    return in->right && in->rest == 0;
}

int wire_receive(int socket, struct packet *packet, struct error *err)
{
    char *data = alloc_resize(NULL, WIRE_SIZE_MAX, 1);
    size_t count;
    int result = 1;

    *packet = (struct packet){ .fd = -1 };
    ssize_t length = pass_receive(socket, data, WIRE_SIZE_MAX, &packet->fd,
                                  1, &count);
    if (length == 0) {
        result = 0;
    } else if (length == -1) {
        error_sys(err, FAULT_TEMPORARY, "hear from the other process");
        result = -1;
    } else {
        struct cursor in = { data, (size_t)length, true };
        if (!parse(packet, &in)) {
            error_set(err, FAULT_PROTOCOL, "the other process talks nonsense");
            wire_free(packet);
            result = -1;
        }
    }
    free(data);
    return result;
}
