/*
 * probe_remedy.h - what can be done about a smarthost that does not take mail
 *
 * The table of failures and remedies, for what is not known where the error is
 * raised: an administrator who tries a smarthost wants advice that would be too
 * much in the log of each attempt.
 */
#ifndef POSTRIDER_POSTRIDER_PROBE_REMEDY_H
#define POSTRIDER_POSTRIDER_PROBE_REMEDY_H

#include <stdbool.h>

#include "smtp/outcome.h"
#include "util/error.h"

/* The remedy for what failed at that stage, by how far it went and by the reply,
 * if one is known and the error has none. has_login: we have a user there.
 * Returns false. */
bool probe_remedy(enum outcome_stage stage, bool has_login, struct error *err);

#endif
