/* login.c - postrider-oauth login: log in with a browser, keep the tokens */
#include "oauth/login.h"

#include <getopt.h>
#include <stdio.h>

#include "config/config.h"
#include "control/client.h"
#include "oauth/client.h"
#include "oauth/commands.h"

#define WAKE_LIMIT 2000             /* milliseconds */

enum way { WAY_USUAL, WAY_DEVICE = 'd', WAY_PASTE = 'p' };

/* Google's codes for devices are for other scopes than mail. */
static enum way usual_way(const struct client *client)
{
    bool has_device = *client->oauth->device_url != '\0';
    bool has_paste = *client->oauth->authorize_url != '\0';

    return has_device && !(has_paste && login_is_google(client)) ? WAY_DEVICE
                                                                 : WAY_PASTE;
}

static bool log_in(const struct client *client, enum way way, struct error *err)
{
    const struct oauth *oauth = client->oauth;

    if (oauth->flow != OAUTH_REFRESH_TOKEN)
        return error_set(err, FAULT_CONFIG, "oauth \"%s\": with this flow "
                         "no person logs in", oauth->name);
    if (way == WAY_USUAL)
        way = usual_way(client);
    const char *url = way == WAY_DEVICE ? oauth->device_url
                                        : oauth->authorize_url;
    if (*url == '\0')
        return error_set(err, FAULT_CONFIG, "oauth \"%s\": %s is missing",
                         oauth->name, way == WAY_DEVICE ? "device_url"
                                                        : "authorize_url");
    return way == WAY_DEVICE ? login_by_device(client, err)
                             : login_by_paste(client, err);
}

static void take_no_line(void *context, char *line)
{
    (void)context;
    (void)line;
}

/* Mail that waited for this login goes now. Without a daemon it goes when there
 * is one. */
static void wake_daemon(const struct config *config)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_FLUSH, .argument = "",
        .patience = WAKE_LIMIT };
    struct error ignored;

    if (config->delivery == DELIVERY_QUEUE)
        client_ask(&question, take_no_line, NULL, &ignored);
}

bool command_login(int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        { "device", no_argument, NULL, WAY_DEVICE },
        { "paste", no_argument, NULL, WAY_PASTE }, { 0 }
    };
    enum way way = WAY_USUAL;
    struct client client;
    bool is_right = true;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        is_right = is_right && way == WAY_USUAL && option != '?';
        way = option == WAY_DEVICE ? WAY_DEVICE : WAY_PASTE;
    }
    if (!is_right || argc - optind != 1)
        return error_set(err, FAULT_USAGE, "usage: postrider-oauth login NAME "
                         "[--device | --paste]");
    bool done = client_open(&client, argv[optind], true, err) &&
                client_identify(&client, err);
    if (done) {
        client_confine(&client, 1);
        done = log_in(&client, way, err);
    }
    if (done) {
        status_print(&client, &(struct error){ 0 });
        wake_daemon(client.config);
    }
    client_close(&client);
    return done;
}
