/*
 * terminal.h - questions on the terminal
 *
 * They are written to standard error, so that standard output is free for
 * the result; the answers are lines of standard input.
 */
#ifndef POSTRIDER_POSTRIDER_TERMINAL_H
#define POSTRIDER_POSTRIDER_TERMINAL_H

#include <stdbool.h>

#include "util/error.h"

struct secret;

/* Is there a person to ask? */
bool ask_has_person(void);

/* No line is longer than a terminal's. */
void ask_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An answer without blanks around it; an empty one is usual, which may be
 * NULL. The caller frees. NULL with FAULT_INPUT at the end of the input. */
char *ask_text(const char *question, const char *usual, struct error *err);

/* True or false in answer: y, yes, n or no in any case, else it asks again.
 * False with FAULT_INPUT. */
bool ask_yes(const char *question, bool usual, bool *answer,
             struct error *err);

/* A line that the terminal does not show. A signal that ends the process puts
 * the terminal right first. */
bool ask_secret(const char *question, struct secret *secret,
                struct error *err);

#endif
