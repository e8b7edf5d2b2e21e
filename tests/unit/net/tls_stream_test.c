#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "net/stream.h"
#include "net/tls.h"
#include "tls_peer.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#include "../in_range.h"

#define LONG 60000              /* milliseconds: not to be reached */

struct fixture {
    struct authority ca;
    struct tls_settings settings;
    struct peer peer;
    struct error err;
    const char *line;
    size_t length;
};

static int set_up(void **state)
{
    static const struct recipe good = { "x", "DNS:a.example,DNS:b.example",
                                        -10, 100, false, NULL };
    struct fixture *f = alloc_zero(1, sizeof *f);

    signal(SIGPIPE, SIG_IGN);
    make_authority(&f->ca, &good);
    f->settings = (struct tls_settings){ f->ca.root_file, "", "", "",
                                         "", 12 };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    free_authority(&f->ca);
    free(f);
    return 0;
}

static struct tls_context *make_context(struct fixture *f)
{
    struct tls_context *context = tls_context_new(&f->settings, &f->err);

    if (context == NULL)
        fail_msg("%s", f->err.text);
    return context;
}

/* A stream in TLS with the server on connection i of the peer. */
static struct stream *start(struct fixture *f, struct tls_context *context,
                            size_t i, const char *host)
{
    struct stream *stream = stream_new(f->peer.fds[i], clock_now() + 2 * LONG);

    if (!stream_start_tls(stream, context, host, clock_now() + LONG, &f->err))
        fail_msg("%s", f->err.text);
    return stream;
}

static bool read_within(struct fixture *f, struct stream *stream,
                        int64_t milliseconds)
{
    return stream_read_line(stream, &f->line, &f->length,
                            clock_now() + milliseconds, &f->err);
}

static void assert_line(struct fixture *f, struct stream *stream,
                        const char *expected)
{
    if (!read_within(f, stream, LONG))
        fail_msg("%s: %s", expected, f->err.text);
    assert_string_equal(f->line, expected);
}

static void put_text(SSL *ssl, const char *text)
{
    if (SSL_write(ssl, text, (int)strlen(text)) <= 0)
        _exit(1);
}

static void answer_and_vanish(SSL *ssl)
{
    char line[100];

    if (SSL_read(ssl, line, sizeof line) != 8 || memcmp(line, "EHLO x\r\n", 8))
        _exit(1);
    put_text(ssl, "250-a\r\n25");      /* two records for one line */
    put_text(ssl, "0 b\r\n250 unfinished");
    /* Gone without close_notify. */
    shutdown(SSL_get_fd(ssl), SHUT_RDWR);
}

static void speaks_in_tls(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good,
                             .serve = answer_and_vanish };
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *context = make_context(f);
        server.max_version = versions[i];
        peer_start(&f->peer, &server);
        struct stream *stream = start(f, context, 0, "a.example");
        assert_string_equal(tls_version(stream_tls(stream)),
                            i == 0 ? "TLSv1.2" : "TLSv1.3");
        assert_non_null(strstr(tls_cipher(stream_tls(stream)), "GCM"));
        assert_false(stream_has_input(stream));
        assert_true(stream_write(stream, "EHLO x\r\n", 8, LONG, &f->err));
        assert_true(stream_flush(stream, LONG, &f->err));
        assert_line(f, stream, "250-a");
        assert_line(f, stream, "250 b");
        assert_false(read_within(f, stream, LONG));
        assert_int_equal(f->err.fault, FAULT_TEMPORARY);
        assert_string_equal(f->err.text,
                            "connection closed by the server within a reply");
        stream_free(stream);
        peer_end(&f->peer);
        tls_context_free(context);
    }
}

static void stay_silent(SSL *ssl)
{
    put_text(ssl, "250 a");
    poll(NULL, 0, 1000);
}

static void tls_lines_have_a_deadline(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good, .serve = stay_silent };
    struct tls_context *context = make_context(f);

    peer_start(&f->peer, &server);
    struct stream *stream = start(f, context, 0, "a.example");
    int64_t began = clock_now();
    assert_false(read_within(f, stream, 150));
    assert_int_in_range(clock_now() - began, 140, 900);
    assert_string_equal(f->err.text, "no complete answer within 1 s");
    stream_close(stream);
    stream_free(stream);
    peer_end(&f->peer);
    tls_context_free(context);
}

#define BLOCK (3 * 1024 * 1024)
#define REPLIES 1500

static void write_before_reading(SSL *ssl)
{
    static char block[65536];
    size_t got = 0;

    for (int i = 0; i < REPLIES; i++)
        put_text(ssl, "250 2.1.5 recipient is well\r\n");
    while (got < BLOCK) {
        int n = SSL_read(ssl, block, sizeof block);
        if (n <= 0)
            _exit(1);
        for (int i = 0; i < n; i++)
            if (block[i] != (char)((got + (size_t)i) % 251))
                _exit(2);
        got += (size_t)n;
    }
    put_text(ssl, "250 all\r\n");
    /* close_notify must arrive. */
    if (SSL_read(ssl, block, 1) != 0 ||
        SSL_get_shutdown(ssl) != SSL_RECEIVED_SHUTDOWN)
        _exit(3);
}

static void takes_replies_in_while_it_writes(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good,
                             .serve = write_before_reading };
    struct tls_context *context = make_context(f);
    char *block = alloc_zero(BLOCK, 1);
    int status = -1;

    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (char)(i % 251);
    peer_start(&f->peer, &server);
    struct stream *stream = start(f, context, 0, "a.example");
    for (size_t at = 0, part; at < BLOCK; at += part) {
        part = BLOCK - at < 100001 ? BLOCK - at : 100001;
        assert_true(stream_write(stream, block + at, part, LONG, &f->err));
    }
    assert_true(stream_flush(stream, LONG, &f->err));
    for (size_t i = 0; i < REPLIES; i++)
        assert_line(f, stream, "250 2.1.5 recipient is well");
    assert_line(f, stream, "250 all");
    stream_close(stream);
    stream_free(stream);
    assert_int_equal(waitpid(f->peer.pid, &status, 0), f->peer.pid);
    assert_int_equal(status, 0);
    tls_context_free(context);
    free(block);
}

#define LINES 10000

/*
 * 7 records of 10000 octets, none of which ends with a line: the last does not
 * fit what is left of the stream's 64 KB.
 */
static void send_odd_records(SSL *ssl)
{
    char text[LINES * 7 + 1], octet;

    for (int i = 0; i < LINES; i++)
        memcpy(text + 7 * i, "250 x\r\n", 7);
    for (int i = 0; i < 7; i++)
        if (SSL_write(ssl, text + i * 10000, 10000) <= 0)
            _exit(1);
    /* Nothing more: what is not found inside TLS would be waited for. */
    (void)SSL_read(ssl, &octet, 1);
}

static void reads_what_waits_inside_tls(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good,
                             .serve = send_odd_records };
    struct tls_context *context = make_context(f);

    peer_start(&f->peer, &server);
    struct stream *stream = start(f, context, 0, "a.example");
    for (int i = 0; i < LINES; i++)
        assert_line(f, stream, "250 x");
    assert_false(stream_has_input(stream));
    stream_close(stream);
    stream_free(stream);
    peer_end(&f->peer);
    tls_context_free(context);
}

static void tell_binding(SSL *ssl)
{
    unsigned char value[EVP_MAX_MD_SIZE];
    size_t length = 32;
    char line[2 * EVP_MAX_MD_SIZE + 3] = "";

    if (SSL_version(ssl) == TLS1_3_VERSION)
        SSL_export_keying_material(ssl, value, 32, "EXPORTER-Channel-Binding",
                                   24, NULL, 0, 0);
    else if (SSL_session_reused(ssl))   /* what the client sent is ours */
        length = SSL_get_finished(ssl, value, sizeof value);
    else
        length = SSL_get_peer_finished(ssl, value, sizeof value);
    for (size_t i = 0; i < length; i++)
        snprintf(line + 2 * i, 3, "%02x", value[i]);
    put_text(ssl, SSL_session_reused(ssl) ? "resumed\r\n" : "new\r\n");
    put_text(ssl, line);
    put_text(ssl, "\r\n");
    SSL_shutdown(ssl);
    SSL_read(ssl, value, 1);
}

/* Handshake, see whether the session was resumed, compare the binding. */
static void assert_binding(struct fixture *f, struct tls_context *context,
                           size_t i, const char *host, const char *expected)
{
    const char *name = "";
    struct buf data, hex;
    struct stream *stream = start(f, context, i, host);

    assert_line(f, stream, expected);
    buf_init(&data, SIZE_MAX);
    buf_init(&hex, SIZE_MAX);
    assert_true(tls_channel_binding(stream_tls(stream), &name, &data));
    for (size_t j = 0; j < data.length; j++)
        buf_add_format(&hex, "%02x", (unsigned char)data.data[j]);
    bool is_13 = strcmp(tls_version(stream_tls(stream)), "TLSv1.3") == 0;
    assert_string_equal(name, is_13 ? "tls-exporter" : "tls-unique");
    assert_line(f, stream, hex.data);
    buf_free(&data);
    buf_free(&hex);
    stream_close(stream);
    stream_free(stream);
}

/* A reconnect to the same host resumes; another host is verified itself. */
static void resumes_with_the_same_host_only(void **state)
{
    struct fixture *f = *state;
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    for (size_t i = 0; i < COUNT(versions); i++) {
        struct server server = { .identity = &f->ca.good, .connections = 3,
                                 .max_version = versions[i],
                                 .serve = tell_binding };
        struct tls_context *context = make_context(f);
        peer_start(&f->peer, &server);
        assert_binding(f, context, 0, "a.example", "new");
        assert_binding(f, context, 1, "a.example", "resumed");
        assert_binding(f, context, 2, "b.example", "new");
        peer_end(&f->peer);
        tls_context_free(context);
    }
}

/* No session opens the way for a name the certificate does not have. */
static void resumption_does_not_widen_trust(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good, .connections = 2,
                             .serve = tell_binding };
    struct tls_context *context = make_context(f);

    peer_start(&f->peer, &server);
    assert_binding(f, context, 0, "a.example", "new");
    struct stream *stream = stream_new(f->peer.fds[1], clock_now() + LONG);
    assert_false(stream_start_tls(stream, context, "c.example",
                                  clock_now() + LONG, &f->err));
    assert_string_equal(f->err.text, "certificate of c.example: is for "
                        "a.example, b.example, not for c.example; "
                        "set host to a name that it is for");
    stream_free(stream);
    peer_end(&f->peer);
    tls_context_free(context);
}

static void greet_client(SSL *ssl)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    char name[100] = "nobody";

    if (certificate != NULL)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                  NID_commonName, name, sizeof name);
    put_text(ssl, name);
    put_text(ssl, "\r\n");
}

static void shows_its_certificate(void **state)
{
    struct fixture *f = *state;
    static const struct recipe recipe = { "client 7", NULL, -1, 9, false,
                                          "clientAuth" };
    struct identity client = make_identity(&recipe, &f->ca.root);
    char *cert = write_pem(f->ca.directory, "c.pem", client.certificate, NULL);
    char *key = write_pem(f->ca.directory, "k.pem", NULL, client.key);
    char *both = write_pem(f->ca.directory, "b.pem", client.certificate,
                           client.key);
    struct server server = { .identity = &f->ca.good,
                             .client_authority = &f->ca.root,
                             .serve = greet_client };
    const char *const files[][2] = { { cert, key }, { both, "" } };

    chmod(key, 0600);
    chmod(both, 0600);
    for (size_t i = 0; i < COUNT(files); i++) {
        f->settings.cert_file = files[i][0];
        f->settings.key_file = files[i][1];
        struct tls_context *context = make_context(f);
        peer_start(&f->peer, &server);
        struct stream *stream = start(f, context, 0, "a.example");
        assert_line(f, stream, "client 7");
        stream_free(stream);
        peer_end(&f->peer);
        tls_context_free(context);
    }
    unlink(cert);
    unlink(key);
    unlink(both);
    free(cert);
    free(key);
    free(both);
    free_identity(&client);
}

/* In TLS 1.3 the refusal arrives only after the handshake. */
static void says_that_a_client_certificate_is_missing(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good,
                             .client_authority = &f->ca.root,
                             .serve = greet_client };
    struct tls_context *context = make_context(f);

    peer_start(&f->peer, &server);
    struct stream *stream = start(f, context, 0, "a.example");
    assert_false(read_within(f, stream, LONG));
    assert_int_equal(f->err.fault, FAULT_TLS);
    assert_string_equal(f->err.text, "the server asks for a client "
                                     "certificate; set tls_cert_file");
    stream_close(stream);
    stream_free(stream);
    peer_end(&f->peer);
    tls_context_free(context);
}

static void describes_the_peer(void **state)
{
    struct fixture *f = *state;
    struct server server = { .identity = &f->ca.good, .serve = greet_client };
    struct tls_context *context = make_context(f);
    char *fingerprint = fingerprint_text(f->ca.good.certificate);
    struct buf text;

    peer_start(&f->peer, &server);
    struct stream *stream = start(f, context, 0, "a.example");
    assert_line(f, stream, "nobody");
    buf_init(&text, SIZE_MAX);
    tls_describe(stream_tls(stream), &text);
    assert_memory_equal(text.data, "CN=x for a.example, ", 20);
    assert_non_null(strstr(text.data, ", issued by CN=Test Root, valid until "
                                      "2"));
    assert_non_null(strstr(text.data, " (in "));
    assert_non_null(strstr(text.data, fingerprint));
    buf_free(&text);
    free(fingerprint);
    stream_free(stream);
    peer_end(&f->peer);
    tls_context_free(context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(speaks_in_tls),
        TEST(tls_lines_have_a_deadline),
        TEST(takes_replies_in_while_it_writes),
        TEST(reads_what_waits_inside_tls),
        TEST(resumes_with_the_same_host_only),
        TEST(resumption_does_not_widen_trust),
        TEST(shows_its_certificate),
        TEST(says_that_a_client_certificate_is_missing),
        TEST(describes_the_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
