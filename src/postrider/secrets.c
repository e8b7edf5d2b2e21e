#include "postrider/secrets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postrider/install.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/text.h"

#define SYSTEM_FOLDER POSTRIDER_SYSCONFDIR "/postrider"

static const char own_folder[] = SYSTEM_FOLDER "/secrets";

char *secrets_folder(const char *path)
{
    char *folder = install_folder(path);

    if (strcmp(folder, SYSTEM_FOLDER) != 0)
        return folder;
    free(folder);
    return alloc_string(own_folder);
}

/* Not the daemon's own: root writes in there, and must not be led elsewhere
 * by a program that runs as the daemon's user. */
static bool give_folder(const char *folder, gid_t group)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd != -1 && fchown(fd, 0, group) == 0 &&
                fchmod(fd, 0710) == 0;

    io_close(&fd);
    return done;
}

bool secrets_make_folder(const char *path, gid_t group, struct error *err)
{
    char *folder = secrets_folder(path);
    bool done = strcmp(folder, own_folder) != 0 ||
                (install_private_folder(folder) &&
                 (group == (gid_t)-1 || give_folder(folder, group))) ||
                error_sys(err, FAULT_CREATE, "make folder %s", folder);

    free(folder);
    return done;
}

/* A name with a slash at its end means all that is in there. */
static bool is_among(const char *place, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_folder = *path_name(names[i]) == '\0';
        if (is_folder ? text_starts(place, names[i])
                      : strcmp(place, names[i]) == 0)
            return true;
    }
    return false;
}

/* By InaccessiblePaths=, ProtectHome= and PrivateTmp= of postrider@.service. */
static bool is_hidden(const char *place)
{
    static const char *const ours[] = { SYSTEM_FOLDER "/secrets/",
                                        SYSTEM_FOLDER "/password",
                                        SYSTEM_FOLDER "/password.old" };
    static const char *const others[] = { "/var/lib/postrider/", "/home/",
                                          "/root/", "/run/user/", "/tmp/",
                                          "/var/tmp/" };

    return is_among(place, ours, COUNT(ours)) ||
           is_among(place, others, COUNT(others));
}

bool secrets_open_to_servers(const char *path, const char *file)
{
    char *folder = secrets_folder(path);
    char *real = realpath(file, NULL);
    bool is_open = access("/run/systemd/system", F_OK) == 0 &&
                   strcmp(folder, own_folder) == 0 &&
                   !is_hidden(real != NULL ? real : file);

    free(real);
    free(folder);
    return is_open;
}
