/* The list of the queue, as each client may see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clients_fixture.h"

static size_t count_lines(const char *answer, const char *part)
{
    size_t count = 0;

    for (const char *at = answer; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

/* The part of the two messages that each caller sees; the rest is others'. */
static const struct {
    uid_t uid;
    size_t alices, bobs;
    const char *others;
} lists[] = {
    { 0,     1, 1, NULL },
    { ALICE, 1, 0, "others\t1\t" },
    { CAROL, 0, 0, "others\t2\t" },
};

static void lists_what_the_asker_may_see(void **state)
{
    struct clients *clients = *state;
    enum control_reply reply;

    for (size_t i = 0; i < COUNT(lists); i++) {
        char *answer = clients_ask(clients, lists[i].uid, REQUEST_LIST, "",
                                   &reply);
        if (count_lines(answer, "alice@") != lists[i].alices ||
            count_lines(answer, "bob@") != lists[i].bobs ||
            (strstr(answer, "others") != NULL) != (lists[i].others != NULL) ||
            (lists[i].others != NULL &&
             strstr(answer, lists[i].others) == NULL))
            fail_msg("row %zu: %s", i, answer);
        free(answer);
    }
}

/* Those that cannot be read are others' for a user. */
static void lists_what_cannot_be_read(void **state)
{
    struct clients *clients = *state;
    enum control_reply reply;
    struct error err;

    error_set(&err, FAULT_NEWER, "it is newer");
    unread_add(&clients->relay.parts.messages->unread, &err);
    char *roots = clients_ask(clients, 0, REQUEST_LIST, "", &reply);
    char *alices = clients_ask(clients, ALICE, REQUEST_LIST, "", &reply);
    assert_non_null(strstr(roots, "unread\t1\tit is newer\n"));
    assert_null(strstr(alices, "unread"));
    assert_non_null(strstr(alices, "others\t2\t"));
    free(roots);
    free(alices);
}

/* Committed before the question: in the answer. */
static void lists_what_has_just_come(void **state)
{
    struct clients *clients = *state;
    struct relay *relay = &clients->relay;
    struct control_progress progress = { 0 };
    char id[RANDOM_ID_LENGTH + 1], waiting[RANDOM_ID_LENGTH + 1] = "";
    struct buf out;
    const struct control_request what = {
        .uid = 0, .request = REQUEST_LIST, .argument = "",
        .progress = &progress, .out = &out, .waiting = waiting,
    };

    buf_init(&out, SIZE_MAX);
    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "late@example.com", .recipients = 1 });
    assert_int_equal(relay_answer(relay, &what), CONTROL_MORE);
    while (pickup_run(relay->parts.pickup, relay_now(relay), INT64_MAX))
        ;
    while (relay_answer(relay, &what) == CONTROL_MORE)
        ;
    assert_non_null(strstr(out.data, "late@example.com"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_CLIENTS(lists_what_the_asker_may_see),
        FOR_CLIENTS(lists_what_cannot_be_read),
        FOR_CLIENTS(lists_what_has_just_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
