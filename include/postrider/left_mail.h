/*
 * left_mail.h - mail that another mail system has left in its spool
 */
#ifndef POSTRIDER_POSTRIDER_LEFT_MAIL_H
#define POSTRIDER_POSTRIDER_LEFT_MAIL_H

#include <stdbool.h>
#include <stddef.h>

/* A folder in which one of Debian's packages keeps its mail. */
struct left_place {
    const char *agent;
    const char *folder;
    const char *pattern;        /* of the one file of each message */
    const char *remedy;         /* how it is sent after all */
};

#define LEFT_PLACES 10
extern const struct left_place left_places[LEFT_PLACES];

/* How many messages are there. False: that may not be looked at. */
bool left_mail_count(const struct left_place *place, size_t *count);

#endif
