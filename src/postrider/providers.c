#include "postrider/providers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/sasl.h"
#include "util/text.h"

static const struct key {
    const char *name;
    bool is_list;           /* a struct strings, else a char pointer */
    bool has_words;         /* a value is several of them */
    size_t offset;
} keys[] = {
#define TEXT(member) false, false, offsetof(struct provider, member)
    { "id", TEXT(id) },
    { "short", TEXT(short_id) },
    { "name", TEXT(name) },
    { "domains", true, true, offsetof(struct provider, domains) },
    { "host", TEXT(host) },
    { "region", TEXT(region) },
    { "port", TEXT(port) },
    { "tls", TEXT(tls) },
    { "auth", TEXT(auth) },
    { "user", TEXT(user) },
    { "login", TEXT(login) },
    { "password", TEXT(password) },
    { "sender", TEXT(sender) },
    { "connections", TEXT(connections) },
    { "self-signed", TEXT(self_signed) },
    { "tenant", TEXT(tenant) },
    { "token-url", TEXT(token_url) },
    { "device-url", TEXT(device_url) },
    { "authorize-url", TEXT(authorize_url) },
    { "revoke-url", TEXT(revoke_url) },
    { "scope", TEXT(scope) },
    { "client-secret", TEXT(client_secret) },
    { "note", true, false, offsetof(struct provider, notes) },
#undef TEXT
};

struct reading {
    struct providers *providers;
    const char *path;
    unsigned line;
    bool is_inside;         /* of a stanza */
};

static bool fault(const struct reading *reading, const char *text,
                  struct error *err)
{
    return error_set(err, FAULT_CONFIG, "%s", text) ||
           error_at(err, reading->path, reading->line);
}

static struct provider *last(const struct providers *providers)
{
    return &providers->items[providers->count - 1];
}

static bool end_stanza(struct reading *reading, struct error *err)
{
    if (!reading->is_inside)
        return true;
    reading->is_inside = false;
    const struct provider *provider = last(reading->providers);
    return (provider->id != NULL && provider->name != NULL &&
            provider->host != NULL) ||
           fault(reading, "the provider before has no id, name or host", err);
}

static void begin_stanza(struct reading *reading)
{
    struct providers *providers = reading->providers;

    providers->items = alloc_resize(providers->items, providers->count + 1,
                                    sizeof *providers->items);
    providers->items[providers->count++] = (struct provider){ 0 };
    reading->is_inside = true;
}

static void add_words(struct strings *list, const char *words)
{
    while (*words != '\0') {
        const char *end = strchrnul(words, ' ');
        if (end > words)
            strings_take(list, alloc_bytes(words, (size_t)(end - words)));
        words = *end == ' ' ? end + 1 : end;
    }
}

static bool take(struct reading *reading, const char *name, const char *value,
                 struct error *err)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (strcmp(keys[i].name, name) != 0)
            continue;
        void *member = (char *)last(reading->providers) + keys[i].offset;
        if (keys[i].has_words)
            add_words(member, value);
        else if (keys[i].is_list)
            strings_add(member, value);
        else if (*(char **)member != NULL)
            return fault(reading, "this key was set before", err);
        else
            *(char **)member = alloc_string(value);
        return true;
    }
    return fault(reading, "unknown key", err);
}

static bool take_line(struct reading *reading, char *line, struct error *err)
{
    char *end = strchrnul(line, '\n');

    while (end > line && text_is_space(end[-1]))
        end--;
    *end = '\0';
    if (*line == '#')
        return true;
    if (*line == '\0')
        return end_stanza(reading, err);
    char *value = strchr(line, ':');
    if (value == NULL || value[1] != ' ' ||
        text_has_control(line, (size_t)(end - line)))
        return fault(reading, "must be \"key: value\"", err);
    *value = '\0';
    if (!reading->is_inside)
        begin_stanza(reading);
    return take(reading, line, value + 2, err);
}

static bool read_lines(struct reading *reading, FILE *file, struct error *err)
{
    char *line = NULL;
    size_t size = 0;
    bool done = true;

    while (done && getline(&line, &size, file) != -1) {
        reading->line++;
        done = take_line(reading, line, err);
    }
    if (done && ferror(file))
        done = error_sys(err, FAULT_CONFIG, "%s", reading->path);
    free(line);
    return done && end_stanza(reading, err);
}

bool providers_load(struct providers *providers, const char *path,
                    struct error *err)
{
    struct reading reading = { .providers = providers, .path = path };
    FILE *file = fopen(path, "re");

    *providers = (struct providers){ 0 };
    if (file == NULL)
        return error_sys(err, FAULT_CONFIG, "%s", path);
    bool done = read_lines(&reading, file, err);
    fclose(file);
    if (!done)
        providers_free(providers);
    return done;
}

void providers_free(struct providers *providers)
{
    for (size_t i = 0; i < providers->count; i++)
        for (size_t k = 0; k < COUNT(keys); k++) {
            void *member = (char *)&providers->items[i] + keys[k].offset;
            if (keys[k].is_list)
                strings_free(member);
            else
                free(*(char **)member);
        }
    free(providers->items);
    *providers = (struct providers){ 0 };
}

const struct provider *providers_find(const struct providers *providers,
                                      const char *id)
{
    for (size_t i = 0; i < providers->count; i++) {
        const struct provider *provider = &providers->items[i];
        if (text_equal_case(provider->id, id) ||
            (provider->short_id != NULL &&
             text_equal_case(provider->short_id, id)))
            return provider;
    }
    return NULL;
}

const struct provider *providers_of_domain(const struct providers *providers,
                                           const char *domain)
{
    for (size_t i = 0; i < providers->count; i++) {
        const struct strings *domains = &providers->items[i].domains;
        for (size_t k = 0; k < domains->count; k++)
            if (text_equal_case(domains->items[k], domain))
                return &providers->items[i];
    }
    return NULL;
}

bool provider_wants_token(const struct provider *provider)
{
    const struct sasl_mechanism *mechanism =
        provider->auth != NULL ? sasl_find(provider->auth) : NULL;

    return mechanism != NULL && mechanism->secret == SASL_TOKEN;
}

bool provider_wants_sender(const struct provider *provider)
{
    return provider->sender != NULL &&
           strcmp(provider->sender, "account") == 0;
}
