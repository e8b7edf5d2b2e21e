#include "config/password.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password_command.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/io.h"
#include "util/lines.h"
#include "util/secret.h"
#include "util/text.h"

#define PASSWORD_SIZE_MAX ((size_t)64 << 10)
#define COMMAND_LIMIT 30000         /* milliseconds */

bool password_configured(const struct smarthost *smarthost)
{
    return *smarthost->password_file != '\0' ||
           *smarthost->password_command != '\0' ||
           *smarthost->password_credential != '\0' ||
           *smarthost->oauth != '\0';
}

bool password_is_printed(const struct smarthost *smarthost)
{
    return *smarthost->password_command != '\0' ||
           *smarthost->oauth != '\0';
}

/* Windows' Notepad calls it Unicode. */
static bool is_utf16(const struct buf *text)
{
    return text->length >= 2 && (memcmp(text->data, "\xff\xfe", 2) == 0 ||
                                 memcmp(text->data, "\xfe\xff", 2) == 0);
}

/* The first line of what was read. source names it in texts. */
static bool take_line(const struct buf *text, const char *source,
                      struct secret *secret, struct error *err)
{
    struct lines lines;

    lines_start(&lines, text->data, text->length);
    if (!lines_next(&lines) || lines.length == 0)
        return error_set(err, FAULT_CONFIG,
                         "%s: its first line, the password, is empty", source);
    if (is_utf16(text))
        return error_set(err, FAULT_CONFIG, "%s: is in UTF-16", source) ||
               error_remedy(err, "store it in UTF-8");
    if (memchr(lines.text, '\0', lines.length) != NULL)
        return error_set(err, FAULT_CONFIG,
                         "%s: the password holds a NUL octet", source);
    secret_take(secret, alloc_bytes(lines.text, lines.length), lines.length);
    return true;
}

static const char *reader_of(const struct config *config)
{
    return config->delivery == DELIVERY_QUEUE ? config->user : "you";
}

/* The shell command that makes the file right; the caller frees it. owner
 * is who it belongs to now. */
static char *remedy_for(const struct config *config, const char *path,
                        uid_t owner)
{
    if (owner == geteuid())
        return alloc_format("chmod 400 %s", path);
    if (config->delivery == DELIVERY_QUEUE)
        return alloc_format("chown %s %s && chmod 400 %s", config->user, path,
                            path);
    return alloc_format("chown %lu %s && chmod 400 %s",
                        (unsigned long)geteuid(), path, path);
}

/* A file of root is wrong for any daemon. One of another user may be the
 * daemon's, and then it is the caller who is wrong. */
static bool refuse_access(const struct config *config, const char *path,
                          int number, struct error *err)
{
    struct stat status;
    bool is_reached = stat(path, &status) == 0;
    char *remedy = is_reached ? remedy_for(config, path, status.st_uid)
                              : alloc_format("let %s enter its folder",
                                             reader_of(config));

    errno = number;
    error_sys(err, FAULT_PERMISSION, "%s", path);
    error_remedy(err, "%s%s", remedy, is_reached && status.st_uid == 0
                                      ? "" : ", or run this as root");
    free(remedy);
    return false;
}

static bool refuse_open(const struct config *config, const char *path,
                        int number, struct error *err)
{
    if (number == EACCES || number == EPERM)
        return refuse_access(config, path, number, err);
    if (number != ENOENT)
        return false;
    return error_set(err, FAULT_CONFIG, "%s: no such file", path) ||
           error_remedy(err, "write the secret into it, owned by %s, mode "
                        "400", reader_of(config));
}

static bool is_own_group(gid_t group)
{
    int count = getgroups(0, NULL);
    bool own = group == getegid();

    if (count <= 0)
        return own;
    gid_t *groups = alloc_zero((size_t)count, sizeof *groups);
    count = getgroups(count, groups);
    for (int i = 0; i < count && !own; i++)
        own = groups[i] == group;
    free(groups);
    return own;
}

/*
 * Secrets that a container is given, which it cannot change. Kubernetes mounts
 * them as root's, for the group that is called fsGroup; Docker for all, which
 * are its programs: they send mail, too, with direct delivery.
 */
static bool is_mounted(const struct config *config, const struct stat *status)
{
    unsigned rights = (unsigned)status->st_mode & 07777;

    if ((rights & ~0444U) != 0)
        return false;
    return (rights & S_IROTH) != 0
           ? config->delivery == DELIVERY_DIRECT
           : status->st_uid == 0 && is_own_group(status->st_gid);
}

/* As a rule only its owner may have a right to it. */
static bool check_rights(const struct config *config, const char *path,
                         const struct stat *status, struct error *err)
{
    char *remedy = remedy_for(config, path, status->st_uid);
    unsigned mode = (unsigned)status->st_mode & 07777;
    bool right = (mode & (S_IRWXG | S_IRWXO)) == 0 ||
                 is_mounted(config, status) ||
                 error_set(err, FAULT_CONFIG, "%s: others can %s it (mode "
                           "%04o)", path,
                           (mode & (S_IRGRP | S_IROTH)) != 0 ? "read" : "use",
                           mode) ||
                 error_remedy(err, "%s", remedy);

    free(remedy);
    return right;
}

static bool check_owner(const struct config *config, const char *path,
                        const struct stat *status, bool is_private,
                        struct error *err)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return error_set(err, FAULT_CONFIG, "%s: belongs to uid %lu, neither "
                         "to uid %lu nor to root", path,
                         (unsigned long)status->st_uid,
                         (unsigned long)geteuid()) ||
               error_remedy(err, "chown %lu %s", (unsigned long)geteuid(),
                            path);
    return !is_private || check_rights(config, path, status, err);
}

/* Symbolic links are followed, as Kubernetes has them; what counts is the
 * file that was opened. */
static bool read_file(const struct config *config, const char *path,
                      bool is_private, struct buf *text, struct error *err)
{
    struct stat status;
    int fd = file_open(path, &status, err);

    if (fd == -1)
        return refuse_open(config, path, errno, err);
    bool done = check_owner(config, path, &status, is_private, err);
    if (done && !file_read_from(fd, path, text, err)) {
        err->fault = FAULT_CONFIG;
        done = false;
    }
    io_close(&fd);
    return done;
}

static bool fetch_file(const struct config *config, const char *path,
                       bool is_private, struct secret *secret,
                       struct error *err)
{
    struct buf text;

    buf_init(&text, PASSWORD_SIZE_MAX);
    bool done = read_file(config, path, is_private, &text, err) &&
                take_line(&text, path, secret, err);
    buf_wipe(&text);
    return done;
}

static bool fetch_credential(const struct config *config, const char *name,
                             struct secret *secret, struct error *err)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    if (folder == NULL || *folder != '/')
        return error_set(err, FAULT_CONFIG, "password_credential %s: the "
                         "service manager has given none", name) ||
               error_remedy(err, "set LoadCredential=%s:/path in the unit",
                            name);
    char *path = alloc_format("%s/%s", folder, name);
    /* systemd sees to the rights: 0440 root where ACLs are used. */
    bool done = fetch_file(config, path, false, secret, err);
    free(path);
    return done;
}

static bool fetch_command(const struct config *config, const char *command,
                          struct secret *secret, struct error *err)
{
    struct buf text;

    buf_init(&text, PASSWORD_SIZE_MAX);
    /* A user who can write the file could have us run anything. */
    bool done = config_check_owner(config, "password_command is not run",
                                   err) &&
                password_command_run(command, COMMAND_LIMIT, &text, err) &&
                take_line(&text, "password_command", secret, err);
    buf_wipe(&text);
    return done;
}

enum place { START, END, ANYWHERE };

/* The octets are UTF-8, but for the last row. */
static const struct {
    const char *octets;
    enum place place;
    const char *text;
} oddities[] = {
    { " ", START, "begins with a blank" },
    { " ", END, "ends with a blank" },
    { "\t", START, "begins with a tab" },
    { "\t", END, "ends with a tab" },
    { "\"", START, "begins with a quote" },
    { "\"", END, "ends with a quote" },
    { "'", START, "begins with a quote" },
    { "'", END, "ends with a quote" },
    { "\xe2\x80\x9c", START, "begins with a typographic quote" },
    { "\xe2\x80\x9d", END, "ends with a typographic quote" },
    { "\xc2\xa0", ANYWHERE, "holds a no-break space" },
    { "\xe2\x80\xaf", ANYWHERE, "holds a no-break space" },
    { "\xe2\x80\x8b", ANYWHERE, "holds a zero-width space" },
    { "\xe2\x80\x8c", ANYWHERE, "holds an invisible character" },
    { "\xe2\x80\x8d", ANYWHERE, "holds an invisible character" },
    { "\xe2\x81\xa0", ANYWHERE, "holds an invisible character" },
    { "\xef\xbb\xbf", ANYWHERE, "holds a byte order mark" },
    { "\r", ANYWHERE, "holds a carriage return" },
    { "\x1b", ANYWHERE, "holds an escape character" },
    { "\xa0", ANYWHERE, "holds a no-break space of another charset" },
};

static bool has_octets(const char *text, size_t length, const char *octets,
                       enum place place)
{
    size_t part = strlen(octets);

    if (part > length)
        return false;
    switch (place) {
    case START:
        return memcmp(text, octets, part) == 0;
    case END:
        return memcmp(text + length - part, octets, part) == 0;
    default:
        return memmem(text, length, octets, part) != NULL;
    }
}

const char *password_oddity(const char *text, size_t length)
{
    size_t count = COUNT(oddities);

    /* In UTF-8 its octet is a part of others. */
    if (text_is_utf8(text, length))
        count--;
    for (size_t i = 0; i < count; i++)
        if (has_octets(text, length, oddities[i].octets, oddities[i].place))
            return oddities[i].text;
    return NULL;
}

bool password_read_file(const struct config *config, const char *path,
                        struct secret *secret, struct error *err)
{
    return fetch_file(config, path, true, secret, err);
}

bool password_renew(const struct config *config,
                    const struct smarthost *smarthost, const char *refused,
                    struct secret *secret, struct error *err)
{
    struct buf text;

    buf_init(&text, PASSWORD_SIZE_MAX);
    bool done = config_check_owner(config, "no token is asked for", err) &&
                password_command_oauth(smarthost->oauth, refused,
                                       COMMAND_LIMIT, &text, err) &&
                take_line(&text, "postrider-oauth", secret, err);
    buf_wipe(&text);
    return done;
}

bool password_read_key(const struct config *config, const char *path,
                       struct buf *text, struct error *err)
{
    return read_file(config, path, true, text, err);
}

bool password_fetch(const struct config *config,
                    const struct smarthost *smarthost, struct secret *secret,
                    struct error *err)
{
    if (*smarthost->password_file != '\0')
        return fetch_file(config, smarthost->password_file, true, secret, err);
    if (*smarthost->password_command != '\0')
        return fetch_command(config, smarthost->password_command, secret, err);
    if (*smarthost->password_credential != '\0')
        return fetch_credential(config, smarthost->password_credential, secret,
                                err);
    if (*smarthost->oauth != '\0')
        return password_renew(config, smarthost, NULL, secret, err);
    return error_set(err, FAULT_CONFIG, "smarthost \"%s\": no password is "
                     "configured", smarthost->name);
}
