#include "spool/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/file.h"
#include "util/io.h"
#include "util/random.h"
#include "util/strings.h"
#include "util/text.h"

static const char prefix[] = "journal.";

static int create_file(const struct spool *spool, unsigned number)
{
    char *name = alloc_format("%s%u", prefix, number);
    int fd = openat(spool->state, name, O_CREAT | O_EXCL | O_WRONLY |
                    O_APPEND | O_CLOEXEC, 0600);

    free(name);
    return fd;
}

/* For a worker of this smarthost: an octet by its name, as the
 * next daemon may have it in another place of its configuration. */
static struct flock lock_of(const char *smarthost)
{
    return (struct flock){
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t)(crc32c(0, smarthost, strlen(smarthost)) >> 1),
        .l_len = 1,
    };
}

int journal_create(const struct spool *spool, const char *smarthost,
                   unsigned *number, struct error *err)
{
    struct flock lock = lock_of(smarthost);

    int fd = create_file(spool, *number);

    while (fd == -1 && errno == EEXIST)
        fd = create_file(spool, ++*number);
    if (fd == -1)
        error_sys(err, FAULT_IO, "%s/state/%s%u", spool->path, prefix,
                  *number);
    else
        (void)fcntl(fd, F_OFD_SETLK, &lock);
    return fd;
}

void journal_note(int fd, const char *id, const size_t *indices, size_t count)
{
    struct buf line;

    if (fd == -1 || count == 0)
        return;
    buf_init(&line, SIZE_MAX);
    buf_add_text(&line, id);
    for (size_t i = 0; i < count; i++)
        buf_add_format(&line, "%c%zu", i == 0 ? ' ' : ',', indices[i]);
    buf_add_char(&line, '\n');
    (void)io_write_all(fd, line.data, line.length);
    buf_free(&line);
}

/*
 * "ID 0,1,2" -> a call. A line of another form was not written whole: the
 * numbers that a comma ends were. One that ends at a NUL, which a power cut can
 * leave in the place of what followed, may be the beginning of another number.
 */
static bool read_line(char *text, size_t length, journal_line *line,
                      void *context)
{
    size_t *indices = NULL;
    size_t count = 0;
    char *rest = strchr(text, ' ');

    if (rest == NULL || strlen(text) != length)
        return true;
    *rest++ = '\0';
    while (rest != NULL && random_is_id(text)) {
        char *comma = strchr(rest, ',');
        uint64_t number;
        if (comma != NULL)
            *comma++ = '\0';
        if (!text_to_number(rest, SIZE_MAX / 2, &number))
            break;
        indices = alloc_resize(indices, count + 1, sizeof *indices);
        indices[count++] = (size_t)number;
        rest = comma;
    }
    bool taken = count == 0 || line(context, text, indices, count);
    free(indices);
    return taken;
}

/* Was all of it read, and each line taken? */
static bool read_journal(const struct spool *spool, const char *name,
                         journal_line *line, void *context)
{
    int fd = openat(spool->state, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *file = fd == -1 ? NULL : fdopen(fd, "r");
    bool taken = true;
    char *text = NULL;
    size_t size = 0;
    ssize_t length;

    if (file == NULL) {
        io_close(&fd);
        return false;
    }
    while ((length = getline(&text, &size, file)) > 0)
        if (text[length - 1] == '\n') {
            text[--length] = '\0';
            taken = read_line(text, (size_t)length, line, context) && taken;
        }
    taken = taken && !ferror(file);
    free(text);
    fclose(file);
    return taken;
}

bool journal_read(const struct spool *spool, unsigned number,
                  journal_line *line, void *context)
{
    char *name = alloc_format("%s%u", prefix, number);

    bool taken = read_journal(spool, name, line, context);
    free(name);
    return taken;
}

void journal_remove(const struct spool *spool, unsigned number)
{
    char *name = alloc_format("%s%u", prefix, number);

    unlinkat(spool->state, name, 0);
    free(name);
}

static bool is_journal(const char *name)
{
    uint64_t number;

    return text_starts(name, prefix) &&
           text_to_number(name + strlen(prefix), UINT_MAX, &number);
}

/* There may be far more states than journals. */
bool journal_list(const struct spool *spool, struct strings *names,
                  struct error *err)
{
    DIR *folder = folder_open(spool->state);
    const char *name;

    *names = (struct strings){ 0 };
    while (folder != NULL && (name = folder_next(folder)) != NULL)
        if (is_journal(name))
            strings_add(names, name);
    int number = errno;
    if (folder != NULL)
        closedir(folder);
    if (number == 0)
        return true;
    strings_free(names);
    errno = number;
    return error_sys(err, FAULT_IO, "%s/state", spool->path);
}

bool journal_is_held(int fd, const char *smarthost)
{
    struct flock lock = lock_of(smarthost);

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int *journal_find_held(const struct spool *spool, const struct strings *names,
                       const char *smarthost, size_t *count)
{
    int *held = NULL;

    *count = 0;
    for (size_t i = 0; i < names->count; i++) {
        int fd = openat(spool->state, names->items[i],
                        O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd != -1 && journal_is_held(fd, smarthost)) {
            held = alloc_resize(held, *count + 1, sizeof *held);
            held[(*count)++] = fd;
        } else {
            io_close(&fd);
        }
    }
    return held;
}

size_t journal_take_all(const struct spool *spool, const struct strings *names,
                        journal_line *line, void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (read_journal(spool, names->items[i], line, context))
            unlinkat(spool->state, names->items[i], 0);
        else
            kept++;
    }
    return kept;
}
