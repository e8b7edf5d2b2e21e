/* commands.c - the modes of a few lines: configuration, version, help */
#include "sendmail/commands.h"

#include <stdio.h>

#include "config/config.h"
#include "sendmail/options.h"

bool command_check(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);

    (void)opt;
    if (config == NULL)
        return false;
    printf("%s: no errors\n", *config->path != '\0' ? config->path
                                                    : "defaults");
    config_free(config);
    return true;
}

bool command_host_status(const struct options *opt, struct error *err)
{
    (void)opt;
    (void)err;
    puts("no host status");
    return true;
}

bool command_unknown(const struct options *opt, struct error *err)
{
    return error_set(err, FAULT_USAGE, "-b%c: only Sendmail has this mode",
                     opt->mode_letter);
}

bool command_version(const struct options *opt, struct error *err)
{
    (void)opt;
    (void)err;
    puts("Version " POSTRIDER_VERSION " (Postrider)");
    return true;
}

bool command_help(const struct options *opt, struct error *err)
{
    (void)opt;
    (void)err;
    puts("usage: sendmail [OPTION ...] [RECIPIENT ...] < MESSAGE\n"
         "\n"
         "  -t           recipients from To, Cc and Bcc, too\n"
         "  -i, -oi      a line with a single dot does not end the message\n"
         "  -f ADDRESS   the reverse-path; '' is the null one\n"
         "  -F NAME      the full name for a missing From\n"
         "  -N WHEN      notify on never, or success,failure,delay\n"
         "  -R WHAT      full or hdrs: what a notification returns\n"
         "  -V ID        envelope identifier for notifications\n"
         "  -n           do not expand aliases\n"
         "  -v           show the dialogue with the smarthost\n"
         "  -bv          show what each recipient becomes, send nothing\n"
         "  -bi          check the aliases, as newaliases does\n"
         "  -bp          list the queue, as mailq does\n"
         "  --version    show the version\n"
         "\n"
         "sendmail(8) has the rest of the options, which come before the "
         "recipients.");
    return true;
}
