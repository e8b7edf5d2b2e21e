/*
 * status_ahead.h - what the daemon sends before the line that it is about
 */
#ifndef POSTRIDER_POSTRIDER_STATUS_AHEAD_H
#define POSTRIDER_POSTRIDER_STATUS_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "control/protocol.h"

/* Zeroed at first. */
struct status_ahead {
    int64_t since, next;        /* of a smarthost */
    uint64_t refused, tried;
    char *refusal;              /* owned; NULL: nothing was refused */
    char *remedy;               /* of a trouble; owned; NULL: not known */
};

/* True: the line was about one that follows. */
bool status_take_ahead(struct status_ahead *ahead,
                       const struct status_line *line);
/* Some recipients are always wrong; with most of them it is something else. */
bool status_refuses_most(const struct status_ahead *ahead);
/* To be called after each line that was about itself. */
void status_forget_ahead(struct status_ahead *ahead);

#endif
