#include "sendmail/smtp_server.h"

#include <stdlib.h>

#include "config/config.h"
#include "mail/address.h"
#include "sendmail/route.h"
#include "sendmail/smtp_syntax.h"
#include "util/alloc.h"
#include "util/strings.h"
#include "util/text.h"

/* What an address becomes. */
struct expansion {
    char *address;
    struct envelope env;
};

static void expansion_free(struct expansion *expansion)
{
    free(expansion->address);
    envelope_free(&expansion->env);
}

/* The address in an argument; NULL with a reply said. */
static char *take_address(struct server *server, char *argument)
{
    char *path = smtp_take_path(&argument);

    /* RFC 6531 section 3.7.4.2 */
    if (path != NULL &&
        (*argument == '\0' || text_equal_case(argument, "SMTPUTF8")))
        return server_check_path(server, path, false);
    server_say(server, "501 5.5.4 An address is needed");
    return NULL;
}

/* False with a reply said. */
static bool expand(struct server *server, char *argument,
                   struct expansion *expansion)
{
    struct error err = { 0 };

    expansion->address = take_address(server, argument);
    if (expansion->address == NULL)
        return false;
    struct route *route = route_new(server->config, false);
    bool done = route_recipient(route, expansion->address, 0, NULL,
                                &expansion->env, &err);
    route_free(route);
    if (!done)
        server_refuse_address(server, &err);
    return done;
}

static void tell(struct server *server, const struct envelope *env)
{
    struct strings lines = { 0 };

    for (size_t i = 0; i < env->count; i++)
        strings_take(&lines, alloc_format("<%s>", env->recipients[i].path));
    server_say_lines(server, "250 2.1.5", &lines);
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

/* RFC 5321 section 3.5: what an alias stands for is known here; whether a
 * mailbox exists, its host knows. */
void server_take_vrfy(struct server *server, char *argument)
{
    struct expansion expansion = { 0 };

    if (expand(server, argument, &expansion)) {
        if (is_itself(server, &expansion))
            server_say(server, "252 2.0.0 <%s>",
                       expansion.env.recipients[0].path);
        else
            tell(server, &expansion.env);
    }
    expansion_free(&expansion);
}

void server_take_expn(struct server *server, char *argument)
{
    struct expansion expansion = { 0 };

    if (expand(server, argument, &expansion))
        tell(server, &expansion.env);
    expansion_free(&expansion);
}
