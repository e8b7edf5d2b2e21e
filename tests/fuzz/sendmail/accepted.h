/*
 * accepted.h - what sendmail has accepted, as the daemon finds it
 *
 * Both must decide alike: a message file of sendmail is one that the daemon can
 * send, with the header section and the recipients that sendmail meant.
 */
#ifndef POSTRIDER_TESTS_FUZZ_SENDMAIL_ACCEPTED_H
#define POSTRIDER_TESTS_FUZZ_SENDMAIL_ACCEPTED_H

#include "../input.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/reader.h"
#include "spool/entry.h"
#include "util/buf.h"

#define ACCEPTED_HEADER_MAX 60000   /* octets that the daemon reads anyway */

static inline void accepted_envelope(const struct envelope *env)
{
    const char *sender = envelope_reverse_path(env);
    struct error err;

    PROMISE(*sender == '\0' || address_check(sender, &err));
    PROMISE(env->count > 0);
    for (size_t i = 0; i < env->count; i++) {
        const struct recipient *rcpt = &env->recipients[i];
        promise_one_line(rcpt->path);
        if (rcpt->flaw != NULL) {
            promise_one_line(rcpt->flaw);
            /* The daemon has found none that sendmail has not. */
            PROMISE(strstr(rcpt->flaw, "wrong line in its env") == NULL);
        }
        PROMISE((rcpt->flaw == NULL) == address_check(rcpt->path, &err));
        if (rcpt->original != NULL)
            PROMISE(!text_has_control(rcpt->original,
                                      strlen(rcpt->original)));
    }
}

/* The message, as the reader of another sendmail finds it. */
static inline void accepted_read(const struct entry *entry,
                                 struct header *header)
{
    int fd = memory_file("", 0);
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);
    struct error err;

    while (io_blocks_next(&blocks))
        PROMISE(io_write_all(fd, blocks.data, blocks.length));
    PROMISE(io_blocks_end(&blocks) && lseek(fd, 0, SEEK_SET) == 0);
    struct reader *reader = reader_new(fd, false, 1 << 20);
    PROMISE(reader_header(reader, header, &err));
    reader_free(reader);
    close(fd);
}

static inline void accepted_header(const struct entry *entry)
{
    struct header read = { 0 }, found = { 0 };
    struct buf one, other;

    buf_init(&one, SIZE_MAX);
    buf_init(&other, SIZE_MAX);
    accepted_read(entry, &read);
    entry_header(entry, &found);
    header_write(&read, &one);
    header_write(&found, &other);
    if (one.length < ACCEPTED_HEADER_MAX)
        PROMISE(strcmp(one.data, other.data) == 0);
    PROMISE(memchr(one.data, '\0', one.length) == NULL);
    PROMISE(!header_has(&read, "Bcc"));
    buf_free(&one);
    buf_free(&other);
    header_free(&read);
    header_free(&found);
}

/* Takes the descriptor over. The caller frees the result. */
static inline struct entry *accepted_entry(int fd, const char *id)
{
    struct error err;
    struct entry *entry = entry_open(fd, id, &err);

    PROMISE(entry != NULL);
    PROMISE(entry->flaw == NULL && !entry->has_bare_ends);
    accepted_envelope(&entry->envelope);
    accepted_header(entry);
    return entry;
}

#endif
