/* check_left.c - mail that another mail system has left in its spool */
#include "postrider/check.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/alloc.h"
#include "util/text.h"

/* Of Debian's packages; packaging/debian/postrider.postinst has them, too. */
static const struct place {
    const char *agent;
    const char *folder;
    const char *pattern;        /* of the one file of each message */
} places[] = {
    { "exim4", "/var/spool/exim4/input", "*-H" },
    { "postfix", "/var/spool/postfix/maildrop", "*" },
    { "postfix", "/var/spool/postfix/incoming", "*" },
    { "postfix", "/var/spool/postfix/active", "*" },
    { "postfix", "/var/spool/postfix/deferred", "*" },
    { "postfix", "/var/spool/postfix/hold", "*" },
    { "dma", "/var/spool/dma", "M*" },
    { "nullmailer", "/var/spool/nullmailer/queue", "*" },
    { "sendmail", "/var/spool/mqueue", "qf*" },
    { "sendmail", "/var/spool/mqueue-client", "qf*" },
};

#define DEPTH 2                 /* Exim and Postfix divide a folder into others,
                                 * by a character of the name */

/* False: it is there, and may not be looked at. */
static bool count_files(const char *folder, const char *pattern, int depth,
                        size_t *count)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    bool seen = true;

    if (stream == NULL)
        return errno != EACCES && errno != EPERM;
    while ((entry = readdir(stream)) != NULL) {
        struct stat status;
        if (entry->d_name[0] == '.')
            continue;
        char *path = alloc_format("%s/%s", folder, entry->d_name);
        if (lstat(path, &status) == -1)
            status.st_mode = 0;
        if (S_ISREG(status.st_mode) && fnmatch(pattern, entry->d_name, 0) == 0)
            ++*count;
        else if (S_ISDIR(status.st_mode) && depth > 1)
            seen &= count_files(path, pattern, depth - 1, count);
        free(path);
    }
    closedir(stream);
    return seen;
}

/* Root sees all of it; to others that is not worth a line. */
void check_left(struct check *check)
{
    size_t before = check->count;
    bool seen = true;

    for (size_t i = 0; i < COUNT(places); i++) {
        const struct place *place = &places[i];
        char *remedy = alloc_format("install %s again to have it sent",
                                    place->agent);
        size_t count = 0;

        seen &= count_files(place->folder, place->pattern, DEPTH, &count);
        if (count > 0)
            check_warn(check, remedy, "%s has left %zu message%s in %s, which "
                       "Postrider does not send", place->agent, count,
                       count == 1 ? "" : "s", place->folder);
        free(remedy);
    }
    if (seen && check->count == before)
        check_ok(check, "none of another mail system waits here");
}
