/* test.c - postrider test: a session with each smarthost, a test message */
#include "postrider/commands.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "mail/address.h"
#include "postrider/probe.h"
#include "util/error.h"
#include "util/process.h"
#include "util/text.h"

struct trial {
    char *recipient;            /* NULL: only connect */
    const char *smarthost;      /* NULL: all */
    uid_t uid;                  /* of the caller */
};

static bool parse(struct trial *trial, const char **to, int argc, char **argv,
                  struct error *err)
{
    static const struct option options[] = {
        { "to", required_argument, NULL, 't' },
        { "smarthost", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
    };
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 't')
            *to = optarg;
        else if (letter == 's')
            trial->smarthost = optarg;
        else
            break;
    }
    return (letter == -1 && optind == argc) ||
           error_set(err, FAULT_USAGE, "usage: postrider test [--to ADDRESS] "
                     "[--smarthost NAME]");
}

static bool take_recipient(struct trial *trial, const char *to,
                           const struct config *config, struct error *err)
{
    if (to == NULL)
        return true;
    char *address = address_parse_one(to, err);
    if (address == NULL)
        return error_prefix(err, "--to %s", to);
    trial->recipient = address_complete(address, config->domain);
    free(address);
    return address_check(trial->recipient, err) ||
           error_prefix(err, "--to %s", to);
}

static bool check_smarthosts(const struct config *config,
                             const struct trial *trial, struct error *err)
{
    if (config->smarthost_count == 0)
        return error_set(err, FAULT_CONFIG, "no smarthost is configured") ||
               error_remedy(err, "run postrider setup");
    return trial->smarthost == NULL ||
           config_smarthost(config, trial->smarthost) != NULL ||
           error_set(err, FAULT_USAGE, "--smarthost %s: %s has no section "
                     "smarthost \"%s\"", trial->smarthost, config->source,
                     trial->smarthost);
}

/* Warnings: it works, and yet may lose mail. */
static void print_findings(const struct config *config,
                           const struct probe_findings *findings)
{
    bool is_own;
    const struct sender_rule *rule = config_sender_null(config, &is_own);

    if (findings->size_limit > 0)
        printf("note: it takes messages of %" PRIu64 " octets at most; set "
               "message_size_limit = %" PRIu64 "\n", findings->size_limit,
               findings->size_limit);
    if (*findings->mechanisms != '\0')
        text_print(stdout, "warning: it offers AUTH %s, and no user is set; "
                   "set user and password_file, or auth = none if it needs no "
                   "login\n", findings->mechanisms);
    /* With an address for all, reports go from that one. */
    if (findings->refuses_null && (rule == NULL || *rule->address == '\0'))
        puts("warning: it refuses the null reverse-path, which reports have; "
             "set sender \"<>\" { address = \"...\" }");
}

static bool try_smarthost(const struct config *config,
                          const struct smarthost *smarthost,
                          const struct trial *trial, struct error *err)
{
    const struct probe_task task = {
        .out = stdout,
        .tries_senders = trial->recipient == NULL,
        .sender = config->delivery == DELIVERY_QUEUE ? 0 : trial->uid,
        .recipient = trial->recipient,
        .uid = trial->uid,
    };
    struct probe_findings findings;
    bool done = probe_smarthost(config, smarthost, &task, &findings, err);

    print_findings(config, &findings);
    return done;
}

/* Each is tried, whatever came of those before; the first failure counts. */
static int try_smarthosts(const struct config *config,
                          const struct trial *trial)
{
    const struct smarthost *chosen =
        trial->smarthost != NULL ? config_smarthost(config, trial->smarthost)
                                 : NULL;
    int status = EX_OK;

    for (size_t i = 0; i < config->smarthost_count; i++) {
        const struct smarthost *smarthost = &config->smarthosts[i];
        struct error err = { 0 };

        if ((chosen != NULL && smarthost != chosen) ||
            try_smarthost(config, smarthost, trial, &err))
            continue;
        fflush(stdout);
        int failed = command_fail(&err);
        if (status == EX_OK)
            status = failed;
    }
    return status;
}

static void ignore_line(void *context, char *line)
{
    (void)context;
    (void)line;
}

/* A smarthost that was mended need not wait for the next trial. */
static void flush_queue(const struct config *config)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_FLUSH,
        .patience = CLIENT_PATIENCE,
    };
    struct error ignored;

    if (config->delivery == DELIVERY_QUEUE)
        (void)client_ask(&question, ignore_line, NULL, &ignored);
}

int command_test(int argc, char **argv)
{
    struct trial trial = { .uid = getuid() };
    struct config *config = NULL;
    struct error err = { 0 };
    const char *to = NULL;
    int status;

    process_hide_memory();
    /* The password is read as the daemon reads it. */
    if (parse(&trial, &to, argc, argv, &err) &&
        (config = config_load(&err)) != NULL &&
        take_recipient(&trial, to, config, &err) &&
        check_smarthosts(config, &trial, &err) &&
        (config->delivery == DELIVERY_DIRECT ||
         become_daemon_user(config, &err)))
        status = try_smarthosts(config, &trial);
    else
        status = command_fail(&err);
    if (status == EX_OK && config != NULL)
        flush_queue(config);
    free(trial.recipient);
    config_free(config);
    return status;
}
