/* replay.c - a fuzzer without libFuzzer: it is run once for each file in the
 * folders that are its arguments, and for what a cut or a changed octet makes of
 * that */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/file.h"

#define INPUT_MAX ((size_t)1 << 20)
#define CHANGES 64              /* of each input, the same ones each time */

/* Exactly as long as it is, so that ASan sees a read after its end. */
static void run(const char *data, size_t length)
{
    uint8_t *input = alloc_zero(1, length + (length == 0));

    if (length > 0)
        memcpy(input, data, length);
    LLVMFuzzerTestOneInput(input, length);
    free(input);
}

static void run_changed(struct buf *text)
{
    size_t changes = text->length < CHANGES ? text->length : CHANGES;

    for (size_t i = 0; i < changes; i++) {
        size_t at = i * text->length / changes;
        char before = text->data[at];
        run(text->data, at);
        text->data[at] = (char)(before ^ (char)(1U << i % 8));
        run(text->data, text->length);
        text->data[at] = before;
    }
}

static bool replay_file(const char *path)
{
    struct error err;
    struct buf text;

    buf_init(&text, INPUT_MAX);
    bool done = file_read(path, &text, &err);
    if (done) {
        run(text.data, text.length);
        run_changed(&text);
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    buf_free(&text);
    return done;
}

/* False also where there is none. */
static bool replay_folder(const char *folder, unsigned *count)
{
    DIR *directory = opendir(folder);
    const struct dirent *item;
    bool done = directory != NULL;

    while (done && (item = readdir(directory)) != NULL) {
        char *path = alloc_format("%s/%s", folder, item->d_name);
        if (*item->d_name != '.') {
            done = replay_file(path);
            (*count)++;
        }
        free(path);
    }
    if (directory != NULL)
        closedir(directory);
    return done;
}

int main(int argc, char **argv)
{
    bool done = argc > 1;

    for (int i = 1; done && i < argc; i++) {
        unsigned count = 0;
        done = replay_folder(argv[i], &count);
        printf("%s: %u inputs\n", argv[i], count);
        done = done && count > 0;
    }
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
