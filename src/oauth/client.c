#include "oauth/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password.h"
#include "oauth/key.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/process.h"
#include "util/user.h"

static const struct oauth *find_section(const struct config *config,
                                        const char *name, struct error *err)
{
    const struct oauth *section = config_oauth(config, name);

    if (section != NULL)
        return section;
    if (config->oauth_count == 0) {
        error_set(err, FAULT_CONFIG, "%s: there is no oauth section",
                  *config->path != '\0' ? config->path : "no configuration");
    } else {
        error_set(err, FAULT_CONFIG, "%s: there is no section oauth \"%s\"",
                  config->source, name);
        error_remedy(err, "is \"%s\" meant?", config->oauths[0].name);
    }
    return NULL;
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

/* Root becomes this user where their folders begin: they could lead it from
 * there to anywhere. */
static bool become_owner(const char *part, const struct passwd **owner,
                         struct error *err)
{
    const struct passwd *user = *owner;
    struct stat status;

    if (user == NULL || stat(part, &status) == -1 ||
        status.st_uid != user->pw_uid)
        return true;
    *owner = NULL;
    return user_become(user, err);
}

/* It may be there, or be a part that nothing can be made in. */
static bool make_part(const char *part, const struct passwd **owner,
                      struct error *err)
{
    if (mkdir(part, 0700) == 0) {
        if (*owner != NULL &&
            lchown(part, (*owner)->pw_uid, (*owner)->pw_gid) == -1)
            return error_sys(err, FAULT_IO, "make %s", part);
    } else if (errno != EEXIST && errno != EISDIR && errno != EROFS &&
               errno != EACCES) {
        return error_sys(err, FAULT_IO, "make %s", part);
    }
    return become_owner(part, owner, err);
}

/* Make what is missing of the path, for this user, whom root has become if
 * *owner is NULL then. */
static bool make_folder(const char *path, const struct passwd **owner,
                        struct error *err)
{
    char *part = alloc_string(path);
    bool done = true;

    for (char *end = part + 1; done && end != NULL;) {
        end = strchr(end, '/');
        if (end != NULL)
            *end = '\0';
        done = make_part(part, owner, err);
        if (end != NULL)
            *end++ = '/';
    }
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
    return (!make || make_folder(path, &user, err)) &&
           (user == NULL || user_become(user, err)) &&
           config_check_owner(client->config, "no token is asked for", err) &&
           open_folder(client, path, err);
}

static bool open_section(struct client *client, bool make, struct error *err)
{
    client->folder = folder_of(client);
    return client->folder != NULL
           ? enter(client, client->folder, make, err)
           : error_set(err, FAULT_CONFIG, "oauth \"%s\": no home is known",
                       client->oauth->name);
}

bool client_open(struct client *client, const char *name, bool make,
                 struct error *err)
{
    *client = (struct client){ .state = -1, .subject = "" };
    client->own_config = config_load(err);
    client->config = client->own_config;
    client->oauth = client->config == NULL
                    ? NULL : find_section(client->config, name, err);
    return client->oauth != NULL && open_section(client, make, err);
}

bool client_open_section(struct client *client, const struct config *config,
                         const struct oauth *section, struct error *err)
{
    *client = (struct client){ .state = -1, .subject = "", .config = config,
                               .oauth = section };
    return open_section(client, false, err);
}

/* The user of the smarthost, as the mailbox to send from. */
static const char *find_subject(const struct client *client, struct error *err)
{
    const struct config *config = client->config;
    const char *name = client->oauth->name;
    const char *user = "";

    if (*client->oauth->subject != '\0')
        return client->oauth->subject;
    for (size_t i = 0; i < config->smarthost_count; i++) {
        const struct smarthost *host = &config->smarthosts[i];
        if (strcmp(host->oauth, name) != 0 || strcmp(host->user, user) == 0)
            continue;
        if (*user != '\0') {
            error_set(err, FAULT_CONFIG, "oauth \"%s\": smarthosts with "
                      "different users have it: %s, %s", name, user,
                      host->user);
            error_remedy(err, "a section for each, with its subject");
            return NULL;
        }
        user = host->user;
    }
    if (*user != '\0')
        return user;
    error_set(err, FAULT_CONFIG, "oauth \"%s\": subject is missing: the "
              "mailbox to send from", name);
    return NULL;
}

bool client_identify(struct client *client, struct error *err)
{
    const struct oauth *oauth = client->oauth;

    if (oauth->flow == OAUTH_JWT_BEARER &&
        (client->subject = find_subject(client, err)) == NULL)
        return false;
    if (*oauth->client_secret_file != '\0' &&
        !password_read_file(client->config, oauth->client_secret_file,
                            &client->secret, err))
        return false;
    if (*oauth->client_key_file != '\0')
        client->key = key_read(client->config, oauth, err);
    return *oauth->client_key_file == '\0' || client->key != NULL;
}

void client_close(struct client *client)
{
    io_close(&client->state);
    free(client->folder);
    secret_wipe(&client->secret);
    key_free(client->key);
    config_free(client->own_config);
}
