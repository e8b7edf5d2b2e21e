/* setup_retype.c - after a failure, one answer of setup is typed again */
#include "postrider/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/text.h"

static bool retype_host(struct setup *setup, struct error *err)
{
    if (setup->provider != NULL)
        setup_forget(&setup->auth);
    setup->provider = NULL;
    setup_forget(&setup->host);
    setup_forget(&setup->port);
    setup_forget(&setup->tls);
    return setup_ask_host(setup, err);
}

/* With another port TLS begins as is usual there, if there is to be any. */
static bool retype_port(struct setup *setup, struct error *err)
{
    setup_forget(&setup->port);
    if (setup->tls != NULL && strcmp(setup->tls, "none") != 0)
        setup_forget(&setup->tls);
    return setup_ask_port(setup, err);
}

static bool retype_tls(struct setup *setup, struct error *err)
{
    setup_forget(&setup->tls);
    return setup_need(setup, &setup->tls, &(struct question){
        .option = "--tls", .text = "TLS: starttls, implicit or none",
        .usual = "starttls", .check = "tls" }, err);
}

/* What it trusts takes the place of all that was trusted before. */
static bool retype_certificate(struct setup *setup, struct error *err)
{
    setup_forget(&setup->ca_file);
    setup_forget(&setup->fingerprint);
    return setup_need(setup, &setup->ca_file, &(struct question){
        .option = "--tls-ca-file", .text = setup->direct
        ? "The file (PEM) of its authority, or of itself"
        : "The file (PEM) of its authority, which user postrider can read",
        .check = "tls_ca_file" }, err);
}

static bool retype_password(struct setup *setup, struct error *err)
{
    setup_forget(&setup->password_file);
    setup_forget(&setup->password_command);
    return setup_read_password(setup, err);
}

static bool retype_user(struct setup *setup, struct error *err)
{
    setup_forget(&setup->user);
    return setup_ask_user(setup, err) &&
           (setup->password.data != NULL || setup->password_command != NULL ||
            setup_read_password(setup, err));
}

static bool retype_address(struct setup *setup, struct error *err)
{
    setup_forget(&setup->address);
    return setup_need_address(setup, err);
}

static const struct part {
    const char *name;
    bool (*retype)(struct setup *setup, struct error *err);
} parts[] = {
    { "host", retype_host },
    { "port", retype_port },
    { "tls", retype_tls },
    { "certificate", retype_certificate },
    { "user", retype_user },
    { "password", retype_password },
    { "address", retype_address },
    { "nothing", NULL },
};

/* The answer that is wrong most often when that goes wrong. */
static const char *usual_part(const struct setup *setup,
                              const struct error *why)
{
    bool has_user = setup->user != NULL && *setup->user != '\0';

    if (why->fault == FAULT_PERMISSION)
        return has_user ? "password" : "user";
    if (why->fault == FAULT_TLS)
        return why->reach == REACH_CERTIFICATE ? "certificate" : "tls";
    if (why->fault == FAULT_CONFIG && why->number == EACCES &&
        setup->ca_file != NULL)
        return "certificate";
    if (why->fault == FAULT_TEMPORARY && why->reach < REACH_CONNECTED)
        return why->reach == REACH_NONE ? "host" : "port";
    return "nothing";
}

/* By its name, or as much of it as no other one begins with. */
static const struct part *find_part(const char *text)
{
    const struct part *found = NULL;

    for (size_t i = 0; *text != '\0' && i < COUNT(parts); i++) {
        if (!text_starts_case(parts[i].name, text))
            continue;
        if (found != NULL)
            return NULL;
        found = &parts[i];
    }
    return found;
}

bool setup_retype(struct setup *setup, const struct error *why, bool *again,
                  struct error *err)
{
    const struct part *part = NULL;

    while (part == NULL) {
        char *text = terminal_ask("Type what again: host, port, tls, "
                                  "certificate, user, password, address, "
                                  "nothing?",
                                  usual_part(setup, why), err);
        if (text == NULL)
            return false;
        part = find_part(text);
        free(text);
    }
    *again = part->retype != NULL;
    return part->retype == NULL || part->retype(setup, err);
}
