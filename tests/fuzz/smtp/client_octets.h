/*
 * client_octets.h - what a client has sent, read by the letter of RFC 5321
 *
 * A strict server's view: each command is a line with one CRLF, of printable
 * octets; a message begins with CONTENT_START, ends with a lone dot or after
 * as many octets as BDAT has; at the end of a connection there may be the
 * beginning of one of these. Octets of TLS are not looked at.
 */
#ifndef POSTRIDER_TESTS_FUZZ_SMTP_CLIENT_OCTETS_H
#define POSTRIDER_TESTS_FUZZ_SMTP_CLIENT_OCTETS_H

#include "../input.h"
#include "util/buf.h"

#define CONTENT_FIELD "X-Number"
#define CONTENT_START "Received: by client.example"
#define CONTENT_PREFIX CONTENT_START "\r\n"
#define CONTENTS_MAX 64

struct client_content {
    struct buf text;            /* without the dots of DATA */
    bool is_whole;
    size_t end;                 /* where it ends in what was sent */
    size_t reply;               /* which reply is to it, from 1; a greeting
                                 * does not count */
};

struct client_mail {
    struct input sender;        /* between < and >; borrowed */
    size_t reply;               /* which reply is to it; the next ones are to
                                 * its recipients */
    size_t recipients;
};

struct client_octets {
    unsigned auths;
    struct client_mail *list;
    size_t mails;
    size_t replies;             /* that are due so far */
    bool shows_password;        /* in a mechanism that does */
    struct client_content contents[CONTENTS_MAX];
    size_t count;
};

/* A reader of them. */
struct client_reader {
    const char *start, *at, *end;
    struct client_octets *found;
    bool in_auth;               /* base64 or "*" may come */
};

static inline struct client_content *
client_content_new(struct client_octets *found)
{
    PROMISE(found->count < CONTENTS_MAX);
    struct client_content *content = &found->contents[found->count++];

    buf_init(&content->text, SIZE_MAX);
    return content;
}

/* The next line with its CRLF; false if it is not complete. A command has no
 * other CR or LF, no NUL, and nothing else that is a control character. */
static inline bool client_line(struct client_reader *in, struct input *line)
{
    const char *lf = memchr(in->at, '\n', (size_t)(in->end - in->at));

    *line = (struct input){ in->at, (size_t)((lf == NULL ? in->end : lf + 1) -
                                             in->at) };
    in->at += line->left;
    if (lf != NULL)
        PROMISE(lf > line->at && lf[-1] == '\r');
    return lf != NULL;
}

static inline bool client_says(const struct input *line, const char *word)
{
    return line->left >= strlen(word) &&
           memcmp(line->at, word, strlen(word)) == 0;
}

/* Up to the lone dot. Every line has one CRLF. */
static inline void client_data(struct client_reader *in)
{
    struct client_content *content = client_content_new(in->found);
    struct input line;

    while (client_line(in, &line)) {
        if (line.left == 3 && *line.at == '.') {
            content->is_whole = true;
            content->reply = ++in->found->replies;
            break;
        }
        size_t dot = *line.at == '.';
        buf_add(&content->text, line.at + dot, line.left - dot);
        PROMISE(memchr(line.at, '\r', line.left) == line.at + line.left - 2);
    }
    content->end = (size_t)(in->at - in->start);
}

/* "BDAT OCTETS LAST" and so many octets. */
static inline void client_chunk(struct client_reader *in,
                                const struct input *line)
{
    struct client_content *content = client_content_new(in->found);
    char *end;
    size_t length = strtoul(line->at + 5, &end, 10);
    size_t rest = (size_t)(in->end - in->at);

    PROMISE(memcmp(end, " LAST\r\n", 7) == 0);
    content->is_whole = length <= rest;
    content->reply = in->found->replies;
    length = length < rest ? length : rest;
    buf_add(&content->text, in->at, length);
    in->at += length;
    content->end = (size_t)(in->at - in->start);
}

/* Of TLS: a record of its handshake, or of an alert (RFC 8446 section 5.1); or
 * QUIT, as it was refused. */
static inline void client_tls(struct client_reader *in)
{
    struct input next = { in->at, (size_t)(in->end - in->at) };

    PROMISE(next.left == 0 || *next.at == 22 || *next.at == 21 ||
            client_says(&next, "QUIT\r\n"));
    in->at = in->end;
}

static inline bool client_is_base64(const struct input *line)
{
    static const char octets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "abcdefghijklmnopqrstuvwxyz0123456789+/=";

    return strspn(line->at, octets) == line->left - 2 ||
           (line->left == 3 && *line->at == '*');
}

static inline void client_mail_new(struct client_octets *found,
                                   const struct input *line)
{
    struct input rest = { line->at + strlen("MAIL FROM:<"),
                          line->left - strlen("MAIL FROM:<") };

    found->list = alloc_resize(found->list, found->mails + 1,
                               sizeof *found->list);
    found->list[found->mails++] = (struct client_mail){
        .sender = input_part(&rest, '>'), .reply = found->replies };
}

static inline void client_command(struct client_reader *in,
                                  const struct input *line)
{
    static const char *const others[] = { "EHLO ", "HELO ", "RCPT TO:<",
                                          "RSET\r\n", "QUIT\r\n" };
    bool known = false;

    in->found->replies++;
    if (in->in_auth && client_is_base64(line))
        return;
    in->in_auth = false;
    for (size_t i = 0; i < COUNT(others); i++)
        known |= client_says(line, others[i]);
    if (client_says(line, "MAIL FROM:<")) {
        client_mail_new(in->found, line);
    } else if (client_says(line, "RCPT TO:<") && in->found->mails > 0) {
        in->found->list[in->found->mails - 1].recipients++;
    } else if (client_says(line, "AUTH ")) {
        in->found->auths++;
        in->in_auth = true;
        in->found->shows_password |= client_says(line, "AUTH PLAIN") ||
            client_says(line, "AUTH LOGIN") ||
            client_says(line, "AUTH XOAUTH2") ||
            client_says(line, "AUTH OAUTHBEARER");
    } else if (client_says(line, "STARTTLS\r\n")) {
        client_tls(in);
    } else if (client_says(line, "BDAT ")) {
        client_chunk(in, line);
    } else if (client_says(line, "DATA\r\n")) {
        struct input next = { in->at, (size_t)(in->end - in->at) };
        if (client_says(&next, CONTENT_START) || client_says(&next, ".\r\n"))
            client_data(in);
    } else {
        PROMISE(known);
    }
}

static inline void client_octets_read(struct client_octets *found,
                                      const char *data, size_t length)
{
    struct client_reader in = { data, data, data + length, found, false };
    struct input line;

    *found = (struct client_octets){ 0 };
    while (in.at < in.end && client_line(&in, &line)) {
        PROMISE(!text_has_control(line.at, line.left - 2));
        client_command(&in, &line);
    }
}

static inline void client_octets_free(struct client_octets *found)
{
    for (size_t i = 0; i < found->count; i++)
        buf_free(&found->contents[i].text);
    free(found->list);
}

#endif
