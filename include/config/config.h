/*
 * config.h - the configuration file, read and checked
 *
 * postrider.conf(5) is the reference. A struct config holds what was checked:
 * values are in range, names are known, defaults are filled in. Errors are
 * FAULT_CONFIG: `/etc/postrider/postrider.conf:12: smarthost "main": port =
 * 99999: must be 1 to 65535`.
 */
#ifndef POSTRIDER_CONFIG_CONFIG_H
#define POSTRIDER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/log.h"
#include "util/strings.h"

enum delivery_way { DELIVERY_QUEUE, DELIVERY_DIRECT };
enum tls_use { TLS_STARTTLS, TLS_IMPLICIT, TLS_NONE };
enum inet_use { INET_ANY, INET_IPV4, INET_IPV6 };
enum oauth_flow {
    OAUTH_REFRESH_TOKEN, OAUTH_CLIENT_CREDENTIALS, OAUTH_JWT_BEARER
};

struct smarthost {
    char *name;                     /* of the section */
    char *host;
    uint16_t port;                  /* default 587; 465 with implicit */
    enum tls_use tls;
    char *tls_ca_file;              /* "" if not set, as all below */
    char *tls_fingerprint;          /* SHA-256, 64 hex digits, lower case */
    unsigned tls_min_version;       /* 12 or 13 */
    char *tls_groups;               /* as OpenSSL names them */
    char *tls_cert_file;
    char *tls_key_file;             /* default: tls_cert_file */
    char *auth;                     /* "auto", "none" or a mechanism's name in
                                     * lower case, as in postrider.conf(5) */
    char *user;
    char *password_file;
    char *password_command;
    char *password_credential;      /* name below $CREDENTIALS_DIRECTORY */
    char *oauth;                    /* name of an oauth section */
    bool password_in_clear;         /* allow passwords without TLS */
    struct strings extensions_ignored;  /* keywords of EHLO, in any case */
    unsigned connections;
    unsigned messages_per_connection;
    unsigned messages_per_minute;   /* 0: no limit */
    enum inet_use inet;
    char *source_address;
    int64_t timeout;                /* milliseconds */
    unsigned line;                  /* of the section in the file */
    unsigned *lines;                /* of its keys, for error texts */
};

struct sender_rule {
    char *match;                    /* login name, address, @domain or "*" */
    char *address;                  /* "" leaves it */
    char *name;                     /* "" supplies none */
    bool envelope_is_from;          /* without -f, the address in From is the
                                     * reverse-path */
    bool replace_name;              /* name goes where there is one, too */
    char *smarthost;                /* "" for the usual order */
    unsigned line;
    unsigned *lines;
};

/* A client of an OAuth 2 authorization server (RFC 6749), and what it asks
 * for. postrider-oauth fetches its tokens. */
struct oauth {
    char *name;
    enum oauth_flow flow;
    char *token_url;
    char *device_url;               /* "" if not set; so for all below */
    char *authorize_url;
    char *revoke_url;
    char *client_id;
    char *client_secret_file;
    bool client_auth_basic;         /* the secret goes into a header field */
    char *client_key_file;          /* signs in the place of a secret; */
    char *client_cert_file;         /* by this the server knows the key */
    char *subject;                  /* whom a key signs for: OAUTH_JWT_BEARER */
    char *scope;
    char *state;                    /* folder of the tokens */
    int64_t renew;                  /* milliseconds; 0: not when it is idle */
    char *tls_ca_file;
    char *proxy;
    unsigned line;
    unsigned *lines;
};

struct config {
    char *path;                     /* of the file; "" if there is none */
    char *source;                   /* of the file that holds the smarthosts:
                                     * path, or smarthost.conf beside it */
    uid_t owner;                    /* of source, and may others write it: */
    bool owner_only;                /* config_check_owner() */
    char *hostname;                 /* "localhost", or another that
                                     * host_is_anyones(), if this machine has
                                     * no name that servers take */
    char *kernel_name;              /* what it is called here, of any octets */
    char *domain;                   /* the same */
    char *aliases;                  /* path; "" for none */
    char *local_recipient;          /* "" if not set */
    enum delivery_way delivery;
    char *spool;
    bool make_spool;                /* the daemon makes what is missing of it */
    char *control;                  /* path of the daemon's socket; default:
                                     * /run/postrider/control, or control in
                                     * a spool elsewhere */
    char *metrics;                  /* path of a file; "" for none */
    char *user;                     /* that root's daemon becomes */
    struct strings listen;
    uint64_t message_size_limit;    /* octets */
    int64_t retry_first;            /* milliseconds, as the next three */
    int64_t retry_longest;
    int64_t expire_after;
    int64_t delay_warning;          /* 0: none */
    int64_t drain;                  /* milliseconds for a stop; 0: none */
    char *redirect_all;             /* "" if not set */
    bool subtract_arguments;        /* extract = subtract: with -t, arguments
                                     * are taken off the recipients */
    bool sandbox;                   /* the daemon shuts itself in */
    enum log_target log;
    struct smarthost *smarthosts;   /* in the order of the file */
    size_t smarthost_count;
    struct sender_rule *senders;    /* in the order of the file */
    size_t sender_count;
    struct oauth *oauths;
    size_t oauth_count;
    unsigned *lines;
};

/*
 * Read the configuration that counts for this process: $POSTRIDER_CONFIG;
 * else the caller's own ($XDG_CONFIG_HOME or ~/.config)/postrider/
 * postrider.conf if it exists and belongs to them; else the system's. The
 * first must exist; without the last, everything has its default. The system's
 * can have its smarthosts in a separate file: postrider.conf(5). The first
 * two are what config_check_owner() asks for, or refused. NULL with
 * FAULT_CONFIG.
 */
struct config *config_load(struct error *err);

/* Read this file. */
struct config *config_load_file(const char *path, struct error *err);

/* Take this text as that of a file at path, which this process is about to
 * write. */
struct config *config_load_text(const char *path, const char *text,
                                size_t length, struct error *err);

/*
 * Does the file belong to root or to the effective user, and can no other user
 * write it? Else it must not decide what this process runs, reads or sends.
 * refused is for the text: what therefore is not done. FAULT_CONFIG.
 */
bool config_check_owner(const struct config *config, const char *refused,
                        struct error *err);

/* Where a configuration for this process is to be written: $POSTRIDER_CONFIG,
 * else the machine's for root and the user's own for others. The caller frees
 * it; NULL if the user's home is not known. */
char *config_default_path(void);

/* The user's own, also root's; freed and NULL as above. */
char *config_own_path(void);

/* One with all defaults, as from an empty file at path. */
struct config *config_new(const char *path);

/* A section that begins at that line, with what its keys have when the file
 * sets none. */
void config_add_smarthost(struct config *config, const char *name,
                          unsigned line);
void config_add_sender(struct config *config, const char *match, unsigned line);
void config_add_oauth(struct config *config, const char *name, unsigned line);
void config_free(struct config *config);                /* NULL is allowed */

/*
 * Are the files that it names there and readable by this process? Not asked
 * when the configuration is read: callers who only queue need none of them.
 * Passwords are password_fetch()'s matter. FAULT_CONFIG with the line.
 */
bool config_check_files(const struct config *config, struct error *err);

/* Does the file set this key, which is outside of sections? */
bool config_is_set(const struct config *config, const char *key);

/* The domain in /etc/mailname, right or wrong; NULL if nothing. The caller
 * frees it. */
char *config_mailname(void);

/* Does what is sent to this host stay on the machine? */
bool config_is_loopback(const char *host);

/* NULL if there is none of that name. */
const struct smarthost *config_smarthost(const struct config *config,
                                         const char *name);
const struct oauth *config_oauth(const struct config *config,
                                 const char *name);

/*
 * The first sender section that matches the login name of the caller (or NULL),
 * the reverse-path (sender "<>" matches "", the null one), or the address in
 * From (complete addresses; from may be NULL). NULL if none does.
 */
const struct sender_rule *config_sender(const struct config *config,
                                        const char *login,
                                        const char *reverse_path,
                                        const char *from);

/* The section for mail with the null reverse-path, of any sender: its own,
 * sender "<>", or the one for all. */
const struct sender_rule *config_sender_null(const struct config *config,
                                             bool *is_own);

#endif
