/* What becomes of a message: the states it can be in, and what can happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "control/protocol.h"
#include "relay_fixture.h"
#include "util/text.h"

#define MANY 1001               /* recipients: more than a job can hold */

struct subject {
    struct relay relay;
    char id[RANDOM_ID_LENGTH + 1];
};

/* --- The steps that a message takes, one word each. --- */

static void take_shape(struct subject *subject,
                       const struct message_shape *shape)
{
    relay_drop(&subject->relay, subject->id, shape);
    relay_pick_up(&subject->relay);
}

static void take(struct subject *subject)
{
    take_shape(subject, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = 2 });
}

static void take_report(struct subject *subject)
{
    take_shape(subject, &(struct message_shape){
        .reverse_path = "", .recipients = 2 });
}

static void take_many(struct subject *subject)
{
    take_shape(subject, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = MANY });
}

static void take_bound(struct subject *subject)
{
    take_shape(subject, &(struct message_shape){
        .reverse_path = "a@example.com", .smarthost = "gone",
        .recipients = 2 });
}

static void take_flawed(struct subject *subject)
{
    take_shape(subject, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = 2, .flawed = true });
}

static void store(struct subject *subject)
{
    relay_store_all(&subject->relay);
    relay_store_what_must_be(&subject->relay);
}

static void give(struct subject *subject)
{
    relay_give(&subject->relay);
}

static void accept_all(struct subject *subject)
{
    relay_settle_all(&subject->relay, '2');
}

static void refuse_all(struct subject *subject)
{
    relay_settle_all(&subject->relay, '5');
}

static void defer_all(struct subject *subject)
{
    relay_settle_all(&subject->relay, '4');
}

static void accept_one(struct subject *subject)
{
    relay_settle(&subject->relay, "2");
}

static void refuse_one_defer_one(struct subject *subject)
{
    relay_settle(&subject->relay, "54");
}

static void refuse_one_accept_one(struct subject *subject)
{
    relay_settle(&subject->relay, "52");
}

/* The worker could not read the message. */
static void end_job(struct subject *subject)
{
    relay_send(&subject->relay, &(struct packet){
        .kind = WIRE_DONE, .job = subject->relay.job });
}

static void give_back(struct subject *subject)
{
    relay_send(&subject->relay, &(struct packet){
        .kind = WIRE_RETURNED, .job = subject->relay.job });
}

static void note(struct subject *subject)
{
    const size_t first = 0;

    journal_note(subject->relay.journal, subject->id, &first, 1);
}

static void lose(struct subject *subject)
{
    io_close(&subject->relay.worker);
    relay_reap(&subject->relay, 0);
}

static void crash(struct subject *subject)
{
    io_close(&subject->relay.worker);
    relay_reap(&subject->relay, SIGSEGV);
}

/* No session any more, nor at first: for other faults that depends on when
 * others were had. */
static void close_down(struct subject *subject)
{
    struct packet packet = { .kind = WIRE_CLOSED };

    error_set(&packet.error, FAULT_PERMISSION, "535 5.7.8 wrong password");
    relay_send(&subject->relay, &packet);
}

/* A worker that never had a session. */
static void fail_to_connect(struct subject *subject)
{
    struct relay *relay = &subject->relay;

    relay_promise_worker(relay);
    relay_dispatch(relay);
    relay_become_worker(relay);
    close_down(subject);
    store(subject);
}

static void request(struct subject *subject, enum request what)
{
    free(relay_ask(&subject->relay, what, subject->id));
}

static void hold(struct subject *subject)
{
    request(subject, REQUEST_HOLD);
}

static void release(struct subject *subject)
{
    request(subject, REQUEST_RELEASE);
}

static void withdraw(struct subject *subject)
{
    request(subject, REQUEST_REMOVE);
}

static void retry(struct subject *subject)
{
    request(subject, REQUEST_RETRY);
}

static void age(struct subject *subject, int64_t seconds)
{
    relay_age(&subject->relay, subject->id, seconds);
}

static void grow_late(struct subject *subject)
{
    age(subject, 20000);
    relay_sweep(&subject->relay);
}

static void grow_too_late(struct subject *subject)
{
    age(subject, 500000);
    relay_sweep(&subject->relay);
}

static void fill_failed(struct subject *subject)
{
    relay_fill_failed(&subject->relay, RELAY_OWNER);
}

static void empty_failed(struct subject *subject)
{
    relay_empty_failed(&subject->relay, RELAY_OWNER);
}

/* A folder where a file of the spool should be. */
static void block(const struct subject *subject, int folder)
{
    char *name = alloc_format(".%s", subject->id);

    assert_int_equal(mkdirat(folder, name, 0700), 0);
    free(name);
}

static void block_queue(struct subject *subject)
{
    block(subject, subject->relay.fixture.spool.queue);
}

static void block_state(struct subject *subject)
{
    block(subject, subject->relay.fixture.spool.state);
}

/* A folder in the place of its file: that cannot be removed. */
static void block_file(struct subject *subject)
{
    const struct spool *spool = &subject->relay.fixture.spool;
    const int folders[] = { spool->drop, spool->queue };

    for (size_t i = 0; i < COUNT(folders); i++)
        if (unlinkat(folders[i], subject->id, 0) == 0)
            assert_int_equal(mkdirat(folders[i], subject->id, 0700), 0);
}

static void unblock(struct subject *subject)
{
    const struct spool *spool = &subject->relay.fixture.spool;
    char *name = alloc_format(".%s", subject->id);

    unlinkat(spool->queue, name, AT_REMOVEDIR);
    unlinkat(spool->state, name, AT_REMOVEDIR);
    unlinkat(spool->drop, subject->id, AT_REMOVEDIR);
    unlinkat(spool->queue, subject->id, AT_REMOVEDIR);
    free(name);
}

static void damage(struct subject *subject)
{
    fixture_write(subject->relay.fixture.spool.queue, subject->id, "?\n", 2);
}

static void damage_state(struct subject *subject)
{
    fixture_write(subject->relay.fixture.spool.state, subject->id, "?\n", 2);
}

/* A newer version has written it. */
static void renew_state(struct subject *subject)
{
    char *text = alloc_format("postrider-state 9 %s\n", subject->id);

    fixture_write(subject->relay.fixture.spool.state, subject->id, text,
                  strlen(text));
    free(text);
}

static void restart(struct subject *subject)
{
    relay_stop(&subject->relay);
    relay_start(&subject->relay);
    relay_pick_up(&subject->relay);
}

static const struct step {
    const char *word;
    void (*take)(struct subject *subject);
} steps[] = {
    { "take", take },
    { "take-report", take_report },
    { "take-many", take_many },
    { "take-bound", take_bound },
    { "take-flawed", take_flawed },
    { "store", store },
    { "give", give },
    { "accept", accept_all },
    { "refuse", refuse_all },
    { "defer", defer_all },
    { "accept-one", accept_one },
    { "refuse-defer", refuse_one_defer_one },
    { "refuse-accept", refuse_one_accept_one },
    { "end", end_job },
    { "give-back", give_back },
    { "note", note },
    { "lose", lose },
    { "crash", crash },
    { "closed", close_down },
    { "no-connection", fail_to_connect },
    { "hold", hold },
    { "release", release },
    { "remove", withdraw },
    { "retry", retry },
    { "late", grow_late },
    { "too-late", grow_too_late },
    { "full", fill_failed },
    { "room", empty_failed },
    { "block-file", block_file },
    { "block-queue", block_queue },
    { "block-state", block_state },
    { "unblock", unblock },
    { "damage", damage },
    { "damage-state", damage_state },
    { "renew-state", renew_state },
    { "restart", restart },
};

static void take_step(struct subject *subject, const char *word)
{
    for (size_t i = 0; i < COUNT(steps); i++)
        if (strcmp(steps[i].word, word) == 0) {
            relay_begin_log(&subject->relay);
            steps[i].take(subject);
            relay_end_log(&subject->relay);
            return;
        }
    fail_msg("no step %s", word);
}

static void take_steps(struct subject *subject, const char *words)
{
    char *copy = alloc_string(words);
    char *rest = copy;

    for (char *word; (word = strsep(&rest, " ")) != NULL; )
        if (*word != '\0')
            take_step(subject, word);
    free(copy);
}

/* --- What can be seen of it. --- */

/* The files of the message; and how many others there are: reports. */
static void add_files(struct subject *subject, struct buf *out)
{
    const struct spool *spool = &subject->relay.fixture.spool;
    struct strings queued = { 0 };
    size_t reports = 0;

    if (fixture_exists(spool->drop, subject->id))
        buf_add_text(out, "drop ");
    if (fixture_exists(spool->queue, subject->id))
        buf_add_text(out, "queue ");
    if (fixture_exists(spool->state, subject->id))
        buf_add_text(out, "state ");
    if (fixture_exists(spool->failed, subject->id))
        buf_add_text(out, "failed ");
    fixture_list(spool->queue, &queued);
    for (size_t i = 0; i < queued.count; i++)
        reports += random_is_id(queued.items[i]) &&
                   strcmp(queued.items[i], subject->id) != 0;
    strings_free(&queued);
    if (reports > 0)
        buf_add_format(out, "report*%zu ", reports);
}

/* Its place in the schedule: now, soon (a minute), later, out, held. */
static const char *place_of(struct subject *subject, enum queue_state state)
{
    int64_t due = relay_due(&subject->relay, subject->id);

    return state == QUEUE_ACTIVE ? "out" : state == QUEUE_HELD ? "held"
           : due < 0 ? "ready" : due <= 1000 ? "now"
           : due <= 60000 ? "soon" : "later";
}

static void add_item(struct subject *subject, const struct queue_item *item,
                     struct buf *out)
{
    bool open = relay_is_open(&subject->relay, subject->id);

    buf_add_format(out, "%s%s, attempts %u, open %zu",
                   place_of(subject, item->state), open ? " (open)" : "",
                   item->attempts, item->recipient_count);
}

/* As `mailq` has it: place, attempts, open recipients. */
static void add_listed(struct subject *subject, struct buf *out)
{
    char *list = relay_ask(&subject->relay, REQUEST_LIST, "");
    char *rest = list;
    bool found = false, unread = false;

    for (char *text; (text = strsep(&rest, "\n")) != NULL; ) {
        struct list_line line;
        protocol_parse_list(text, &line);
        if (line.kind == LIST_ITEM &&
            strcmp(line.item.id, subject->id) == 0) {
            add_item(subject, &line.item, out);
            found = true;
        }
        unread = unread || line.kind == LIST_UNREAD;
        protocol_free_list(&line);
    }
    if (!found)
        buf_add_text(out, unread ? "unread" : "unknown");
    free(list);
}

/* What log lines report, in a word. */
static const struct {
    const char *text;
    const char *word;
} reports[] = {
    { "status=sent", "sent" },
    { "status=deferred", "deferred" },
    { "status=bounced", "bounced" },
    { "removed on request", "withdrawn" },
    { ": removed", "removed" },
    { ": held", "held" },
    { "released from hold", "released" },
    { "non-delivery notification", "bounce" },
    { "delay notification", "warning" },
    { "its files cannot be removed", "not-removed" },
    { "it stays in drop", "not-stored" },
    { "its worker died", "died" },
    { "it is held in queue/", "no-room" },
    { "/failed now", "given-up" },
    { "it is in failed/ now", "damaged" },
    { "will be tried again", "trouble" },
    { "/state/", "trouble" },
    { "is parked", "parked" },
};

static const char *word_of(const char *line)
{
    for (size_t i = 0; i < COUNT(reports); i++)
        if (strstr(line, reports[i].text) != NULL)
            return reports[i].word;
    return NULL;
}

/* One word for lines of a kind in a row. */
static void add_logged(struct subject *subject, struct buf *out)
{
    char *log = relay_log(&subject->relay);
    char *rest = log;
    const char *last = "";

    for (char *line; (line = strsep(&rest, "\n")) != NULL; ) {
        const char *word = word_of(line);
        if (word == NULL || strcmp(word, last) == 0)
            continue;
        buf_add_format(out, "%s%s", *last == '\0' ? "" : " ", word);
        last = word;
    }
    free(log);
}

static char *view(struct subject *subject)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    add_files(subject, &out);
    buf_add_text(&out, "| ");
    add_listed(subject, &out);
    buf_add_text(&out, " | ");
    add_logged(subject, &out);
    return out.data;
}

/* --- States and events. --- */

/* seen: files of the message, and how many reports; place in the schedule,
 * attempts, recipients that are open; what was logged. */
static const struct row {
    const char *state;
    const char *event;
    const char *seen;
} rows[] = {
    { "take", "",
      "drop | now (open), attempts 0, open 2 | " },
    { "take", "store",
      "queue | now, attempts 0, open 2 | " },
    { "take", "block-queue store",
      "drop | now (open), attempts 0, open 2 | not-stored" },
    { "take", "hold",
      "queue state | held, attempts 0, open 2 | held" },
    { "take", "remove",
      "| unknown | withdrawn" },
    { "take", "retry",
      "drop | now (open), attempts 0, open 2 | " },
    { "take", "no-connection",
      "queue | ready, attempts 0, open 2 | parked" },
    { "take", "restart",
      "drop | now (open), attempts 0, open 2 | " },
    { "take", "block-queue hold",
      "drop | now (open), attempts 0, open 2 | not-stored" },
    { "take", "late",
      "drop | now (open), attempts 0, open 2 | " },
    { "take", "block-file remove",
      "drop | soon, attempts 0, open 2 | withdrawn not-removed" },
    { "take", "block-file remove unblock retry give",
      "| unknown | withdrawn not-removed" },

    { "take store", "",
      "queue | now, attempts 0, open 2 | " },
    { "take store", "hold",
      "queue state | held, attempts 0, open 2 | held" },
    { "take store", "remove",
      "| unknown | withdrawn" },
    { "take store", "retry",
      "queue | now, attempts 0, open 2 | " },
    { "take store", "give",
      "queue | out, attempts 0, open 2 | " },
    { "take store", "restart",
      "queue | now, attempts 0, open 2 | " },
    { "take store", "late",
      "queue state report*1 | now, attempts 0, open 2 | warning" },
    { "take store", "too-late",
      "report*1 | unknown | bounce removed" },
    { "take store", "damage give",
      "failed | unknown | damaged" },
    { "take store", "hold release damage-state give",
      "failed | unknown | held released damaged" },
    { "take store", "hold release renew-state give",
      "queue state | unread | held released" },
    { "take store", "block-state hold",
      "queue | now, attempts 0, open 2 | trouble" },
    { "take store", "block-file remove",
      "queue | soon, attempts 0, open 2 | withdrawn not-removed" },
    { "take store", "block-file remove unblock retry give",
      "| unknown | withdrawn not-removed" },
    { "take store", "block-file remove unblock restart",
      "| unknown | withdrawn not-removed" },
    { "take store", "block-state late",
      "queue | now, attempts 0, open 2 | trouble" },
    { "take store", "block-state too-late",
      "queue | later, attempts 0, open 2 | trouble" },

    { "take give", "",
      "drop | out, attempts 0, open 2 | " },
    { "take give", "accept",
      "| unknown | sent removed" },
    { "take give", "refuse",
      "report*1 | unknown | bounced bounce removed" },
    { "take give", "defer",
      "queue state | later, attempts 1, open 2 | deferred" },
    { "take give", "refuse-accept",
      "report*1 | unknown | bounced sent bounce removed" },
    { "take give", "refuse-defer",
      "queue state report*1 | later, attempts 1, open 1 "
      "| bounced deferred bounce" },
    { "take give", "accept-one lose",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take give", "accept-one crash",
      "queue state | later, attempts 1, open 1 | sent died" },
    { "take give", "note crash",
      "queue state | later, attempts 1, open 1 | sent died" },
    { "take give", "note lose",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take give", "lose",
      "drop | now (open), attempts 0, open 2 | " },
    { "take give", "crash",
      "queue state | later, attempts 1, open 2 | died" },
    { "take give", "give-back",
      "drop | now (open), attempts 0, open 2 | " },
    { "take give", "end",
      "drop | soon (open), attempts 0, open 2 | " },
    { "take give", "closed give-back store",
      "queue | now, attempts 0, open 2 | parked" },
    { "take give", "hold",
      "drop | out, attempts 0, open 2 | held" },
    { "take give", "hold give-back",
      "queue state | held, attempts 0, open 2 | held" },
    { "take give", "hold defer",
      "queue state | held, attempts 1, open 2 | held deferred" },
    { "take give", "hold accept",
      "| unknown | held sent removed" },
    { "take give", "hold release give-back",
      "drop | now (open), attempts 0, open 2 | held" },
    { "take give", "remove",
      "drop | out, attempts 0, open 2 | " },
    { "take give", "remove give-back",
      "| unknown | withdrawn" },
    { "take give", "remove accept",
      "| unknown | sent removed" },
    { "take give", "remove defer",
      "| unknown | deferred withdrawn" },
    { "take give", "retry",
      "drop | out, attempts 0, open 2 | " },
    { "take give", "restart",
      "drop | now (open), attempts 0, open 2 | " },
    { "take give", "note restart",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take give", "late",
      "drop | out, attempts 0, open 2 | " },
    { "take give", "block-file accept",
      "drop | soon, attempts 0, open 2 | sent not-removed" },
    { "take give", "block-file accept unblock retry give",
      "| unknown | sent not-removed" },
    { "take give", "block-queue defer",
      "drop | later (open), attempts 1, open 2 | deferred trouble" },
    { "take give", "block-queue defer retry give accept",
      "| soon, attempts 1, open 2 | deferred trouble sent not-removed" },
    { "take give", "block-state defer",
      "drop | later (open), attempts 1, open 2 | deferred trouble" },
    { "take give", "block-state defer retry give accept",
      "| unknown | deferred trouble sent removed" },
    { "take give", "block-state defer unblock retry give defer",
      "queue state | later, attempts 2, open 2 | deferred trouble deferred" },
    { "take give", "block-queue refuse",
      "drop | later (open), attempts 0, open 2 | bounced trouble" },
    { "take give", "block-queue refuse unblock retry give",
      "report*1 | unknown | bounced trouble bounce removed" },
    { "take give", "block-state refuse",
      "drop | later (open), attempts 0, open 2 | bounced trouble" },
    { "take give", "block-state refuse unblock retry give",
      "report*1 | unknown | bounced trouble bounce removed" },
    { "take give", "block-queue defer hold",
      "drop | later (open), attempts 1, open 2 "
      "| deferred trouble not-stored" },
    { "take give", "block-state refuse-defer restart",
      "drop | now (open), attempts 0, open 2 | bounced deferred trouble" },

    { "take store give", "",
      "queue | out, attempts 0, open 2 | " },
    { "take store give", "accept",
      "| unknown | sent removed" },
    { "take store give", "refuse",
      "report*1 | unknown | bounced bounce removed" },
    { "take store give", "defer",
      "queue state | later, attempts 1, open 2 | deferred" },
    { "take store give", "refuse-accept",
      "report*1 | unknown | bounced sent bounce removed" },
    { "take store give", "refuse-defer",
      "queue state report*1 | later, attempts 1, open 1 "
      "| bounced deferred bounce" },
    { "take store give", "accept-one lose",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take store give", "accept-one crash",
      "queue state | later, attempts 1, open 1 | sent died" },
    { "take store give", "note crash",
      "queue state | later, attempts 1, open 1 | sent died" },
    { "take store give", "note lose",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take store give", "lose",
      "queue | now, attempts 0, open 2 | " },
    { "take store give", "crash",
      "queue state | later, attempts 1, open 2 | died" },
    { "take store give", "give-back",
      "queue | now, attempts 0, open 2 | " },
    { "take store give", "end",
      "queue | soon, attempts 0, open 2 | " },
    { "take store give", "closed give-back store",
      "queue | now, attempts 0, open 2 | parked" },
    { "take store give", "hold",
      "queue | out, attempts 0, open 2 | held" },
    { "take store give", "hold give-back",
      "queue state | held, attempts 0, open 2 | held" },
    { "take store give", "hold defer",
      "queue state | held, attempts 1, open 2 | held deferred" },
    { "take store give", "hold accept",
      "| unknown | held sent removed" },
    { "take store give", "hold release give-back",
      "queue | now, attempts 0, open 2 | held" },
    { "take store give", "remove",
      "queue | out, attempts 0, open 2 | " },
    { "take store give", "remove give-back",
      "| unknown | withdrawn" },
    { "take store give", "remove accept",
      "| unknown | sent removed" },
    { "take store give", "remove defer",
      "| unknown | deferred withdrawn" },
    { "take store give", "retry",
      "queue | out, attempts 0, open 2 | " },
    { "take store give", "restart",
      "queue | now, attempts 0, open 2 | " },
    { "take store give", "note restart",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take store give", "late",
      "queue | out, attempts 0, open 2 | " },
    { "take store give", "block-file accept",
      "queue state | soon, attempts 0, open 2 | sent not-removed" },
    { "take store give", "block-file accept unblock retry give",
      "| unknown | sent not-removed" },
    { "take store give", "block-queue defer",
      "queue state | later, attempts 1, open 2 | deferred" },
    { "take store give", "block-queue defer retry give accept",
      "| unknown | deferred sent removed" },
    { "take store give", "block-state defer",
      "queue | later, attempts 1, open 2 | deferred trouble" },
    { "take store give", "block-state defer retry give accept",
      "| unknown | deferred trouble sent removed" },
    { "take store give", "block-state defer unblock retry give defer",
      "queue state | later, attempts 2, open 2 | deferred trouble deferred" },
    { "take store give", "block-queue refuse",
      "report*1 | unknown | bounced bounce removed" },
    { "take store give", "block-queue refuse unblock retry give",
      "report*1 | unknown | bounced bounce removed" },
    { "take store give", "block-state refuse",
      "queue | later, attempts 0, open 2 | bounced trouble" },
    { "take store give", "block-state refuse unblock retry give",
      "report*1 | unknown | bounced trouble bounce removed" },
    { "take store give", "block-queue defer hold",
      "queue state | held, attempts 1, open 2 | deferred held" },
    { "take store give", "block-state refuse-defer restart",
      "queue | now, attempts 0, open 2 | bounced deferred trouble" },

    { "take hold", "",
      "queue state | held, attempts 0, open 2 | held" },
    { "take hold", "release",
      "queue state | now, attempts 0, open 2 | held released" },
    { "take hold", "remove",
      "| unknown | held withdrawn" },
    { "take hold", "retry",
      "queue state | held, attempts 0, open 2 | held" },
    { "take hold", "too-late",
      "queue state | held, attempts 0, open 2 | held" },
    { "take hold", "restart",
      "queue state | held, attempts 0, open 2 | held" },
    { "take hold", "block-state release",
      "queue state | held, attempts 0, open 2 | held trouble" },

    { "take give block-file accept", "",
      "drop | soon, attempts 0, open 2 | sent not-removed" },
    { "take give block-file accept", "remove",
      "drop | soon, attempts 0, open 2 | sent not-removed" },
    { "take give block-file accept", "restart",
      "| unknown | sent not-removed removed" },
    { "take give block-file accept", "unblock retry give",
      "| unknown | sent not-removed" },
    { "take give block-file accept", "hold",
      "drop | soon, attempts 0, open 2 | sent not-removed trouble" },
    { "take give block-file accept", "too-late",
      "drop | soon, attempts 0, open 2 | sent not-removed" },

    { "take-many give", "",
      "drop | out, attempts 0, open 1001 | " },
    { "take-many give", "accept",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take-many give", "accept give",
      "queue state | out, attempts 0, open 1 | sent" },
    { "take-many give", "accept give accept",
      "| unknown | sent removed" },
    { "take-many give", "accept give defer",
      "queue state | later, attempts 1, open 1 | sent deferred" },
    { "take-many give", "defer give defer",
      "queue state | later, attempts 1, open 1001 | deferred" },
    { "take-many give", "accept-one give-back",
      "queue state | now, attempts 0, open 1000 | sent" },
    { "take-many give", "accept-one give-back give",
      "queue state | out, attempts 0, open 1000 | sent" },
    { "take-many give", "accept-one crash",
      "queue state | now, attempts 0, open 1000 | sent died" },
    { "take-many give", "accept restart",
      "queue state | now, attempts 0, open 1 | sent" },
    { "take-many give", "accept hold",
      "queue state | held, attempts 0, open 1 | sent held" },
    { "take-many give", "accept hold release give",
      "queue state | out, attempts 0, open 1 | sent held released" },
    { "take-many give", "accept remove",
      "| unknown | sent withdrawn" },
    { "take-many give", "block-queue defer give accept",
      "drop | later (open), attempts 1, open 1000 "
      "| deferred trouble sent trouble" },

    { "take-report", "",
      "drop | now (open), attempts 0, open 2 | " },
    { "take-report", "give refuse",
      "failed | unknown | bounced given-up" },
    { "take-report", "give accept",
      "| unknown | sent removed" },
    { "take-report", "give refuse-defer",
      "queue state | later, attempts 1, open 1 | bounced deferred" },

    { "take-report full give refuse", "",
      "queue state | held, attempts 1, open 0 | bounced no-room" },
    { "take-report full give refuse", "room",
      "queue state | now, attempts 1, open 0 | bounced no-room" },
    { "take-report full give refuse", "room give",
      "failed | unknown | bounced no-room given-up" },
    { "take-report full give refuse", "remove",
      "| unknown | bounced no-room withdrawn" },
    { "take-report full give refuse", "release",
      "queue state | now, attempts 1, open 0 | bounced no-room released" },
    { "take-report full give refuse", "restart",
      "queue state | now, attempts 1, open 0 | bounced no-room" },
    { "take-report full give refuse", "hold",
      "queue state | held, attempts 1, open 0 | bounced no-room held" },
    { "take-report full give refuse", "too-late",
      "queue state | held, attempts 1, open 0 | bounced no-room" },

    { "take-bound", "",
      "queue | now, attempts 0, open 2 | " },
    { "take-bound", "retry give",
      "queue | ready, attempts 0, open 2 | " },
    { "take-bound", "remove",
      "| unknown | withdrawn" },
    { "take-bound", "late",
      "queue state report*1 | now, attempts 0, open 2 | warning" },
    { "take-bound", "too-late",
      "report*1 | unknown | bounce removed" },
    { "take-bound", "hold",
      "queue state | held, attempts 0, open 2 | held" },
    { "take-bound", "restart",
      "queue | now, attempts 0, open 2 | " },

    { "take-flawed", "",
      "drop | now (open), attempts 0, open 1 | bounced" },
    { "take-flawed", "give",
      "drop | out, attempts 0, open 1 | bounced" },
    { "take-flawed", "give accept",
      "report*1 | unknown | bounced sent bounce removed" },
    { "take-flawed", "store restart",
      "queue state | now, attempts 0, open 1 | bounced" },
    { "take-flawed", "give defer",
      "queue state report*1 | later, attempts 1, open 1 "
      "| bounced deferred bounce" },
};

static bool run_row(const struct row *row)
{
    struct subject subject = { 0 };

    relay_set_up(&subject.relay);
    relay_start(&subject.relay);
    take_steps(&subject, row->state);
    take_steps(&subject, row->event);
    char *seen = view(&subject);
    bool right = strcmp(seen, row->seen) == 0;
    if (!right)
        print_error("%s, then %s:\n    %s\nnot %s\n", row->state, row->event,
                    seen, row->seen);
    free(seen);
    relay_stop(&subject.relay);
    relay_tear_down(&subject.relay);
    return right;
}

static void goes_from_state_to_state(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (geteuid() == 0 || strstr(rows[i].state, "full") == NULL)
            wrong += !run_row(&rows[i]);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_from_state_to_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
