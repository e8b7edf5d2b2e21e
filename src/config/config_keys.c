#include "config/config_keys.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_values.h"
#include "util/buf.h"
#include "util/text.h"

#define DAY 86400
#define STRING(object, member) .kind = CONFIG_STRING, \
    .offset = offsetof(struct object, member), .initial = ""
#define PLAIN(object, member) .offset = offsetof(struct object, member)
#define A_TIME "must be a time such as 90s, 5m, 1h or 5d"

static const struct config_word deliveries[] = {
    { "queue", DELIVERY_QUEUE }, { "direct", DELIVERY_DIRECT }, { NULL, 0 }
};
static const struct config_word logs[] = {
    { "syslog", LOG_TO_SYSLOG }, { "stderr", LOG_TO_STDERR },
    { "none", LOG_OFF }, { NULL, 0 }
};
static const struct config_word extracts[] = {
    { "add", false }, { "subtract", true }, { NULL, 0 }
};
static const struct config_word envelopes[] = {
    { "user", false }, { "from", true }, { NULL, 0 }
};
static const struct config_word flows[] = {
    { "refresh_token", OAUTH_REFRESH_TOKEN },
    { "client_credentials", OAUTH_CLIENT_CREDENTIALS },
    { "jwt_bearer", OAUTH_JWT_BEARER }, { NULL, 0 }
};
static const struct config_word client_auths[] = {
    { "body", false }, { "basic", true }, { NULL, 0 }
};
static const struct config_word tls_uses[] = {
    { "starttls", TLS_STARTTLS }, { "implicit", TLS_IMPLICIT },
    { "none", TLS_NONE }, { NULL, 0 }
};
static const struct config_word tls_versions[] = {
    { "1.2", 12 }, { "1.3", 13 }, { NULL, 0 }
};
static const struct config_word auths[] = {
    { "auto", 0 }, { "none", 0 }, { NULL, 0 }
};
static const struct config_word extensions[] = {
    { "PIPELINING", 0 }, { "SIZE", 0 }, { "8BITMIME", 0 }, { "SMTPUTF8", 0 },
    { "DSN", 0 }, { "CHUNKING", 0 }, { NULL, 0 }
};
static const struct config_word inets[] = {
    { "any", INET_ANY }, { "ipv4", INET_IPV4 }, { "ipv6", INET_IPV6 },
    { NULL, 0 }
};

static const struct config_key top_keys[] = {
    { "hostname", STRING(config, hostname), .take = config_take_hello },
    { "domain", STRING(config, domain), .take = config_take_domain },
    { "aliases", .kind = CONFIG_STRING, PLAIN(config, aliases),
      .take = config_take_path, .initial = "/etc/aliases" },
    { "local_recipient", STRING(config, local_recipient),
      .take = config_take_address },
    { "delivery", PLAIN(config, delivery), .take = config_take_word,
      .initial = "queue", .words = deliveries },
    { "spool", .kind = CONFIG_STRING, PLAIN(config, spool),
      .take = config_take_path, .min = 1,
      .initial = POSTRIDER_LOCALSTATEDIR "/spool/postrider" },
    { "make_spool", PLAIN(config, make_spool), .take = config_take_bool,
      .initial = "false" },
    { "control", STRING(config, control), .take = config_take_path },
    { "metrics", STRING(config, metrics), .take = config_take_path },
    { "user", .kind = CONFIG_STRING, PLAIN(config, user),
      .take = config_take_text, .initial = "postrider" },
    { "listen", .kind = CONFIG_LIST, PLAIN(config, listen),
      .take = config_take_listen },
    { "message_size_limit", PLAIN(config, message_size_limit),
      .take = config_take_size, .initial = "50M", .min = 1,
      .max = (uint64_t)1 << 40,
      .allowed = "must be a size such as 800k, 50M or 1G" },
    { "retry_first", PLAIN(config, retry_first), .take = config_take_time,
      .initial = "1m", .min = 1, .max = DAY,
      .allowed = A_TIME ", at most 1d" },
    { "retry_longest", PLAIN(config, retry_longest), .take = config_take_time,
      .initial = "1h", .min = 1, .max = 7 * DAY,
      .allowed = A_TIME ", at most 7d" },
    { "expire_after", PLAIN(config, expire_after), .take = config_take_time,
      .initial = "5d", .min = 1, .max = 365 * DAY,
      .allowed = A_TIME ", at most 365d" },
    { "delay_warning", PLAIN(config, delay_warning), .take = config_take_time,
      .initial = "4h", .max = 365 * DAY,
      .allowed = A_TIME ", at most 365d, or 0 for none" },
    { "drain", PLAIN(config, drain), .take = config_take_time,
      .initial = "0", .max = 3600, .allowed = A_TIME ", at most 1h, or 0" },
    { "redirect_all", STRING(config, redirect_all),
      .take = config_take_address },
    { "extract", PLAIN(config, subtract_arguments),
      .take = config_take_choice, .initial = "add", .words = extracts },
    { "sandbox", PLAIN(config, sandbox),
      .take = config_take_bool, .initial = "true" },
    { "log", PLAIN(config, log), .take = config_take_word,
      .initial = "syslog", .words = logs },
};

static const struct config_key smarthost_keys[] = {
    { "host", STRING(smarthost, host), .take = config_take_host },
    { "port", PLAIN(smarthost, port), .take = config_take_port,
      .min = 1, .max = 65535 },
    { "tls", PLAIN(smarthost, tls), .take = config_take_word,
      .initial = "starttls", .words = tls_uses },
    { "tls_ca_file", STRING(smarthost, tls_ca_file),
      .take = config_take_path },
    { "tls_fingerprint", STRING(smarthost, tls_fingerprint),
      .take = config_take_fingerprint },
    { "tls_min_version", PLAIN(smarthost, tls_min_version),
      .take = config_take_word, .initial = "1.2", .words = tls_versions },
    { "tls_groups", STRING(smarthost, tls_groups), .take = config_take_text },
    { "tls_cert_file", STRING(smarthost, tls_cert_file),
      .take = config_take_path },
    { "tls_key_file", STRING(smarthost, tls_key_file),
      .take = config_take_path },
    { "auth", .kind = CONFIG_STRING, PLAIN(smarthost, auth),
      .take = config_take_auth, .initial = "auto", .words = auths },
    { "user", STRING(smarthost, user), .take = config_take_text },
    { "password_file", STRING(smarthost, password_file),
      .take = config_take_path, .hidden = true },
    { "password_command", STRING(smarthost, password_command),
      .take = config_take_command, .hidden = true },
    { "password_credential", STRING(smarthost, password_credential),
      .take = config_take_credential, .hidden = true },
    { "oauth", STRING(smarthost, oauth), .take = config_take_text },
    { "password_in_clear", PLAIN(smarthost, password_in_clear),
      .take = config_take_bool, .initial = "false" },
    { "extensions_ignored", .kind = CONFIG_LIST,
      PLAIN(smarthost, extensions_ignored), .take = config_take_keyword,
      .words = extensions },
    { "connections", PLAIN(smarthost, connections),
      .take = config_take_number, .initial = "20", .min = 1, .max = 100 },
    { "messages_per_connection", PLAIN(smarthost, messages_per_connection),
      .take = config_take_number, .initial = "1000", .min = 1,
      .max = 1000000 },
    { "messages_per_minute", PLAIN(smarthost, messages_per_minute),
      .take = config_take_number, .initial = "0", .max = 1000000 },
    { "inet", PLAIN(smarthost, inet), .take = config_take_word,
      .initial = "any", .words = inets },
    { "source_address", STRING(smarthost, source_address),
      .take = config_take_ip },
    { "timeout", PLAIN(smarthost, timeout), .take = config_take_time,
      .initial = "5m", .min = 1, .max = DAY,
      .allowed = A_TIME ", at most 1d" },
};

static const struct config_key sender_keys[] = {
    { "address", STRING(sender_rule, address), .take = config_take_address },
    { "envelope", PLAIN(sender_rule, envelope_is_from),
      .take = config_take_word, .initial = "user", .words = envelopes },
    { "name", STRING(sender_rule, name), .take = config_take_text },
    { "replace_name", PLAIN(sender_rule, replace_name),
      .take = config_take_bool, .initial = "false" },
    { "smarthost", STRING(sender_rule, smarthost),
      .take = config_take_text },
};

static const struct config_key oauth_keys[] = {
    { "flow", PLAIN(oauth, flow), .take = config_take_word,
      .initial = "refresh_token", .words = flows },
    { "token_url", STRING(oauth, token_url), .take = config_take_https },
    { "device_url", STRING(oauth, device_url), .take = config_take_https },
    { "authorize_url", STRING(oauth, authorize_url),
      .take = config_take_https },
    { "revoke_url", STRING(oauth, revoke_url), .take = config_take_https },
    { "client_id", STRING(oauth, client_id), .take = config_take_text },
    { "client_secret_file", STRING(oauth, client_secret_file),
      .take = config_take_path, .hidden = true },
    { "client_auth", PLAIN(oauth, client_auth_basic),
      .take = config_take_choice, .initial = "body", .words = client_auths },
    { "client_key_file", STRING(oauth, client_key_file),
      .take = config_take_path, .hidden = true },
    { "client_cert_file", STRING(oauth, client_cert_file),
      .take = config_take_path },
    { "scope", STRING(oauth, scope), .take = config_take_text },
    { "subject", STRING(oauth, subject), .take = config_take_text },
    { "state", STRING(oauth, state), .take = config_take_path },
    { "renew", PLAIN(oauth, renew), .take = config_take_time,
      .initial = "1d", .max = 365 * DAY,
      .allowed = A_TIME ", at most 365d, or 0 for never" },
    { "tls_ca_file", STRING(oauth, tls_ca_file), .take = config_take_path },
    { "proxy", STRING(oauth, proxy), .take = config_take_text },
};

static const struct config_keys sections[] = {
    [CONFIG_TOP] = { "", top_keys, COUNT(top_keys) },
    [CONFIG_SMARTHOST] = { "smarthost", smarthost_keys,
                           COUNT(smarthost_keys) },
    [CONFIG_SENDER] = { "sender", sender_keys, COUNT(sender_keys) },
    [CONFIG_OAUTH] = { "oauth", oauth_keys, COUNT(oauth_keys) },
};

const struct config_keys *config_keys_of(enum config_section section)
{
    return &sections[section];
}

void config_keys_init(enum config_section section, void *object)
{
    const struct config_keys *table = &sections[section];
    struct error ignored;

    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        if (key->initial != NULL)
            key->take(key, key->initial, (char *)object + key->offset,
                      &ignored);
    }
}

void config_keys_free(enum config_section section, void *object)
{
    const struct config_keys *table = &sections[section];

    for (size_t i = 0; i < table->count; i++) {
        void *member = (char *)object + table->keys[i].offset;
        if (table->keys[i].kind == CONFIG_STRING)
            free(*(char **)member);
        else if (table->keys[i].kind == CONFIG_LIST)
            strings_free(member);
    }
}

static const struct config_key *find_key(enum config_section section,
                                         const char *name)
{
    const struct config_keys *table = &sections[section];

    for (size_t i = 0; i < table->count; i++)
        if (text_equal_case(table->keys[i].name, name))
            return &table->keys[i];
    return NULL;
}

/* A hidden value may be wrong because it holds what is secret. */
static bool blame_value(const struct config_key *key, const char *text,
                        struct error *err)
{
    return key->hidden ? error_prefix(err, "%s", key->name)
                       : error_prefix(err, "%s = %s", key->name, text);
}

bool config_keys_take(const struct config_key *key, const char *text,
                      void *object, struct error *err)
{
    return key->take(key, text, (char *)object + key->offset, err) ||
           blame_value(key, text, err);
}

bool config_keys_check(enum config_section section, const char *name,
                       const char *text, struct error *err)
{
    const struct config_key *key = find_key(section, name);
    union { char *text; uint64_t number; } member = { 0 };

    bool right = key->take(key, text, &member, err) ||
                 blame_value(key, text, err);
    if (key->kind == CONFIG_STRING)
        free(member.text);
    return right;
}

unsigned config_keys_line(enum config_section section, const unsigned *lines,
                          const char *name)
{
    return lines[find_key(section, name) - sections[section].keys];
}

bool config_place_prefix(struct error *err, const struct config_place *place)
{
    err->fault = FAULT_CONFIG;
    if (place->section != CONFIG_TOP)
        error_prefix(err, "%s \"%s\"", sections[place->section].section,
                     place->title);
    return error_at(err, place->path, place->line);
}

static const char *nearest(const struct config_keys *table, const char *name)
{
    const char *best = NULL;
    size_t least = strlen(name) < 4 ? 2 : 3;

    for (size_t i = 0; i < table->count; i++) {
        size_t letters = text_distance(table->keys[i].name, name);
        if (letters < least) {
            least = letters;
            best = table->keys[i].name;
        }
    }
    return best;
}

/* A key of another section: a brace is in the wrong place. */
static const char *home_of(const char *name)
{
    static const char *const homes[] = {
        [CONFIG_TOP] = "outside of sections",
        [CONFIG_SMARTHOST] = "in a smarthost section",
        [CONFIG_SENDER] = "in a sender section",
        [CONFIG_OAUTH] = "in an oauth section",
    };

    for (size_t i = 0; i < COUNT(sections); i++)
        if (find_key((enum config_section)i, name) != NULL)
            return homes[i];
    return NULL;
}

static char *list_keys(const struct config_keys *table)
{
    struct buf list;

    buf_init(&list, SIZE_MAX);
    for (size_t i = 0; i < table->count; i++)
        buf_add_format(&list, "%s%s", i == 0 ? "" : ", ",
                       table->keys[i].name);
    return buf_take(&list);
}

bool config_keys_unknown(enum config_section section, const char *name,
                         struct error *err)
{
    const struct config_keys *table = &sections[section];
    const char *near = nearest(table, name);

    if (text_equal_case(name, "password"))
        return error_set(err, FAULT_CONFIG, "unknown key \"%s\": the password "
                         "is kept in a file that only its user can read",
                         name) ||
               error_remedy(err, "set password_file = "
                            "\"/etc/postrider/password\"");
    if (text_equal_case(name, "include"))
        return error_set(err, FAULT_CONFIG,
                         "unknown key \"%s\": one file holds everything",
                         name);
    if (near == NULL && home_of(name) != NULL)
        return error_set(err, FAULT_CONFIG,
                         "unknown key \"%s\" here: it belongs %s", name,
                         home_of(name));
    if (near != NULL)
        return error_set(err, FAULT_CONFIG, "unknown key \"%s\"", name) ||
               error_remedy(err, "did you mean %s?", near);
    char *list = list_keys(table);
    error_set(err, FAULT_CONFIG, "unknown key \"%s\": known are %s%s", name,
              list, section == CONFIG_TOP
                    ? ", smarthost, sender and oauth sections" : "");
    free(list);
    return false;
}
