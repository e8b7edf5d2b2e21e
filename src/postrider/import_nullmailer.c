/*
 * import_nullmailer.c - the folder of nullmailer: a file a setting, and remotes
 *
 * As nullmailer 2.2 reads them: of most files the first line, of remotes every
 * line, split as a shell does.
 */
#include <stdlib.h>
#include <string.h>

#include "config/password_command.h"
#include "postrider/import.h"
#include "util/alloc.h"
#include "util/strings.h"
#include "util/text.h"

struct remotes {
    size_t count;
    struct import_account *accounts;
};

static const struct import_key options[] = {
    { "port", IMPORT_PORT, NULL },
    { "user", IMPORT_USER, NULL },
    { "pass", IMPORT_PASSWORD, NULL },
    { "source", IMPORT_SOURCE_ADDRESS, NULL },
    { "auth-login", IMPORT_OTHER, NULL },
    { "tls", IMPORT_OTHER, NULL },
    { "ssl", IMPORT_OTHER, NULL },
    { "starttls", IMPORT_OTHER, NULL },
    { "insecure", IMPORT_OTHER, NULL },
    { "tls-anon-auth", IMPORT_REFUSED, "Postrider verifies the server: give "
                                       "it a certificate" },
    { "x509certfile", IMPORT_CERT_FILE, NULL },
    { "x509keyfile", IMPORT_KEY_FILE, NULL },
    { "x509cafile", IMPORT_CA_FILE, NULL },
    { "x509fmtder", IMPORT_REFUSED, "certificates must be PEM: openssl x509 "
                                    "-inform der -in FILE -out FILE.pem" },
    { .name = NULL },
};

/* These have a value, in the same word or in the next. */
static bool has_value(const char *option)
{
    static const char *const names[] = {
        "port", "user", "pass", "source", "x509certfile", "x509keyfile",
        "x509cafile", "x509crlfile",
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(names[i], option) == 0)
            return true;
    return false;
}

static void keep_options(struct import *import, const struct strings *words,
                         size_t first, struct import_settings *settings)
{
    for (size_t i = first; i < words->count; i++) {
        char *name = words->items[i] + strspn(words->items[i], "-");
        char *equal = strchr(name, '=');
        const char *value = "yes";
        if (equal != NULL) {
            *equal = '\0';
            value = equal + 1;
        } else if (has_value(name)) {
            value = i + 1 < words->count ? words->items[++i] : "";
        }
        import_keep(import, options, settings, name, value);
    }
}

static void set_tls(struct import *import, struct import_account *account,
                    const struct import_settings *settings)
{
    bool is_implicit = import_find(settings, "tls") != NULL ||
                       import_find(settings, "ssl") != NULL;
    bool starts = import_find(settings, "starttls") != NULL;

    import_value(import, account, IMPORT_TLS, starts ? "starttls"
                 : is_implicit ? "implicit" : "none");
    if (account->values[IMPORT_PORT] == NULL)
        import_value(import, account, IMPORT_PORT, is_implicit ? "465" : "25");
    account->was_unchecked = import_find(settings, "insecure") != NULL;
    if (!is_implicit && !starts && account->values[IMPORT_USER] != NULL)
        import_value(import, account, IMPORT_PASSWORD_IN_CLEAR, "true");
}

static void add_remote(struct import *import, struct remotes *remotes,
                       const char *host,
                       const struct import_settings *settings)
{
    remotes->accounts = alloc_resize(remotes->accounts, remotes->count + 1,
                                     sizeof *remotes->accounts);
    struct import_account *account = &remotes->accounts[remotes->count++];
    unsigned line = import->line;

    *account = (struct import_account){ 0 };
    account->name = remotes->count == 1
                    ? alloc_string("main")
                    : alloc_format("remote%zu", remotes->count);
    import_fill(import, account, options, settings);
    import->line = line;
    import_value(import, account, IMPORT_HOST, host);
    set_tls(import, account, settings);
    if (import_find(settings, "auth-login") != NULL)
        import_value(import, account, IMPORT_AUTH, "login");
    /* Without a user there is no login. */
    if (account->values[IMPORT_USER] == NULL) {
        import_value(import, account, IMPORT_PASSWORD, NULL);
        import_value(import, account, IMPORT_AUTH, NULL);
    } else if (account->values[IMPORT_PASSWORD] == NULL) {
        import_obstacle(import, "there is a user, but no pass");
    }
}

/* HOST [PROTOCOL] [OPTION ...] */
static bool take_remote(struct import *import, void *into, char *line,
                        struct error *err)
{
    struct import_settings settings = { 0 };
    struct strings words = { 0 };
    bool done = true;

    line = import_trim(line);
    if (*line == '\0' || *line == '#')
        return true;
    if (!password_command_split(line, &words))
        done = error_set(err, FAULT_CONFIG, "a quote is not closed") ||
               error_at(err, import->file, import->line);
    bool names_protocol = words.count > 1 && words.items[1][0] != '-';
    if (done && names_protocol && strcmp(words.items[1], "smtp") != 0) {
        import_obstacle(import, "Postrider does not support %s",
                        words.items[1]);
    } else if (done) {
        keep_options(import, &words, names_protocol ? 2 : 1, &settings);
        add_remote(import, into, words.items[0], &settings);
    }
    import_settings_free(&settings);
    for (size_t i = 0; i < words.count; i++)
        explicit_bzero(words.items[i], strlen(words.items[i]));
    strings_free(&words);
    return done;
}

/* The first line of a file of the folder, or NULL. Notes are about it. */
static char *read_name(struct import *import, const char *folder,
                       const char *name)
{
    char *path = alloc_format("%s/%s", folder, name);
    char *text = import_first_line(path);

    import->key = text != NULL ? name : NULL;
    free(path);
    return text;
}

static void take_name(struct import *import, const char *folder,
                      const char *name, const char *key)
{
    char *text = read_name(import, folder, name);

    import_set(import, CONFIG_TOP, key, text);
    free(text);
}

static void take_time(struct import *import, const char *folder,
                      const char *name, const char *key)
{
    char *text = read_name(import, folder, name);
    char *time = text != NULL ? alloc_format("%ss", text) : NULL;

    import_set(import, CONFIG_TOP, key, time);
    free(text);
    free(time);
}

/* The domain for bare addresses: defaulthost, itself completed. */
static char *find_domain(struct import *import, const char *folder)
{
    char *host = read_name(import, folder, "defaulthost");
    char *domain = read_name(import, folder, "defaultdomain");
    char *whole;

    if (host == NULL)
        host = read_name(import, folder, "me");
    if (host != NULL && domain != NULL && strchr(host, '.') == NULL)
        whole = alloc_format("%s.%s", host, domain);
    else
        whole = alloc_string(host);
    free(host);
    free(domain);
    return whole;
}

static void write_recipients(struct import *import, const char *folder)
{
    char *address = read_name(import, folder, "adminaddr");

    if (address != NULL && strchr(address, ',') != NULL)
        import_obstacle(import, "local_recipient takes one address: give "
                        "`postmaster` and `root` these in /etc/aliases");
    else
        import_set(import, CONFIG_TOP, "local_recipient", address);
    free(address);
}

static void write_sender(struct import *import, const char *folder,
                         const char *domain)
{
    char *text = read_name(import, folder, "allmailfrom");

    if (text != NULL && strchr(text, '@') == NULL && domain != NULL) {
        char *whole = alloc_format("%s@%s", text, domain);
        free(text);
        text = whole;
    }
    if (text != NULL) {
        import_note(import, "counts for the From field, too, not for the "
                    "envelope alone");
        import_sender(import, "*", text, NULL, NULL);
    }
    free(text);
}

static void write_top(struct import *import, const char *folder,
                      const char *domain)
{
    static const char *const others[] = { "idhost", "sendtimeout",
                                          "doublebounceto", "bouncefrom" };

    take_name(import, folder, "me", "hostname");
    take_name(import, folder, "helohost", "hostname");
    import->key = "defaulthost";
    import_set(import, CONFIG_TOP, "domain", domain);
    write_recipients(import, folder);
    take_time(import, folder, "pausetime", "retry_first");
    take_time(import, folder, "maxpause", "retry_longest");
    take_time(import, folder, "queuelifetime", "expire_after");
    for (size_t i = 0; i < COUNT(others); i++) {
        char *text = read_name(import, folder, others[i]);
        if (text != NULL)
            import_note(import, "no counterpart, left out");
        free(text);
    }
    import->key = NULL;
}

static void write_config(struct import *import, const char *folder,
                         const struct remotes *remotes)
{
    char *domain = find_domain(import, folder);
    char *path = alloc_format("%s/remotes", folder);

    import->file = folder;
    write_top(import, folder, domain);
    import->file = path;
    for (size_t i = 0; i < remotes->count; i++)
        import_smarthost(import, &remotes->accounts[i]);
    import->file = folder;
    write_sender(import, folder, domain);
    import->key = NULL;
    free(path);
    free(domain);
}

bool import_nullmailer(struct import *import, const char *folder,
                       struct error *err)
{
    struct remotes remotes = { 0 };
    char *path = alloc_format("%s/remotes", folder);
    bool done = import_lines(import, path, take_remote, &remotes, err);

    if (done && remotes.count == 0)
        done = error_set(err, FAULT_CONFIG, "%s: has no remote that can be "
                         "used: where should mail go?", path);
    if (done)
        write_config(import, folder, &remotes);
    for (size_t i = 0; i < remotes.count; i++)
        import_account_free(&remotes.accounts[i]);
    free(remotes.accounts);
    free(path);
    return done;
}
