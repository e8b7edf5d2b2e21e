#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "config/config.h"
#include "config/config_keys.h"
#include "util/text.h"

/* The fuzzer changes the keys of its inputs, and finds no other one. */
#define INPUT "tests/fuzz/config/config/all"

/* The lines of the keys in section i of a kind; NULL: there are not so many. */
static const unsigned *lines_of(const struct config *config,
                                enum config_section section, size_t i)
{
    switch (section) {
    case CONFIG_TOP:
        return i == 0 ? config->lines : NULL;
    case CONFIG_SMARTHOST:
        return i < config->smarthost_count ? config->smarthosts[i].lines
                                           : NULL;
    case CONFIG_SENDER:
        return i < config->sender_count ? config->senders[i].lines : NULL;
    case CONFIG_OAUTH:
        return i < config->oauth_count ? config->oauths[i].lines : NULL;
    }
    return NULL;
}

static bool is_set(const struct config *config, enum config_section section,
                   const char *key)
{
    const unsigned *lines;
    bool found = false;

    for (size_t i = 0; (lines = lines_of(config, section, i)) != NULL; i++)
        found |= config_keys_line(section, lines, key) != 0;
    return found;
}

static void each_key_is_in_an_input_of_the_fuzzer(void **state)
{
    static const enum config_section sections[] = {
        CONFIG_TOP, CONFIG_SMARTHOST, CONFIG_SENDER, CONFIG_OAUTH,
    };
    struct error err;
    struct config *config = config_load_file(INPUT, &err);

    (void)state;
    if (config == NULL)
        fail_msg(INPUT ": %s", err.text);
    for (size_t i = 0; i < COUNT(sections); i++) {
        const struct config_keys *table = config_keys_of(sections[i]);
        for (size_t k = 0; k < table->count; k++)
            if (!is_set(config, sections[i], table->keys[k].name))
                fail_msg(INPUT ": %s %s is missing", table->section,
                         table->keys[k].name);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_in_an_input_of_the_fuzzer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
