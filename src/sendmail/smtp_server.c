#include "sendmail/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "sendmail/options.h"
#include "sendmail/smtp_server.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"

#define PATIENCE 3600000        /* milliseconds: workers of web programs idle */
#define ERRORS_MAX 100          /* refused commands before we hang up */

void server_say(struct server *server, const char *format, ...)
{
    size_t start = server->out.length;
    va_list args;

    va_start(args, format);
    buf_add_vformat(&server->out, format, args);
    va_end(args);
    server->errors += server->out.data[start] == '5';
    buf_add_text(&server->out, "\r\n");
}

void server_forget(struct server *server)
{
    for (size_t i = 0; i < server->count; i++) {
        free(server->recipients[i].address);
        free(server->recipients[i].original);
    }
    free(server->recipients);
    free(server->reverse_path);
    free(server->envelope_id);
    scratch_close(&server->chunks);
    server->recipients = NULL;
    server->reverse_path = server->envelope_id = NULL;
    server->count = 0;
    server->chunks = SCRATCH_NONE;
    server->chunk_size = 0;
    server->dsn_return = RETURN_UNSPECIFIED;
    server->utf8 = false;
}

/* Replies to pipelined commands go out together (RFC 2920 section 3.2). */
static bool flush(struct server *server)
{
    bool sent = io_write_all(STDOUT_FILENO, server->out.data,
                             server->out.length);

    buf_clear(&server->out);
    return sent;
}

static void greet(struct server *server)
{
    server_say(server, "220 %s ESMTP Postrider", server->config->hostname);
}

static void take_helo(struct server *server, char *argument)
{
    if (*argument == '\0') {
        server_say(server, "501 5.5.4 HELO needs a name");
        return;
    }
    server_forget(server);
    server->greeted = true;
    server_say(server, "250 %s", server->config->hostname);
}

static void take_ehlo(struct server *server, char *argument)
{
    if (*argument == '\0') {
        server_say(server, "501 5.5.4 EHLO needs a name");
        return;
    }
    server_forget(server);
    server->greeted = true;
    server_say(server, "250-%s", server->config->hostname);
    server_say(server, "250-PIPELINING");
    server_say(server, "250-SIZE %llu", (unsigned long long)
               server->config->message_size_limit);
    server_say(server, "250-DSN");
    server_say(server, "250-ENHANCEDSTATUSCODES");
    server_say(server, "250-8BITMIME");
    server_say(server, "250-SMTPUTF8");
    server_say(server, "250 CHUNKING");
}

static void take_rset(struct server *server, char *argument)
{
    (void)argument;
    server_forget(server);
    server_say(server, "250 2.0.0 Ok");
}

static void take_noop(struct server *server, char *argument)
{
    (void)argument;
    server_say(server, "250 2.0.0 Ok");
}

static void take_help(struct server *server, char *argument)
{
    (void)argument;
    server_say(server, "214 2.0.0 sendmail(8) and RFC 5321");
}

static void take_quit(struct server *server, char *argument)
{
    (void)argument;
    server_say(server, "221 2.0.0 Bye");
    server->done = true;
}

static void take_starttls(struct server *server, char *argument)
{
    (void)argument;
    server_say(server, "502 5.5.1 No TLS is needed here");
}

static const struct {
    const char *verb;
    void (*take)(struct server *server, char *argument);
    bool needs_greeting;
} verbs[] = {
    { "HELO", take_helo, false },
    { "EHLO", take_ehlo, false },
    { "MAIL", server_take_mail, true },
    { "RCPT", server_take_rcpt, true },
    { "DATA", server_take_data, true },
    { "BDAT", server_take_bdat, true },
    { "RSET", take_rset, false },
    { "NOOP", take_noop, false },
    { "VRFY", server_take_vrfy, false },
    { "EXPN", server_take_expn, false },
    { "HELP", take_help, false },
    { "QUIT", take_quit, false },
    { "STARTTLS", take_starttls, false },
};

static void take_command(struct server *server, struct buf *line)
{
    char *verb = line->data;
    size_t length = strcspn(verb, " ");
    char *argument = verb + length;

    if (strlen(line->data) != line->length) {
        server_say(server, "500 5.5.2 A NUL in a command");
        return;
    }
    while (line->length > 0 && text_is_space(line->data[line->length - 1]))
        line->data[--line->length] = '\0';
    if (*argument == ' ') {
        *argument++ = '\0';
        argument += strspn(argument, " ");
    }
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (text_equal_case(verb, verbs[i].verb)) {
            if (verbs[i].needs_greeting && !server->greeted)
                server_say(server, "503 5.5.1 Say EHLO first");
            else
                verbs[i].take(server, argument);
            return;
        }
    server_say(server, "500 5.5.2 Unknown command");
}

static void serve(struct server *server)
{
    struct buf line;

    buf_init(&line, SMTP_INPUT_LINE_MAX);
    greet(server);
    while (!server->done) {
        if (!smtp_input_has_line(&server->in) && !flush(server))
            break;
        switch (smtp_input_line(&server->in, &line)) {
        case SMTP_LINE:
            take_command(server, &line);
            break;
        case SMTP_LINE_TOO_LONG:
            server_say(server, "500 5.5.2 Line too long");
            break;
        default:
            server->done = true;
        }
        if (server->errors > ERRORS_MAX) {
            server_say(server, "421 4.7.0 Too many errors");
            server->done = true;
        }
    }
    flush(server);
    buf_free(&line);
}

/* Over a Unix socket the kernel says who the client is; else it is whoever
 * runs this process. */
static uid_t client_uid(void)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &peer, &length) ==
        0 && peer.uid != (uid_t)-1)
        return peer.uid;
    return getuid();
}

bool command_smtp(const struct options *opt, struct error *err)
{
    struct server server = { .opt = opt, .uid = client_uid(),
                             .chunks = SCRATCH_NONE };

    server.config = command_config(err);
    if (server.config == NULL) {
        /* A client waits for a greeting: this one tells it to come again. */
        printf("421 4.3.5 %s\r\n", err->text);
        fflush(stdout);
        return false;
    }
    smtp_input_init(&server.in, STDIN_FILENO, PATIENCE);
    buf_init(&server.out, SIZE_MAX);
    serve(&server);
    server_forget(&server);
    smtp_input_free(&server.in);
    buf_free(&server.out);
    config_free(server.config);
    return true;
}
