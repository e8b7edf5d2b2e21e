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

/* Complete replies to what was sent; within TLS there is no greeting. A line
 * that is not part of one counts as one. */
static inline size_t count_replies(void)
{
    const size_t before = dialogue.said_in_clear;
    struct input in = { dialogue.said.data + before,
                        dialogue.said.length - before };
    size_t count = 0;
    int code = 0;               /* of the lines before; 0: there are none */

    while (memchr(in.at, '\n', in.left) != NULL) {
        struct input line = input_part(&in, '\n');
        struct reply_line parsed;
        struct error ignored;
        bool goes_on = reply_parse_line(&parsed, line.at, line.left,
                                        &ignored) &&
                       !parsed.last && (code == 0 || code == parsed.code);
        code = goes_on ? parsed.code : 0;
        count += !goes_on;
    }
    return count > 0 && dialogue.tls == NULL ? count - 1 : count;
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

#endif
