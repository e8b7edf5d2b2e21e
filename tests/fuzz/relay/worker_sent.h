/*
 * worker_sent.h - what the worker of relay/worker has sent to the smarthost: in
 * TLS, if that was begun
 */
#ifndef POSTRIDER_TESTS_FUZZ_WORKER_SENT_H
#define POSTRIDER_TESTS_FUZZ_WORKER_SENT_H

#include "../smtp/client_octets.h"
#include "../smtp/dialogue.h"
#include "worker_jobs.h"

#include "smtp/reply.h"

static inline void look(struct client_octets *sent)
{
    hear();
    client_octets_read(sent, dialogue.heard.data, dialogue.heard.length);
}

/* Was the job's message sent from its start to its end? Of one that is not
 * ASCII the header section may be another. */
static inline bool is_message(const struct client_content *content,
                              const struct given *job)
{
    static const char body[] = BODY;
    char *field = alloc_format("\r\n\tid %s; ", job->id);
    const struct buf *text = &content->text;
    size_t length = strlen(job->content);

    bool found = content->is_whole && memmem(text->data, text->length, field,
                                             strlen(field)) != NULL;
    free(field);
    PROMISE(!found || (text->length >= strlen(body) &&
                       memcmp(text->data + text->length - strlen(body), body,
                              strlen(body)) == 0));
    if (found && text_is_ascii(job->content, length))
        PROMISE(text->length >= length &&
                memcmp(text->data + text->length - length, job->content,
                       length) == 0);
    return found;
}

/* The next reply: its code, 0 for a line that is not part of one, which counts
 * as one, and -1 if there is none. */
static inline int next_reply(struct input *in)
{
    int code = 0;               /* of the lines before; 0: there are none */

    while (memchr(in->at, '\n', in->left) != NULL) {
        struct input line = input_part(in, '\n');
        struct reply_line parsed;
        struct error ignored;
        bool right = reply_parse_line(&parsed, line.at, line.left, &ignored);
        if (!right || parsed.last || (code != 0 && code != parsed.code))
            return right ? parsed.code : 0;
        code = parsed.code;
    }
    return -1;
}

/* What was replied to what was sent. After STARTTLS there is no greeting. */
static inline struct input replies_said(void)
{
    const size_t before = dialogue.said_in_clear;
    struct input in = { dialogue.said.data + before,
                        dialogue.said.length - before };

    if (dialogue.tls == NULL || dialogue.implicit)
        (void)next_reply(&in);
    return in;
}

static inline size_t count_replies(void)
{
    struct input in = replies_said();
    size_t count = 0;

    while (next_reply(&in) != -1)
        count++;
    return count;
}

/* The first digit of a reply's code, from 1; 0: it is none. */
static inline int reply_class_of(size_t number)
{
    struct input in = replies_said();
    int code = 0;

    for (size_t i = 0; i < number; i++)
        code = next_reply(&in);
    return code > 0 ? code / 100 : 0;
}

/* Is there one that was, and that has its reply if so wanted? */
static inline bool was_sent(const struct given *job, bool replied)
{
    size_t replies = replied ? count_replies() : SIZE_MAX;
    struct client_octets sent;
    bool found = false;

    look(&sent);
    for (size_t i = 0; i < sent.count; i++)
        found |= sent.contents[i].reply <= replies &&
                 is_message(&sent.contents[i], job);
    client_octets_free(&sent);
    return found;
}

/* Is a message on its way that was not replied to? A lone dot is none: it is
 * sent where no recipient was accepted before a 354. */
static inline bool waits_for_reply(void)
{
    size_t replies = count_replies();
    struct client_octets sent;
    bool found = false;

    look(&sent);
    for (size_t i = 0; i < sent.count; i++)
        found |= sent.contents[i].is_whole &&
                 sent.contents[i].text.length > 0 &&
                 sent.contents[i].reply > replies;
    client_octets_free(&sent);
    return found;
}

/* Transactions and contents that were begun. */
static inline size_t count_begun(void)
{
    struct client_octets sent;

    look(&sent);
    client_octets_free(&sent);
    return sent.mails + sent.count;
}

/* How often MAIL was sent for this job. */
static inline size_t count_mails(const struct given *job)
{
    char *mail = alloc_format("MAIL FROM:<" SENDER ">", job->number);
    size_t length = strlen(mail), count = 0;
    struct input in;

    hear();
    in = (struct input){ dialogue.heard.data, dialogue.heard.length };
    while (in.left > 0) {
        struct input line = input_part(&in, '\n');
        count += line.left >= length && memcmp(line.at, mail, length) == 0;
    }
    free(mail);
    return count;
}

/* Was it refused for good, or was each of its recipients? */
static inline bool was_mail_refused(const struct client_mail *mail)
{
    size_t refused = 0;

    if (reply_class_of(mail->reply) == 5)
        return true;
    for (size_t i = 1; i <= mail->recipients; i++)
        refused += reply_class_of(mail->reply + i) == 5;
    return refused == mail->recipients && refused > 0;
}

/* The sender of a rule goes in the place of the null reverse-path only: at once
 * if the rule is for that (is_own), else once that was refused. */
static inline void check_senders(const char *rule, bool is_own, bool has_null)
{
    struct client_octets sent;
    bool was_asked = false;

    look(&sent);
    for (size_t i = 0; i < sent.mails; i++) {
        const struct input *sender = &sent.list[i].sender;
        const struct client_mail *before = i > 0 ? &sent.list[i - 1] : NULL;
        PROMISE(sender->left > 0 || !is_own);
        if (rule == NULL || sender->left != strlen(rule) ||
            memcmp(sender->at, rule, sender->left) != 0)
            continue;
        was_asked |= is_own || (before != NULL && before->sender.left == 0 &&
                                was_mail_refused(before));
        PROMISE(was_asked && has_null);
    }
    client_octets_free(&sent);
}

#endif
