/*
 * config_parse.h - from the text of the file to struct config, by libconfuse
 */
#ifndef POSTRIDER_CONFIG_CONFIG_PARSE_H
#define POSTRIDER_CONFIG_CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct config;

/*
 * Take the values in the text of a file into config, which has its path and the
 * defaults of the keys outside of sections. Each value is checked as it is
 * read, each section at its end. FAULT_CONFIG with path and line.
 */
bool config_parse(struct config *config, const char *text, size_t length,
                  struct error *err);

#endif
