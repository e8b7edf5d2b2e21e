/*
 * fuzz_relay.h - the manager's parts of the unit tests, in memory, for a fuzzer
 */
#ifndef POSTRIDER_TESTS_FUZZ_RELAY_H
#define POSTRIDER_TESTS_FUZZ_RELAY_H

#include "fuzz_spool.h"

#include "../unit/relay/relay_fixture.h"

static inline void fuzz_relay_open(struct relay *relay)
{
    *relay = (struct relay){ 0 };
    fuzz_in_memory();
    relay_set_up(relay);
    relay_start(relay);
}

static inline void fuzz_relay_close(struct relay *relay)
{
    relay_stop(relay);
    relay_tear_down(relay);
}

/* What is left of the input; octets after its end are 0. */
struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

static inline unsigned fuzz_octet(struct fuzz_input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

/* Up to so many octets; *length is how many there are. */
static inline const char *fuzz_octets(struct fuzz_input *input, size_t wanted,
                                      size_t *length)
{
    const char *data = (const char *)input->data;

    *length = wanted < input->left ? wanted : input->left;
    input->data += *length;
    input->left -= *length;
    return data;
}

#endif
