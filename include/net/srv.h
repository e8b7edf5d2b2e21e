/*
 * srv.h - the submission servers of a domain, from its SRV records
 *
 * RFC 2782 for the records and their order, RFC 6186 and RFC 8314 for the two
 * services. The answer is not authenticated: callers ask a person to confirm
 * it, take only a host of the domain itself, or want a certificate for the
 * domain (RFC 6186 section 6).
 */
#ifndef POSTRIDER_NET_SRV_H
#define POSTRIDER_NET_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct srv_target {
    char *host;             /* letters, digits, "-", "_" and "."; no dot last */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
};

struct srv_list {
    struct srv_target *items;       /* owned */
    size_t count;
};

/*
 * The targets of a service such as "_submissions._tcp" of a domain, in the
 * order to be tried. No target is not an error: the domain has no records,
 * or does not offer the service. FAULT_TEMPORARY if no server answers. It may
 * block for as long as resolv.conf(5) has it.
 */
bool srv_lookup(struct srv_list *list, const char *service, const char *domain,
                struct error *err);
void srv_list_free(struct srv_list *list);

/* Read the answer of a name server, which may hold anything. The order is
 * that of the answer. FAULT_TEMPORARY if it is damaged or a failure. */
bool srv_parse(struct srv_list *list, const unsigned char *octets,
               size_t length, struct error *err);

/* Put the targets in the order of RFC 2782: by priority, those of the same
 * one by chance, according to their weights. */
void srv_order(struct srv_list *list);

/* Is the host the domain, or one in it? */
bool srv_in_domain(const char *host, const char *domain);

#endif
