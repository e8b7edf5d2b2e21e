/*
 * A packet from another process of the daemon, which may have been taken over.
 * The first octet says from which, and how many descriptors come with it. What
 * is parsed is within its bounds, is of a kind that this party may send, and is
 * sent on as the same; no descriptor is left behind.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fuzz.h"
#include "relay/wire.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"
#include "util/unix_socket.h"

static const enum wire_party parties[] = { WIRE_MANAGER, WIRE_WORKER,
                                           WIRE_LAUNCHER };

static void check_text(const char *text)
{
    PROMISE(text == NULL || !text_has_control(text, strlen(text)));
}

/* The header of wire.h: who may send what. */
static bool may_send(enum wire_party party, enum wire_kind kind)
{
    switch (kind) {
    case WIRE_OPENED:
    case WIRE_DISTRUST:
    case WIRE_LIMIT:
        return party != WIRE_LAUNCHER;
    case WIRE_CLOSED:
    case WIRE_OUTCOMES:
    case WIRE_RETURNED:
    case WIRE_DONE:
        return party == WIRE_WORKER;
    case WIRE_STARTED:
    case WIRE_ENDED:
        return party == WIRE_LAUNCHER;
    default:
        return party == WIRE_MANAGER;
    }
}

static void check_outcome(const struct wire_outcome *one)
{
    const struct outcome *outcome = &one->outcome;

    PROMISE(outcome->kind <= OUTCOME_FAILED && outcome->stage <= STAGE_LOCAL);
    PROMISE(outcome->fault <= FAULT_LAST);
    PROMISE(outcome->code >= 0 && outcome->code <= 599);
    PROMISE(*outcome->status != '\0');
    PROMISE(strnlen(outcome->status, sizeof outcome->status) <
            sizeof outcome->status);
    PROMISE(outcome->text != NULL);
    check_text(outcome->status);
    check_text(outcome->text);
    check_text(outcome->remedy);
}

static void check_packet(const struct packet *packet, enum wire_party party)
{
    PROMISE(packet->kind < WIRE_KINDS && may_send(party, packet->kind));
    PROMISE((packet->fd != -1) == (packet->kind == WIRE_JOB ||
                                   packet->kind == WIRE_START_WORKER ||
                                   packet->kind == WIRE_START_SERVER));
    PROMISE(packet->kind == WIRE_JOB ||
            (packet->journal != -1) == (packet->kind == WIRE_START_WORKER));
    PROMISE(packet->kind != WIRE_JOB || (packet->count > 0 &&
            packet->count <= WIRE_RECIPIENTS_MAX));
    check_text(packet->peer);
    check_text(packet->token);
    check_text(packet->remark);
    for (size_t i = 0; packet->kind == WIRE_OUTCOMES && i < packet->count; i++)
        check_outcome(&packet->outcomes[i]);
    if (packet->kind != WIRE_CLOSED)
        return;
    PROMISE(packet->error.fault <= FAULT_LAST &&
            packet->error.reach <= REACH_REPLY);
    check_text(packet->error.text);
    check_text(packet->error.file);
    PROMISE(packet->token == NULL || *packet->token != '\0');
}

static void make_pair(int ends[2])
{
    int size = 4 * WIRE_SIZE_MAX;

    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       0, ends) == 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* What is sent of a packet: an array of *length octets. */
static char *send_on(struct packet *packet, size_t *length)
{
    char *data = alloc_resize(NULL, WIRE_SIZE_MAX, 1);
    struct passed passed = { .wanted = 2, .fds = { -1, -1 } };
    int ends[2];
    struct error err;

    make_pair(ends);
    packet->sent = 0;
    PROMISE(wire_send(ends[0], packet, &err) ||
            (packet->kind == WIRE_OUTCOMES && packet->sent > 0));
    ssize_t done = pass_receive(ends[1], data, WIRE_SIZE_MAX, &passed);
    PROMISE(done > 0 || (packet->kind == WIRE_OUTCOMES && packet->count == 0));
    *length = done > 0 ? (size_t)done : 0;
    io_close(&passed.fds[0]);
    io_close(&passed.fds[1]);
    close(ends[0]);
    close(ends[1]);
    return data;
}

static int receive(enum wire_party party, const char *data, size_t length,
                   size_t descriptors, struct packet *packet)
{
    const int fds[] = { STDERR_FILENO, STDERR_FILENO };
    struct error err = { 0 };
    int ends[2];

    make_pair(ends);
    if (!pass_send(ends[0], data, length, fds, descriptors)) {
        close(ends[0]);
        close(ends[1]);
        return 0;
    }
    int received = wire_receive(ends[1], party, packet, &err);
    PROMISE(received != -1 || err.fault == FAULT_PROTOCOL);
    close(ends[0]);
    close(ends[1]);
    return received;
}

/* Does it go on in one datagram? */
static bool goes_on_whole(const struct packet *packet, size_t size)
{
    return packet->kind != WIRE_OUTCOMES ||
           (packet->count > 0 && size < WIRE_SIZE_MAX / 2);
}

/* Sent on it is the same, but for the texts of an error, which are shown as
 * such; and received and sent on again. */
static void check_again(struct packet *packet, enum wire_party party,
                        size_t descriptors, const uint8_t *first, size_t size)
{
    size_t length, again_length;
    struct packet again;

    char *data = send_on(packet, &length);
    PROMISE(!goes_on_whole(packet, size) || packet->kind == WIRE_CLOSED ||
            (length == size && memcmp(data, first, length) == 0));
    if (length > 0) {
        PROMISE(receive(party, data, length, descriptors, &again) == 1);
        PROMISE(again.kind == packet->kind && again.job == packet->job &&
                again.count <= packet->count);
        char *same = send_on(&again, &again_length);
        PROMISE(again_length == length && memcmp(data, same, length) == 0);
        free(same);
        wire_free(&again);
    }
    free(data);
}

/* The lowest descriptor that is free. */
static int free_descriptor(void)
{
    int fd = dup(STDERR_FILENO);

    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet packet;

    if (size < 2 || size > WIRE_SIZE_MAX + 1)
        return 0;
    enum wire_party party = parties[data[0] % 3];
    size_t descriptors = data[0] / 3 % 3;
    int before = free_descriptor();
    if (receive(party, (const char *)data + 1, size - 1, descriptors,
                &packet) == 1) {
        check_packet(&packet, party);
        check_again(&packet, party, descriptors, data + 1, size - 1);
        wire_free(&packet);
    }
    PROMISE(free_descriptor() == before);
    return 0;
}
