#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "control/client.h"
#include "relay/control.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/random.h"
#include "util/text.h"

/* A daemon stops while a client has asked it, and has had no answer yet. */
static const struct {
    const char *asked;
    enum control_reply reply;
    const char *expected;       /* what the client gets */
} cases[] = {
    { "list\n", CONTROL_DONE, "one\n" },
    { "list\n", CONTROL_MORE, "one\n\nagain\n" },
    { "li", CONTROL_DONE, "again\n" },
    { "list\n", CONTROL_WAITS, "" },
};

static enum control_reply answer(void *context,
                                 const struct control_request *what)
{
    enum control_reply reply = *(const enum control_reply *)context;

    if (reply == CONTROL_WAITS)
        random_id(what->waiting);
    else
        buf_add_text(what->out, "one\n");
    return reply;
}

static void note_listener(void *context, int fd, short events)
{
    (void)events;
    *(int *)context = fd;
}

static void an_end_is_no_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum control_reply reply = cases[i].reply;
        struct error err;
        struct buf got;
        int listener;
        struct control *control = control_new("socket", answer, &reply, &err);
        control_each(control, note_listener, &listener);
        int fd = client_connect("socket", &err);
        assert_true(io_write_all(fd, cases[i].asked, strlen(cases[i].asked)));
        control_handle(control, listener, 1);
        control_free(control);
        buf_init(&got, SIZE_MAX);
        assert_true(io_read_all(fd, &got, &err));
        assert_string_equal(got.data, cases[i].expected);
        buf_free(&got);
        io_close(&fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { IN_FOLDER(an_end_is_no_answer) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
