/*
 * import_queue.c - mail that another mail system has left in its spool
 *
 * dma has a pair of files for each recipient, Qname and Mname: in the first one
 * are lines "Sender: ADDRESS" and "Recipient: ADDRESS", in the second one is
 * the message. nullmailer has one file: the sender, a recipient a line, an
 * empty line, the message. The queues of others are theirs to read.
 */
#include "postrider/import_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/left_mail.h"
#include "postrider/resubmit.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/error.h"
#include "util/io.h"
#include "util/lines.h"
#include "util/scratch.h"
#include "util/strings.h"
#include "util/text.h"

#define ENVELOPE_MAX (1u << 20) /* octets */

/* A message of another queue. */
struct left {
    char *sender;               /* "" is the null one; NULL: none is named */
    struct strings recipients;
    struct scratch content;
    uid_t uid;                  /* of the file's owner */
};

struct queue_import {
    const struct config *config;
    const char *folder;
    int fd;                     /* of the folder */
    size_t taken, kept;
};

static void free_left(struct left *left)
{
    free(left->sender);
    strings_free(&left->recipients);
    scratch_close(&left->content);
}

static void explain(const struct queue_import *import, const char *name,
                    const char *what)
{
    text_print(stderr, "postrider: %s/%s: %s: it stays\n", import->folder,
               name, what);
}

static int open_file(const struct queue_import *import, const char *name)
{
    int fd = openat(import->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                    O_CLOEXEC);
    struct stat status;

    if (fd != -1 && (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode)))
        io_close(&fd);
    return fd;
}

/* All of the file after so many octets. */
static bool take_content(struct left *left, int fd, size_t start)
{
    struct error ignored;
    struct stat status;

    if (fstat(fd, &status) == -1 || !scratch_open(&left->content, &ignored))
        return false;
    left->uid = status.st_uid;
    return scratch_copy(&left->content, fd, start,
                        (uint64_t)status.st_size - start) &&
           lseek(left->content.fd, 0, SEEK_SET) == 0;
}

/* "Word: value" of a line; the caller frees it. */
static char *value_of(const struct lines *line, const char *word)
{
    size_t length = strlen(word);

    return line->length >= length && text_starts(line->text, word)
           ? alloc_bytes(line->text + length, line->length - length) : NULL;
}

static void take_dma_line(struct left *left, const struct lines *line)
{
    char *sender = value_of(line, "Sender: ");
    char *recipient = value_of(line, "Recipient: ");

    if (recipient != NULL)
        strings_take(&left->recipients, recipient);
    if (left->sender == NULL)
        left->sender = sender;
    else
        free(sender);
}

/* Both files of a message are made by its sender. */
static bool read_dma(const struct queue_import *import, const char *name,
                     int fd, struct left *left)
{
    char *other = alloc_format("M%s", name + 1);
    int content = open_file(import, other);
    struct stat status;
    struct error ignored;
    struct lines lines;
    struct buf text;

    buf_init(&text, ENVELOPE_MAX);
    bool done = file_read_from(fd, name, &text, &ignored);
    if (done)
        lines_start(&lines, text.data, text.length);
    while (done && lines_next(&lines))
        take_dma_line(left, &lines);
    done = done && content != -1 && fstat(fd, &status) == 0 &&
           take_content(left, content, 0) && left->uid == status.st_uid;
    buf_free(&text);
    io_close(&content);
    free(other);
    return done;
}

/* The sender, then recipients, up to an empty line. */
static bool read_nullmailer(const struct queue_import *import,
                            const char *name, int fd, struct left *left)
{
    struct io_blocks blocks = io_blocks(fd, 0, ENVELOPE_MAX);
    struct lines lines;
    struct buf text;
    bool done = false;

    (void)import;
    (void)name;
    buf_init(&text, ENVELOPE_MAX);
    while (io_blocks_next(&blocks))
        buf_add(&text, blocks.data, blocks.length);
    (void)io_blocks_end(&blocks);       /* it is shorter, as a rule */
    lines_start(&lines, text.data, text.length);
    while (!done && lines_next(&lines)) {
        char *line = alloc_bytes(lines.text, lines.length);
        done = *line == '\0' && left->sender != NULL;
        if (left->sender == NULL)
            left->sender = line;
        else if (done)
            free(line);
        else
            strings_take(&left->recipients, line);
    }
    done = done && take_content(left, fd, (size_t)(lines.rest - text.data));
    buf_free(&text);
    return done;
}

/* The file is gone once Postrider has the message, and not before. */
static void remove_dma(const struct queue_import *import, const char *name)
{
    char *other = alloc_format("M%s", name + 1);

    unlinkat(import->fd, name, 0);
    unlinkat(import->fd, other, 0);
    free(other);
}

static void remove_nullmailer(const struct queue_import *import,
                              const char *name)
{
    unlinkat(import->fd, name, 0);
}

static const struct queue_format {
    const char *agent;
    const char *start;          /* of a name, before others */
    bool (*read)(const struct queue_import *import, const char *name, int fd,
                 struct left *left);
    void (*remove)(const struct queue_import *import, const char *name);
} formats[] = {
    { "dma", "Q", read_dma, remove_dma },
    { "nullmailer", "", read_nullmailer, remove_nullmailer },
};

/* Users who are gone have left mail of root's concern. */
static bool submit(const struct queue_import *import, const struct left *left)
{
    struct strings arguments = { 0 };

    strings_add(&arguments, "sendmail");
    strings_add(&arguments, "-i");
    strings_add(&arguments, "-f");
    strings_add(&arguments, *left->sender != '\0' ? left->sender : "<>");
    strings_add(&arguments, "--");
    for (size_t i = 0; i < left->recipients.count; i++)
        strings_add(&arguments, left->recipients.items[i]);
    bool done = resubmit(getpwuid(left->uid) != NULL ? left->uid : 0,
                         import->config->path, &arguments, left->content.fd);
    strings_free(&arguments);
    return done;
}

/* The program that has the file locked sends it now. */
static void import_message(struct queue_import *import,
                           const struct queue_format *format, const char *name)
{
    struct left left = { .content = SCRATCH_NONE };
    int fd = open_file(import, name);
    const char *trouble = NULL;

    if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == -1)
        trouble = strerror(errno);
    else if (!format->read(import, name, fd, &left) || left.sender == NULL ||
             left.recipients.count == 0)
        trouble = "it is not a whole message";
    else if (!submit(import, &left))
        trouble = "it was not accepted";
    else
        format->remove(import, name);
    if (trouble != NULL)
        explain(import, name, trouble);
    import->taken += trouble == NULL;
    import->kept += trouble != NULL;
    free_left(&left);
    io_close(&fd);
}

static bool import_folder(struct queue_import *import,
                          const struct queue_format *format, struct error *err)
{
    struct strings names = { 0 };

    import->fd = open(import->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool listed = (import->fd != -1 && folder_list(import->fd, &names)) ||
                  error_sys(err, FAULT_INPUT, "%s", import->folder);
    for (size_t i = 0; listed && i < names.count; i++)
        if (names.items[i][0] != '.' &&
            text_starts(names.items[i], format->start))
            import_message(import, format, names.items[i]);
    strings_free(&names);
    io_close(&import->fd);
    if (import->taken > 0)
        printf("%s: %zu message%s taken over\n", format->agent, import->taken,
               import->taken == 1 ? "" : "s");
    return listed && (import->kept == 0 ||
                      error_set(err, FAULT_TEMPORARY, "%s: %zu message%s not "
                                "taken over", format->agent, import->kept,
                                import->kept == 1 ? "" : "s"));
}

static const struct queue_format *find_format(const char *agent)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(formats[i].agent, agent) == 0)
            return &formats[i];
    return NULL;
}

/* One that only its own program can send: how it does that. */
static bool import_place(const struct config *config,
                         const struct left_place *place, size_t count,
                         struct error *err)
{
    struct queue_import import = { .config = config, .folder = place->folder };
    const struct queue_format *format = find_format(place->agent);

    if (format != NULL)
        return import_folder(&import, format, err);
    printf("%s: %zu message%s in %s: %s\n", place->agent, count,
           count == 1 ? "" : "s", place->folder, place->remedy);
    return true;
}

static bool import_all(const struct config *config, struct error *err)
{
    bool done = true;
    struct error fresh;
    size_t all = 0;

    for (size_t i = 0; i < LEFT_PLACES; i++) {
        size_t count;
        left_mail_count(&left_places[i], &count);
        all += count;
        if (count == 0 ||
            import_place(config, &left_places[i], count, &fresh))
            continue;
        if (!done)
            fprintf(stderr, "postrider: %s\n", err->text);
        *err = fresh;
        done = false;
    }
    if (all == 0)
        puts("no mail of another mail system waits here");
    return done;
}

static bool can_send(const struct config *config, struct error *err)
{
    if (geteuid() != 0)
        return error_set(err, FAULT_PERMISSION, "only root can take over the "
                         "mail of others");
    return config->smarthost_count > 0 ||
           error_set(err, FAULT_CONFIG, "no smarthost is configured") ||
           error_remedy(err, "run postrider setup first");
}

bool import_queue(const char *agent, const char *folder, struct error *err)
{
    const struct queue_format *format = folder == NULL ? NULL
                                        : find_format(agent);
    struct config *config = config_load(err);
    bool done = config != NULL && can_send(config, err);

    if (done && folder == NULL)
        done = import_all(config, err);
    else if (done && format == NULL)
        done = error_set(err, FAULT_USAGE, "--queue reads the folders of dma "
                         "and nullmailer: name which one with --from");
    else if (done)
        done = import_folder(&(struct queue_import){ .config = config,
                             .folder = folder }, format, err);
    config_free(config);
    return done;
}
