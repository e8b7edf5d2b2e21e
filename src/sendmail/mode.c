#include "sendmail/mode.h"

#include <stddef.h>
#include <string.h>

#include "util/file.h"
#include "util/text.h"

static const struct {
    char letter;
    enum mode mode;
} modes[] = {
    { 'm', MODE_DELIVER     },
    { 'a', MODE_DELIVER     },      /* ARPANET: SMTP once, the usual now */
    { 's', MODE_SMTP        },
    { 'v', MODE_VERIFY      },
    { 'i', MODE_ALIASES     },
    { 'p', MODE_QUEUE_LIST  },
    { 'P', MODE_QUEUE_COUNT },
    { 'd', MODE_DAEMON      },
    { 'D', MODE_DAEMON      },
    { 'C', MODE_CHECK       },
    { 'h', MODE_HOST_STATUS },
    { 'H', MODE_HOST_STATUS },
    { 't', MODE_UNKNOWN     },
    { 'l', MODE_UNKNOWN     },
    { 'z', MODE_UNKNOWN     },
};

bool mode_of_letter(const char *letter, enum mode *mode)
{
    for (size_t i = 0; i < COUNT(modes); i++)
        if (letter[0] == modes[i].letter && letter[1] == '\0') {
            *mode = modes[i].mode;
            return true;
        }
    return false;
}

enum mode mode_of_name(const char *name)
{
    static const struct {
        const char *name;
        enum mode mode;
    } names[] = {
        { "newaliases", MODE_ALIASES     },
        { "mailq",      MODE_QUEUE_LIST  },
        { "smtpd",      MODE_DAEMON      },
        { "hoststat",   MODE_HOST_STATUS },
        { "purgestat",  MODE_HOST_STATUS },
    };
    const char *base = path_name(name);

    if (*base == '-')                   /* as login shells are called */
        base++;
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(base, names[i].name) == 0)
            return names[i].mode;
    return MODE_DELIVER;
}
