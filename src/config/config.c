#include "config/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_keys.h"
#include "util/alloc.h"

struct config *config_new(const char *path)
{
    struct config *config = alloc_zero(1, sizeof *config);

    config->path = alloc_string(path);
    config->source = alloc_string(path);
    config_keys_init(CONFIG_TOP, config);
    config->lines = alloc_zero(config_keys_of(CONFIG_TOP)->count,
                               sizeof *config->lines);
    return config;
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
