/*
 * setup.h - what postrider setup knows so far
 *
 * It comes from the command line (setup_options.c), a provider or the domain's
 * records (setup_smarthost.c), and a person, if there is one
 * (setup_answers.c), for OAuth also its client (setup_oauth.c), until nothing
 * is missing; from it comes a draft (setup_draft.c), which is tried, and after
 * a failure some of it is typed again (setup_try.c).
 */
#ifndef POSTRIDER_POSTRIDER_SETUP_H
#define POSTRIDER_POSTRIDER_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "postrider/providers.h"
#include "util/error.h"
#include "util/secret.h"

struct config;
struct config_draft;

#define SETUP_TENANT "{tenant}"     /* in addresses of providers */

/* Texts are owned, and NULL if not known. */
struct setup {
    char *provider_id;
    char *address;
    char *host;
    char *port;
    char *tls;
    char *auth;
    char *region;
    char *ca_file;
    char *fingerprint;
    char *user;
    char *password_file;            /* to be read once; "-": standard input */
    char *password_command;
    char *tenant;
    char *client_id;                /* NULL: no OAuth */
    char *client_secret_file;       /* as password_file */
    char *root_to;
    char *domain;
    char *hostname;
    char *output;
    char *providers_file;
    char *test_to;
    bool device;
    bool paste;
    bool direct;
    bool print;
    bool replace;
    bool no_test;
    bool rewrite;
    bool no_rewrite;
    bool list_providers;
    bool help;

    bool verbose;

    uint64_t size_limit;            /* the smarthost's, smaller than the usual
                                     * one; or 0 */
    bool refuses_null;              /* it takes no null reverse-path */
    struct secret password;
    struct secret client_secret;
    char *oauth_name;               /* of the section; not an option */
    bool is_logged_in;
    bool has_person;                /* to be asked what is missing */
    bool asks_all;                  /* no option is about the smarthost */
    struct providers providers;
    const struct provider *provider;    /* NULL: none that is known */
};

/* Take the command line. FAULT_USAGE. */
bool setup_parse(struct setup *setup, int argc, char **argv,
                 struct error *err);
void setup_print_options(void);
void setup_free(struct setup *setup);

/* Find out what is missing of the smarthost, host, port and TLS; else
 * FAULT_USAGE with the option that gives it. */
bool setup_find_smarthost(struct setup *setup, struct error *err);

/* Ask the person for these. */
bool setup_ask_host(struct setup *setup, struct error *err);
bool setup_ask_port(struct setup *setup, struct error *err);
bool setup_ask_user(struct setup *setup, struct error *err);

/* Forget an answer, so that it is asked for. */
void setup_forget(char **answer);

struct question {
    const char *option;             /* that answers it, too */
    const char *text;
    const char *usual;              /* the answer if it is empty; or NULL */
    const char *check;              /* key that must take it; or NULL */
};

/* Ask the person, unless there is an answer, until it is right. FAULT_USAGE
 * with the option if there is no person. */
bool setup_need(struct setup *setup, char **answer,
                const struct question *question, struct error *err);
bool setup_need_address(struct setup *setup, struct error *err);

/* Would a configuration take this value of the key? If not, the person is
 * shown why. */
bool setup_is_right(const char *key, const char *answer);

/* An answer, unless there is one. text may be NULL. */
void setup_use(char **answer, const char *text);

/* Read the password, from its file or the person. */
bool setup_read_password(struct setup *setup, struct error *err);

/* The first line of a file, or with "-" of standard input. FAULT_INPUT. */
bool setup_read_secret(const char *path, struct secret *secret,
                       struct error *err);

/* Are tokens in the place of a password? */
bool setup_uses_oauth(const struct setup *setup);

/* If they are to be, find out what the client of the authorization server must
 * know. */
bool setup_find_client(struct setup *setup, struct error *err);

/* With OAuth: have this draft used by postrider-oauth, and log in with it,
 * unless that is done. */
bool setup_log_in(struct setup *setup, struct config_draft *draft,
                  struct error *err);

/* The answers as a configuration, with the password; the caller frees it. */
struct config_draft *setup_draft(const struct setup *setup);

/* The path of the file of that name beside its password; the caller frees
 * it. */
char *setup_secret_path(const struct setup *setup, const char *name);

/* The daemon's user; "" if there is to be no daemon. */
const char *setup_user(const struct setup *setup);

/*
 * Have a session with the smarthost, as the daemon will, unless no_test, and
 * note what it takes and refuses; a person may type again what was wrong, or
 * set no_test. Before it works, nothing is written: what is there goes on. The
 * draft that works, which the caller frees, or NULL.
 */
struct config_draft *setup_try(struct setup *setup, struct error *err);

/* Send test_to a message, or the address that the person agrees to. */
bool setup_offer_message(struct setup *setup, struct config_draft *draft,
                         struct error *err);

#endif
