#include "postrider/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/random.h"

char *install_folder(const char *path)
{
    char *folder = path_folder(path);

    if (*path == '/')
        return folder;
    /* Both glibc and musl allocate what they are given no place for. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.StdCLibraryFunctions) */
    char *here = getcwd(NULL, 0);
    char *whole = here == NULL ? alloc_string(folder)
                  : strcmp(folder, ".") == 0 ? alloc_string(here)
                  : alloc_format("%s/%s", here, folder);
    free(here);
    free(folder);
    return whole;
}

/* The umask is 077: a folder that all must enter gets its mode afterwards. */
static bool make_folder(const char *folder)
{
    if (mkdir(folder, 0700) == 0)
        return geteuid() != 0 || chmod(folder, 0755) == 0;
    if (errno != ENOENT)
        return errno == EEXIST;
    char *parent = install_folder(folder);
    bool made = make_folder(parent);
    free(parent);
    return made && make_folder(folder);
}

bool install_private_folder(const char *folder)
{
    char *parent = install_folder(folder);
    bool made = make_folder(parent);

    free(parent);
    return made && (mkdir(folder, 0700) == 0 || errno == EEXIST);
}

static char *draft_name(const char *path)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    return alloc_format("%s.%s", path, id);
}

static bool write_draft(int fd, const struct install_file *file)
{
    bool keeps_owner = file->owner == (uid_t)-1 && file->group == (gid_t)-1;

    return (keeps_owner || fchown(fd, file->owner, file->group) == 0) &&
           fchmod(fd, file->mode) == 0 &&
           io_write_all(fd, file->data, file->length) && fsync(fd) == 0;
}

bool install_stage(struct install *install, const struct install_file *file,
                   struct error *err)
{
    char *folder = install_folder(file->path);
    bool done = make_folder(folder);

    if (!done)
        error_sys(err, FAULT_CREATE, "make folder %s", folder);
    free(folder);
    if (!done)
        return false;
    char *draft = draft_name(file->path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  0600);
    if (fd == -1) {
        error_sys(err, FAULT_CREATE, "write %s", file->path);
        free(draft);
        return false;
    }
    strings_add(&install->paths, file->path);
    strings_take(&install->drafts, draft);
    done = write_draft(fd, file) ||
           error_sys(err, FAULT_CREATE, "write %s", file->path);
    io_close(&fd);
    return done;
}

static bool check_free(const struct install *install, struct error *err)
{
    struct stat status;

    for (size_t i = 0; i < install->paths.count; i++) {
        const char *path = install->paths.items[i];
        if (lstat(path, &status) == 0)
            return error_set(err, FAULT_CREATE, "%s exists: --replace keeps "
                             "it as %s.old", path, path);
        if (errno != ENOENT)
            return error_sys(err, FAULT_CREATE, "%s", path);
    }
    return true;
}

/* stays: by a second name, so that there is a file at path at all times; where
 * files cannot have two, for an instant there is none. */
static bool rename_old(const char *path, const char *old, bool stays)
{
    char *draft = draft_name(path);
    bool linked = stays &&
                  linkat(AT_FDCWD, path, AT_FDCWD, draft, 0) == 0;
    bool done = rename(linked ? draft : path, old) == 0;
    int number = errno;

    /* Renaming does nothing to two names of one file. */
    unlink(draft);
    free(draft);
    errno = number;
    return done;
}

static bool keep_old(const char *path, bool stays, struct error *err)
{
    struct stat status;

    if (lstat(path, &status) == -1)
        return errno == ENOENT || error_sys(err, FAULT_CREATE, "%s", path);
    if (S_ISDIR(status.st_mode))
        return error_set(err, FAULT_CREATE, "%s: is a folder", path);
    char *old = alloc_format("%s.old", path);
    bool done = rename_old(path, old, stays) ||
                error_sys(err, FAULT_CREATE, "keep %s as %s", path, old);
    free(old);
    return done;
}

static bool sync_folder(const char *path)
{
    char *folder = install_folder(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd != -1 && fsync(fd) == 0;

    io_close(&fd);
    free(folder);
    return done;
}

static bool put_in_place(struct install *install, size_t i, struct error *err)
{
    const char *path = install->paths.items[i];
    char *draft = install->drafts.items[i];

    if (rename(draft, path) == -1)
        return error_sys(err, FAULT_CREATE, "write %s", path);
    *draft = '\0';
    return sync_folder(path) ||
           error_sys(err, FAULT_CREATE, "sync the folder of %s", path);
}

/* Keep the files that were there as PATH.old. Only the last one may stay in its
 * place until its successor comes. */
static bool keep_all(const struct install *install, struct error *err)
{
    size_t count = install->paths.count;

    for (size_t i = 0; i < count; i++)
        if (!keep_old(install->paths.items[i], i + 1 == count, err))
            return false;
    return true;
}

/* Where there is nothing in its place now. */
static void take_back(const struct install *install)
{
    struct stat status;

    for (size_t i = 0; i < install->paths.count; i++) {
        const char *path = install->paths.items[i];
        char *old = alloc_format("%s.old", path);
        if (lstat(path, &status) == -1)
            (void)rename(old, path);
        free(old);
    }
}

bool install_commit(struct install *install, bool replace, struct error *err)
{
    size_t count = install->paths.count;

    if (!replace && !check_free(install, err))
        return false;
    bool done = !replace || keep_all(install, err);
    for (size_t i = count; done && i > 0; i--)
        done = put_in_place(install, i - 1, err);
    /* Not beside what is new. */
    if (!done && replace && *install->drafts.items[count - 1] != '\0')
        take_back(install);
    return done;
}

void install_free(struct install *install)
{
    for (size_t i = 0; i < install->drafts.count; i++)
        if (*install->drafts.items[i] != '\0')
            unlink(install->drafts.items[i]);
    strings_free(&install->paths);
    strings_free(&install->drafts);
}
