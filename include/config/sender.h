/*
 * sender.h - which sender section goes for a message
 */
#ifndef POSTRIDER_CONFIG_SENDER_H
#define POSTRIDER_CONFIG_SENDER_H

struct config;
struct sender_rule;

/*
 * The first section that matches the login name of the caller, the
 * reverse-path, or the address in From (complete addresses; from may be NULL).
 * NULL if none does.
 */
const struct sender_rule *sender_match(const struct config *config,
                                       const char *login,
                                       const char *reverse_path,
                                       const char *from);

#endif
