#include "sendmail/host_queue.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "mail/address.h"
#include "sendmail/smtp_input.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/log.h"

#define PATIENCE 60000          /* milliseconds for a reply */

struct dialogue {
    int fd;
    struct smtp_input in;
    struct buf line;
    bool takes_flaws;           /* its EHLO lists XFLAW */
};

static int connect_to(const char *path, struct error *err)
{
    struct timeval limit = { .tv_sec = PATIENCE / 1000 };
    int fd = client_connect(path, err);

    if (fd == -1) {
        err->fault = FAULT_TEMPORARY;
        error_prefix(err, "message not queued");
    } else {
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    return fd;
}

/* The last line of the next reply must begin with this digit. */
static bool expect_reply(struct dialogue *d, char class, struct error *err)
{
    do {
        if (smtp_input_line(&d->in, &d->line) != SMTP_LINE)
            return error_set(err, FAULT_TEMPORARY, "message not queued: the "
                             "daemon does not answer");
        d->takes_flaws = d->takes_flaws ||
                         (d->line.length > 4 &&
                          strcmp(d->line.data + 4, "XFLAW") == 0);
    } while (d->line.length > 3 && d->line.data[3] == '-');
    if (d->line.data[0] == class)
        return true;
    return error_set(err, d->line.data[0] == '5' ? FAULT_DATA
                                                 : FAULT_TEMPORARY,
                     "message not queued: the daemon replied: %s",
                     d->line.data);
}

static bool cannot_send(struct error *err)
{
    return error_sys(err, FAULT_TEMPORARY, "message not queued: send to the "
                     "daemon");
}

static bool send_command(struct dialogue *d, const char *text,
                         struct error *err)
{
    return io_write_all(d->fd, text, strlen(text)) || cannot_send(err);
}

/* Send it, with its CRLF, and free it; then read a reply of that class. */
static bool ask_command(struct dialogue *d, char *text, char class,
                        struct error *err)
{
    bool done = send_command(d, text, err) && expect_reply(d, class, err);

    free(text);
    return done;
}

/* A local name as such, so that reports go where mail for it goes: the other
 * side completes it again, with the same domain. */
static char *reverse_path_of(const struct envelope *env, bool same_names)
{
    const char *path = envelope_reverse_path(env);
    const char *at = address_at(path);

    return env->from_local && same_names && at != NULL
           ? alloc_bytes(path, (size_t)(at - path)) : alloc_string(path);
}

/* One that is invalid cannot be named by RCPT. NULL if the server has no way to
 * report it. */
static char *flaw_command(const struct dialogue *d,
                          const struct recipient *rcpt)
{
    char *text = xtext_encode(rcpt->path), *flaw = xtext_encode(rcpt->flaw);
    char *command = alloc_format("XFLAW %s %s\r\n", text, flaw);

    free(text);
    free(flaw);
    if (d->takes_flaws && strlen(command) <= SMTP_INPUT_LINE_MAX)
        return command;
    free(command);
    return NULL;
}

static char *rcpt_command(const struct recipient *rcpt)
{
    bool has_original = rcpt->original != NULL;

    return alloc_format("RCPT TO:<%s>%s%s%s%s\r\n", rcpt->path,
                        rcpt->notify != 0 ? " NOTIFY=" : "",
                        notify_text(rcpt->notify),
                        has_original ? " ORCPT=" : "",
                        has_original ? rcpt->original : "");
}

static void log_flawed(const struct entry *entry, const struct recipient *rcpt)
{
    log_line(LOG_LEVEL_WARNING, "%s: to=<%s>, relay=none, dsn=5.1.3, "
             "status=bounced (%s)", entry->id, rcpt->path, rcpt->flaw);
}

static bool send_recipients(struct dialogue *d, const struct entry *entry,
                            struct error *err)
{
    const struct envelope *env = &entry->envelope;
    bool done = true;

    for (size_t i = 0; done && i < env->count; i++) {
        const struct recipient *rcpt = &env->recipients[i];
        char *command = rcpt->flaw != NULL ? flaw_command(d, rcpt)
                                           : rcpt_command(rcpt);
        if (command != NULL)
            done = ask_command(d, command, '2', err);
        else
            log_flawed(entry, rcpt);
    }
    return done;
}

static bool send_sender(struct dialogue *d, const struct envelope *env,
                        bool same_names, struct error *err)
{
    char *path = reverse_path_of(env, same_names);
    const char *returns = env->dsn_return == RETURN_FULL ? " RET=FULL"
                          : env->dsn_return == RETURN_HEADERS ? " RET=HDRS"
                          : "";
    const char *id = env->envelope_id;
    char *command = alloc_format("MAIL FROM:<%s>%s%s%s%s\r\n", path,
                                 env->utf8 ? " SMTPUTF8" : "", returns,
                                 id != NULL ? " ENVID=" : "",
                                 id != NULL ? id : "");

    free(path);
    return ask_command(d, command, '2', err);
}

static bool send_content(struct dialogue *d, const struct entry *entry,
                         struct error *err)
{
    struct io_blocks blocks = entry_blocks(entry, 0,
                                           entry->content_length);
    char *command = alloc_format("BDAT %" PRIu64 " LAST\r\n",
                                 entry->content_length);
    bool sent = send_command(d, command, err);

    while (sent && io_blocks_next(&blocks))
        sent = io_write_all(d->fd, blocks.data, blocks.length) ||
               cannot_send(err);
    free(command);
    if (!io_blocks_end(&blocks))
        return cannot_send(err);
    return sent && expect_reply(d, '2', err);
}

/* The queue-id in the reply to the message, or NULL. */
static char *queue_id(const struct dialogue *d)
{
    static const char words[] = "queued as ";
    const char *at = strstr(d->line.data, words);

    return at != NULL ? alloc_string(at + sizeof words - 1) : NULL;
}

bool host_queue_send(const char *path, const struct config *config,
                     struct draft *draft, char **id, struct error *err)
{
    struct dialogue d = { .fd = connect_to(path, err) };
    struct entry *entry;

    *id = NULL;
    if (d.fd == -1)
        return false;
    entry = entry_reopen(dup(draft_descriptor(draft)), NULL, err);
    smtp_input_init(&d.in, d.fd, PATIENCE);
    buf_init(&d.line, SIZE_MAX);
    bool done = entry != NULL && expect_reply(&d, '2', err) &&
                ask_command(&d, alloc_format("EHLO %s\r\n", config->hostname),
                            '2', err) &&
                send_sender(&d, &entry->envelope, config->owner == 0, err) &&
                send_recipients(&d, entry, err) &&
                send_content(&d, entry, err);
    *id = done ? queue_id(&d) : NULL;
    if (done)
        (void)io_write_all(d.fd, "QUIT\r\n", 6);
    entry_free(entry);
    smtp_input_free(&d.in);
    buf_free(&d.line);
    io_close(&d.fd);
    return done;
}
