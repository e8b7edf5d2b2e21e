#include "oauth/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/process.h"
#include "util/user.h"

static bool find_section(struct client *client, const char *name,
                         struct error *err)
{
    client->oauth = config_oauth(client->config, name);
    if (client->oauth != NULL)
        return true;
    if (client->config->oauth_count == 0)
        return error_set(err, FAULT_CONFIG, "%s: there is no oauth section",
                         *client->config->path != '\0' ? client->config->path
                                                       : "no configuration");
    error_set(err, FAULT_CONFIG, "%s: there is no section oauth \"%s\"",
              client->config->source, name);
    return error_remedy(err, "is \"%s\" meant?",
                        client->config->oauths[0].name);
}

/* The user's own, by the XDG Base Directory rules. */
static char *own_folder(void)
{
    const char *state = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    struct account account = { 0 };
    char *path = NULL;

    if (state != NULL && *state == '/')
        return alloc_format("%s/postrider/oauth", state);
    if (home == NULL || *home != '/') {
        process_account(geteuid(), &account);
        home = account.home;
    }
    if (home != NULL)
        path = alloc_format("%s/.local/state/postrider/oauth", home);
    account_free(&account);
    return path;
}

static char *folder_of(const struct client *client)
{
    if (*client->oauth->state != '\0')
        return alloc_string(client->oauth->state);
    if (client->config->delivery == DELIVERY_QUEUE)
        return alloc_string(POSTRIDER_LOCALSTATEDIR "/lib/postrider/oauth");
    return own_folder();
}

/* Make what is missing of the path, for this user. */
static bool make_folder(const char *path, const struct passwd *owner,
                        struct error *err)
{
    char *part = alloc_string(path);
    bool done = true;

    for (char *end = part + 1; done && end != NULL;) {
        end = strchr(end, '/');
        if (end != NULL)
            *end = '\0';
        if (mkdir(part, 0700) == 0)
            /* The owner of the folder above may have put a link there. */
            done = owner == NULL ||
                   lchown(part, owner->pw_uid, owner->pw_gid) == 0;
        else
            done = errno == EEXIST || errno == EISDIR || errno == EROFS ||
                   errno == EACCES;
        if (end != NULL)
            *end++ = '/';
    }
    if (!done)
        error_sys(err, FAULT_IO, "make %s", path);
    free(part);
    return done;
}

/* A user who can write the folder could have tokens of their own used. */
static bool check_folder(const char *path, int folder, struct error *err)
{
    struct stat status;

    if (fstat(folder, &status) == -1)
        return error_sys(err, FAULT_IO, "%s", path);
    if (status.st_uid != geteuid())
        return error_set(err, FAULT_PERMISSION, "%s: belongs to uid %lu, and "
                         "this is uid %lu", path,
                         (unsigned long)status.st_uid,
                         (unsigned long)geteuid());
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error_set(err, FAULT_CONFIG, "%s: others can write it", path) ||
               error_remedy(err, "chmod 700 %s", path);
    return true;
}

static bool open_folder(struct client *client, const char *path,
                        struct error *err)
{
    client->state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (client->state == -1 && errno == ENOENT)
        return true;
    if (client->state == -1 && (errno == EACCES || errno == EPERM))
        return error_sys(err, FAULT_PERMISSION, "%s", path) ||
               error_remedy(err, "run this as root or as %s",
                            client->config->user);
    if (client->state == -1)
        return error_sys(err, FAULT_CONFIG, "%s", path);
    return check_folder(path, client->state, err);
}

static bool enter(struct client *client, const char *path, bool make,
                  struct error *err)
{
    const struct passwd *user = NULL;
    bool changes = geteuid() == 0 &&
                   client->config->delivery == DELIVERY_QUEUE &&
                   strcmp(client->config->user, "root") != 0;

    if (changes && (user = user_find(client->config->user, err)) == NULL)
        return false;
    return (!make || make_folder(path, user, err)) &&
           (user == NULL || user_become(user, err)) &&
           config_check_owner(client->config, "no token is asked for", err) &&
           open_folder(client, path, err);
}

bool client_open(struct client *client, const char *name, bool make,
                 struct error *err)
{
    bool done = false;

    *client = (struct client){ .state = -1 };
    client->config = config_load(err);
    if (client->config == NULL || !find_section(client, name, err))
        return false;
    client->folder = folder_of(client);
    if (client->folder == NULL)
        error_set(err, FAULT_CONFIG, "oauth \"%s\": no home is known", name);
    else
        done = enter(client, client->folder, make, err);
    return done;
}

bool client_read_secret(struct client *client, struct error *err)
{
    return *client->oauth->client_secret_file == '\0' ||
           client->secret.data != NULL ||
           password_read_file(client->config,
                              client->oauth->client_secret_file,
                              &client->secret, err);
}

void client_close(struct client *client)
{
    io_close(&client->state);
    free(client->folder);
    secret_wipe(&client->secret);
    config_free(client->config);
}
