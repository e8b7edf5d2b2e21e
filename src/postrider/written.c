#include "postrider/written.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "util/error.h"
#include "util/text.h"

#define ANSWER_TIME 5000        /* milliseconds */

static void ignore_line(void *context, char *text)
{
    (void)context;
    (void)text;
}

/* The daemon reads its file when it starts, or is told to. */
static void tell_about_daemon(const struct config *config)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_STATUS,
        .patience = ANSWER_TIME,
    };
    struct error err = { 0 };
    bool runs = client_ask(&question, ignore_line, NULL, &err);

    if (access("/run/systemd/system", F_OK) == 0)
        printf("Now: systemctl %s postrider\n",
               runs ? "reload" : "enable --now");
    else
        puts(runs ? "Now: send postrider daemon a SIGHUP, to read it"
                  : "Now: start postrider daemon");
}

void written_tell(const char *path)
{
    struct error ignored;
    struct config *config = config_load_file(path, &ignored);

    text_print(stdout, "Written: %s\n", path);
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->smarthost_count; i++)
        if (*config->smarthosts[i].password_file != '\0')
            text_print(stdout, "Written: %s\n",
                       config->smarthosts[i].password_file);
    if (config->delivery == DELIVERY_QUEUE)
        tell_about_daemon(config);
    config_free(config);
}
