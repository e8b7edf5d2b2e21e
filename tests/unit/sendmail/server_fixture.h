/*
 * server_fixture.h - a server of -bs, whose client is at the end of a pipe
 *
 * Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_SERVER_FIXTURE_H
#define POSTRIDER_TESTS_UNIT_SERVER_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../configured.h"
#include "config/config.h"
#include "sendmail/options.h"
#include "sendmail/route.h"
#include "sendmail/smtp_server.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"

struct server_fixture {
    struct server server;
    struct options options;
    int client;                 /* the end that a client writes to */
};

static inline void server_fixture_open(struct server_fixture *fixture,
                                       const char *settings)
{
    struct server *server = &fixture->server;
    int ends[2];

    *fixture = (struct server_fixture){ .options.mode = MODE_SMTP };
    assert_int_equal(pipe(ends), 0);
    fixture->client = ends[1];
    server->opt = &fixture->options;
    server->config = configured(settings);
    server->uid = geteuid();
    server->route = route_new(server->config, false);
    server->chunks = SCRATCH_NONE;
    smtp_input_init(&server->in, ends[0], 20);
    buf_init(&server->out, SIZE_MAX);
}

static inline void server_fixture_close(struct server_fixture *fixture)
{
    struct server *server = &fixture->server;

    server_reset(server);
    route_free(server->route);
    config_free(server->config);
    buf_free(&server->out);
    close(server->in.fd);
    smtp_input_free(&server->in);
    close(fixture->client);
}

/* The client sends this ahead. */
static inline void server_fixture_send(struct server_fixture *fixture,
                                       const char *text)
{
    assert_true(io_write_all(fixture->client, text, strlen(text)));
}

/* What is replied to a command begins so. */
static inline void server_fixture_assert(
    struct server_fixture *fixture,
    void (*take)(struct server *server, char *argument), const char *argument,
    const char *reply)
{
    char *copy = alloc_string(argument);

    buf_clear(&fixture->server.out);
    take(&fixture->server, copy);
    if (!text_starts(fixture->server.out.data, reply))
        fail_msg("%s: %s", argument, fixture->server.out.data);
    free(copy);
}

#endif
