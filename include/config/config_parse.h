/*
 * config_parse.h - from the text of the file to struct config, by libconfuse
 */
#ifndef POSTRIDER_CONFIG_CONFIG_PARSE_H
#define POSTRIDER_CONFIG_CONFIG_PARSE_H

#include <stdbool.h>

#include "util/error.h"

struct config;

/*
 * Take the values in text, which config_text_prepare() has made, into config,
 * which has its path and the defaults of the keys outside of sections. Each
 * value is checked as it is read, each section at its end.
 */
bool config_parse(struct config *config, const char *text, struct error *err);

#endif
