/* smtp_content.c - DATA and BDAT of -bs: take a message, queue or send it */
#include "sendmail/smtp_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "sendmail/smtp_direct.h"
#include "sendmail/smtp_syntax.h"
#include "util/strings.h"
#include "util/text.h"

static const char too_large[] = "552 5.3.4 Message too large";

static const char *code_of(enum fault fault)
{
    switch (fault) {
    case FAULT_DATA:
        return "554 5.6.0";
    case FAULT_SIZE:
        return "552 5.3.4";
    case FAULT_RECIPIENT:
        return "550 5.1.1";
    case FAULT_HOST:
        return "550 5.1.2";
    case FAULT_UNAVAILABLE:
        return "554 5.0.0";
    case FAULT_CONFIG:
        return "451 4.3.5";
    default:
        return "451 4.3.0";
    }
}

static void refuse_message(struct server *server, const struct error *err)
{
    server_reply(server, "%s %s", code_of(err->fault), err->text);
}

/* "queued as ID" is what clients look for, who give the id to their users. */
static void accept_message(struct server *server, const char *how,
                           const char *id)
{
    server->errors = 0;         /* a client that submits is not probing */
    server_reply(server, "250 2.0.0 Ok: %s%s%s", how, id != NULL ? " as " : "",
                 id != NULL ? id : "");
}

static void send_message(struct server *server, const struct submission *given)
{
    struct smtp_direct_result result = { 0 };
    struct error err = { 0 };

    if (smtp_direct_deliver(server->opt, server->config, given, &result, &err))
        accept_message(server, "sent", result.id);
    else if (err.fault == FAULT_NONE)
        accept_message(server, "discarded", NULL);
    else if (result.failures.count > 0)
        server_reply_lines(server, code_of(err.fault), &result.failures);
    else
        refuse_message(server, &err);
    strings_free(&result.failures);
    free(result.id);
}

static void queue_message(struct server *server, const struct submission *given)
{
    struct error err = { 0 };
    char *id;

    if (deliver_to_queue(server->opt, given, server->config, &id, &err))
        accept_message(server, "queued", id);
    else if (err.fault == FAULT_NONE)
        accept_message(server, "discarded", NULL);
    else
        refuse_message(server, &err);
    free(id);
}

/* The message has been collected: store it, or send it. */
static void deliver_message(struct server *server, struct scratch *message)
{
    char *no_arguments[] = { NULL };
    const struct submission given = {
        .uid = server->uid,
        .account = server->is_confined ? &server->account : NULL,
        .route = server->route,
        .source = message->fd,
        .utf8 = server->utf8,
        .reverse_path = server->reverse_path,
        .full_name = server->opt->message.full_name,
        .recipients = no_arguments,
        .named = server->recipients,
        .named_count = server->count,
        .dsn_return = server->dsn_return,
        .envelope_id = server->envelope_id,
    };
    struct error err = { 0 };

    if (lseek(message->fd, 0, SEEK_SET) == -1) {
        error_sys(&err, FAULT_TEMPORARY, "read the message");
        refuse_message(server, &err);
    } else if (server->config->delivery == DELIVERY_DIRECT) {
        send_message(server, &given);
    } else {
        queue_message(server, &given);
    }
}

static bool is_ready(struct server *server)
{
    if (server->reverse_path == NULL)
        server_reply(server, "503 5.5.1 Need MAIL command first");
    else if (server->count == 0)
        server_reply(server, server->was_refused
                           ? "554 5.5.1 No valid recipients"
                           : "503 5.5.1 Need RCPT command first");
    return server->reverse_path != NULL && server->count > 0;
}

void server_take_data(struct server *server, char *argument)
{
    struct smtp_input_size size = {
        .limit = server->config->message_size_limit };
    struct scratch message = SCRATCH_NONE;
    struct error err = { 0 };

    (void)argument;
    if (server->chunks.fd != -1) {
        server_reply(server, "503 5.5.1 DATA is not allowed after BDAT");
        return;
    }
    if (!is_ready(server))
        return;
    if (!scratch_open(&message, &err)) {
        refuse_message(server, &err);
        return;
    }
    server_reply(server, "354 End data with <CR><LF>.<CR><LF>");
    server_send_replies(server);
    bool whole = smtp_input_data(&server->in, &message, &size, &err);
    if (!whole && err.fault == FAULT_NONE)
        server->done = true;            /* the client is gone */
    else if (!whole)
        refuse_message(server, &err);
    else if (size.came > size.limit)
        server_reply(server, too_large);
    else
        deliver_message(server, &message);
    scratch_close(&message);
    server_reset(server);
}

/* "BDAT length [LAST]". False with a reply sent. */
static bool parse_bdat(struct server *server, char *argument,
                       uint64_t *length, bool *last)
{
    char *word, *value;
    bool done = smtp_next_parameter(&argument, &word, &value) &&
                text_to_number(word, UINT64_MAX / 2, length);

    *last = done && smtp_next_parameter(&argument, &word, &value);
    if (done && (!*last || text_equal_case(word, "LAST")) &&
        *argument == '\0')
        return true;
    server_reply(server, "501 5.5.4 Syntax: BDAT length [LAST]");
    server->done = true;        /* where the chunk ends is unknown */
    return false;
}

/* Read a chunk and discard it. */
static void skip_chunk(struct server *server, uint64_t length)
{
    struct scratch nowhere = SCRATCH_NONE;
    struct smtp_input_size size = { 0 };
    struct error ignored = { 0 };

    (void)smtp_input_chunk(&server->in, &nowhere, length, &size, &ignored);
}

/* A chunk of the message; false, with a reply sent, if it cannot become a
 * message. */
static bool take_chunk(struct server *server, uint64_t length)
{
    struct smtp_input_size *size = &server->chunks_size;
    struct error err = { 0 };

    if (server->chunks.fd == -1 && !scratch_open(&server->chunks, &err)) {
        skip_chunk(server, length);
        refuse_message(server, &err);
        return false;
    }
    size->limit = server->config->message_size_limit;
    if (smtp_input_chunk(&server->in, &server->chunks, length, size, &err)) {
        if (size->came > size->limit)
            server_reply(server, too_large);
        return size->came <= size->limit;
    }
    if (err.fault == FAULT_NONE)
        server->done = true;            /* the client is gone */
    else
        refuse_message(server, &err);
    return false;
}

/* RFC 3030 section 2. A refusal ends the transaction, so that chunks
 * after it, which may be on their way, are not taken for all of it. */
void server_take_bdat(struct server *server, char *argument)
{
    uint64_t length;
    bool last;

    if (!parse_bdat(server, argument, &length, &last))
        return;
    if (!is_ready(server)) {
        skip_chunk(server, length);
        server_reset(server);
    } else if (!take_chunk(server, length)) {
        server_reset(server);
    } else if (last) {
        deliver_message(server, &server->chunks);
        server_reset(server);
    } else {
        server_reply(server, "250 2.0.0 Ok: %llu octets",
                     (unsigned long long)length);
    }
}
