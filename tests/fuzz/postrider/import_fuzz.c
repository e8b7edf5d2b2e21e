/*
 * Configurations of other programs. The first octet is the program, then come
 * its files: a line "== NAME" begins each but the first. What import makes of
 * them is a configuration that Postrider takes, or there is a reason; remarks
 * have no control characters, and no password is in them or in the text.
 */
#include <string.h>
#include <sys/stat.h>

#include "../fuzz_spool.h"
#include "../fuzz_output.h"
#include "config/config.h"
#include "config/password.h"
#include "postrider/config_draft.h"
#include "postrider/import.h"
#include "util/file.h"

static const struct {
    import_format *read;
    const char *file;           /* NULL: the folder is what is read */
} formats[] = {
    { import_ssmtp, "ssmtp.conf" },
    { import_msmtp, "msmtprc" },
    { import_dma, "dma.conf" },
    { import_nullmailer, NULL },
    { import_esmtp, "esmtprc" },
};

#define FIRST "me"              /* of nullmailer, where no name comes first */
#define SECRET_MIN 6            /* octets: a shorter one is found anywhere */

static bool is_name(const char *name)
{
    return *name != '\0' && *name != '.' && strlen(name) < 40 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz.-_") == strlen(name);
}

/* Write the files, which are divided in place. */
static void write_files(int folder, const char *first, char *text)
{
    const char *name = first;

    while (text != NULL) {
        char *end = strstr(text, "\n== ");
        if (end != NULL)
            end[1] = '\0';
        if (is_name(name))
            fixture_write(folder, name, text, strlen(text));
        text = NULL;
        if (end != NULL) {
            name = end + 4;
            text = strchr(end + 4, '\n');
        }
        if (text != NULL)
            *text++ = '\0';
    }
}

static size_t count_in(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

/* Is this in the input as a password only? Then it is nowhere else. */
static void check_secrecy(const char *input, const char *secret,
                          const char *text)
{
    if (strlen(secret) < SECRET_MIN || count_in(input, secret) != 1)
        return;
    PROMISE(strstr(text, secret) == NULL);
}

static void check_secrets(const struct config *config, const char *input,
                          const char *text, const char *remarks)
{
    for (size_t i = 0; i < config->smarthost_count; i++) {
        const char *path = config->smarthosts[i].password_file;
        struct error err;
        struct buf secret;
        buf_init(&secret, 4096);
        if (*path != '\0' && file_read(path, &secret, &err)) {
            secret.data[strcspn(secret.data, "\r\n")] = '\0';
            check_secrecy(input, secret.data, text);
            check_secrecy(input, secret.data, remarks);
        }
        buf_free(&secret);
    }
}

static char *print(const struct config_draft *draft, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    config_draft_print(draft, "/etc/postrider/postrider.conf", out);
    fclose(out);
    return text;
}

static void check_draft(struct import *import, const char *input,
                        const char *remarks)
{
    static const char path[] = "/etc/postrider/postrider.conf";
    struct error err = { 0 };
    size_t length;

    char *text = print(import->draft, &length);
    fuzz_check_output(text, length);
    bool right = config_draft_check(import->draft, path, &err);
    if (right) {
        struct config *config = config_draft_load(import->draft, path, NULL,
                                                  &err);
        PROMISE(config != NULL);
        check_secrets(config, input, text, remarks);
        config_free(config);
    } else {
        fuzz_check_error(&err);
    }
    free(text);
}

static void run(unsigned format, const char *path, const char *input)
{
    struct import import = { .draft = config_draft_new(), .file = path };
    struct error err = { 0 };
    struct buf remarks;

    struct fuzz_output output = fuzz_begin_output();
    bool done = formats[format].read(&import, path, &err);
    fuzz_end_output(&output, &remarks);
    fuzz_check_output(remarks.data, remarks.length);
    if (done)
        check_draft(&import, input, remarks.data);
    else
        fuzz_check_error(&err);
    buf_free(&remarks);
    config_draft_free(import.draft);
    strings_free(&import.obstacles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture fixture;

    if (size == 0)
        return 0;
    unsigned format = data[0] % COUNT(formats);
    const char *file = formats[format].file;
    char *input = alloc_bytes((const char *)data + 1, size - 1);
    char *text = alloc_string(input);
    fuzz_open(&fixture);
    char *path = alloc_format("%s/failed%s%s", fixture.path,
                              file == NULL ? "" : "/",
                              file == NULL ? "" : file);
    write_files(fixture.spool.failed, file == NULL ? FIRST : file, text);
    run(format, path, input);
    free(path);
    free(text);
    free(input);
    fixture_close(&fixture);
    return 0;
}
