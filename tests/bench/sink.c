/*
 * sink.c - a smarthost that takes everything and keeps nothing, for make bench
 *
 * sink PORT CERTIFICATE.pem [rtt=MILLISECONDS] [EXTENSION ...]: STARTTLS, AUTH
 * PLAIN and LOGIN with any password, DATA, BDAT; a process per connection. rtt:
 * what it says comes so much later, as from a server that is far away. Prints
 * "ready" when it listens, and on SIGUSR1 how many messages it has taken.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_SIZE 131072

static _Atomic unsigned long *taken;    /* shared by all processes */
static volatile sig_atomic_t asked;
static unsigned delay;                  /* microseconds, of all that is said */

struct peer {
    int fd;
    SSL *ssl;                   /* NULL in the clear */
    SSL_CTX *context;
    const char *extensions;
    char input[INPUT_SIZE];
    size_t start, end;
    char output[65536];
    size_t queued;
};

static void flush(struct peer *peer)
{
    size_t done = 0;

    if (delay > 0 && peer->queued > 0)
        usleep(delay);
    while (done < peer->queued) {
        ssize_t step = peer->ssl != NULL
            ? SSL_write(peer->ssl, peer->output + done,
                        (int)(peer->queued - done))
            : write(peer->fd, peer->output + done, peer->queued - done);
        if (step <= 0)
            exit(0);
        done += (size_t)step;
    }
    peer->queued = 0;
}

/* More input; replies go out only when there is nothing left to read. */
static void fill(struct peer *peer)
{
    if (peer->start > 0) {
        memmove(peer->input, peer->input + peer->start,
                peer->end - peer->start);
        peer->end -= peer->start;
        peer->start = 0;
    }
    if (peer->end == INPUT_SIZE)
        peer->end = 0;          /* a line that is not needed */
    flush(peer);
    ssize_t length = peer->ssl != NULL
        ? SSL_read(peer->ssl, peer->input + peer->end,
                   (int)(INPUT_SIZE - peer->end))
        : read(peer->fd, peer->input + peer->end, INPUT_SIZE - peer->end);
    if (length <= 0)
        exit(0);
    peer->end += (size_t)length;
}

static void say(struct peer *peer, const char *text)
{
    size_t length = strlen(text);

    if (length > sizeof peer->output - peer->queued)
        flush(peer);
    memcpy(peer->output + peer->queued, text, length);
    peer->queued += length;
}

/* The next line, ended by NUL in place of CRLF. */
static char *next_line(struct peer *peer)
{
    char *stop;

    while ((stop = memchr(peer->input + peer->start, '\n',
                          peer->end - peer->start)) == NULL)
        fill(peer);
    char *line = peer->input + peer->start;
    peer->start = (size_t)(stop + 1 - peer->input);
    if (stop > line && stop[-1] == '\r')
        stop--;
    *stop = '\0';
    return line;
}

static void take_data(struct peer *peer)
{
    say(peer, "354 go ahead\r\n");
    for (;;) {
        char *end = peer->end - peer->start >= 5
            ? memmem(peer->input + peer->start, peer->end - peer->start,
                     "\r\n.\r\n", 5) : NULL;
        if (end != NULL) {
            peer->start = (size_t)(end + 5 - peer->input);
            break;
        }
        if (peer->end - peer->start > 4)
            peer->start = peer->end - 4;
        fill(peer);
    }
    atomic_fetch_add(taken, 1);
    say(peer, "250 2.0.0 Ok: queued\r\n");
}

static void take_chunk(struct peer *peer, const char *arguments)
{
    size_t rest = strtoul(arguments, NULL, 10);

    while (rest > 0) {
        if (peer->start == peer->end)
            fill(peer);
        size_t step = peer->end - peer->start;
        if (step > rest)
            step = rest;
        peer->start += step;
        rest -= step;
    }
    atomic_fetch_add(taken, 1);
    say(peer, "250 2.0.0 Ok: queued\r\n");
}

static void start_tls(struct peer *peer)
{
    say(peer, "220 go ahead\r\n");
    flush(peer);
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, peer->fd);
    if (SSL_accept(peer->ssl) != 1)
        exit(0);
}

static void hello(struct peer *peer)
{
    say(peer, "250-sink.example\r\n");
    if (peer->ssl == NULL)
        say(peer, "250-STARTTLS\r\n");
    say(peer, "250-AUTH PLAIN LOGIN\r\n");
    say(peer, peer->extensions);
    say(peer, "250 8BITMIME\r\n");
}

static void authenticate(struct peer *peer, const char *line)
{
    if (strncasecmp(line, "AUTH LOGIN", 10) == 0) {
        say(peer, "334 VXNlcm5hbWU6\r\n");
        next_line(peer);
        say(peer, "334 UGFzc3dvcmQ6\r\n");
        next_line(peer);
    }
    say(peer, "235 2.7.0 ok\r\n");
}

static void serve(struct peer *peer)
{
    say(peer, "220 sink.example ESMTP\r\n");
    for (;;) {
        char *line = next_line(peer);
        if (strncasecmp(line, "EHLO", 4) == 0)
            hello(peer);
        else if (strncasecmp(line, "STARTTLS", 8) == 0)
            start_tls(peer);
        else if (strncasecmp(line, "AUTH", 4) == 0)
            authenticate(peer, line);
        else if (strncasecmp(line, "DATA", 4) == 0)
            take_data(peer);
        else if (strncasecmp(line, "BDAT ", 5) == 0)
            take_chunk(peer, line + 5);
        else if (strncasecmp(line, "QUIT", 4) == 0)
            break;
        else
            say(peer, "250 2.0.0 Ok\r\n");
    }
    say(peer, "221 2.0.0 bye\r\n");
    flush(peer);
}

static void on_signal(int signal)
{
    (void)signal;
    asked = 1;
}

static SSL_CTX *make_context(const char *certificate)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL ||
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, certificate,
                                    SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "sink: %s: no certificate and key\n", certificate);
        exit(1);
    }
    return context;
}

static int listen_at(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1 ||
        listen(fd, 128) == -1) {
        perror("sink: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    static struct peer peer;
    static char extensions[1024];
    struct sigaction action = { .sa_handler = on_signal };

    if (argc < 3)
        return 64;
    for (int i = 3; i < argc; i++)
        if (strncmp(argv[i], "rtt=", 4) == 0)
            delay = (unsigned)atoi(argv[i] + 4) * 1000;
        else
            snprintf(extensions + strlen(extensions),
                     sizeof extensions - strlen(extensions), "250-%s\r\n",
                     argv[i]);
    taken = mmap(NULL, sizeof *taken, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    peer.context = make_context(argv[2]);
    peer.extensions = extensions;
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGUSR1, &action, NULL);
    int listener = listen_at(argv[1]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int on = 1;
        peer.fd = accept(listener, NULL, NULL);
        if (asked) {
            asked = 0;
            printf("%lu\n", atomic_load(taken));
            fflush(stdout);
        }
        if (peer.fd == -1)
            continue;
        setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);   /* all of it goes at once */
            serve(&peer);
            exit(0);
        }
        close(peer.fd);
    }
}
