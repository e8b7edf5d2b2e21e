/*
 * user.h - another user, whom a process of root becomes
 *
 * Apart from process.h, as name services are asked, which static programs
 * cannot.
 */
#ifndef POSTRIDER_UTIL_USER_H
#define POSTRIDER_UTIL_USER_H

#include <pwd.h>
#include <stdbool.h>

#include "util/error.h"

/* As getpwnam(3) has it, whose storage it is; NULL with FAULT_CONFIG. name is
 * that of the key `user`. */
const struct passwd *user_find(const char *name, struct error *err);

/* For good, with all groups. FAULT_PERMISSION. */
bool user_become(const struct passwd *user, struct error *err);

#endif
