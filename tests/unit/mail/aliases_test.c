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

static void expands_names(void **state)
{
    char *text = alloc_format(
        "# a comment\n"
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
        "one: two, x@x.example\ntwo: one\n", folder);
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
        { "here", "admin@x.example admin@x.example admin@x.example " },
        { "away", "root@elsewhere.example " },
        { "one", "x@x.example " },
    };
    struct error err;

    (void)state;
    write_file("list", "l1@x.example\n# comment\n\nl2@x.example, root\n");
    struct aliases *aliases = load(text, &err);
    assert_non_null(aliases);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings list = { 0 };
        struct buf found;
        if (!aliases_expand(aliases, cases[i].name, &local, &list, &err))
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
        { "a: /dev/null\n", "Postrider delivers to no files" },
        { "a: b\nb: |x\n", "aliases:2: |x:" },
        { "a: :include:list\n", "must be an absolute path" },
        { "a: :include:/nowhere/at/all\n", "No such file" },
        { "a: :include:/dev/zero\n", "no regular file" },
        { "a: b\nb: a\n", "leads to nobody" },
        { "a:\n", "leads to nobody" },
        { "a: x y\n", "is no address" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strings list = { 0 };
        struct error err;
        struct aliases *aliases = load(cases[i].text, &err);
        assert_non_null(aliases);
        assert_false(aliases_expand(aliases, "a", &local, &list, &err));
        assert_int_equal(err.fault, FAULT_CONFIG);
        if (strstr(err.text, cases[i].part) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_int_equal(list.count, 0);
        assert_false(aliases_check(aliases, &local, &err));
        aliases_free(aliases);
    }
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
    assert_false(aliases_expand(aliases, "a", &local, &list, &err));
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
    assert_false(aliases_expand(aliases, "root", &local, &list, &err));
    assert_int_equal(err.fault, FAULT_NONE);
    aliases_free(aliases);

    assert_null(load("root: a@b\nno alias here\n", &err));
    assert_non_null(strstr(err.text, "aliases:2:"));
    assert_null(load(": a@b\n", &err));
    assert_null(aliases_load("/tmp", &err));

    aliases = load("a: b@c\nA: d@e\n", &err);
    assert_false(aliases_check(aliases, &local, &err));
    assert_non_null(strstr(err.text, "aliases:2: alias a was given in line 1"));
    aliases_free(aliases);
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
    assert_true(aliases_expand(aliases, "name49999", &local, &list, &err));
    assert_string_equal(list.items[0], "user49999@x.example");
    assert_true(aliases_check(aliases, &local, &err));
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
        { "root@web11", NULL },
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
    static const char *const names[] = { "aliases", "list" };

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
        cmocka_unit_test(a_pipe_as_include_holds_nobody_up),
        cmocka_unit_test(reads_files_with_care),
        cmocka_unit_test(holds_many_aliases),
        cmocka_unit_test(knows_what_is_local),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
