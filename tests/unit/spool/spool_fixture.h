/*
 * spool_fixture.h - a spool in a temporary folder, and messages for it
 */
#ifndef POSTRIDER_TESTS_SPOOL_FIXTURE_H
#define POSTRIDER_TESTS_SPOOL_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/envelope.h"
#include "spool/draft.h"
#include "spool/drop.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/queue_file.h"
#include "spool/spool.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"
#include "util/random.h"
#include "util/scratch.h"
#include "util/strings.h"

#define FIXTURE_BODY "Subject: hello\r\n\r\n.dot\r\ntext\r\n"

struct fixture {
    char *path;
    struct spool spool;
};

static inline void fixture_folder(const char *path, const char *name,
                                  mode_t mode)
{
    char *whole = alloc_format("%s/%s", path, name);

    assert_int_equal(mkdir(whole, 0700), 0);
    assert_int_equal(chmod(whole, mode), 0);
    free(whole);
}

static inline void fixture_open(struct fixture *fixture)
{
    const char *place = getenv("TMPDIR");
    struct error err;

    fixture->path = alloc_format("%s/spool_test.XXXXXX",
                                 place == NULL ? "/tmp" : place);
    assert_non_null(mkdtemp(fixture->path));
    assert_int_equal(chmod(fixture->path, 0755), 0);
    assert_int_equal(chown(fixture->path, (uid_t)-1, getegid()), 0);
    fixture_folder(fixture->path, "drop", 03733);
    fixture_folder(fixture->path, "queue", 0700);
    fixture_folder(fixture->path, "state", 0700);
    fixture_folder(fixture->path, "failed", 0700);
    if (!spool_open(&fixture->spool, fixture->path, true, &err))
        fail_msg("%s", err.text);
}

/* The names in a folder of the spool. */
static inline void fixture_list(int folder, struct strings *names)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fdopendir(fd);
    struct dirent *entry;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0)
            strings_add(names, entry->d_name);
    closedir(directory);
}

static inline size_t fixture_count(int folder)
{
    struct strings names = { 0 };

    fixture_list(folder, &names);
    size_t count = names.count;
    strings_free(&names);
    return count;
}

static inline void fixture_empty_folder(int folder)
{
    struct strings names = { 0 };

    fixture_list(folder, &names);
    for (size_t i = 0; i < names.count; i++)
        if (unlinkat(folder, names.items[i], 0) == -1)
            unlinkat(folder, names.items[i], AT_REMOVEDIR);
    strings_free(&names);
}

static inline void fixture_empty(const struct fixture *fixture)
{
    fixture_empty_folder(fixture->spool.drop);
    fixture_empty_folder(fixture->spool.queue);
    fixture_empty_folder(fixture->spool.state);
    fixture_empty_folder(fixture->spool.failed);
}

static inline void fixture_close(struct fixture *fixture)
{
    static const char *const names[] = { "drop", "queue", "state", "failed" };

    fixture_empty(fixture);
    for (size_t i = 0; i < 4; i++) {
        char *whole = alloc_format("%s/%s", fixture->path, names[i]);
        rmdir(whole);
        free(whole);
    }
    rmdir(fixture->path);
    spool_close(&fixture->spool);
    free(fixture->path);
}

/* For cmocka: *state is a struct of this size that begins with a fixture. */
static inline int fixture_set_up_in(void **state, size_t size)
{
    *state = alloc_zero(1, size);
    fixture_open(*state);
    return 0;
}

static inline int fixture_set_up(void **state)
{
    return fixture_set_up_in(state, sizeof(struct fixture));
}

static inline int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;

    fixture_close(fixture);
    free(fixture);
    return 0;
}

/* a@example.com to b@example.com and c@example.com. */
static inline void fixture_envelope(struct envelope *env)
{
    struct error err;

    *env = (struct envelope){ 0 };
    assert_true(envelope_set_reverse_path(env, "a@example.com", &err));
    assert_true(envelope_add_recipient(env, "b@example.com",
                                       "rfc822;b@example.com",
                                       NOTIFY_FAILURE | NOTIFY_DELAY, &err));
    assert_true(envelope_add_recipient(env, "c@example.com", NULL, 0, &err));
    env->dsn_return = RETURN_HEADERS;
    env->envelope_id = alloc_string("id+20one");
}

/* The octets of a message file with that id and body. */
static inline void fixture_text(const char *id, const char *body,
                                struct buf *out)
{
    struct envelope env;
    struct error err;
    struct draft *draft = draft_new_report(id, SCRATCH_PLACES, &err);

    assert_non_null(draft);
    fixture_envelope(&env);
    assert_true(draft_envelope(draft, &env, &err));
    assert_true(draft_add(draft, body, strlen(body), &err));
    assert_true(draft_end(draft, false, &err));
    buf_init(out, SIZE_MAX);
    assert_true(io_read_all(draft_descriptor(draft), out, &err));
    draft_free(draft);
    envelope_free(&env);
}

static inline void fixture_write(int folder, const char *name,
                                 const void *data, size_t length)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0640);

    assert_int_not_equal(fd, -1);
    assert_true(io_write_all(fd, data, length));
    close(fd);
}

/* A message in drop/; id has RANDOM_ID_LENGTH + 1 octets. */
static inline void fixture_drop(const struct fixture *fixture, char *id)
{
    struct buf text;

    random_id(id);
    fixture_text(id, FIXTURE_BODY, &text);
    fixture_write(fixture->spool.drop, id, text.data, text.length);
    buf_free(&text);
}

/* Is folder/name a whole message file with the fixture's body and envelope? */
static inline bool fixture_is_whole(int folder, const char *name,
                                    const char *id)
{
    struct error err;
    char body[sizeof FIXTURE_BODY] = "";
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct entry *entry = fd == -1 ? NULL : entry_open(fd, id, &err);

    if (entry == NULL)
        return false;
    bool whole = entry->envelope.count == 2 &&
                 entry->content_length == strlen(FIXTURE_BODY) &&
                 io_read_at(entry->fd, body, strlen(FIXTURE_BODY),
                            (off_t)entry->content_start) ==
                     (ssize_t)strlen(FIXTURE_BODY) &&
                 strcmp(body, FIXTURE_BODY) == 0;
    entry_free(entry);
    return whole;
}

static inline bool fixture_exists(int folder, const char *name)
{
    struct stat status;

    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
