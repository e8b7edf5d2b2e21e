/*
 * dial.h - from a host name to a connected socket
 */
#ifndef POSTRIDER_NET_DIAL_H
#define POSTRIDER_NET_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/error.h"

struct dial_address {
    struct sockaddr_storage address;
    socklen_t length;
    char text[64];          /* "192.0.2.1" or "2001:db8::1", for logs */
};

struct dial_list {
    struct dial_address *items;     /* owned */
    size_t count;
};

enum dial_family { DIAL_ANY, DIAL_IPV4, DIAL_IPV6 };

/*
 * The addresses of a host (a name, an IPv4 or IPv6 address with or without
 * brackets), in the order to be tried (RFC 6724, as getaddrinfo gives them).
 * FAULT_TEMPORARY, also for a name that does not exist: the administrator's
 * mistake must not cost a message.
 */
bool dial_resolve(struct dial_list *list, const char *host, uint16_t port,
                  enum dial_family family, struct error *err);
void dial_list_free(struct dial_list *list);

/*
 * Connect before the deadline (util/clock.h). The socket is non-blocking,
 * close-on-exec, TCP_NODELAY. source_address is "" or an address of this
 * host. -1 with FAULT_TEMPORARY, or FAULT_CONFIG for a bad source_address.
 */
int dial_connect(const struct dial_address *address,
                 const char *source_address, int64_t deadline,
                 struct error *err);

#endif
