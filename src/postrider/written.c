#include "postrider/written.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/reload.h"
#include "util/error.h"
#include "util/text.h"

static bool has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

/* The daemon reads its file when it starts, or gets SIGHUP. */
static void tell_daemon(const struct config *config)
{
    struct error err = { 0 };

    if (reload_daemon(config->control, &err)) {
        puts("The daemon has read it.");
        return;
    }
    bool runs = err.fault != FAULT_UNAVAILABLE;
    if (runs)
        text_print(stdout, "The daemon has not read it: %s\n", err.text);
    if (has_systemd())
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
        tell_daemon(config);
    config_free(config);
}
