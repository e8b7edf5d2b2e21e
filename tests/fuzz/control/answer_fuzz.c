/*
 * What comes back over the control socket, of another version or from somebody
 * else. The first octet is what was asked. Lists for people are lines without
 * control characters, those for programs are JSON; what is understood is
 * composed again as the same.
 */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../fuzz_output.h"
#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "util/alloc.h"
#include "util/random.h"

enum { ASK_LIST, ASK_JSON, ASK_STATUS, ASK_CHANGES, ASK_OUTCOME, ASK_ANY };

/* A daemon that answers once. */
struct daemon {
    char *folder, *path;
    int listener;
    const char *answer;
    size_t length;
    pthread_t thread;
};

static void *serve(void *context)
{
    const struct daemon *daemon = context;
    int fd = accept(daemon->listener, NULL, NULL);
    char octet = '\0';

    close(daemon->listener);
    unlink(daemon->path);
    while (octet != '\n' && recv(fd, &octet, 1, 0) == 1)
        ;
    for (size_t at = 0; at < daemon->length; ) {
        ssize_t sent = send(fd, daemon->answer + at, daemon->length - at,
                            MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        at += (size_t)sent;
    }
    close(fd);
    return NULL;
}

static void start(struct daemon *daemon, const char *answer, size_t length)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    bool has = access("/dev/shm", W_OK) == 0;

    daemon->folder = alloc_format("%s/postrider-fuzz.XXXXXX",
                                  has ? "/dev/shm" : "/tmp");
    PROMISE(mkdtemp(daemon->folder) != NULL);
    daemon->path = alloc_format("%s/control", daemon->folder);
    daemon->answer = answer;
    daemon->length = length;
    daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", daemon->path);
    PROMISE(bind(daemon->listener, (struct sockaddr *)&address,
                 sizeof address) == 0 && listen(daemon->listener, 1) == 0);
    PROMISE(pthread_create(&daemon->thread, NULL, serve, daemon) == 0);
}

static void stop(struct daemon *daemon)
{
    pthread_join(daemon->thread, NULL);
    rmdir(daemon->folder);
    free(daemon->path);
    free(daemon->folder);
}

/* Strings as they must be, and of our own words nothing but JSON's. */
static void check_json(const char *text)
{
    bool quoted = false;

    for (; *text != '\0'; text++) {
        if (quoted && *text == '\\') {
            text++;
            PROMISE(*text != '\0' && strchr("\"\\/bfnrtu", *text) != NULL);
        } else if (*text == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            PROMISE(strchr("{}[]:, \n-0123456789", *text) != NULL);
        } else {
            PROMISE(!text_is_control(*text));
        }
    }
    PROMISE(!quoted);
}

static void check_list(const char *answer, size_t length, bool json)
{
    struct daemon daemon;
    char *text = NULL;
    size_t size = 0;
    struct error err;
    struct buf remarks;

    start(&daemon, answer, length);
    struct config config = { .control = daemon.path, .spool = daemon.path };
    FILE *out = open_memstream(&text, &size);
    struct fuzz_output output = fuzz_begin_output();
    bool listed = listing_print(&config, json, "mailq", out, &err);
    fuzz_end_output(&output, &remarks);
    fclose(out);
    stop(&daemon);
    fuzz_check_output(text, size);
    fuzz_check_output(remarks.data, remarks.length);
    PROMISE(strlen(text) == size);
    if (json)
        check_json(text);
    PROMISE(listed || !text_has_control(err.text, strlen(err.text)));
    buf_free(&remarks);
    free(text);
}

/* --- Lines of other answers. --- */

static void check_again(const struct buf *again, const char *line)
{
    PROMISE(again->length == strlen(line) + 1 &&
            memcmp(again->data, line, again->length - 1) == 0);
}

static void take_status(void *context, char *text)
{
    struct status_line line, same;
    struct buf out;

    (void)context;
    buf_init(&out, SIZE_MAX);
    protocol_parse_status(text, &line);
    if (line.kind == STATUS_SMARTHOST) {
        protocol_put_smarthost(&out, &line.smarthost);
        out.data[out.length - 1] = '\0';
        protocol_parse_status(out.data, &same);
        PROMISE(same.kind == STATUS_SMARTHOST &&
                same.smarthost.state == line.smarthost.state &&
                same.smarthost.jobs == line.smarthost.jobs &&
                strcmp(same.smarthost.name, line.smarthost.name) == 0);
    } else if (line.kind == STATUS_TROUBLE) {
        protocol_put_trouble(&out, &line.trouble);
        out.data[out.length - 1] = '\0';
        protocol_parse_status(out.data, &same);
        PROMISE(same.kind == STATUS_TROUBLE &&
                same.trouble.kind == line.trouble.kind &&
                same.trouble.count == line.trouble.count);
    }
    buf_free(&out);
}

static void take_changes(void *context, char *text)
{
    struct changes changes = { 0 }, same = { 0 };
    struct buf out;

    (void)context;
    if (!protocol_parse_changes(text, &changes))
        return;
    buf_init(&out, SIZE_MAX);
    protocol_put_changes(&out, &changes);
    out.data[out.length - 1] = '\0';
    PROMISE(protocol_parse_changes(out.data, &same));
    PROMISE(same.done == changes.done && same.left == changes.left);
    buf_free(&out);
}

static void take_outcome(void *context, char *text)
{
    char *whole = alloc_string(text);
    struct wait_outcome outcome;
    struct buf out;

    (void)context;
    if (protocol_parse_outcome(text, &outcome)) {
        bool has_text = *outcome.text != '\0';
        buf_init(&out, SIZE_MAX);
        protocol_put_outcome(&out, &outcome);
        if (has_text && !text_has_control(whole, strlen(whole)))
            check_again(&out, whole);
        buf_free(&out);
    }
    free(whole);
}

static void finish(const char *answer, size_t length, client_line *take)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct error err = { 0 };

    PROMISE(fd != -1 && io_write_all(fd, answer, length));
    lseek(fd, 0, SEEK_SET);
    bool done = client_finish(fd, 1000, take, NULL, &err);
    PROMISE(done || (err.fault != FAULT_NONE &&
                     !text_has_control(err.text, strlen(err.text))));
}

/* A daemon that stops is asked again, for seconds. */
static bool says_again(const char *answer)
{
    return text_starts(answer, "again\n") ||
           strstr(answer, "\nagain\n") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static client_line *const takers[ASK_ANY] = {
        [ASK_STATUS] = take_status, [ASK_CHANGES] = take_changes,
        [ASK_OUTCOME] = take_outcome,
    };

    if (size == 0)
        return 0;
    unsigned asked = data[0] % ASK_ANY;
    char *answer = alloc_bytes((const char *)data + 1, size - 1);
    if (takers[asked] != NULL || says_again(answer))
        finish(answer, size - 1, takers[asked]);
    else
        check_list(answer, size - 1, asked == ASK_JSON);
    free(answer);
    return 0;
}
