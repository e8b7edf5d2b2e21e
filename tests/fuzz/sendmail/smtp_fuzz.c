/*
 * sendmail -bs with a client that may send anything, and what of it is in
 * drop/ afterwards.
 *
 * The first octet is how many octets come at a time, 0 for all at once. A
 * strict client of ours counts the replies: one for each command, by the letter
 * of RFC 5321 and 3030. It knows what each message is that was queued, and for
 * whom.
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
#include "util/strings.h"

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

/* Replies that wait, and the last line of the one before them. */
struct replies {
    struct input rest, line;
};

/* The next reply, whole; its code, 0 at the end. */
static int next_reply(struct replies *replies)
{
    struct input line;
    int code = 0;

    do {
        line = input_part(&replies->rest, '\n');
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
    replies->line = line;
    return code;
}

/* The client's view of what it sends, and of the message that it is about. */
struct client {
    struct input rest;
    bool has_crlf;              /* smtp_input.h: what ends a line then */
    struct buf sender;          /* of MAIL */
    struct strings recipients;  /* of RCPT */
    bool is_plain;              /* none of these has quotes or comments */
    struct buf content;
    unsigned queued;
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

static void begin_message(struct client *client)
{
    buf_clear(&client->sender);
    strings_free(&client->recipients);
    buf_clear(&client->content);
    client->is_plain = true;
}

/* Does the line have this verb, without regard to what follows it? */
static bool is_verb(const struct input *line, const char *verb)
{
    size_t length = strlen(verb);

    return line->left >= length &&
           text_equal_case_n(line->at, verb, length) &&
           (line->left == length || strchr(" \t", line->at[length]) != NULL);
}

/* The path of MAIL or RCPT if there is nothing in it to be decided, as there is
 * with quotes, comments or routes. The caller frees it. */
static char *plain_path(const struct input *line)
{
    char *text = alloc_bytes(line->at, line->left);
    const char *open = strchr(text, '<');
    size_t length = open == NULL ? 0
                    : strspn(open + 1, "abcdefghijklmnopqrstuvwxyz0123456789"
                             ".@");
    char *path = NULL;

    if (open != NULL && open[length + 1] == '>' && open[-1] == ':')
        path = alloc_bytes(open + 1, length);
    free(text);
    return path;
}

/* A command that was accepted. */
static void follow_envelope(struct client *client, const struct input *line)
{
    bool is_mail = is_verb(line, "MAIL"), is_rcpt = is_verb(line, "RCPT");
    char *path = is_mail || is_rcpt ? plain_path(line) : NULL;

    if (is_mail || is_verb(line, "RSET") || is_verb(line, "HELO") ||
        is_verb(line, "EHLO"))
        begin_message(client);
    client->is_plain &= path != NULL || !(is_mail || is_rcpt);
    client->is_plain &= !is_verb(line, "XFLAW");
    if (path != NULL && is_mail)
        buf_add_text(&client->sender, path);
    else if (path != NULL)
        strings_add(&client->recipients, path);
    free(path);
}

/* Is it that of a command, perhaps with the domain added? Of a recipient, a
 * domain without a dot may be a host of this network, and stays. */
static bool is_path(const char *path, const char *given)
{
    char *complete = address_complete(given, "example.com");
    bool same = address_equal(path, complete) || address_equal(path, given);

    free(complete);
    return same;
}

/* Is the path one that the client gave, or of the alias that it gave? */
static bool is_asked_for(const struct client *client, const char *path)
{
    const struct strings *given = &client->recipients;

    for (size_t i = 0; i < given->count; i++)
        if (is_path(path, given->items[i]) ||
            (text_starts(given->items[i], "list") &&
             (strcmp(path, "bob@b.example") == 0 ||
              strcmp(path, "carol@example.com") == 0)))
            return true;
    return false;
}

static bool is_in(const struct envelope *env, const char *given)
{
    for (size_t i = 0; i < env->count; i++)
        if (is_path(env->recipients[i].path, given))
            return true;
    return false;
}

/* Names of this machine may be aliases. */
static bool is_elsewhere(const char *given)
{
    const char *at = strchr(given, '@');

    return at != NULL && text_starts(at, "@b.example");
}

/* It is for those whom the client named in this transaction, and no others. */
static void check_envelope(const struct client *client,
                           const struct envelope *env)
{
    const struct strings *given = &client->recipients;

    for (size_t i = 0; i < given->count; i++)
        PROMISE(!is_elsewhere(given->items[i]) || is_in(env, given->items[i]));
    if (!client->is_plain)
        return;
    PROMISE(is_path(envelope_reverse_path(env), client->sender.data));
    for (size_t i = 0; i < env->count; i++)
        PROMISE(env->recipients[i].flaw != NULL ||
                is_asked_for(client, env->recipients[i].path));
}

/* The message in drop/ that a reply is about is the client's. It goes. */
static void take_message(struct client *client, const struct replies *replies)
{
    static const char word[] = "250 2.0.0 Ok: queued as ";
    char *line = alloc_bytes(replies->line.at, replies->line.left - 1);

    if (text_starts(line, word)) {
        const char *id = line + strlen(word);
        char *path = alloc_format("%s/%s", place.drop, id);
        int content = memory_file(client->content.data,
                                  client->content.length);
        struct entry *entry = accepted_entry(
            open(path, O_RDONLY | O_CLOEXEC), id);
        check_envelope(client, &entry->envelope);
        accepted_body(entry, content, false);
        entry_free(entry);
        close(content);
        PROMISE(unlink(path) == 0);
        free(path);
        client->queued++;
    }
    free(line);
    begin_message(client);
}

/* Up to the lone dot; false if there is none. */
static bool follow_data(struct client *client)
{
    struct input line;

    while (next_line(client, &line)) {
        size_t dot = line.left > 0 && *line.at == '.';
        if (dot == 1 && line.left == 1)
            return true;
        buf_add(&client->content, line.at + dot,
                (size_t)(client->rest.at - line.at) - dot);
    }
    return false;
}

/* "BDAT 10 LAST": past the chunk; false if it is not complete. */
static bool follow_chunk(struct client *client, const struct input *line)
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
    buf_add(&client->content, client->rest.at, (size_t)length);
    client->rest.at += length;
    client->rest.left -= (size_t)length;
    return true;
}

static bool is_bdat(const struct input *line)
{
    return is_verb(line, "BDAT") && line->left < SMTP_INPUT_LINE_MAX &&
           memchr(line->at, '\0', line->left) == NULL;
}

/* BDAT and its reply, as follow_command. Where a chunk ends is not known if its
 * line is wrong. */
static bool follow_bdat(struct client *client, const struct input *line,
                        struct replies *replies)
{
    bool whole = follow_chunk(client, line);
    int code = next_reply(replies);

    PROMISE(code != 0 || !whole);
    if (code != 250)
        begin_message(client);
    else if (memmem(replies->line.at, replies->line.left, " octets\r", 8) ==
             NULL)
        take_message(client, replies);
    return whole && code != 421 && code != 501;
}

/* The command and its reply. False: the session is over. */
static bool follow_command(struct client *client, const struct input *line,
                           struct replies *replies)
{
    if (is_bdat(line))
        return follow_bdat(client, line, replies);
    int code = next_reply(replies);

    PROMISE(code != 0);
    if (code == 250)
        follow_envelope(client, line);
    if (code != 354)
        return code != 221 && code != 421;
    if (!follow_data(client))
        return false;
    code = next_reply(replies);
    PROMISE(code != 0);
    take_message(client, replies);
    return true;
}

/* One reply for each command, then perhaps the last of a server that has had
 * enough. How many messages were queued. */
static unsigned follow_session(struct input in, const struct buf *out)
{
    struct client client = { .rest = in };
    struct replies replies = { .rest = { out->data, out->length } };
    struct input line;

    buf_init(&client.sender, SIZE_MAX);
    buf_init(&client.content, SIZE_MAX);
    begin_message(&client);
    int code = next_reply(&replies);
    PROMISE(code == 220);
    while (next_command(&client, &line) &&
           follow_command(&client, &line, &replies))
        continue;
    code = next_reply(&replies);
    PROMISE(code == 0 || code == 421);
    PROMISE(next_reply(&replies) == 0);
    begin_message(&client);
    buf_free(&client.content);
    buf_free(&client.sender);
    return client.queued;
}

static unsigned count_queued(const struct buf *out)
{
    static const char word[] = "\r\n250 2.0.0 Ok: queued as ";
    unsigned count = 0;

    for (const char *at = out->data; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* Nothing else is there, and nothing is left of what was refused. */
static void check_drop_is_empty(void)
{
    DIR *directory = opendir(place.drop);
    const struct dirent *item;

    PROMISE(directory != NULL);
    while ((item = readdir(directory)) != NULL)
        PROMISE(*item->d_name == '.' && strspn(item->d_name, ".") ==
                                            strlen(item->d_name));
    closedir(directory);
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
    PROMISE(follow_session(in, &out) == count_queued(&out));
    check_drop_is_empty();
    buf_free(&out);
    return 0;
}
