/* import_msmtp_account.c - one account of msmtprc as a smarthost */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/import.h"
#include "postrider/import_msmtp.h"
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
    { "set_from_header", IMPORT_OTHER, NULL },
    { "add_missing_from_header", IMPORT_OTHER, NULL },
    { "set_date_header", IMPORT_OTHER, NULL },
    { "add_missing_date_header", IMPORT_OTHER, NULL },
    { "set_msgid_header", IMPORT_OTHER, NULL },
    { "remove_bcc_headers", IMPORT_OTHER, NULL },
    { "keepbcc", IMPORT_OTHER, NULL },
    { "undisclosed_recipients", IMPORT_OTHER, NULL },
    { "logfile", IMPORT_OTHER, NULL },
    { "syslog", IMPORT_OTHER, NULL },
    { "aliases", IMPORT_OTHER, NULL },
    { "dsn_notify", IMPORT_NOTHING, "left out: callers ask with sendmail -N" },
    { "dsn_return", IMPORT_NOTHING, "left out: callers ask with sendmail -R" },
    { "tls_priorities", IMPORT_NOTHING, "left out: tls_min_version is what "
                                        "can be chosen" },
};

void import_msmtp_keep(struct import *import, struct import_settings *settings,
                       const char *key, const char *argument)
{
    import_keep(import, keys, COUNT(keys), settings, key, argument);
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
    char *path = import_msmtp_path(import_text(settings, key));

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
    bool starts = import_msmtp_is_on(settings, "tls_starttls", true) &&
                  import_find(settings, "tls_nostarttls") == NULL;
    bool is_clear = !import_msmtp_is_on(settings, "tls", false);

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
        !import_msmtp_is_on(settings, "tls_certcheck", true) ||
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
        import_obstacle(import, "Postrider does not speak %s: name another "
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

/* user@domain is an address; *@domain any of the domain. NULL for what stands
 * for the caller, which import_msmtp_top() sees to. */
static char *find_from(struct import *import,
                       const struct import_settings *settings, bool is_usual)
{
    const struct import_setting *from = import_find(settings, "from");
    const char *value = from != NULL ? from->value : "";

    if (import_msmtp_is_on(settings, "auto_from", false) || *value == '\0' ||
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
               import_msmtp_is_on(settings, "allow_from_override", true)) {
        import_note(import, "now counts for every message, as with "
                    "allow_from_override off and set_from_header on");
    }
    import_at(import, NULL);
    return alloc_string(value);
}

void import_msmtp_identity(struct import *import, const char *name,
                           const struct import_settings *settings,
                           bool is_usual, struct import_identity *identity)
{
    struct import_account *account = &identity->account;

    account->name = alloc_string(name);
    import_fill(import, account, keys, COUNT(keys), settings);
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
