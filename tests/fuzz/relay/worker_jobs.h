/*
 * worker_jobs.h - the jobs of relay/worker: message files of many kinds
 */
#ifndef POSTRIDER_TESTS_FUZZ_WORKER_JOBS_H
#define POSTRIDER_TESTS_FUZZ_WORKER_JOBS_H

#include "../fuzz_spool.h"
#include "../input.h"

#define RECIPIENTS 3            /* of each message */
#define BODY "\r\n.\r\n..x\r\n.\r\n"
#define SENDER "al%" PRIu64 "@a.example"        /* by the job's number */

enum shape { NULL_SENDER = 1, WITH_DSN = 2, BEYOND_ASCII = 4, OF_70_KB = 8,
             EIGHT_BIT = 16 };

/* A job that the worker was given. */
struct given {
    uint64_t number;
    char id[RANDOM_ID_LENGTH + 1];      /* "": that of a file of the input */
    char *content;
    bool is_meant[RECIPIENTS];
    bool is_noted[RECIPIENTS], is_reported[RECIPIENTS];
    bool is_flawed;             /* it must not be sent */
    size_t mails;               /* sent for it until its last report */
    bool is_over;               /* it was given back */
    bool was_unsent;            /* ... as nothing of it had gone */
};

static const char *const paths[] = { "bob@b.example", "eve@e.example",
                                     "\xc3\xa4@\xc3\xb6.example" };

static inline void add_envelope(struct buf *file, const struct given *job,
                                unsigned shape)
{
    char *sender = shape & NULL_SENDER ? alloc_string("")
                                       : alloc_format(SENDER, job->number);

    buf_add_format(file, "postrider 1 %s\nfrom %s\n", job->id, sender);
    free(sender);
    for (size_t i = 0; i < RECIPIENTS; i++)
        buf_add_format(file, "to %s %s\n", shape & WITH_DSN
                       ? "success,failure rfc822;x+20y" : "- -",
                       paths[i == 2 && !(shape & BEYOND_ASCII) ? 0 : i]);
    if (shape & WITH_DSN)
        buf_add_text(file, "ret hdrs\nenvid id+2B\n");
    if (shape & BEYOND_ASCII)
        buf_add_text(file, "utf8\n");
    buf_add_char(file, '\n');
}

static inline char *make_content(const struct given *job, unsigned shape)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, CONTENT_FIELD ": %s\r\nSubject: %s\r\n", job->id,
                   shape & BEYOND_ASCII ? "\xc3\xa4" : "a");
    for (unsigned i = 0; shape & OF_70_KB && i < 3000; i++)
        buf_add_text(&text, "\r\n.a line of a message of 70 KB");
    buf_add_text(&text, shape & EIGHT_BIT ? "\r\n\xe4" BODY : "\r\n" BODY);
    return text.data;
}

/* The message file of a job, which gets its content. */
static inline void make_file(struct given *job, unsigned shape,
                             struct buf *file)
{
    job->content = make_content(job, shape);
    buf_init(file, SIZE_MAX);
    add_envelope(file, job, shape);
    buf_add_text(file, job->content);
    if (shape & (BEYOND_ASCII | EIGHT_BIT))
        buf_add_format(file, "END %020u %08x 8\n", 0U, 0U);
    fuzz_mend(file);
}

/* Would a manager that is in order have these octets sent? */
static inline bool is_sound(const struct buf *file, bool *is_flawed)
{
    struct error ignored;
    struct entry *entry = entry_open(memory_file(file->data, file->length),
                                     NULL, &ignored);
    bool sound = entry != NULL && !entry->has_bare_ends;

    *is_flawed = sound && entry->flaw != NULL;
    entry_free(entry);
    return sound;
}

#endif
