/* status.c - postrider-oauth status: what is kept, and until when */
#include "oauth/commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "oauth/client.h"
#include "oauth/grant.h"
#include "util/alloc.h"
#include "util/text.h"

static void print_time(const char *label, int64_t when)
{
    time_t seconds = (time_t)when;
    struct tm parts;
    char text[32];

    if (when == 0 || localtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        return;
    printf("    %-22s%s\n", label, text);
}

static void print_text(const struct client *client, const struct grant *grant)
{
    bool is_over = grant->refresh_expires != 0 &&
                   grant->refresh_expires <= time(NULL);

    printf("%s: %s\n", client->oauth->name,
           client->oauth->flow != OAUTH_REFRESH_TOKEN ? "logs in by itself"
           : grant->refresh_token == NULL ? "not logged in"
           : is_over ? "the login has expired" : "logged in");
    print_time("login", grant->login);
    print_time("last renewal", grant->obtained);
    print_time("token until", grant->expires);
    print_time("new login needed by", grant->refresh_expires);
    print_time("refused", grant->refused);
    if (grant->wait_until > time(NULL))
        print_time("no request before", grant->wait_until);
}

static void print_member(const char *name, int64_t when)
{
    if (when == 0)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %lld", name, (long long)when);
}

static void print_json(const struct client *client, const struct grant *grant)
{
    printf("{\"name\": ");
    text_print_json(stdout, client->oauth->name);
    printf(", \"logged_in\": %s",
           grant->refresh_token != NULL ? "true" : "false");
    print_member("login", grant->login);
    print_member("renewed", grant->obtained);
    print_member("expires", grant->expires);
    print_member("refresh_expires", grant->refresh_expires);
    print_member("wait_until", grant->wait_until);
    print_member("refused", grant->refused);
    printf("}\n");
}

static bool load_and_print(const struct client *client,
                           void (*print)(const struct client *client,
                                         const struct grant *grant),
                           struct error *err)
{
    struct grant grant = { 0 };
    bool done = grant_load(client, &grant, err);

    if (done)
        print(client, &grant);
    grant_free(&grant);
    return done;
}

bool status_print(const struct client *client, struct error *err)
{
    return load_and_print(client, print_text, err);
}

static bool print_one(const struct client *client, bool is_json,
                      struct error *err)
{
    return is_json ? load_and_print(client, print_json, err)
                   : status_print(client, err);
}

/* All are opened before client_confine(), after which the process can read
 * neither the configuration nor the files of a client that is not open yet. */
static bool print_all(bool is_json, struct error *err)
{
    struct config *config = config_load(err);
    size_t count = config == NULL ? 0 : config->oauth_count;
    struct client *clients = alloc_zero(count + 1, sizeof *clients);
    bool done = config != NULL;

    for (size_t i = 0; done && i < count; i++)
        done = client_open_section(&clients[i], config, &config->oauths[i],
                                   err);
    if (done)
        client_confine(clients, count);
    for (size_t i = 0; done && i < count; i++)
        done = print_one(&clients[i], is_json, err);
    for (size_t i = 0; i < count; i++)
        client_close(&clients[i]);
    free(clients);
    config_free(config);
    return done;
}

static bool print_named(const char *name, bool is_json, struct error *err)
{
    struct client client;
    bool done = client_open(&client, name, false, err);

    if (done) {
        client_confine(&client, 1);
        done = print_one(&client, is_json, err);
    }
    client_close(&client);
    return done;
}

bool command_status(int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' }, { 0 }
    };
    bool is_json = false, is_right = true;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        is_json = option == 'j';
        is_right = is_right && is_json;
    }
    if (!is_right || argc - optind > 1)
        return error_set(err, FAULT_USAGE, "usage: postrider-oauth status "
                         "[NAME] [--json]");
    return optind < argc ? print_named(argv[optind], is_json, err)
                         : print_all(is_json, err);
}
