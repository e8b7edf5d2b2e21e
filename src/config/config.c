#include "config/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_keys.h"
#include "mail/address.h"
#include "util/alloc.h"
#include "util/text.h"

static unsigned *new_lines(enum config_section section)
{
    return alloc_zero(config_keys_of(section)->count, sizeof(unsigned));
}

struct config *config_new(const char *path)
{
    struct config *config = alloc_zero(1, sizeof *config);

    config->path = alloc_string(path);
    config->source = alloc_string(path);
    config_keys_init(CONFIG_TOP, config);
    config->lines = new_lines(CONFIG_TOP);
    return config;
}

void config_add_smarthost(struct config *config, const char *name,
                          unsigned line)
{
    config->smarthosts = alloc_more(config->smarthosts,
                                    config->smarthost_count,
                                    sizeof *config->smarthosts);
    struct smarthost *added = &config->smarthosts[config->smarthost_count++];
    *added = (struct smarthost){ .name = alloc_string(name), .line = line,
                                 .lines = new_lines(CONFIG_SMARTHOST) };
    config_keys_init(CONFIG_SMARTHOST, added);
}

void config_add_sender(struct config *config, const char *match, unsigned line)
{
    config->senders = alloc_more(config->senders, config->sender_count,
                                 sizeof *config->senders);
    struct sender_rule *added = &config->senders[config->sender_count++];
    *added = (struct sender_rule){ .match = alloc_string(match), .line = line,
                                   .lines = new_lines(CONFIG_SENDER) };
    config_keys_init(CONFIG_SENDER, added);
}

void config_add_oauth(struct config *config, const char *name, unsigned line)
{
    config->oauths = alloc_more(config->oauths, config->oauth_count,
                                sizeof *config->oauths);
    struct oauth *added = &config->oauths[config->oauth_count++];
    *added = (struct oauth){ .name = alloc_string(name), .line = line,
                             .lines = new_lines(CONFIG_OAUTH) };
    config_keys_init(CONFIG_OAUTH, added);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->smarthost_count; i++) {
        free(config->smarthosts[i].name);
        free(config->smarthosts[i].lines);
        config_keys_free(CONFIG_SMARTHOST, &config->smarthosts[i]);
    }
    for (size_t i = 0; i < config->sender_count; i++) {
        free(config->senders[i].match);
        free(config->senders[i].lines);
        config_keys_free(CONFIG_SENDER, &config->senders[i]);
    }
    for (size_t i = 0; i < config->oauth_count; i++) {
        free(config->oauths[i].name);
        free(config->oauths[i].lines);
        config_keys_free(CONFIG_OAUTH, &config->oauths[i]);
    }
    free(config->smarthosts);
    free(config->senders);
    free(config->oauths);
    free(config->path);
    free(config->source);
    free(config->lines);
    config_keys_free(CONFIG_TOP, config);
    free(config->kernel_name);
    free(config);
}

bool config_check_owner(const struct config *config, const char *refused,
                        struct error *err)
{
    const char *path = config->source;

    if (config->owner != 0 && config->owner != geteuid())
        return error_set(err, FAULT_CONFIG, "%s: %s: it belongs to uid %lu, "
                         "who can send all mail elsewhere", path, refused,
                         (unsigned long)config->owner) ||
               error_remedy(err, "chown %lu %s", (unsigned long)geteuid(),
                            path);
    if (!config->owner_only)
        return error_set(err, FAULT_CONFIG, "%s: %s: others can write it",
                         path, refused) ||
               error_remedy(err, "chmod go-w %s", path);
    return true;
}

bool config_is_set(const struct config *config, const char *key)
{
    return config_keys_line(CONFIG_TOP, config->lines, key) != 0;
}

const struct smarthost *config_smarthost(const struct config *config,
                                         const char *name)
{
    for (size_t i = 0; i < config->smarthost_count; i++)
        if (strcmp(config->smarthosts[i].name, name) == 0)
            return &config->smarthosts[i];
    return NULL;
}

const struct oauth *config_oauth(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->oauth_count; i++)
        if (strcmp(config->oauths[i].name, name) == 0)
            return &config->oauths[i];
    return NULL;
}

static bool has_domain(const char *address, const char *at_domain)
{
    const char *at = address_at(address);

    return at != NULL && text_equal_case(at, at_domain);
}

static bool matches_address(const char *match, const char *address)
{
    if (address == NULL)
        return false;
    return *match == '@' ? has_domain(address, match)
                         : address_equal(match, address);
}

/* A login name can have an @ where a directory service gives them. */
static bool matches(const char *match, const char *login,
                    const char *reverse_path, const char *from)
{
    if (strcmp(match, "<>") == 0)
        return *reverse_path == '\0';
    if (strcmp(match, "*") == 0 ||
        (login != NULL && strcmp(match, login) == 0))
        return true;
    return strchr(match, '@') != NULL &&
           (matches_address(match, reverse_path) ||
            matches_address(match, from));
}

const struct sender_rule *config_sender(const struct config *config,
                                        const char *login,
                                        const char *reverse_path,
                                        const char *from)
{
    for (size_t i = 0; i < config->sender_count; i++)
        if (matches(config->senders[i].match, login, reverse_path, from))
            return &config->senders[i];
    return NULL;
}

const struct sender_rule *config_sender_null(const struct config *config,
                                             bool *is_own)
{
    const struct sender_rule *rule = config_sender(config, NULL, "", NULL);

    *is_own = rule != NULL && strcmp(rule->match, "<>") == 0;
    return rule;
}
