#include "smtp/dot_stuffing.h"

#include <string.h>

/* The state after octets that need no dot. */
static void pass_octets(struct dot_stuffing *state, const char *data,
                        size_t length)
{
    if (length == 0)
        return;
    bool cr_before = length > 1 ? data[length - 2] == '\r' : state->after_cr;
    state->after_cr = data[length - 1] == '\r';
    state->in_line = !(data[length - 1] == '\n' && cr_before);
}

size_t dot_stuffing_run(struct dot_stuffing *state, const char *data,
                        size_t length)
{
    if (length == 0)
        return 0;
    /* The dot that stopped the last run has been doubled: it may go now. */
    size_t from = state->doubled ? 1 : 0;
    if (data[0] == '.' && !state->in_line && !state->doubled) {
        state->doubled = true;
        return 0;
    }
    state->doubled = false;
    const char *dot = data + from;
    while ((dot = memchr(dot, '.', length - (size_t)(dot - data))) != NULL) {
        size_t at = (size_t)(dot - data);
        bool lf = at >= 1 && data[at - 1] == '\n';
        bool cr = at >= 2 ? data[at - 2] == '\r' : state->after_cr;
        if (lf && cr) {
            pass_octets(state, data, at);
            state->doubled = true;
            return at;
        }
        dot++;
    }
    pass_octets(state, data, length);
    return length;
}
