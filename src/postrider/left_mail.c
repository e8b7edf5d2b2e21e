#include "postrider/left_mail.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/alloc.h"

#define DEPTH 2                 /* Exim and Postfix divide a folder into others,
                                 * by a character of the name */

#define TAKE_OVER "postrider import --queue takes it over"
#define OF_EXIM "install exim4 again, run exim4 -qff, then install postrider"
#define OF_POSTFIX "install postfix again, run postqueue -f, then install " \
                   "postrider"
#define OF_SENDMAIL "install sendmail again, run sendmail -q, then install " \
                    "postrider"

/* packaging/debian/postrider.postinst has them, too. */
const struct left_place left_places[LEFT_PLACES] = {
    { "exim4", "/var/spool/exim4/input", "*-H", OF_EXIM },
    { "postfix", "/var/spool/postfix/maildrop", "*", OF_POSTFIX },
    { "postfix", "/var/spool/postfix/incoming", "*", OF_POSTFIX },
    { "postfix", "/var/spool/postfix/active", "*", OF_POSTFIX },
    { "postfix", "/var/spool/postfix/deferred", "*", OF_POSTFIX },
    { "postfix", "/var/spool/postfix/hold", "*", OF_POSTFIX },
    { "dma", "/var/spool/dma", "M*", TAKE_OVER },
    { "nullmailer", "/var/spool/nullmailer/queue", "*", TAKE_OVER },
    { "sendmail", "/var/spool/mqueue", "qf*", OF_SENDMAIL },
    { "sendmail", "/var/spool/mqueue-client", "qf*", OF_SENDMAIL },
};

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

bool left_mail_count(const struct left_place *place, size_t *count)
{
    *count = 0;
    return count_files(place->folder, place->pattern, DEPTH, count);
}
