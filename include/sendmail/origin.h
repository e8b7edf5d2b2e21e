/*
 * origin.h - the sender of a message: reverse-path, author, sender section
 */
#ifndef POSTRIDER_SENDMAIL_ORIGIN_H
#define POSTRIDER_SENDMAIL_ORIGIN_H

#include <stdbool.h>

#include "util/error.h"

struct config;
struct header;
struct sender_rule;
struct submission;

struct origin {
    char *reverse_path;             /* complete; "" is the null one */
    bool is_local;                  /* it was a local name */
    char *author;                   /* address for a From that has none */
    char *full_name;                /* its display name, or NULL */
    const struct sender_rule *rule; /* the section that goes, or NULL */
};

/*
 * The reverse-path is that of -f, else the login name of the process's user
 * completed with the domain (the uid where there is no name). A sender
 * section's address goes before either; the null reverse-path stays null. A
 * section may take the address in From for that of the login name.
 *
 * author and full_name are found only if the header needs them. With -t it may
 * be a Resent-From that does. FAULT_DATA if -f is not an address.
 */
bool origin_find(struct origin *origin, const struct submission *submission,
                 const struct config *config, const struct header *header,
                 struct error *err);
void origin_free(struct origin *origin);

#endif
