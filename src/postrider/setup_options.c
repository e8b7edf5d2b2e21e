/* setup_options.c - the command line of postrider setup */
#include "postrider/setup.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/text.h"

#define FIRST_CODE 256          /* of the options: no letter */
#define TEXT(member) offsetof(struct setup, member), true
#define FLAG(member) offsetof(struct setup, member), false

static const struct rule {
    const char *name;
    const char *argument;       /* what it is, for --help */
    size_t offset;
    bool is_text;
    const char *summary;
} rules[] = {
    { "provider", "ID", TEXT(provider_id), "one of --list-providers" },
    { "address", "ADDRESS", TEXT(address),
      "the mail address; its domain names the provider" },
    { "host", "HOST", TEXT(host), "the smarthost, if it is not a provider's" },
    { "port", "PORT", TEXT(port), "default 587; 465 with --tls implicit" },
    { "tls", "HOW", TEXT(tls), "starttls, implicit or none" },
    { "auth", "MECHANISM", TEXT(auth), "default: the best one offered" },
    { "region", "REGION", TEXT(region), "of a provider that has several" },
    { "tls-ca-file", "FILE", TEXT(ca_file), "authorities for its certificate" },
    { "tls-fingerprint", "SHA256", TEXT(fingerprint), "of its certificate" },
    { "user", "NAME", TEXT(user), "login name; default: the address" },
    { "password-file", "FILE", TEXT(password_file),
      "its first line is the password; - is standard input" },
    { "password-command", "COMMAND", TEXT(password_command),
      "a program that prints the password or token" },
    { "client-id", "CLIENT", TEXT(client_id),
      "of an OAuth application, whose tokens are the password" },
    { "client-secret-file", "FILE", TEXT(client_secret_file),
      "its first line is the application's secret" },
    { "tenant", "TENANT", TEXT(tenant),
      "that the application is in, with Microsoft 365" },
    { "device", NULL, FLAG(device), "log in by a code: postrider-oauth(1)" },
    { "paste", NULL, FLAG(paste), "log in by an address that is pasted" },
    { "root-to", "ADDRESS", TEXT(root_to),
      "where mail to root and other local users goes" },
    { "rewrite", NULL, FLAG(rewrite), "send everything as the address" },
    { "no-rewrite", NULL, FLAG(no_rewrite),
      "leave senders, even if the provider wants the address" },
    { "domain", "DOMAIN", TEXT(domain), "completes names without a domain" },
    { "hostname", "NAME", TEXT(hostname), "full name of this host" },
    { "direct", NULL, FLAG(direct), "no queue, no daemon" },
    { "output", "FILE", TEXT(output), "the configuration to write" },
    { "print", NULL, FLAG(print), "print it, without writing or connecting" },
    { "replace", NULL, FLAG(replace), "keep what was there as FILE.old" },
    { "no-test", NULL, FLAG(no_test), "write without trying it" },
    { "test-to", "ADDRESS", TEXT(test_to), "send a test message, too" },
    { "providers", "FILE", TEXT(providers_file), "read providers from FILE" },
    { "list-providers", NULL, FLAG(list_providers), "print them" },
    { "verbose", NULL, FLAG(verbose), "show the dialogue (-v)" },
    { "help", NULL, FLAG(help), "print this" },
};

static void apply(struct setup *setup, const struct rule *rule,
                  const char *value)
{
    char *member = (char *)setup + rule->offset;

    if (!rule->is_text) {
        *(bool *)member = true;
        return;
    }
    free(*(char **)member);
    *(char **)member = alloc_string(value);
}

static bool check_values(const struct setup *setup, struct error *err)
{
    if (setup->output != NULL && *setup->output == '\0')
        return error_set(err, FAULT_USAGE, "--output needs a file");
    if (setup->rewrite && setup->no_rewrite)
        return error_set(err, FAULT_USAGE, "--rewrite and --no-rewrite "
                         "exclude each other");
    if (setup->password_file != NULL && setup->password_command != NULL)
        return error_set(err, FAULT_USAGE, "--password-file and "
                         "--password-command exclude each other");
    if (setup->device && setup->paste)
        return error_set(err, FAULT_USAGE, "--device and --paste exclude each "
                         "other");
    if (setup->host != NULL && setup->provider_id != NULL)
        return error_set(err, FAULT_USAGE, "--host and --provider exclude "
                         "each other");
    return true;
}

bool setup_parse(struct setup *setup, int argc, char **argv,
                 struct error *err)
{
    struct option options[COUNT(rules) + 1] = { 0 };
    int code;

    for (size_t i = 0; i < COUNT(rules); i++)
        options[i] = (struct option){
            .name = rules[i].name,
            .has_arg = rules[i].is_text ? required_argument : no_argument,
            .val = FIRST_CODE + (int)i };
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":v", options, NULL)) == 'v' ||
           code >= FIRST_CODE)
        if (code == 'v')
            setup->verbose = true;
        else
            apply(setup, &rules[code - FIRST_CODE], optarg);
    if (code == ':')
        return error_set(err, FAULT_USAGE, "%s needs an argument",
                         argv[optind - 1]);
    if (code != -1)
        return error_set(err, FAULT_USAGE, "bad option %s",
                         argv[optind - 1]) ||
               error_remedy(err, "see postrider setup --help");
    if (optind < argc)
        return error_set(err, FAULT_USAGE, "setup takes options only, not "
                         "\"%s\"", argv[optind]);
    return check_values(setup, err);
}

bool setup_uses_oauth(const struct setup *setup)
{
    return setup->client_id != NULL;
}

void setup_print_options(void)
{
    puts("usage: postrider setup [OPTION ...]\nOn a terminal, setup asks for "
         "what no option gives.");
    for (size_t i = 0; i < COUNT(rules); i++) {
        char *name = alloc_format("--%s %s", rules[i].name,
                                  rules[i].is_text ? rules[i].argument : "");
        printf("  %-26s %s\n", name, rules[i].summary);
        free(name);
    }
}

void setup_free(struct setup *setup)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (rules[i].is_text)
            free(*(char **)((char *)setup + rules[i].offset));
    secret_wipe(&setup->password);
    secret_wipe(&setup->client_secret);
    free(setup->oauth_name);
    providers_free(&setup->providers);
}
