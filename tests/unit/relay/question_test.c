/* What a client may see, and answers that are made in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clients_fixture.h"
#include "relay/question.h"

static const struct {
    uid_t uid;
    bool alices, bobs;
} views[] = {
    { 0,     true,  true  },
    { ALICE, true,  false },
    { BOB,   false, true  },
    { CAROL, false, false },
};

static void shows_users_their_own(void **state)
{
    const struct clients *clients = *state;
    struct messages *messages = clients->relay.parts.messages;

    for (size_t i = 0; i < COUNT(views); i++) {
        const struct question q = { .uid = views[i].uid };
        if (question_may_see(&q, messages_find(messages, clients->alices)) !=
                views[i].alices ||
            question_may_see(&q, messages_find(messages, clients->bobs)) !=
                views[i].bobs)
            fail_msg("row %zu", i);
    }
}

struct visits {
    struct buf *out;
    size_t count;
};

/* A message whose line is as long as a part may be. */
static void visit_long_line(void *context, struct message *message)
{
    struct visits *visits = context;

    (void)message;
    visits->count++;
    for (size_t i = 0; i < 65536; i++)
        buf_add(visits->out, "x", 1);
}

/* The next part begins where the one before ended. */
static void visits_each_message_once(void **state)
{
    const struct clients *clients = *state;
    const struct question_parts parts = {
        .messages = clients->relay.parts.messages,
    };
    struct control_progress progress = { 0 };
    struct buf out;
    const struct question q = { .parts = &parts, .progress = &progress,
                                .out = &out };
    struct visits visits = { .out = &out };
    size_t count = 0;
    bool more;

    do {
        buf_init(&out, SIZE_MAX);
        more = question_go_on(&q, visit_long_line, &visits);
        count++;
        buf_free(&out);
    } while (more);
    assert_int_equal(visits.count, 2);
    assert_true(count > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_CLIENTS(shows_users_their_own),
        FOR_CLIENTS(visits_each_message_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
