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
    const char *page;           /* of the manual */
    const char *arguments;      /* NULL: its own --help has more to show */
} commands[] = {
    { "daemon", command_daemon, "deliver what is queued", "postrider(8)",
      "[--check]" },
    { "queue", command_queue, "list and change what is queued",
      "postrider-queue(8)", NULL },
    { "status", command_status, "show the daemon and its smarthosts",
      "postrider(8)", "[--json | --check | --alive | --ready]" },
    { "check", command_check, "find problems of this machine, with remedies",
      "postrider(8)", "[--json] [--strict]" },
    { "test", command_test, "try each smarthost, step by step",
      "postrider(8)", "[--to ADDRESS] [--smarthost NAME]" },
    { "import", command_import, "translate configurations of ssmtp, msmtp, ...",
      "postrider-import(8)", "[--from FORMAT] [--write [--replace]]\n"
      "       [--output PATH] FILE|DIRECTORY\n"
      "       postrider import --queue [--from FORMAT DIRECTORY]" },
    { "copy", command_copy, "copy the static sendmail, for a container",
      "postrider(8)", "DIRECTORY" },
    { "setup", command_setup, "try a configuration, and write it",
      "postrider-setup(8)", NULL },
    { "direct", command_direct, "relay the message file on standard input",
      "postrider(8)", "[-q] [-v]" },
};

static int print_help(const struct command *command, char **argv)
{
    int status = EX_OK;

    if (command->arguments != NULL)
        printf("usage: postrider %s %s\n  %s\n", command->name,
               command->arguments, command->summary);
    else
        status = command->run(2, argv + 1);
    printf("%s is the reference.\n", command->page);
    return status;
}

static int refuse(const char *name)
{
    const char *best = command_nearest(name, commands, COUNT(commands),
                                       sizeof commands[0]);

    text_print(stderr, "postrider: no command \"%.100s\": ", name);
    if (best != NULL)
        fprintf(stderr, "is \"%s\" meant? ", best);
    fputs("see postrider --help\n", stderr);
    return EX_USAGE;
}

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
            return argc == 3 && strcmp(argv[2], "--help") == 0
                   ? print_help(&commands[i], argv)
                   : commands[i].run(argc - 1, argv + 1);
    return refuse(argv[1]);
}
