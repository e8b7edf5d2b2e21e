/*
 * import_ssmtp.c - ssmtp.conf(5), and revaliases beside it
 *
 * As ssmtp 2.64 reads them: # begins a comment anywhere, a value ends at a
 * blank or =, only the word YES is yes, and no certificate is ever checked.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postrider/import.h"
#include "postrider/config_draft.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/text.h"

/* A line of revaliases: a user, their address, perhaps another mailhub. */
struct alias {
    char *login;
    char *address;
    struct import_account account;  /* without a host: the usual one */
    unsigned line;
};

struct ssmtp {
    struct import_settings settings;
    struct import_account account;
    struct alias *aliases;
    size_t alias_count;
};

static const struct import_key keys[] = {
    { "Root", IMPORT_OTHER, NULL },
    { "MailHub", IMPORT_OTHER, NULL },
    { "RemotePort", IMPORT_PORT, NULL },
    { "HostName", IMPORT_OTHER, NULL },
    { "RewriteDomain", IMPORT_OTHER, NULL },
    { "FromLineOverride", IMPORT_OTHER, NULL },
    { "UseTLS", IMPORT_OTHER, NULL },
    { "UseSTARTTLS", IMPORT_OTHER, NULL },
    { "UseTLSCert", IMPORT_OTHER, NULL },
    { "TLSCert", IMPORT_CERT_FILE, NULL },
    { "TLSKey", IMPORT_KEY_FILE, NULL },
    { "TLS_CA_File", IMPORT_CA_FILE, NULL },
    { "AuthUser", IMPORT_USER, NULL },
    { "AuthPass", IMPORT_PASSWORD, NULL },
    { "AuthMethod", IMPORT_OTHER, NULL },
    { .name = NULL },
};

/* Of these ssmtp uses the first, of all others the last. */
static bool is_first_kept(const struct ssmtp *ssmtp, const char *key)
{
    return text_starts_case(key, "Auth") &&
           import_find(&ssmtp->settings, key) != NULL;
}

/* A value ends there; so does the password, whatever was meant. */
static void end_value(struct import *import, const char *key, char *value,
                      bool has_comment)
{
    size_t length = strcspn(value, "= \t");
    const char *rest = value + length + strspn(value + length, "= \t");

    if ((*rest != '\0' || (has_comment && value[length] == '\0')) &&
        text_equal_case(key, "AuthPass"))
        import_note(import, "AuthPass: ssmtp takes a password up to the first "
                    "blank, = or #, and so does Postrider");
    value[length] = '\0';
}

static bool take_setting(struct import *import, void *into, char *line,
                         struct error *err)
{
    struct ssmtp *ssmtp = into;
    char *comment = strchr(line, '#');

    (void)err;
    if (comment != NULL)
        *comment = '\0';
    if (strchr(line, '=') == NULL)
        return true;
    char *key = line + strspn(line, "= \t");
    char *end = key + strcspn(key, "= \t");
    char *value = end + strspn(end, "= \t");
    *end = '\0';
    end_value(import, key, value, comment != NULL);
    if (*key != '\0' && *value != '\0' && !is_first_kept(ssmtp, key))
        import_keep(import, keys, &ssmtp->settings, key, value);
    return true;
}

/* "host", "host:port" or "[::1]:port" */
static void set_mailhub(struct import *import, struct import_account *account,
                        const char *mailhub)
{
    const char *bracket = *mailhub == '[' ? strchr(mailhub, ']') : NULL;
    const char *colon = strchr(bracket != NULL ? bracket : mailhub, ':');
    char *host = colon == NULL
                 ? alloc_string(mailhub)
                 : alloc_bytes(mailhub, (size_t)(colon - mailhub));

    import_value(import, account, IMPORT_HOST, host);
    if (colon != NULL)
        import_value(import, account, IMPORT_PORT, colon + 1);
    free(host);
}

/* login:address[:mailhub[:port]] */
static bool take_alias(struct import *import, void *into, char *line,
                       struct error *err)
{
    struct ssmtp *ssmtp = into;

    (void)err;
    line[strcspn(line, "#")] = '\0';
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line)
        return true;
    char *address = colon + strspn(colon, ": \t");
    char *end = address + strcspn(address, ": \t");
    char *mailhub = end + strspn(end, ": \t");
    *colon = *end = '\0';
    mailhub[strcspn(mailhub, " \t")] = '\0';

    ssmtp->aliases = alloc_resize(ssmtp->aliases, ssmtp->alias_count + 1,
                                  sizeof *ssmtp->aliases);
    struct alias *alias = &ssmtp->aliases[ssmtp->alias_count++];
    *alias = (struct alias){ .login = alloc_string(line),
                             .address = alloc_string(address),
                             .line = import->line };
    if (*mailhub != '\0')
        set_mailhub(import, &alias->account, mailhub);
    return true;
}

static bool is_yes(const struct ssmtp *ssmtp, const char *key)
{
    const char *value = import_text(&ssmtp->settings, key);

    return value != NULL && text_equal_case(value, "YES");
}

/* UseSTARTTLS=YES implies UseTLS; a later UseTLS=NO takes both back. */
static const char *find_tls(struct import *import, const struct ssmtp *ssmtp)
{
    const struct import_setting *tls = import_find(&ssmtp->settings, "UseTLS");
    const struct import_setting *start = import_find(&ssmtp->settings,
                                                     "UseSTARTTLS");
    bool starts = is_yes(ssmtp, "UseSTARTTLS");

    import_at(import, tls != NULL ? tls : start);
    if (tls != NULL && !is_yes(ssmtp, "UseTLS") &&
        (!starts || tls->line > start->line))
        return "none";
    return starts ? "starttls" : tls != NULL ? "implicit" : "none";
}

/* Without AuthMethod ssmtp sends LOGIN; the strongest does no harm there. */
static void set_credentials(struct import *import, struct ssmtp *ssmtp)
{
    struct import_account *account = &ssmtp->account;
    const struct import_setting *method = import_find(&ssmtp->settings,
                                                      "AuthMethod");
    bool is_cram = method != NULL &&
                   text_equal_case(method->value, "cram-md5");

    if (account->values[IMPORT_USER] == NULL) {
        import_value(import, account, IMPORT_PASSWORD, NULL);
        return;
    }
    import_at(import, import_find(&ssmtp->settings, "AuthUser"));
    if (account->values[IMPORT_PASSWORD] == NULL)
        import_obstacle(import, "there is no AuthPass");
    import_at(import, method);
    if (method != NULL)
        import_value(import, account, IMPORT_AUTH,
                     is_cram ? "cram-md5" : "login");
    if (strcmp(account->values[IMPORT_TLS], "none") == 0 && !is_cram)
        import_value(import, account, IMPORT_PASSWORD_IN_CLEAR, "true");
}

static void set_account(struct import *import, struct ssmtp *ssmtp)
{
    struct import_account *account = &ssmtp->account;

    import_value(import, account, IMPORT_PORT, "25");
    import_fill(import, account, keys, &ssmtp->settings);
    import_at(import, import_find(&ssmtp->settings, "MailHub"));
    set_mailhub(import, account, import_text(&ssmtp->settings, "MailHub"));
    import_value(import, account, IMPORT_TLS, find_tls(import, ssmtp));
    account->was_unchecked = account->values[IMPORT_CA_FILE] == NULL;
    if (!is_yes(ssmtp, "UseTLSCert")) {
        import_value(import, account, IMPORT_CERT_FILE, NULL);
        import_value(import, account, IMPORT_KEY_FILE, NULL);
    }
    set_credentials(import, ssmtp);
    import_at(import, NULL);
}

static void write_root(struct import *import, const char *root,
                       const char *domain)
{
    if (strchr(root, '@') == NULL && domain == NULL) {
        import_note(import, "%s has no domain: left out: set local_recipient "
                    "to an address", root);
        return;
    }
    config_draft_remark(import->draft,
                        "ssmtp did this for system accounts only.");
    char *address = strchr(root, '@') != NULL
                    ? alloc_string(root) : alloc_format("%s@%s", root, domain);
    import_set(import, CONFIG_TOP, "local_recipient", address);
    free(address);
}

/* Bare addresses get the domain, and so does Root. */
static void write_top(struct import *import,
                      const struct import_settings *settings)
{
    const struct import_setting *host = import_find(settings, "HostName");
    const struct import_setting *rewrite = import_find(settings,
                                                       "RewriteDomain");
    const struct import_setting *root = import_find(settings, "Root");
    const char *domain = rewrite != NULL ? rewrite->value
                         : host != NULL ? host->value : NULL;

    if (domain != NULL && strchr(domain, '@') != NULL)
        domain = strrchr(domain, '@') + 1;
    import_at(import, host);
    import_set(import, CONFIG_TOP, "hostname",
               host != NULL ? host->value : NULL);
    import_at(import, rewrite);
    import_set(import, CONFIG_TOP, "domain", domain);
    import_at(import, root);
    if (root != NULL)
        write_root(import, root->value, domain);
    import_at(import, NULL);
}

/* Another mailhub is another smarthost; all else is as in ssmtp.conf. */
static const char *write_mailhub(struct import *import,
                                 const struct ssmtp *ssmtp, size_t i)
{
    struct import_account *own = &ssmtp->aliases[i].account;
    struct import_account whole;

    import_account_copy(&whole, &ssmtp->account);
    import->line = ssmtp->aliases[i].line;
    for (size_t k = 0; k < IMPORT_VALUES; k++)
        whole.lines[k] = import->line;
    import_value(import, &whole, IMPORT_HOST, own->values[IMPORT_HOST]);
    if (own->values[IMPORT_PORT] != NULL)
        import_value(import, &whole, IMPORT_PORT, own->values[IMPORT_PORT]);
    import_account_free(own);
    *own = whole;
    if (import_account_equal(own, &ssmtp->account))
        return ssmtp->account.name;
    for (size_t k = 0; k < i; k++)
        if (import_account_equal(own, &ssmtp->aliases[k].account))
            return ssmtp->aliases[k].account.name;
    free(own->name);
    own->name = alloc_format("mailhub-%s", ssmtp->aliases[i].login);
    import_smarthost(import, own);
    return own->name;
}

/* The smarthosts first, then their users, then that others do not. */
static void write_aliases(struct import *import, const struct ssmtp *ssmtp)
{
    const char **smarthosts = alloc_zero(ssmtp->alias_count + 1,
                                         sizeof *smarthosts);
    bool has_several = false;

    for (size_t i = 0; i < ssmtp->alias_count; i++)
        if (ssmtp->aliases[i].account.values[IMPORT_HOST] != NULL) {
            smarthosts[i] = write_mailhub(import, ssmtp, i);
            has_several = true;
        }
    for (size_t i = 0; i < ssmtp->alias_count; i++) {
        const struct alias *alias = &ssmtp->aliases[i];
        import->line = alias->line;
        import_sender(import, alias->login, alias->address, NULL,
                      smarthosts[i] != NULL || !has_several
                      ? smarthosts[i] : ssmtp->account.name);
    }
    import->line = 0;
    if (has_several)
        import_sender(import, "*", NULL, NULL, ssmtp->account.name);
    free(smarthosts);
}

static void note_differences(struct import *import, const struct ssmtp *ssmtp)
{
    import_note(import, "ssmtp made the caller wait for the server; Postrider "
                "queues and tries again, or waits, too, with delivery = "
                "direct");
    import_at(import, import_find(&ssmtp->settings, "FromLineOverride"));
    if (!is_yes(ssmtp, "FromLineOverride"))
        import_note(import, "without FromLineOverride=YES ssmtp replaced every "
                    "From line; Postrider only completes bare names. One "
                    "address for all is sender \"*\" { address = ... }");
    else if (ssmtp->alias_count > 0)
        import_note(import, "a From line came before revaliases; now the "
                    "sender sections do");
    import_at(import, NULL);
}

static bool read_files(struct import *import, const char *path,
                       const char *aliases, struct ssmtp *ssmtp,
                       struct error *err)
{
    if (!import_lines(import, path, take_setting, ssmtp, err))
        return false;
    if (import_text(&ssmtp->settings, "MailHub") == NULL)
        return error_set(err, FAULT_CONFIG, "%s: has no mailhub: where should "
                         "mail go?", path);
    return access(aliases, F_OK) == -1 ||
           import_lines(import, aliases, take_alias, ssmtp, err);
}

static void write_config(struct import *import, const char *path,
                         const char *aliases, struct ssmtp *ssmtp)
{
    import->file = path;
    set_account(import, ssmtp);
    write_top(import, &ssmtp->settings);
    import_smarthost(import, &ssmtp->account);
    note_differences(import, ssmtp);
    import->file = aliases;
    write_aliases(import, ssmtp);
    import->file = path;
}

bool import_ssmtp(struct import *import, const char *path, struct error *err)
{
    struct ssmtp ssmtp = { .account = { .name = alloc_string("main") } };
    char *aliases = path_beside(path, "revaliases");
    bool done = read_files(import, path, aliases, &ssmtp, err);

    if (done)
        write_config(import, path, aliases, &ssmtp);
    for (size_t i = 0; i < ssmtp.alias_count; i++) {
        import_account_free(&ssmtp.aliases[i].account);
        free(ssmtp.aliases[i].login);
        free(ssmtp.aliases[i].address);
    }
    free(ssmtp.aliases);
    free(aliases);
    import_account_free(&ssmtp.account);
    import_settings_free(&ssmtp.settings);
    return done;
}
