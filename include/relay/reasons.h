/*
 * reasons.h - why messages wait, each text in memory once
 *
 * With a smarthost that is down, thousands of messages have the same reason.
 */
#ifndef POSTRIDER_RELAY_REASONS_H
#define POSTRIDER_RELAY_REASONS_H

/* The texts that came last. { 0 } is empty. */
#define REASONS_KNOWN 32
struct reasons {
    char *known[REASONS_KNOWN]; /* NULL, or a use of it */
    unsigned next;              /* to be replaced */
};
void reasons_forget(struct reasons *reasons);

/* A text, to be given back with reason_free(). NULL is NULL. */
const char *reasons_keep(struct reasons *reasons, const char *text);
void reason_free(const char *reason);                   /* NULL is allowed */

#endif
