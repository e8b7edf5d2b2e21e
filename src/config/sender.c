#include "config/sender.h"

#include <string.h>

#include "config/config.h"
#include "mail/address.h"
#include "util/text.h"

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

const struct sender_rule *sender_match(const struct config *config,
                                       const char *login,
                                       const char *reverse_path,
                                       const char *from)
{
    for (size_t i = 0; i < config->sender_count; i++)
        if (matches(config->senders[i].match, login, reverse_path, from))
            return &config->senders[i];
    return NULL;
}

const struct sender_rule *sender_match_null(const struct config *config,
                                            bool *is_own)
{
    const struct sender_rule *rule = sender_match(config, NULL, "", NULL);

    *is_own = rule != NULL && strcmp(rule->match, "<>") == 0;
    return rule;
}
