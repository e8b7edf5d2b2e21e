/*
 * sample.h - a message with all that a transaction borrows, for the tests
 */
#ifndef POSTRIDER_TESTS_SMTP_SAMPLE_H
#define POSTRIDER_TESTS_SMTP_SAMPLE_H

#include <stdint.h>
#include <sys/mman.h>

#include "mail/envelope.h"
#include "peer.h"
#include "smtp/transaction.h"
#include "util/alloc.h"
#include "util/text.h"

#define ROWS 32
#define HELLO(keywords) \
    "S:220 hello", "C:EHLO client.example\r\n", "s:250-hi\r\n" keywords
#define PIPELINING HELLO("250 PIPELINING\r\n")
#define LOCKSTEP HELLO("250 NOOP\r\n")
#define CHUNKING HELLO("250-PIPELINING\r\n250 CHUNKING\r\n")
#define LEAVES "C:QUIT\r\n", "S:221 bye", "E:"
#define MAIL "MAIL FROM:<al@a.example>\r\n"
#define BOB "RCPT TO:<bob@b.example>\r\n"
#define EVE "RCPT TO:<eve@b.example>\r\n"

/* A message, whole: the transaction and all it borrows. */
struct sample {
    struct transaction transaction;
    struct envelope envelope;
    struct outcome *outcomes;
    size_t *recipients;
};

static void sample_init(struct sample *sample, const char *content,
                        const char *const *paths, size_t count)
{
    struct error err;

    *sample = (struct sample){ 0 };
    assert_true(envelope_set_reverse_path(&sample->envelope, "al@a.example",
                                          &err));
    sample->outcomes = alloc_zero(count, sizeof *sample->outcomes);
    sample->recipients = alloc_zero(count, sizeof *sample->recipients);
    for (size_t i = 0; i < count; i++) {
        assert_true(envelope_add_recipient(&sample->envelope, paths[i], NULL,
                                           0, &err));
        sample->recipients[i] = i;
    }
    int fd = memfd_create("content", MFD_CLOEXEC);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    sample->transaction = (struct transaction){
        .envelope = &sample->envelope, .recipients = sample->recipients,
        .count = count, .outcomes = sample->outcomes, .fd = fd,
        .prefix = "", .length = strlen(content),
    };
}

static void sample_free(struct sample *sample)
{
    for (size_t i = 0; i < sample->transaction.count; i++)
        outcome_free(&sample->outcomes[i]);
    free(sample->outcomes);
    free(sample->recipients);
    envelope_free(&sample->envelope);
    close(sample->transaction.fd);
}

/* "D 2.0.0", "F 5.1.1", "T 4.2.0", and "U 4.4.2" for one that is uncertain. */
static void assert_outcome(const char *name, const struct outcome *outcome,
                           const char *expected)
{
    static const char letters[] = { '-', 'D', 'T', 'F' };
    char *got = alloc_format("%c %s", outcome->uncertain
                                          ? 'U' : letters[outcome->kind],
                             outcome->status);

    if (strcmp(got, expected) != 0)
        fail_msg("%s: %s (%s), not %s", name, got,
                 outcome->text != NULL ? outcome->text : "", expected);
    free(got);
}

static struct session *open_or_fail(struct peer *peer,
                                    const char *const *script)
{
    struct error err;

    assert_true(peer_start(peer, script));
    struct session_settings settings = peer_settings(peer);
    settings.timeout = 1000;
    struct session *session = peer_open(peer, &settings, &err);
    if (session == NULL)
        fail_msg("%s", err.text);
    return session;
}

#endif
