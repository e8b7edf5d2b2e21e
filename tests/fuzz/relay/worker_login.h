/*
 * worker_login.h - the smarthost of relay/worker, with or without TLS and a
 * user; the password or token is the fuzzer's
 */
#ifndef POSTRIDER_TESTS_FUZZ_WORKER_LOGIN_H
#define POSTRIDER_TESTS_FUZZ_WORKER_LOGIN_H

#include "../smtp/client_octets.h"
#include "../smtp/dialogue.h"
#include "../smtp/hidden.h"

#include "config/config.h"
#include "config/password.h"
#include "util/secret.h"

#define PASSWORD "pa55word-of-ann"
#define RENEWED "r3newed-t0ken-of-ann"

enum option {
    REDIRECTED = 1, SHORT = 2, REFUSED = 4, WITHOUT_JOURNAL = 8, WITH_TLS = 16,
    WITH_USER = 32,             /* one more octet: how to log in */
    WITH_TOKEN = 64, WITHOUT_SECRET = 128
};
enum login { MECHANISM = 15, IN_CLEAR_ALLOWED = 16, BY_KEY = 32 };

static const char *fetched;     /* the secret; NULL: none yet */
static bool cannot_fetch;

static inline bool give_secret(const char *text, struct secret *secret,
                               struct error *err)
{
    if (cannot_fetch)
        return error_set(err, FAULT_PERMISSION, "no secret for the fuzzer");
    fetched = text;
    secret_take(secret, alloc_string(text), strlen(text));
    return true;
}

/* In the place of password_fetch() and password_renew(). */
static inline bool fetch_secret(const struct config *config,
                                const struct smarthost *host,
                                struct secret *secret, struct error *err)
{
    (void)config;
    PROMISE(*host->user != '\0');
    return give_secret(PASSWORD, secret, err);
}

static inline bool renew_secret(const struct config *config,
                                const struct smarthost *host,
                                const char *refused, struct secret *secret,
                                struct error *err)
{
    (void)config;
    PROMISE(*host->oauth != '\0' && refused != NULL);
    return give_secret(RENEWED, secret, err);
}

/* What config/config_check.c lets pass. */
static inline void configure_login(struct smarthost *smarthost,
                                   unsigned options, unsigned how)
{
    static char names[][16] = { "auto", "plain", "login", "cram-md5",
                                "scram-sha-256", "scram-sha-512" };
    static char tokens[][16] = { "auto", "xoauth2", "oauthbearer" };
    static char user[] = "ann", oauth[] = "client", file[] = "/none";
    unsigned mechanism = how & MECHANISM;

    smarthost->user = user;
    smarthost->password_in_clear = (how & IN_CLEAR_ALLOWED) != 0;
    smarthost->auth = options & WITH_TOKEN ? tokens[mechanism % COUNT(tokens)]
                                           : names[mechanism % COUNT(names)];
    if (options & WITH_TOKEN)
        smarthost->oauth = oauth;
    else
        smarthost->password_file = file;
}

static inline void configure(struct config *config,
                             struct smarthost *smarthost, struct oauth *oauth,
                             unsigned options, unsigned how)
{
    static char empty[] = "", host[] = "192.0.2.1", name[] = "main",
                hostname[] = "client.example", none[] = "none",
                all[] = "all@x.example", client[] = "client";
    static char *print;

    if (print == NULL)
        print = fingerprint_text(dialogue_identity()->certificate);
    *smarthost = (struct smarthost){
        .name = name, .host = host, .port = 25,
        .tls = options & WITH_TLS ? TLS_STARTTLS : TLS_NONE,
        .tls_ca_file = empty, .tls_fingerprint = print, .tls_min_version = 12,
        .tls_groups = empty, .tls_cert_file = empty, .tls_key_file = empty,
        .auth = none, .user = empty, .password_file = empty,
        .password_command = empty, .password_credential = empty,
        .oauth = empty, .source_address = empty, .connections = 1,
        .messages_per_connection = options & SHORT ? 2 : 100,
        .timeout = 300000,
    };
    if (options & WITH_USER)
        configure_login(smarthost, options, how);
    *oauth = (struct oauth){ .name = client, .flow = how & BY_KEY
                             ? OAUTH_JWT_BEARER : OAUTH_REFRESH_TOKEN };
    *config = (struct config){
        .hostname = hostname, .smarthosts = smarthost, .smarthost_count = 1,
        .oauths = oauth, .oauth_count = 1,
        .redirect_all = options & REDIRECTED ? all : empty, .log = LOG_OFF,
    };
    fetched = NULL;
    cannot_fetch = (options & WITHOUT_SECRET) != 0;
}

static inline bool shows_login(const char *text, size_t length)
{
    return shows_secret(text, length, PASSWORD) ||
           shows_secret(text, length, RENEWED);
}

static inline void promise_no_login(const char *text)
{
    PROMISE(!shows_login(text, strlen(text)));
}

/* Where TLS is wanted, neither login nor message goes without it. */
static inline void check_clear(const struct smarthost *smarthost)
{
    const struct buf *clear = dialogue.tls != NULL ? &dialogue.in_clear
                                                   : &dialogue.heard;
    struct client_octets sent;

    client_octets_read(&sent, clear->data, clear->length);
    PROMISE(!sent.shows_password || smarthost->password_in_clear);
    if (smarthost->tls == TLS_STARTTLS)
        PROMISE(sent.mails == 0 && sent.auths == 0);
    client_octets_free(&sent);
}

/* With a user there is no message without a login, and without one no login. */
static inline void check_login(const struct smarthost *smarthost)
{
    const struct buf *heard = &dialogue.heard;
    struct client_octets sent;

    check_clear(smarthost);
    if (dialogue.tls != NULL)
        PROMISE(heard->length == 0 || text_starts(heard->data, "EHLO ") ||
                text_starts(heard->data, "QUIT\r\n"));
    client_octets_read(&sent, heard->data, heard->length);
    if (*smarthost->user == '\0')
        PROMISE(sent.auths == 0 && fetched == NULL);
    else
        PROMISE(sent.mails == 0 || sent.auths > 0);
    client_octets_free(&sent);
}

#endif
