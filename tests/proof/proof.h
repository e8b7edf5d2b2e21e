/*
 * proof.h - input of any octets, for the harnesses
 *
 * A harness has up to three entries. exact() calls what it is about with texts
 * of each length from 0 to LONGEST, each in memory that ends where the text
 * ends. limit() has one text of the largest length, any octet of which may be
 * its end; part() does so for functions that limit() takes by contract.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "__fc_builtin.h"

/* The largest text without a limit of its own: buffers, formatted texts. */
#ifndef PROOF_TEXT_MAX
#define PROOF_TEXT_MAX 65536
#endif

bool proof_any(void);                       /* true or false */
size_t proof_length(size_t max);            /* 0 to max */

/* Memory of so many octets, of any value. */
char *proof_octets(size_t length);

/* The same with a NUL after them: a string of up to length octets. */
char *proof_text(size_t length);

/* A string of just that length: known where -eva-ilevel is 256. */
char *proof_string(size_t length);

/* The arguments of a format are what it says, and can be read. Up to so many
 * octets come of it. */
size_t proof_format(const char *format, va_list args);

/* So many octets take any value. Their end stays. */
void proof_change(void *data, size_t length);

#endif
