/*
 * import_msmtp.c - msmtprc, of the system or of a user
 *
 * As msmtp 1.8.23 reads it: a command and its argument a line, in double
 * quotes or not; a # counts at the beginning only; accounts inherit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postrider/import.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/sasl.h"
#include "util/text.h"

static const struct import_key keys[] = {
    { "host", IMPORT_HOST, NULL },
    { "port", IMPORT_PORT, NULL },
    { "source_ip", IMPORT_SOURCE_ADDRESS, NULL },
    { "timeout", IMPORT_OTHER, NULL },
    { "protocol", IMPORT_OTHER, NULL },
    { "socket", IMPORT_REFUSED, "Postrider connects to hosts only" },
    { "proxy_host", IMPORT_REFUSED, "Postrider uses no proxy" },
    { "proxy_port", IMPORT_OTHER, NULL },
    { "domain", IMPORT_OTHER, NULL },
    { "auth", IMPORT_OTHER, NULL },
    { "user", IMPORT_USER, NULL },
    { "password", IMPORT_PASSWORD, NULL },
    { "passwordeval", IMPORT_OTHER, NULL },
    { "tls", IMPORT_OTHER, NULL },
    { "tls_starttls", IMPORT_OTHER, NULL },
    { "tls_nostarttls", IMPORT_OTHER, NULL },
    { "tls_trust_file", IMPORT_OTHER, NULL },
    { "tls_fingerprint", IMPORT_OTHER, NULL },
    { "tls_cert_file", IMPORT_OTHER, NULL },
    { "tls_key_file", IMPORT_OTHER, NULL },
    { "tls_certcheck", IMPORT_OTHER, NULL },
    { "tls_nocertcheck", IMPORT_OTHER, NULL },
    { "tls_host_override", IMPORT_OTHER, NULL },
    { "from", IMPORT_OTHER, NULL },
    { "from_full_name", IMPORT_OTHER, NULL },
    { "allow_from_override", IMPORT_OTHER, NULL },
    { "auto_from", IMPORT_OTHER, NULL },
    { "maildomain", IMPORT_OTHER, NULL },
    { "set_from_header", IMPORT_IF_OFF, "a missing From is always added" },
    { "add_missing_from_header", IMPORT_IF_OFF,
      "a missing From is always added" },
    { "set_date_header", IMPORT_IF_OFF, "a missing Date is always added" },
    { "add_missing_date_header", IMPORT_IF_OFF,
      "a missing Date is always added" },
    { "set_msgid_header", IMPORT_IF_OFF,
      "a missing Message-ID is always added" },
    { "remove_bcc_headers", IMPORT_IF_OFF, "Bcc is always removed" },
    { "keepbcc", IMPORT_IF_ON, "Bcc is always removed" },
    { "undisclosed_recipients", IMPORT_IF_ON, NULL },
    { "logfile", IMPORT_OTHER, NULL },
    { "syslog", IMPORT_OTHER, NULL },
    { "aliases", IMPORT_OTHER, NULL },
    { "dsn_notify", IMPORT_NOTHING, "left out: callers ask with sendmail -N" },
    { "dsn_return", IMPORT_NOTHING, "left out: callers ask with sendmail -R" },
    { "tls_priorities", IMPORT_NOTHING, "left out: tls_min_version is what "
                                        "can be chosen" },
    { .name = NULL },
};

static bool is_on(const struct import_settings *settings,
                        const char *key, bool usual)
{
    const char *value = import_text(settings, key);

    if (value == NULL)
        return usual;
    return *value == '\0' || strcmp(value, "on") == 0;
}

static char *home_path(const char *path)
{
    const char *home = getenv("HOME");

    if (path != NULL && *path == '~' && home != NULL)
        return alloc_format("%s%s", home, path + 1);
    return alloc_string(path);
}

static bool is_given(const struct import_settings *settings, const char *key)
{
    const char *value = import_text(settings, key);

    return value != NULL && *value != '\0';
}

static void set_path(struct import *import, struct import_account *account,
                     enum import_value which,
                     const struct import_settings *settings, const char *key)
{
    char *path = home_path(import_text(settings, key));

    import_at(import, import_find(settings, key));
    import_value(import, account, which, path);
    free(path);
}

static size_t count_digits(const char *fingerprint)
{
    size_t count = 0;

    for (; *fingerprint != '\0'; fingerprint++)
        count += *fingerprint != ':';
    return count;
}

static void set_fingerprint(struct import *import,
                            struct import_account *account,
                            const struct import_settings *settings)
{
    const struct import_setting *setting = import_find(settings,
                                                       "tls_fingerprint");

    import_at(import, setting);
    if (setting == NULL || *setting->value == '\0')
        return;
    if (count_digits(setting->value) == 64)
        import_value(import, account, IMPORT_FINGERPRINT, setting->value);
    else
        import_obstacle(import, "only SHA-256 will do: openssl x509 -noout "
                        "-fingerprint -sha256 -in CERTIFICATE");
}

static void set_tls(struct import *import, struct import_account *account,
                    const struct import_settings *settings)
{
    bool starts = is_on(settings, "tls_starttls", true) &&
                  import_find(settings, "tls_nostarttls") == NULL;
    bool is_clear = !is_on(settings, "tls", false);

    import_at(import, import_find(settings, "tls"));
    import_value(import, account, IMPORT_TLS, is_clear ? "none"
                 : starts ? "starttls" : "implicit");
    if (account->values[IMPORT_PORT] == NULL)
        import_value(import, account, IMPORT_PORT,
                     is_clear || starts ? "25" : "465");
    if (is_clear)
        return;
    set_path(import, account, IMPORT_CA_FILE, settings, "tls_trust_file");
    set_path(import, account, IMPORT_CERT_FILE, settings, "tls_cert_file");
    set_path(import, account, IMPORT_KEY_FILE, settings, "tls_key_file");
    set_fingerprint(import, account, settings);
    account->was_unchecked =
        !is_on(settings, "tls_certcheck", true) ||
        import_find(settings, "tls_nocertcheck") != NULL;
    import_at(import, import_find(settings, "tls_host_override"));
    if (is_given(settings, "tls_host_override") &&
        account->values[IMPORT_FINGERPRINT] == NULL)
        import_obstacle(import, "the certificate must be for %s: make that "
                        "the host, or set tls_fingerprint",
                        account->values[IMPORT_HOST]);
    import_at(import, NULL);
}

/* msmtp gives it to a shell. Without need, ours does not. */
static char *command_of(const char *command)
{
    struct buf text;

    if (strpbrk(command, "|&;<>()$`*?[]#~{}!") == NULL)
        return alloc_string(command);
    buf_init(&text, SIZE_MAX);
    buf_add_text(&text, "sh -c '");
    for (; *command != '\0'; command++)
        if (*command == '\'')
            buf_add_text(&text, "'\\''");
        else
            buf_add_char(&text, *command);
    buf_add_char(&text, '\'');
    return buf_take(&text);
}

static void set_password(struct import *import, struct import_account *account,
                         const struct import_settings *settings)
{
    if (account->values[IMPORT_PASSWORD] != NULL)
        return;                     /* comes before passwordeval */
    if (is_given(settings, "passwordeval")) {
        char *command = command_of(import_text(settings, "passwordeval"));
        import_at(import, import_find(settings, "passwordeval"));
        import_value(import, account, IMPORT_PASSWORD_COMMAND, command);
        explicit_bzero(command, strlen(command));
        free(command);
        return;
    }
    import_at(import, import_find(settings, "user"));
    import_obstacle(import, "has no password here: msmtp asked a key ring, "
                    "~/.netrc or you; set passwordeval, as in secret-tool "
                    "lookup host %s service smtp user %s",
                    account->values[IMPORT_HOST],
                    account->values[IMPORT_USER]);
}

static void drop_credentials(struct import *import,
                             struct import_account *account)
{
    import_value(import, account, IMPORT_USER, NULL);
    import_value(import, account, IMPORT_PASSWORD, NULL);
}

/* A method that is named may show the password; on its own, msmtp chooses none
 * that does without TLS, and nor does auto. */
static void set_method(struct import *import, struct import_account *account,
                       const struct sasl_mechanism *mechanism)
{
    import_value(import, account, IMPORT_AUTH, mechanism->key);
    if (mechanism->in_clear &&
        strcmp(account->values[IMPORT_TLS], "none") == 0)
        import_value(import, account, IMPORT_PASSWORD_IN_CLEAR, "true");
}

static void set_auth(struct import *import, struct import_account *account,
                     const struct import_settings *settings)
{
    const struct import_setting *auth = import_find(settings, "auth");
    const char *method = auth != NULL ? auth->value : "off";
    const struct sasl_mechanism *mechanism = sasl_find(method);

    if (strcmp(method, "off") == 0) {
        import_at(import, import_find(settings, "user"));
        if (account->values[IMPORT_USER] != NULL)
            import_note(import, "left out: auth is off, so msmtp did not log "
                        "in");
        drop_credentials(import, account);
        import_at(import, NULL);
        return;
    }
    import_at(import, auth);
    if (mechanism != NULL)
        set_method(import, account, mechanism);
    else if (*method != '\0' && strcmp(method, "on") != 0)
        import_obstacle(import, "Postrider does not support %s: name another "
                        "method, or `on`", method);
    if (mechanism != NULL && mechanism->secret == SASL_CERTIFICATE)
        import_value(import, account, IMPORT_PASSWORD, NULL);
    else if (account->values[IMPORT_USER] == NULL)
        import_obstacle(import, "there is no user to log in");
    else
        set_password(import, account, settings);
    import_at(import, NULL);
}

static void check_protocol(struct import *import,
                           const struct import_settings *settings)
{
    const struct import_setting *protocol = import_find(settings, "protocol");

    import_at(import, protocol);
    if (protocol != NULL && strcmp(protocol->value, "smtp") != 0)
        import_obstacle(import, "Postrider speaks SMTP only");
    import_at(import, NULL);
}

static void set_timeout(struct import *import, struct import_account *account,
                        const struct import_settings *settings)
{
    const struct import_setting *setting = import_find(settings, "timeout");

    if (setting == NULL || strcmp(setting->value, "off") == 0)
        return;
    char *seconds = alloc_format("%ss", setting->value);
    import_at(import, setting);
    import_value(import, account, IMPORT_TIMEOUT, seconds);
    import_at(import, NULL);
    free(seconds);
}

/* user@domain is an address; *@domain any of the domain. NULL for what is
 * for the caller, which write_top() sees to. */
static char *find_from(struct import *import,
                       const struct import_settings *settings, bool is_usual)
{
    const struct import_setting *from = import_find(settings, "from");
    const char *value = from != NULL ? from->value : "";

    if (is_on(settings, "auto_from", false) || *value == '\0' ||
        strchr(value, '%') != NULL)
        return NULL;
    if (text_starts(value, "*@") && strpbrk(value + 1, "*?[") == NULL)
        return is_usual ? NULL : alloc_string(value + 1);
    import_at(import, from);
    if (strpbrk(value, "*?[") != NULL) {
        import_note(import, "a pattern such as this has no counterpart: left "
                    "out: write sender sections");
        value = NULL;
    } else if (is_usual &&
               is_on(settings, "allow_from_override", true)) {
        import_note(import, "now counts for every message, as with "
                    "allow_from_override off and set_from_header on");
    }
    import_at(import, NULL);
    return alloc_string(value);
}

static void make_identity(struct import *import, const char *name,
                           const struct import_settings *settings,
                           bool is_usual, struct import_identity *identity)
{
    struct import_account *account = &identity->account;

    account->name = alloc_string(name);
    import_fill(import, account, keys, settings);
    set_tls(import, account, settings);
    set_auth(import, account, settings);
    set_timeout(import, account, settings);
    check_protocol(import, settings);
    identity->from = find_from(import, settings, is_usual);
    if (import_find(settings, "from") != NULL)
        identity->line = import_find(settings, "from")->line;
    identity->full_name = alloc_string(import_text(settings,
                                                   "from_full_name"));
}

static void set_aliases(struct import *import,
                        const struct import_settings *settings)
{
    char *path = home_path(import_text(settings, "aliases"));

    import_at(import, import_find(settings, "aliases"));
    import_set(import, CONFIG_TOP, "aliases", path);
    import_at(import, NULL);
    if (path != NULL)
        import_other_names(import, path, "default");
    free(path);
}

/* The domain for the names of callers: of %U@domain, or of maildomain. */
static void set_domain(struct import *import,
                       const struct import_settings *settings)
{
    const struct import_setting *from = import_find(settings, "from");
    bool is_auto = is_on(settings, "auto_from", false);

    import_at(import, is_auto ? import_find(settings, "maildomain") : from);
    if (is_auto)
        import_set(import, CONFIG_TOP, "domain",
                   import_text(settings, "maildomain"));
    else if (from != NULL && text_starts(from->value, "%U@") &&
             strchr(from->value + 3, '%') == NULL)
        import_set(import, CONFIG_TOP, "domain", from->value + 3);
    else if (from != NULL && strchr(from->value, '%') != NULL &&
             !text_starts(from->value, "%U@"))
        import_note(import, "a pattern such as this has no counterpart: left "
                    "out: write sender sections");
    import_at(import, NULL);
}

static void write_top(struct import *import,
                      const struct import_settings *settings)
{
    const char *hello = import_text(settings, "domain");

    import_delivery(import);
    if (hello != NULL && strchr(hello, '%') == NULL &&
        strcmp(hello, "localhost") != 0) {
        import_at(import, import_find(settings, "domain"));
        import_set(import, CONFIG_TOP, "hostname", hello);
    }
    set_domain(import, settings);
    set_aliases(import, settings);
}

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

/* An empty argument, and the usual facility, are what Postrider does. */
static void note_log(struct import *import, const char *key,
                     const char *argument)
{
    import->key = key;
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
static bool inherit_accounts(const struct import *import, struct msmtp *msmtp,
                             struct account *account, char *names,
                             struct error *err)
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
        return error_set(err, FAULT_CONFIG, "account needs a name that no "
                         "other has") ||
               error_at(err, import->file, import->line);
    account.name = alloc_string(argument);
    import_settings_copy(&account.settings, &msmtp->defaults);
    bool done = inherit_accounts(import, msmtp, &account, colon, err);
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
        return error_set(err, FAULT_CONFIG, "%s comes before any account",
                         key) ||
               error_at(err, import->file, import->line);
    if (!msmtp->in_defaults)
        last->parent = SIZE_MAX;
    note_log(import, key, argument);
    import->key = key;
    if (strcmp(key, "eval") == 0)
        import_obstacle(import, "is not run: put what it prints into this "
                        "line");
    else
        import_keep(import, keys,
                    msmtp->in_defaults ? &msmtp->defaults : &last->settings,
                    key, argument);
    import->key = NULL;
    return true;
}

static bool take_command_line(struct import *import, void *into, char *line,
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

/* The account when no sender chooses: "default", or the one it names. */
static size_t find_usual(const struct import *import,
                         const struct msmtp *msmtp)
{
    size_t usual = find_account(msmtp, "default");

    if (usual == SIZE_MAX && msmtp->count > 0) {
        import_note(import, "no account is the default: %s is used",
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

/* Settings that an account has besides the usual ones, and that a smarthost
 * cannot have. */
static void note_domain(struct import *import,
                        const struct import_settings *usual,
                        const struct import_settings *other)
{
    const char *domain = import_text(other, "domain");
    const char *first = import_text(usual, "domain");

    if (domain == NULL || (first != NULL && strcmp(domain, first) == 0))
        return;
    import_at(import, import_find(other, "domain"));
    import_note(import, "%s: left out: there is one hostname for all "
                "smarthosts, that of the usual account", domain);
    import_at(import, NULL);
}

static bool write_config(struct import *import, const struct msmtp *msmtp,
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
        else if (usual != SIZE_MAX)
            note_domain(import, &msmtp->accounts[usual].settings,
                        &msmtp->accounts[i].settings);
        make_identity(import, msmtp->accounts[i].name,
                      &msmtp->accounts[i].settings, i == usual,
                      &identities[count++]);
    }
    if (place != SIZE_MAX) {
        write_top(import, &msmtp->accounts[usual].settings);
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
    bool done = import_lines(import, path, take_command_line, &msmtp, err) &&
                write_config(import, &msmtp, err);

    for (size_t i = 0; i < msmtp.count; i++) {
        import_settings_free(&msmtp.accounts[i].settings);
        free(msmtp.accounts[i].name);
    }
    free(msmtp.accounts);
    import_settings_free(&msmtp.defaults);
    return done;
}
