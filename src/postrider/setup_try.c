/* setup_try.c - setup tries its smarthost, and offers a test message */
#include "postrider/setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/commands.h"
#include "postrider/config_draft.h"
#include "postrider/probe.h"
#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/process.h"
#include "util/text.h"

/* The result of a session. */
struct trial {
    bool done;
    struct probe_findings findings;
    struct error err;
};

static void probe(struct trial *trial, const struct config *config,
                  const struct probe_task *task)
{
    trial->done = probe_smarthost(config, &config->smarthosts[0], task,
                                  &trial->findings, &trial->err);
}

/* The result is sent to the parent, which is the same program. */
static _Noreturn void run_child(const struct config *config,
                                const struct probe_task *task, int answer)
{
    struct trial trial = { 0 };

    if (become_daemon_user(config, &trial.err))
        probe(&trial, config, task);
    fflush(stdout);
    io_write_all(answer, (const char *)&trial, sizeof trial);
    _exit(!trial.done);
}

static void wait_for(struct process_child *child, struct trial *trial)
{
    struct error ignored;
    struct buf output;

    buf_init(&output, sizeof *trial);
    process_read(child, &output, INT64_MAX, &ignored);
    process_end(child, INT64_MAX);
    if (output.length == sizeof *trial)
        memcpy(trial, output.data, sizeof *trial);
    else
        error_set(&trial->err, FAULT_SOFTWARE,
                  "the test process ended unexpectedly");
    buf_free(&output);
}

/* Root can read any file: what counts is what the daemon can, and it is in its
 * place that the session is had. */
static void probe_as_daemon(struct trial *trial, const struct config *config,
                            const struct probe_task *task)
{
    struct process_child child;

    fflush(stdout);
    if (!process_fork(&child))
        error_sys(&trial->err, FAULT_SYSTEM, "start a process");
    else if (child.pid == 0)
        run_child(config, task, child.output);
    else
        wait_for(&child, trial);
}

static bool try_once(struct setup *setup, struct config_draft *draft,
                     const struct probe_task *task, struct trial *trial)
{
    *trial = (struct trial){ 0 };
    if (!setup_log_in(setup, draft, &trial->err))
        return false;
    struct config *config = config_draft_load(draft, setup->output,
                                              setup_user(setup), &trial->err);

    if (config != NULL && setup->direct)
        probe(trial, config, task);
    else if (config != NULL)
        probe_as_daemon(trial, config, task);
    config_free(config);
    return trial->done;
}

static struct probe_task task_of(const struct setup *setup,
                                 const char *recipient)
{
    return (struct probe_task){
        .out = stdout,
        .is_brief = !setup->verbose,
        .sender = setup->direct ? getuid() : 0,
        .recipient = recipient,
        .uid = getuid(),
    };
}

/* Facts of a smarthost that works, for people or for the file. */
static void take_findings(struct setup *setup,
                          const struct probe_findings *findings)
{
    fflush(stdout);
    setup->size_limit = findings->size_limit;
    setup->refuses_null = findings->refuses_null;
    if (findings->size_limit > 0)
        terminal_print("It takes messages of %" PRIu64 " octets at most, and "
                       "so does this machine from now on.\n",
                       findings->size_limit);
    if (*findings->mechanisms != '\0')
        terminal_print("warning: it offers AUTH %s, and no user is set: it "
                       "may take no mail from this machine; --auth none if it "
                       "needs no login\n", findings->mechanisms);
    if (!findings->refuses_null)
        return;
    if (setup->address == NULL)
        terminal_print("warning: it refuses the null reverse-path, which "
                       "reports have; --address gives them another one\n");
    else
        terminal_print("It refuses the null reverse-path: reports leave from "
                       "%s.\n", setup->address);
}

/* The account's own address is a way out only for mail that is not from it. */
static bool has_way_out(const struct setup *setup, const struct trial *trial)
{
    return trial->findings.refuses_sender && !setup->rewrite &&
           (setup->address == NULL ||
            strcmp(setup->address, trial->findings.sender) != 0);
}

static bool ask_rewrite(struct setup *setup, const struct trial *trial,
                        struct error *err)
{
    terminal_print("%s\n", trial->err.what);
    if (!setup_need_address(setup, err))
        return false;
    char *question = alloc_format("It refuses %s as sender. Send everything "
                                  "as %s?", trial->findings.sender,
                                  setup->address);
    bool answered = terminal_ask_yes(question, true, &setup->rewrite, err);
    free(question);
    setup->no_rewrite = !setup->rewrite;
    return answered;
}

/* An address that is not the account's was refused. accepted: it is to stay so;
 * again: it will be another one. */
static bool settle_sender(struct setup *setup, const struct trial *trial,
                          bool *accepted, struct error *err)
{
    *err = trial->err;
    if (setup->no_rewrite) {
        terminal_print("warning: %s\n", trial->err.what);
    } else if (setup->has_person) {
        if (!ask_rewrite(setup, trial, err))
            return false;
    } else {
        if (setup->address != NULL)
            error_remedy(err, "--rewrite sends everything as %s",
                         setup->address);
        else
            error_remedy(err, "--rewrite sends everything as the address of "
                         "--address");
        return error_prefix(err, "nothing is written, the test failed");
    }
    *accepted = setup->no_rewrite;
    return true;
}

/* Ask for the OAuth client again: one that is registered with another provider
 * is of no use. */
static bool retype_client(struct setup *setup, struct error *err)
{
    if (!setup_uses_oauth(setup))
        return true;
    setup_forget(&setup->client_id);
    setup_forget(&setup->client_secret_file);
    setup_forget(&setup->tenant);
    secret_wipe(&setup->client_secret);
    setup->is_logged_in = false;
    return setup_find_client(setup, err) && setup_read_password(setup, err);
}

static bool retype_host(struct setup *setup, struct error *err)
{
    if (setup->provider != NULL)
        setup_forget(&setup->auth);
    setup->provider = NULL;
    setup_forget(&setup->host);
    setup_forget(&setup->port);
    setup_forget(&setup->tls);
    return setup_ask_host(setup, err) && retype_client(setup, err);
}

/* With another port TLS begins as is usual there, if there is to be any. */
static bool retype_port(struct setup *setup, struct error *err)
{
    setup_forget(&setup->port);
    if (setup->tls != NULL && strcmp(setup->tls, "none") != 0)
        setup_forget(&setup->tls);
    return setup_ask_port(setup, err);
}

static bool retype_tls(struct setup *setup, struct error *err)
{
    setup_forget(&setup->tls);
    return setup_need(setup, &setup->tls, &(struct question){
        .option = "--tls", .text = "TLS: starttls, implicit or none",
        .usual = "starttls", .check = "tls" }, err);
}

/* The answer takes the place of all that was trusted before. */
static bool retype_certificate(struct setup *setup, struct error *err)
{
    setup_forget(&setup->ca_file);
    setup_forget(&setup->fingerprint);
    return setup_need(setup, &setup->ca_file, &(struct question){
        .option = "--tls-ca-file", .text = setup->direct
        ? "The file (PEM) of its authority, or of itself"
        : "The file (PEM) of its authority, which user postrider can read",
        .check = "tls_ca_file" }, err);
}

static bool retype_password(struct setup *setup, struct error *err)
{
    if (setup_uses_oauth(setup))
        return retype_client(setup, err);
    setup_forget(&setup->password_file);
    setup_forget(&setup->password_command);
    return setup_read_password(setup, err);
}

/* Some organisations block codes for devices. */
static bool retype_login(struct setup *setup, struct error *err)
{
    bool has_both = setup->provider->device_url != NULL &&
                    setup->provider->authorize_url != NULL;

    setup->is_logged_in = false;
    if (!has_both)
        return true;
    bool done = terminal_ask_yes("Paste an address this time, instead of "
                                 "entering a code?", setup->paste,
                                 &setup->paste, err);
    setup->device = setup->device && !setup->paste;
    return done;
}

static bool retype_user(struct setup *setup, struct error *err)
{
    setup_forget(&setup->user);
    return setup_ask_user(setup, err) &&
           (setup->password.data != NULL || setup->password_command != NULL ||
            setup_read_password(setup, err));
}

static bool retype_address(struct setup *setup, struct error *err)
{
    setup_forget(&setup->address);
    return setup_need_address(setup, err);
}

static const struct part {
    const char *name;
    bool (*retype)(struct setup *setup, struct error *err);
} parts[] = {
    { "host", retype_host },
    { "port", retype_port },
    { "tls", retype_tls },
    { "certificate", retype_certificate },
    { "user", retype_user },
    { "password", retype_password },
    { "login", retype_login },          /* with OAuth */
    { "address", retype_address },
    { "nothing", NULL },
};

/* The answer that is wrong most often when that goes wrong. */
static const char *usual_part(const struct setup *setup,
                              const struct error *why)
{
    bool has_user = setup->user != NULL && *setup->user != '\0';

    if (setup_uses_oauth(setup) &&
        (!setup->is_logged_in || why->fault == FAULT_PERMISSION))
        return "login";
    if (why->fault == FAULT_PERMISSION)
        return has_user ? "password" : "user";
    if (why->fault == FAULT_TLS)
        return why->reach == REACH_CERTIFICATE ? "certificate" : "tls";
    if (why->fault == FAULT_CONFIG && why->number == EACCES &&
        setup->ca_file != NULL)
        return "certificate";
    if (why->fault == FAULT_TEMPORARY && why->reach < REACH_CONNECTED)
        return why->reach == REACH_NONE ? "host" : "port";
    return "nothing";
}

/* By its name, or as much of it as no other one begins with. */
static const struct part *find_part(const char *text)
{
    const struct part *found = NULL;

    for (size_t i = 0; *text != '\0' && i < COUNT(parts); i++) {
        if (!text_starts_case(parts[i].name, text))
            continue;
        if (found != NULL)
            return NULL;
        found = &parts[i];
    }
    return found;
}

/* After that failure, ask what is wrong, and for that. again: there is another
 * answer now. */
static bool retype(struct setup *setup, const struct error *why, bool *again,
                   struct error *err)
{
    const struct part *part = NULL;

    while (part == NULL) {
        char *text = terminal_ask(setup_uses_oauth(setup)
                                  ? "Which answer to change: host, port, tls, "
                                    "certificate, user, login, address, "
                                    "nothing?"
                                  : "Which answer to change: host, port, tls, "
                                    "certificate, user, password, address, "
                                    "nothing?",
                                  usual_part(setup, why), err);
        if (text == NULL)
            return false;
        part = find_part(text);
        free(text);
    }
    *again = part->retype != NULL;
    return part->retype == NULL || part->retype(setup, err);
}

/* True if there is to be another try, or none at all (no_test). */
static bool ask_again(struct setup *setup, const struct error *why,
                      struct error *err)
{
    bool again = false;

    terminal_print("%s\n", why->text);
    if (!retype(setup, why, &again, err))
        return false;
    if (again)
        return true;
    if (!terminal_ask_yes("Write the configuration anyway?", false,
                          &setup->no_test, err))
        return false;
    if (!setup->no_test)
        *err = *why;
    return setup->no_test;
}

/* The step after a failure: accepted if none is needed. */
static bool settle(struct setup *setup, const struct trial *trial,
                   bool *accepted, struct error *err)
{
    fflush(stdout);
    if (has_way_out(setup, trial))
        return settle_sender(setup, trial, accepted, err);
    if (setup->has_person)
        return ask_again(setup, &trial->err, err) ||
               error_prefix(err, "nothing is written");
    *err = trial->err;
    return error_prefix(err, "nothing is written, the test failed");
}

struct config_draft *setup_try(struct setup *setup, struct error *err)
{
    struct probe_task task =
        task_of(setup, setup->has_person ? NULL : setup->test_to);
    bool accepted = false;

    task.tries_senders = true;
    while (!setup->no_test && !accepted) {
        struct config_draft *draft = setup_draft(setup);
        struct trial trial;
        accepted = try_once(setup, draft, &task, &trial);
        config_draft_free(draft);
        if (!accepted && !settle(setup, &trial, &accepted, err))
            return NULL;
        if (accepted)
            take_findings(setup, &trial.findings);
    }
    struct config_draft *draft = setup_draft(setup);
    if (config_draft_check(draft, setup->output, err))
        return draft;
    config_draft_free(draft);
    return NULL;
}

bool setup_offer_message(struct setup *setup, struct config_draft *draft,
                         struct error *err)
{
    bool agreed = true;

    if (!setup->has_person || setup->no_test)
        return true;
    if (setup->test_to == NULL) {
        const char *usual = setup->root_to != NULL ? setup->root_to
                                                   : setup->address;
        if (usual == NULL)
            return true;
        char *question = alloc_format("Send a test message to %s?", usual);
        bool answered = terminal_ask_yes(question, true, &agreed, err);
        free(question);
        if (!answered)
            return false;
        setup->test_to = alloc_string(usual);
    }
    if (!agreed)
        return true;
    const struct probe_task task = task_of(setup, setup->test_to);
    struct trial trial;
    bool done = try_once(setup, draft, &task, &trial);
    *err = trial.err;
    return done;
}
