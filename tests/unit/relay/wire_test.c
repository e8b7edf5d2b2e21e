#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/wire.h"
#include "util/alloc.h"
#include "util/text.h"
#include "util/unix_socket.h"

struct pair {
    int here, there;
};

static int set_up(void **state)
{
    struct pair *pair = alloc_zero(1, sizeof *pair);
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends) == -1)
        return -1;
    pair->here = ends[0];
    pair->there = ends[1];
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;

    close(pair->here);
    close(pair->there);
    free(pair);
    return 0;
}

static void receive(const struct pair *pair, enum wire_party from,
                    struct packet *packet)
{
    struct error err;

    if (wire_receive(pair->there, from, packet, &err) != 1)
        fail_msg("%s", err.text);
}

static void hands_over_a_job(void **state)
{
    const struct pair *pair = *state;
    size_t recipients[WIRE_RECIPIENTS_MAX + 1];
    struct packet job = wire_packet(WIRE_JOB);
    struct packet got;
    struct error err;
    int ends[2];
    char octet = 0;

    for (size_t i = 0; i < COUNT(recipients); i++)
        recipients[i] = 3 * i;
    assert_int_equal(pipe(ends), 0);
    job.job = UINT64_MAX;
    job.uid = 4242;
    job.final = true;
    job.recipients = recipients;
    job.fd = ends[0];
    job.count = WIRE_RECIPIENTS_MAX;
    assert_true(wire_send(pair->here, &job, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_int_equal(got.kind, WIRE_JOB);
    assert_true(got.job == UINT64_MAX);
    assert_int_equal(got.uid, 4242);
    assert_true(got.final);
    assert_int_equal(got.count, WIRE_RECIPIENTS_MAX);
    assert_memory_equal(got.recipients, recipients,
                        WIRE_RECIPIENTS_MAX * sizeof recipients[0]);
    assert_int_not_equal(fcntl(got.fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(read(got.fd, &octet, 1), 1);
    assert_int_equal(octet, 'x');
    assert_int_equal(got.original, -1);
    wire_free(&got);
    job.original = ends[1];
    assert_true(wire_send(pair->here, &job, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_int_equal(write(got.original, "y", 1), 1);
    assert_int_equal(read(got.fd, &octet, 1), 1);
    assert_int_equal(octet, 'y');
    wire_free(&got);
    job.count = COUNT(recipients);
    assert_true(wire_send(pair->here, &job, &err));
    assert_int_equal(wire_receive(pair->there, WIRE_MANAGER, &got, &err), -1);
    assert_int_equal(err.fault, FAULT_PROTOCOL);
    close(ends[0]);
    close(ends[1]);
}

/* More than fit into a datagram come in several. */
static void splits_many_outcomes(void **state)
{
    enum { COUNT_OF_ALL = 1000 };
    const struct pair *pair = *state;
    struct packet packet = wire_packet(WIRE_OUTCOMES);
    size_t seen = 0;
    struct error err;
    int status, size = 4 << 20;
    char peer[] = "mx.example[192.0.2.1]:587";
    char *text = alloc_zero(601, 1);

    setsockopt(pair->here, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    memset(text, 'x', 600);
    packet.job = 7;
    packet.peer = peer;
    packet.count = COUNT_OF_ALL;
    packet.outcomes = alloc_zero(COUNT_OF_ALL, sizeof *packet.outcomes);
    for (size_t i = 0; i < COUNT_OF_ALL; i++) {
        packet.outcomes[i].index = i;
        packet.outcomes[i].dsn_passed_on = i % 2 != 0;
        packet.outcomes[i].outcome = (struct outcome){
            .kind = OUTCOME_FAILED, .stage = STAGE_RCPT,
            .fault = FAULT_RECIPIENT, .status = "5.1.1", .code = 550,
            .uncertain = i % 2 == 0, .wants_login = i % 3 == 0,
            .text = alloc_string(text),
            .remedy = alloc_string(i % 5 == 0 ? "ask" : NULL),
        };
    }
    pid_t pid = fork();
    if (pid == 0) {
        /* A worker may wait; the manager does not. */
        fcntl(pair->here, F_SETFL, 0);
        _exit(wire_send(pair->here, &packet, &err) ? 0 : 1);
    }
    while (seen < COUNT_OF_ALL) {
        struct packet got;
        fcntl(pair->there, F_SETFL, 0);
        receive(pair, WIRE_WORKER, &got);
        assert_int_equal(got.job, 7);
        assert_string_equal(got.peer, peer);
        for (size_t i = 0; i < got.count; i++, seen++) {
            const struct outcome *outcome = &got.outcomes[i].outcome;
            assert_int_equal(got.outcomes[i].index, seen);
            assert_int_equal(got.outcomes[i].dsn_passed_on, seen % 2);
            assert_int_equal(outcome->kind, OUTCOME_FAILED);
            assert_int_equal(outcome->stage, STAGE_RCPT);
            assert_int_equal(outcome->fault, FAULT_RECIPIENT);
            assert_string_equal(outcome->status, "5.1.1");
            assert_int_equal(outcome->code, 550);
            assert_int_equal(outcome->uncertain, seen % 2 == 0);
            assert_int_equal(outcome->wants_login, seen % 3 == 0);
            assert_string_equal(outcome->text, text);
            assert_true((outcome->remedy != NULL) == (seen % 5 == 0));
            assert_true(seen % 5 != 0 || strcmp(outcome->remedy, "ask") == 0);
        }
        wire_free(&got);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fcntl(pair->here, F_SETFL, O_NONBLOCK);
    fcntl(pair->there, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < COUNT_OF_ALL; i++)
        outcome_free(&packet.outcomes[i].outcome);
    free(packet.outcomes);
    free(text);
}

/* A sender that must wait in between goes on where it was, and a socket with
 * the smallest buffer there is takes it all the same. */
static void goes_on_where_it_was(void **state)
{
    enum { COUNT_OF_ALL = 500 };
    const struct pair *pair = *state;
    struct packet packet = wire_packet(WIRE_OUTCOMES);
    struct error err = { 0 };
    size_t seen = 0, waits = 0;
    int usual, size = 1;
    socklen_t length = sizeof usual;

    getsockopt(pair->here, SOL_SOCKET, SO_SNDBUF, &usual, &length);
    setsockopt(pair->here, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    packet.count = COUNT_OF_ALL;
    packet.outcomes = alloc_zero(COUNT_OF_ALL, sizeof *packet.outcomes);
    for (size_t i = 0; i < COUNT_OF_ALL; i++) {
        packet.outcomes[i].index = i;
        packet.outcomes[i].outcome = (struct outcome){
            .kind = OUTCOME_DEFERRED, .stage = STAGE_RCPT,
            .fault = FAULT_TEMPORARY, .status = "4.2.0",
            .text = alloc_string("450 greylisted"),
        };
    }
    while (!wire_send(pair->here, &packet, &err)) {
        struct packet got;
        assert_int_equal(err.fault, FAULT_TEMPORARY);
        waits++;
        receive(pair, WIRE_WORKER, &got);
        for (size_t i = 0; i < got.count; i++)
            assert_int_equal(got.outcomes[i].index, seen++);
        wire_free(&got);
    }
    for (struct packet got;
         wire_receive(pair->there, WIRE_WORKER, &got, &err) == 1;
         wire_free(&got))
        for (size_t i = 0; i < got.count; i++)
            assert_int_equal(got.outcomes[i].index, seen++);
    assert_int_equal(seen, COUNT_OF_ALL);
    assert_true(waits > 0);
    size = usual / 2;           /* the kernel doubles it */
    setsockopt(pair->here, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    wire_free(&packet);
}

static void tells_of_sessions(void **state)
{
    const struct pair *pair = *state;
    char peer[] = "mx.example[192.0.2.1]:587";
    char token[] = "9f86d081884c7d65";
    struct packet packet = wire_packet(WIRE_CLOSED);
    struct packet got;
    struct error err;

    packet.peer = peer;
    error_set(&packet.error, FAULT_PERMISSION, "535 no");
    error_at(&packet.error, "/p", 3);
    error_remedy(&packet.error, "check it");
    packet.error.reach = REACH_REPLY;
    assert_true(wire_send(pair->here, &packet, &err));
    receive(pair, WIRE_WORKER, &got);
    assert_null(got.token);
    wire_free(&got);
    packet.token = token;
    assert_true(wire_send(pair->here, &packet, &err));
    receive(pair, WIRE_WORKER, &got);
    assert_string_equal(got.token, token);
    assert_int_equal(got.error.fault, FAULT_PERMISSION);
    assert_int_equal(got.error.reach, REACH_REPLY);
    assert_string_equal(got.error.what, "535 no");
    assert_string_equal(got.error.text, "/p:3: 535 no; check it");
    wire_free(&got);
    packet.kind = WIRE_OPENED;
    packet.certificate_end = 4102444800;
    assert_true(wire_send(pair->here, &packet, &err));
    receive(pair, WIRE_WORKER, &got);
    assert_int_equal(got.kind, WIRE_OPENED);
    assert_true(got.certificate_end == 4102444800);
    assert_string_equal(got.peer, peer);
    wire_free(&got);
    packet.kind = WIRE_REFUSED;
    assert_true(wire_send(pair->here, &packet, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_string_equal(got.token, token);
    wire_free(&got);
    packet = wire_packet(WIRE_SILENT);
    packet.count = 3;
    assert_true(wire_send(pair->here, &packet, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_int_equal(got.count, 3);
    wire_free(&got);
    packet = wire_packet(WIRE_DISTRUST);
    packet.distrust = (struct distrust){ .extensions = CAP_DSN, .hello = 77,
                                         .until = 4102444800, .changes = 2 };
    assert_true(wire_send(pair->here, &packet, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_int_equal(got.distrust.extensions, CAP_DSN);
    assert_int_equal(got.distrust.hello, 77);
    assert_true(got.distrust.until == 4102444800);
    assert_int_equal(got.distrust.changes, 2);
    wire_free(&got);
}

/* What manager and launcher ask and answer. */
static void tells_of_processes(void **state)
{
    static const enum wire_kind news[] = { WIRE_STARTED, WIRE_ENDED };
    const struct pair *pair = *state;
    struct packet request = wire_packet(WIRE_START_WORKER);
    struct packet got;
    struct error err;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    request.smarthost = 3;
    request.fd = ends[0];
    request.journal = ends[1];
    assert_true(wire_send(pair->here, &request, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_int_equal(got.kind, WIRE_START_WORKER);
    assert_int_equal(got.smarthost, 3);
    assert_int_equal(write(got.journal, "x", 1), 1);
    char octet = 0;
    assert_int_equal(read(got.fd, &octet, 1), 1);
    assert_int_equal(octet, 'x');
    wire_free(&got);
    wire_free(&request);

    struct packet returned = wire_packet(WIRE_RETURNED);
    returned.job = 5;
    returned.refused = true;
    assert_true(wire_send(pair->here, &returned, &err));
    receive(pair, WIRE_WORKER, &got);
    assert_true(got.job == 5 && got.refused);

    struct packet limit = wire_packet(WIRE_LIMIT);
    limit.limit = 3;
    limit.sure = true;
    assert_true(wire_send(pair->here, &limit, &err));
    receive(pair, WIRE_WORKER, &got);
    assert_true(got.limit == 3 && got.sure);

    struct packet notice = wire_packet(WIRE_NOTICE);
    notice.notice = NOTICE_STOPPING;
    notice.queued = UINT64_MAX;
    notice.delivered = 7;
    notice.remark = alloc_string("all is well");
    assert_true(wire_send(pair->here, &notice, &err));
    receive(pair, WIRE_MANAGER, &got);
    assert_int_equal(got.notice, NOTICE_STOPPING);
    assert_true(got.queued == UINT64_MAX && got.delivered == 7);
    assert_string_equal(got.remark, "all is well");
    wire_free(&got);
    wire_free(&notice);
    for (size_t i = 0; i < COUNT(news); i++) {
        struct packet one = wire_packet(news[i]);
        one.pid = 4242;
        one.value = 139;
        assert_true(wire_send(pair->here, &one, &err));
        receive(pair, WIRE_LAUNCHER, &got);
        assert_int_equal(got.kind, news[i]);
        assert_int_equal(got.pid, 4242);
        assert_int_equal(got.value, 139);
    }
}

/* Each kind comes from some processes, with so many descriptors. */
static void knows_who_may_send_what(void **state)
{
    static const enum wire_party parties[] = { WIRE_MANAGER, WIRE_WORKER,
                                               WIRE_LAUNCHER };
    static const struct {
        enum wire_kind kind;
        unsigned from;
    } cases[] = {
        { WIRE_OPENED, WIRE_WORKER | WIRE_MANAGER },
        { WIRE_DISTRUST, WIRE_WORKER | WIRE_MANAGER },
        { WIRE_CLOSED, WIRE_WORKER },
        { WIRE_RETURNED, WIRE_WORKER },
        { WIRE_LIMIT, WIRE_WORKER | WIRE_MANAGER },
        { WIRE_DONE, WIRE_WORKER },
        { WIRE_RECALL, WIRE_MANAGER },
        { WIRE_REFUSED, WIRE_MANAGER },
        { WIRE_SIGNAL, WIRE_MANAGER },
        { WIRE_NOTICE, WIRE_MANAGER },
        { WIRE_RELOAD, WIRE_MANAGER },
        { WIRE_STARTED, WIRE_LAUNCHER },
        { WIRE_ENDED, WIRE_LAUNCHER },
        { WIRE_SILENT, WIRE_MANAGER },
    };
    const struct pair *pair = *state;
    struct packet got;
    struct error err;
    char data[256];

    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(parties); k++) {
            struct packet packet = wire_packet(cases[i].kind);
            int wanted = (cases[i].from & (unsigned)parties[k]) != 0 ? 1 : -1;
            assert_true(wire_send(pair->here, &packet, &err));
            assert_int_equal(wire_receive(pair->there, parties[k], &got,
                                          &err), wanted);
            assert_true(wanted == 1 || err.fault == FAULT_PROTOCOL);
            wire_free(&got);
        }

    /* A job that lost its file, and an end that has one. */
    int file = open("/dev/null", O_RDONLY);
    size_t recipient = 0;
    struct packet job = wire_packet(WIRE_JOB);
    job.fd = file;
    job.recipients = &recipient;
    job.count = 1;
    assert_true(wire_send(pair->here, &job, &err));
    struct passed passed = { .wanted = 1 };
    ssize_t length = pass_receive(pair->there, data, sizeof data, &passed);
    assert_true(length > 0 && passed.count == 1);
    close(passed.fds[0]);
    assert_true(pass_send(pair->here, data, (size_t)length, NULL, 0));
    assert_int_equal(wire_receive(pair->there, WIRE_MANAGER, &got, &err), -1);
    struct packet done = wire_packet(WIRE_DONE);
    assert_true(wire_send(pair->here, &done, &err));
    length = recv(pair->there, data, sizeof data, 0);
    assert_true(pass_send(pair->here, data, (size_t)length, &file, 1));
    assert_int_equal(wire_receive(pair->there, WIRE_WORKER, &got, &err), -1);
    assert_int_equal(fcntl(file + 1, F_GETFD), -1);     /* none was left */
    close(file);
}

static void says_when_nothing_is_there(void **state)
{
    const struct pair *pair = *state;
    struct packet got;
    struct error err;

    assert_int_equal(wire_receive(pair->there, WIRE_WORKER, &got, &err), -1);
    assert_int_equal(err.fault, FAULT_TEMPORARY);
}

/* What a full socket does not take is not lost: the sender
 * sees it. */
static void fails_when_the_other_is_slow(void **state)
{
    const struct pair *pair = *state;
    struct packet packet = wire_packet(WIRE_DONE);
    struct packet got;
    struct error err;
    size_t sent = 0, received = 0;

    while (wire_send(pair->here, &packet, &err))
        sent++;
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    while (wire_receive(pair->there, WIRE_WORKER, &got, &err) == 1) {
        received++;
        wire_free(&got);
    }
    assert_int_equal(sent, received);
}

/* A worker that was taken over may send anything. */
static void survives_random_octets(void **state)
{
    const struct pair *pair = *state;
    char data[512];

    srand(1);
    for (int n = 0; n < 50000; n++) {
        struct packet got;
        struct error err;
        size_t length = 1 + (size_t)rand() % sizeof data;
        memset(data, 0, sizeof data);
        for (size_t i = 0; i < length; i += 8) {
            data[i] = (char)(rand() % (n % 2 == 0 ? 4 : 256));
            if (n % 3 == 0)
                data[i + (size_t)rand() % 8] = (char)rand();
        }
        assert_int_equal(send(pair->here, data, length, 0), length);
        int result = wire_receive(pair->there, WIRE_WORKER, &got, &err);
        if (result == 1) {
            /* What it says is within the bounds that the manager relies on. */
            assert_true(got.kind <= WIRE_DONE);
            assert_true(got.kind != WIRE_JOB || got.fd != -1);
            for (size_t i = 0; got.outcomes != NULL && i < got.count; i++)
                assert_true(got.outcomes[i].outcome.text != NULL &&
                            *got.outcomes[i].outcome.status != '\0');
            wire_free(&got);
        } else {
            assert_int_equal(result, -1);
            assert_int_equal(err.fault, FAULT_PROTOCOL);
        }
    }
}

/* Each octet of a right packet changed: taken as another, or refused. */
static void survives_changed_octets(void **state)
{
    const struct pair *pair = *state;
    char peer[] = "mx.example[192.0.2.1]:587", text[] = "250 Ok";
    char data[4096];
    struct packet packet = wire_packet(WIRE_OUTCOMES);
    struct wire_outcome one = { .outcome = {
        .kind = OUTCOME_DELIVERED, .stage = STAGE_DATA, .status = "2.0.0",
        .text = alloc_string(text),
    } };
    struct error err;

    packet.peer = peer;
    packet.count = 1;
    packet.outcomes = &one;
    assert_true(wire_send(pair->here, &packet, &err));
    ssize_t length = recv(pair->there, data, sizeof data, 0);
    assert_true(length > 0);
    for (size_t i = 0; i < (size_t)length; i++)
        for (int value = 0; value < 256; value += 3) {
            struct packet got;
            char was = data[i];
            data[i] = (char)value;
            assert_int_equal(send(pair->here, data, (size_t)length, 0),
                             length);
            if (wire_receive(pair->there, WIRE_WORKER, &got, &err) == 1) {
                assert_false(text_has_control(got.peer, strlen(got.peer)));
                wire_free(&got);
            }
            data[i] = was;
        }
    for (size_t cut = 1; cut < (size_t)length; cut++) {
        struct packet got;
        assert_int_equal(send(pair->here, data, cut, 0), cut);
        assert_int_equal(wire_receive(pair->there, WIRE_WORKER, &got, &err),
                         -1);
    }
    outcome_free(&one.outcome);
}

static void hears_that_the_other_is_gone(void **state)
{
    struct pair *pair = *state;
    struct packet packet = wire_packet(WIRE_DONE);
    struct packet got;
    struct error err;

    close(pair->here);
    assert_int_equal(wire_receive(pair->there, WIRE_WORKER, &got, &err), 0);
    assert_false(wire_send(pair->there, &packet, &err));
    assert_int_equal(err.fault, FAULT_IO);
    pair->here = open("/dev/null", O_RDONLY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_over_a_job),
        cmocka_unit_test(splits_many_outcomes),
        cmocka_unit_test(goes_on_where_it_was),
        cmocka_unit_test(tells_of_sessions),
        cmocka_unit_test(tells_of_processes),
        cmocka_unit_test(knows_who_may_send_what),
        cmocka_unit_test(says_when_nothing_is_there),
        cmocka_unit_test(fails_when_the_other_is_slow),
        cmocka_unit_test(survives_random_octets),
        cmocka_unit_test(survives_changed_octets),
        cmocka_unit_test(hears_that_the_other_is_gone),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
