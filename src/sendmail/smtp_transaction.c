#include "sendmail/smtp_server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "mail/address.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "sendmail/route.h"
#include "sendmail/smtp_direct.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"

#define RECIPIENTS_MAX 10000    /* of a transaction */

/*
 * Cut "<path>" off *text, which becomes the parameters behind it. NULL if there
 * is none. Without brackets it ends at a blank, as some clients have it.
 */
static char *take_path(char **text)
{
    char *path = *text;
    bool quoted = false;
    bool brackets = *path == '<';
    char *p = path + brackets;

    for (; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *p == (brackets ? '>' : ' '))
            break;
    }
    if (brackets && *p != '>')
        return NULL;
    char *end = p + (brackets && *p == '>');
    *text = end + strspn(end, " ");
    if (*end != '\0' && *end != ' ')
        return NULL;
    *p = '\0';
    return path + brackets;
}

/* "FROM:" or "TO:", in any case, blanks allowed behind it. */
static char *after_word(char *argument, const char *word)
{
    if (!text_starts_case(argument, word))
        return NULL;
    argument += strlen(word);
    return argument + strspn(argument, " ");
}

/* Cut the next "KEY=value" off; false at the end. value is "" without one. */
static bool next_parameter(char **text, char **key, char **value)
{
    char *word = *text + strspn(*text, " ");
    size_t length = strcspn(word, " ");

    if (length == 0)
        return false;
    *text = word + length + (word[length] == ' ');
    word[length] = '\0';
    *key = word;
    *value = strchr(word, '=');
    if (*value != NULL)
        *(*value)++ = '\0';
    else
        *value = word + length;
    return true;
}

/* Take one parameter of MAIL; the reply to a bad one, or NULL. */
static const char *take_mail_parameter(struct server *server, const char *key,
                                       const char *value)
{
    struct error ignored;
    uint64_t size;

    if (text_equal_case(key, "SIZE")) {
        if (!text_to_number(value, UINT64_MAX / 2, &size))
            return "501 5.5.4 Bad SIZE";
        if (size > server->config->message_size_limit)
            return "552 5.3.4 Message too large";
    } else if (text_equal_case(key, "BODY")) {
        if (!text_equal_case(value, "7BIT") &&
            !text_equal_case(value, "8BITMIME"))
            return "501 5.5.4 Bad BODY";
    } else if (text_equal_case(key, "SMTPUTF8")) {
        server->utf8 = true;
    } else if (text_equal_case(key, "RET")) {
        if (!dsn_return_parse(value, &server->dsn_return, &ignored))
            return "501 5.5.4 Bad RET";
    } else if (text_equal_case(key, "ENVID")) {
        if (!xtext_check(value))
            return "501 5.5.4 Bad ENVID";
        free(server->envelope_id);
        server->envelope_id = alloc_string(value);
    } else if (!text_equal_case(key, "AUTH")) {
        return "555 5.5.4 Unknown parameter";
    }
    return NULL;
}

/* The address of a path, checked; NULL with a reply said. */
static char *check_path(struct server *server, const char *path,
                        bool may_be_null)
{
    struct error err = { 0 };
    char *bracketed = alloc_format("<%s>", path);
    char *address = NULL;
    char *complete = NULL;

    if (*path != '\0' || may_be_null)
        address = address_parse_one(bracketed, &err);
    else
        error_set(&err, FAULT_DATA, "no address");
    free(bracketed);
    if (address != NULL)
        complete = address_complete(address, server->config->domain);
    if (complete != NULL && *complete != '\0' &&
        !address_check(complete, &err)) {
        free(address);
        address = NULL;
    }
    free(complete);
    if (address == NULL)
        server_say(server, "553 5.1.3 %s", err.text);
    return address;
}

void server_take_mail(struct server *server, char *argument)
{
    char *text = after_word(argument, "FROM:");
    char *path = text == NULL ? NULL : take_path(&text);
    const char *problem = NULL;
    char *key, *value;

    if (server->reverse_path != NULL) {
        server_say(server, "503 5.5.1 A transaction is under way: RSET");
        return;
    }
    if (path == NULL) {
        server_say(server, "501 5.5.4 Must be MAIL FROM:<address>");
        return;
    }
    server_forget(server);
    while (problem == NULL && next_parameter(&text, &key, &value))
        problem = take_mail_parameter(server, key, value);
    if (problem != NULL)
        server_say(server, "%s", problem);
    else
        server->reverse_path = check_path(server, path, true);
    if (server->reverse_path == NULL)
        server_forget(server);
    else
        server_say(server, "250 2.1.0 Ok");
}

/* The same for RCPT. ORCPT is kept as it came: type;xtext. */
static const char *take_rcpt_parameter(struct submit_recipient *rcpt,
                                       const char *key, const char *value)
{
    struct error ignored;

    if (text_equal_case(key, "NOTIFY")) {
        if (!notify_parse(value, &rcpt->notify, &ignored))
            return "501 5.5.4 Bad NOTIFY";
    } else if (text_equal_case(key, "ORCPT")) {
        if (strchr(value, ';') == NULL || strlen(value) > 500 ||
            text_has_control(value, strlen(value)) ||
            !text_is_ascii(value, strlen(value)))
            return "501 5.5.4 Bad ORCPT";
        free(rcpt->original);
        rcpt->original = alloc_string(value);
    } else {
        return "555 5.5.4 Unknown parameter";
    }
    return NULL;
}

/* Would it be accepted at the end? An alias that cannot be used is told now. */
static bool can_route(struct server *server, const char *address,
                      struct error *err)
{
    struct route *route = route_new(server->config, false);
    struct envelope env = { 0 };
    bool can = route_recipient(route, address, 0, NULL, &env, err);

    envelope_free(&env);
    route_free(route);
    return can;
}

static void add_recipient(struct server *server,
                          struct submit_recipient *rcpt)
{
    server->recipients = alloc_resize(server->recipients, server->count + 1,
                                      sizeof *server->recipients);
    server->recipients[server->count++] = *rcpt;
    *rcpt = (struct submit_recipient){ 0 };
    server_say(server, "250 2.1.5 Ok");
}

static void take_recipient(struct server *server, char *path, char *text)
{
    struct submit_recipient rcpt = { 0 };
    struct error err = { 0 };
    const char *problem = NULL;
    char *key, *value;

    while (problem == NULL && next_parameter(&text, &key, &value))
        problem = take_rcpt_parameter(&rcpt, key, value);
    if (problem != NULL)
        server_say(server, "%s", problem);
    else
        rcpt.address = check_path(server, path, false);
    if (rcpt.address != NULL) {
        if (can_route(server, rcpt.address, &err))
            add_recipient(server, &rcpt);
        else
            server_say(server, "%s %s", err.fault == FAULT_DATA
                       ? "553 5.1.3" : "451 4.3.5", err.text);
    }
    free(rcpt.address);
    free(rcpt.original);
}

void server_take_rcpt(struct server *server, char *argument)
{
    char *text = after_word(argument, "TO:");
    char *path = text == NULL ? NULL : take_path(&text);

    if (server->reverse_path == NULL)
        server_say(server, "503 5.5.1 Say MAIL first");
    else if (path == NULL)
        server_say(server, "501 5.5.4 Must be RCPT TO:<address>");
    else if (server->count == RECIPIENTS_MAX)
        server_say(server, "452 4.5.3 Too many recipients");
    else
        take_recipient(server, path, text);
}

static void refuse_message(struct server *server, const struct error *err)
{
    const char *code = err->fault == FAULT_DATA ? "554 5.6.0"
                       : err->fault == FAULT_UNAVAILABLE ? "554 5.0.0"
                       : "451 4.3.0";

    command_log_refusal(err);
    server_say(server, "%s %s", code, err->text);
}

/* The message has been collected: store it, or send it. */
static void deliver(struct server *server, struct scratch *message)
{
    char *no_arguments[] = { NULL };
    const struct submission said = {
        .uid = server->uid,
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

    lseek(message->fd, 0, SEEK_SET);
    bool done = server->config->delivery == DELIVERY_DIRECT
                ? smtp_direct_deliver(server->opt, server->config, &said,
                                      &err)
                : deliver_to_queue(server->opt, &said, server->config, &err);
    if (done)
        server_say(server, "250 2.0.0 Ok: %s",
                   server->config->delivery == DELIVERY_DIRECT ? "sent"
                                                               : "queued");
    else
        refuse_message(server, &err);
}

static bool is_ready(struct server *server)
{
    if (server->reverse_path == NULL)
        server_say(server, "503 5.5.1 Say MAIL first");
    else if (server->count == 0)
        server_say(server, "554 5.5.1 No valid recipients");
    return server->reverse_path != NULL && server->count > 0;
}

void server_take_data(struct server *server, char *argument)
{
    uint64_t limit = server->config->message_size_limit;
    struct scratch message = SCRATCH_NONE;
    struct error err = { 0 };
    uint64_t size = 0;

    (void)argument;
    if (server->chunks.fd != -1) {
        server_say(server, "503 5.5.1 BDAT has been used");
        return;
    }
    if (!is_ready(server))
        return;
    if (!scratch_open(&message, &err)) {
        refuse_message(server, &err);
        return;
    }
    server_say(server, "354 End data with <CR><LF>.<CR><LF>");
    io_write_all(STDOUT_FILENO, server->out.data, server->out.length);
    buf_clear(&server->out);
    bool whole = smtp_input_data(&server->in, &message, limit, &size, &err);
    if (!whole && err.fault == FAULT_NONE)
        server->done = true;            /* the client is gone */
    else if (!whole)
        refuse_message(server, &err);
    else if (size > limit)
        server_say(server, "552 5.3.4 Message too large");
    else
        deliver(server, &message);
    scratch_close(&message);
    server_forget(server);
}

/* "BDAT length [LAST]". False with a reply said. */
static bool parse_bdat(struct server *server, char *argument,
                       uint64_t *length, bool *last)
{
    char *blank = strchr(argument, ' ');

    *last = blank != NULL && text_equal_case(blank + 1, "LAST");
    if (blank != NULL)
        *blank = '\0';
    if (text_to_number(argument, UINT64_MAX / 2, length) &&
        (blank == NULL || *last))
        return true;
    server_say(server, "501 5.5.4 Must be BDAT length [LAST]");
    server->done = true;        /* where the chunk ends is unknown */
    return false;
}

static void finish_chunks(struct server *server)
{
    if (server->chunk_size > server->config->message_size_limit)
        server_say(server, "552 5.3.4 Message too large");
    else
        deliver(server, &server->chunks);
    server_forget(server);
}

void server_take_bdat(struct server *server, char *argument)
{
    uint64_t length, limit = server->config->message_size_limit;
    struct scratch nowhere = SCRATCH_NONE;
    struct error err = { 0 };
    uint64_t thrown_away = 0;
    bool last;

    if (!parse_bdat(server, argument, &length, &last))
        return;
    bool ready = server->reverse_path != NULL && server->count > 0 &&
                 (server->chunks.fd != -1 ||
                  scratch_open(&server->chunks, &err));
    bool whole = ready
        ? smtp_input_chunk(&server->in, &server->chunks, limit, length,
                           &server->chunk_size, &err)
        : smtp_input_chunk(&server->in, &nowhere, 0, length, &thrown_away,
                           &err);
    if (!ready && is_ready(server))
        refuse_message(server, &err);
    else if (ready && !whole && err.fault == FAULT_NONE)
        server->done = true;
    else if (ready && !whole)
        refuse_message(server, &err);
    else if (ready && last)
        finish_chunks(server);
    else if (ready)
        server_say(server, "250 2.0.0 Ok: %llu octets",
                   (unsigned long long)length);
}

/* What an address becomes, as envelope paths; NULL with a reply said. */
static bool expand(struct server *server, char *argument,
                   struct envelope *env)
{
    struct route *route = route_new(server->config, false);
    struct error err = { 0 };
    char *path = *argument == '\0' ? NULL : take_path(&argument);
    char *address = path == NULL ? NULL : check_path(server, path, false);
    bool done = address != NULL &&
                route_recipient(route, address, 0, NULL, env, &err);

    if (path == NULL)
        server_say(server, "501 5.5.4 An address is needed");
    else if (address != NULL && !done)
        server_say(server, "550 5.1.1 %s", err.text);
    free(address);
    route_free(route);
    return done;
}

/* RFC 5321 section 3.5: whether a mailbox exists only its host knows. */
void server_take_vrfy(struct server *server, char *argument)
{
    struct envelope env = { 0 };

    if (expand(server, argument, &env))
        server_say(server, "252 2.0.0 <%s>", env.recipients[0].path);
    envelope_free(&env);
}

void server_take_expn(struct server *server, char *argument)
{
    struct envelope env = { 0 };

    if (expand(server, argument, &env))
        for (size_t i = 0; i < env.count; i++)
            server_say(server, "250%c<%s>", i + 1 < env.count ? '-' : ' ',
                       env.recipients[i].path);
    envelope_free(&env);
}
