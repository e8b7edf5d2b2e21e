/* setup_answers.c - the answers of setup: questions, and the password */
#include "postrider/setup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

bool setup_read_secret(const char *path, struct secret *secret,
                       struct error *err)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return error_sys(err, FAULT_INPUT, "%s", path);
    secret_wipe(secret);
    bool done = read_first_line(fd, secret, err) ||
                error_prefix(err, "%s", path);
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
        setup->password_command != NULL || setup_uses_oauth(setup))
        return true;
    if (setup->password_file != NULL)
        return setup->print ||
               setup_read_secret(setup->password_file, &setup->password, err);
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
