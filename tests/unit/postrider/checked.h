/*
 * checked.h - what a check of `postrider check` finds
 *
 * Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_CHECKED_H
#define POSTRIDER_TESTS_UNIT_CHECKED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../configured.h"
#include "config/config.h"
#include "postrider/check.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

typedef void check_function(struct check *check);

/* The configuration of that text, with names of a machine. */
static inline struct config *checked_config(const char *text)
{
    char *whole = alloc_format("hostname = \"web1.example.com\"\n"
                               "domain = \"example.com\"\n%s", text);
    struct config *config = configured(whole);

    free(whole);
    return config;
}

/* The findings, a line each with topic "t", without the total; the caller
 * frees them. */
static inline char *checked(const struct config *config,
                            check_function *function, bool all_seen)
{
    char *text = NULL;
    size_t length = 0;
    struct check check = { .config = config, .topic = "t",
                           .all_seen = all_seen,
                           .out = open_memstream(&text, &length) };

    check_begin(&check);
    function(&check);
    check_end(&check);
    fclose(check.out);
    char *total = strstr(text, "total: ");
    assert_non_null(total);
    *total = '\0';
    return text;
}

/* A row: a configuration, and all that is found. */
struct check_case {
    const char *text;
    const char *findings;
};

static inline void checked_assert(check_function *function,
                                  const struct check_case *cases,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct config *config = checked_config(cases[i].text);
        char *findings = checked(config, function, true);
        if (strcmp(findings, cases[i].findings) != 0)
            fail_msg("row %zu:\n%s  is not\n%s", i, findings,
                     cases[i].findings);
        free(findings);
        config_free(config);
    }
}

static inline void checked_write(const char *name, const char *text,
                                 mode_t mode)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

#endif
