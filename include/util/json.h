/*
 * json.h - text as JSON has it (RFC 8259)
 */
#ifndef POSTRIDER_UTIL_JSON_H
#define POSTRIDER_UTIL_JSON_H

#include <stdio.h>

/* Print a string with its quotes. JSON is UTF-8 and must be valid whatever a
 * name holds: of text that is not, the octets are shown as on a terminal, \xNN.
 */
void json_print_text(FILE *out, const char *text);

#endif
