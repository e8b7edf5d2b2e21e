#include "spool/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/random.h"
#include "util/strings.h"
#include "util/text.h"

static const char prefix[] = "journal.";

static int create(const struct spool *spool, unsigned number)
{
    char *name = alloc_format("%s%u", prefix, number);
    int fd = openat(spool->state, name, O_CREAT | O_EXCL | O_WRONLY |
                    O_APPEND | O_CLOEXEC, 0600);

    free(name);
    return fd;
}

int journal_create(const struct spool *spool, unsigned *number,
                   struct error *err)
{
    int fd = create(spool, *number);

    while (fd == -1 && errno == EEXIST)
        fd = create(spool, ++*number);
    if (fd == -1)
        error_sys(err, FAULT_IO, "%s/state/%s%u", spool->path, prefix,
                  *number);
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

/* "ID 0,1,2" -> a call. What is not of this form was not written whole. */
static void take_line(char *text, journal_line *line, void *context)
{
    size_t *indices = NULL;
    size_t count = 0;
    char *rest = strchr(text, ' ');

    if (rest == NULL)
        return;
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
    if (count > 0)
        line(context, text, indices, count);
    free(indices);
}

static void read_file(const struct spool *spool, const char *name,
                      journal_line *line, void *context)
{
    int fd = openat(spool->state, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *file = fd == -1 ? NULL : fdopen(fd, "r");
    char *text = NULL;
    size_t size = 0;
    ssize_t length;

    if (file == NULL) {
        io_close(&fd);
        return;
    }
    while ((length = getline(&text, &size, file)) > 0)
        if (text[length - 1] == '\n') {
            text[length - 1] = '\0';
            take_line(text, line, context);
        }
    free(text);
    fclose(file);
}

void journal_read(const struct spool *spool, unsigned number,
                  journal_line *line, void *context)
{
    char *name = alloc_format("%s%u", prefix, number);

    read_file(spool, name, line, context);
    free(name);
}

void journal_remove(const struct spool *spool, unsigned number)
{
    char *name = alloc_format("%s%u", prefix, number);

    unlinkat(spool->state, name, 0);
    free(name);
}

/* Names of all journals. A directory that cannot be read has none. */
static void list_journals(const struct spool *spool, struct strings *names)
{
    int fd = openat(spool->state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (directory == NULL) {
        io_close(&fd);
        return;
    }
    while ((entry = readdir(directory)) != NULL)
        if (text_starts(entry->d_name, prefix))
            strings_add(names, entry->d_name);
    closedir(directory);
}

void journal_read_all(const struct spool *spool, journal_line *line,
                      void *context)
{
    struct strings names = { 0 };

    list_journals(spool, &names);
    for (size_t i = 0; i < names.count; i++)
        read_file(spool, names.items[i], line, context);
    strings_free(&names);
}

void journal_remove_all(const struct spool *spool)
{
    struct strings names = { 0 };

    list_journals(spool, &names);
    for (size_t i = 0; i < names.count; i++)
        unlinkat(spool->state, names.items[i], 0);
    strings_free(&names);
}
