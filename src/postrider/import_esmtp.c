/*
 * import_esmtp.c - esmtprc, of the system or of a user
 *
 * As esmtp 1.2 reads it: keyword = value, quoted or not, several on a line;
 * what follows `identity` is for one sender and shares nothing with the rest.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/import.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

struct identity {
    char *address;                  /* NULL: the settings before any */
    unsigned line;
    struct import_settings settings;
};

struct esmtp {
    struct identity *identities;
    size_t count;
    size_t usual;
};

static const struct import_key keys[] = {
    { "hostname", IMPORT_OTHER, NULL },
    { "username", IMPORT_USER, NULL },
    { "password", IMPORT_PASSWORD, NULL },
    { "starttls", IMPORT_OTHER, NULL },
    { "helo", IMPORT_OTHER, NULL },
    { "qualifydomain", IMPORT_OTHER, NULL },
    { "force sender", IMPORT_OTHER, NULL },
    { "force reverse_path", IMPORT_OTHER, NULL },
    { "preconnect", IMPORT_REFUSED,
      "Postrider runs nothing before it connects: make the tunnel a separate "
      "service" },
    { "postconnect", IMPORT_REFUSED,
      "Postrider runs nothing after a connection" },
    { "force_mda", IMPORT_REFUSED,
      "Postrider delivers nothing on this machine" },
    { "mda", IMPORT_NOTHING, "left out: Postrider delivers nothing here; "
                             "/etc/aliases or local_recipient say where mail "
                             "for local names goes" },
    { "certificate_passphrase", IMPORT_NOTHING,
      "left out: set tls_cert_file and tls_key_file, without a passphrase" },
    { "message_id", IMPORT_NOTHING, "left out: a missing Message-ID is always "
                                    "added" },
    { .name = NULL },
};

static void add_identity(struct esmtp *esmtp, const char *address,
                         unsigned line)
{
    esmtp->identities = alloc_resize(esmtp->identities, esmtp->count + 1,
                                     sizeof *esmtp->identities);
    esmtp->identities[esmtp->count++] =
        (struct identity){ .address = alloc_string(address),
                             .line = line };
}

/* A backslash takes away the meaning of what follows; a letter or digit there
 * is one of C's escapes, which no setting needs. */
static bool add_escaped(const struct import *import, const char *text,
                        struct buf *value, struct error *err)
{
    if (text_is_alpha(*text) || text_is_digit(*text))
        return error_set(err, FAULT_CONFIG, "write the character itself for "
                         "\\%c", *text) ||
               error_at(err, import->file, import->line);
    buf_add_char(value, *text);
    return true;
}

/* A word, or what is between quotes; *text is after it then. */
static bool read_value(const struct import *import, char **text,
                       struct buf *value, struct error *err)
{
    char *p = *text;
    char quote = *p == '"' || *p == '\'' ? *p++ : '\0';

    for (; *p != '\0' && (quote != '\0' ? *p != quote
                                        : strchr(" \t=", *p) == NULL); p++)
        if (*p != '\\' || p[1] == '\0')
            buf_add_char(value, *p);
        else if (!add_escaped(import, ++p, value, err))
            return false;
    if (quote != '\0' && *p++ != quote)
        return error_set(err, FAULT_CONFIG, "a quote is not closed on its "
                         "line") ||
               error_at(err, import->file, import->line);
    *text = p;
    return true;
}

/* "force" and the word after it are one key. */
static char *read_key(char **line)
{
    char *start = *line;
    size_t length = strcspn(start, " \t=#");

    if (length == 5 && strncmp(start, "force", 5) == 0) {
        char *word = start + length + strspn(start + length, " \t");
        size_t rest = strcspn(word, " \t=#");
        *line = word + rest;
        return alloc_format("force %.*s", (int)rest, word);
    }
    *line = start + length;
    return alloc_bytes(start, length);
}

/* The manual has the long forms only. */
static const char *long_form(const char *key)
{
    static const char *const forms[][2] = {
        { "host", "hostname" }, { "user", "username" },
        { "pass", "password" },
    };

    for (size_t i = 0; i < COUNT(forms); i++)
        if (strcmp(forms[i][0], key) == 0)
            return forms[i][1];
    return key;
}

static bool keep_setting(struct import *import, struct esmtp *esmtp,
                         const char *key, const char *value, struct error *err)
{
    bool is_identity = strcmp(key, "identity") == 0;

    if (is_identity && *value == '\0')
        return error_set(err, FAULT_CONFIG, "identity needs an address") ||
               error_at(err, import->file, import->line);
    if (is_identity)
        add_identity(esmtp, value, import->line);
    else if (strcmp(key, "default") == 0)
        esmtp->usual = esmtp->count - 1;
    else
        import_keep(import, keys,
                    &esmtp->identities[esmtp->count - 1].settings,
                    long_form(key), value);
    return true;
}

/* The setting at *line, which is after it then. */
static bool take_setting(struct import *import, struct esmtp *esmtp,
                         char **line, struct error *err)
{
    struct buf value;
    char *key = read_key(line);

    buf_init(&value, SIZE_MAX);
    *line += strspn(*line, " \t");
    if (strcmp(key, "default") != 0) {
        *line += **line == '=';
        *line += strspn(*line, " \t");
    }
    bool done = strcmp(key, "default") == 0 ||
                read_value(import, line, &value, err);
    if (done)
        done = keep_setting(import, esmtp, key, value.data, err);
    free(key);
    buf_wipe(&value);
    return done;
}

/* Several settings may share a line. */
static bool take_settings_line(struct import *import, void *into, char *line,
                               struct error *err)
{
    for (line = import_trim(line); *line != '\0' && *line != '#';
         line += strspn(line, " \t="))
        if (!take_setting(import, into, &line, err))
            return false;
    return true;
}

/* "host[:service]", with the port for submission if there is none. */
static void set_host(struct import *import, struct import_account *account,
                     const struct import_settings *settings)
{
    static const struct {
        const char *service, *port;
    } services[] = { { "smtp", "25" }, { "submission", "587" },
                     { "smtps", "465" }, { "submissions", "465" } };
    const struct import_setting *host = import_find(settings, "hostname");
    char *name = alloc_string(host != NULL ? host->value : "localhost:25");
    char *colon = strrchr(name, ':');
    const char *port = "587";

    if (host == NULL)
        import_note(import, "%s has no hostname: esmtp takes localhost:25",
                    account->name);
    import_at(import, host);
    if (colon != NULL) {
        *colon = '\0';
        port = colon + 1;
    }
    for (size_t i = 0; i < COUNT(services); i++)
        if (strcmp(services[i].service, port) == 0)
            port = services[i].port;
    import_value(import, account, IMPORT_HOST, name);
    import_value(import, account, IMPORT_PORT, port);
    import_at(import, NULL);
    free(name);
}

static void set_tls(struct import *import, struct import_account *account,
                    const struct import_settings *settings)
{
    const struct import_setting *starttls = import_find(settings, "starttls");
    const char *value = starttls != NULL ? starttls->value : "disabled";
    bool is_clear = strcmp(value, "disabled") == 0;

    import_at(import, starttls);
    import_value(import, account, IMPORT_TLS, is_clear ? "none" : "starttls");
    account->was_optional = strcmp(value, "enabled") == 0;
    account->was_unchecked = !is_clear;
    if (account->values[IMPORT_USER] == NULL ||
        account->values[IMPORT_PASSWORD] == NULL) {
        import_value(import, account, IMPORT_USER, NULL);
        import_value(import, account, IMPORT_PASSWORD, NULL);
    } else if (is_clear) {
        import_value(import, account, IMPORT_PASSWORD_IN_CLEAR, "true");
    }
    import_at(import, NULL);
}

static const struct import_setting *
find_force(const struct import_settings *settings)
{
    const struct import_setting *path = import_find(settings,
                                                    "force reverse_path");

    return path != NULL ? path : import_find(settings, "force sender");
}

/* The forced address, else that of the identity. %u is the caller:
 * write_top() sees to that. */
static char *find_from(struct import *import, const struct identity *identity)
{
    const struct import_setting *force = find_force(&identity->settings);

    if (force == NULL && identity->address == NULL)
        return NULL;
    if (force != NULL && strchr(force->value, '%') != NULL)
        return NULL;
    import->line = force != NULL ? force->line : identity->line;
    import_note(import, "%s now counts for every message, in the From field, "
                "too", force != NULL ? force->value : identity->address);
    import->line = 0;
    return alloc_string(force != NULL ? force->value : identity->address);
}

static void write_top(struct import *import,
                      const struct import_settings *settings)
{
    const struct import_setting *helo = import_find(settings, "helo");
    const struct import_setting *domain = import_find(settings,
                                                      "qualifydomain");
    const struct import_setting *force = find_force(settings);

    import_delivery(import);
    import_at(import, helo);
    import_set(import, CONFIG_TOP, "hostname", import_text(settings, "helo"));
    import_at(import, domain);
    import_set(import, CONFIG_TOP, "domain",
               import_text(settings, "qualifydomain"));
    import_at(import, force);
    if (force != NULL && domain == NULL && text_starts(force->value, "%u@"))
        import_set(import, CONFIG_TOP, "domain", force->value + 3);
    else if (force != NULL && strchr(force->value, '%') != NULL)
        import_note(import, "left out: bare names are completed with domain");
    import_at(import, NULL);
}

static void make_identity(struct import *import, const struct esmtp *esmtp,
                          size_t i, struct import_identity *made)
{
    const struct identity *identity = &esmtp->identities[i];
    bool is_usual = i == esmtp->usual;

    made->account.name = alloc_string(identity->address != NULL
                                      ? identity->address : "main");
    set_host(import, &made->account, &identity->settings);
    import_fill(import, &made->account, keys,
                &identity->settings);
    set_tls(import, &made->account, &identity->settings);
    made->line = identity->line;
    made->from = is_usual ? find_from(import, identity)
                          : alloc_string(identity->address);
}

/* Without settings before it, the first identity is the usual one. */
static size_t find_first(struct esmtp *esmtp)
{
    bool has_front = esmtp->identities[0].settings.count > 0 ||
                     esmtp->count == 1;

    if (esmtp->usual == 0 && !has_front)
        esmtp->usual = 1;
    return has_front ? 0 : 1;
}

static void write_config(struct import *import, struct esmtp *esmtp)
{
    size_t first = find_first(esmtp);
    size_t count = esmtp->count - first;
    struct import_identity *identities = alloc_zero(count,
                                                    sizeof *identities);

    for (size_t i = 0; i < count; i++)
        make_identity(import, esmtp, first + i, &identities[i]);
    write_top(import, &esmtp->identities[esmtp->usual].settings);
    import_identities(import, identities, count, esmtp->usual - first);
    import_identities_free(identities, count);
}

bool import_esmtp(struct import *import, const char *path, struct error *err)
{
    struct esmtp esmtp = { 0 };

    add_identity(&esmtp, NULL, 0);
    bool done = import_lines(import, path, take_settings_line, &esmtp, err);
    if (done && esmtp.count == 1 && esmtp.identities[0].settings.count == 0)
        done = error_set(err, FAULT_CONFIG, "%s: holds no settings", path) ||
               error_remedy(err, "where should mail go?");
    if (done)
        write_config(import, &esmtp);
    for (size_t i = 0; i < esmtp.count; i++) {
        import_settings_free(&esmtp.identities[i].settings);
        free(esmtp.identities[i].address);
    }
    free(esmtp.identities);
    return done;
}
