/*
 * Requests over the control socket: the first octet is who asks, then a line
 * each. There are messages of a user that wait, are held, are with a worker, are
 * in failed/. Answers are lines that the client understands, without control
 * characters; a stranger sees nothing of the messages, and changes none.
 */
#include "../fuzz_relay.h"
#include "control/request.h"

#define STRANGER 4242
#define LINES 40                /* of an input */
#define MESSAGES 4

struct scene {
    struct relay relay;
    char ids[MESSAGES][RANDOM_ID_LENGTH + 1];
    uid_t asker;
    bool is_stranger;
};

static void send_failed(struct relay *relay)
{
    relay_give(relay);
    if (relay->job != 0)
        relay_settle_all(relay, '5');
}

static void set_up(struct scene *scene)
{
    static const struct message_shape shapes[MESSAGES] = {
        { .reverse_path = "", .recipients = 1 },
        { .reverse_path = "a@example.com", .recipients = 2 },
        { .reverse_path = "a@example.com", .recipients = 40 },
        { .reverse_path = "\xc3\xbc@example.com", .recipients = 1 },
    };
    struct relay *relay = &scene->relay;

    fuzz_relay_open(relay);
    for (size_t i = 0; i < MESSAGES; i++) {
        relay_drop(relay, scene->ids[i], &shapes[i]);
        relay_pick_up(relay);
        if (i == 0)
            send_failed(relay);         /* it is in failed/ */
        if (i == 1)
            free(relay_ask(relay, REQUEST_HOLD, scene->ids[i]));
        if (i == 2)
            relay_give(relay);          /* a worker has it */
    }
}

/* "@N" is the queue-id of message N. */
static char *fill_in(const struct scene *scene, const char *line)
{
    const char *at = strchr(line, '@');

    if (at == NULL || at[1] < '0' || at[1] >= '0' + MESSAGES)
        return alloc_string(line);
    return alloc_format("%.*s%s%s", (int)(at - line), line,
                        scene->ids[at[1] - '0'], at + 2);
}

static void check_item(const struct list_line *line, const char *whole)
{
    struct queue_item item = line->item;
    struct buf again;

    PROMISE(random_is_id(item.id));
    buf_init(&again, SIZE_MAX);
    protocol_put_item(&again, &item);
    PROMISE(again.length == strlen(whole) + 1 &&
            memcmp(again.data, whole, again.length - 1) == 0);
    buf_free(&again);
}

static void check_list_line(const struct scene *scene, const char *whole)
{
    char *text = alloc_string(whole);
    struct list_line line;

    protocol_parse_list(text, &line);
    PROMISE(line.kind != LIST_UNKNOWN);
    PROMISE(!scene->is_stranger || line.kind == LIST_OTHERS);
    if (line.kind == LIST_ITEM)
        check_item(&line, whole);
    protocol_free_list(&line);
    free(text);
}

static void check_status_line(const char *whole)
{
    char *text = alloc_string(whole);
    struct status_line line;

    protocol_parse_status(text, &line);
    PROMISE(line.kind != STATUS_UNKNOWN);
    free(text);
}

static void check_changes(const char *whole)
{
    struct changes changes = { 0 };
    char *text = alloc_string(whole);

    PROMISE(protocol_parse_changes(text, &changes) ||
            text_starts(whole, "held "));
    free(text);
}

static void check_line(const struct scene *scene, enum request request,
                       const char *line)
{
    for (const char *p = line; *p != '\0'; p++)
        PROMISE(*p == '\t' || !text_is_control(*p));
    PROMISE(text_is_utf8(line, strlen(line)));
    if (protocol_refusal(line) != NULL)
        return;
    if (request == REQUEST_LIST)
        check_list_line(scene, line);
    else if (request == REQUEST_STATUS)
        check_status_line(line);
    else if (request != REQUEST_WAIT)
        check_changes(line);
}

static void check_answer(const struct scene *scene, enum request request,
                         struct buf *out)
{
    char *line = out->data, *end;

    for (size_t i = 0; i < MESSAGES && scene->is_stranger; i++)
        PROMISE(out->length == 0 || strstr(line, scene->ids[i]) == NULL);
    PROMISE(strlen(line) == out->length);
    for (; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        PROMISE(end != NULL);
        *end = '\0';
        check_line(scene, request, line);
    }
}

/* Where all messages are, and whether they are held. */
static char *describe(struct scene *scene)
{
    const struct spool *spool = &scene->relay.fixture.spool;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < MESSAGES; i++) {
        const char *id = scene->ids[i];
        const struct message *message =
            messages_find(scene->relay.parts.messages, id);
        buf_add_format(&out, "%d%d%d%d ", fixture_exists(spool->drop, id),
                       fixture_exists(spool->queue, id),
                       fixture_exists(spool->failed, id),
                       message == NULL ? -1 : message->place == MESSAGE_HELD);
        if (message != NULL && message->place == MESSAGE_OUT)
            buf_add_format(&out, "%d", message->attempt->withdrawn);
    }
    return buf_take(&out);
}

static void answer(struct scene *scene, const struct request_line *asked)
{
    struct control_progress progress = { 0 };
    char waiting[RANDOM_ID_LENGTH + 1] = "";
    struct buf out;

    buf_init(&out, SIZE_MAX);
    const struct control_request what = {
        .uid = scene->asker, .request = asked->request,
        .argument = asked->argument, .progress = &progress, .out = &out,
        .waiting = waiting,
    };
    enum control_reply reply;
    while ((reply = relay_answer(&scene->relay, &what)) == CONTROL_MORE)
        ;
    PROMISE((reply == CONTROL_WAITS) == (*waiting != '\0'));
    PROMISE(reply != CONTROL_WAITS || (out.length == 0 &&
            asked->request == REQUEST_WAIT && random_is_id(waiting)));
    PROMISE(reply != CONTROL_WAITS || !scene->is_stranger ||
            messages_find(scene->relay.parts.messages, waiting) == NULL);
    check_answer(scene, asked->request, &out);
    buf_free(&out);
}

static void ask(struct scene *scene, const char *text)
{
    char *line = fill_in(scene, text);
    char *before = describe(scene);
    struct request_line asked;
    const char *refusal = NULL;

    if (request_parse(line, &asked, &refusal)) {
        char *again = request_compose(asked.request, asked.argument);
        char *whole = fill_in(scene, text);
        PROMISE(strcmp(again, whole) == 0 || *asked.argument == '\0');
        free(again);
        free(whole);
        answer(scene, &asked);
    } else {
        PROMISE(refusal != NULL);
    }
    char *after = describe(scene);
    PROMISE(!scene->is_stranger || strcmp(before, after) == 0);
    free(before);
    free(after);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene scene = { 0 };

    if (size == 0)
        return 0;
    const uid_t askers[] = { geteuid(), RELAY_OWNER, STRANGER };
    scene.asker = askers[data[0] % COUNT(askers)];
    scene.is_stranger = scene.asker == STRANGER;
    char *text = alloc_bytes((const char *)data + 1, size - 1);
    set_up(&scene);
    char *rest = text, *line;
    for (int i = 0; i < LINES && (line = strsep(&rest, "\n")) != NULL; i++)
        ask(&scene, line);
    fuzz_relay_close(&scene.relay);
    free(text);
    return 0;
}
