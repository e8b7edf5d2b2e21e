/*
 * patience.h - show a person at a terminal what is waited for
 *
 * After 5 seconds what it is, after 10 what may be the cause. By a signal
 * (SIGALRM), as the wait may be in any layer below; elsewhere than at a
 * terminal nothing is shown.
 */
#ifndef POSTRIDER_POSTRIDER_PATIENCE_H
#define POSTRIDER_POSTRIDER_PATIENCE_H

#include <stdio.h>

/* out: flushed by the caller before each wait. */
void patience_begin(FILE *out);

/* A wait begins, and the last one is over. cause may be NULL. */
void patience_await(const char *what, const char *cause);

void patience_end(void);

#endif
