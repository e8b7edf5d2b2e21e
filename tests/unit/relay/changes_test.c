/* Messages that clients have tried, held or removed. message_test.c has the
 * effect on a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clients_fixture.h"

static void changes_nothing_of_others(void **state)
{
    static const enum request requests[] = { REQUEST_RETRY, REQUEST_REMOVE };
    struct clients *clients = *state;

    for (size_t i = 0; i < COUNT(requests); i++) {
        relay_wait(&clients->relay, MINUTE);
        assert_true(clients_get(clients, ALICE, requests[i], clients->bobs,
                                "0\n"));
        relay_wait(&clients->relay, MINUTE);
        assert_true(clients_get(clients, ALICE, requests[i],
                                "ffffffffffffffffffffffffffffffff", "0\n"));
    }
    assert_non_null(messages_find(clients->relay.parts.messages,
                                  clients->bobs));
}

/* One that is held is not tried on request; one that a worker has
 * is removed when it is back. */
static void reports_what_it_could_not_do_yet(void **state)
{
    struct clients *clients = *state;

    assert_true(clients_get(clients, 0, REQUEST_HOLD, clients->alices, "1\n"));
    assert_true(clients_get(clients, 0, REQUEST_RETRY, "all", "held 1\n1\n"));
    relay_give(&clients->relay);
    assert_true(clients_get(clients, 0, REQUEST_REMOVE, "all", "1 1\n"));
    assert_non_null(messages_find(clients->relay.parts.messages,
                                  clients->bobs));
    relay_settle_all(&clients->relay, '4');
    assert_null(messages_find(clients->relay.parts.messages, clients->bobs));
}

/* --- Messages by what is in them. --- */

static const struct {
    const char *filter;         /* "I": the queue-id of Alice's is added */
    const char *tried;
} filters[] = {
    { "I ", "1\n" },
    { "!I ", "1\n" },
    { "I fffffffffffffffffffffffff", "0\n" },
    { "S alice@", "1\n" },
    { "S @example.com", "2\n" },
    { "S c@example.com", "0\n" },       /* a recipient */
    { "!S alice@", "1\n" },
    { "R c@example.com", "2\n" },
    { "R alice@", "0\n" },
    { "!R c@", "0\n" },
};

static void tries_messages_by_what_is_in_them(void **state)
{
    struct clients *clients = *state;

    for (size_t i = 0; i < COUNT(filters); i++) {
        size_t length = strlen(filters[i].filter);
        bool names = filters[i].filter[length - 2] == 'I' &&
                     filters[i].filter[length - 1] == ' ';
        char *filter = alloc_format("%s%s", filters[i].filter,
                                    names ? clients->alices : "");
        if (!clients_get(clients, 0, REQUEST_RUN, filter, filters[i].tried))
            fail_msg("row %zu", i);
        free(filter);
    }
}

/* A summary that is too long to be kept is read from the file. */
static void reads_what_it_does_not_keep(void **state)
{
    struct clients *clients = *state;
    struct relay *relay = &clients->relay;
    char id[RANDOM_ID_LENGTH + 1];

    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = 500 });
    relay_pick_up(relay);
    relay_store_all(relay);
    relay_store_what_must_be(relay);
    assert_null(messages_find(relay->parts.messages, id)->summary);
    assert_true(clients_get(clients, 0, REQUEST_RUN, "R 499@example.com",
                            "1\n"));
    assert_true(clients_get(clients, 0, REQUEST_RUN, "!R 499@example.com",
                            "2\n"));
    unlinkat(relay->fixture.spool.queue, id, 0);
    assert_true(clients_get(clients, 0, REQUEST_RUN, "!R 499@example.com",
                            "2\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_CLIENTS(changes_nothing_of_others),
        FOR_CLIENTS(reports_what_it_could_not_do_yet),
        FOR_CLIENTS(tries_messages_by_what_is_in_them),
        FOR_CLIENTS(reads_what_it_does_not_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
