/*
 * complete.h - a submitted header section, made fit to travel (RFC 6409 8)
 *
 * Adds what is missing, removes Bcc and Resent-Bcc and what an earlier delivery
 * left, completes addresses without a domain, adds commas between addresses,
 * applies the sender section, and makes of it what common servers take: one
 * field where several may not be, no overlong lines. Touches nothing else.
 */
#ifndef POSTRIDER_MAIL_COMPLETE_H
#define POSTRIDER_MAIL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "util/error.h"

struct flaws;
struct header;
struct mailbox_list;
struct strings;

#define COMPLETE_RECEIVED_MAX 50        /* more is a loop: FAULT_UNAVAILABLE */

/*
 * The fields of the most recent resent block (RFC 5322 section 3.6.6): the
 * first Resent- field and the Resent- fields after it, up to one that starts
 * an older block (what a block holds once comes again), or to a trace field.
 * Other fields may be between them. first == end if there is none.
 */
struct resent_block {
    size_t first;           /* index of its first field */
    size_t end;             /* one past its last field */
};
struct resent_block complete_resent_block(const struct header *header);

/* Is there a block that no trace field precedes, so that no other than the
 * caller has resent the message? */
bool complete_is_resent_now(const struct header *header);

/* Is there a From with an address, so that no author is to be added? */
bool complete_has_author(const struct header *header);

/*
 * In From and Sender, and in Resent-From and Resent-Sender, quote a display
 * name whose commas or colon would otherwise make several addresses or a group
 * of it, as in `Foo, Inc. <foo@x>`; and make `foo@`, whose domain a program did
 * not know, the local name.
 */
void complete_mend_authors(struct header *header);

/*
 * Add the recipients that the header names: To, Cc and Bcc, or the trio of the
 * most recent resent block if there is one. Items that are not an address go to
 * flaws, with the field's name in the reason.
 */
void complete_recipients(const struct header *header,
                         struct mailbox_list *list, struct flaws *flaws);

/* The data for completing. Strings are borrowed; NULL means none. */
struct completion {
    const char *host;           /* right side of Message-ID */
    const char *domain;         /* completes bare addresses */
    const char *sender;         /* complete address for a missing From */
    const char *full_name;      /* display name for a missing From */
    const char *rule_address;   /* the one address in From and Sender, and for
                                 * sender above */
    const char *rule_name;      /* for From and Sender without a display name;
                                 * full_name is preferred where both could
                                 * serve */
    bool rule_replaces_name;    /* or for all, full_name included */
    const char *original_to;    /* body of an X-Original-To field to add */
    const char *id;             /* queue-id: left side of Message-ID */
    time_t now;
    bool gateway;               /* -G: only remove Bcc, apply the section, and
                                 * add X-Original-To */
    bool extracted;             /* -t: the header names the recipients, the
                                 * resent block if there is one */
};

/*
 * Missing From, Date and Message-ID are appended, or filled in where the field
 * is there and empty. So are Resent-From, Resent-Date and Resent-Message-ID, at
 * the end of the block, with extracted and a block, else if the message
 * complete_is_resent_now(). With extracted and a block, the sender section is
 * for the block's Resent-From and Resent-Sender, as the author is not the
 * sender. Words without an address in From become the display name of the
 * sender's address. What strict servers refuse is put right, as conform.h has
 * it; with gateway only the lines. Without any of To, Cc (and Resent-To,
 * Resent-Cc) left, `To: undisclosed-recipients:;` is appended. Fields that
 * cannot be parsed stay as they are, but for those that the section's address
 * is for: it takes the place of all that is in them.
 *
 * FAULT_UNAVAILABLE if there are too many Received fields. Nothing is changed
 * then.
 */
bool complete_header(struct header *header, const struct completion *with,
                     struct error *err);

#endif
