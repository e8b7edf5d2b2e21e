/* An aliases file, and where the mail for each of its names goes. After a form
 * feed there is a file that it can include. */
#include <stdio.h>

#include "../input.h"
#include "mail/aliases.h"
#include "mail/recipients.h"
#include "util/buf.h"

static const struct local_names local = { .host = "web1.example.com",
                                          .kernel_name = "web1" };

/* The path of a file in memory, which has no name. The caller frees it. */
static char *path_of(int fd)
{
    return alloc_format("/proc/self/fd/%d", fd);
}

static void check_found(const struct recipients *found)
{
    PROMISE(found->flaws.texts.count == found->flaws.reasons.count);
    for (size_t i = 0; i < found->flaws.texts.count; i++) {
        promise_one_line(found->flaws.texts.items[i]);
        promise_one_line(found->flaws.reasons.items[i]);
    }
    for (size_t i = 0; i < found->addresses.count; i++) {
        const char *address = found->addresses.items[i];
        PROMISE(!text_has_control(address, strlen(address)));
        PROMISE(*address != '\0' && *address != '|');
        PROMISE(*address != '/' || strchr(address, '@') != NULL);
    }
}

/* A name leads somewhere, each time to the same. */
static void check_name(const struct aliases *aliases, const char *name)
{
    struct recipients found = { 0 }, again = { 0 };

    if (!aliases_expand(aliases, name, &local, &found)) {
        PROMISE(!recipients_any(&found));
        return;
    }
    PROMISE(recipients_any(&found));
    check_found(&found);
    PROMISE(aliases_expand(aliases, name, &local, &again));
    PROMISE(again.addresses.count == found.addresses.count);
    PROMISE(again.flaws.texts.count == found.flaws.texts.count);
    PROMISE(again.discards == found.discards);
    recipients_free(&found);
    recipients_free(&again);
}

static void note_problem(void *context, const struct error *problem)
{
    unsigned *count = context;

    promise_error(problem);
    PROMISE(problem->fault == FAULT_CONFIG);
    ++*count;
}

static void check_aliases(struct aliases *aliases, struct input text)
{
    unsigned problems = 0;

    aliases_check(aliases, &local, note_problem, &problems);
    for (unsigned i = 0; text.left > 0 && i < 16; i++) {
        struct input line = input_part(&text, '\n');
        char *name = input_text(&line, ':');
        check_name(aliases, name);
        char *own = local_name_of(name, &local);
        if (own != NULL)
            check_name(aliases, own);
        free(own);
        free(name);
    }
    check_name(aliases, "root");
}

/* "INCLUDED" stands for the path of the other file. */
static void add_file(struct buf *out, struct input text, const char *included)
{
    static const char word[] = "INCLUDED";

    while (text.left > 0) {
        const char *at = memmem(text.at, text.left, word, sizeof word - 1);
        size_t step = at == NULL ? text.left : (size_t)(at - text.at);
        buf_add(out, text.at, step);
        if (at != NULL) {
            buf_add_text(out, included);
            step += sizeof word - 1;
        }
        text.at += step;
        text.left -= step;
    }
}

/* Another absolute path would be a file of this machine. */
static bool is_harmless(const struct buf *text, const char *included)
{
    static const char word[] = ":include:";
    const char *at = text->data;

    while ((at = memmem(at, text->length - (size_t)(at - text->data), word,
                        sizeof word - 1)) != NULL) {
        at += sizeof word - 1;
        if (!text_starts(at + strspn(at, " \t\""), included))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct input text = input_part(&in, '\f');
    int other = memory_file(in.at, in.left);
    char *included = path_of(other);
    struct buf file;
    struct error err;

    buf_init(&file, SIZE_MAX);
    add_file(&file, text, included);
    int fd = memory_file(file.data, file.length);
    char *path = path_of(fd);
    if (is_harmless(&file, included)) {
        struct aliases *aliases = aliases_load(path, &err);
        if (aliases != NULL)
            check_aliases(aliases, text);
        else
            promise_error(&err);
        aliases_free(aliases);
    }
    close(fd);
    close(other);
    buf_free(&file);
    free(included);
    free(path);
    return 0;
}
