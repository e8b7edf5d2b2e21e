/*
 * address.h - addresses as people and programs write them (RFC 5322 3.4, 4.4)
 *
 * Takes what is found in the wild: comments, folding, groups, routes, quoted
 * local parts, quoted pairs outside quotes, white space around dots and @,
 * empty list elements, bare local names. Text is octets with a length and may
 * hold anything; what is not an address is refused with a text that shows it.
 *
 * Commas may be missing where addresses follow each other all the same:
 * after <>, or between addresses that have a domain. After `Name <address>`,
 * words without @ are taken for the rest of the name. Other words in a row
 * could be a name or several local names, and are refused, as is `Dr. bob@x`,
 * though RFC 5322 section 4.4 would make Dr.bob@x of it: a list never yields an
 * address that is not written in it, and loses none that is. An element
 * in quotes as a whole is the address in them, if it is one. An encoded-word in
 * which a program has left a comma, or the like, is one word all the same.
 */
#ifndef POSTRIDER_MAIL_ADDRESS_H
#define POSTRIDER_MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

#define ADDRESS_LENGTH_MAX 254      /* RFC 5321 section 4.5.3.1.3, without <> */
#define ADDRESS_LOCAL_MAX 64        /* section 4.5.3.1.1; see address_check */
#define ADDRESS_DOMAIN_MAX 255      /* section 4.5.3.1.2 */

/* One mailbox, and its place in the text it was parsed from. */
struct mailbox {
    char *address;          /* addr-spec without comments, folding and route;
                             * without "@domain" if the text has none */
    bool has_domain;
    size_t start;           /* text [start, end) is the addr-spec with its */
    size_t end;             /* route, as written, without angle brackets */
    size_t name;            /* where the words before <> begin; start if
                             * there are none */
    size_t comma;           /* text offset where one is missing in front; 0
                             * if none is */
    bool is_quoted;         /* the text has quotes around all of the address */
    bool has_brackets;      /* written as <addr-spec> */
    bool has_name;          /* has a display name or, as in `root (Cron)`, a
                             * comment that serves as one */
};

struct mailbox_list {
    struct mailbox *items;  /* owned, as are their strings */
    size_t count;
    size_t capacity;
    bool is_repaired;       /* commas were missing, or a name went on */
    bool ends_in_group;     /* the last text has a group without its end: what
                             * is appended to it would be of that group */
};

/*
 * Parse an address-list into list, which must be { 0 } or hold earlier
 * results: mailboxes are appended, groups contribute their members. A group
 * has a name, and none within it.
 *
 * FAULT_DATA if the text is not an address list, holds a control character
 * other than folding white space outside its comments, or an address is too
 * long.
 * list then holds nothing new.
 */
bool mailbox_list_parse(struct mailbox_list *list, const char *text,
                        size_t length, struct error *err);

/* The same for the recipients of a message. As with Sendmail, a list that has
 * none of `,;<(` has the old form, in which blanks separate the recipients:
 * so `root admin` is two. `|command x`, which it would run, is refused. */
bool mailbox_list_parse_recipients(struct mailbox_list *list, const char *text,
                                   size_t length, struct error *err);

void mailbox_list_free(struct mailbox_list *list);      /* empty again */

/*
 * An argument of the command line without the line ends and blanks around it,
 * which a shell or a file may have left there. The caller frees it; NULL with
 * FAULT_DATA if there is a line end or another control character but a tab in
 * it: no fold is needed in an argument.
 */
char *address_argument(const char *text, struct error *err);

/*
 * Exactly one address, as in -f or in a configuration file; "" and "<>" give
 * "". The caller frees the result; NULL with FAULT_DATA.
 */
char *address_parse_one(const char *text, struct error *err);

/* Position of the @ that separates local part and domain, or NULL. Quoted
 * local parts may hold others. */
const char *address_at(const char *address);

/* Has it no domain, or one that means nothing elsewhere: without a dot, or
 * localhost.localdomain? "" has none to be had. */
bool address_is_bare(const char *address);

/* A bare address with this domain; others as they are. Caller frees. */
char *address_complete(const char *address, const char *domain);

/* Where the @ is in a text that ends with an address whose domain is empty, as
 * `foo@` or `Foo <foo@>`; 0: it does not end with one. */
size_t address_without_domain(const char *text, size_t length);

/* Alike as RFC 5321 section 2.4 has it: domains in any case. */
bool address_equal(const char *a, const char *b);

/* The address as RFC 5321 section 4.1.2 has it, without quotes that it does not
 * need. Words in a row, some of them quoted (RFC 5322 section 4.4), become one.
 * Caller frees. */
char *address_canonical(const char *address);

/* The local part without quotes and quoted pairs. Caller frees. */
char *address_local_name(const char *address);

/* The other way: the local part of a name, quoted if need be. Login names of
 * directory services may be `DOMAIN\user`. Caller frees. */
char *address_local_part(const char *name);

/*
 * May it go on the wire, into the spool and a log? No control character, NUL
 * impossible, valid UTF-8, no leading '-', lengths within the limits, a local
 * part and a domain that RFC 5321 section 4.1.2 or RFC 6531 could have.
 * "" is refused too. FAULT_DATA.
 *
 * A local part may be longer than ADDRESS_LOCAL_MAX: bounce addresses that name
 * the recipient (VERP) often are, and servers take them. Its dots may be
 * anywhere: such mailboxes exist.
 */
bool address_check(const char *address, struct error *err);

#endif
