/* config_load.c - the configuration that counts for this process, read */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_check.h"
#include "config/config_parse.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/io.h"
#include "util/process.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)
#define SYSTEM_FOLDER POSTRIDER_SYSCONFDIR "/postrider/"

/* The reason for people why a file cannot be opened. */
static void refuse_open(const char *path, int number, struct error *err)
{
    if (number == ENOENT) {
        error_set(err, FAULT_CONFIG, "%s: no such file", path);
    } else if (number == EACCES) {
        error_set(err, FAULT_CONFIG, "%s: cannot be read; every user who "
                  "sends mail must be able to read it", path);
        error_remedy(err, "chmod 644 %s", path);
    }
}

static bool read_file(struct config *config, struct buf *text,
                      struct error *err)
{
    struct stat status;
    int fd = file_open(config->source, &status, err);

    if (fd == -1) {
        refuse_open(config->source, errno, err);
        return false;
    }
    config->owner = status.st_uid;
    config->owner_only = (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    bool done = file_read_from(fd, config->source, text, err);
    if (!done)
        err->fault = FAULT_CONFIG;
    io_close(&fd);
    return done;
}

/*
 * Programs that became another user, as with sudo, may have kept the
 * environment: a file that it names decides which password files this process
 * reads and to whom it sends them.
 */
enum chooser { CHOSEN_BY_PROGRAM, CHOSEN_BY_ENVIRONMENT };

static bool take_file(struct config *config, const char *path,
                      enum chooser chooser, struct error *err)
{
    struct buf text;

    free(config->source);
    config->source = alloc_string(path);
    buf_init(&text, FILE_SIZE_MAX);
    bool done = read_file(config, &text, err) &&
                (chooser == CHOSEN_BY_PROGRAM ||
                 config_check_owner(config, "not used, as the environment "
                                    "names it", err)) &&
                config_parse(config, text.data, text.length, err);
    buf_free(&text);
    return done;
}

/* The whole of it, if all has been taken; else it is freed. */
static struct config *finish(struct config *config, bool taken,
                             struct error *err)
{
    if (taken && config_complete(config, err))
        return config;
    config_free(config);
    return NULL;
}

static struct config *load(const char *path, enum chooser chooser,
                           struct error *err)
{
    struct config *config = config_new(path);

    return finish(config, take_file(config, path, chooser, err), err);
}

struct config *config_load_file(const char *path, struct error *err)
{
    return load(path, CHOSEN_BY_PROGRAM, err);
}

struct config *config_load_text(const char *path, const char *text,
                                size_t length, struct error *err)
{
    struct config *config = config_new(path);

    config->owner = geteuid();
    config->owner_only = true;
    return finish(config, config_parse(config, text, length, err), err);
}

/*
 * The caller's own file, by the XDG Base Directory rules; NULL if it cannot be
 * known. HOME can be another user's; the owner of the file decides. The
 * environment does not count when the user who started us is not the one we act
 * as, as under a set-user-ID program: secure_getenv() sees to it.
 */
char *config_own_path(void)
{
    static const char name[] = "postrider/postrider.conf";
    const char *folder = secure_getenv("XDG_CONFIG_HOME");
    const char *home = secure_getenv("HOME");
    struct account account = { 0 };
    char *path = NULL;

    if (folder != NULL && *folder == '/')
        return alloc_format("%s/%s", folder, name);
    if (home == NULL || *home != '/') {
        process_account(geteuid(), &account);
        home = account.home;
    }
    if (home != NULL)
        path = alloc_format("%s/.config/%s", home, name);
    account_free(&account);
    return path;
}

static bool is_own(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_uid == geteuid() &&
           !S_ISDIR(status.st_mode);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/*
 * No file is not a fault: the machine may be one whose callers all bring their
 * own, and a message without recipients still gets its own error. The second
 * file is from an installer; an administrator's own smarthosts override it.
 */
static struct config *load_system(struct error *err)
{
    static const char path[] = SYSTEM_FOLDER "postrider.conf";
    static const char smarthosts[] = SYSTEM_FOLDER "smarthost.conf";
    bool exists = is_there(path);
    struct config *config = config_new(exists ? path : "");

    config->owner_only = true;
    bool taken = !exists || take_file(config, path, CHOSEN_BY_PROGRAM,
                                       err);
    if (taken && config->smarthost_count == 0 && is_there(smarthosts))
        taken = take_file(config, smarthosts, CHOSEN_BY_PROGRAM, err);
    return finish(config, taken, err);
}

struct config *config_load(struct error *err)
{
    const char *chosen = secure_getenv("POSTRIDER_CONFIG");
    struct config *config;

    if (chosen != NULL && strcmp(chosen, SYSTEM_FOLDER "postrider.conf") == 0)
        return load_system(err);
    if (chosen != NULL && *chosen != '\0')
        return load(chosen, CHOSEN_BY_ENVIRONMENT, err);
    char *own = config_own_path();
    if (own != NULL && is_own(own))
        config = load(own, CHOSEN_BY_ENVIRONMENT, err);
    else
        config = load_system(err);
    free(own);
    return config;
}

char *config_default_path(void)
{
    const char *chosen = secure_getenv("POSTRIDER_CONFIG");

    if (chosen != NULL && *chosen != '\0')
        return alloc_string(chosen);
    return geteuid() == 0 ? alloc_string(SYSTEM_FOLDER "postrider.conf")
                          : config_own_path();
}
