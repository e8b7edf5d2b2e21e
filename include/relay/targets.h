/*
 * targets.h - where a smarthost is reached: hosts, ports and addresses
 *
 * A host that is named like a service, "_submission._tcp.example.com", means
 * the targets of its SRV records, in the order of RFC 2782.
 */
#ifndef POSTRIDER_RELAY_TARGETS_H
#define POSTRIDER_RELAY_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dial.h"
#include "util/error.h"

struct smarthost;

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

#endif
