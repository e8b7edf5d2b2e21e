/* recipe_install.c - check a recipe, try it, and write its files */
#include "postrider/config_draft.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/install.h"
#include "postrider/recipe_parts.h"
#include "postrider/secrets.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

static bool check_text(const char *what, const char *text, struct error *err)
{
    size_t length = strlen(text);

    if (!text_has_control(text, length) && text_is_utf8(text, length))
        return true;
    return error_set(err, FAULT_CONFIG, "%s: must be UTF-8 without control "
                     "characters", what);
}

/* What would end a line or a file early never gets that far. */
static bool check_texts(const struct recipe *recipe, struct error *err)
{
    for (size_t i = 0; i < recipe->count; i++) {
        const struct section *section = &recipe->sections[i];
        if (!check_text(section->kind, section->name, err))
            return false;
        for (size_t k = 0; k < section->count; k++)
            if (!check_text(section->settings[k].key,
                            section->settings[k].value, err))
                return false;
        if (section->password.data == NULL)
            continue;
        if (section->password.length == 0 ||
            strpbrk(section->password.data, "\r\n") != NULL)
            return error_set(err, FAULT_CONFIG, "smarthost \"%s\": the "
                             "password must be one line, not empty",
                             section->name);
    }
    return true;
}

static struct config *load_text(const struct recipe *recipe, const char *path,
                                struct error *err)
{
    struct buf text;

    if (!check_texts(recipe, err))
        return NULL;
    buf_init(&text, SIZE_MAX);
    recipe_add_text(&text, recipe, path);
    struct config *config = config_load_text(path, text.data, text.length,
                                             err);
    buf_free(&text);
    return config;
}

bool recipe_check(const struct recipe *recipe, const char *path,
                  struct error *err)
{
    struct config *config = load_text(recipe, path, err);

    config_free(config);
    return config != NULL;
}

/* Root gives the passwords to the daemon's user; others keep them. */
static bool find_owner(const char *user, uid_t *owner, gid_t *group,
                       struct error *err)
{
    if (geteuid() != 0 || user == NULL || *user == '\0')
        return true;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        return error_set(err, FAULT_CONFIG, "there is no user %s, who is to "
                         "own the password", user) ||
               error_remedy(err, "useradd --system --user-group --shell "
                            "/usr/sbin/nologin %s", user);
    *owner = entry->pw_uid;
    *group = entry->pw_gid;
    return true;
}

/* A file in memory, whose name leads nowhere for other processes. */
static bool remember(struct section *section, const char *user, char **path,
                     struct error *err)
{
    uid_t owner = (uid_t)-1;
    gid_t group = (gid_t)-1;

    if (!find_owner(user, &owner, &group, err))
        return false;
    io_close(&section->memory);
    section->memory = memfd_create("password", MFD_CLOEXEC);
    if (section->memory == -1 || fchmod(section->memory, 0400) == -1 ||
        fchown(section->memory, owner, group) == -1 ||
        !io_write_all(section->memory, section->password.data,
                      section->password.length))
        return error_sys(err, FAULT_TEMPORARY, "keep a password in memory");
    free(*path);
    *path = alloc_format("/proc/self/fd/%d", section->memory);
    return true;
}

struct config *recipe_load(struct recipe *recipe, const char *path,
                           const char *user, struct error *err)
{
    struct config *config = load_text(recipe, path, err);
    size_t next = 0;

    for (size_t i = 0; config != NULL && i < recipe->count; i++) {
        struct section *section = &recipe->sections[i];
        if (strcmp(section->kind, "smarthost") != 0)
            continue;
        struct smarthost *smarthost = &config->smarthosts[next++];
        if (section->password.data != NULL &&
            !remember(section, user, &smarthost->password_file, err)) {
            config_free(config);
            config = NULL;
        }
    }
    return config;
}

static bool stage_passwords(const struct recipe *recipe, const char *path,
                            const char *user, struct install *install,
                            struct error *err)
{
    uid_t owner = (uid_t)-1;
    gid_t group = (gid_t)-1;
    bool done = true;

    for (size_t i = 0; done && i < recipe->count; i++) {
        const struct section *section = &recipe->sections[i];
        char *file = recipe_password_path(recipe, section, path);
        if (file != NULL)
            done = find_owner(user, &owner, &group, err) &&
                   secrets_make_folder(path, group, err) &&
                   install_stage(install, file, section->password.data,
                                 section->password.length, 0400, owner, group,
                                 err);
        free(file);
    }
    return done;
}

bool recipe_install(const struct recipe *recipe, const char *path,
                    const char *user, bool replace, struct error *err)
{
    struct install install = { 0 };
    struct buf text;

    if (!recipe_check(recipe, path, err))
        return false;
    buf_init(&text, SIZE_MAX);
    recipe_add_text(&text, recipe, path);
    bool done = stage_passwords(recipe, path, user, &install, err) &&
                install_stage(&install, path, text.data, text.length, 0644,
                              (uid_t)-1, (gid_t)-1, err) &&
                install_commit(&install, replace, err);
    buf_free(&text);
    install_free(&install);
    return done;
}
