#include "util/sasl.h"

#include "util/text.h"

static const struct sasl_mechanism mechanisms[] = {
    { .name = "SCRAM-SHA-512-PLUS", .key = "scram-sha-512", .binds = true },
    { .name = "SCRAM-SHA-256-PLUS", .key = "scram-sha-256", .binds = true },
    { .name = "SCRAM-SHA-512", .key = "scram-sha-512" },
    { .name = "SCRAM-SHA-256", .key = "scram-sha-256" },
    { .name = "CRAM-MD5", .key = "cram-md5" },
    { .name = "PLAIN", .key = "plain", .in_clear = true },
    { .name = "LOGIN", .key = "login", .in_clear = true },
    { .name = "OAUTHBEARER", .key = "oauthbearer", .in_clear = true,
      .secret = SASL_TOKEN },
    { .name = "XOAUTH2", .key = "xoauth2", .in_clear = true,
      .secret = SASL_TOKEN },
    { .name = "EXTERNAL", .key = "external", .secret = SASL_CERTIFICATE },
};

const struct sasl_mechanism *sasl_at(size_t i)
{
    return i < COUNT(mechanisms) ? &mechanisms[i] : NULL;
}

const struct sasl_mechanism *sasl_find(const char *key)
{
    for (size_t i = 0; i < COUNT(mechanisms); i++)
        if (!mechanisms[i].binds && text_equal_case(mechanisms[i].key, key))
            return &mechanisms[i];
    return NULL;
}
