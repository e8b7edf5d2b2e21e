/* main.c - the program postrider-oauth: the table of its commands */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "oauth/commands.h"
#include "util/error.h"
#include "util/process.h"
#include "util/text.h"

static const struct command {
    const char *name;
    bool (*run)(int argc, char **argv, struct error *err);
    const char *summary;
} commands[] = {
    { "login", command_login, "log in with a browser, and keep the tokens" },
    { "token", command_token, "print an access token" },
    { "status", command_status, "the logins that are kept, and until when" },
    { "logout", command_logout, "forget a login" },
};

static void print_usage(FILE *out)
{
    fputs("usage: postrider-oauth COMMAND [ARGUMENT ...]\n", out);
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].summary);
    fputs("postrider-oauth(1) is the reference.\n", out);
}

/* Callers of `token` have three ways to go on, and no more. */
static int exit_status(const struct error *err)
{
    int status = error_exit_status(err->fault);

    return status == EX_USAGE || status == EX_NOPERM || status == EX_CONFIG
           ? status : EX_TEMPFAIL;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct error err = { 0 };

    process_hide_memory();
    /* libcurl would write down the keys of its sessions. */
    unsetenv("SSLKEYLOGFILE");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        fputs("postrider-oauth: libcurl cannot be used\n", stderr);
        return EX_TEMPFAIL;
    }
    bool done = command->run(argc, argv, &err);
    curl_global_cleanup();
    if (done)
        return EX_OK;
    text_print(stderr, "postrider-oauth: %s\n", err.text);
    return exit_status(&err);
}

int main(int argc, char **argv)
{
    process_start();
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("postrider-oauth " POSTRIDER_VERSION);
        return EX_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EX_OK;
    }
    for (size_t i = 0; argc > 1 && i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return run(&commands[i], argc - 1, argv + 1);
    print_usage(stderr);
    return EX_USAGE;
}
