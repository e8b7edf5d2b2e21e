/*
 * A session with a server that may send anything: opening, AUTH, transactions.
 * What is sent is read by the letter of RFC 5321: commands of one line without
 * control characters, dots doubled, BDAT of the right length, content as it is.
 * The password does not go in the clear unless that is allowed; after STARTTLS
 * nothing does, and EHLO comes again; an extension that is used was listed
 * there. Each recipient has one outcome; delivered is only what was sent whole
 * before the server's last word. No text, trace or error shows the password.
 *
 * The input: two octets of options, then what the server sends: dialogue.h.
 */
#include "../input.h"
#include "client_octets.h"
#include "dialogue.h"
#include "hidden.h"
#include "mail/envelope.h"
#include "net/tls.h"
#include "smtp/open.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/secret.h"

#define MESSAGES 3
#define INPUT_MAX 16384

enum option {
    IN_CLEAR_ALLOWED = 1, TOKEN = 2, UTF8 = 4, EIGHT_BIT = 8, DSN = 16,
    OTHER_SENDER = 32, LARGE = 64, WANTS_TLS = 128
};

static char password[] = "pa55word-of-ann";
static const struct secret secret = { password, sizeof password - 1 };

/* The trace, which people and logs see. */
static void keep_trace(void *context, enum trace_event event,
                       const char *line)
{
    struct buf *trace = context;

    if (event <= TRACE_REMARK)
        buf_add_format(trace, "%c %s\n", TRACE_MARKS[event], line);
    promise_one_line(line);
}

static void promise_hidden(const char *text)
{
    PROMISE(!shows_secret(text, strlen(text), password));
}

static const char *const mechanisms[] = {
    "none", "auto", "plain", "login", "cram-md5", "scram-sha-256",
    "scram-sha-512", "xoauth2", "oauthbearer", "external",
};

/* Made once: only the server of dialogue.h has that certificate. */
static struct tls_context *tls(void)
{
    static struct tls_context *context;
    struct error err;

    if (context == NULL) {
        char *print = fingerprint_text(dialogue_identity()->certificate);
        const struct tls_settings settings = {
            .ca_file = "", .fingerprint = print, .cert_file = "",
            .key_file = "", .groups = "", .min_version = 12 };
        context = tls_context_new(&settings, &err);
        free(print);
    }
    PROMISE(context != NULL);
    return context;
}

static struct session_settings settings_of(unsigned options, unsigned auth,
                                           struct distrust *distrust,
                                           struct buf *trace)
{
    return (struct session_settings){
        .host = "mx.example", .port = 587, .hello = "client.example",
        .security = (options & WANTS_TLS) != 0 ? SESSION_STARTTLS
                                               : SESSION_CLEAR,
        .tls = (options & WANTS_TLS) != 0 ? tls() : NULL,
        .auth = mechanisms[auth % COUNT(mechanisms)], .user = "ann",
        .secret = &secret, .secret_is_token = (options & TOKEN) != 0,
        .password_in_clear = (options & IN_CLEAR_ALLOWED) != 0,
        .distrust = distrust, .timeout = 300000, .trace = keep_trace,
        .trace_context = trace,
    };
}

/* A message, whole: the transaction and all it borrows. */
struct message {
    struct transaction transaction;
    struct envelope envelope;
    struct outcome outcomes[2];
    size_t recipients[2];
    struct buf content;
};

static void message_init(struct message *message, unsigned number,
                         unsigned options)
{
    static const char *const paths[] = { "bob@b.example", "eve@e.example",
                                         "\xc3\xa4@\xc3\xb6.example" };
    bool utf8 = (options & UTF8) != 0;
    struct error err;

    *message = (struct message){ .recipients = { 0, 1 } };
    PROMISE(envelope_set_reverse_path(&message->envelope, "al@a.example",
                                      &err));
    for (size_t i = 0; i < 2; i++)
        PROMISE(envelope_add_recipient(
            &message->envelope, paths[i + utf8],
            (options & DSN) != 0 ? "rfc822;x+20y" : NULL,
            (options & DSN) != 0 ? NOTIFY_FAILURE : 0, &err));
    if ((options & DSN) != 0) {
        message->envelope.dsn_return = RETURN_HEADERS;
        message->envelope.envelope_id = alloc_string("id+2B");
    }
    buf_init(&message->content, SIZE_MAX);
    buf_add_format(&message->content, "%s: %u\r\n\r\n.\r\n..x\r\n.\r\n",
                   CONTENT_FIELD, number);
    for (unsigned i = 0; (options & LARGE) != 0 && i < 3000; i++)
        buf_add_text(&message->content, ".a line of a message of 70 KB\r\n");
    message->transaction = (struct transaction){
        .envelope = &message->envelope, .recipients = message->recipients,
        .count = 2, .outcomes = message->outcomes,
        .other_sender = (options & OTHER_SENDER) != 0 ? "other@a.example"
                                                      : NULL,
        .prefix = CONTENT_PREFIX, .prefix_length = strlen(CONTENT_PREFIX),
        .fd = memory_file(message->content.data, message->content.length),
        .length = message->content.length,
        .is_8bit = (options & EIGHT_BIT) != 0, .wants_utf8 = utf8,
    };
}

static void message_free(struct message *message)
{
    for (size_t i = 0; i < message->transaction.count; i++)
        outcome_free(&message->outcomes[i]);
    envelope_free(&message->envelope);
    buf_free(&message->content);
    close(message->transaction.fd);
}

/* Each recipient of what was run has one outcome, in words for people. */
static bool check_outcomes(const struct message *message)
{
    bool delivered = false;

    for (size_t i = 0; i < message->transaction.count; i++) {
        const struct outcome *outcome = &message->outcomes[i];
        PROMISE(outcome->kind != OUTCOME_NONE && *outcome->status != '\0');
        PROMISE(!outcome->uncertain || outcome->kind == OUTCOME_DEFERRED);
        promise_one_line(outcome->text);
        promise_hidden(outcome->text);
        delivered |= outcome->kind == OUTCOME_DELIVERED;
    }
    return delivered;
}

/* Delivered is what was sent to its end before the server spoke last. */
static void check_delivered(const struct message *message,
                            const struct client_octets *sent)
{
    bool found = false;

    for (size_t i = 0; i < sent->count; i++) {
        const struct client_content *content = &sent->contents[i];
        struct buf whole;
        buf_init(&whole, SIZE_MAX);
        buf_add_text(&whole, CONTENT_PREFIX);
        buf_add(&whole, message->content.data, message->content.length);
        found |= content->is_whole && content->end <= dialogue.said_after &&
                 content->text.length == whole.length &&
                 memcmp(content->text.data, whole.data, whole.length) == 0;
        buf_free(&whole);
    }
    PROMISE(found);
}

static void run_messages(struct session *session, unsigned options,
                         struct message *messages, unsigned count)
{
    unsigned run = 0;
    bool usable = true;

    for (unsigned i = 0; i < count; i++)
        message_init(&messages[i], i, options);
    for (unsigned i = 0; i + 1 < count; i++)
        messages[i].transaction.next = &messages[i + 1].transaction;
    for (; usable && run < count; run++) {
        usable = transaction_run(session, &messages[run].transaction);
        check_outcomes(&messages[run]);
    }
    /* Those that had been begun have theirs, too. */
    for (; run < count; run++)
        if (messages[run].transaction.begun)
            check_outcomes(&messages[run]);
}

static void check_all_delivered(const struct message *messages, unsigned count,
                                const struct client_octets *sent)
{
    for (unsigned i = 0; i < count; i++)
        for (size_t k = 0; k < messages[i].transaction.count; k++)
            if (messages[i].outcomes[k].kind == OUTCOME_DELIVERED)
                check_delivered(&messages[i], sent);
}

/* In the clear there is no login and no message where TLS is wanted, and the
 * password only where it is allowed. */
static void check_clear(const struct session_settings *settings,
                        const struct client_octets *sent)
{
    PROMISE(!sent->shows_password || settings->password_in_clear);
    if (settings->security == SESSION_STARTTLS)
        PROMISE(sent->mails == 0 && sent->auths == 0);
}

/* Nothing is used that the server has not listed; within TLS, there. */
static void check_extensions(const struct buf *heard)
{
    static const struct {
        const char *word, *use;
    } extensions[] = {
        { "chunking", "\nBDAT " }, { "auth", "\nAUTH " },
        { "starttls", "\nSTARTTLS\r\n" }, { "size", " SIZE=" },
        { "dsn", " NOTIFY=" }, { "8bitmime", " BODY=8BITMIME" },
        { "smtputf8", " SMTPUTF8" },
    };
    const size_t before = dialogue.tls != NULL ? dialogue.said_in_clear : 0;
    size_t length = dialogue.said.length - before;
    char *said = alloc_bytes(dialogue.said.data + before, length);

    for (size_t i = 0; i < length; i++)
        said[i] = text_lower(said[i]);
    for (size_t i = 0; i < COUNT(extensions); i++)
        PROMISE(memmem(heard->data, heard->length, extensions[i].use,
                       strlen(extensions[i].use)) == NULL ||
                memmem(said, length, extensions[i].word,
                       strlen(extensions[i].word)) != NULL);
    free(said);
}

static void check_sent(const struct session_settings *settings,
                       const struct message *messages, unsigned count)
{
    const struct buf *clear = &dialogue.in_clear, *heard = &dialogue.heard;
    struct client_octets in_clear, sent;

    if (dialogue.tls == NULL)
        clear = heard;
    else                        /* what was listed in the clear is forgotten */
        PROMISE(heard->length == 0 || text_starts(heard->data, "EHLO ") ||
                text_starts(heard->data, "QUIT\r\n"));
    client_octets_read(&in_clear, clear->data, clear->length);
    check_clear(settings, &in_clear);
    client_octets_free(&in_clear);
    check_extensions(heard);
    client_octets_read(&sent, heard->data, heard->length);
    PROMISE(sent.auths == 0 || strcmp(settings->auth, "none") != 0);
    check_all_delivered(messages, count, &sent);
    client_octets_free(&sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned options = input_octet(&in);
    unsigned choice = input_octet(&in);
    unsigned count = choice >> 4 & 1 ? MESSAGES : 1;
    struct message messages[MESSAGES] = { 0 };
    struct distrust distrust = { 0 };
    struct buf trace;
    struct error err = { 0 };

    /* A server that knows it need not be sent it. */
    if (in.left > INPUT_MAX || shows_secret(in.at, in.left, password))
        return 0;
    buf_init(&trace, SIZE_MAX);
    dialogue_start(in);
    struct session_settings settings = settings_of(options, choice & 15,
                                                   &distrust, &trace);
    struct session *session = session_open(dialogue.client, &settings,
                                           clock_now() + 600000, &err);
    if (session != NULL) {
        run_messages(session, options, messages, count);
        session_close(session);
    } else {
        promise_error(&err);
        promise_hidden(err.text);
        count = 0;
    }
    hear();
    promise_hidden(trace.data);
    check_sent(&settings, messages, count);
    for (unsigned i = 0; i < count; i++)
        message_free(&messages[i]);
    dialogue_end();
    buf_free(&trace);
    return 0;
}
