#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/request.h"
#include "util/alloc.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"

static void parses_requests(void **state)
{
    static const struct {
        const char *line;
        bool good;
        enum request request;
        const char *argument;
    } cases[] = {
        { "list", true, REQUEST_LIST, "" },
        { "status ", true, REQUEST_STATUS, "" },
        { "flush", true, REQUEST_FLUSH, "" },
        { "hold all", true, REQUEST_HOLD, "all" },
        { "remove " ID, true, REQUEST_REMOVE, ID },
        { "run !R bob@b", true, REQUEST_RUN, "!R bob@b" },
        { "run I a b", true, REQUEST_RUN, "I a b" },
        { "wait " ID, true, REQUEST_WAIT, ID },
        { "reload", true, REQUEST_RELOAD, "" },
        { "reload all", false, REQUEST_LIST, NULL },
        { "", false, REQUEST_LIST, NULL },
        { "lists", false, REQUEST_LIST, NULL },
        { "list mine", false, REQUEST_LIST, NULL },
        { "flush " ID, false, REQUEST_LIST, NULL },
        { "hold", false, REQUEST_LIST, NULL },
        { "hold alles", false, REQUEST_LIST, NULL },
        { "release " ID " later", false, REQUEST_LIST, NULL },
        { "run", false, REQUEST_LIST, NULL },
        { "run !", false, REQUEST_LIST, NULL },
        { "run Z x", false, REQUEST_LIST, NULL },
        { "run Ix", false, REQUEST_LIST, NULL },
        { "wait all", false, REQUEST_LIST, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct request_line parsed;
        const char *refusal = NULL;
        char *line = alloc_string(cases[i].line);
        if (request_parse(line, &parsed, &refusal) != cases[i].good)
            fail_msg("%s: %s", cases[i].line, refusal);
        if (cases[i].good) {
            assert_int_equal(parsed.request, cases[i].request);
            assert_string_equal(parsed.argument, cases[i].argument);
            char *again = request_compose(parsed.request, parsed.argument);
            assert_memory_equal(again, cases[i].line, strlen(again));
            free(again);
        } else {
            assert_non_null(refusal);
        }
        free(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
