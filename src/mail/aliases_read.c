/* aliases_read.c - read aliases files, and the files that they include */
#include "mail/aliases_table.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/file.h"
#include "util/lines.h"
#include "util/text.h"

#define FILE_MAX (64u << 20)    /* octets of an aliases file */
#define INCLUDE_MAX (1u << 20)  /* octets of an :include: file */

/* A file that is not regular is wrong for good; anything else may pass. */
static int open_file(const char *path, struct stat *status, struct error *err)
{
    int fd = file_open(path, status, err);

    if (fd == -1 && errno != 0)
        err->fault = FAULT_TEMPORARY;
    return fd;
}

/* Read what open_file() gave, and close it. */
static bool read_file(int fd, const char *path, size_t limit, struct buf *text,
                      struct error *err)
{
    buf_init(text, limit);
    bool done = file_read_from(fd, path, text, err);
    if (!done && err->fault != FAULT_CONFIG)
        err->fault = FAULT_TEMPORARY;
    close(fd);
    if (!done)
        buf_free(text);
    return done;
}

static void clear_files(struct alias_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i]->path);
        buf_free(&files->items[i]->text);
        free(files->items[i]);
    }
    free(files->items);
    *files = (struct alias_files){ .kept = files->kept };
}

const struct buf *alias_files_get(struct alias_files *files, const char *path,
                                  struct error *err)
{
    struct stat status;
    struct buf text;

    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->items[i]->path, path) == 0)
            return &files->items[i]->text;
    int fd = open_file(path, &status, err);
    if (fd == -1 || !read_file(fd, path, INCLUDE_MAX, &text, err))
        return NULL;
    struct alias_file *file = alloc_zero(1, sizeof *file);
    *file = (struct alias_file){ .path = alloc_string(path), .text = text };
    files->items = alloc_resize(files->items, files->count + 1,
                                sizeof *files->items);
    files->items[files->count++] = file;
    return &file->text;
}

void alias_files_forget(struct alias_files *files)
{
    if (!files->kept)
        clear_files(files);
}

struct alias_name {
    struct buf text;        /* without quotes, in lower case */
    bool has_domain;        /* an @ outside of quotes is in it */
};

/* The text before the colon; *rest is that after it. False: the line
 * has no name. */
static bool take_name(const char *line, struct alias_name *found,
                      const char **rest)
{
    bool quoted = false;
    const char *p = line;
    struct buf *name = &found->text;

    buf_clear(name);
    found->has_domain = false;
    while (text_is_space(*p))
        p++;
    for (;; p++) {
        size_t plain = strcspn(p, "\"\\@:");
        buf_add(name, p, plain);
        p += plain;
        if (*p == '\0' || (*p == ':' && !quoted))
            break;
        if (*p == '"') {
            quoted = !quoted;
            continue;
        }
        if (*p == '\\' && p[1] != '\0')
            p++;
        buf_add_char(name, *p);
        found->has_domain |= *p == '@' && !quoted;
    }
    text_lower_all(name->data);
    while (name->length > 0 && text_is_space(name->data[name->length - 1]))
        name->data[--name->length] = '\0';
    *rest = p + 1;
    return *p == ':' && name->length > 0;
}

static void add_entry(struct aliases *aliases, const char *name,
                      const char *list, unsigned line)
{
    if (aliases->count == aliases->capacity) {
        aliases->capacity = aliases->capacity * 2 + 16;
        aliases->entries = alloc_resize(aliases->entries, aliases->capacity,
                                        sizeof *aliases->entries);
    }
    aliases->entries[aliases->count++] = (struct alias){
        .name = alloc_string(name),
        .list = alloc_string(list),
        .line = line,
    };
}

static void note_junk(struct aliases *aliases, unsigned line, const char *why,
                      const char *remedy)
{
    size_t count = aliases->junk_count++;

    aliases->junk = alloc_resize(aliases->junk, count + 1,
                                 sizeof *aliases->junk);
    aliases->junk[count] = (struct alias_junk){ line, why, remedy };
}

/* Names that other programs give a meaning, and that no mail is for. */
static void note_never(struct aliases *aliases, unsigned line,
                       const char *name)
{
    static const char remedy[] = "set local_recipient for all names without "
                                 "an alias";

    if (strcmp(name, "*") == 0)
        note_junk(aliases, line, "* is not a local name", remedy);
    else if (strcmp(name, "default") == 0)
        note_junk(aliases, line, "default is a name like any other", remedy);
}

/* One logical line, its continuations joined to it by a blank. */
static void take_line(struct aliases *aliases, const char *text, unsigned line,
                      struct alias_name *name)
{
    const char *rest;

    if (*text == '\0')
        return;
    if (!take_name(text, name, &rest)) {
        note_junk(aliases, line, "not an alias: a line must be \"name: "
                  "address, address\"", NULL);
        return;
    }
    if (name->has_domain)
        note_junk(aliases, line, "an alias is for a local name, without @ and "
                  "domain: mail for this one never comes here", NULL);
    else
        note_never(aliases, line, name->text.data);
    add_entry(aliases, name->text.data, rest, line);
}

size_t aliases_line_length(const char *line, size_t length)
{
    bool quoted = false;

    if (memchr(line, '#', length) == NULL)
        return length;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\\')
            i++;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == '#' && !quoted &&
                 (i == 0 || text_is_space(line[i - 1])))
            return i;
    }
    return length;
}

static bool is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!text_is_space(line[i]))
            return false;
    return true;
}

static void parse(struct aliases *aliases, const struct buf *text)
{
    unsigned first = 0;
    struct lines lines;
    struct buf logical;
    struct alias_name name;     /* the room for each in turn */

    buf_init(&logical, SIZE_MAX);
    buf_init(&name.text, SIZE_MAX);
    lines_start(&lines, text->data, text->length);
    while (lines_next(&lines)) {
        size_t length = aliases_line_length(lines.text, lines.length);
        bool continues = *lines.text == ' ' || *lines.text == '\t';
        if (memchr(lines.text, '\0', lines.length) != NULL) {
            note_junk(aliases, lines.number, "it contains a NUL", NULL);
            continue;
        }
        if (is_blank(lines.text, length))
            continue;
        if (!continues || logical.length == 0) {
            take_line(aliases, logical.data, first, &name);
            buf_clear(&logical);
            first = lines.number;
        }
        buf_add(&logical, lines.text, length);
        buf_add_char(&logical, ' ');
    }
    take_line(aliases, logical.data, first, &name);
    buf_free(&name.text);
    buf_free(&logical);
}

/* By name, and the first of several before the others. */
static int compare(const void *a, const void *b)
{
    const struct alias *one = a, *other = b;
    int order = strcmp(one->name, other->name);

    if (order != 0)
        return order;
    return one->line < other->line ? -1 : one->line > other->line;
}

struct aliases *aliases_load(const char *path, struct error *err)
{
    struct aliases *aliases = alloc_zero(1, sizeof *aliases);
    struct buf text;

    aliases->path = alloc_string(path);
    aliases->files = alloc_zero(1, sizeof *aliases->files);
    int fd = open_file(path, &aliases->status, err);
    if (fd == -1 && (errno == ENOENT || errno == ENOTDIR)) {
        *err = (struct error){ 0 };     /* no file is as good as an empty one */
        return aliases;
    }
    if (fd == -1 || !read_file(fd, path, FILE_MAX, &text, err)) {
        aliases_free(aliases);
        return NULL;
    }
    parse(aliases, &text);
    buf_free(&text);
    if (aliases->count > 0)
        qsort(aliases->entries, aliases->count, sizeof *aliases->entries,
              compare);
    return aliases;
}

void aliases_free(struct aliases *aliases)
{
    if (aliases == NULL)
        return;
    for (size_t i = 0; i < aliases->count; i++) {
        free(aliases->entries[i].name);
        free(aliases->entries[i].list);
    }
    free(aliases->junk);
    clear_files(aliases->files);
    free(aliases->files);
    free(aliases->entries);
    free(aliases->path);
    free(aliases);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool aliases_is_current(const struct aliases *aliases)
{
    const struct stat *then = &aliases->status;
    struct stat now = { 0 };

    (void)stat(aliases->path, &now);
    return now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size &&
           is_same_time(&now.st_mtim, &then->st_mtim) &&
           is_same_time(&now.st_ctim, &then->st_ctim);
}

const struct alias *aliases_find(const struct aliases *aliases,
                                 const char *name)
{
    size_t low = 0, high = aliases->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(aliases->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == aliases->count || strcmp(aliases->entries[low].name, name) != 0)
        return NULL;
    return &aliases->entries[low];
}

size_t aliases_count(const struct aliases *aliases)
{
    return aliases->count;
}

bool aliases_is_junk(const struct aliases *aliases, size_t i,
                     struct error *problem)
{
    if (i >= aliases->junk_count)
        return false;
    const struct alias_junk *junk = &aliases->junk[i];
    error_set(problem, FAULT_CONFIG, "%s", junk->why);
    if (junk->remedy != NULL)
        error_remedy(problem, "%s", junk->remedy);
    error_at(problem, aliases->path, junk->line);
    return true;
}
