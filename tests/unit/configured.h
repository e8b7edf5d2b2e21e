/*
 * configured.h - the configuration that a text makes
 *
 * Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_CONFIGURED_H
#define POSTRIDER_TESTS_UNIT_CONFIGURED_H

#include <string.h>

#include "config/config.h"
#include "util/error.h"

/* The test fails if the text is wrong. The caller frees it. */
static inline struct config *configured(const char *text)
{
    struct error err = { 0 };
    struct config *config = config_load_text("postrider.conf", text,
                                             strlen(text), &err);

    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

#endif
