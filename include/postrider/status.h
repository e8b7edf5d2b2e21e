/*
 * status.h - what the daemon says of a smarthost
 */
#ifndef POSTRIDER_POSTRIDER_STATUS_H
#define POSTRIDER_POSTRIDER_STATUS_H

struct status_smarthost {
    const char *name;
    const char *state;          /* up, down, parked */
    const char *workers;        /* numbers */
    const char *jobs;
    const char *reason;         /* "" if it is up */
};

/* Take "NAME STATE WORKERS JOBS REASON" apart; members point into text, which
 * is changed. The name may hold blanks in theory only. */
void status_take_smarthost(struct status_smarthost *smarthost, char *text);

#endif
