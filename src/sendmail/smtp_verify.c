/* smtp_verify.c - VRFY and EXPN of -bs */
#include "sendmail/smtp_server.h"

#include <stdlib.h>

#include "config/config.h"
#include "mail/address.h"
#include "sendmail/route.h"
#include "sendmail/smtp_syntax.h"
#include "util/alloc.h"
#include "util/strings.h"
#include "util/text.h"

/* The destinations of an address. */
struct expansion {
    char *address;
    bool utf8;                  /* the client takes a reply in UTF-8 */
    struct envelope env;
};

/* The address in an argument; NULL with a reply sent. */
static char *take_address(struct server *server, char *argument, bool *utf8)
{
    char *path = smtp_take_path(&argument);

    *utf8 = path != NULL && text_equal_case(argument, "SMTPUTF8");
    if (path != NULL && (*utf8 || *argument == '\0'))
        return server_check_path(server, path, false);
    server_reply(server, "501 5.5.4 Address required");
    return NULL;
}

/* False with a reply sent. */
static bool expand_address(struct server *server, char *argument,
                           struct expansion *expansion)
{
    struct error err = { 0 };

    expansion->address = take_address(server, argument, &expansion->utf8);
    if (expansion->address == NULL)
        return false;
    route_renew(server->route);
    bool done = route_recipient(server->route, expansion->address, NULL,
                                &expansion->env, &err);
    if (!done)
        server_refuse_address(server, &err);
    return done;
}

/* RFC 6531 section 3.7.4.2. */
static bool may_be_shown(const struct expansion *expansion)
{
    return expansion->utf8 || !envelope_has_utf8_address(&expansion->env);
}

static void reply_expansion(struct server *server, const struct envelope *env)
{
    struct strings lines = { 0 };

    for (size_t i = 0; i < env->count; i++)
        if (env->recipients[i].flaw == NULL)
            strings_take(&lines, alloc_format("<%s>",
                                              env->recipients[i].path));
    if (lines.count > 0)
        server_reply_lines(server, "250 2.1.5", &lines);
    else
        server_reply(server, "252 2.1.5 Its mail is discarded");
    strings_free(&lines);
}

static bool is_itself(const struct server *server,
                      const struct expansion *expansion)
{
    char *complete = address_complete(expansion->address,
                                      server->config->domain);
    bool is = expansion->env.count == 1 &&
              address_equal(expansion->env.recipients[0].path, complete);

    free(complete);
    return is;
}

/* RFC 5321 section 3.5: the destinations of an alias are known here; whether a
 * mailbox exists, its host knows. */
static void answer_address(struct server *server, char *argument, bool is_list)
{
    struct expansion expansion = { 0 };

    bool known = expand_address(server, argument, &expansion);
    if (known && !may_be_shown(&expansion))
        server_reply(server, "252 2.6.8 The answer needs SMTPUTF8");
    else if (known && (is_list || !is_itself(server, &expansion)))
        reply_expansion(server, &expansion.env);
    else if (known)
        server_reply(server, "252 2.0.0 <%s>",
                     expansion.env.recipients[0].path);
    free(expansion.address);
    envelope_free(&expansion.env);
}

void server_take_vrfy(struct server *server, char *argument)
{
    answer_address(server, argument, false);
}

void server_take_expn(struct server *server, char *argument)
{
    answer_address(server, argument, true);
}
