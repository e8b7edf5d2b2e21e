/*
 * password.h - the secret of a smarthost, fetched when it is needed
 */
#ifndef POSTRIDER_CONFIG_PASSWORD_H
#define POSTRIDER_CONFIG_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct buf;
struct config;
struct secret;
struct smarthost;

/*
 * Fetch the password (or token) from password_file, password_command or the
 * systemd credential: first line, without its line end. Both files must belong
 * to root or to the process's user, and no other user may read a password_file:
 * FAULT_CONFIG, with the remedy, and so for a file that does not exist. Secrets
 * that containers are given may be otherwise: root's with mode 0440 and a group
 * of the process, and with direct delivery, mode 0444.
 * FAULT_PERMISSION if it must not be opened.
 *
 * A password_command is split into words (quotes and backslash as in a shell)
 * and run without a shell: standard input /dev/null, output at most 64 KB, at
 * most 30 s; only if the configuration belongs to the process's user or root
 * and no other user can write it. FAULT_TEMPORARY if it fails or takes too
 * long.
 *
 * With oauth, the program postrider-oauth is run in the same way, and its exit
 * status shows more: FAULT_PERMISSION if only a person can mend it,
 * FAULT_CONFIG.
 *
 * Callers have called process_hide_memory() before.
 */
bool password_fetch(const struct config *config,
                    const struct smarthost *smarthost, struct secret *secret,
                    struct error *err);

/* The same for a smarthost with oauth, which has refused the token with this
 * digest_name(); NULL: none. */
bool password_renew(const struct config *config,
                    const struct smarthost *smarthost, const char *refused,
                    struct secret *secret, struct error *err);

/* The same for a file alone, such as a client's secret: path is absolute. */
bool password_read_file(const struct config *config, const char *path,
                        struct secret *secret, struct error *err);

/* All of such a file: a private key. The caller wipes text, which has a limit
 * of its own. */
bool password_read_key(const struct config *config, const char *path,
                       struct buf *text, struct error *err);

/*
 * The octets of a password, or of another text that was pasted, that are seldom
 * meant to be there: "ends with a blank", "holds a no-break space". The text is
 * used as it is all the same. NULL if there is nothing. Static.
 */
const char *password_oddity(const char *text, size_t length);

/* Is a program run for it, which takes its time? */
bool password_is_printed(const struct smarthost *smarthost);

/* Is there one configured at all? */
bool password_configured(const struct smarthost *smarthost);

#endif
