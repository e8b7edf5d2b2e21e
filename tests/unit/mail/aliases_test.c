#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/aliases.h"
#include "mail/recipients.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/strings.h"
#include "util/text.h"

static const struct local_names local = { .host = "web1.example.com" };
static char folder[] = "/tmp/aliases_test.XXXXXX";

static char *path_of(const char *name)
{
    return alloc_format("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

static struct aliases *load(const char *text, struct error *err)
{
    char *path = path_of("aliases");

    *err = (struct error){ 0 };
    write_file("aliases", text);
    struct aliases *aliases = aliases_load(path, err);
    free(path);
    return aliases;
}

/* The destinations of a name, where all of it can be served: true with the
 * addresses; else false with the first reason. */
static bool expand(const struct aliases *aliases, const char *name,
                   struct strings *list, struct error *err)
{
    struct recipients found = { 0 };

    *err = (struct error){ 0 };
    bool known = aliases_expand(aliases, name, &local, &found);
    bool right = known && found.flaws.texts.count == 0 && !found.discards;
    if (right) {
        *list = found.addresses;
        return true;
    }
    if (found.flaws.reasons.count > 0)
        error_set(err, FAULT_CONFIG, "%s", found.flaws.reasons.items[0]);
    recipients_free(&found);
    return false;
}

static void keep_first(void *context, const struct error *problem)
{
    struct error *first = context;

    if (first->fault == FAULT_NONE)
        *first = *problem;
}

/* Is the whole file right? Else false with the first problem. */
static bool check(const struct aliases *aliases, struct error *err)
{
    err->fault = FAULT_NONE;
    aliases_check(aliases, &local, keep_first, err);
    return err->fault == FAULT_NONE;
}

static void expands_names(void **state)
{
    char *text = alloc_format(
        "# a comment\n"
        "  spaced\t : s@x.example\n"
        "root: admin@x.example\n"
        "team:\ta@x.example,\n    b@x.example # and a comment\n"
        "\n"
        "chain: link\nlink: root\n"
        "both: both, ops@x.example\n"
        "\"quoted name\": q@x.example\n"
        "MiXed: m@x.example\n"
        "stop: \\root\n"
        "people: Bob <bob@x.example>, \"A, B\" <ab@x.example>\n"
        "list: :include:%s/list\n"
        "here: root@localhost, root@WEB1, root@web1.example.com\n"
        "away: root@elsewhere.example\n"
        "one: two, x@x.example\ntwo: one\n"
        "windows: w@x.example,\r\n\tv@x.example\r\n"
        "hash: a#b@x.example, \"c # d\"@x.example # not this\n"
        "# a comment in between\n  # and one more\n  , e@x.example\n"
        "esc\\:aped: e@x.example\n"
        "\"a@b\": at@x.example\n"
        "nest: :include:%s/nest\n"
        "space: \":include:%s/with space, comma\"\n"
        "group: Team: a@x.example, root; , <>\n"
        "twice: t@x.example, link, root\n"
        "up: up@LOCALHOST, u@x.example\n"
        "last: l@x.example", folder, folder, folder);
    static const struct {
        const char *name;
        const char *list;
    } cases[] = {
        { "root", "admin@x.example " },
        { "ROOT", "admin@x.example " },
        { "team", "a@x.example b@x.example " },
        { "chain", "admin@x.example " },
        { "both", "both ops@x.example " },
        { "quoted name", "q@x.example " },
        { "mixed", "m@x.example " },
        { "stop", "root " },
        { "people", "bob@x.example ab@x.example " },
        { "list", "l1@x.example l2@x.example admin@x.example " },
        { "here", "admin@x.example " },
        { "away", "root@elsewhere.example " },
        { "one", "x@x.example " },
        { "spaced", "s@x.example " },
        { "windows", "w@x.example v@x.example " },
        { "hash", "a#b@x.example \"c # d\"@x.example e@x.example " },
        { "esc:aped", "e@x.example " },
        { "a@b", "at@x.example " },
        { "nest", "nest n@x.example w@x.example v@x.example " },
        { "space", "sp@x.example " },
        { "group", "a@x.example admin@x.example " },
        { "twice", "t@x.example admin@x.example " },
        { "up", "up@LOCALHOST u@x.example " },
        { "last", "l@x.example " },
    };
    struct error err;

    (void)state;
    char *nest = alloc_format("nest # itself\r\n:include:%s/nest\r\n"
                              "\t n@x.example, windows", folder);
    write_file("nest", nest);
    free(nest);
    write_file("with space, comma", "sp@x.example\n");
    write_file("list", "l1@x.example\n# comment\n\nl2@x.example, root\n");
    struct aliases *aliases = load(text, &err);
    assert_non_null(aliases);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings list = { 0 };
        struct buf found;
        if (!expand(aliases, cases[i].name, &list, &err))
            fail_msg("%s: %s", cases[i].name, err.text);
        buf_init(&found, SIZE_MAX);
        for (size_t k = 0; k < list.count; k++)
            buf_add_format(&found, "%s ", list.items[k]);
        assert_string_equal(found.data, cases[i].list);
        buf_free(&found);
        strings_free(&list);
    }
    aliases_free(aliases);
    free(text);
}

static void refuses_what_it_cannot_do(void **state)
{
    static const struct {
        const char *text;
        const char *part;           /* of what is said about alias a */
    } cases[] = {
        { "\na: |/bin/cat\n", "aliases:2: |/bin/cat: Postrider runs no" },
        { "a: \"|/bin/cat -n\"\n", "Postrider runs no programs" },
        { "a: /var/mail/a\n", "Postrider delivers to no files" },
        { "a: b\nb: |x\n", "aliases:2: |x:" },
        { "a: :include:list\n", "must be an absolute path" },
        { "a: :include:/nowhere/at/all\n", "No such file" },
        { "a: :include:/dev/zero\n", "not a regular file" },
        { "a: b\nb: a\n", "has no recipient" },
        { "a:\n", "has no recipient" },
        { "a: x y\n", "aliases:1: \"x y\" is not an address" },
        { "a: b@c, |x\n", "Postrider runs no programs" },
        { "a: b@c; |x\n", "Postrider runs no programs" },
        { "a: b@c; /x\n", "Postrider delivers to no files" },
        { "a: (\") b@c, |x\n", "Postrider runs no programs" },
        { "a: G: |x;\n", "Postrider runs no programs" },
        { "a: \\|x\n", "Postrider runs no programs" },
        { "#\n\na: b@c,\n  |x\x1b\n", "aliases:3: |x\\x1b: Postrider runs" },
        { "a: :include:\n", "must be an absolute path" },
        { "a: \":include:../x\"\n", "must be an absolute path" },
        { "a: :include:/tmp\n", "aliases:1: /tmp: not a regular file" },
        { "a: :include:/dev/null\n", "not a regular file" },
        { "a: b@c\n b: c@d\n", "is not an address" },
        { "a: b\nb: c\nc: b\n", "has no recipient" },
        { "a: <>, (nobody), ;\n", "has no recipient" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings list = { 0 };
        struct error err;
        struct aliases *aliases = load(cases[i].text, &err);
        assert_non_null(aliases);
        if (expand(aliases, "a", &list, &err))
            fail_msg("taken: %s", cases[i].text);
        assert_int_equal(err.fault, FAULT_CONFIG);
        if (strstr(err.text, cases[i].part) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_int_equal(list.count, 0);
        assert_false(check(aliases, &err));
        aliases_free(aliases);
    }
}

/* What an :include: file can have wrong, with file and line. */
static void refuses_bad_lists(void **state)
{
    static const struct {
        const char *list;
        size_t length;
        const char *part;
    } cases[] = {
        { "b@c\n|x\n", 7, "list:2: |x: Postrider runs no programs" },
        { "b@c\n\n/x\n", 8, "list:3: /x: Postrider delivers to no files" },
        { "b@c\nd@e\0f@g\n", 12, "list:2: it contains a NUL" },
        { "b@c, d e\n", 9, "list:1: \"d e\" is not an address" },
        { ":include:list\n", 14, "list:1: list: an :include: must" },
        { "b@c", 2 << 20, "list: is larger than 1 MB" },
        { "# nobody\n", 9, "has no recipient" },
    };
    char *path = path_of("list");
    char *text = alloc_format("a: :include:%s\n", path);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings list = { 0 };
        struct error err;
        struct aliases *aliases = load(text, &err);
        size_t shown = strlen(cases[i].list);
        FILE *file = fopen(path, "w");
        if (shown < cases[i].length && cases[i].length < 100)
            shown = cases[i].length;
        assert_int_equal(fwrite(cases[i].list, 1, shown, file), shown);
        fclose(file);
        assert_int_equal(truncate(path, (off_t)cases[i].length), 0);
        assert_false(expand(aliases, "a", &list, &err));
        assert_int_equal(err.fault, FAULT_CONFIG);
        if (strstr(err.text, cases[i].part) == NULL)
            fail_msg("%s: %s", cases[i].part, err.text);
        assert_int_equal(list.count, 0);
        aliases_free(aliases);
    }
    free(text);
    free(path);
}

/* a0 leads to a1 and b1, and so does b0: a million ways lead to the end. */
static void expands_everything_once(void **state)
{
    enum { DEEP = 31 };
    struct strings list = { 0 };
    struct error err;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 0; i < DEEP; i++)
        buf_add_format(&text, "a%d: a%d, b%d\nb%d: a%d, b%d\n", i, i + 1,
                       i + 1, i, i + 1, i + 1);
    buf_add_format(&text, "a%d:\nb%d: x@y\n", DEEP, DEEP);
    struct aliases *aliases = load(text.data, &err);
    if (!expand(aliases, "a0", &list, &err))
        fail_msg("%s", err.text);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0], "x@y");
    strings_free(&list);
    aliases_free(aliases);
    buf_free(&text);
}

static void limits_depth(void **state)
{
    struct strings list = { 0 };
    struct error err;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 0; i < 1000; i++)
        buf_add_format(&text, "a%d: a%d\n", i, i + 1);
    buf_add_text(&text, "a1000: x@y\n");
    struct aliases *aliases = load(text.data, &err);
    assert_false(expand(aliases, "a0", &list, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_non_null(strstr(err.text, "aliases lead to aliases more than 32 times"));
    assert_true(expand(aliases, "a990", &list, &err));
    assert_string_equal(list.items[0], "x@y");
    assert_false(expand(aliases, "a0", &list, &err));
    strings_free(&list);
    aliases_free(aliases);
    buf_free(&text);
}

/* One file under ever new names: each is read, but not without end. */
static void limits_files(void **state)
{
    char *list = path_of("list");
    char *text = alloc_format("a: :include:%s\n", list);
    char slashes[1002];
    struct strings found = { 0 };
    struct error err;

    (void)state;
    write_file("nest", "n@x.example\n");
    for (int files = 999; files <= 1000; files++) {
        struct aliases *aliases = load(text, &err);
        FILE *file = fopen(list, "w");
        assert_non_null(file);
        for (int i = 0; i < files; i++) {
            memset(slashes, '/', (size_t)i + 1);
            slashes[i + 1] = '\0';
            fprintf(file, ":include:%s%snest\n", folder, slashes);
        }
        fclose(file);
        assert_int_equal(expand(aliases, "a", &found, &err),
                         files < 1000);
        aliases_free(aliases);
    }
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_non_null(strstr(err.text, "list:1000: "));
    assert_non_null(strstr(err.text, "more than 1000 files"));
    strings_free(&found);
    free(text);
    free(list);
}

static void a_pipe_as_include_holds_nobody_up(void **state)
{
    char *fifo = path_of("fifo");
    char *text = alloc_format("a: :include:%s\n", fifo);
    struct strings list = { 0 };
    struct error err;

    (void)state;
    assert_int_equal(mkfifo(fifo, 0644), 0);
    struct aliases *aliases = load(text, &err);
    assert_false(expand(aliases, "a", &list, &err));
    aliases_free(aliases);
    unlink(fifo);
    free(fifo);
    free(text);
}

static void reads_files_with_care(void **state)
{
    struct error err;
    struct strings list = { 0 };

    (void)state;
    struct aliases *aliases = aliases_load("/nowhere/aliases", &err);
    assert_non_null(aliases);
    assert_int_equal(aliases_count(aliases), 0);
    assert_false(expand(aliases, "root", &list, &err));
    assert_int_equal(err.fault, FAULT_NONE);
    aliases_free(aliases);

    assert_null(aliases_load("/tmp", &err));
    assert_int_equal(err.fault, FAULT_CONFIG);

    aliases = load("a: b@c\nA: d@e\n", &err);
    assert_false(check(aliases, &err));
    assert_non_null(strstr(err.text, "aliases:2: alias a is defined in line "
                                     "1 already"));
    aliases_free(aliases);
}

static void leaves_out_lines_that_are_no_alias(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *junk;
    } cases[] = {
        { "a: b@c\nno alias\n", 16, "aliases:2: not an alias: a line must be" },
        { ": a@b\na: b@c\n", 13, "aliases:1: not an alias" },
        { "\n#\n  no alias\na: b@c\n", 21, "aliases:3: not an alias" },
        { "\"open: a@b\na: b@c\n", 18, "aliases:1: not an alias" },
        { "d\0: e@f\na: b@c\n", 15, "aliases:1: it contains a NUL" },
        { "x@y.example: a@b\na: b@c\n", 24, "aliases:1: an alias is for" },
        { "*: a@b\na: b@c\n", 14, "aliases:1: * is not a local name" },
        { "default: a@b\na: b@c\n", 20, "aliases:1: default is a name like" },
    };
    char *path = path_of("aliases");

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings list = { 0 };
        struct error err = { 0 };
        FILE *file = fopen(path, "w");
        assert_int_equal(fwrite(cases[i].text, 1, cases[i].length, file),
                         cases[i].length);
        fclose(file);
        struct aliases *aliases = aliases_load(path, &err);
        assert_non_null(aliases);
        assert_true(expand(aliases, "a", &list, &err));
        assert_string_equal(list.items[0], "b@c");
        assert_true(aliases_is_junk(aliases, 0, &err));
        if (strstr(err.text, cases[i].junk) == NULL)
            fail_msg("%s", err.text);
        assert_false(aliases_is_junk(aliases, 1, &err));
        assert_false(check(aliases, &err));
        strings_free(&list);
        aliases_free(aliases);
    }
    free(path);
}

/* A part that cannot be served costs the others nothing. */
static void serves_what_can_be_served(void **state)
{
    static const struct {
        const char *text;
        const char *addresses;
        size_t flaws;
        bool discards;
    } cases[] = {
        { "a: b@c, |x, d@e\n", "b@c d@e ", 1, false },
        { "a: b@c, :include:/nowhere, /x\n", "b@c ", 2, false },
        { "a: b@c, d e\n", "b@c ", 1, false },
        { "a: b, c@d\nb: |x\n", "c@d ", 1, false },
        { "a: /dev/null\n", "", 0, true },
        { "a: \"/dev/null\", b@c\n", "b@c ", 0, true },
        { "a: /dev/nullx, b@c\n", "b@c ", 1, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct recipients found = { 0 };
        struct error err;
        struct buf shown;
        struct aliases *aliases = load(cases[i].text, &err);

        assert_true(aliases_expand(aliases, "a", &local, &found));
        buf_init(&shown, SIZE_MAX);
        for (size_t k = 0; k < found.addresses.count; k++)
            buf_add_format(&shown, "%s ", found.addresses.items[k]);
        assert_string_equal(shown.data, cases[i].addresses);
        assert_int_equal(found.flaws.texts.count, cases[i].flaws);
        assert_int_equal(found.discards, cases[i].discards);
        buf_free(&shown);
        recipients_free(&found);
        aliases_free(aliases);
    }
}

/* One that is there and cannot be read is not an empty one. */
static void tells_unreadable_from_missing(void **state)
{
    char *path = path_of("loop");
    struct error err = { 0 };

    (void)state;
    assert_int_equal(symlink("loop", path), 0);
    assert_null(aliases_load(path, &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, path));
    unlink(path);
    assert_int_equal(symlink("nothing", path), 0);
    struct aliases *aliases = aliases_load(path, &err);
    assert_non_null(aliases);
    aliases_free(aliases);
    unlink(path);
    free(path);
}

static void holds_many_aliases(void **state)
{
    enum { MANY = 50000 };
    struct strings list = { 0 };
    struct error err;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 0; i < MANY; i++)
        buf_add_format(&text, "name%d: user%d@x.example\n", i, i);
    struct aliases *aliases = load(text.data, &err);
    assert_int_equal(aliases_count(aliases), MANY);
    assert_true(expand(aliases, "name49999", &list, &err));
    assert_string_equal(list.items[0], "user49999@x.example");
    assert_true(check(aliases, &err));
    strings_free(&list);
    aliases_free(aliases);
    buf_free(&text);
}

static void knows_what_is_local(void **state)
{
    static const struct {
        const char *address;
        const char *name;           /* NULL: elsewhere */
    } cases[] = {
        { "root", "root" }, { "Root@localhost", "root" },
        { "root@WEB1", "root" }, { "root@web1.EXAMPLE.com", "root" },
        { "\"a b\"@localhost", "a b" }, { "root@example.com", NULL },
        { "root@web", NULL }, { "root@web1.example", NULL },
        { "root@web11", NULL }, { "root@LocalHost", "root" },
        { "Root", "root" }, { "root@web1.example.com.evil", NULL },
        { "root@localhost.evil.example", NULL }, { "\"Ro\\\"ot\"", "ro\"ot" },
        { "\"root@web1\"@elsewhere", NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *name = local_name_of(cases[i].address, &local);
        if (cases[i].name == NULL)
            assert_null(name);
        else
            assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {
        "aliases", "list", "nest", "with space, comma",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char *path = path_of(names[i]);
        unlink(path);
        free(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_names),
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(refuses_bad_lists),
        cmocka_unit_test(expands_everything_once),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(limits_files),
        cmocka_unit_test(tells_unreadable_from_missing),
        cmocka_unit_test(a_pipe_as_include_holds_nobody_up),
        cmocka_unit_test(reads_files_with_care),
        cmocka_unit_test(leaves_out_lines_that_are_no_alias),
        cmocka_unit_test(serves_what_can_be_served),
        cmocka_unit_test(holds_many_aliases),
        cmocka_unit_test(knows_what_is_local),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
