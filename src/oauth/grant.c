#include "oauth/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

#define VERSION 1
/* Two tokens, of whose octets JSON may double each, and the rest. */
#define FILE_MAX ((off_t)4 * ANSWER_TOKEN_MAX + 8192)
#define LIFE_UNKNOWN 300            /* seconds, where the server gives none */
#define REFRESH_LIFE_MAX ((int64_t)10 * 365 * 86400)
#define LOCK_INTERVAL 20000000      /* nanoseconds between two tries */

/* What the file has, but for its version and the client that it is for. */
#define TEXT(name) { #name, offsetof(struct grant, name), true }
#define TIME(name) { #name, offsetof(struct grant, name), false }
static const struct member {
    const char *name;
    size_t offset;
    bool is_text;
} members[] = {
    TEXT(access_token), TIME(obtained), TIME(expires), TEXT(scope),
    TEXT(refresh_token), TIME(refresh_expires), TIME(login), TIME(wait_until),
    TIME(refused),
};

static char *file_name(const struct client *client, const char *suffix)
{
    return alloc_format("%s.%s", client->oauth->name, suffix);
}

void grant_free(struct grant *grant)
{
    char *const tokens[] = { grant->access_token, grant->refresh_token };

    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        if (tokens[i] != NULL)
            explicit_bzero(tokens[i], strlen(tokens[i]));
        free(tokens[i]);
    }
    free(grant->scope);
    *grant = (struct grant){ 0 };
}

static bool is_for(const json_t *root, const char *name, const char *value)
{
    const char *text = json_string_value(json_object_get(root, name));

    return text != NULL && strcmp(text, value) == 0;
}

static void take_members(struct grant *grant, const json_t *root)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *value = json_object_get(root, members[i].name);
        void *member = (char *)grant + members[i].offset;
        if (members[i].is_text)
            *(char **)member = alloc_string(json_string_value(value));
        else
            *(int64_t *)member = json_integer_value(value);
    }
}

static bool refuse_damaged(const struct client *client, struct error *err)
{
    return error_set(err, FAULT_PERMISSION, "%s.json in the folder of tokens "
                     "is damaged", client->oauth->name) ||
           error_remedy(err, "postrider-oauth logout %s, then login",
                        client->oauth->name);
}

static bool take_file(const struct client *client, const struct buf *text,
                      struct grant *grant, struct error *err)
{
    json_error_t ignored;
    json_t *root = json_loadb(text->data, text->length, JSON_REJECT_DUPLICATES,
                              &ignored);
    json_int_t version =
        json_integer_value(json_object_get(root, "version"));
    bool is_newer = version > VERSION;
    bool is_right = json_is_object(root) && version == VERSION;

    if (is_right && is_for(root, "client_id", client->oauth->client_id) &&
        is_for(root, "token_url", client->oauth->token_url) &&
        (*client->subject == '\0' ||
         is_for(root, "subject", client->subject)))
        take_members(grant, root);
    json_decref(root);
    if (is_newer)
        return error_set(err, FAULT_NEWER, "%s.json in the folder of tokens "
                         "was written by a newer version",
                         client->oauth->name);
    return is_right || refuse_damaged(client, err);
}

/* Only rights that are missing, or a link, are for a person to mend. */
static bool refuse_open(const char *name, int number, struct error *err)
{
    bool stays = number == EACCES || number == EPERM || number == ELOOP;

    errno = number;
    return error_sys(err, stays ? FAULT_PERMISSION : FAULT_IO, "%s", name);
}

bool grant_load(const struct client *client, struct grant *grant,
                struct error *err)
{
    char *name = file_name(client, "json");
    struct buf text;

    *grant = (struct grant){ 0 };
    int fd = client->state == -1 ? -1
             : openat(client->state, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool is_there = fd != -1 || (client->state != -1 && errno != ENOENT);
    buf_init(&text, (size_t)FILE_MAX);
    bool done = !is_there ||
                (fd == -1 ? refuse_open(name, errno, err)
                 : io_read_all(fd, &text, err) || error_prefix(err, "%s",
                                                               name));
    if (done && is_there)
        done = take_file(client, &text, grant, err);
    io_close(&fd);
    buf_wipe(&text);
    free(name);
    return done;
}

static void replace_text(char **text, const char *by)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = alloc_string(by);
}

void grant_forget_access(struct grant *grant)
{
    replace_text(&grant->access_token, NULL);
    grant->expires = grant->obtained;
}

/* Google's name, and another. */
static int64_t refresh_life(const struct answer *answer)
{
    int64_t life = answer_seconds(answer, "refresh_token_expires_in",
                                  REFRESH_LIFE_MAX);

    return life != 0 ? life : answer_seconds(answer, "refresh_expires_in",
                                             REFRESH_LIFE_MAX);
}

bool grant_take(struct grant *grant, const struct answer *answer,
                const char *scope, struct error *err)
{
    const char *token = answer_token(answer, "access_token");
    const char *refresh = answer_token(answer, "refresh_token");
    const char *type = answer_text(answer, "token_type");
    int64_t life = answer_seconds(answer, "expires_in", ANSWER_LIFE_MAX);

    if (refresh != NULL)
        replace_text(&grant->refresh_token, refresh);
    if (token == NULL)
        return error_set(err, FAULT_PROTOCOL, "the answer holds no "
                         "access_token that can be used");
    if (type != NULL && !text_equal_case(type, "bearer"))
        return error_set(err, FAULT_PROTOCOL, "the token is not of type "
                         "Bearer");
    grant->obtained = time(NULL);
    grant->expires = grant->obtained + (life != 0 ? life : LIFE_UNKNOWN);
    grant->wait_until = 0;
    grant->refused = 0;
    replace_text(&grant->access_token, token);
    replace_text(&grant->scope, scope);
    int64_t left = refresh_life(answer);
    if (left != 0 || refresh != NULL)
        grant->refresh_expires = left != 0 ? grant->obtained + left : 0;
    return true;
}

/* How much of its life is left: 0 if it cannot be used. */
static int64_t left_of(const struct grant *grant, const char *scope,
                       int64_t now)
{
    int64_t left = grant->expires - now;

    if (grant->access_token == NULL || grant->scope == NULL ||
        strcmp(grant->scope, scope) != 0 ||
        left > grant->expires - grant->obtained)
        return 0;
    return left;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool grant_is_fresh(const struct grant *grant, const char *scope, int64_t now)
{
    int64_t life = grant->expires - grant->obtained;
    int64_t margin = life / 10 > 120 ? life / 10 : 120;
    int64_t left = left_of(grant, scope, now);

    /* In a file that was changed by hand, life may be negative. */
    return left > 0 && left > least(margin, life / 2);
}

bool grant_is_alive(const struct grant *grant, const char *scope, int64_t now)
{
    /* It is shown to a server a moment later. */
    return left_of(grant, scope, now) > 5;
}

bool renewal_begin(struct renewal *renewal, const struct client *client,
                   int64_t deadline, struct error *err)
{
    char *name = file_name(client, "lock");
    const struct timespec interval = { .tv_nsec = LOCK_INTERVAL };

    *renewal = (struct renewal){ .lock = -1, .draft = -1 };
    if (client->state == -1) {
        free(name);
        return error_set(err, FAULT_CONFIG, "%s: no such folder, and it cannot "
                         "be made", client->folder) ||
               error_remedy(err, "make it, mode 700, for the user who "
                            "delivers");
    }
    renewal->lock = openat(client->state, name, O_RDWR | O_CREAT | O_NOFOLLOW |
                           O_CLOEXEC, 0600);
    free(name);
    if (renewal->lock == -1)
        return error_sys(err, FAULT_IO, "lock oauth \"%s\"",
                         client->oauth->name);
    while (flock(renewal->lock, LOCK_EX | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_sys(err, FAULT_IO, "lock oauth \"%s\"",
                             client->oauth->name);
        if (clock_now() >= deadline)
            return error_set(err, FAULT_TEMPORARY, "oauth \"%s\": another "
                             "process is renewing the token",
                             client->oauth->name);
        nanosleep(&interval, NULL);
    }
    return true;
}

/* A file system may have no call for that, nor the C library a way round. */
static bool take_room(int draft)
{
    errno = posix_fallocate(draft, 0, FILE_MAX);
    if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
        return errno == 0;

    char *nothing = alloc_zero(1, (size_t)FILE_MAX);
    bool done = io_write_all(draft, nothing, (size_t)FILE_MAX) &&
                lseek(draft, 0, SEEK_SET) == 0;
    free(nothing);
    return done;
}

bool renewal_reserve(struct renewal *renewal, const struct client *client,
                     struct error *err)
{
    char *name = file_name(client, "new");

    renewal->draft = openat(client->state, name, O_WRONLY | O_CREAT | O_TRUNC |
                            O_NOFOLLOW | O_CLOEXEC, 0600);
    free(name);
    return (renewal->draft != -1 && take_room(renewal->draft)) ||
           error_sys(err, FAULT_IO, "no room to keep a token, so that none is "
                     "asked for: oauth \"%s\"", client->oauth->name);
}

static int add_text(const char *text, size_t length, void *out)
{
    return buf_add(out, text, length) ? 0 : -1;
}

static bool describe(const struct client *client, const struct grant *grant,
                     struct buf *out)
{
    json_t *root = json_object();

    json_object_set_new(root, "version", json_integer(VERSION));
    json_object_set_new(root, "token_url",
                        json_string(client->oauth->token_url));
    json_object_set_new(root, "client_id",
                        json_string(client->oauth->client_id));
    if (*client->subject != '\0')
        json_object_set_new(root, "subject", json_string(client->subject));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const char *member = (const char *)grant + members[i].offset;
        if (!members[i].is_text)
            json_object_set_new(root, members[i].name,
                                json_integer(*(const int64_t *)member));
        else if (*(char *const *)member != NULL)
            json_object_set_new(root, members[i].name,
                                json_string(*(char *const *)member));
    }
    int failed = json_dump_callback(root, add_text, out, JSON_INDENT(1));
    json_decref(root);
    return failed == 0 && buf_add_char(out, '\n');
}

/* The room was taken for more than that: nothing new is needed. */
static bool write_draft(const struct renewal *renewal, const struct buf *text)
{
    return io_write_all(renewal->draft, text->data, text->length) &&
           ftruncate(renewal->draft, (off_t)text->length) == 0 &&
           fsync(renewal->draft) == 0;
}

bool renewal_save(struct renewal *renewal, const struct client *client,
                  const struct grant *grant, struct error *err)
{
    char *draft = file_name(client, "new");
    char *name = file_name(client, "json");
    struct buf text;

    buf_init(&text, (size_t)FILE_MAX);
    errno = EFBIG;
    bool done = describe(client, grant, &text) &&
                write_draft(renewal, &text) &&
                renameat(client->state, draft, client->state, name) == 0;
    if (done)
        io_close(&renewal->draft);
    done = done && fsync(client->state) == 0;
    if (!done)
        error_sys(err, FAULT_IO, "save the tokens of oauth \"%s\"",
                  client->oauth->name);
    buf_wipe(&text);
    free(draft);
    free(name);
    return done;
}

void renewal_end(struct renewal *renewal, const struct client *client)
{
    if (renewal->draft != -1) {
        char *draft = file_name(client, "new");
        unlinkat(client->state, draft, 0);
        free(draft);
    }
    io_close(&renewal->draft);
    io_close(&renewal->lock);
}

static bool remove_file(const struct client *client, const char *suffix)
{
    char *name = file_name(client, suffix);
    bool done = unlinkat(client->state, name, 0) == 0 || errno == ENOENT;

    free(name);
    return done;
}

bool grant_remove(const struct client *client, struct error *err)
{
    /* A process that was killed may have left tokens in its draft. */
    return (remove_file(client, "new") && remove_file(client, "json") &&
            fsync(client->state) == 0) ||
           error_sys(err, FAULT_IO, "remove the tokens of oauth \"%s\"",
                     client->oauth->name);
}
