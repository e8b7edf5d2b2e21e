/*
 * payload.h - what runs in a process that was taken over
 *
 * Preloaded into the real programs: payload_load.c waits until the run asks for
 * it, payload_calls.c tries every system call, payload_acts.c what an attacker
 * would do with them.
 */
#ifndef POSTRIDER_TESTS_PAYLOAD_H
#define POSTRIDER_TESTS_PAYLOAD_H

/* Values of errno that the kernel has not: what the filter would have done. */
#define FILTER_ENDS_PROCESS 4000
#define FILTER_REFUSES      3000        /* and the errno that it gives */

/* Append a line to the report: a text, and the errno that it came to. */
void payload_report(const char *text, int error);

/* Is the process under a filter at all? */
int payload_is_filtered(void);

void payload_try_calls(void);

/* A line of the plan: an act and what it is done to. */
void payload_try_act(char *line);

#endif
