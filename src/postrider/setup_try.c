/* setup_try.c - setup tries its smarthost, and offers a test message */
#include "postrider/setup.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "postrider/ask_person.h"
#include "postrider/commands.h"
#include "postrider/probe.h"
#include "postrider/recipe.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/process.h"

const char *setup_user(const struct setup *setup)
{
    return setup->direct ? "" : "postrider";
}

static bool probe(const struct config *config, const char *recipient,
                  uid_t uid, struct error *err)
{
    return probe_smarthost(config, &config->smarthosts[0], recipient, uid,
                           stdout, err);
}

/* What went wrong is told to the parent, which is the same program. */
static _Noreturn void run_child(const struct config *config,
                                const char *recipient, int answer)
{
    uid_t uid = getuid();
    struct error err = { 0 };
    bool done = become_daemon_user(config, &err) &&
                probe(config, recipient, uid, &err);

    fflush(stdout);
    if (!done)
        io_write_all(answer, (const char *)&err, sizeof err);
    _exit(!done);
}

static bool wait_for(struct process_child *child, struct error *err)
{
    struct error ignored;
    struct buf told;

    buf_init(&told, sizeof *err);
    process_read(child, &told, INT64_MAX, &ignored);
    int status = process_end(child, INT64_MAX);
    if (told.length == sizeof *err)
        memcpy(err, told.data, sizeof *err);
    else if (status != 0)
        error_set(err, FAULT_SOFTWARE, "the session ended before its time");
    buf_free(&told);
    return status == 0;
}

/* Root can read any file: what counts is what the daemon can, and it is in its
 * place that the session is had. */
static bool probe_as_daemon(const struct config *config, const char *recipient,
                            struct error *err)
{
    struct process_child child;

    fflush(stdout);
    if (!process_fork(&child))
        return error_sys(err, FAULT_SYSTEM, "start a process");
    if (child.pid == 0)
        run_child(config, recipient, child.output);
    return wait_for(&child, err);
}

static bool try_once(struct setup *setup, struct recipe *recipe,
                     const char *recipient, struct error *err)
{
    struct config *config = recipe_load(recipe, setup->output,
                                        setup_user(setup), err);
    bool done = config != NULL &&
                (setup->direct ? probe(config, recipient, getuid(), err)
                               : probe_as_daemon(config, recipient, err));

    config_free(config);
    return done;
}

/* What people get wrong. again: there is another one now. */
static bool retype_password(struct setup *setup, struct recipe *recipe,
                            bool *again, struct error *err)
{
    if (setup->password.data == NULL || setup->password_file != NULL)
        return true;
    if (!ask_yes("Try another password?", true, again, err))
        return false;
    if (!*again)
        return true;
    if (!setup_read_password(setup, err))
        return false;
    recipe_section(recipe, "smarthost", "main");
    recipe_password(recipe, setup->password.data);
    return true;
}

/* True if there is to be another try, or none at all (no_test). */
static bool ask_again(struct setup *setup, struct recipe *recipe,
                      struct error *err)
{
    struct error why = *err;
    bool again = false;

    fflush(stdout);
    ask_say("%s\n", why.text);
    if (why.fault == FAULT_PERMISSION &&
        !retype_password(setup, recipe, &again, err))
        return false;
    if (again)
        return true;
    if (!ask_yes("Write the configuration all the same?", false,
                 &setup->no_test, err))
        return false;
    if (!setup->no_test)
        *err = why;
    return setup->no_test;
}

bool setup_try(struct setup *setup, struct recipe *recipe, struct error *err)
{
    while (!setup->no_test) {
        const char *recipient = setup->has_person ? NULL : setup->test_to;
        if (try_once(setup, recipe, recipient, err))
            return true;
        if (!setup->has_person)
            return error_prefix(err, "nothing is written, the test failed");
        if (!ask_again(setup, recipe, err))
            return error_prefix(err, "nothing is written");
    }
    return true;
}

bool setup_offer_message(struct setup *setup, struct recipe *recipe,
                         struct error *err)
{
    bool agreed = true;

    if (!setup->has_person || setup->no_test)
        return true;
    if (setup->test_to == NULL) {
        const char *usual = setup->root_to != NULL ? setup->root_to
                                                   : setup->address;
        if (!setup->asks_all || usual == NULL)
            return true;
        char *question = alloc_format("Send a test message to %s?", usual);
        bool answered = ask_yes(question, true, &agreed, err);
        free(question);
        if (!answered)
            return false;
        setup->test_to = alloc_string(usual);
    }
    return !agreed || try_once(setup, recipe, setup->test_to, err);
}
