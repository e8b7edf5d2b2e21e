/*
 * clients_fixture.h - the queued messages of two users, and clients that ask
 *
 * Alice and Bob have a message each, with two recipients; Carol has none. The
 * clients are their processes, and root.
 */
#ifndef POSTRIDER_TESTS_CLIENTS_FIXTURE_H
#define POSTRIDER_TESTS_CLIENTS_FIXTURE_H

#include "relay_fixture.h"
#include "util/text.h"

enum { ALICE = 4001, BOB, CAROL, MINUTE = 60000 };

struct clients {
    struct relay relay;
    char alices[RANDOM_ID_LENGTH + 1];
    char bobs[RANDOM_ID_LENGTH + 1];
};

static inline void clients_submit(struct clients *clients, char *id,
                                  const char *sender, uid_t uid)
{
    struct relay *relay = &clients->relay;

    relay_drop(relay, id, &(struct message_shape){ .reverse_path = sender,
                                                   .recipients = 2 });
    relay_pick_up(relay);
    messages_find(relay->parts.messages, id)->uid = uid;
}

static inline int clients_set_up(void **state)
{
    struct clients *clients = relay_new(sizeof *clients);

    clients_submit(clients, clients->alices, "alice@example.com", ALICE);
    clients_submit(clients, clients->bobs, "bob@example.com", BOB);
    *state = clients;
    return 0;
}

/* The whole answer, and whether the client is to wait for more. The caller
 * frees it. */
static inline char *clients_ask(struct clients *clients, uid_t uid,
                                enum request request, const char *argument,
                                enum control_reply *reply)
{
    struct control_progress progress = { 0 };
    char waiting[RANDOM_ID_LENGTH + 1] = "";
    struct buf whole, part;
    const struct control_request what = {
        .uid = uid, .request = request, .argument = argument,
        .progress = &progress, .out = &part, .waiting = waiting,
    };

    buf_init(&whole, SIZE_MAX);
    buf_add_text(&whole, "");
    do {
        buf_init(&part, SIZE_MAX);
        *reply = requests_answer(clients->relay.parts.requests, &what,
                                 relay_now(&clients->relay));
        buf_add(&whole, part.data != NULL ? part.data : "", part.length);
        buf_free(&part);
    } while (*reply == CONTROL_MORE);
    return whole.data != NULL ? whole.data : alloc_string("");
}

/* Does the answer begin so? */
static inline bool clients_get(struct clients *clients, uid_t uid,
                               enum request request, const char *argument,
                               const char *start)
{
    enum control_reply reply;
    char *answer = clients_ask(clients, uid, request, argument, &reply);
    bool right = strncmp(answer, start, strlen(start)) == 0;

    if (!right)
        print_error("got: %s", answer);
    free(answer);
    return right;
}

#define FOR_CLIENTS(test) \
    cmocka_unit_test_setup_teardown(test, clients_set_up, relay_end)

#endif
