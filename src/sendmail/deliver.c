/* deliver.c - a message to the queue, to the daemon's socket, or sent now */
#include "sendmail/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "sendmail/exec.h"
#include "sendmail/host_queue.h"
#include "sendmail/options.h"
#include "sendmail/smtp_client.h"
#include "sendmail/submit.h"
#include "spool/draft.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"

#define OUTCOME_TIME 120000     /* milliseconds -odi waits for the daemon */

struct config *command_config(struct error *err)
{
    struct config *config = config_load(err);

    if (config != NULL)
        log_open(config->log, "postrider/sendmail");
    return config;
}

static bool deliver_directly(const struct options *opt,
                             const struct config *config, struct error *err)
{
    if (config->smarthost_count == 0)
        return error_set(err, FAULT_CONFIG, "no smarthost is configured") ||
               error_remedy(err, "add a smarthost section to %s",
                            *config->path != '\0'
                            ? config->path
                            : POSTRIDER_SYSCONFDIR
                              "/postrider/postrider.conf");

    struct draft *draft = draft_new_unnamed(err);
    bool done = draft != NULL &&
                submit_message(&opt->message, config, draft, err) &&
                exec_direct(draft, opt->verbose, options_quiet(opt), -1,
                            err);
    draft_free(draft);
    return done;
}

/* -odi: the daemon is asked before the message is there, so that its answer
 * cannot be missed. -1: no daemon can be asked; the message is queued all the
 * same. */
static int ask_for_outcome(const struct options *opt,
                           const struct config *config, const char *id)
{
    const struct client_question question = {
        .path = config->control, .request = REQUEST_WAIT, .argument = id,
    };
    struct error ignored;

    return opt->delivery_mode == 'i' ? client_begin(&question, &ignored) : -1;
}

struct answer {
    bool verbose;               /* print what came of it */
    bool failed;
    struct error *err;
};

static void print_outcome(const struct wait_outcome *outcome)
{
    static const char *const words[WAIT_KINDS] = {
        [WAIT_SENT] = "sent", [WAIT_DEFERRED] = "deferred, it stays queued",
        [WAIT_BOUNCED] = "refused", [WAIT_REMOVED] = "removed",
    };

    text_print(stdout, "%s: %s %s %s\n", words[outcome->kind],
               outcome->address, outcome->status, outcome->text);
}

static void take_answer(void *context, char *text)
{
    struct answer *answer = context;
    struct wait_outcome outcome;

    if (!protocol_parse_outcome(text, &outcome))
        return;
    if (answer->verbose)
        print_outcome(&outcome);
    if (outcome.kind != WAIT_BOUNCED)
        return;
    answer->failed = true;
    error_set(answer->err, error_refusal_fault(outcome.status),
              "refused: %s %s %s", outcome.address, outcome.status,
              outcome.text);
}

/* A temporary failure stays queued, and is not a failure for the caller. */
static bool await_outcome(int fd, bool verbose, struct error *err)
{
    struct answer answer = { .verbose = verbose, .err = err };
    struct error ignored;

    if (fd != -1)
        client_finish(fd, OUTCOME_TIME, take_answer, &answer, &ignored);
    return !answer.failed;
}

/* Is it stored for another user? The daemon takes such a file from itself only,
 * for clients of its sockets. */
static bool is_for_another(const struct submission *given)
{
    return given->uid != geteuid();
}

/* The directory cannot be written (a sandbox, a full disk): the daemon, if it
 * listens, can. */
static bool store_by_socket(const struct submission *given,
                            const struct config *config, const char *path,
                            char **id, struct error *err)
{
    struct draft *draft = draft_new_unnamed(err);
    bool done = draft != NULL && submit_message(given, config, draft, err) &&
                host_queue_send(path, config, draft, id, err);

    draft_free(draft);
    return done;
}

/* The first Unix socket that the daemon serves SMTP on, or NULL. */
static const char *listening_socket(const struct config *config)
{
    for (size_t i = 0; i < config->listen.count; i++)
        if (config->listen.items[i][0] == '/' &&
            access(config->listen.items[i], W_OK) == 0)
            return config->listen.items[i];
    return NULL;
}

static void print_queued(const char *id)
{
    text_print(stdout, "queued as %s\n", id);
    fflush(stdout);
}

bool deliver_to_queue(const struct options *opt,
                      const struct submission *given,
                      const struct config *config, char **id,
                      struct error *err)
{
    struct draft *draft = draft_new_dropped(config->spool, err);
    /* The standard output of -bs is the session's. */
    bool verbose = opt->verbose && opt->mode != MODE_SMTP;
    int question = -1;

    *id = NULL;
    /* The server of that socket has to do without. */
    if (draft == NULL && err->fault == FAULT_TEMPORARY &&
        (opt->mode != MODE_SMTP || !smtp_client_has_come())) {
        const char *path = listening_socket(config);
        bool stored = path != NULL &&
                      store_by_socket(given, config, path, id, err);
        if (verbose && *id != NULL)
            print_queued(*id);
        return stored;
    }
    if (draft != NULL && is_for_another(given))
        draft_set_uid(draft, given->uid);
    bool done = draft != NULL && submit_message(given, config, draft, err);
    if (done) {
        question = ask_for_outcome(opt, config, draft_id(draft));
        done = draft_commit(draft, err);
    }
    if (done)
        *id = alloc_string(draft_id(draft));
    if (done && verbose)
        print_queued(*id);
    draft_free(draft);
    if (!done)
        io_close(&question);
    return done && await_outcome(question, verbose, err);
}

void command_log_refusal(const struct error *err)
{
    log_line(LOG_LEVEL_WARNING, "NOQUEUE: reject: uid=%lu: %s",
             (unsigned long)getuid(), err->text);
}

bool command_deliver(const struct options *opt, struct error *err)
{
    struct config *config = command_config(err);
    char *id = NULL;

    if (config == NULL) {
        command_log_refusal(err);
        return false;
    }
    bool done = config->delivery == DELIVERY_DIRECT
                ? deliver_directly(opt, config, err)
                : deliver_to_queue(opt, &opt->message, config, &id, err);
    free(id);
    done = done || err->fault == FAULT_NONE;    /* discarded */
    /* Where the log is standard error, the caller's line is there already. */
    if (!done && (config->log != LOG_TO_STDERR || options_quiet(opt)))
        command_log_refusal(err);
    config_free(config);
    return done;
}
