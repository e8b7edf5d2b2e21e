/*
 * A configuration file, by libconfuse and our own checks. Each reader decides
 * alike, whatever else the file holds; an error is one line with the place; what
 * is taken is within its bounds.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../fuzz.h"
#include "config/config.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

#define LONG_TEXT 8192          /* config_parse.c knows fewer keys below that */

static void check_value(const char *value)
{
    PROMISE(value == NULL || !text_has_control(value, strlen(value)));
}

static unsigned count_lines(const char *text, size_t length)
{
    unsigned count = 1;

    for (size_t i = 0; i < length; i++)
        count += text[i] == '\n';
    return count;
}

static void check_error(const struct error *err, const char *path,
                        unsigned lines)
{
    PROMISE(err->fault == FAULT_CONFIG && *err->text != '\0');
    PROMISE(!text_has_control(err->text, strlen(err->text)));
    PROMISE(text_is_utf8(err->text, strlen(err->text)));
    PROMISE(*err->file == '\0' || strcmp(err->file, path) == 0);
    PROMISE(err->line <= lines);
}

static void check_smarthost(const struct config *config,
                            const struct smarthost *host, unsigned lines)
{
    PROMISE(*host->name != '\0' && *host->host != '\0' && host->port > 0);
    PROMISE(host->line >= 1 && host->line <= lines);
    PROMISE(host->connections > 0 && host->messages_per_connection > 0);
    PROMISE(host->timeout > 0);
    PROMISE(host->tls_min_version == 12 || host->tls_min_version == 13);
    PROMISE(config_smarthost(config, host->name) == host);
    PROMISE(*host->oauth == '\0' || config_oauth(config, host->oauth) != NULL);
    check_value(host->name);
    check_value(host->host);
    check_value(host->user);
    check_value(host->password_file);
    check_value(host->password_command);
    check_value(host->tls_ca_file);
}

static void check_config(const struct config *config, unsigned lines)
{
    PROMISE(*config->hostname != '\0' && *config->domain != '\0');
    PROMISE(*config->spool == '/' && *config->control == '/');
    PROMISE(config->retry_first > 0 &&
            config->retry_longest >= config->retry_first);
    PROMISE(config->message_size_limit > 0 && config->expire_after > 0);
    check_value(config->hostname);
    check_value(config->domain);
    check_value(config->local_recipient);
    for (size_t i = 0; i < config->smarthost_count; i++)
        check_smarthost(config, &config->smarthosts[i], lines);
    for (size_t i = 0; i < config->sender_count; i++) {
        const struct sender_rule *rule = &config->senders[i];
        PROMISE(*rule->match != '\0');
        PROMISE(*rule->smarthost == '\0' ||
                config_smarthost(config, rule->smarthost) != NULL);
        check_value(rule->match);
        check_value(rule->address);
        check_value(rule->name);
    }
}

/* As config_load_file() has it, from memory. */
static struct config *load(const char *text, size_t length, char **path,
                           struct error *err)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    PROMISE(fd != -1 && io_write_all(fd, text, length));
    *path = alloc_format("/proc/self/fd/%d", fd);
    struct config *config = config_load_file(*path, err);
    close(fd);
    return config;
}

/* A text that is so long that all keys are looked for. */
static void check_longer(const char *text, size_t length, bool taken)
{
    struct error err;
    struct buf longer;

    buf_init(&longer, SIZE_MAX);
    buf_add(&longer, text, length);
    buf_add_text(&longer, " \n");       /* not LF after a CR of the text */
    for (size_t i = 0; i <= LONG_TEXT; i++)
        buf_add_char(&longer, ' ');
    buf_add_char(&longer, '\n');
    struct config *config = config_load_text("/x", longer.data, longer.length,
                                             &err);
    PROMISE((config != NULL) == taken);
    config_free(config);
    buf_free(&longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);
    unsigned lines = count_lines(text, size);
    struct error err = { 0 }, other = { 0 };
    char *path;

    struct config *config = load(text, size, &path, &err);
    struct config *same = config_load_text(path, text, size, &other);
    PROMISE((config != NULL) == (same != NULL));
    if (config != NULL) {
        check_config(config, lines);
    } else {
        check_error(&err, path, lines);
        PROMISE(strcmp(err.text, other.text) == 0);
    }
    check_longer(text, size, config != NULL);
    config_free(config);
    config_free(same);
    free(path);
    free(text);
    return 0;
}
