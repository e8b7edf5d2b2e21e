/* check_smarthost.c - checks of smarthosts without a session: names, TLS */
#include "postrider/check.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password.h"
#include "net/tls.h"
#include "postrider/secrets.h"
#include "relay/connect.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/lines.h"
#include "util/process.h"
#include "util/secret.h"

#define LOOKUP_TIME 5000        /* milliseconds for a name */
#define SOON (14 * 86400)       /* seconds */

/* In a child process: getaddrinfo(3) knows no deadline. The answer is a
 * struct error, without a fault if the name was found. */
static _Noreturn void look_up(const struct smarthost *host, int answer)
{
    struct targets targets;
    struct error err = { 0 };

    if (targets_find(&targets, host, &err))
        err.fault = FAULT_NONE;         /* that of one target among others */
    _exit(!io_write_all(answer, &err, sizeof err));
}

static void report_lookup(struct check *check, const struct smarthost *host,
                          struct process_child *child)
{
    int64_t deadline = clock_now() + LOOKUP_TIME;
    struct error err, ignored;
    struct buf data;

    buf_init(&data, sizeof err);
    bool answered = process_read(child, &data, deadline, &ignored) &&
                    data.length == sizeof err;
    process_end(child, answered ? deadline : 0);
    if (answered)
        memcpy(&err, data.data, sizeof err);
    buf_free(&data);
    if (!answered)
        check_warn(check, "is the network up, and /etc/resolv.conf right?",
                   "%s: %s: no answer within %d s", host->name, host->host,
                   LOOKUP_TIME / 1000);
    else if (err.fault != FAULT_NONE)
        check_warn(check, *err.remedy != '\0'
                              ? err.remedy
                              : "check host, the network and /etc/resolv.conf",
                   "%s: %s", host->name, err.what);
    else
        check_ok(check, "%s: %s", host->name, host->host);
}

void check_lookup(struct check *check)
{
    for (size_t i = 0; i < check->config->smarthost_count; i++) {
        const struct smarthost *host = &check->config->smarthosts[i];
        struct process_child child;

        if (!process_fork(&child))
            return;
        if (child.pid == 0)
            look_up(host, child.output);
        report_lookup(check, host, &child);
    }
}

/* Those servers read what any user writes. */
static void check_hidden(struct check *check, const char *name, const char *key,
                         const char *path)
{
    if (*path != '\0' && check->config->delivery == DELIVERY_QUEUE &&
        secrets_open_to_servers(check->config->source, path))
        check_warn(check, "move it to " POSTRIDER_SYSCONFDIR
                   "/postrider/secrets/", "%s: %s = %s is not hidden from the "
                   "servers of postrider.socket", name, key, path);
}

/* How long the certificate in a file can still be used. */
static void check_expiry(struct check *check, const char *name, const char *key,
                         const char *path)
{
    struct error err = { 0 };
    int64_t left;

    if (*path == '\0')
        return;
    if (!tls_expiry(path, &left, &err))
        check_error(check, &err);
    else if (left < 0)
        check_fail(check, "get a new one", "%s: %s = %s expired %lld days ago",
                   name, key, path, (long long)(-left / 86400));
    else if (left < SOON)
        check_warn(check, "get a new one", "%s: %s = %s expires in %lld days",
                   name, key, path, (long long)(left / 86400));
}

static void check_tls_of(struct check *check, const struct smarthost *host)
{
    const struct tls_settings settings = connector_tls(host);
    size_t before = check->count;
    struct error err = { 0 };
    struct tls_context *context = tls_context_new(&settings, &err);

    if (context == NULL) {
        error_prefix(&err, "%s", host->name);
        check_error(check, &err);
        return;
    }
    tls_context_free(context);
    check_expiry(check, host->name, "tls_ca_file", host->tls_ca_file);
    check_expiry(check, host->name, "tls_cert_file", host->tls_cert_file);
    if (*host->tls_key_file != '\0')
        check_hidden(check, host->name, "tls_key_file", host->tls_key_file);
    else
        check_hidden(check, host->name, "tls_cert_file", host->tls_cert_file);
    if (check->count == before)
        check_ok(check, "%s: certificates are verified by %s", host->name,
                 *host->tls_fingerprint != '\0' ? "their fingerprint"
                 : *host->tls_ca_file != '\0'   ? host->tls_ca_file
                                        : "the system's authorities");
}

void check_tls(struct check *check)
{
    struct error err = { 0 };

    if (check->all_seen && !config_check_files(check->config, &err)) {
        check_error(check, &err);
        return;
    }
    for (size_t i = 0; i < check->config->smarthost_count; i++) {
        const struct smarthost *host = &check->config->smarthosts[i];
        if (!check->all_seen && *host->tls_cert_file != '\0')
            check_unseen(check, "%s: tls_key_file", host->name);
        else if (host->tls != TLS_NONE)
            check_tls_of(check, host);
    }
}

/* Characters that people paste without seeing them. */
static void check_oddity(struct check *check, const struct smarthost *host,
                         const char *what, const char *text, size_t length)
{
    const char *oddity = password_oddity(text, length);

    if (oddity != NULL)
        check_warn(check, "remove that, unless it belongs to it",
                   "%s: %s %s", host->name, what, oddity);
}

/* It is not part of the password, as other programs may take it to be. */
static void check_mark(struct check *check, const struct smarthost *host)
{
    char start[3];
    int fd = *host->password_file == '\0'
             ? -1 : open(host->password_file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd == -1 ? 0 : io_read(fd, start, sizeof start);

    io_close(&fd);
    if (length == (ssize_t)sizeof start &&
        lines_mark_length(start, sizeof start) > 0)
        check_ok(check, "%s: %s begins with a byte order mark, which is left "
                 "out", host->name, host->password_file);
}

/* Where it comes from; the caller frees it. */
static char *describe_password(const struct smarthost *host)
{
    if (*host->password_file != '\0')
        return alloc_format("the password in %s", host->password_file);
    if (*host->password_command != '\0')
        return alloc_string("what password_command prints");
    if (*host->oauth != '\0')
        return alloc_format("the token of oauth \"%s\"", host->oauth);
    return alloc_format("the credential %s", host->password_credential);
}

/* As Docker gives secrets to a container. */
static bool is_for_all(const struct smarthost *host)
{
    struct stat status;

    return *host->password_file != '\0' &&
           stat(host->password_file, &status) == 0 &&
           (status.st_mode & S_IROTH) != 0;
}

static void check_fetched(struct check *check, const struct smarthost *host,
                          const struct secret *secret)
{
    char *what = describe_password(host);

    check_folder(check, *host->password_file != '\0' ? host->password_file
                                                     : "/");
    check_hidden(check, host->name, "password_file", host->password_file);
    check_mark(check, host);
    check_oddity(check, host, what, secret->data, secret->length);
    check_oddity(check, host, "user", host->user, strlen(host->user));
    if (is_for_all(host))
        check_warn(check, "if there are other users, give it mode 0400",
                   "%s: %s: all users of this machine, or of this container, "
                   "can read it", host->name, host->password_file);
    else
        check_ok(check, "%s: present, and no other user can read it",
                 host->name);
    free(what);
}

static void check_password(struct check *check, const struct smarthost *host)
{
    struct secret secret = { 0 };
    struct error err = { 0 };

    if (!check->all_seen) {
        check_unseen(check, "%s", host->name);
    } else if (*host->password_credential != '\0' &&
               getenv("CREDENTIALS_DIRECTORY") == NULL) {
        check_ok(check, "%s: the service manager gives it to the daemon alone",
                 host->name);
    } else if (!password_fetch(check->config, host, &secret, &err)) {
        error_prefix(&err, "%s", host->name);
        check_error(check, &err);
    } else {
        check_fetched(check, host, &secret);
    }
    secret_wipe(&secret);
}

/* The files that prove to an authorization server who this client is. */
static void check_client(struct check *check, const struct oauth *oauth)
{
    char *name = alloc_format("oauth %s", oauth->name);

    check_hidden(check, name, "client_secret_file", oauth->client_secret_file);
    check_hidden(check, name, "client_key_file", oauth->client_key_file);
    if (check->all_seen)
        check_expiry(check, name, "client_cert_file", oauth->client_cert_file);
    free(name);
}

void check_passwords(struct check *check)
{
    for (size_t i = 0; i < check->config->smarthost_count; i++)
        if (password_configured(&check->config->smarthosts[i]))
            check_password(check, &check->config->smarthosts[i]);
    for (size_t i = 0; i < check->config->oauth_count; i++)
        check_client(check, &check->config->oauths[i]);
}
