/*
 * worker_login.h - the smarthost of relay/worker, with or without TLS, a client
 * certificate and a user; the password or token is the fuzzer's. The sender
 * section for mail without a sender
 */
#ifndef POSTRIDER_TESTS_FUZZ_WORKER_LOGIN_H
#define POSTRIDER_TESTS_FUZZ_WORKER_LOGIN_H

#include <sys/stat.h>

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
    WITH_USER = 32, WITH_TOKEN = 64, WITHOUT_SECRET = 128,
    /* of the second octet: */
    IMPLICIT = 256,             /* TLS from the first octet */
    WITH_CERTIFICATE = 512,     /* a client certificate */
    MUST_SHOW_ONE = 1024,       /* or the server ends the handshake */
    SENDER_OF_NULL = 2048, SENDER_OF_ALL = 4096
};
enum login { MECHANISM = 15, IN_CLEAR_ALLOWED = 16, BY_KEY = 32 };

#define RULE_SENDER "rule@a.example"

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

/* Made once. */
static inline const struct identity *client_identity(void)
{
    static const struct recipe recipe = { "client.example", NULL, -1, 1,
                                          false, NULL };
    static struct identity identity;

    if (identity.key == NULL)
        identity = make_identity(&recipe, NULL);
    return &identity;
}

/* A file in memory with certificate and key, which stays open. */
static inline char *certificate_file(void)
{
    static char *path;
    int fd;

    if (path != NULL)
        return path;
    fd = memory_file("", 0);
    PROMISE(fchmod(fd, 0600) == 0);
    path = alloc_format("/proc/self/fd/%d", fd);
    free(write_pem("/proc/self/fd", strrchr(path, '/') + 1,
                   client_identity()->certificate, client_identity()->key));
    return path;
}

static inline void configure_certificate(struct smarthost *smarthost,
                                         unsigned how)
{
    static char names[][16] = { "auto", "none", "external" };

    smarthost->tls_cert_file = smarthost->tls_key_file = certificate_file();
    smarthost->auth = names[(how & MECHANISM) % COUNT(names)];
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

/* The section of the null reverse-path, or that of all. */
static inline void configure_sender(struct config *config, unsigned options)
{
    static char null[] = "<>", all[] = "*", address[] = RULE_SENDER;
    static struct sender_rule rule;

    rule = (struct sender_rule){
        .match = options & SENDER_OF_NULL ? null : all, .address = address };
    config->senders = &rule;
    config->sender_count = options & (SENDER_OF_NULL | SENDER_OF_ALL) ? 1 : 0;
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
        .tls = !(options & WITH_TLS) ? TLS_NONE
               : options & IMPLICIT  ? TLS_IMPLICIT : TLS_STARTTLS,
        .tls_ca_file = empty, .tls_fingerprint = print, .tls_min_version = 12,
        .tls_groups = empty, .tls_cert_file = empty, .tls_key_file = empty,
        .auth = none, .user = empty, .password_file = empty,
        .password_command = empty, .password_credential = empty,
        .oauth = empty, .source_address = empty, .connections = 1,
        .messages_per_connection = options & SHORT ? 2 : 100,
        .timeout = 300000,
    };
    if (options & WITH_CERTIFICATE)
        configure_certificate(smarthost, how);
    if (options & WITH_USER)
        configure_login(smarthost, options, how);
    *oauth = (struct oauth){ .name = client, .flow = how & BY_KEY
                             ? OAUTH_JWT_BEARER : OAUTH_REFRESH_TOKEN };
    *config = (struct config){
        .hostname = hostname, .smarthosts = smarthost, .smarthost_count = 1,
        .oauths = oauth, .oauth_count = 1,
        .redirect_all = options & REDIRECTED ? all : empty, .log = LOG_OFF,
    };
    configure_sender(config, options);
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

/* Records of a handshake, or alerts (RFC 8446 section 5.1), and nothing else:
 * the last one may be cut. */
static inline void promise_handshake(const struct buf *octets)
{
    enum { HEAD = 5, CHANGE_CIPHER = 20, HANDSHAKE = 22 };
    size_t at = 0, length;

    while (at < octets->length) {
        const unsigned char *record =
            (const unsigned char *)octets->data + at;
        PROMISE(*record >= CHANGE_CIPHER && *record <= HANDSHAKE);
        if (octets->length - at < HEAD)
            break;
        length = (size_t)record[3] << 8 | record[4];
        PROMISE(record[1] == 3 && length > 0);
        at += HEAD + length;
    }
}

/* Where TLS is wanted, neither login nor message goes without it; with TLS from
 * the first octet, nothing does. */
static inline void check_clear(const struct smarthost *smarthost)
{
    const struct buf *clear = dialogue.tls != NULL ? &dialogue.in_clear
                                                   : &dialogue.heard;
    struct client_octets sent;

    if (smarthost->tls == TLS_IMPLICIT) {
        promise_handshake(&dialogue.in_clear);
        return;
    }
    client_octets_read(&sent, clear->data, clear->length);
    PROMISE(!sent.shows_password || smarthost->password_in_clear);
    if (smarthost->tls == TLS_STARTTLS)
        PROMISE(sent.mails == 0 && sent.auths == 0);
    client_octets_free(&sent);
}

/* The server that asked for a certificate has the one that is configured. */
static inline void check_certificate(const struct smarthost *smarthost)
{
    if (dialogue.tls == NULL || !SSL_is_init_finished(dialogue.tls))
        return;
    X509 *shown = SSL_get1_peer_certificate(dialogue.tls);
    if (*smarthost->tls_cert_file == '\0')
        PROMISE(shown == NULL);
    else
        PROMISE(shown != NULL &&
                X509_cmp(shown, client_identity()->certificate) == 0);
    X509_free(shown);
}

/* With auth there is no message without a login, and without it no login. */
static inline void check_login(const struct smarthost *smarthost)
{
    const struct buf *heard = &dialogue.heard;
    struct client_octets sent;

    check_clear(smarthost);
    check_certificate(smarthost);
    if (dialogue.tls != NULL)
        PROMISE(heard->length == 0 || text_starts(heard->data, "EHLO ") ||
                text_starts(heard->data, "QUIT\r\n"));
    client_octets_read(&sent, heard->data, heard->length);
    if (strcmp(smarthost->auth, "none") == 0)
        PROMISE(sent.auths == 0);
    else
        PROMISE(sent.mails == 0 || sent.auths > 0);
    PROMISE(*smarthost->user != '\0' || fetched == NULL);
    client_octets_free(&sent);
}

#endif
