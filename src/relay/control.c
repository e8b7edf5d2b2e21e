#include "relay/control.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/listen_address.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"
#include "util/unix_socket.h"

#define CLIENTS_MAX 64
#define REQUEST_MAX 4096        /* octets of a request line */
#define ASK_TIME 10000          /* milliseconds to send it */
#define READ_TIME 10000         /* to take some more of the answer */
#define WAIT_TIME 130000        /* at most for an outcome: callers give up
                                 * before that */
#define UNREAD_MAX (4u << 20)   /* octets of answers that clients have not
                                 * taken: beyond it none are made */
#define UNREAD_SHARE (UNREAD_MAX / 4)       /* the same for one uid */

struct client {
    int fd;
    uid_t uid;
    struct buf request;
    struct request_line asked;  /* it points into the request */
    struct control_progress progress;
    struct buf answer;          /* or a part of it */
    size_t sent;                /* octets of that */
    bool answered;              /* send it, and close */
    bool has_more;              /* ... after the parts that follow */
    char waiting[RANDOM_ID_LENGTH + 1];     /* "" unless it waits */
    int64_t deadline;           /* of what it must do next */
    uint64_t since;             /* in the order in which they came */
};

struct control {
    char *path;
    int listener;
    control_answer *answer;
    void *context;
    struct client *clients[CLIENTS_MAX];
    size_t count;
    uint64_t accepted;          /* clients so far */
};

struct control *control_new(const char *path, control_answer *answer,
                            void *context, struct error *err)
{
    int listener = listen_local(path, 0666, err);

    /* Mail goes without this socket, too. */
    if (listener == -1 && err->fault == FAULT_CREATE)
        log_line(LOG_LEVEL_WARNING, "%s: `postrider queue` and `mailq` will "
                 "not work", err->text);
    else if (listener == -1)
        return NULL;
    struct control *control = alloc_zero(1, sizeof *control);
    control->path = alloc_string(path);
    control->listener = listener;
    control->answer = answer;
    control->context = context;
    return control;
}

static void drop(struct control *control, size_t index)
{
    struct client *client = control->clients[index];

    close(client->fd);
    buf_free(&client->request);
    buf_free(&client->answer);
    free(client);
    control->clients[index] = control->clients[--control->count];
}

/* Octets that clients of this uid have not taken, or all clients. */
static size_t unread_of(const struct control *control, const uid_t *uid)
{
    size_t unread = 0;

    for (size_t i = 0; i < control->count; i++) {
        const struct client *client = control->clients[i];
        if (uid == NULL || client->uid == *uid)
            unread += client->answer.length - client->sent;
    }
    return unread;
}

/* The client has taken all of the answer so far, and the next part is to be
 * made. */
static bool is_owed(const struct client *client)
{
    return client->has_more && client->sent == client->answer.length;
}

static bool has_room(const struct control *control,
                     const struct client *client)
{
    return unread_of(control, NULL) < UNREAD_MAX &&
           unread_of(control, &client->uid) < UNREAD_SHARE;
}

static short events_of(const struct control *control,
                       const struct client *client)
{
    if (!client->answered)
        return POLLIN;
    return is_owed(client) && !has_room(control, client) ? 0 : POLLOUT;
}

void control_each(struct control *control, control_watch *add, void *context)
{
    if (control->listener != -1)
        add(context, control->listener, POLLIN);
    for (size_t i = 0; i < control->count; i++) {
        short events = events_of(control, control->clients[i]);
        if (events != 0)
            add(context, control->clients[i]->fd, events);
    }
}

static void make_answer(struct control *control, struct client *client)
{
    const struct control_request request = {
        .uid = client->uid,
        .request = client->asked.request,
        .argument = client->asked.argument,
        .progress = &client->progress,
        .out = &client->answer,
        .waiting = client->waiting,
    };

    enum control_reply reply = control->answer(control->context, &request);
    client->has_more = reply == CONTROL_MORE;
    client->answered = reply != CONTROL_WAITS;
    client->deadline = clock_now() +
                       (client->answered ? READ_TIME : WAIT_TIME);
}

static void take_request(struct control *control, struct client *client)
{
    char *end = memchr(client->request.data, '\n', client->request.length);
    const char *refusal;

    *end = '\0';                /* what follows a NUL is not looked at */
    if (!request_parse(client->request.data, &client->asked, &refusal)) {
        protocol_put_refusal(&client->answer, "%s", refusal);
        client->answered = true;
        client->deadline = clock_now() + READ_TIME;
        return;
    }
    client->answered = client->has_more = !has_room(control, client);
    if (!client->has_more)
        make_answer(control, client);
}

/* False: the client is gone or sends too much. */
static bool read_client(struct control *control, struct client *client)
{
    char *room = buf_reserve(&client->request, 512);

    if (room == NULL)
        return false;
    ssize_t length = io_read(client->fd, room, 512);
    if (length == -1)
        return errno == EAGAIN;
    if (length == 0 || client->waiting[0] != '\0')
        return false;
    client->request.length += (size_t)length;
    client->request.data[client->request.length] = '\0';
    if (memchr(client->request.data, '\n', client->request.length) != NULL)
        take_request(control, client);
    return true;
}

/* False: the client is gone. */
static bool send_part(struct client *client)
{
    while (client->sent < client->answer.length) {
        ssize_t sent = send(client->fd, client->answer.data + client->sent,
                            client->answer.length - client->sent,
                            MSG_NOSIGNAL);
        if (sent == -1 && errno == EINTR)
            continue;
        if (sent == -1)
            return errno == EAGAIN;
        client->sent += (size_t)sent;
        client->deadline = clock_now() + READ_TIME;
    }
    return true;
}

/* To close without an answer would be an answer: that the queue is empty. A
 * client that waits for an outcome gets none: the log has it. */
static void finish(struct client *client)
{
    if (client->waiting[0] != '\0')
        return;
    if (client->answered && send_part(client) && !client->has_more &&
        client->sent == client->answer.length)
        return;
    buf_clear(&client->answer);
    if (client->sent > 0)               /* of a line, perhaps */
        buf_add_char(&client->answer, '\n');
    protocol_put_again(&client->answer);
    client->sent = 0;
    (void)send_part(client);
}

void control_free(struct control *control)
{
    if (control == NULL)
        return;
    while (control->count > 0) {
        finish(control->clients[0]);
        drop(control, 0);
    }
    if (control->listener != -1)
        unlink(control->path);
    io_close(&control->listener);
    free(control->path);
    free(control);
}

/* One part at most, so that each client has its turn. A change is made to its
 * end although the client is gone: nothing is sent before that. False:
 * everything was sent, or the client is gone. */
static bool send_answer(struct control *control, struct client *client)
{
    if (is_owed(client)) {
        buf_free(&client->answer);      /* it may have been a large one */
        buf_init(&client->answer, SIZE_MAX);
        client->sent = 0;
        make_answer(control, client);
    }
    return send_part(client) &&
           (client->has_more || !client->answered ||
            client->sent < client->answer.length);
}

static size_t clients_of(const struct control *control, uid_t uid)
{
    size_t count = 0;

    for (size_t i = 0; i < control->count; i++)
        count += control->clients[i]->uid == uid;
    return count;
}

/* Of the uid that has most clients, the one that has waited longest gives way
 * to one more. Callers of -odi lose nothing by that; their mail is stored. */
static void drop_oldest(struct control *control)
{
    size_t oldest = 0;
    size_t most = 0;

    for (size_t i = 0; i < control->count; i++) {
        const struct client *client = control->clients[i];
        size_t count = clients_of(control, client->uid);
        if (count > most ||
            (count == most &&
             client->since < control->clients[oldest]->since)) {
            oldest = i;
            most = count;
        }
    }
    drop(control, oldest);
}

static bool accept_client(struct control *control)
{
    uid_t uid;

    int fd = accept4(control->listener, NULL, NULL,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        if (errno == EMFILE && control->count > 0)
            drop_oldest(control);       /* or it would be asked for ever */
        return false;
    }
    if (!unix_socket_peer(fd, &uid)) {
        close(fd);
        return true;
    }
    if (control->count == CLIENTS_MAX)
        drop_oldest(control);
    struct client *client = alloc_zero(1, sizeof *client);
    client->fd = fd;
    client->uid = uid;
    client->since = ++control->accepted;
    client->deadline = clock_now() + ASK_TIME;
    buf_init(&client->request, REQUEST_MAX);
    buf_init(&client->answer, SIZE_MAX);
    control->clients[control->count++] = client;
    return true;
}

/*
 * Accept all clients, and read what they have sent: a client that waits for a
 * message asks before it is stored, and must be known before it is delivered.
 */
static void accept_clients(struct control *control)
{
    for (size_t i = 0; i < CLIENTS_MAX && accept_client(control); i++) {
        size_t last = control->count - 1;
        if (!read_client(control, control->clients[last]))
            drop(control, last);
    }
}

void control_handle(struct control *control, int fd, short events)
{
    if (fd == control->listener) {
        accept_clients(control);
        return;
    }
    size_t i = 0;
    while (i < control->count && control->clients[i]->fd != fd)
        i++;
    if (i == control->count)
        return;
    struct client *client = control->clients[i];
    bool alive = client->answered ? (events & POLLOUT) != 0 &&
                                    send_answer(control, client)
                                  : read_client(control, client);
    if (!alive)
        drop(control, i);
}

int64_t control_expire(struct control *control, int64_t now)
{
    int64_t next = INT64_MAX;

    /* One that is dropped makes room for the answers to others. */
    for (size_t i = control->count; i-- > 0; ) {
        const struct client *client = control->clients[i];
        if (is_owed(client))
            continue;           /* it waits for us */
        next = clock_earlier(next, client->deadline);
        if (client->deadline <= now)
            drop(control, i);
    }
    return next;
}

void control_announce(struct control *control, const char *id,
                      const struct wait_outcome *outcome)
{
    for (size_t i = 0; i < control->count; i++) {
        struct client *client = control->clients[i];
        if (strcmp(client->waiting, id) != 0)
            continue;
        protocol_put_outcome(&client->answer, outcome);
        client->waiting[0] = '\0';
        client->answered = true;
        client->deadline = clock_now() + READ_TIME;
    }
}
