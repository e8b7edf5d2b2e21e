/*
 * A session with a server that may send anything: opening, AUTH, transactions.
 *
 * The input: two octets of options, then what the server sends, in pieces. It
 * sends the next one when the client waits for it:
 *   01  ends a piece            02  a silence: the client waits in vain
 *   03  it takes nothing more   04  stands for the last line that it was sent
 * At the end of the input it closes the connection.
 *
 * Client and server are one thread, so that a run is always the same: poll()
 * below is where the client waits.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "../input.h"
#include "client_octets.h"
#include "mail/envelope.h"
#include "net/tls.h"
#include "smtp/open.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/secret.h"

#define MESSAGES 3
#define INPUT_MAX 16384

enum option {
    IN_CLEAR_ALLOWED = 1, TOKEN = 2, UTF8 = 4, EIGHT_BIT = 8, DSN = 16,
    OTHER_SENDER = 32, LARGE = 64, WANTS_TLS = 128
};

static char password[] = "pa55word-of-ann";
static const struct secret secret = { password, sizeof password - 1 };

/* The server, while a session goes on. */
static struct server {
    int fd;                     /* its end; -1: there is no session */
    int client;                 /* the other one */
    struct input script;
    struct buf heard;           /* all that the client has sent */
    size_t said_after;          /* so much was heard when it spoke last */
} server = { .fd = -1 };

static void hear(void)
{
    ssize_t length;

    while ((length = recv(server.fd, buf_reserve(&server.heard, 65536), 65536,
                          MSG_DONTWAIT)) > 0)
        server.heard.length += (size_t)length;
}

static void add_last_line(struct buf *out)
{
    const char *end = server.heard.data + server.heard.length;
    const char *start;

    while (end > server.heard.data && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    for (start = end; start > server.heard.data && start[-1] != '\n'; )
        start--;
    buf_add(out, start, (size_t)(end - start));
}

/* The next piece. False: it is a silence. */
static bool say(void)
{
    struct buf out;
    unsigned octet = 0;

    buf_init(&out, INPUT_MAX);
    while (server.script.left > 0 && (octet = input_octet(&server.script)) > 3)
        if (octet == 4)
            add_last_line(&out);
        else
            buf_add_char(&out, (char)octet);
    if (out.length > 0) {
        (void)!send(server.fd, out.data, out.length,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
        server.said_after = server.heard.length;
    }
    if (octet == 3)
        shutdown(server.fd, SHUT_RD);
    if (server.script.left == 0)
        shutdown(server.fd, SHUT_WR);
    buf_free(&out);
    return octet != 2;
}

static int poll_now(struct pollfd *set, nfds_t count)
{
    return ppoll(set, count, &(struct timespec){ 0 }, NULL);
}

/* In the place of libc's: the code under test waits here. */
int poll(struct pollfd *set, nfds_t count, int timeout)
{
    for (nfds_t i = 0; i < count; i++)
        set[i].revents = 0;
    if (server.fd == -1 || count == 0 || set[0].fd != server.client)
        return poll_now(set, count);
    hear();
    int ready = poll_now(set, count);
    if (ready != 0 || timeout == 0 || (set[0].events & POLLIN) == 0)
        return ready;
    return say() ? poll_now(set, count) : 0;
}

/* What people and logs see of it. */
static void keep_trace(void *context, enum trace_event event,
                       const char *line)
{
    struct buf *trace = context;

    if (event <= TRACE_REMARK)
        buf_add_format(trace, "%c %s\n", TRACE_MARKS[event], line);
    promise_one_line(line);
}

/* Is the password there, in a form that AUTH gives it? */
static bool shows_password(const char *text, size_t length)
{
    struct buf coded;

    buf_init(&coded, SIZE_MAX);
    base64_encode(&coded, secret.data, secret.length);
    bool shown = memmem(text, length, password, secret.length) != NULL ||
                 memmem(text, length, coded.data, coded.length) != NULL;
    buf_free(&coded);
    return shown;
}

static void promise_hidden(const char *text)
{
    PROMISE(!shows_password(text, strlen(text)));
}

static const char *const mechanisms[] = {
    "none", "auto", "plain", "login", "cram-md5", "scram-sha-256",
    "scram-sha-512", "xoauth2", "oauthbearer", "external",
};

/* Made once; no server of ours has that certificate. */
static struct tls_context *tls(void)
{
    static struct tls_context *context;
    static const struct tls_settings settings = {
        .ca_file = "", .cert_file = "", .key_file = "", .groups = "",
        .min_version = 12, .fingerprint =
            "0000000000000000000000000000000000000000000000000000000000000000",
    };
    struct error err;

    if (context == NULL)
        context = tls_context_new(&settings, &err);
    PROMISE(context != NULL);
    return context;
}

static struct session_settings settings_of(unsigned options, unsigned auth,
                                           struct distrust *distrust,
                                           struct buf *trace)
{
    return (struct session_settings){
        .host = "mx.example", .port = 587, .hello = "client.example",
        .security = (options & WANTS_TLS) != 0 ? SESSION_STARTTLS
                                               : SESSION_CLEAR,
        .tls = (options & WANTS_TLS) != 0 ? tls() : NULL,
        .auth = mechanisms[auth % COUNT(mechanisms)], .user = "ann",
        .secret = &secret, .secret_is_token = (options & TOKEN) != 0,
        .password_in_clear = (options & IN_CLEAR_ALLOWED) != 0,
        .distrust = distrust, .timeout = 300000, .trace = keep_trace,
        .trace_context = trace,
    };
}

/* A message, whole: the transaction and all it borrows. */
struct message {
    struct transaction transaction;
    struct envelope envelope;
    struct outcome outcomes[2];
    size_t recipients[2];
    struct buf content;
};

static void message_init(struct message *message, unsigned number,
                         unsigned options)
{
    static const char *const paths[] = { "bob@b.example", "eve@e.example",
                                         "\xc3\xa4@\xc3\xb6.example" };
    bool utf8 = (options & UTF8) != 0;
    struct error err;

    *message = (struct message){ .recipients = { 0, 1 } };
    PROMISE(envelope_set_reverse_path(&message->envelope, "al@a.example",
                                      &err));
    for (size_t i = 0; i < 2; i++)
        PROMISE(envelope_add_recipient(
            &message->envelope, paths[i + utf8],
            (options & DSN) != 0 ? "rfc822;x+20y" : NULL,
            (options & DSN) != 0 ? NOTIFY_FAILURE : 0, &err));
    if ((options & DSN) != 0) {
        message->envelope.dsn_return = RETURN_HEADERS;
        message->envelope.envelope_id = alloc_string("id+2B");
    }
    buf_init(&message->content, SIZE_MAX);
    buf_add_format(&message->content, "%s: %u\r\n\r\n.\r\n..x\r\n.\r\n",
                   CONTENT_FIELD, number);
    for (unsigned i = 0; (options & LARGE) != 0 && i < 3000; i++)
        buf_add_text(&message->content, ".a line of a message of 70 KB\r\n");
    message->transaction = (struct transaction){
        .envelope = &message->envelope, .recipients = message->recipients,
        .count = 2, .outcomes = message->outcomes,
        .other_sender = (options & OTHER_SENDER) != 0 ? "other@a.example"
                                                      : NULL,
        .prefix = CONTENT_PREFIX, .prefix_length = strlen(CONTENT_PREFIX),
        .fd = memory_file(message->content.data, message->content.length),
        .length = message->content.length,
        .is_8bit = (options & EIGHT_BIT) != 0, .wants_utf8 = utf8,
    };
}

static void message_free(struct message *message)
{
    for (size_t i = 0; i < message->transaction.count; i++)
        outcome_free(&message->outcomes[i]);
    envelope_free(&message->envelope);
    buf_free(&message->content);
    close(message->transaction.fd);
}

/* Each recipient of what was run has one outcome, in words for people. */
static bool check_outcomes(const struct message *message)
{
    bool delivered = false;

    for (size_t i = 0; i < message->transaction.count; i++) {
        const struct outcome *outcome = &message->outcomes[i];
        PROMISE(outcome->kind != OUTCOME_NONE && *outcome->status != '\0');
        PROMISE(!outcome->uncertain || outcome->kind == OUTCOME_DEFERRED);
        promise_one_line(outcome->text);
        promise_hidden(outcome->text);
        delivered |= outcome->kind == OUTCOME_DELIVERED;
    }
    return delivered;
}

/* Delivered is what was sent to its end before the server spoke last. */
static void check_delivered(const struct message *message,
                            const struct client_octets *sent)
{
    bool found = false;

    for (size_t i = 0; i < sent->count; i++) {
        const struct client_content *content = &sent->contents[i];
        struct buf whole;
        buf_init(&whole, SIZE_MAX);
        buf_add_text(&whole, CONTENT_PREFIX);
        buf_add(&whole, message->content.data, message->content.length);
        found |= content->is_whole && content->end <= server.said_after &&
                 content->text.length == whole.length &&
                 memcmp(content->text.data, whole.data, whole.length) == 0;
        buf_free(&whole);
    }
    PROMISE(found);
}

static void run_messages(struct session *session, unsigned options,
                         struct message *messages, unsigned count)
{
    unsigned run = 0;
    bool usable = true;

    for (unsigned i = 0; i < count; i++)
        message_init(&messages[i], i, options);
    for (unsigned i = 0; i + 1 < count; i++)
        messages[i].transaction.next = &messages[i + 1].transaction;
    for (; usable && run < count; run++) {
        usable = transaction_run(session, &messages[run].transaction);
        check_outcomes(&messages[run]);
    }
    /* Those that had been begun have theirs, too. */
    for (; run < count; run++)
        if (messages[run].transaction.begun)
            check_outcomes(&messages[run]);
}

static void check_sent(const struct session_settings *settings,
                       const struct message *messages, unsigned count)
{
    bool may_login = settings->password_in_clear &&
                     strcmp(settings->auth, "none") != 0;
    struct client_octets sent;

    client_octets_read(&sent, server.heard.data, server.heard.length);
    PROMISE(!sent.shows_password || may_login);
    PROMISE(sent.auths == 0 || strcmp(settings->auth, "none") != 0);
    PROMISE(sent.mails == 0 || settings->security == SESSION_CLEAR);
    for (unsigned i = 0; i < count; i++)
        for (size_t k = 0; k < messages[i].transaction.count; k++)
            if (messages[i].outcomes[k].kind == OUTCOME_DELIVERED)
                check_delivered(&messages[i], &sent);
    client_octets_free(&sent);
}

static void start_server(struct input script)
{
    int fds[2];

    PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    PROMISE(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
    server = (struct server){ .fd = fds[1], .client = fds[0],
                              .script = script };
    buf_init(&server.heard, SIZE_MAX);
}

static void end_server(void)
{
    close(server.fd);
    server.fd = -1;
    buf_free(&server.heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned options = input_octet(&in);
    unsigned choice = input_octet(&in);
    unsigned count = choice >> 4 & 1 ? MESSAGES : 1;
    struct message messages[MESSAGES] = { 0 };
    struct distrust distrust = { 0 };
    struct buf trace;
    struct error err = { 0 };

    /* A server that knows it need not be sent it. */
    if (in.left > INPUT_MAX || shows_password(in.at, in.left))
        return 0;
    buf_init(&trace, SIZE_MAX);
    start_server(in);
    struct session_settings settings = settings_of(options, choice & 15,
                                                   &distrust, &trace);
    struct session *session = session_open(server.client, &settings,
                                           clock_now() + 600000, &err);
    if (session != NULL) {
        run_messages(session, options, messages, count);
        session_close(session);
    } else {
        promise_error(&err);
        promise_hidden(err.text);
        count = 0;
    }
    hear();
    promise_hidden(trace.data);
    check_sent(&settings, messages, count);
    for (unsigned i = 0; i < count; i++)
        message_free(&messages[i]);
    end_server();
    buf_free(&trace);
    return 0;
}
