/*
 * import_msmtp.c - msmtprc, of the system or of a user
 *
 * As msmtp 1.8.23 reads it: a command and its argument a line, in double
 * quotes or not; a # counts at the beginning only; accounts inherit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/import.h"
#include "postrider/import_msmtp.h"
#include "util/alloc.h"
#include "util/text.h"

struct account {
    char *name;
    struct import_settings settings;
    unsigned line;
    size_t parent;                  /* of an account that only inherits it */
};

struct msmtp {
    struct import_settings defaults;
    struct account *accounts;
    size_t count;
    bool in_defaults;               /* commands are for these, not the last */
};

/* What an argument other than the usual one means. */
static const struct {
    const char *key, *argument, *why;
} switches[] = {
    { "set_from_header", "off", "a missing From is always added" },
    { "add_missing_from_header", "off", "a missing From is always added" },
    { "set_date_header", "off", "a missing Date is always added" },
    { "add_missing_date_header", "off", "a missing Date is always added" },
    { "set_msgid_header", "off", "a missing Message-ID is always added" },
    { "remove_bcc_headers", "off", "Bcc is always removed" },
    { "keepbcc", "on", "Bcc is always removed" },
    { "undisclosed_recipients", "on", "no counterpart, left out" },
};

static void note_switch(struct import *import, const char *key,
                        const char *argument)
{
    import->key = key;
    for (size_t i = 0; i < COUNT(switches); i++)
        if (strcmp(switches[i].key, key) == 0 &&
            (strcmp(switches[i].argument, argument) == 0 ||
             (*argument == '\0' && strcmp(switches[i].argument, "on") == 0)))
            import_note(import, "%s", switches[i].why);
    if (strcmp(key, "logfile") == 0 && *argument != '\0')
        import_note(import, "left out: Postrider logs to syslog, or where log "
                    "says");
    if (strcmp(key, "syslog") == 0 && text_starts(argument, "LOG_") &&
        strcmp(argument, "LOG_MAIL") != 0)
        import_note(import, "Postrider logs in the facility mail");
    import->key = NULL;
}

static size_t find_account(const struct msmtp *msmtp, const char *name)
{
    for (size_t i = msmtp->count; i-- > 0;)
        if (strcmp(msmtp->accounts[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

/* "a, b": all settings of these. */
static bool inherit(const struct import *import, struct msmtp *msmtp,
                    struct account *account, char *names, struct error *err)
{
    size_t parents = 0;

    while (names != NULL) {
        char *comma = strchr(names, ',');
        if (comma != NULL)
            *comma++ = '\0';
        names = import_trim(names);
        size_t parent = find_account(msmtp, names);
        if (parent == SIZE_MAX)
            return error_set(err, FAULT_CONFIG, "no account %s above this "
                             "line", names) ||
                   error_at(err, import->file, import->line);
        import_settings_copy(&account->settings,
                             &msmtp->accounts[parent].settings);
        account->parent = parents++ == 0 ? parent : SIZE_MAX;
        names = comma;
    }
    return true;
}

static bool add_account(const struct import *import, struct msmtp *msmtp,
                        char *argument, struct error *err)
{
    struct account account = { .line = import->line, .parent = SIZE_MAX };
    char *colon = strchr(argument, ':');

    if (colon != NULL)
        *colon++ = '\0';
    argument = import_trim(argument);
    if (*argument == '\0' || find_account(msmtp, argument) != SIZE_MAX)
        return error_set(err, FAULT_CONFIG, "account needs a name of its "
                         "own") ||
               error_at(err, import->file, import->line);
    account.name = alloc_string(argument);
    import_settings_copy(&account.settings, &msmtp->defaults);
    bool done = inherit(import, msmtp, &account, colon, err);
    msmtp->accounts = alloc_resize(msmtp->accounts, msmtp->count + 1,
                                   sizeof *msmtp->accounts);
    msmtp->accounts[msmtp->count++] = account;
    msmtp->in_defaults = false;
    return done;
}

static bool take_command(struct import *import, struct msmtp *msmtp,
                         const char *key, char *argument, struct error *err)
{
    struct account *last = msmtp->count > 0
                           ? &msmtp->accounts[msmtp->count - 1] : NULL;

    if (strcmp(key, "account") == 0)
        return add_account(import, msmtp, argument, err);
    if (strcmp(key, "defaults") == 0) {
        msmtp->in_defaults = true;
        return true;
    }
    if (!msmtp->in_defaults && last == NULL)
        return error_set(err, FAULT_CONFIG, "%s stands in front of any "
                         "account", key) ||
               error_at(err, import->file, import->line);
    if (!msmtp->in_defaults)
        last->parent = SIZE_MAX;
    note_switch(import, key, argument);
    import->key = key;
    if (strcmp(key, "eval") == 0)
        import_obstacle(import, "is not run: put what it prints into this "
                        "line");
    else
        import_msmtp_keep(import, msmtp->in_defaults ? &msmtp->defaults
                                                     : &last->settings,
                          key, argument);
    import->key = NULL;
    return true;
}

static bool take_line(struct import *import, void *into, char *line,
                      struct error *err)
{
    char *key = import_trim(line);
    char *argument = key + strcspn(key, " \t");
    size_t length;

    if (*key == '\0' || *key == '#')
        return true;
    if (*argument != '\0')
        *argument++ = '\0';
    argument = import_trim(argument);
    length = strlen(argument);
    if (length > 1 && argument[0] == '"' && argument[length - 1] == '"') {
        argument[length - 1] = '\0';
        argument++;
    }
    return take_command(import, into, key, argument, err);
}

/* What is used when no sender chooses: what "default" is, or stands for. */
static size_t find_usual(const struct import *import,
                         const struct msmtp *msmtp)
{
    size_t usual = find_account(msmtp, "default");

    if (usual == SIZE_MAX && msmtp->count > 0) {
        import_note(import, "no account is the default: now %s is it",
                    msmtp->accounts[0].name);
        return 0;
    }
    if (usual != SIZE_MAX && msmtp->accounts[usual].parent != SIZE_MAX)
        return msmtp->accounts[usual].parent;
    return usual;
}

static bool is_used(const struct import *import, const struct msmtp *msmtp,
                    size_t i, size_t usual)
{
    const struct account *account = &msmtp->accounts[i];

    if (i != usual && strcmp(account->name, "default") == 0)
        return false;               /* another name of the usual one */
    if (import_text(&account->settings, "host") != NULL)
        return true;
    import_note(import, "account %s has no host: left out", account->name);
    return false;
}

static bool write_recipe(struct import *import, const struct msmtp *msmtp,
                         struct error *err)
{
    size_t usual = find_usual(import, msmtp), place = SIZE_MAX, count = 0;
    struct import_identity *identities = alloc_zero(msmtp->count + 1,
                                                    sizeof *identities);

    for (size_t i = 0; i < msmtp->count; i++) {
        if (!is_used(import, msmtp, i, usual))
            continue;
        if (i == usual)
            place = count;
        import_msmtp_identity(import, msmtp->accounts[i].name,
                              &msmtp->accounts[i].settings, i == usual,
                              &identities[count++]);
    }
    if (place != SIZE_MAX) {
        import_msmtp_top(import, &msmtp->accounts[usual].settings);
        import_identities(import, identities, count, place);
    } else {
        error_set(err, FAULT_CONFIG, "%s: has no account with a host: where "
                  "should mail go?", import->file);
    }
    import_identities_free(identities, count);
    return place != SIZE_MAX;
}

bool import_msmtp(struct import *import, const char *path, struct error *err)
{
    struct msmtp msmtp = { 0 };
    bool done = import_lines(import, path, take_line, &msmtp, err) &&
                write_recipe(import, &msmtp, err);

    for (size_t i = 0; i < msmtp.count; i++) {
        import_settings_free(&msmtp.accounts[i].settings);
        free(msmtp.accounts[i].name);
    }
    free(msmtp.accounts);
    import_settings_free(&msmtp.defaults);
    return done;
}
