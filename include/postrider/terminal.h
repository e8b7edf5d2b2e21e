/*
 * terminal.h - a person at the terminal: asked, and shown what is waited for
 *
 * Questions are written to standard error, so that standard output is free for
 * the result; the answers are lines of standard input.
 */
#ifndef POSTRIDER_POSTRIDER_TERMINAL_H
#define POSTRIDER_POSTRIDER_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "util/error.h"

struct secret;

/* Is there a person to ask? */
bool terminal_has_person(void);

/* No line is longer than a terminal's. */
void terminal_print(const char *format,
                    ...) __attribute__((format(printf, 1, 2)));

/* An answer without blanks around it; an empty one is usual, which may be
 * NULL. The caller frees. NULL with FAULT_INPUT at the end of the input. */
char *terminal_ask(const char *question, const char *usual, struct error *err);

/* True or false in answer: y, yes, n or no in any case, else it asks again.
 * False with FAULT_INPUT. */
bool terminal_ask_yes(const char *question, bool usual, bool *answer,
                      struct error *err);

/* A line that the terminal does not show. A signal that ends the process puts
 * the terminal right first. */
bool terminal_ask_secret(const char *question, struct secret *secret,
                         struct error *err);

/*
 * Show what is waited for: after 5 seconds what it is, after 10 what may be the
 * cause. By a signal (SIGALRM), as the wait may be in any layer below;
 * elsewhere than at a terminal nothing is shown.
 *
 * out   flushed by the caller before each wait
 */
void terminal_wait_begin(FILE *out);

/* A wait begins, and the last one is over. cause may be NULL. */
void terminal_wait_for(const char *what, const char *cause);

void terminal_wait_end(void);

/* Show how far something is, in place of what was shown before; "" ends that.
 * Elsewhere than at a terminal nothing is shown. */
void terminal_progress(const char *format,
                       ...) __attribute__((format(printf, 1, 2)));

#endif
