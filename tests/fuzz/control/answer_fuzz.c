/*
 * What comes back over the control socket, of another version or from somebody
 * else. The first octet is what was asked. Lists for people are lines without
 * control characters, those for programs are JSON, and both have each message;
 * what is understood is composed again as the same, however it arrives.
 */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../fuzz_output.h"
#include "../input.h"
#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "util/alloc.h"
#include "util/random.h"

#define PIECES 16

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

/* --- Lines that are understood. --- */

/* A number as no daemon writes it: with 0 before it. */
static bool is_padded(const char *word, const char *separators)
{
    size_t digits = strspn(word, "0123456789");

    return *word == '0' && digits > 1 &&
           (word[digits] == '\0' || strchr(separators, word[digits]) != NULL);
}

/* Can it have been composed by a daemon? Controls become blanks there. */
static bool is_composed(const char *line, const char *separators)
{
    for (const char *p = line; *p != '\0'; p++) {
        bool divides = strchr(separators, *p) != NULL;
        if ((text_is_control(*p) && !divides) ||
            ((divides || p == line) && is_padded(p + divides, separators)))
            return false;
    }
    return true;
}

/* What was understood of a line is composed as that line; a last field that is
 * empty may lack its blank. */
static void check_again(const struct buf *again, const char *line)
{
    size_t length = strlen(line);

    PROMISE(text_starts(again->data, line));
    PROMISE(text_starts(again->data + length, "\n") ||
            text_starts(again->data + length, " \n"));
}

static void compose_item(struct buf *out, const struct list_line *line)
{
    struct queue_item item = line->item;

    if (line->kind == LIST_NEXT)
        item = (struct queue_item){ .id = line->next.id, .reason = "",
                                    .sender = "", .next = line->next.time };
    protocol_put_item(out, &item);
}

/* Is it "ID MARK" with a mark that is known, or "next" with a time? */
static bool has_counterpart(const char *line, enum list_kind kind)
{
    const char *mark = strchr(line, '\t');

    if (kind == LIST_ITEM)
        return strchr("-*!", mark[1]) != NULL && mark[2] == '\t';
    return kind != LIST_NEXT || strcmp(strrchr(line, '\t'), "\t0") != 0;
}

static void take_list(void *context, char *text)
{
    char *whole = alloc_string(text);
    struct list_line line;
    struct buf out;

    (void)context;
    buf_init(&out, SIZE_MAX);
    protocol_parse_list(text, &line);
    if (line.kind == LIST_UNREAD)
        protocol_put_unread(&out, &line.unread);
    else if (line.kind == LIST_OTHERS)
        protocol_put_others(&out, &line.others);
    else if (line.kind != LIST_UNKNOWN)
        compose_item(&out, &line);
    if (out.length > 0 && is_composed(whole, "\t") &&
        has_counterpart(whole, line.kind))
        check_again(&out, whole);
    protocol_free_list(&line);
    buf_free(&out);
    free(whole);
}

static void compose_status(struct buf *out, const struct status_line *line)
{
    struct smarthost_status smarthost = line->smarthost;
    struct trouble_status trouble = line->trouble;

    if (line->kind == STATUS_FIGURE) {
        protocol_put_figure(out, &line->figure);
    } else if (line->kind == STATUS_REMEDY || line->kind == STATUS_TROUBLE) {
        trouble.place = trouble.place != NULL ? trouble.place : "";
        trouble.text = trouble.text != NULL ? trouble.text : "";
        protocol_put_trouble(out, &trouble);
    } else if (line->kind != STATUS_UNKNOWN) {
        smarthost.name = smarthost.name != NULL ? smarthost.name : "";
        smarthost.reason = smarthost.reason != NULL ? smarthost.reason : "";
        protocol_put_smarthost(out, &smarthost);
    }
}

/* Not written are times and counts that are not known, and no remedy. */
static bool is_left_out(const char *line)
{
    return text_starts(line, "since 0") || text_starts(line, "refused 0") ||
           strcmp(line, "remedy ") == 0;
}

static void take_status(void *context, char *text)
{
    char *whole = alloc_string(text);
    struct status_line line;
    struct buf out;

    (void)context;
    buf_init(&out, SIZE_MAX);
    protocol_parse_status(text, &line);
    compose_status(&out, &line);
    if (out.length > 0 && is_composed(whole, " ") && !is_left_out(whole) &&
        (line.kind != STATUS_TROUBLE ||
         line.trouble.kind != TROUBLE_KIND_OTHER))
        check_again(&out, whole);
    buf_free(&out);
    free(whole);
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

/* Lines that were handed out: taken, and kept to be compared. */
struct lines {
    client_line *take;
    void *context;
    struct buf text;
};

static void keep_line(void *context, char *line)
{
    struct lines *lines = context;

    buf_add_text(&lines->text, line);
    buf_add_char(&lines->text, '\n');
    lines->take(lines->context, line);
}

static bool finish_from(int fd, struct lines *lines)
{
    struct error err = { 0 };

    buf_init(&lines->text, SIZE_MAX);
    bool done = client_finish(fd, 1000, keep_line, lines, &err);
    PROMISE(done || (err.fault != FAULT_NONE &&
                     !text_has_control(err.text, strlen(err.text))));
    return done;
}

/* Each piece is what one read gives. */
static int in_pieces(const char *data, size_t length)
{
    size_t step = length / PIECES + 1;
    int fds[2];

    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    for (size_t at = 0; at < length; at += step) {
        step = step < length - at ? step : length - at;
        PROMISE(send(fds[1], data + at, step, MSG_NOSIGNAL | MSG_DONTWAIT) ==
                (ssize_t)step);
    }
    close(fds[1]);
    return fds[0];
}

/* An answer is the same one however it arrives. */
static void finish(const char *answer, size_t length, client_line *take,
                   void *context)
{
    struct lines whole = { .take = take, .context = context };
    struct lines pieces = whole;
    bool done = finish_from(memory_file(answer, length), &whole);

    PROMISE(finish_from(in_pieces(answer, length), &pieces) == done);
    PROMISE(strcmp(whole.text.data, pieces.text.data) == 0);
    buf_free(&whole.text);
    buf_free(&pieces.text);
}

/* --- Lists. --- */

/* What was printed of an answer, so far as it is compared. */
struct printed {
    const char *text;
    bool json;
    char *next;                 /* of the item that comes next */
};

/* Each message is there, with its next attempt for programs. */
static void check_printed(void *context, char *text)
{
    struct printed *printed = context;
    struct list_line line;

    protocol_parse_list(text, &line);
    if (line.kind == LIST_ITEM) {
        PROMISE(strcasestr(printed->text, line.item.id) != NULL);
        if (printed->next != NULL && printed->json &&
            text_starts(printed->next, line.item.id))
            PROMISE(strstr(printed->text, strchr(printed->next, ' ')) != NULL);
    }
    free(printed->next);
    printed->next = NULL;
    if (line.kind == LIST_NEXT && line.next.time > 0)
        printed->next = alloc_format("%s %" PRId64 ",", line.next.id,
                                     line.next.time);
    protocol_free_list(&line);
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
    if (listed) {
        struct printed printed = { .text = text, .json = json };
        finish(answer, length, check_printed, &printed);
        free(printed.next);
    }
    buf_free(&remarks);
    free(text);
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
    client_line *take = takers[asked] != NULL ? takers[asked] : take_list;
    char *answer = alloc_bytes((const char *)data + 1, size - 1);
    unsigned open = open_descriptors();

    finish(answer, size - 1, take, NULL);
    if (take == take_list && !says_again(answer))
        check_list(answer, size - 1, asked == ASK_JSON);
    PROMISE(open_descriptors() == open);
    free(answer);
    return 0;
}
