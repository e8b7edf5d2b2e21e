/* smtp_transaction.c - MAIL, RCPT and XFLAW of -bs */
#include "sendmail/smtp_server.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "mail/address.h"
#include "sendmail/route.h"
#include "sendmail/smtp_syntax.h"
#include "util/alloc.h"
#include "util/strings.h"
#include "util/text.h"

#define RECIPIENTS_MAX 10000    /* of a transaction */

void server_reset(struct server *server)
{
    for (size_t i = 0; i < server->count; i++) {
        free(server->recipients[i].address);
        free(server->recipients[i].original);
        free(server->recipients[i].flaw);
    }
    free(server->recipients);
    free(server->reverse_path);
    free(server->envelope_id);
    scratch_close(&server->chunks);
    server->recipients = NULL;
    server->reverse_path = server->envelope_id = NULL;
    server->count = 0;
    server->chunks = SCRATCH_NONE;
    server->chunks_size.came = 0;
    server->dsn_return = RETURN_UNSPECIFIED;
    server->utf8 = server->was_refused = false;
}

/* Has the command had this parameter already? None may come twice (RFC 3461
 * sections 4.1 to 4.4, and which of two values is meant is unknown). */
static bool is_repeated(struct strings *seen, const char *key)
{
    for (size_t i = 0; i < seen->count; i++)
        if (text_equal_case(seen->items[i], key))
            return true;
    strings_add(seen, key);
    return false;
}

/*
 * One function for each parameter of MAIL and RCPT: the reply to a bad value,
 * or NULL. Those of RCPT fill in server->offered.
 */
static const char *take_size(struct server *server, const char *value)
{
    uint64_t size;

    if (!text_to_number(value, UINT64_MAX / 2, &size))
        return "501 5.5.4 Bad SIZE";
    return size > server->config->message_size_limit
           ? "552 5.3.4 Message too large" : NULL;
}

static const char *take_body(struct server *server, const char *value)
{
    (void)server;
    if (text_equal_case(value, "BINARYMIME"))
        return "504 5.5.4 BINARYMIME is not supported";
    return text_equal_case(value, "7BIT") || text_equal_case(value, "8BITMIME")
           ? NULL : "501 5.5.4 Bad BODY";
}

static const char *take_utf8(struct server *server, const char *value)
{
    if (*value != '\0')
        return "501 5.5.4 SMTPUTF8 takes no value";
    server->utf8 = true;
    return NULL;
}

static const char *take_return(struct server *server, const char *value)
{
    struct error ignored;

    return dsn_return_parse(value, &server->dsn_return, &ignored)
           ? NULL : "501 5.5.4 Bad RET";
}

static const char *take_envelope_id(struct server *server, const char *value)
{
    if (!xtext_check(value))
        return "501 5.5.4 Bad ENVID";
    server->envelope_id = alloc_string(value);
    return NULL;
}

/* The mailbox that submitted it elsewhere is of no use here (RFC 4954
 * section 5). */
static const char *ignore_auth(struct server *server, const char *value)
{
    (void)server;
    (void)value;
    return NULL;
}

static const char *take_notify(struct server *server, const char *value)
{
    struct error ignored;

    return notify_parse(value, &server->offered.notify, &ignored)
           ? NULL : "501 5.5.4 Bad NOTIFY";
}

/* It is kept as it came: type;xtext. */
static const char *take_original(struct server *server, const char *value)
{
    if (!smtp_is_original(value))
        return "501 5.5.4 Bad ORCPT";
    server->offered.original = alloc_string(value);
    return NULL;
}

/* A NULL name ends a list. */
struct parameter {
    const char *name;
    const char *(*take)(struct server *server, const char *value);
};

static const struct parameter mail_parameters[] = {
    { "SIZE", take_size },
    { "BODY", take_body },
    { "SMTPUTF8", take_utf8 },
    { "RET", take_return },
    { "ENVID", take_envelope_id },
    { "AUTH", ignore_auth },
    { NULL, NULL }
};

static const struct parameter rcpt_parameters[] = {
    { "NOTIFY", take_notify },
    { "ORCPT", take_original },
    { NULL, NULL }
};

static const char *take_parameter(struct server *server,
                                  const struct parameter *known,
                                  const char *key, const char *value)
{
    for (; known->name != NULL; known++)
        if (text_equal_case(key, known->name))
            return known->take(server, value);
    return "555 5.5.4 Unknown parameter";
}

/* All that follow the path. The reply to the first bad one, or NULL. */
static const char *take_parameters(struct server *server,
                                   const struct parameter *known, char *text)
{
    struct strings seen = { 0 };
    const char *problem = NULL;
    char *key, *value;

    while (problem == NULL && smtp_next_parameter(&text, &key, &value))
        problem = is_repeated(&seen, key)
                  ? "501 5.5.4 Duplicate parameter"
                  : take_parameter(server, known, key, value);
    strings_free(&seen);
    return problem;
}

void server_refuse_address(struct server *server, const struct error *err)
{
    server_reply(server, "%s %s", err->fault == FAULT_DATA ? "553 5.1.3"
                                                         : "451 4.3.5",
                 err->text);
}

char *server_check_path(struct server *server, const char *path,
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
        server_refuse_address(server, &err);
    return address;
}

void server_take_mail(struct server *server, char *argument)
{
    char *text = smtp_after_word(argument, "FROM:");
    char *path = text == NULL ? NULL : smtp_take_path(&text);
    const char *problem;

    if (server->reverse_path != NULL) {
        server_reply(server, "503 5.5.1 Nested MAIL command: send RSET first");
        return;
    }
    if (path == NULL) {
        server_reply(server, "501 5.5.4 Syntax: MAIL FROM:<address>");
        return;
    }
    if (server->is_confined && !route_is_current(server->route)) {
        server_reply(server, "421 4.3.2 The aliases have changed: connect "
                     "again");
        server->done = true;
        return;
    }
    server_reset(server);
    problem = take_parameters(server, mail_parameters, text);
    if (problem != NULL)
        server_reply(server, "%s", problem);
    else
        server->reverse_path = server_check_path(server, path, true);
    if (server->reverse_path == NULL)
        server_reset(server);
    else
        server_reply(server, "250 2.1.0 Ok");
}

/* Would it be accepted at the end? An unusable alias is refused now. */
static bool can_route(struct server *server, const char *address,
                      struct error *err)
{
    struct envelope env = { 0 };

    route_renew(server->route);
    bool can = route_recipient(server->route, address, NULL, &env, err);
    envelope_free(&env);
    return can;
}

static void add_recipient(struct server *server)
{
    server->recipients = alloc_resize(server->recipients, server->count + 1,
                                      sizeof *server->recipients);
    server->recipients[server->count++] = server->offered;
    server->offered = (struct submit_recipient){ 0 };
    server_reply(server, "250 2.1.5 Ok");
}

static void take_recipient(struct server *server, char *path, char *text)
{
    struct submit_recipient *rcpt = &server->offered;
    struct error err = { 0 };
    size_t before = server->count;
    const char *problem = take_parameters(server, rcpt_parameters, text);

    if (problem != NULL)
        server_reply(server, "%s", problem);
    else
        rcpt->address = server_check_path(server, path, false);
    if (rcpt->address != NULL) {
        if (can_route(server, rcpt->address, &err))
            add_recipient(server);
        else
            server_refuse_address(server, &err);
    }
    server->was_refused |= server->count == before;
    free(rcpt->address);
    free(rcpt->original);
    *rcpt = (struct submit_recipient){ 0 };
}

void server_take_rcpt(struct server *server, char *argument)
{
    char *text = smtp_after_word(argument, "TO:");
    char *path = text == NULL ? NULL : smtp_take_path(&text);

    if (server->reverse_path == NULL)
        server_reply(server, "503 5.5.1 Need MAIL command first");
    else if (path == NULL)
        server_reply(server, "501 5.5.4 Syntax: RCPT TO:<address>");
    else if (server->chunks.fd != -1)
        server_reply(server, "503 5.5.1 RCPT is not allowed after BDAT");
    else if (server->count == RECIPIENTS_MAX)
        server_reply(server, "452 4.5.3 Too many recipients");
    else
        take_recipient(server, path, text);
}

/* "XFLAW recipient reason", both as xtext: one of the message that the client
 * has found invalid, for the report to its sender. */
void server_take_flaw(struct server *server, char *argument)
{
    size_t length = strcspn(argument, " ");
    char *text = argument + length + (argument[length] == ' ');

    argument[length] = '\0';
    char *address = xtext_decode(argument), *flaw = xtext_decode(text);
    if (server->reverse_path == NULL) {
        server_reply(server, "503 5.5.1 Need MAIL command first");
    } else if (address == NULL || flaw == NULL || *flaw == '\0') {
        server_reply(server, "501 5.5.4 Syntax: XFLAW recipient reason");
    } else if (server->chunks.fd != -1 || server->count == RECIPIENTS_MAX) {
        server_reply(server, "452 4.5.3 Too many recipients");
    } else {
        server->offered = (struct submit_recipient){ .address = address,
                                                     .flaw = flaw };
        add_recipient(server);
        return;
    }
    free(address);
    free(flaw);
}
