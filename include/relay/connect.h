/*
 * connect.h - from a smarthost section to an open session
 */
#ifndef POSTRIDER_RELAY_CONNECT_H
#define POSTRIDER_RELAY_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dial.h"
#include "net/tls.h"
#include "smtp/session.h"
#include "util/error.h"

struct config;
struct connector;           /* fields: src/relay/connect.c */
struct distrust;
struct smarthost;

/*
 * Where a smarthost is reached. A host that is named like a service,
 * "_submission._tcp.example.com", means the targets of its SRV records, in the
 * order of RFC 2782.
 */
struct target {
    char *host;                 /* whose addresses these are */
    char *name;                 /* what its certificate must be for */
    uint16_t port;
    struct dial_list addresses;
};

struct targets {
    struct target *items;       /* owned, in the order to be tried */
    size_t count;
};

/*
 * Look up all of them. Name servers are not to be trusted: a target outside the
 * domain of the records must have a certificate for that domain (RFC 6186
 * section 6). One without an address is left out. FAULT_TEMPORARY if there is
 * none; it may block, as dial_resolve() does.
 */
bool targets_find(struct targets *targets, const struct smarthost *smarthost,
                  struct error *err);
void targets_free(struct targets *targets);

/*
 * All that connects to a smarthost, kept for a process's life. config
 * and smarthost are borrowed. trace may be NULL.
 */
struct connector *connector_new(const struct config *config,
                                const struct smarthost *smarthost,
                                session_trace *trace, void *trace_context);
void connector_free(struct connector *connector);       /* NULL is allowed */

/* Fetch the password, load what TLS needs, look the name up: all that takes
 * files or other programs, but for a directory of trusted certificates. */
bool connector_prepare(struct connector *connector, struct error *err);

/*
 * Prepare, then try the addresses of the smarthost, as net/race.h does, until
 * one gives a session: that is the first to be tried the next time. Credentials
 * refused or a wrong configuration end the search: other addresses would give
 * the same. deadline is the session's. NULL with the error of the address that
 * was reached best; of several, that of the first.
 */
struct session *connector_open(struct connector *connector, int64_t deadline,
                               struct error *err);

/* The same with the token that there is, for a process that can start no other
 * program any more. */
struct session *connector_open_once(struct connector *connector,
                                    int64_t deadline, struct error *err);

/* After that: digest_name() of a token that the smarthost refused, while
 * another one may be taken; NULL: none was. Borrowed. */
const char *connector_refused_token(const struct connector *connector);

/* Before it is prepared: a token was refused, so that another one is needed. It
 * is the last one: if it is refused, too, the remedy is known. Without oauth,
 * nothing. */
void connector_refuse_token(struct connector *connector, const char *token);

/* After that: append what came of the other addresses, if there are any. */
bool connector_name_others(const struct connector *connector,
                           struct error *err);

/* Before it is prepared: the peer to be tried first, if that is one of its
 * addresses. */
void connector_prefer(struct connector *connector, const char *peer);

/* Before it is prepared: so many addresses, from the first on, come last, as
 * other connections are silent there. */
void connector_pass_over(struct connector *connector, size_t count);

/* The peer of the last connection, or the one that the error is about:
 * "smtp.example.com[192.0.2.1]:587", "none" before. Borrowed. */
const char *connector_peer(const struct connector *connector);

/* The extensions that the smarthost is known to list but not to implement;
 * sessions keep it up to date. The caller may set it. Borrowed. */
struct distrust *connector_distrust(struct connector *connector);

/* Where it will connect to: empty before it is prepared. Borrowed. */
const struct targets *connector_targets(const struct connector *connector);

/* The settings of net/tls.h for a smarthost. Borrowed. */
struct tls_settings connector_tls(const struct smarthost *smarthost);

#endif
