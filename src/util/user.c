#include "util/user.h"

#include <grp.h>
#include <stddef.h>
#include <unistd.h>

const struct passwd *user_find(const char *name, struct error *err)
{
    const struct passwd *user = getpwnam(name);

    if (user == NULL) {
        error_set(err, FAULT_CONFIG, "user \"%s\" does not exist", name);
        error_remedy(err, "useradd --system --user-group --shell "
                     "/usr/sbin/nologin %s, or set user", name);
    }
    return user;
}

bool user_become(const struct passwd *user, struct error *err)
{
    if (initgroups(user->pw_name, user->pw_gid) == -1 ||
        setgid(user->pw_gid) == -1 || setuid(user->pw_uid) == -1)
        return error_sys(err, FAULT_PERMISSION, "become user %s",
                         user->pw_name);
    return true;
}
