/* main.c - the program postrider: the table of its subcommands */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "postrider/commands.h"
#include "util/process.h"
#include "util/text.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "daemon", command_daemon, "deliver what is queued" },
    { "queue", command_queue, "list and change what is queued" },
    { "status", command_status, "the daemon in numbers" },
    { "check", command_check, "what is wrong here, and what can be done" },
    { "test", command_test, "a session with each smarthost, step by step" },
    { "import", command_import, "the configuration of ssmtp, msmtp, dma, ..." },
    { "setup", command_setup, "write the configuration, and try it" },
    { "direct", command_direct, "relay the message file on standard input" },
};

static void print_usage(FILE *out)
{
    fputs("usage: postrider COMMAND [ARGUMENT ...]\n", out);
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("postrider(8) is the reference.\n", out);
}

int main(int argc, char **argv)
{
    process_start();
    if (argc < 2) {
        print_usage(stderr);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("postrider " POSTRIDER_VERSION);
        return EX_OK;
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EX_OK;
    }
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "postrider: no command \"%.100s\": see postrider --help\n",
            argv[1]);
    return EX_USAGE;
}
