#include "sendmail/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "config/config.h"
#include "sendmail/options.h"
#include "sendmail/route.h"
#include "sendmail/smtp_client.h"
#include "sendmail/smtp_confine.h"
#include "sendmail/smtp_server.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"

#define PATIENCE 300000         /* milliseconds: others wait for the place */
#define OWN_PATIENCE 3600000    /* of our parent, at a pipe: workers of
                                 * web programs idle */
#define ERRORS_MAX 100          /* refused commands before we hang up */
#define REPLIES_MAX 65536       /* octets that wait for pipelined commands */

static void send_greeting(struct server *server)
{
    server_reply(server, "220 %s ESMTP Postrider", server->config->hostname);
}

static void take_helo(struct server *server, char *argument)
{
    if (*argument == '\0') {
        server_reply(server, "501 5.5.4 Syntax: HELO hostname");
        return;
    }
    server_reset(server);
    server->greeted = true;
    server_reply(server, "250 %s", server->config->hostname);
}

static void add_size_limit(const struct server *server, struct buf *line)
{
    buf_add_format(line, " %llu", (unsigned long long)
                   server->config->message_size_limit);
}

/* The list of EHLO. Parameters that come with them: smtp_transaction.c. */
static const struct {
    const char *keyword;
    void (*add_parameter)(const struct server *server, struct buf *line);
} extensions[] = {
    { "PIPELINING", NULL },                     /* RFC 2920 */
    { "SIZE", add_size_limit },                 /* RFC 1870 */
    { "DSN", NULL },                            /* RFC 3461 */
    { "ENHANCEDSTATUSCODES", NULL },            /* RFC 2034 */
    { "8BITMIME", NULL },                       /* RFC 6152 */
    { "SMTPUTF8", NULL },                       /* RFC 6531 */
    { "XFLAW", NULL },                          /* ours: host_queue.h */
    { "CHUNKING", NULL },                       /* RFC 3030 */
};

static void reply_extensions(struct server *server)
{
    struct buf line;

    buf_init(&line, REPLY_LINE_MAX);
    for (size_t i = 0; i < COUNT(extensions); i++) {
        buf_clear(&line);
        buf_add_text(&line, extensions[i].keyword);
        if (extensions[i].add_parameter != NULL)
            extensions[i].add_parameter(server, &line);
        server_reply(server, "250%c%s", i + 1 < COUNT(extensions) ? '-' : ' ',
                     line.data);
    }
    buf_free(&line);
}

static void take_ehlo(struct server *server, char *argument)
{
    if (*argument == '\0') {
        server_reply(server, "501 5.5.4 Syntax: EHLO hostname");
        return;
    }
    server_reset(server);
    server->greeted = true;
    server_reply(server, "250-%s", server->config->hostname);
    reply_extensions(server);
}

static void take_rset(struct server *server, char *argument)
{
    (void)argument;
    server_reset(server);
    server_reply(server, "250 2.0.0 Ok");
}

static void take_noop(struct server *server, char *argument)
{
    (void)argument;
    server_reply(server, "250 2.0.0 Ok");
}

static void take_help(struct server *server, char *argument)
{
    (void)argument;
    server_reply(server, "214 2.0.0 See sendmail(8) and RFC 5321");
}

static void take_quit(struct server *server, char *argument)
{
    (void)argument;
    server_reply(server, "221 2.0.0 Bye");
    server->done = true;
}

/* Commands of others that we lack (RFC 5321 section 4.2.4). */
static void take_unserved(struct server *server, char *argument)
{
    (void)argument;
    server_reply(server, "502 5.5.1 Command not implemented");
}

enum demand { NEEDS_GREETING = 1, NO_ARGUMENT = 2 };

static const struct {
    const char *verb;
    void (*take)(struct server *server, char *argument);
    unsigned demands;
} verbs[] = {
    { "HELO", take_helo, 0 },
    { "EHLO", take_ehlo, 0 },
    { "MAIL", server_take_mail, NEEDS_GREETING },
    { "RCPT", server_take_rcpt, NEEDS_GREETING },
    { "XFLAW", server_take_flaw, NEEDS_GREETING },
    { "DATA", server_take_data, NEEDS_GREETING | NO_ARGUMENT },
    { "BDAT", server_take_bdat, 0 },
    { "RSET", take_rset, NO_ARGUMENT },
    { "NOOP", take_noop, 0 },
    { "VRFY", server_take_vrfy, 0 },
    { "EXPN", server_take_expn, 0 },
    { "HELP", take_help, 0 },
    { "QUIT", take_quit, NO_ARGUMENT },
    { "AUTH", take_unserved, 0 },
    { "STARTTLS", take_unserved, 0 },
    { "ETRN", take_unserved, 0 },
    { "TURN", take_unserved, 0 },
    { "SEND", take_unserved, 0 },
    { "SOML", take_unserved, 0 },
    { "SAML", take_unserved, 0 },
};

static void take_verb(struct server *server, size_t verb, char *argument)
{
    unsigned demands = verbs[verb].demands;

    if ((demands & NEEDS_GREETING) != 0 && !server->greeted)
        server_reply(server, "503 5.5.1 Send EHLO or HELO first");
    else if ((demands & NO_ARGUMENT) != 0 && *argument != '\0')
        server_reply(server, "501 5.5.4 %s takes no arguments",
                     verbs[verb].verb);
    else
        verbs[verb].take(server, argument);
}

static void take_command(struct server *server, struct buf *line)
{
    char *verb = line->data;
    size_t length = strcspn(verb, " \t");
    char *argument = verb + length;

    if (strlen(line->data) != line->length) {
        server_reply(server, "500 5.5.2 NUL in command");
        return;
    }
    while (line->length > 0 && text_is_space(line->data[line->length - 1]))
        line->data[--line->length] = '\0';
    if (*argument != '\0') {
        *argument++ = '\0';
        argument += strspn(argument, " \t");
    }
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (text_equal_case(verb, verbs[i].verb)) {
            take_verb(server, i, argument);
            return;
        }
    server_reply(server, "500 5.5.2 Command not recognized");
}

static void serve_client(struct server *server)
{
    struct buf line;

    buf_init(&line, SMTP_INPUT_LINE_MAX);
    send_greeting(server);
    while (!server->done) {
        /* Replies to pipelined commands go out together (RFC 2920 section
         * 3.2). */
        if ((!smtp_input_has_line(&server->in) ||
             server->out.length > REPLIES_MAX) && !server_send_replies(server))
            break;
        if (server->reverse_path == NULL)
            server->in.patience = server->idle_patience;
        else
            server->in.patience = server->patience;
        switch (smtp_input_line(&server->in, &line)) {
        case SMTP_LINE:
            take_command(server, &line);
            break;
        case SMTP_LINE_TOO_LONG:
            server_reply(server, "500 5.5.2 Line too long");
            break;
        default:
            server->done = true;
        }
        if (server->errors > ERRORS_MAX) {
            server_reply(server, "421 4.7.0 Too many errors");
            server->done = true;
        }
    }
    if (server->in.silent)
        server_reply(server, "421 4.4.2 Timeout: no command received");
    server_send_replies(server);
    buf_free(&line);
}

/* Direct delivery needs passwords and the network. */
static void confine_server(struct server *server)
{
    if (!smtp_client_has_come() ||
        server->config->delivery != DELIVERY_QUEUE)
        return;
    process_account(server->uid, &server->account);
    route_seal(server->route);
    smtp_confine(server->config);
    server->is_confined = true;
}

/* A client that reads no replies is silent, too. A pipe knows no limit. */
static void limit_writes(int patience)
{
    const struct timeval limit = { .tv_sec = patience / 1000 };

    (void)setsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDTIMEO, &limit,
                     sizeof limit);
}

/* True: the client was turned away. */
static bool is_one_too_many(const struct server *server)
{
    const char *file = server->opt->connections_file;

    if (file == NULL || smtp_client_take_place(file, server->uid))
        return false;
    printf("421 4.3.2 Too many connections: close some, or try again "
           "later\r\n");
    fflush(stdout);
    log_line(LOG_LEVEL_WARNING, "NOQUEUE: reject: uid=%lu: 421 4.3.2 Too many "
             "connections", (unsigned long)server->uid);
    return true;
}

static bool refuse_remote(struct error *err)
{
    printf("554 5.7.1 Access denied: only clients on this machine are "
           "served\r\n");
    fflush(stdout);
    return error_set(err, FAULT_PERMISSION, "-bs: a client that is not on the "
                     "loopback");
}

bool command_smtp(const struct options *opt, struct error *err)
{
    struct server server = { .opt = opt, .uid = smtp_client_uid(),
                             .chunks = SCRATCH_NONE };

    smtp_client_keep_apart();
    if (smtp_client_is_remote())
        return refuse_remote(err);
    server.config = command_config(err);
    if (server.config == NULL) {
        /* A client waits for a greeting: this one means try again later. */
        printf("421 4.3.5 %s\r\n", err->text);
        fflush(stdout);
        return false;
    }
    if (is_one_too_many(&server)) {
        config_free(server.config);
        return true;
    }
    server.route = route_new(server.config, false);
    confine_server(&server);
    server.patience = smtp_client_has_come() ? PATIENCE : OWN_PATIENCE;
    server.idle_patience = opt->command_timeout > 0
                           ? (int)opt->command_timeout * 1000
                           : server.patience;
    limit_writes(server.patience);
    smtp_input_init(&server.in, STDIN_FILENO, server.patience);
    buf_init(&server.out, SIZE_MAX);
    serve_client(&server);
    server_reset(&server);
    smtp_input_free(&server.in);
    buf_free(&server.out);
    route_free(server.route);
    account_free(&server.account);
    config_free(server.config);
    return true;
}
