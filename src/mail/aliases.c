#include "mail/aliases.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/aliases_table.h"
#include "mail/envelope.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/strings.h"
#include "util/text.h"

#define DEPTH_MAX 32            /* aliases in aliases */
#define FILES_MAX 1000          /* :include: files one name may lead to */

static const char include_word[] = ":include:";

static bool is_first_label(const char *domain, const char *host)
{
    size_t label = strcspn(host, ".");

    return strlen(domain) == label && text_equal_case_n(domain, host, label);
}

static bool is_local_domain(const char *domain, const struct local_names *local)
{
    return text_equal_case(domain, "localhost") ||
           text_equal_case(domain, "localhost.localdomain") ||
           text_equal_case(domain, local->host) ||
           is_first_label(domain, local->host) ||
           (local->kernel_name != NULL &&
            is_first_label(domain, local->kernel_name));
}

char *local_name_of(const char *address, const struct local_names *local)
{
    const char *at = address_at(address);

    if (at != NULL && !is_local_domain(at + 1, local))
        return NULL;
    char *name = address_local_name(address);
    text_lower_all(name);
    return name;
}

char *local_name_without_alias(const char *address,
                               const struct local_names *local)
{
    const char *at = address_at(address);

    if (at != NULL && local->host_has_mailboxes &&
        text_equal_case(at + 1, local->host))
        return NULL;
    return local_name_of(address, local);
}

/* One expansion: where it stands, and what it has seen. Everything is expanded
 * once: that ends loops, and aliases that name each other twice over cost no
 * more than their number. */
struct expansion {
    const struct aliases *aliases;
    const struct local_names *local;
    struct strings *list;           /* found so far */
    bool *seen;                     /* by the index of an alias */
    struct strings files;           /* the :include: files seen */
    const struct alias *alias;      /* the innermost that is expanded */
    size_t depth;
    const char *path;               /* of the file that is read, and its */
    unsigned line;                  /* line, for texts */
};

static bool expand_list(struct expansion *x, const char *list, size_t length,
                        struct error *err);

static bool complain(const struct expansion *x, struct error *err,
                     const char *text, size_t length, const char *why)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, text, length < 100 ? length : 100);
    error_set(err, FAULT_CONFIG, "%s:%u: %s: %s", x->path, x->line,
              shown.data, why);
    buf_free(&shown);
    return false;
}

static bool expand_alias(struct expansion *x, const struct alias *alias,
                         struct error *err)
{
    const struct expansion outer = *x;

    if (x->depth == DEPTH_MAX)
        return complain(x, err, alias->name, strlen(alias->name),
                        "too many aliases in aliases");
    x->seen[alias - x->aliases->entries] = true;
    x->alias = alias;
    x->depth++;
    x->path = x->aliases->path;
    x->line = alias->line;
    bool done = expand_list(x, alias->list, strlen(alias->list), err);
    x->alias = outer.alias;
    x->depth--;
    x->path = outer.path;
    x->line = outer.line;
    return done;
}

/* Local programs and files: what aliases may name elsewhere, but not here. */
static bool refuse_local(const struct expansion *x, const char *text,
                         size_t length, struct error *err)
{
    if (length > 0 && *text == '|')
        return complain(x, err, text, length, "Postrider runs no programs: "
                        "give an address");
    if (length > 0 && *text == '/' && memchr(text, '@', length) == NULL)
        return complain(x, err, text, length, "Postrider delivers to no "
                        "files: give an address");
    return true;
}

/* An address, or a name that may be an alias itself. A backslash in front says
 * that it is not. A name that leads back to itself stands for itself. */
static bool expand_address(struct expansion *x, const char *address,
                           bool final, struct error *err)
{
    char *name = final ? NULL : local_name_of(address, x->local);
    const struct alias *alias = name == NULL
                                ? NULL : aliases_find(x->aliases, name);

    free(name);
    if (alias != NULL && alias != x->alias)
        return x->seen[alias - x->aliases->entries] ||
               expand_alias(x, alias, err);
    if (!refuse_local(x, address, strlen(address), err))
        return false;
    if (x->list->count >= ENVELOPE_RECIPIENTS_MAX)
        return complain(x, err, address, strlen(address),
                        "more than 100000 addresses");
    strings_add(x->list, address);
    return true;
}

/* The lines of a file of addresses. */
static bool expand_lines(struct expansion *x, const struct buf *text,
                         struct error *err)
{
    const char *line = text->data, *end = line + text->length;

    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop != NULL ? stop : end) - line);
        x->line++;
        if (memchr(line, '\0', length) != NULL)
            return error_set(err, FAULT_CONFIG, "%s:%u: a NUL in it", x->path,
                             x->line);
        if (!expand_list(x, line, aliases_line_length(line, length), err))
            return false;
        line += length + 1;
    }
    return true;
}

static bool expand_include(struct expansion *x, const char *path,
                           struct error *err)
{
    const struct expansion outer = *x;

    if (*path != '/')
        return complain(x, err, path, strlen(path), "an :include: must be "
                        "an absolute path");
    if (strings_has(&x->files, path))
        return true;
    if (x->depth == DEPTH_MAX)
        return complain(x, err, path, strlen(path), "too many files in files");
    if (x->files.count == FILES_MAX)
        return complain(x, err, path, strlen(path), "more than 1000 files");
    strings_add(&x->files, path);
    const struct buf *text = alias_files_get(x->aliases->files, path, err);
    if (text == NULL) {
        err->fault = FAULT_CONFIG;
        return error_prefix(err, "%s:%u", x->path, x->line);
    }
    x->depth++;
    x->path = path;
    x->line = 0;
    bool done = expand_lines(x, text, err);
    x->depth--;
    x->path = outer.path;
    x->line = outer.line;
    return done;
}

static bool expand_parsed(struct expansion *x, const char *text, size_t length,
                          struct error *err)
{
    struct mailbox_list list = { 0 };
    struct error why = { 0 };
    bool done = true;

    if (!mailbox_list_parse(&list, text, length, &why))
        done = error_set(err, FAULT_CONFIG, "%s:%u: %s", x->path, x->line,
                         why.text);
    for (size_t i = 0; done && i < list.count; i++)
        done = expand_address(x, list.items[i].address, *text == '\\', err);
    mailbox_list_free(&list);
    return done;
}

/* One destination: an address, a file of addresses, or what we do not do. */
static bool expand_one(struct expansion *x, const char *text, size_t length,
                       struct error *err)
{
    const size_t word = sizeof include_word - 1;
    size_t quote = *text == '"';
    const char *bare = text + quote;
    size_t rest = length - quote;

    if (!refuse_local(x, bare, rest, err))
        return false;
    if (rest < word || !text_equal_case_n(bare, include_word, word))
        return expand_parsed(x, text, length, err);
    for (bare += word, rest -= word; rest > 0 && text_is_space(*bare); rest--)
        bare++;
    char *path = alloc_bytes(bare, rest);
    if (quote != 0)
        path[strcspn(path, "\"")] = '\0';
    bool done = expand_include(x, path, err);
    free(path);
    return done;
}

/* Octets up to the comma that ends a destination, outside quotes, comments and
 * angle brackets. */
static size_t item_length(const char *list, size_t length)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < length; i++) {
        char c = list[i];
        if (c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '(' || c == '<'))
            depth++;
        else if (!quoted && depth > 0 && (c == ')' || c == '>'))
            depth--;
        else if (c == ',' && !quoted && depth == 0)
            return i;
    }
    return length;
}

static bool expand_list(struct expansion *x, const char *list, size_t length,
                        struct error *err)
{
    while (length > 0) {
        size_t item = item_length(list, length);
        size_t start = 0, end = item;
        while (start < end && text_is_space(list[start]))
            start++;
        while (end > start && text_is_space(list[end - 1]))
            end--;
        if (end > start && !expand_one(x, list + start, end - start, err))
            return false;
        item += item < length;
        list += item;
        length -= item;
    }
    return true;
}

/* Expand an alias, which must lead to somebody. */
static bool expand_whole(struct expansion *x, const struct alias *alias,
                         struct error *err)
{
    size_t before = x->list->count;

    if (!expand_alias(x, alias, err))
        return false;
    if (x->list->count > before)
        return true;
    return error_set(err, FAULT_CONFIG, "%s:%u: alias %s leads to nobody: "
                     "it is empty, or leads back to itself",
                     x->path, alias->line, alias->name);
}

bool aliases_expand(const struct aliases *aliases, const char *name,
                    const struct local_names *local, struct strings *list,
                    struct error *err)
{
    char *wanted = alloc_string(name);
    size_t before = list->count;

    text_lower_all(wanted);
    const struct alias *alias = aliases_find(aliases, wanted);
    free(wanted);
    err->fault = FAULT_NONE;
    if (alias == NULL)
        return false;
    struct expansion x = {
        .aliases = aliases,
        .local = local,
        .list = list,
        .seen = alloc_zero(aliases->count, sizeof *x.seen),
        .path = aliases->path,
        .line = alias->line,
    };
    bool done = expand_whole(&x, alias, err);
    free(x.seen);
    strings_free(&x.files);
    alias_files_forget(aliases->files);
    while (!done && list->count > before)
        free(list->items[--list->count]);
    if (list->count == 0)
        strings_free(list);             /* nothing found needs no freeing */
    return done;
}

void aliases_keep_files(struct aliases *aliases,
                        const struct local_names *local)
{
    struct error ignored;

    aliases->files->kept = true;
    for (size_t i = 0; i < aliases->count; i++) {
        struct strings list = { 0 };
        aliases_expand(aliases, aliases->entries[i].name, local, &list,
                       &ignored);
        strings_free(&list);
    }
}

bool aliases_check(const struct aliases *aliases,
                   const struct local_names *local, struct error *err)
{
    for (size_t i = 0; i < aliases->count; i++) {
        const struct alias *alias = &aliases->entries[i];
        struct strings list = { 0 };

        if (i > 0 && strcmp(alias->name, alias[-1].name) == 0)
            return error_set(err, FAULT_CONFIG, "%s:%u: alias %s was given in "
                             "line %u already", aliases->path, alias->line,
                             alias->name, alias[-1].line);
        bool right = aliases_expand(aliases, alias->name, local, &list, err);
        strings_free(&list);
        if (!right)
            return false;
    }
    return true;
}
