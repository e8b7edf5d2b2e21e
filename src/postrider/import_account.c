/* import_account.c - servers of other programs, and which senders use them */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_values.h"
#include "postrider/import.h"
#include "postrider/config_draft.h"
#include "util/alloc.h"
#include "util/text.h"

static const char *const names[IMPORT_VALUES] = {
    [IMPORT_HOST] = "host",
    [IMPORT_PORT] = "port",
    [IMPORT_TLS] = "tls",
    [IMPORT_CA_FILE] = "tls_ca_file",
    [IMPORT_FINGERPRINT] = "tls_fingerprint",
    [IMPORT_CERT_FILE] = "tls_cert_file",
    [IMPORT_KEY_FILE] = "tls_key_file",
    [IMPORT_AUTH] = "auth",
    [IMPORT_USER] = "user",
    [IMPORT_PASSWORD] = "password",
    [IMPORT_PASSWORD_COMMAND] = "password_command",
    [IMPORT_PASSWORD_IN_CLEAR] = "password_in_clear",
    [IMPORT_SOURCE_ADDRESS] = "source_address",
    [IMPORT_TIMEOUT] = "timeout",
};

static void forget_secret(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void import_value(struct import *import, struct import_account *account,
                  enum import_value which, const char *value)
{
    /* Copied first: it may be the old one. */
    char *copy = value != NULL && *value != '\0' ? alloc_string(value) : NULL;

    forget_secret(account->values[which]);
    account->values[which] = copy;
    account->lines[which] = import->line;
}

void import_fill(struct import *import, struct import_account *account,
                 const struct import_key *keys,
                 const struct import_settings *settings)
{
    for (; keys->name != NULL; keys++) {
        const struct import_setting *setting =
            import_find(settings, keys->name);
        if (setting == NULL)
            continue;
        import_at(import, setting);
        if (keys->becomes < IMPORT_VALUES)
            import_value(import, account, keys->becomes, setting->value);
        else if (keys->becomes == IMPORT_REFUSED && *setting->value != '\0')
            import_obstacle(import, "%s", keys->why);
    }
    import_at(import, NULL);
}

void import_account_copy(struct import_account *to,
                         const struct import_account *from)
{
    *to = *from;
    to->name = alloc_string(from->name);
    for (size_t i = 0; i < IMPORT_VALUES; i++)
        to->values[i] = alloc_string(from->values[i]);
}

void import_account_free(struct import_account *account)
{
    free(account->name);
    for (size_t i = 0; i < IMPORT_VALUES; i++)
        forget_secret(account->values[i]);
    *account = (struct import_account){ 0 };
}

bool import_account_equal(const struct import_account *a,
                          const struct import_account *b)
{
    for (size_t i = 0; i < IMPORT_VALUES; i++) {
        const char *x = a->values[i], *y = b->values[i];
        if (x != y && (x == NULL || y == NULL || strcmp(x, y) != 0))
            return false;
    }
    return a->was_optional == b->was_optional &&
           a->was_unchecked == b->was_unchecked;
}

/* Would the key take this value? err has what it takes. */
static bool is_taken(enum config_section section, const char *name,
                     const char *value, struct error *err)
{
    const struct config_keys *table = config_keys_of(section);
    _Alignas(max_align_t) char member[sizeof(struct strings)] = { 0 };
    size_t i = 0;

    while (i + 1 < table->count && strcmp(table->keys[i].name, name) != 0)
        i++;
    bool done = table->keys[i].take(&table->keys[i], value, member, err);
    if (table->keys[i].kind == CONFIG_STRING)
        free(*(char **)(void *)member);
    return done;
}

void import_set(struct import *import, enum config_section section,
                const char *key, const char *value)
{
    struct error err;

    if (value == NULL || *value == '\0')
        return;
    if (is_taken(section, key, value, &err))
        config_draft_set(import->draft, key, value);
    else
        import_note(import, "%s = %s: %s: left out", key, value, err.text);
}

static const char *value_of(const struct import_account *account,
                            enum import_value which)
{
    return account->values[which] != NULL ? account->values[which] : "";
}

/* In clear it was and stays, but must not be overlooked. */
static void warn_clear(struct import *import,
                       const struct import_account *account)
{
    bool has_password = account->values[IMPORT_PASSWORD_IN_CLEAR] != NULL;

    if (config_is_loopback(value_of(account, IMPORT_HOST)))
        return;
    import->line = account->lines[IMPORT_TLS];
    import_note(import, "WARNING: no TLS, as before: any host on the way to "
                "%s can read the mail%s: set tls = starttls if it can do that",
                value_of(account, IMPORT_HOST),
                has_password ? " and the password" : "");
    config_draft_remark(import->draft,
                        "WARNING: the network can read the mail%s. "
                        "Try tls = starttls, port = 587.",
                        has_password ? " and the password" : "");
}

static void warn_tls(struct import *import,
                     const struct import_account *account)
{
    const char *host = value_of(account, IMPORT_HOST);

    import->line = account->lines[IMPORT_TLS];
    if (account->was_optional) {
        import_note(import, "TLS was left out where %s did not offer it; now "
                    "it must be there", host);
        config_draft_remark(import->draft, "TLS was optional, and is required "
                            "now.");
    }
    if (account->was_unchecked &&
        account->values[IMPORT_FINGERPRINT] == NULL) {
        import_note(import, "the certificate of %s was not checked; now it "
                    "must be right: `postrider test` shows whether it is",
                    host);
        config_draft_remark(import->draft,
                            "The certificate was not checked, and is "
                            "now: tls_ca_file or");
        config_draft_remark(import->draft,
                            "tls_fingerprint if no known authority "
                            "issued it.");
    }
}

/* The files where systems keep the authorities they trust: the default. */
static bool is_system_store(const char *path)
{
    static const char *const stores[] = {
        "system", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
        "/etc/ssl/certs/ca-bundle.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
    };

    for (size_t i = 0; i < COUNT(stores); i++)
        if (strcmp(stores[i], path) == 0)
            return true;
    return false;
}

/* The password is none of these; a value that would be refused keeps mail from
 * leaving, as only what is needed is in a smarthost section. */
static void write_value(struct import *import,
                        const struct import_account *account,
                        enum import_value which)
{
    const char *value = value_of(account, which);
    struct error err;

    if (*value == '\0' || which == IMPORT_PASSWORD ||
        (which == IMPORT_CA_FILE && is_system_store(value)))
        return;
    import->line = account->lines[which];
    if (is_taken(CONFIG_SMARTHOST, names[which], value, &err))
        config_draft_set(import->draft, names[which], value);
    else if (which == IMPORT_PASSWORD_COMMAND)
        import_obstacle(import, "%s: %s", names[which], err.text);
    else
        import_obstacle(import, "%s = %s: %s", names[which], value, err.text);
}

/* Its owner ran it before: their key ring and home may be out of reach. */
static void warn_command(struct import *import,
                         const struct import_account *account)
{
    if (account->values[IMPORT_PASSWORD_COMMAND] == NULL || import->is_own)
        return;
    import->line = account->lines[IMPORT_PASSWORD_COMMAND];
    import_note(import, "password_command: is run by the daemon now, as user "
                "postrider: what it reads must be readable there");
}

void import_smarthost(struct import *import,
                      const struct import_account *account)
{
    bool is_clear = strcmp(value_of(account, IMPORT_TLS), "none") == 0;

    if (*value_of(account, IMPORT_HOST) == '\0')
        import_obstacle(import, "%s has no host", account->name);

    config_draft_section(import->draft, "smarthost", account->name);
    for (size_t i = 0; i < IMPORT_VALUES; i++) {
        if (i == IMPORT_TLS && is_clear)
            warn_clear(import, account);
        else if (i == IMPORT_TLS)
            warn_tls(import, account);
        write_value(import, account, (enum import_value)i);
    }
    warn_command(import, account);
    if (account->values[IMPORT_PASSWORD] != NULL)
        config_draft_password(import->draft, account->values[IMPORT_PASSWORD]);
    import->line = 0;
}

void import_sender(struct import *import, const char *match,
                   const char *address, const char *name,
                   const char *smarthost)
{
    struct error err;

    if (!config_check_match(match, &err)) {
        import_obstacle(import, "%s: %s", match, err.text);
        return;
    }
    config_draft_section(import->draft, "sender", match);
    import_set(import, CONFIG_SENDER, "address", address);
    import_set(import, CONFIG_SENDER, "name", name);
    import_set(import, CONFIG_SENDER, "smarthost", smarthost);
}

/* The name of the section that the identity uses: the first, the usual one
 * before all, that has the same. */
static const char *section_of(const struct import_identity *identities,
                              size_t count, size_t usual, size_t i)
{
    const struct import_account *own = &identities[i].account;

    if (import_account_equal(own, &identities[usual].account))
        return identities[usual].account.name;
    for (size_t k = 0; k < count; k++)
        if (import_account_equal(own, &identities[k].account))
            return identities[k].account.name;
    return own->name;
}

static bool has_own_section(const struct import_identity *identities,
                            size_t count, size_t usual, size_t i)
{
    return section_of(identities, count, usual, i) ==
           identities[i].account.name;
}

/* Chosen by a name on the command line only, which sendmail does not have. */
static void note_unreachable(const struct import *import, const char *name)
{
    import_note(import, "no sender chooses %s: give a sender section "
                "smarthost = \"%s\" if it is needed", name, name);
}

void import_identities(struct import *import,
                       const struct import_identity *identities, size_t count,
                       size_t usual)
{
    const struct import_identity *rest = &identities[usual];
    bool has_several = false;

    import_smarthost(import, &rest->account);
    for (size_t i = 0; i < count; i++)
        if (i != usual && has_own_section(identities, count, usual, i)) {
            import_smarthost(import, &identities[i].account);
            has_several = true;
        }
    for (size_t i = 0; i < count; i++) {
        const struct import_identity *one = &identities[i];
        if (i == usual)
            continue;
        import->line = one->line;
        if (one->from != NULL)
            import_sender(import, one->from, NULL, one->full_name,
                          has_several ? section_of(identities, count, usual, i)
                                      : NULL);
        else if (has_own_section(identities, count, usual, i))
            note_unreachable(import, one->account.name);
    }
    import->line = rest->line;
    if (has_several || rest->from != NULL || rest->full_name != NULL)
        import_sender(import, "*", rest->from, rest->full_name,
                      has_several ? rest->account.name : NULL);
    import->line = 0;
}

void import_identities_free(struct import_identity *identities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        import_account_free(&identities[i].account);
        free(identities[i].from);
        free(identities[i].full_name);
    }
    free(identities);
}

void import_delivery(struct import *import)
{
    char *path = realpath(import->file, NULL);

    import->is_own = path == NULL || !text_starts(path, "/etc/");
    if (import->is_own)
        config_draft_set(import->draft, "delivery", "direct");
    else
        import_note(import, "callers do not wait for the server any more: "
                    "Postrider queues, and tries again when it must; delivery "
                    "= direct has them wait");
    free(path);
}

struct other_names {
    const char *alias;
    char *address;
};

static bool take_alias(struct import *import, void *into, char *line,
                       struct error *err)
{
    struct other_names *wanted = into;

    (void)import;
    (void)err;
    line[strcspn(line, "#")] = '\0';
    char *colon = strchr(line, ':');
    if (colon == NULL)
        return true;
    *colon = '\0';
    if (text_equal_case(import_trim(line), wanted->alias)) {
        free(wanted->address);
        wanted->address = alloc_string(import_trim(colon + 1));
    }
    return true;
}

void import_other_names(struct import *import, const char *path,
                        const char *alias)
{
    struct other_names wanted = { .alias = alias };
    const char *file = import->file;
    struct error ignored;

    if (access(path, R_OK) == 0 &&
        import_lines(import, path, take_alias, &wanted, &ignored)) {
        import->key = alias;
        import_set(import, CONFIG_TOP, "local_recipient", wanted.address);
    }
    import_at(import, NULL);
    import->file = file;
    free(wanted.address);
}
