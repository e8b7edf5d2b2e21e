#include "mail/aliases.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/aliases_table.h"
#include "util/alloc.h"
#include "util/strings.h"
#include "util/text.h"

#define INCLUDE_MAX (1u << 20)  /* octets of an :include: file */
#define DEPTH_MAX 32            /* aliases in aliases */
#define RESULTS_MAX 100000      /* addresses one name may stand for */

static const char include_word[] = ":include:";

char *local_name_of(const char *address, const struct local_names *local)
{
    const char *at = address_at(address);

    if (at != NULL) {
        const char *domain = at + 1;
        size_t label = strcspn(local->host, ".");
        bool is_local = text_equal_case(domain, "localhost") ||
                        text_equal_case(domain, "localhost.localdomain") ||
                        text_equal_case(domain, local->host) ||
                        (strlen(domain) == label &&
                         text_equal_case_n(domain, local->host, label));
        if (!is_local)
            return NULL;
    }
    char *name = address_local_name(address);
    text_lower_all(name);
    return name;
}

/* One expansion: where it stands, and which names it is inside of. */
struct expansion {
    const struct aliases *aliases;
    const struct local_names *local;
    struct strings *list;           /* found so far */
    const char *inside[DEPTH_MAX];  /* names being expanded, outermost first */
    size_t depth;
    const char *path;               /* of the file that is read, and its */
    unsigned line;                  /* line, for texts */
};

static bool expand_list(struct expansion *x, const char *list, size_t length,
                        struct error *err);

static bool complain(const struct expansion *x, struct error *err,
                     const char *text, size_t length, const char *why)
{
    char *shown = alloc_bytes(text, length < 100 ? length : 100);

    error_set(err, FAULT_CONFIG, "%s:%u: %s: %s", x->path, x->line, shown,
              why);
    free(shown);
    return false;
}

static bool is_inside(const struct expansion *x, const char *name)
{
    for (size_t i = 0; i < x->depth; i++)
        if (strcmp(x->inside[i], name) == 0)
            return true;
    return false;
}

static bool expand_alias(struct expansion *x, const struct alias *alias,
                         struct error *err)
{
    const char *path = x->path;
    unsigned line = x->line;

    if (x->depth == DEPTH_MAX)
        return complain(x, err, alias->name, strlen(alias->name),
                        "too many aliases in aliases");
    x->inside[x->depth++] = alias->name;
    x->path = x->aliases->path;
    x->line = alias->line;
    bool done = expand_list(x, alias->list, strlen(alias->list), err);
    x->depth--;
    x->path = path;
    x->line = line;
    return done;
}

/* An address, or a name that may be an alias itself. A backslash in front says
 * that it is not. A name that leads back to itself stands for itself. */
static bool expand_address(struct expansion *x, const char *address,
                           bool final, struct error *err)
{
    char *name = local_name_of(address, x->local);
    const struct alias *alias = name == NULL || final || is_inside(x, name)
                                ? NULL : aliases_find(x->aliases, name);
    bool loops = name != NULL && !final && x->depth > 1 &&
                 is_inside(x, name) &&
                 strcmp(x->inside[x->depth - 1], name) != 0;

    free(name);
    if (loops)
        return true;            /* what it stands for is being found already */
    if (alias != NULL)
        return expand_alias(x, alias, err);
    if (x->list->count >= RESULTS_MAX)
        return complain(x, err, address, strlen(address),
                        "too many addresses");
    strings_add(x->list, address);
    return true;
}

/* A file of addresses, one or more a line, with comments. */
static bool expand_include(struct expansion *x, const char *path,
                           struct error *err)
{
    const char *outer_path = x->path;
    unsigned outer_line = x->line;
    struct buf text;
    bool done = true;

    if (*path != '/')
        return complain(x, err, path, strlen(path), "an :include: must be "
                        "an absolute path");
    if (x->depth == DEPTH_MAX)
        return complain(x, err, path, strlen(path), "too many files in files");
    if (!aliases_read_file(path, INCLUDE_MAX, &text, err)) {
        err->fault = FAULT_CONFIG;
        return error_prefix(err, "%s:%u: :include:", outer_path, outer_line);
    }
    x->inside[x->depth++] = path;
    x->path = path;
    x->line = 0;
    const char *line = text.data;
    while (done && *line != '\0') {
        size_t length = strcspn(line, "\n");
        x->line++;
        if (*line != '#')
            done = expand_list(x, line, length, err);
        line += length + (line[length] == '\n');
    }
    x->depth--;
    x->path = outer_path;
    x->line = outer_line;
    buf_free(&text);
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
    const char *bare = text + (*text == '"');

    if (*bare == '|')
        return complain(x, err, text, length, "Postrider runs no programs: "
                        "give an address");
    if (*bare == '/' && memchr(text, '@', length) == NULL)
        return complain(x, err, text, length, "Postrider delivers to no "
                        "files: give an address");
    size_t word = sizeof include_word - 1;
    size_t inner = length - (size_t)(bare - text);
    if (inner < word || !text_equal_case_n(bare, include_word, word))
        return expand_parsed(x, text, length, err);
    char *path = alloc_bytes(bare + word, inner - word);
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

bool aliases_expand(const struct aliases *aliases, const char *name,
                    const struct local_names *local, struct strings *list,
                    struct error *err)
{
    char *wanted = alloc_string(name);
    size_t before = list->count;
    bool done = false;

    text_lower_all(wanted);
    const struct alias *alias = aliases_find(aliases, wanted);
    free(wanted);
    err->fault = FAULT_NONE;
    if (alias != NULL) {
        struct expansion x = { .aliases = aliases, .local = local,
                               .list = list, .path = aliases->path,
                               .line = alias->line };
        done = expand_alias(&x, alias, err);
        if (done && list->count == before)
            done = error_set(err, FAULT_CONFIG, "%s:%u: alias %s leads to "
                             "nobody", aliases->path, alias->line,
                             alias->name);
    }
    while (!done && list->count > before)
        free(list->items[--list->count]);
    return done;
}

bool aliases_check(const struct aliases *aliases,
                   const struct local_names *local, struct error *err)
{
    for (size_t i = 0; i < aliases->count; i++) {
        const struct alias *alias = &aliases->entries[i];
        struct strings list = { 0 };
        bool right = true;

        if (i > 0 && strcmp(alias->name, alias[-1].name) == 0)
            return error_set(err, FAULT_CONFIG, "%s:%u: alias %s was given in "
                             "line %u already", aliases->path, alias->line,
                             alias->name, alias[-1].line);
        right = aliases_expand(aliases, alias->name, local, &list, err);
        strings_free(&list);
        if (!right)
            return false;
    }
    return true;
}
