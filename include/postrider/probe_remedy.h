/*
 * probe_remedy.h - what can be done about a smarthost that does not take mail
 */
#ifndef POSTRIDER_POSTRIDER_PROBE_REMEDY_H
#define POSTRIDER_POSTRIDER_PROBE_REMEDY_H

#include <stdbool.h>

#include "smtp/outcome.h"
#include "util/error.h"

/* Append "; remedy" to what failed at that stage, if one is known. Returns
 * false. */
bool probe_remedy(enum outcome_stage stage, struct error *err);

#endif
