/*
 * rewrite.h - other addresses in a field, everything else as it was
 *
 * Display names, comments, folding and the addresses that need no change keep
 * every octet. A line never grows beyond 998 octets (RFC 5322 section 2.1.1):
 * it is folded beside an address that changes.
 */
#ifndef POSTRIDER_MAIL_REWRITE_H
#define POSTRIDER_MAIL_REWRITE_H

#include <stdbool.h>

struct buf;
struct field;

/* The changes. Pointers may be NULL. */
struct rewrite {
    const char *domain;     /* completes addresses without a domain */
    const char *address;    /* replaces the first; others are removed */
    const char *name;       /* for those that have no display name */
    bool replaces_name;     /* and for those that have one */
    bool is_recipients;     /* the message goes to those in the field */
    bool completes_bare;    /* domain takes the place of one that means nothing
                             * elsewhere, too: address_is_bare() */
};

/*
 * A field that holds no address-list stays as it is; but where there is an
 * address, the whole field becomes that mailbox: programs show what they
 * find in such a field, and would show an address that was to be replaced. So
 * does a group of several.
 * Commas that are missing between addresses are added.
 */
void rewrite_addresses(struct field *field, const struct rewrite *how);

/*
 * Append a mailbox: `Name <address>`, or only the address if name is NULL,
 * blank, or so long that it would not fit on a line.
 */
void rewrite_add_mailbox(struct buf *out, const char *name,
                         const char *address);

#endif
