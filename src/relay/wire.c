#include "relay/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/pass.h"
#include "util/text.h"

#define TEXT_MAX 4096           /* of one string in a parcel */
#define OUTCOMES_SIZE 49152     /* when a parcel of outcomes is full enough */

void parcel_free(struct parcel *parcel)
{
    io_close(&parcel->fd);
    free(parcel->recipients);
    if (parcel->outcomes != NULL)
        for (size_t i = 0; i < parcel->count; i++)
            outcome_free(&parcel->outcomes[i].outcome);
    free(parcel->outcomes);
    free(parcel->peer);
    *parcel = (struct parcel){ .fd = -1 };
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

static void put_outcome(struct buf *out, const struct parcel_outcome *one)
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

static void get_outcome(struct cursor *in, struct parcel_outcome *one)
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

static void put_head(struct buf *out, const struct parcel *parcel)
{
    buf_clear(out);
    put_number(out, parcel->kind);
    put_number(out, parcel->job);
    put_number(out, parcel->uid);
    put_text(out, parcel->peer);
}

/* As many of the outcomes that have not gone yet as fit into this size, but
 * one at least; how many that are. */
static size_t put_outcomes(struct buf *out, const struct parcel *parcel,
                           size_t size)
{
    const struct parcel_outcome *first = parcel->outcomes + parcel->sent;
    size_t count = 0;
    struct buf body;

    buf_init(&body, PARCEL_SIZE_MAX);
    while (parcel->sent + count < parcel->count && body.length < size)
        put_outcome(&body, &first[count++]);
    put_number(out, count);
    buf_add(out, body.data, body.length);
    buf_free(&body);
    return count;
}

/* What has gone stays gone when the socket takes no more: another call goes on
 * from there. A socket with a small buffer wants small datagrams. */
static bool send_outcomes(int socket, struct parcel *parcel, struct buf *data,
                          struct error *err)
{
    size_t size = OUTCOMES_SIZE;

    while (parcel->sent < parcel->count) {
        put_head(data, parcel);
        size_t count = put_outcomes(data, parcel, size);
        if (send_datagram(socket, data, -1, err))
            parcel->sent += count;
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

bool parcel_send(int socket, struct parcel *parcel, struct error *err)
{
    struct buf data;
    bool sent;

    buf_init(&data, PARCEL_SIZE_MAX);
    put_head(&data, parcel);
    if (parcel->kind == PARCEL_JOB) {
        put_number(&data, parcel->count);
        for (size_t i = 0; i < parcel->count; i++)
            put_number(&data, parcel->recipients[i]);
    } else if (parcel->kind == PARCEL_CLOSED) {
        put_number(&data, parcel->error.fault);
        put_text(&data, parcel->error.text);
    } else if (parcel->kind == PARCEL_DISTRUST) {
        put_distrust(&data, &parcel->distrust);
    }
    if (parcel->kind == PARCEL_OUTCOMES)
        sent = send_outcomes(socket, parcel, &data, err);
    else
        sent = send_datagram(socket, &data, parcel->kind == PARCEL_JOB
                                            ? parcel->fd : -1, err);
    buf_free(&data);
    return sent;
}

static void get_recipients(struct cursor *in, struct parcel *parcel)
{
    parcel->count = (size_t)get_number(in, PARCEL_RECIPIENTS_MAX);
    parcel->recipients = alloc_zero(parcel->count, sizeof(size_t));
    for (size_t i = 0; in->right && i < parcel->count; i++)
        parcel->recipients[i] = (size_t)get_number(in, SIZE_MAX);
    in->right = in->right && parcel->count > 0 && parcel->fd != -1;
}

static void get_outcomes(struct cursor *in, struct parcel *parcel)
{
    size_t count = (size_t)get_number(in, PARCEL_SIZE_MAX);

    parcel->outcomes = alloc_zero(count, sizeof *parcel->outcomes);
    while (in->right && parcel->count < count)
        get_outcome(in, &parcel->outcomes[parcel->count++]);
}

static void get_error(struct cursor *in, struct parcel *parcel)
{
    enum fault fault = (enum fault)get_number(in, FAULT_LAST);
    char *text = get_text(in);

    error_set(&parcel->error, fault, "%s", text);
    free(text);
}

static bool parse(struct parcel *parcel, struct cursor *in)
{
    parcel->kind = (enum parcel_kind)get_number(in, PARCEL_RETURNED);
    parcel->job = get_number(in, UINT64_MAX);
    parcel->uid = (uid_t)get_number(in, UINT32_MAX);
    parcel->peer = get_text(in);
    if (parcel->kind == PARCEL_JOB)
        get_recipients(in, parcel);
    else if (parcel->kind == PARCEL_OUTCOMES)
        get_outcomes(in, parcel);
    else if (parcel->kind == PARCEL_CLOSED)
        get_error(in, parcel);
    else if (parcel->kind == PARCEL_DISTRUST)
        get_distrust(in, &parcel->distrust);
    return in->right && in->rest == 0;
}

int parcel_receive(int socket, struct parcel *parcel, struct error *err)
{
    char *data = alloc_resize(NULL, PARCEL_SIZE_MAX, 1);
    size_t count;
    int result = 1;

    *parcel = (struct parcel){ .fd = -1 };
    ssize_t length = pass_receive(socket, data, PARCEL_SIZE_MAX, &parcel->fd,
                                  1, &count);
    if (length == 0) {
        result = 0;
    } else if (length == -1) {
        error_sys(err, FAULT_TEMPORARY, "hear from the other process");
        result = -1;
    } else {
        struct cursor in = { data, (size_t)length, true };
        if (!parse(parcel, &in)) {
            error_set(err, FAULT_PROTOCOL, "the other process talks nonsense");
            parcel_free(parcel);
            result = -1;
        }
    }
    free(data);
    return result;
}
