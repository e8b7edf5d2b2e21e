/*
 * import_dma.c - dma.conf, and the auth.conf that AUTHPATH names
 *
 * As dma 0.13 reads them: # begins a comment anywhere, a yes is the name alone,
 * and no certificate is checked but against FINGERPRINT.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postrider/import.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/text.h"

struct dma {
    struct import_settings settings;
    struct import_account account;
};

static const struct import_key keys[] = {
    { "SMARTHOST", IMPORT_HOST, NULL },
    { "PORT", IMPORT_PORT, NULL },
    { "AUTHPATH", IMPORT_OTHER, NULL },
    { "SECURETRANSFER", IMPORT_OTHER, NULL },
    { "STARTTLS", IMPORT_OTHER, NULL },
    { "OPPORTUNISTIC_TLS", IMPORT_OTHER, NULL },
    { "FINGERPRINT", IMPORT_FINGERPRINT, NULL },
    { "CERTFILE", IMPORT_CERT_FILE, NULL },
    { "INSECURE", IMPORT_OTHER, NULL },
    { "SECURE", IMPORT_OTHER, NULL },
    { "ALIASES", IMPORT_OTHER, NULL },
    { "MAILNAME", IMPORT_OTHER, NULL },
    { "MASQUERADE", IMPORT_OTHER, NULL },
    { "NULLCLIENT", IMPORT_OTHER, NULL },
    { "DEFER", IMPORT_NOTHING, "left out: mail is sent at once" },
    { "SPOOLDIR", IMPORT_NOTHING, "left out: Postrider has its own spool; "
                                  "send what is in dma's with `dma -q`" },
    { .name = NULL },
};

static bool take_setting(struct import *import, void *into, char *line,
                         struct error *err)
{
    struct dma *dma = into;

    (void)err;
    line[strcspn(line, "#")] = '\0';
    char *key = import_trim(line);
    char *value = key + strcspn(key, " \t");
    if (*value != '\0')
        *value++ = '\0';
    if (*key != '\0')
        import_keep(import, keys, &dma->settings, key,
                    import_trim(value));
    return true;
}

static bool is_set(const struct dma *dma, const char *key)
{
    return import_find(&dma->settings, key) != NULL;
}

/* user|host:password; the last line for the smarthost counts. */
static bool take_credentials(struct import *import, void *into, char *line,
                             struct error *err)
{
    struct import_account *account = into;

    if (*line == '#' || *line == '\0')
        return true;
    char *host = strchr(line, '|');
    char *password = host != NULL ? strpbrk(host, ": \t") : NULL;
    if (password == NULL)
        return error_set(err, FAULT_CONFIG,
                         "must be user|smarthost:password") ||
               error_at(err, import->file, import->line);
    *host++ = '\0';
    *password++ = '\0';
    if (strcmp(host, account->values[IMPORT_HOST]) == 0) {
        import_value(import, account, IMPORT_USER, line);
        import_value(import, account, IMPORT_PASSWORD, password);
    } else {
        import_note(import, "a password for %s, which is not the SMARTHOST: "
                    "left out", host);
    }
    return true;
}

/* A copy of the folder elsewhere has its own auth.conf. */
static bool read_credentials(struct import *import, const char *path,
                             struct dma *dma, struct error *err)
{
    const char *named = import_text(&dma->settings, "AUTHPATH");

    if (named == NULL || *named == '\0')
        return true;
    char *near = path_beside(path, path_name(named));
    bool done = import_lines(import, access(near, F_OK) == 0 ? near : named,
                             take_credentials, &dma->account, err);
    import->file = path;
    free(near);
    return done;
}

static void set_tls(struct import *import, struct dma *dma)
{
    struct import_account *account = &dma->account;
    bool is_secure = is_set(dma, "SECURETRANSFER");
    bool starts = is_set(dma, "STARTTLS");

    import_at(import, import_find(&dma->settings, "SECURETRANSFER"));
    import_value(import, account, IMPORT_TLS, !is_secure ? "none"
                 : starts ? "starttls" : "implicit");
    import_at(import, NULL);
    account->was_unchecked = true;
    account->was_optional = starts && is_set(dma, "OPPORTUNISTIC_TLS");
    if (is_secure)
        return;
    import_value(import, account, IMPORT_FINGERPRINT, NULL);
    import_value(import, account, IMPORT_CERT_FILE, NULL);
    /* Without INSECURE, only CRAM-MD5 is tried. */
    if (account->values[IMPORT_USER] != NULL && is_set(dma, "INSECURE"))
        import_value(import, account, IMPORT_PASSWORD_IN_CLEAR, "true");
}

/* The name itself, or the first line of the file that it is. NULL: unknown. */
static char *find_mail_name(struct import *import, const struct dma *dma)
{
    const struct import_setting *setting = import_find(&dma->settings,
                                                       "MAILNAME");

    if (setting == NULL || *setting->value != '/')
        return alloc_string(setting != NULL ? setting->value : NULL);
    char *name = import_first_line(setting->value);
    import_at(import, setting);
    if (name == NULL)
        import_note(import, "%s cannot be read: set hostname and domain",
                    setting->value);
    import_at(import, NULL);
    return name;
}

/* "user@host", "user@" or "host": the address of all senders, or the domain of
 * those without one. */
static void split_masquerade(struct import *import, const char *masquerade,
                             const char *mail_name, char **address,
                             char **domain)
{
    const char *at = strrchr(masquerade, '@');

    if (at == NULL || at == masquerade) {
        *domain = alloc_string(at == NULL ? masquerade : at + 1);
        import_note(import, "dma gave this domain to all senders; Postrider "
                    "gives it to bare names, and leaves complete addresses");
    } else if (at[1] != '\0') {
        *address = alloc_string(masquerade);
    } else if (mail_name != NULL) {
        *address = alloc_format("%s%s", masquerade, mail_name);
    } else {
        import_note(import, "%s needs a domain: left out: set sender \"*\" { "
                    "address = ... }", masquerade);
    }
}

static void write_config(struct import *import, const struct dma *dma)
{
    const struct import_setting *masquerade = import_find(&dma->settings,
                                                          "MASQUERADE");
    const char *aliases = import_text(&dma->settings, "ALIASES");
    char *mail_name = find_mail_name(import, dma);
    char *address = NULL, *domain = NULL;

    import_at(import, masquerade);
    if (masquerade != NULL)
        split_masquerade(import, masquerade->value, mail_name, &address,
                         &domain);
    import_at(import, NULL);
    import_set(import, CONFIG_TOP, "hostname", mail_name);
    import_set(import, CONFIG_TOP, "domain", domain != NULL ? domain
                                                            : mail_name);
    if (aliases != NULL && strcmp(aliases, "/etc/aliases") != 0)
        import_set(import, CONFIG_TOP, "aliases", aliases);
    import_other_names(import, aliases != NULL ? aliases : "/etc/aliases",
                       "*");
    import_smarthost(import, &dma->account);
    if (address != NULL)
        import_sender(import, "*", address, NULL, NULL);
    free(mail_name);
    free(address);
    free(domain);
}

static void note_differences(struct import *import, const struct dma *dma)
{
    import_at(import, import_find(&dma->settings, "NULLCLIENT"));
    if (is_set(dma, "NULLCLIENT"))
        import_note(import, "/etc/aliases is used nevertheless");
    else
        import_note(import, "dma put mail for local users into /var/mail; "
                    "Postrider sends it where /etc/aliases or local_recipient "
                    "says");
    import_at(import, NULL);
}

bool import_dma(struct import *import, const char *path, struct error *err)
{
    struct dma dma = { .account = { .name = alloc_string("main") } };
    bool done = import_lines(import, path, take_setting, &dma, err);

    import_value(import, &dma.account, IMPORT_PORT, "25");
    import_fill(import, &dma.account, keys, &dma.settings);
    if (done && dma.account.values[IMPORT_HOST] == NULL)
        done = error_set(err, FAULT_CONFIG, "%s: has no SMARTHOST: dma "
                         "delivered to the recipients' servers, and Postrider "
                         "does not", path);
    done = done && read_credentials(import, path, &dma, err);
    if (done) {
        set_tls(import, &dma);
        write_config(import, &dma);
        note_differences(import, &dma);
    }
    import_account_free(&dma.account);
    import_settings_free(&dma.settings);
    return done;
}
