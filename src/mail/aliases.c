#include "mail/aliases.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/aliases_table.h"
#include "mail/envelope.h"
#include "mail/recipients.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/lines.h"
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

/* The mistakes in a file, for its administrator. */
struct problems {
    struct strings reported;        /* the text of each */
    aliases_problem *report;
    void *context;
};

/* A mistake that several aliases lead to is reported once. */
static void add_problem(struct problems *problems,
                        const struct error *problem)
{
    if (strings_has(&problems->reported, problem->text))
        return;
    strings_add(&problems->reported, problem->text);
    problems->report(problems->context, problem);
}

/* One expansion: where it is, and what it has seen. Everything is expanded
 * once: that ends loops, and aliases that name each other twice over cost no
 * more than their number. */
struct expansion {
    const struct aliases *aliases;
    const struct local_names *local;
    struct recipients *found;
    bool *seen;                     /* by the index of an alias */
    struct strings files;           /* the :include: files seen */
    const struct alias *alias;      /* the innermost that is expanded */
    size_t depth;
    const char *path;               /* of the file that is read, and its */
    unsigned line;                  /* line, for texts */
    bool full;                      /* no more is looked at */
    struct problems *problems;      /* reported as well; NULL: none */
};

static void expand_list(struct expansion *x, const char *list, size_t length);

/* This cannot be served, for the reason in why; the rest can. */
static void refuse_for(struct expansion *x, const char *text, size_t length,
                       struct error *why)
{
    why->fault = FAULT_CONFIG;
    error_at(why, x->path, x->line);
    if (*why->remedy == '\0')
        error_remedy(why, ALIASES_REMEDY);
    flaws_add(&x->found->flaws, text, length, why);
    if (x->problems != NULL)
        add_problem(x->problems, why);
}

/* The same for a reason that does not name it. remedy may be NULL. */
static void refuse(struct expansion *x, const char *text, size_t length,
                   const char *what, const char *remedy)
{
    int shown = length < 100 ? (int)length : 100;
    struct error why;

    error_set(&why, FAULT_CONFIG, "%.*s: %s", shown, text, what);
    if (remedy != NULL)
        error_remedy(&why, "%s", remedy);
    refuse_for(x, text, length, &why);
}

static void expand_alias(struct expansion *x, const struct alias *alias)
{
    const struct expansion outer = *x;

    if (x->depth == DEPTH_MAX) {
        refuse(x, alias->name, strlen(alias->name),
               "aliases lead to aliases more than 32 times", NULL);
        return;
    }
    x->seen[alias - x->aliases->entries] = true;
    x->alias = alias;
    x->depth++;
    x->path = x->aliases->path;
    x->line = alias->line;
    expand_list(x, alias->list, strlen(alias->list));
    x->alias = outer.alias;
    x->depth--;
    x->path = outer.path;
    x->line = outer.line;
}

/* Local programs and files: what aliases may name elsewhere, but not here. The
 * file that keeps nothing needs no delivery. */
static bool take_local(struct expansion *x, const char *text, size_t length)
{
    static const char nothing[] = "/dev/null";

    if (length == 0 || (*text != '|' && (*text != '/' ||
                                         memchr(text, '@', length) != NULL)))
        return false;
    if (length == sizeof nothing - 1 && memcmp(text, nothing, length) == 0)
        x->found->discards = true;
    else
        refuse(x, text, length, *text == '|'
               ? "Postrider runs no programs"
               : "Postrider delivers to no files", "give an address");
    return true;
}

static void add_address(struct expansion *x, const char *address)
{
    x->full = x->found->addresses.count + x->found->flaws.texts.count >=
              ENVELOPE_RECIPIENTS_MAX;
    if (x->full)
        refuse(x, address, strlen(address), "more than 100000 addresses",
               NULL);
    else
        strings_add(&x->found->addresses, address);
}

/* An address, or a name that may be an alias itself. A backslash before it
 * means that it is not. A name that leads back to itself is an address. */
static void expand_address(struct expansion *x, const char *address, bool final)
{
    char *name = final ? NULL : local_name_of(address, x->local);
    const struct alias *alias = name == NULL
                                ? NULL : aliases_find(x->aliases, name);

    free(name);
    if (alias != NULL && alias != x->alias) {
        if (!x->seen[alias - x->aliases->entries])
            expand_alias(x, alias);
    } else if (!take_local(x, address, strlen(address))) {
        add_address(x, address);
    }
}

/* The lines of a file of addresses. */
static void expand_lines(struct expansion *x, const struct buf *text)
{
    struct lines lines;
    struct error why;

    lines_start(&lines, text->data, text->length);
    while (!x->full && lines_next(&lines)) {
        x->line = lines.number;
        if (memchr(lines.text, '\0', lines.length) != NULL) {
            error_set(&why, FAULT_CONFIG, "it contains a NUL");
            refuse_for(x, lines.text, lines.length, &why);
        } else {
            expand_list(x, lines.text,
                        aliases_line_length(lines.text, lines.length));
        }
    }
}

static void expand_file(struct expansion *x, const char *path)
{
    const struct expansion outer = *x;
    struct error err = { 0 };

    strings_add(&x->files, path);
    const struct buf *text = alias_files_get(x->aliases->files, path, &err);
    if (text == NULL) {
        refuse_for(x, path, strlen(path), &err);
        return;
    }
    x->depth++;
    x->path = path;
    x->line = 0;
    expand_lines(x, text);
    x->depth--;
    x->path = outer.path;
    x->line = outer.line;
}

static void expand_include(struct expansion *x, const char *path)
{
    size_t length = strlen(path);

    if (*path != '/')
        refuse(x, path, length, "an :include: must be an absolute path",
               NULL);
    else if (strings_has(&x->files, path))
        return;
    else if (x->depth == DEPTH_MAX)
        refuse(x, path, length, "files include files more than 32 times", NULL);
    else if (x->files.count == FILES_MAX)
        refuse(x, path, length, "more than 1000 files", NULL);
    else
        expand_file(x, path);
}

static void expand_parsed(struct expansion *x, const char *text, size_t length)
{
    struct mailbox_list list = { 0 };
    struct error why = { 0 };

    if (!mailbox_list_parse(&list, text, length, &why))
        refuse_for(x, text, length, &why);
    for (size_t i = 0; i < list.count && !x->full; i++)
        expand_address(x, list.items[i].address, *text == '\\');
    mailbox_list_free(&list);
}

/* One destination: an address, a file of addresses, or what we do not do. */
static void expand_one(struct expansion *x, const char *text, size_t length)
{
    const size_t word = sizeof include_word - 1;
    size_t quote = *text == '"';
    const char *bare = text + quote;
    size_t rest = length - quote;

    /* Within quotes, up to the closing one. */
    if (quote != 0 && rest > 0 && bare[rest - 1] == '"' &&
        take_local(x, bare, rest - 1))
        return;
    if (take_local(x, bare, rest))
        return;
    if (rest < word || !text_equal_case_n(bare, include_word, word)) {
        expand_parsed(x, text, length);
        return;
    }
    for (bare += word, rest -= word; rest > 0 && text_is_space(*bare); rest--)
        bare++;
    char *path = alloc_bytes(bare, rest);
    if (quote != 0)
        path[strcspn(path, "\"")] = '\0';
    expand_include(x, path);
    free(path);
}

static void expand_list(struct expansion *x, const char *list, size_t length)
{
    while (length > 0 && !x->full) {
        size_t item = recipients_item_length(list, length);
        size_t start = 0, end = item;
        while (start < end && text_is_space(list[start]))
            start++;
        while (end > start && text_is_space(list[end - 1]))
            end--;
        if (end > start)
            expand_one(x, list + start, end - start);
        item += item < length;
        list += item;
        length -= item;
    }
}

/* Expand an alias, which must lead to an address. problems may be NULL. */
static void expand_whole(const struct aliases *aliases,
                         const struct alias *alias,
                         const struct local_names *local,
                         struct recipients *found,
                         struct problems *problems)
{
    struct expansion x = {
        .aliases = aliases,
        .local = local,
        .found = found,
        .seen = alloc_zero(aliases->count, sizeof *x.seen),
        .path = aliases->path,
        .line = alias->line,
        .problems = problems,
    };

    expand_alias(&x, alias);
    free(x.seen);
    strings_free(&x.files);
    alias_files_forget(aliases->files);
    if (!recipients_any(found))
        refuse(&x, alias->name, strlen(alias->name), "this alias has no "
               "recipient: it is empty, or leads back to itself", NULL);
}

bool aliases_expand(const struct aliases *aliases, const char *name,
                    const struct local_names *local,
                    struct recipients *found)
{
    char *wanted = alloc_string(name);

    text_lower_all(wanted);
    const struct alias *alias = aliases_find(aliases, wanted);
    free(wanted);
    if (alias != NULL)
        expand_whole(aliases, alias, local, found, NULL);
    return alias != NULL;
}

void aliases_keep_files(struct aliases *aliases,
                        const struct local_names *local)
{
    aliases->files->kept = true;
    for (size_t i = 0; i < aliases->count; i++) {
        struct recipients found = { 0 };
        expand_whole(aliases, &aliases->entries[i], local, &found, NULL);
        recipients_free(&found);
    }
}

void aliases_check(const struct aliases *aliases,
                   const struct local_names *local, aliases_problem *problem,
                   void *context)
{
    struct problems problems = { .report = problem, .context = context };
    struct error err;

    for (size_t i = 0; aliases_is_junk(aliases, i, &err); i++)
        add_problem(&problems, &err);
    for (size_t i = 0; i < aliases->count; i++) {
        const struct alias *alias = &aliases->entries[i];
        struct recipients found = { 0 };

        if (i > 0 && strcmp(alias->name, alias[-1].name) == 0) {
            error_set(&err, FAULT_CONFIG, "alias %s is defined in line %u "
                      "already, and that one counts", alias->name,
                      alias[-1].line);
            error_at(&err, aliases->path, alias->line);
            add_problem(&problems, &err);
        }
        expand_whole(aliases, alias, local, &found, &problems);
        recipients_free(&found);
    }
    strings_free(&problems.reported);
}
