#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "relay/delays.h"
#include "util/buf.h"

static void buckets_hold_all_up_to_their_bound(void **state)
{
    static const int64_t delays[] = { -5, 1000, 1001, 86400001 };
    static const char *const lines[] = {
        "# TYPE postrider_delivery_seconds histogram\n",
        "_bucket{le=\"1\"} 2\n", "_bucket{le=\"2\"} 3\n",
        "_bucket{le=\"86400\"} 3\n", "_bucket{le=\"+Inf\"} 4\n",
        "_sum 86402.002\n", "_count 4\n",
    };
    struct delays counted = { 0 };
    struct buf text;

    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++)
        delays_count(&counted, delays[i]);
    buf_init(&text, SIZE_MAX);
    delays_put(&counted, &text);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(text.data, lines[i]) == NULL)
            fail_msg("%s: not in: %s", lines[i], text.data);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_hold_all_up_to_their_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
