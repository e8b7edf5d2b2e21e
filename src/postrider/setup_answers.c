/* setup_answers.c - the answers of setup: options, questions, defaults */
#include "postrider/setup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_keys.h"
#include "mail/address.h"
#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"

#define PASSWORD_MAX ((size_t)64 << 10)

bool setup_is_right(const char *key, const char *answer)
{
    enum config_section section = strcmp(key, "local_recipient") == 0
                                  ? CONFIG_TOP : CONFIG_SMARTHOST;
    struct error err;

    bool right = config_keys_check(section, key, answer, &err);
    if (!right)
        terminal_print("%s\n", err.text);
    return right;
}

bool setup_need(struct setup *setup, char **answer,
                const struct question *question, struct error *err)
{
    if (*answer != NULL)
        return true;
    if (!setup->has_person) {
        error_set(err, FAULT_USAGE, "%s is missing: %s", question->option,
                  question->text);
        return false;
    }
    do {
        free(*answer);
        *answer = terminal_ask(question->text, question->usual, err);
    } while (*answer != NULL &&
             (**answer == '\0' ||
              (question->check != NULL &&
               !setup_is_right(question->check, *answer))));
    return *answer != NULL;
}

void setup_forget(char **answer)
{
    free(*answer);
    *answer = NULL;
}

void setup_use(char **answer, const char *text)
{
    if (*answer == NULL)
        *answer = alloc_string(text);
}

bool setup_need_address(struct setup *setup, struct error *err)
{
    while (setup_need(setup, &setup->address, &(struct question){
               .option = "--address", .text = "Your mail address" }, err)) {
        if (address_check(setup->address, err))
            return true;
        terminal_print("%s\n", err->text);
        setup_forget(&setup->address);
    }
    return false;
}

/* A smarthost within an organisation may want no login at all. */
bool setup_ask_user(struct setup *setup, struct error *err)
{
    terminal_print("Login name; \"-\" if the smarthost wants no password.\n");
    if (!setup_need(setup, &setup->user, &(struct question){
            .option = "--user", .text = "Login name",
            .usual = setup->address }, err))
        return false;
    if (strcmp(setup->user, "-") == 0)
        *setup->user = '\0';
    return true;
}

bool setup_find_user(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;
    bool has_password = setup->password_file != NULL ||
                        setup->password_command != NULL;

    if (setup->user != NULL ||
        (setup->auth != NULL && strcmp(setup->auth, "none") == 0))
        return true;
    if (provider != NULL && provider->login != NULL)
        return setup_need(setup, &setup->user, &(struct question){
            .option = "--user", .text = provider->login }, err);
    if (provider == NULL && setup->has_person)
        return setup_ask_user(setup, err);
    if (provider != NULL || (has_password && setup->address != NULL))
        setup_use(&setup->user, setup->address);
    if (setup->user == NULL && has_password)
        return error_set(err, FAULT_USAGE, "--user is missing: there is a "
                         "password");
    if (setup->user == NULL && setup->address != NULL)
        return error_set(err, FAULT_USAGE, "--password-file is missing: the "
                         "password of %s; --auth none if the smarthost wants "
                         "no login", setup->address);
    return true;
}

static bool read_first_line(int fd, struct secret *password, struct error *err)
{
    struct buf text;

    buf_init(&text, PASSWORD_MAX);
    /* At once, so that growing leaves no copy. */
    buf_reserve(&text, PASSWORD_MAX / 2);
    bool done = io_read_all(fd, &text, err);
    if (done) {
        size_t length = strcspn(text.data, "\r\n");
        secret_take(password, alloc_bytes(text.data, length), length);
    }
    buf_wipe(&text);
    return done;
}

static bool read_password_file(struct setup *setup, struct error *err)
{
    bool is_input = strcmp(setup->password_file, "-") == 0;
    int fd = is_input ? STDIN_FILENO
                      : open(setup->password_file, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return error_sys(err, FAULT_INPUT, "%s", setup->password_file);
    bool done = read_first_line(fd, &setup->password, err) ||
                error_prefix(err, "%s", setup->password_file);
    if (!is_input)
        io_close(&fd);
    return done;
}

bool setup_read_password(struct setup *setup, struct error *err)
{
    const struct provider *provider = setup->provider;
    const char *what = provider != NULL && provider->password != NULL
                           ? provider->password
                           : "the password of this login name";

    if (setup->user == NULL || *setup->user == '\0' ||
        setup->password_command != NULL)
        return true;
    if (setup->password_file != NULL)
        return setup->print || read_password_file(setup, err);
    if (provider != NULL && provider_wants_token(provider))
        return setup_need(setup, &setup->password_command, &(struct question){
            .option = "--password-command",
            .text = "A program that prints the OAuth token" }, err);
    if (setup->print)
        return true;
    if (!setup->has_person)
        return error_set(err, FAULT_USAGE, "--password-file is missing: %s",
                         what);
    terminal_print("It wants %s. Nothing is shown while you type.\n", what);
    do {
        secret_wipe(&setup->password);
        if (!terminal_ask_secret("Password", &setup->password, err))
            return false;
    } while (setup->password.length == 0);
    return true;
}

/* What the configuration that is replaced says, or the installer's questions
 * beside it. The caller frees it; NULL if there is nothing. */
static char *root_before(const struct setup *setup)
{
    char *usual = config_default_path();
    bool is_usual = usual != NULL && strcmp(usual, setup->output) == 0;
    struct error ignored;
    struct config *config = is_usual
                            ? config_load(&ignored)
                            : config_load_file(setup->output, &ignored);
    char *before = config != NULL && *config->local_recipient != '\0'
                   ? alloc_string(config->local_recipient) : NULL;

    config_free(config);
    free(usual);
    return before;
}

static bool find_root(struct setup *setup, struct error *err)
{
    char *before = root_before(setup);

    if (!setup->has_person)         /* not every machine needs it */
        setup_use(&setup->root_to, before);
    bool done = !setup->has_person ||
                setup_need(setup, &setup->root_to, &(struct question){
                    .option = "--root-to",
                    .usual = before != NULL ? before : setup->address,
                    .check = "local_recipient",
                    .text = "Where is mail to root and other users of this "
                            "machine to go?" }, err);
    free(before);
    return done;
}

static bool find_rewrite(struct setup *setup, struct error *err)
{
    if (setup->rewrite || setup->no_rewrite)
        return true;
    if (setup->provider != NULL && provider_wants_sender(setup->provider)) {
        setup->rewrite = true;
        return true;
    }
    if (!setup->asks_all || setup->address == NULL)
        return true;
    char *question = alloc_format("Send everything as %s, whatever its sender?",
                                  setup->address);
    bool done = terminal_ask_yes(question, false, &setup->rewrite, err);
    free(question);
    return done;
}

static bool check_option(const char *option, const char *address,
                         struct error *err)
{
    return address == NULL || address_check(address, err) ||
           error_prefix(err, "%s", option);
}

bool setup_complete(struct setup *setup, struct error *err)
{
    if (!check_option("--address", setup->address, err) ||
        !check_option("--root-to", setup->root_to, err) ||
        !check_option("--test-to", setup->test_to, err) ||
        !setup_find_smarthost(setup, err) || !setup_find_user(setup, err) ||
        !setup_read_password(setup, err) || !find_root(setup, err) ||
        !find_rewrite(setup, err))
        return false;
    return !setup->rewrite || setup->address != NULL ||
           error_set(err, FAULT_USAGE, "--address is missing: what --rewrite "
                     "makes the sender");
}
