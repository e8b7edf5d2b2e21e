#include "config/config_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "config/config_keys.h"
#include "config/config_values.h"
#include "config/password.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/host.h"
#include "util/io.h"
#include "util/lines.h"
#include "util/sasl.h"
#include "util/text.h"

#define MAILNAME "/etc/mailname"
#define MAILNAME_SIZE_MAX ((size_t)64 << 10)

/* Report it with the line of the key, or of the section if that is not set. */
static bool blame(const struct config *config, const struct smarthost *host,
                  const char *key, struct error *err)
{
    unsigned line = config_keys_line(CONFIG_SMARTHOST, host->lines, key);

    return config_place_prefix(err, &(struct config_place){
        .path = config->source, .line = line != 0 ? line : host->line,
        .section = CONFIG_SMARTHOST, .title = host->name });
}

static bool fault(const struct config *config, const struct smarthost *host,
                  const char *key, const char *text, struct error *err)
{
    error_set(err, FAULT_CONFIG, "%s", text);
    return blame(config, host, key, err);
}

static size_t count_passwords(const struct smarthost *host)
{
    return (size_t)(*host->password_file != '\0') +
           (size_t)(*host->password_command != '\0') +
           (size_t)(*host->password_credential != '\0') +
           (size_t)(*host->oauth != '\0');
}

/* A section with a user is meant to log in: without the password, mail would
 * leave unauthenticated, or not at all. */
static bool check_credentials(const struct config *config,
                              const struct smarthost *host, struct error *err)
{
    const struct sasl_mechanism *mechanism = sasl_find(host->auth);
    bool is_auto = strcmp(host->auth, "auto") == 0;
    bool has_user = *host->user != '\0';

    if (count_passwords(host) > 1)
        return fault(config, host, "password_file", "only one of "
                     "password_file, password_command, password_credential "
                     "and oauth can be set", err);
    if (*host->oauth != '\0' && !is_auto &&
        (mechanism == NULL || mechanism->secret != SASL_TOKEN))
        return fault(config, host, "auth", "with oauth, auth can be auto, "
                     "xoauth2 or oauthbearer: a token is for no other", err);
    if (strcmp(host->auth, "none") == 0 ||
        (mechanism != NULL && mechanism->secret == SASL_CERTIFICATE))
        return true;
    if (!has_user && !is_auto) {
        error_set(err, FAULT_CONFIG, "auth = %s: user is missing", host->auth);
        return blame(config, host, "auth", err);
    }
    if (!has_user && password_configured(host))
        return fault(config, host, "user", "there is a password, but user is "
                     "missing", err);
    if (has_user && !password_configured(host) &&
        !(is_auto && *host->tls_cert_file != '\0'))
        return fault(config, host, "user", "user has no password: set "
                     "password_file, password_command, "
                     "password_credential or oauth (or auth = none)", err);
    return true;
}

static bool check_clear(const struct config *config,
                        const struct smarthost *host, struct error *err)
{
    const struct sasl_mechanism *mechanism = sasl_find(host->auth);

    if (host->tls != TLS_NONE || host->password_in_clear ||
        mechanism == NULL || !mechanism->in_clear)
        return true;
    error_set(err, FAULT_CONFIG, "auth = %s with tls = none shows the password "
              "to the network", host->auth);
    error_remedy(err, "set tls = starttls or implicit (or password_in_clear = "
                 "true)");
    return blame(config, host, "auth", err);
}

/* The value where the key tls is not set: TLS at once has a port and a
 * separate service (RFC 8314 section 3.3). */
static enum tls_use usual_tls(const struct smarthost *host)
{
    return host->port == 465 ||
           text_starts_case(host->host, "_submissions._tcp.")
           ? TLS_IMPLICIT : TLS_STARTTLS;
}

bool config_complete_smarthost(const struct config *config,
                               struct smarthost *host, struct error *err)
{
    if (*host->host == '\0')
        return fault(config, host, "host", "host is missing", err);
    if (*host->tls_key_file != '\0' && *host->tls_cert_file == '\0')
        return fault(config, host, "tls_key_file",
                     "tls_key_file without tls_cert_file", err);
    if (config_keys_line(CONFIG_SMARTHOST, host->lines, "tls") == 0)
        host->tls = usual_tls(host);
    if (host->port == 0)
        host->port = host->tls == TLS_IMPLICIT ? 465 : 587;
    if (*host->tls_key_file == '\0') {
        free(host->tls_key_file);
        host->tls_key_file = alloc_string(host->tls_cert_file);
    }
    return check_credentials(config, host, err) &&
           check_clear(config, host, err);
}

static bool fault_oauth(const struct config *config, const struct oauth *oauth,
                        const char *key, struct error *err)
{
    unsigned line = config_keys_line(CONFIG_OAUTH, oauth->lines, key);

    return config_place_prefix(err, &(struct config_place){
        .path = config->source, .line = line != 0 ? line : oauth->line,
        .section = CONFIG_OAUTH, .title = oauth->name });
}

/* A key that the flow needs and that is missing; NULL if there is none. */
static const char *missing_in(const struct oauth *oauth)
{
    bool is_bearer = oauth->flow == OAUTH_JWT_BEARER;
    bool has_key = *oauth->client_key_file != '\0';

    if (*oauth->token_url == '\0')
        return "token_url";
    /* Google's file of a key has it. */
    if (*oauth->client_id == '\0' && !is_bearer)
        return "client_id";
    if (oauth->flow == OAUTH_CLIENT_CREDENTIALS && !has_key &&
        *oauth->client_secret_file == '\0')
        return "client_secret_file";
    if (!has_key && (is_bearer || *oauth->client_cert_file != '\0'))
        return "client_key_file";
    return has_key && !is_bearer && *oauth->client_cert_file == '\0'
           ? "client_cert_file" : NULL;
}

bool config_check_oauth(const struct config *config, const struct oauth *oauth,
                        struct error *err)
{
    const char *missing = missing_in(oauth);
    bool has_secret = *oauth->client_secret_file != '\0';

    if (missing != NULL) {
        error_set(err, FAULT_CONFIG, "%s is missing", missing);
        return fault_oauth(config, oauth, "flow", err);
    }
    if (oauth->client_auth_basic && !has_secret) {
        error_set(err, FAULT_CONFIG, "client_auth = basic without "
                  "client_secret_file");
        return fault_oauth(config, oauth, "client_auth", err);
    }
    if (has_secret && *oauth->client_key_file != '\0') {
        error_set(err, FAULT_CONFIG, "only one of client_secret_file and "
                  "client_key_file can be set");
        return fault_oauth(config, oauth, "client_key_file", err);
    }
    return true;
}

/* The first word that is in no comment; NULL if there is none. */
static char *first_word(const struct buf *text)
{
    struct lines lines;

    lines_start(&lines, text->data, text->length);
    while (lines_next(&lines)) {
        char *line = alloc_bytes(lines.text, lines.length);
        char *word = line + strspn(line, " \t\r");
        word[strcspn(word, " \t\r#")] = '\0';
        word = *word != '\0' ? alloc_string(word) : NULL;
        free(line);
        if (word != NULL)
            return word;
    }
    return NULL;
}

char *config_mailname(void)
{
    struct error ignored;
    struct buf text;

    buf_init(&text, MAILNAME_SIZE_MAX);
    char *word = file_read(MAILNAME, &text, &ignored) ? first_word(&text)
                                                      : NULL;
    buf_free(&text);
    return word;
}

/* The domain of mail by Debian's policy, if servers take it, or NULL. */
static char *domain_of_mailname(void)
{
    char *word = config_mailname();
    char *domain = word != NULL ? host_name_of(word) : NULL;

    free(word);
    if (domain != NULL && !host_is_anyones(domain))
        return domain;
    free(domain);
    return NULL;
}

/* The system's own spool has its sockets where sockets belong; another one, a
 * test's or a user's, has its control socket beside its folders. */
static void set_default_sockets(struct config *config)
{
    bool usual = strcmp(config->spool, POSTRIDER_LOCALSTATEDIR
                        "/spool/postrider") == 0;

    if (*config->control == '\0') {
        free(config->control);
        config->control = usual ? alloc_string("/run/postrider/control")
                                : alloc_format("%s/control", config->spool);
    }
    if (usual && !config_is_set(config, "listen"))
        strings_add(&config->listen, "/run/postrider/submit");
}

/* A key that is set costs no look at files. */
static void fill_names(struct config *config)
{
    config->kernel_name = host_kernel_name();
    if (*config->hostname == '\0') {
        free(config->hostname);
        config->hostname = host_full_name();
        if (config->hostname == NULL)
            config->hostname = alloc_string("localhost");
    }
    if (*config->domain == '\0') {
        free(config->domain);
        config->domain = domain_of_mailname();
        if (config->domain == NULL)
            config->domain = alloc_string(config->hostname);
    }
    set_default_sockets(config);
}

/* Sections may come in any order. */
static bool check_oauth_names(const struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->smarthost_count; i++) {
        const struct smarthost *host = &config->smarthosts[i];
        if (*host->oauth == '\0' || config_oauth(config, host->oauth) != NULL)
            continue;
        error_set(err, FAULT_CONFIG, "oauth = %s: there is no section oauth "
                  "\"%s\"", host->oauth, host->oauth);
        return blame(config, host, "oauth", err);
    }
    return true;
}

static bool check_senders(const struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->sender_count; i++) {
        const struct sender_rule *rule = &config->senders[i];
        if (*rule->smarthost == '\0' ||
            config_smarthost(config, rule->smarthost) != NULL)
            continue;
        error_set(err, FAULT_CONFIG, "smarthost = %s: there is no section "
                  "smarthost \"%s\"", rule->smarthost, rule->smarthost);
        return config_place_prefix(err, &(struct config_place){
            .path = config->path, .section = CONFIG_SENDER,
            .title = rule->match,
            .line = config_keys_line(CONFIG_SENDER, rule->lines,
                                     "smarthost") });
    }
    return true;
}

bool config_refuse_title(const struct config *config, const char *title,
                         unsigned line, struct error *err)
{
    return error_set(err, FAULT_CONFIG, "there is another section \"%s\"",
                     title) ||
           error_at(err, config->source, line);
}

static int compare_rules(const void *a, const void *b)
{
    const struct sender_rule *one = *(const struct sender_rule *const *)a;
    const struct sender_rule *other = *(const struct sender_rule *const *)b;
    int order = strcmp(one->match, other->match);

    return order != 0 ? order : one->line < other->line ? -1 : 1;
}

bool config_check_titles(const struct config *config, size_t first,
                         struct error *err)
{
    size_t count = config->sender_count - first;
    const struct sender_rule **rules = alloc_zero(count + 1, sizeof *rules);
    const struct sender_rule *another = NULL;

    for (size_t i = 0; i < count; i++)
        rules[i] = &config->senders[first + i];
    qsort(rules, count, sizeof *rules, compare_rules);
    for (size_t i = 1; i < count; i++)
        if (strcmp(rules[i - 1]->match, rules[i]->match) == 0 &&
            (another == NULL || rules[i]->line < another->line))
            another = rules[i];
    free(rules);
    return another == NULL ||
           config_refuse_title(config, another->match, another->line, err);
}

bool config_complete(struct config *config, struct error *err)
{
    fill_names(config);
    if (config->retry_first > config->retry_longest) {
        unsigned first = config_keys_line(CONFIG_TOP, config->lines,
                                          "retry_first");
        unsigned longest = config_keys_line(CONFIG_TOP, config->lines,
                                            "retry_longest");
        error_set(err, FAULT_CONFIG,
                  "retry_first is longer than retry_longest");
        return config_place_prefix(err, &(struct config_place){
            .path = config->path, .line = first > longest ? first : longest });
    }
    return check_senders(config, err) && check_oauth_names(config, err);
}

static bool check_file(const struct config *config,
                       const struct smarthost *host, const char *key,
                       const char *path, struct error *err)
{
    struct stat status;
    struct error why;

    if (*path == '\0')
        return true;
    int fd = file_open(path, &status, &why);
    if (fd != -1) {
        io_close(&fd);
        return true;
    }
    if (why.number == ENOENT)
        error_set(err, FAULT_CONFIG, "%s = %s: no such file", key, path);
    else
        error_set(err, FAULT_CONFIG, "%s = %s", key, why.text);
    if (why.number == EACCES && config->delivery == DELIVERY_QUEUE)
        error_remedy(err, "let user %s read it", config->user);
    return blame(config, host, key, err);
}

bool config_check_files(const struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->smarthost_count; i++) {
        const struct smarthost *host = &config->smarthosts[i];
        if (host->tls == TLS_NONE)
            continue;
        if (!check_file(config, host, "tls_ca_file", host->tls_ca_file, err) ||
            !check_file(config, host, "tls_cert_file", host->tls_cert_file,
                        err) ||
            !check_file(config, host, "tls_key_file", host->tls_key_file, err))
            return false;
    }
    return true;
}
