/*
 * sendmail -bs with a client that may send anything, and what of it is in
 * drop/ afterwards.
 *
 * The first octet is how many octets come at a time, 0 for all at once. A
 * strict client of ours counts the replies: one for each command, by the letter
 * of RFC 5321 and 3030.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../input.h"
#include "accepted.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "sendmail/smtp_input.h"
#include "util/buf.h"

#define INPUT_MAX 16384
#define OCTETS_OF_REPLY 512     /* RFC 5321 section 4.5.3.1.5 */

static struct place {
    char *folder, *drop;
    int replies;                /* standard output */
} place;

static void write_file(const char *name, const char *text)
{
    char *path = alloc_format("%s/%s", place.folder, name);
    FILE *file = fopen(path, "w");

    PROMISE(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    free(path);
}

static void remove_place(void)
{
    static const char *const names[] = { "postrider.conf", "aliases", "drop" };

    for (size_t i = 0; i < COUNT(names); i++) {
        char *path = alloc_format("%s/%s", place.folder, names[i]);
        remove(path);
        free(path);
    }
    remove(place.folder);
    free(place.folder);
    free(place.drop);
}

/* A spool and a configuration, made once. */
static void make_place(void)
{
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    place.folder = alloc_format("%s/smtp_fuzz.XXXXXX", where);
    PROMISE(mkdtemp(place.folder) != NULL);
    PROMISE(chmod(place.folder, 0755) == 0);
    place.drop = alloc_format("%s/drop", place.folder);
    PROMISE(mkdir(place.drop, 0700) == 0 && chmod(place.drop, 03733) == 0);
    write_file("aliases", "list: bob@b.example, |x, carol\ngone: /dev/null\n");
    char *config = alloc_format(
        "hostname = web1.example.com\ndomain = example.com\n"
        "aliases = \"%s/aliases\"\nspool = \"%s\"\nlog = none\n"
        "message_size_limit = 5000\n", place.folder, place.folder);
    write_file("postrider.conf", config);
    free(config);
    char *path = alloc_format("%s/postrider.conf", place.folder);
    setenv("POSTRIDER_CONFIG", path, 1);
    free(path);
    place.replies = memory_file("", 0);
    atexit(remove_place);
}

/* The client's octets, step of them at a time, then the end. */
static int input_socket(const struct input *in, size_t step)
{
    int fds[2];

    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    step = step > in->left / 48 ? step : in->left / 48 + 1;
    for (size_t at = 0; at < in->left; at += step) {
        step = step < in->left - at ? step : in->left - at;
        PROMISE(send(fds[1], in->at + at, step,
                     MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)step);
    }
    close(fds[1]);
    return fds[0];
}

/* Takes the descriptor over; replies are appended to out. */
static void serve(int client, struct buf *out)
{
    const struct options options = { .mode = MODE_SMTP };
    int input = dup(STDIN_FILENO), output = dup(STDOUT_FILENO);
    struct error err = { 0 };

    fflush(stdout);
    PROMISE(ftruncate(place.replies, 0) == 0 &&
            lseek(place.replies, 0, SEEK_SET) == 0);
    PROMISE(dup2(client, STDIN_FILENO) == STDIN_FILENO);
    PROMISE(dup2(place.replies, STDOUT_FILENO) == STDOUT_FILENO);
    bool served = command_smtp(&options, &err);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    close(client);
    close(input);
    close(output);
    PROMISE(served && lseek(place.replies, 0, SEEK_SET) == 0);
    PROMISE(io_read_all(place.replies, out, &err));
}

/* The messages in drop/, which go. How many there are. */
static unsigned take_messages(const struct buf *replies)
{
    DIR *directory = opendir(place.drop);
    const struct dirent *item;
    unsigned count = 0;

    PROMISE(directory != NULL);
    while ((item = readdir(directory)) != NULL) {
        if (*item->d_name == '.')
            continue;
        char *queued = alloc_format("\r\n250 2.0.0 Ok: queued as %s\r\n",
                                    item->d_name);
        int fd = openat(dirfd(directory), item->d_name, O_RDONLY | O_CLOEXEC);
        PROMISE(strstr(replies->data, queued) != NULL);
        entry_free(accepted_entry(fd, item->d_name));
        PROMISE(unlinkat(dirfd(directory), item->d_name, 0) == 0);
        free(queued);
        count++;
    }
    closedir(directory);
    return count;
}

/* The next reply, whole; its code, 0 at the end. */
static int next_reply(struct input *in)
{
    struct input line;
    int code = 0;

    do {
        line = input_part(in, '\n');
        if (line.left == 0)
            return 0;
        PROMISE(line.left >= 5 && line.left < OCTETS_OF_REPLY);
        PROMISE(line.at[line.left - 1] == '\r');
        PROMISE(!text_has_control(line.at, line.left - 1));
        int own = atoi(line.at);
        PROMISE(own >= 200 && own <= 599 && (code == 0 || own == code));
        PROMISE(line.at[3] == ' ' || line.at[3] == '-');
        code = own;
    } while (line.at[3] == '-');
    return code;
}

/* The client's view of what it sends. */
struct client {
    struct input rest;
    bool has_crlf;              /* smtp_input.h: what ends a line then */
};

/* The next line without its end; false if it is not complete. */
static bool next_line(struct client *client, struct input *line)
{
    const char *from = client->rest.at;
    const char *end = from + client->rest.left;
    const char *lf;

    *line = (struct input){ from, 0 };
    for (;;) {
        lf = from == end ? NULL : memchr(from, '\n', (size_t)(end - from));
        if (lf == NULL)
            return false;
        bool crlf = lf > line->at && lf[-1] == '\r';
        from = lf + 1;
        if (client->has_crlf && !crlf)
            continue;
        line->left = (size_t)(lf - line->at) - crlf;
        client->rest.left -= (size_t)(from - client->rest.at);
        client->rest.at = from;
        return true;
    }
}

/* A command shows what the client knows; the lines of a message do not. */
static bool next_command(struct client *client, struct input *line)
{
    if (!next_line(client, line))
        return false;
    client->has_crlf |= line->at[line->left] == '\r';
    return true;
}

/* Past the lone dot; false if there is none. */
static bool skip_data(struct client *client)
{
    struct input line;

    while (next_line(client, &line))
        if (line.left == 1 && *line.at == '.')
            return true;
    return false;
}

/* "BDAT 10 LAST": past the chunk; false if it is not complete. */
static bool skip_chunk(struct client *client, const struct input *line)
{
    char *text = alloc_bytes(line->at, line->left);
    uint64_t length = 0;
    size_t start = 4 + strspn(text + 4, " \t");
    char *number = alloc_bytes(text + start, strspn(text + start,
                                                    "0123456789"));
    bool right = text_to_number(number, UINT64_MAX / 2, &length) &&
                 length <= client->rest.left;

    free(number);
    free(text);
    if (!right)
        return false;
    client->rest.at += length;
    client->rest.left -= (size_t)length;
    return true;
}

static bool is_bdat(const struct input *line)
{
    return line->left >= 4 && line->left < SMTP_INPUT_LINE_MAX &&
           text_equal_case_n(line->at, "BDAT", 4) &&
           (line->left == 4 || strchr(" \t", line->at[4]) != NULL) &&
           memchr(line->at, '\0', line->left) == NULL;
}

/* The command and its reply. False: the session is over. */
static bool follow_command(struct client *client, const struct input *line,
                           struct input *replies)
{
    bool chunk = is_bdat(line);
    bool whole = !chunk || skip_chunk(client, line);
    int code = next_reply(replies);

    PROMISE(code != 0 || !whole);
    if (code == 354)
        return skip_data(client) && next_reply(replies) != 0;
    /* Where the chunk ends is not known, then. */
    return whole && code != 221 && code != 421 && !(chunk && code == 501);
}

/* One reply for each command, then perhaps the last of a server that has had
 * enough. */
static void count_replies(struct input in, const struct buf *out)
{
    struct client client = { .rest = in };
    struct input replies = { out->data, out->length }, line;
    int code = next_reply(&replies);

    PROMISE(code == 220);
    while (next_command(&client, &line) &&
           follow_command(&client, &line, &replies))
        continue;
    code = next_reply(&replies);
    PROMISE(code == 0 || code == 421);
    PROMISE(next_reply(&replies) == 0);
}

static unsigned count_queued(const struct buf *out)
{
    static const char word[] = "\r\n250 2.0.0 Ok: queued as ";
    unsigned count = 0;

    for (const char *at = out->data; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    size_t step = input_octet(&in);
    struct buf out;

    if (in.left > INPUT_MAX)
        return 0;
    if (place.folder == NULL)
        make_place();
    buf_init(&out, SIZE_MAX);
    serve(step == 0 ? memory_file(in.at, in.left) : input_socket(&in, step),
          &out);
    PROMISE(strlen(out.data) == out.length);
    PROMISE(take_messages(&out) == count_queued(&out));
    count_replies(in, &out);
    buf_free(&out);
    return 0;
}
