/*
 * sender.h - which sender section goes for a message
 */
#ifndef POSTRIDER_CONFIG_SENDER_H
#define POSTRIDER_CONFIG_SENDER_H

#include <stdbool.h>

struct config;
struct sender_rule;

/*
 * The first section that matches the login name of the caller (or NULL), the
 * reverse-path (sender "<>" matches "", the null one), or the address in From
 * (complete addresses; from may be NULL). NULL if none does.
 */
const struct sender_rule *sender_match(const struct config *config,
                                       const char *login,
                                       const char *reverse_path,
                                       const char *from);

/* The section for mail with the null reverse-path, of any sender: its own,
 * sender "<>", or the one for all. */
const struct sender_rule *sender_match_null(const struct config *config,
                                            bool *is_own);

#endif
