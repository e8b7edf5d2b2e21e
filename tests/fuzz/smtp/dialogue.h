/*
 * dialogue.h - a server that sends what an input has, while the client waits
 *
 * The input is in pieces; the server sends the next one when the client waits
 * for it:
 *   01  ends a piece            02  a silence: the client waits in vain
 *   03  it takes nothing more   04  stands for the last line that it was sent
 *   05  TLS begins, if that was asked for last; or before all else, if the
 *       client begins with it
 *   06  another party acts, if there is one; what follows is for that
 * At the end of the input it closes the connection.
 *
 * Client and server are one thread, so that a run is always the same: poll()
 * below is where the client waits. A fuzzer is one file, which includes this.
 */
#ifndef POSTRIDER_TESTS_FUZZ_SMTP_DIALOGUE_H
#define POSTRIDER_TESTS_FUZZ_SMTP_DIALOGUE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "../../unit/net/tls_peer.h"
#include "../input.h"
#include "util/buf.h"

enum dialogue_octet {
    END_OF_PIECE = 1, SILENCE, DEAF, LAST_LINE, BEGIN_TLS, OTHER_ACTS
};

/* Takes from the input what it needs; at the end of that, it is over. False: a
 * signal interrupts the wait. */
typedef bool dialogue_other(struct input *script);

static struct dialogue {
    int fd;                     /* the server's end; -1: there is none */
    int client;                 /* the other one */
    SSL *tls;                   /* NULL: in the clear */
    bool implicit;              /* the client begins with TLS */
    int asks;                   /* SSL_VERIFY_...: for a certificate of the
                                 * client's; any will do */
    dialogue_other *act;        /* NULL: there is no other party */
    int other;                  /* where it is waited for */
    struct input script;
    struct buf in_clear;        /* all that the client has sent, if TLS was
                                 * begun or should have been, */
    struct buf heard;           /* ... and within TLS; or all, in the clear */
    struct buf said;            /* by the server, in all; */
    size_t said_in_clear;       /* so much of it before TLS was begun */
    size_t said_after;          /* so much was heard when it spoke last */
} dialogue = { .fd = -1 };

static inline void without_tickets(SSL_CTX *context)
{
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

/* Made once. */
static inline const struct identity *dialogue_identity(void)
{
    static const struct recipe recipe = { "mx.example", NULL, -1, 1, false,
                                          NULL };
    static struct identity identity;

    if (identity.key == NULL)
        identity = make_identity(&recipe, NULL);
    return &identity;
}

/* Has the client asked for TLS, and sent nothing since? */
static inline bool wants_tls(void)
{
    static const char command[] = "STARTTLS\r\n";
    const size_t length = sizeof command - 1;
    const struct buf *heard = &dialogue.heard;

    return dialogue.tls == NULL && heard->length >= length &&
           memcmp(heard->data + heard->length - length, command, length) == 0;
}

static inline int take_any(int is_right, X509_STORE_CTX *chain)
{
    (void)is_right;
    (void)chain;
    return 1;
}

static inline void begin_tls(void)
{
    static SSL_CTX *context;
    const struct server server = { .identity = dialogue_identity(),
                                   .adjust = without_tickets };

    if (context == NULL)
        context = server_context(&server);
    dialogue.tls = SSL_new(context);
    SSL_set_fd(dialogue.tls, dialogue.fd);
    SSL_set_accept_state(dialogue.tls);
    SSL_set_verify(dialogue.tls, dialogue.asks, take_any);
    if (!dialogue.implicit) {
        buf_free(&dialogue.in_clear);
        dialogue.in_clear = dialogue.heard;
        buf_init(&dialogue.heard, SIZE_MAX);
    }
    dialogue.said_in_clear = dialogue.said.length;
    dialogue.said_after = 0;
}

/* The next octet of the input; END_OF_PIECE at its end. */
static inline unsigned next_octet(void)
{
    return dialogue.script.left > 0 ? (unsigned char)*dialogue.script.at
                                    : END_OF_PIECE;
}

/* A server with TLS from the first octet. */
static inline void begin_implicit(void)
{
    if (!dialogue.implicit || dialogue.tls != NULL ||
        dialogue.in_clear.length > 0 || next_octet() != BEGIN_TLS)
        return;
    input_octet(&dialogue.script);
    begin_tls();
}

static inline void hear(void)
{
    enum { PIECE = 65536 };
    struct buf *heard = dialogue.implicit && dialogue.tls == NULL
                        ? &dialogue.in_clear : &dialogue.heard;
    ssize_t length;

    do {
        char *to = buf_reserve(heard, PIECE);
        length = dialogue.tls != NULL
                 ? SSL_read(dialogue.tls, to, PIECE)
                 : recv(dialogue.fd, to, PIECE, MSG_DONTWAIT);
        heard->length += length > 0 ? (size_t)length : 0;
    } while (length > 0);
    heard->data[heard->length] = '\0';
    ERR_clear_error();
}

static inline void add_last_line(struct buf *out)
{
    const char *end = dialogue.heard.data + dialogue.heard.length;
    const char *start;

    while (end > dialogue.heard.data && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    for (start = end; start > dialogue.heard.data && start[-1] != '\n'; )
        start--;
    buf_add(out, start, (size_t)(end - start));
}

static inline void send_octets(const struct buf *out)
{
    if (out->length == 0)
        return;
    if (dialogue.tls != NULL && SSL_is_init_finished(dialogue.tls))
        (void)SSL_write(dialogue.tls, out->data, (int)out->length);
    else
        (void)!send(dialogue.fd, out->data, out->length,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_add(&dialogue.said, out->data, out->length);
    dialogue.said_after = dialogue.heard.length;
    ERR_clear_error();
}

static inline bool is_sent(unsigned octet)
{
    return octet > OTHER_ACTS || (octet == OTHER_ACTS && dialogue.act == NULL);
}

/* Send the next piece. What has ended it; 0: the input. */
static inline unsigned send_piece(void)
{
    struct buf out;
    unsigned ended_by = 0;

    buf_init(&out, SIZE_MAX);
    while (dialogue.script.left > 0) {
        unsigned octet = input_octet(&dialogue.script);
        if (is_sent(octet)) {
            buf_add_char(&out, (char)octet);
        } else if (octet == LAST_LINE) {
            add_last_line(&out);
        } else {
            ended_by = octet;
            break;
        }
    }
    send_octets(&out);
    buf_free(&out);
    return ended_by;
}

/* The next piece. False: it is a silence, or with EINTR a signal. */
static inline bool say(void)
{
    unsigned octet = send_piece();
    bool interrupted = octet == OTHER_ACTS && !dialogue.act(&dialogue.script);

    if (octet == BEGIN_TLS && wants_tls())
        begin_tls();
    if (octet == DEAF)
        shutdown(dialogue.fd, SHUT_RD);
    if (dialogue.script.left == 0)
        shutdown(dialogue.fd, SHUT_WR);
    errno = interrupted ? EINTR : 0;
    return octet != SILENCE && !interrupted;
}

static inline int poll_now(struct pollfd *set, nfds_t count)
{
    return ppoll(set, count, &(struct timespec){ 0 }, NULL);
}

/* Two parties: go on until one of them has something for this wait. */
static inline int wait_for_two(struct pollfd *set, nfds_t count)
{
    int ready = 0;

    while (ready == 0) {
        if (!say())
            return errno == EINTR ? -1 : 0;
        ready = poll_now(set, count);
        if (ready != 0 || dialogue.script.left > 0)
            continue;
        dialogue.act(&dialogue.script);
        ready = poll_now(set, count);
    }
    return ready;
}

/* In the place of libc's: the code under test waits here. */
int poll(struct pollfd *set, nfds_t count, int timeout)
{
    for (nfds_t i = 0; i < count; i++)
        set[i].revents = 0;
    if (dialogue.fd == -1 || count == 0 ||
        (set[0].fd != dialogue.client &&
         (dialogue.act == NULL || set[0].fd != dialogue.other)))
        return poll_now(set, count);
    begin_implicit();
    hear();
    int ready = poll_now(set, count);
    if (ready != 0 || timeout == 0 || (set[0].events & POLLIN) == 0)
        return ready;
    if (dialogue.act != NULL)
        return wait_for_two(set, count);
    return say() ? poll_now(set, count) : 0;
}

static inline void dialogue_start(struct input script)
{
    int fds[2];

    signal(SIGPIPE, SIG_IGN);           /* as all programs of ours do */
    PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    PROMISE(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
    PROMISE(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    dialogue = (struct dialogue){ .fd = fds[1], .client = fds[0],
                                  .script = script };
    buf_init(&dialogue.heard, SIZE_MAX);
    buf_init(&dialogue.said, SIZE_MAX);
    buf_init(&dialogue.in_clear, SIZE_MAX);
}

static inline void dialogue_end(void)
{
    SSL_free(dialogue.tls);
    close(dialogue.fd);
    dialogue.fd = -1;
    buf_free(&dialogue.heard);
    buf_free(&dialogue.said);
    buf_free(&dialogue.in_clear);
}

#endif
