/*
 * config_check.h - rules that concern several keys of a configuration
 */
#ifndef POSTRIDER_CONFIG_CONFIG_CHECK_H
#define POSTRIDER_CONFIG_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct config;
struct oauth;
struct smarthost;

/* Is the section whole and free of contradictions? Its computed defaults are
 * filled in. FAULT_CONFIG with the remedy. */
bool config_complete_smarthost(const struct config *config,
                               struct smarthost *host, struct error *err);

/* Has an oauth section what its flow needs? FAULT_CONFIG. */
bool config_check_oauth(const struct config *config, const struct oauth *oauth,
                        struct error *err);

/* The same for the whole file, when all sections have been read. */
bool config_complete(struct config *config, struct error *err);

/* Refuse a section, as its title is that of another one of the file. */
bool config_refuse_title(const struct config *config, const char *title,
                         unsigned line, struct error *err);

/* Do the senders from number first on, those of a file, have different titles?
 * They are sorted for that: there may be thousands. */
bool config_check_titles(const struct config *config, size_t first,
                         struct error *err);

#endif
