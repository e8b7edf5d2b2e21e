/* Where mail to an address goes: by the aliases, local_recipient and the
 * domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../in_folder.h"
#include "config/config.h"
#include "config/destination.h"
#include "mail/recipients.h"
#include "util/log.h"
#include "util/strings.h"
#include "util/text.h"

static char host[] = "web1.example.com", domain[] = "example.com",
            file[] = "aliases", empty[] = "";

static struct config make_config(const char *local_recipient)
{
    static char one[] = "admin@mail.example";

    return (struct config){
        .hostname = host, .domain = domain, .aliases = file,
        .local_recipient = *local_recipient == '\0' ? empty : one,
    };
}

static void write_aliases(const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* All that was found, divided by blanks; the caller frees it. */
static char *join(const struct recipients *found)
{
    char *text = alloc_string("");

    for (size_t i = 0; i < found->addresses.count; i++) {
        char *more = alloc_format("%s%s%s", text, i == 0 ? "" : " ",
                                  found->addresses.items[i]);
        free(text);
        text = more;
    }
    return text;
}

#define ALIASES "root: alice, bob@b.example\nalice: alice@mail.example\n" \
                "prog: |program\n"

static const struct {
    const char *address;
    const char *local_recipient;    /* "": none */
    bool no_aliases;
    const char *found;
    size_t flaws;
} cases[] = {
    { "eve@e.example", "", false, "eve@e.example", 0 },
    { "eve@e.example", "admin", false, "eve@e.example", 0 },
    { "alice", "", false, "alice@mail.example", 0 },
    { "alice", "admin", false, "alice@mail.example", 0 },
    { "root", "", false, "alice@mail.example bob@b.example", 0 },
    { "carol", "", false, "carol@example.com", 0 },
    { "carol", "admin", false, "admin@mail.example", 0 },
    { "alice", "", true, "alice@example.com", 0 },
    { "alice", "admin", true, "admin@mail.example", 0 },
    { "alice@localhost", "", false, "alice@mail.example", 0 },
    { "carol@localhost", "", false, "carol@example.com", 0 },
    { "prog", "", false, "", 1 },
};

static void finds_where_mail_goes(void **state)
{
    (void)state;
    write_aliases(ALIASES);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct config config = make_config(cases[i].local_recipient);
        struct destinations *where = destinations_new(&config,
                                                      cases[i].no_aliases);
        struct recipients found = { 0 };
        struct error err = { 0 };
        if (!destinations_find(where, cases[i].address, &found, &err))
            fail_msg("%s: %s", cases[i].address, err.text);
        char *text = join(&found);
        if (strcmp(text, cases[i].found) != 0 ||
            found.flaws.reasons.count != cases[i].flaws)
            fail_msg("%s: %s", cases[i].address, text);
        free(text);
        recipients_free(&found);
        destinations_free(where);
    }
}

static const struct {
    const char *name;
    const char *local_recipient;
    const char *found;          /* NULL: its domain would be a guess */
} given[] = {
    { "alice", "", "alice@mail.example" },
    { "carol", "", NULL },
    { "carol", "admin", "admin@mail.example" },
};

static void guesses_no_domain(void **state)
{
    (void)state;
    write_aliases(ALIASES);
    for (size_t i = 0; i < COUNT(given); i++) {
        const struct config config = make_config(given[i].local_recipient);
        struct destinations *where = destinations_new(&config, false);
        struct recipients found = { 0 };
        struct error err = { 0 };
        bool is_given = destinations_find_given(where, given[i].name, &found,
                                                &err);
        char *text = join(&found);
        assert_int_equal(err.fault, FAULT_NONE);
        if (is_given != (given[i].found != NULL) ||
            strcmp(text, is_given ? given[i].found : "") != 0)
            fail_msg("%s: %s", given[i].name, text);
        free(text);
        recipients_free(&found);
        destinations_free(where);
    }
}

/* --- When the file is read. --- */

static bool goes_to(struct destinations *where, const char *expected)
{
    struct recipients found = { 0 };
    struct error err = { 0 };

    bool right = destinations_find(where, "alice", &found, &err) &&
                 found.addresses.count == 1 &&
                 strcmp(found.addresses.items[0], expected) == 0;
    recipients_free(&found);
    return right;
}

enum step { NO_STEP, RENEW, PRELOAD, SEAL };

/* A file changes: whether that counts, by what was done before and after. */
static const struct {
    enum step before, after;
    bool is_used;               /* before it changes */
    bool is_current;
    const char *to;
} changes[] = {
    { NO_STEP, NO_STEP, false, true,  "new@mail.example" },
    { NO_STEP, NO_STEP, true,  false, "old@mail.example" },
    { NO_STEP, RENEW,   true,  false, "new@mail.example" },
    { PRELOAD, NO_STEP, false, false, "old@mail.example" },
    { SEAL,    RENEW,   false, false, "old@mail.example" },
};

static void take_step(struct destinations *where, enum step step)
{
    struct error err;

    if (step == RENEW)
        destinations_renew(where);
    if (step == PRELOAD)
        assert_true(destinations_preload(where, &err));
    if (step == SEAL)
        destinations_seal(where);
}

static void reads_the_aliases_when_they_are_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        const struct config config = make_config("");
        struct destinations *where = destinations_new(&config, false);
        write_aliases("alice: old@mail.example\n");
        take_step(where, changes[i].before);
        if (changes[i].is_used)
            assert_true(goes_to(where, "old@mail.example"));
        write_aliases("# it has another length\nalice: new@mail.example\n");
        assert_int_equal(destinations_current(where), changes[i].is_current);
        take_step(where, changes[i].after);
        if (!goes_to(where, changes[i].to))
            fail_msg("row %zu", i);
        destinations_free(where);
    }
}

/* A folder in its place cannot be read. */
static void reports_aliases_that_cannot_be_read(void **state)
{
    const struct config config = make_config("admin");
    struct destinations *where = destinations_new(&config, false);
    struct recipients found = { 0 };
    struct error err = { 0 };

    (void)state;
    assert_int_equal(mkdir(file, 0700), 0);
    assert_false(destinations_find(where, "alice", &found, &err));
    assert_int_not_equal(err.fault, FAULT_NONE);
    assert_int_equal(found.addresses.count, 0);
    assert_true(destinations_find(where, "eve@e.example", &found, &err));
    recipients_free(&found);
    /* The daemon goes on without them. */
    assert_false(destinations_preload(where, &err));
    assert_true(goes_to(where, "admin@mail.example"));
    destinations_free(where);
    /* A server reports that for each local name. */
    where = destinations_new(&config, false);
    destinations_seal(where);
    rmdir(file);
    write_aliases("alice: new@mail.example\n");
    assert_false(destinations_find(where, "alice", &found, &err));
    assert_int_not_equal(err.fault, FAULT_NONE);
    recipients_free(&found);
    destinations_free(where);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(finds_where_mail_goes),
        IN_FOLDER(guesses_no_domain),
        IN_FOLDER(reads_the_aliases_when_they_are_needed),
        IN_FOLDER(reports_aliases_that_cannot_be_read),
    };

    log_open(LOG_OFF, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
