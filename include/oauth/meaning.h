/*
 * meaning.h - what the words of an authorization server come to
 */
#ifndef POSTRIDER_OAUTH_MEANING_H
#define POSTRIDER_OAUTH_MEANING_H

#include "config/config.h"

struct answer;

enum meaning {
    MEANS_PASSES,               /* by itself */
    MEANS_LOGIN,                /* a person must log in again */
    MEANS_CHANGE                /* of the section, or at the server */
};

/* The words of a server: RFC 6749 4.1.2.1 and 5.2. Texts may be NULL, but for
 * the first. */
struct words {
    const char *error;
    const char *detail;             /* Microsoft's suberror, Google's subtype */
    const char *description;
    const struct answer *answer;    /* that has error_codes; or NULL */
};

struct verdict {
    enum meaning meaning;
    const char *remedy;             /* NULL: none but that of the meaning */
};

/* Words that are not known are of a refusal that stays. */
struct verdict meaning_of(const struct words *words, enum oauth_flow flow);

#endif
