#include "config/config_values.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_keys.h"
#include "config/password_command.h"
#include "mail/address.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/host.h"
#include "util/sasl.h"
#include "util/strings.h"
#include "util/text.h"

static bool refuse(struct error *err, const char *allowed)
{
    return error_set(err, FAULT_CONFIG, "%s", allowed);
}

static void set_string(void *member, char *text)
{
    char **string = member;

    free(*string);
    *string = text;
}

static bool is_clean(const char *text)
{
    size_t length = strlen(text);

    return !text_has_control(text, length) && text_is_utf8(text, length);
}

CONFIG_TAKE(config_take_text)
{
    (void)key;
    if (!is_clean(text))
        return refuse(err, "must be UTF-8 without control characters");
    set_string(member, alloc_string(text));
    return true;
}

CONFIG_TAKE(config_take_path)
{
    bool is_empty = *text == '\0' && key->min == 0;

    if (!is_clean(text) || (*text != '/' && !is_empty))
        return refuse(err, "must be an absolute path");
    set_string(member, alloc_string(text));
    return true;
}

static void list_words(struct buf *list, const struct config_word *words)
{
    for (size_t i = 0; words[i].word != NULL; i++) {
        if (i > 0)
            buf_add_text(list, words[i + 1].word == NULL ? " or " : ", ");
        buf_add_text(list, words[i].word);
    }
}

static const struct config_word *find_word(const struct config_key *key,
                                           const char *text)
{
    for (size_t i = 0; key->words[i].word != NULL; i++)
        if (text_equal_case(key->words[i].word, text))
            return &key->words[i];
    return NULL;
}

static const struct config_word *need_word(const struct config_key *key,
                                           const char *text,
                                           struct error *err)
{
    const struct config_word *word = find_word(key, text);
    struct buf list;

    if (word != NULL)
        return word;
    buf_init(&list, SIZE_MAX);
    list_words(&list, key->words);
    error_set(err, FAULT_CONFIG, "must be %s", list.data);
    buf_free(&list);
    return NULL;
}

CONFIG_TAKE(config_take_word)
{
    const struct config_word *word = need_word(key, text, err);

    /* The members are enums, which gcc and clang hold in an unsigned. */
    if (word != NULL)
        memcpy(member, &word->value, sizeof word->value);
    return word != NULL;
}

static bool refuse_auth(const struct config_key *key, struct error *err)
{
    const struct sasl_mechanism *mechanism;
    struct buf list;

    buf_init(&list, SIZE_MAX);
    for (size_t i = 0; (mechanism = sasl_at(i)) != NULL; i++)
        if (!mechanism->binds)
            buf_add_format(&list, "%s, ", mechanism->key);
    list_words(&list, key->words);
    error_set(err, FAULT_CONFIG, "must be %s", list.data);
    buf_free(&list);
    return false;
}

CONFIG_TAKE(config_take_auth)
{
    const struct sasl_mechanism *mechanism = sasl_find(text);
    const struct config_word *word = find_word(key, text);

    if (mechanism == NULL && word == NULL)
        return refuse_auth(key, err);
    set_string(member, alloc_string(mechanism != NULL ? mechanism->key
                                                      : word->word));
    return true;
}

CONFIG_TAKE(config_take_choice)
{
    const struct config_word *word = need_word(key, text, err);

    if (word != NULL)
        *(bool *)member = word->value != 0;
    return word != NULL;
}

CONFIG_TAKE(config_take_keyword)
{
    (void)member;
    return need_word(key, text, err) != NULL;
}

CONFIG_TAKE(config_take_bool)
{
    static const struct config_word words[] = {     /* libconfuse's own */
        { "true", true }, { "yes", true }, { "on", true },
        { "false", false }, { "no", false }, { "off", false }
    };

    (void)key;
    for (size_t i = 0; i < COUNT(words); i++)
        if (text_equal_case(words[i].word, text)) {
            *(bool *)member = words[i].value != 0;
            return true;
        }
    return refuse(err, "must be true or false");
}

static bool read_number(const struct config_key *key, const char *text,
                        uint64_t *number, struct error *err)
{
    if (text_to_number(text, key->max, number) && *number >= key->min)
        return true;
    return error_set(err, FAULT_CONFIG, "must be %llu to %llu",
                     (unsigned long long)key->min,
                     (unsigned long long)key->max);
}

CONFIG_TAKE(config_take_number)
{
    uint64_t number;

    if (!read_number(key, text, &number, err))
        return false;
    *(unsigned *)member = (unsigned)number;
    return true;
}

CONFIG_TAKE(config_take_port)
{
    uint64_t number;

    if (!read_number(key, text, &number, err))
        return false;
    *(uint16_t *)member = (uint16_t)number;
    return true;
}

CONFIG_TAKE(config_take_size)
{
    uint64_t octets;

    if (!text_to_size(text, &octets) || octets < key->min ||
        octets > key->max)
        return refuse(err, key->allowed);
    *(uint64_t *)member = octets;
    return true;
}

CONFIG_TAKE(config_take_time)
{
    uint64_t seconds;

    if (!text_to_duration(text, &seconds) || seconds < key->min ||
        seconds > key->max)
        return refuse(err, key->allowed);
    *(int64_t *)member = (int64_t)seconds * 1000;
    return true;
}

CONFIG_TAKE(config_take_address)
{
    (void)key;
    char *address = address_parse_one(text, err);
    if (address != NULL && *address != '\0' && !address_check(address, err)) {
        free(address);
        address = NULL;
    }
    if (address == NULL)
        return error_prefix(err, "must be one complete address");
    set_string(member, address);
    return true;
}

CONFIG_TAKE(config_take_command)
{
    struct strings words = { 0 };

    (void)key;
    bool done = is_clean(text) && password_command_split(text, &words) &&
                (words.count > 0 || *text == '\0');
    strings_free(&words);
    if (!done)
        return refuse(err, "must be a command with its arguments, "
                      "every quote closed");
    set_string(member, alloc_string(text));
    return true;
}

CONFIG_TAKE(config_take_credential)
{
    (void)key;
    if (!is_clean(text) || strchr(text, '/') != NULL ||
        strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return refuse(err, "must be the name of a credential, not a path");
    set_string(member, alloc_string(text));
    return true;
}

bool config_check_name(const char *name, struct error *err)
{
    if (*name == '\0' || !is_clean(name))
        return error_set(err, FAULT_CONFIG, "needs a name of UTF-8 text "
                         "without control characters");
    return true;
}

bool config_check_match(const char *match, struct error *err)
{
    if (*match == '@') {
        if (match[1] == '\0' || !host_is_name(match + 1))
            return error_set(err, FAULT_CONFIG, "is no domain");
        return true;
    }
    if (strchr(match, '@') != NULL)
        return address_check(match, err);
    if (*match == '\0' || !is_clean(match))
        return error_set(err, FAULT_CONFIG, "must be a login name, an "
                         "address, @domain or \"*\"");
    return true;
}
