/* smtp_transaction.c - MAIL and RCPT of -bs */
#include "sendmail/smtp_server.h"

#include <stdlib.h>

#include "config/config.h"
#include "mail/address.h"
#include "sendmail/route.h"
#include "sendmail/smtp_syntax.h"
#include "util/alloc.h"
#include "util/strings.h"
#include "util/text.h"

#define RECIPIENTS_MAX 10000    /* of a transaction */

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

static const char repeated[] = "501 5.5.4 A parameter is given twice";

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
        if (text_equal_case(value, "BINARYMIME"))
            return "504 5.5.4 BINARYMIME is not offered";
        if (!text_equal_case(value, "7BIT") &&
            !text_equal_case(value, "8BITMIME"))
            return "501 5.5.4 Bad BODY";
    } else if (text_equal_case(key, "SMTPUTF8")) {
        if (*value != '\0')
            return "501 5.5.4 SMTPUTF8 stands alone";
        server->utf8 = true;
    } else if (text_equal_case(key, "RET")) {
        if (!dsn_return_parse(value, &server->dsn_return, &ignored))
            return "501 5.5.4 Bad RET";
    } else if (text_equal_case(key, "ENVID")) {
        if (!xtext_check(value))
            return "501 5.5.4 Bad ENVID";
        server->envelope_id = alloc_string(value);
    } else if (!text_equal_case(key, "AUTH")) {
        return "555 5.5.4 Unknown parameter";
    }
    return NULL;
}

void server_refuse_address(struct server *server, const struct error *err)
{
    server_say(server, "%s %s", err->fault == FAULT_DATA ? "553 5.1.3"
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
    const char *problem = NULL;
    struct strings seen = { 0 };
    char *key, *value;

    if (server->reverse_path != NULL) {
        server_say(server, "503 5.5.1 A transaction is under way: RSET");
        return;
    }
    if (path == NULL) {
        server_say(server, "501 5.5.4 Must be MAIL FROM:<address>");
        return;
    }
    if (server->is_confined && !route_is_current(server->route)) {
        server_say(server, "421 4.3.2 The aliases have changed: connect "
                   "again");
        server->done = true;
        return;
    }
    server_forget(server);
    while (problem == NULL && smtp_next_parameter(&text, &key, &value))
        problem = is_repeated(&seen, key)
                  ? repeated : take_mail_parameter(server, key, value);
    strings_free(&seen);
    if (problem != NULL)
        server_say(server, "%s", problem);
    else
        server->reverse_path = server_check_path(server, path, true);
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
        if (!smtp_is_original(value))
            return "501 5.5.4 Bad ORCPT";
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
    struct envelope env = { 0 };

    route_renew(server->route);
    bool can = route_recipient(server->route, address, 0, NULL, &env, err);
    envelope_free(&env);
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
    struct strings seen = { 0 };
    char *key, *value;
    size_t before = server->count;

    while (problem == NULL && smtp_next_parameter(&text, &key, &value))
        problem = is_repeated(&seen, key)
                  ? repeated : take_rcpt_parameter(&rcpt, key, value);
    strings_free(&seen);
    if (problem != NULL)
        server_say(server, "%s", problem);
    else
        rcpt.address = server_check_path(server, path, false);
    if (rcpt.address != NULL) {
        if (can_route(server, rcpt.address, &err))
            add_recipient(server, &rcpt);
        else
            server_refuse_address(server, &err);
    }
    server->was_refused |= server->count == before;
    free(rcpt.address);
    free(rcpt.original);
}

void server_take_rcpt(struct server *server, char *argument)
{
    char *text = smtp_after_word(argument, "TO:");
    char *path = text == NULL ? NULL : smtp_take_path(&text);

    if (server->reverse_path == NULL)
        server_say(server, "503 5.5.1 Say MAIL first");
    else if (path == NULL)
        server_say(server, "501 5.5.4 Must be RCPT TO:<address>");
    else if (server->chunks.fd != -1)
        server_say(server, "503 5.5.1 BDAT has begun");
    else if (server->count == RECIPIENTS_MAX)
        server_say(server, "452 4.5.3 Too many recipients");
    else
        take_recipient(server, path, text);
}
