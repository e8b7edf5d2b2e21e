/*
 * password_command.h - programs that print the secret, run without a shell
 */
#ifndef POSTRIDER_CONFIG_PASSWORD_COMMAND_H
#define POSTRIDER_CONFIG_PASSWORD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct buf;
struct strings;

/*
 * Append the words of a command: separated by blanks, quotes and backslash as
 * in a shell, nothing else special. False if a quote is not closed.
 */
bool password_command_split(const char *command, struct strings *words);

/*
 * Run it and append what it prints to out. limit is in milliseconds: then it
 * and its process group are killed. FAULT_TEMPORARY if it fails, takes too
 * long or prints more than out takes; FAULT_CONFIG if it cannot be started.
 * Texts name its first word only; arguments may be secret.
 */
bool password_command_run(const char *command, int64_t limit, struct buf *out,
                          struct error *err);

/*
 * So with `postrider-oauth token NAME`, which prints a token. The fault is
 * that of its exit status, and the text is its own: FAULT_TEMPORARY,
 * FAULT_PERMISSION if only a person can mend it, FAULT_CONFIG, also if the
 * program is not installed.
 *
 * refused  digest_name() of a token that the smarthost refused, so that another
 *          one is wanted; or NULL
 */
bool password_command_oauth(const char *name, const char *refused,
                            int64_t limit, struct buf *out, struct error *err);

#endif
