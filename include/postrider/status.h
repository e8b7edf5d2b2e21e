/*
 * status.h - what the daemon reports of smarthosts, and of messages that stay
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

/* Messages that need an administrator. */
struct status_trouble {
    const char *place;          /* drop, queue, failed */
    const char *kind;           /* one of unread_words, given-up,
                                 * no-smarthost, no-room */
    const char *count;
    const char *text;           /* about one of them, with what helps */
};

/* The same for "PLACE KIND COUNT TEXT". */
void status_take_trouble(struct status_trouble *trouble, char *text);

#endif
