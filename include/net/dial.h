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
 * brackets), in the order to be tried: that of RFC 6724, as getaddrinfo gives
 * them, but IPv6 and IPv4 in turn (RFC 8305 section 4). Those without a route
 * are left out, unless none has one. FAULT_TEMPORARY, also for a name that does
 * not exist: the administrator's mistake must not cost a message. No deadline
 * holds here: getaddrinfo may block for as long as resolv.conf(5) has it
 * (timeout times attempts times name servers, 10 s or so by default). An
 * address never blocks.
 */
bool dial_resolve(struct dial_list *list, const char *host, uint16_t port,
                  enum dial_family family, struct error *err);
void dial_list_free(struct dial_list *list);

/*
 * Begin to connect. The socket is non-blocking, close-on-exec, TCP_NODELAY, and
 * writable once the attempt is at its end: dial_end() then has the result.
 * source_address is "" or an address of this host, brackets allowed. -1 with
 * FAULT_TEMPORARY (also if source_address is of the other family: another
 * address of the list may do), or FAULT_CONFIG if it is not an address of
 * this host. err->reach is set, as by dial_end().
 */
int dial_begin(const struct dial_address *address, const char *source_address,
               struct error *err);

/* FAULT_TEMPORARY if the attempt failed; with late, because of its time. */
bool dial_end(int fd, const struct dial_address *address, bool late,
              struct error *err);

/* Both, before the deadline (util/clock.h). -1 as above. */
int dial_connect(const struct dial_address *address,
                 const char *source_address, int64_t deadline,
                 struct error *err);

/*
 * Our end of a connected socket as an address literal (RFC 5321 section
 * 4.1.3): "[192.0.2.1]" or "[IPv6:2001:db8::1]". That of the loopback if it is
 * not an Internet socket. The caller frees it.
 */
char *dial_own_literal(int fd);

/* Put errno into words, for a connection that was there: "connection reset by
 * the server". FAULT_TEMPORARY; returns false. */
bool dial_lost(struct error *err, int number);

#endif
