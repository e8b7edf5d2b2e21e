#include "control/protocol.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/random.h"
#include "util/text.h"

static const char error_word[] = "error ";
static const char again_word[] = "again";
static const char progress_word[] = "progress ";

/* Cut the first word off what *text points to. */
static char *next_word(char **text)
{
    char *word = *text;
    char *end = word + strcspn(word, " ");

    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

/* Messages */

static const char next_word_of_list[] = "next";
static const char unread_word[] = "unread";
static const char others_word[] = "others";

enum { ID_FIELD, MARK, UID, SIZE, RECEIVED, ATTEMPTS, REASON, SENDER,
       ITEM_FIELDS };           /* the recipients follow */
enum { NEXT_WORD, NEXT_ID, NEXT_TIME, NEXT_FIELDS };
enum { UNREAD_WORD, UNREAD_COUNT, UNREAD_TEXT, UNREAD_FIELDS };
enum { OTHERS_WORD, OTHERS_COUNT, OTHERS_OCTETS, OTHERS_FIELDS };

const struct queue_state_words queue_states[QUEUE_STATES] = {
    [QUEUE_WAITING] = { '-', ' ', "waiting", NULL },
    [QUEUE_ACTIVE]  = { '*', '*', "active", NULL },
    [QUEUE_HELD]    = { '!', '!', "held", "postrider queue release" },
};

static enum queue_state state_of(char mark)
{
    for (size_t i = 0; i < QUEUE_STATES; i++)
        if (queue_states[i].mark == mark)
            return (enum queue_state)i;
    return QUEUE_WAITING;
}

/* Tabs and line ends, which divide, do not get into a field. */
static void put_field(struct buf *out, const char *text)
{
    size_t start = out->length;

    buf_add_text(out, text);
    for (size_t i = start; i < out->length; i++)
        if (text_is_control(out->data[i]))
            out->data[i] = ' ';
}

void protocol_put_item(struct buf *out, const struct queue_item *item)
{
    if (item->next > 0)
        buf_add_format(out, "%s\t%s\t%" PRId64 "\n", next_word_of_list,
                       item->id, item->next);
    buf_add_format(out, "%s\t%c\t%lu\t%" PRIu64 "\t%" PRId64 "\t%u\t",
                   item->id, queue_states[item->state].mark,
                   (unsigned long)item->uid, item->size, item->received,
                   item->attempts);
    put_field(out, item->reason);
    buf_add_char(out, '\t');
    put_field(out, item->sender);
    for (size_t i = 0; i < item->recipient_count; i++) {
        buf_add_char(out, '\t');
        put_field(out, item->recipients[i]);
    }
    buf_add_char(out, '\n');
}

void protocol_put_unread(struct buf *out, const struct queue_unread *unread)
{
    buf_add_format(out, "%s\t%zu\t", unread_word, unread->count);
    put_field(out, unread->text);
    buf_add_char(out, '\n');
}

void protocol_put_others(struct buf *out, const struct queue_others *others)
{
    buf_add_format(out, "%s\t%" PRIu64 "\t%" PRIu64 "\n", others_word,
                   others->count, others->octets);
}

/* The fields of a line, divided at tabs; the caller frees the array. */
static char **split(char *line, size_t *count)
{
    size_t capacity = 16;
    char **fields = alloc_resize(NULL, capacity, sizeof *fields);

    *count = 0;
    while (line != NULL) {
        char *tab = strchr(line, '\t');
        if (tab != NULL)
            *tab++ = '\0';
        if (*count == capacity) {
            capacity *= 2;
            fields = alloc_resize(fields, capacity, sizeof *fields);
        }
        fields[(*count)++] = line;
        line = tab;
    }
    return fields;
}

static bool parse_item(char **fields, size_t count, struct queue_item *item)
{
    uint64_t uid, received, attempts;

    if (count < ITEM_FIELDS || !random_is_id(fields[ID_FIELD]) ||
        !text_to_number(fields[UID], UINT32_MAX, &uid) ||
        !text_to_number(fields[SIZE], INT64_MAX, &item->size) ||
        !text_to_number(fields[RECEIVED], INT64_MAX, &received) ||
        !text_to_number(fields[ATTEMPTS], UINT32_MAX, &attempts))
        return false;
    item->id = fields[ID_FIELD];
    item->state = state_of(fields[MARK][0]);
    item->uid = (uid_t)uid;
    item->received = (int64_t)received;
    item->attempts = (unsigned)attempts;
    item->reason = fields[REASON];
    item->sender = fields[SENDER];
    item->recipients = (const char *const *)fields + ITEM_FIELDS;
    item->recipient_count = count - ITEM_FIELDS;
    item->next = 0;
    return true;
}

static bool parse_next(char **fields, size_t count, struct queue_next *next)
{
    uint64_t when;

    if (count != NEXT_FIELDS || strcmp(fields[NEXT_WORD],
                                       next_word_of_list) != 0 ||
        !text_to_number(fields[NEXT_TIME], INT64_MAX, &when))
        return false;
    next->id = fields[NEXT_ID];
    next->time = (int64_t)when;
    return true;
}

static bool parse_unread(char **fields, size_t count,
                         struct queue_unread *unread)
{
    uint64_t number;

    if (count != UNREAD_FIELDS ||
        strcmp(fields[UNREAD_WORD], unread_word) != 0 ||
        !text_to_number(fields[UNREAD_COUNT], SIZE_MAX / 2, &number))
        return false;
    unread->count = (size_t)number;
    unread->text = fields[UNREAD_TEXT];
    return true;
}

static bool parse_others(char **fields, size_t count,
                         struct queue_others *others)
{
    return count == OTHERS_FIELDS &&
           strcmp(fields[OTHERS_WORD], others_word) == 0 &&
           text_to_number(fields[OTHERS_COUNT], SIZE_MAX / 2,
                          &others->count) &&
           text_to_number(fields[OTHERS_OCTETS], INT64_MAX, &others->octets);
}

void protocol_parse_list(char *text, struct list_line *line)
{
    size_t count;

    *line = (struct list_line){ .kind = LIST_UNKNOWN };
    line->fields = split(text, &count);
    if (parse_item(line->fields, count, &line->item))
        line->kind = LIST_ITEM;
    else if (parse_next(line->fields, count, &line->next))
        line->kind = LIST_NEXT;
    else if (parse_unread(line->fields, count, &line->unread))
        line->kind = LIST_UNREAD;
    else if (parse_others(line->fields, count, &line->others))
        line->kind = LIST_OTHERS;
}

void protocol_free_list(struct list_line *line)
{
    free(line->fields);
}

/* The status */

static const char since_word[] = "since ";
static const char refused_word[] = "refused ";
static const char smarthost_word[] = "smarthost ";
static const char remedy_word[] = "remedy ";
static const char trouble_word[] = "trouble ";

const char *const smarthost_states[SMARTHOST_STATES] = {
    [SMARTHOST_UP] = "up",
    [SMARTHOST_DOWN] = "down",
    [SMARTHOST_PARKED] = "parked",
};

const struct trouble_words trouble_kinds[TROUBLE_KINDS] = {
    [TROUBLE_KIND_REFUSED]      = { "refused", "cannot be read" },
    [TROUBLE_KIND_NEWER]        = { "newer", "cannot be read" },
    [TROUBLE_KIND_FAILING]      = { "failing", "cannot be read" },
    [TROUBLE_KIND_GIVEN_UP]     = { "given-up", "could neither be delivered "
                                    "nor returned" },
    [TROUBLE_KIND_NO_SMARTHOST] = { "no-smarthost", "cannot leave" },
    [TROUBLE_KIND_NO_ROOM]      = { "no-room", "cannot be delivered or "
                                    "returned" },
    [TROUBLE_KIND_OTHER]        = { "other", "need an administrator" },
};

void protocol_put_figure(struct buf *out, const struct figure_status *figure)
{
    buf_add_format(out, "%s %" PRIu64 "\n", figure->name, figure->value);
}

void protocol_put_smarthost(struct buf *out,
                            const struct smarthost_status *smarthost)
{
    if (smarthost->since > 0)
        buf_add_format(out, "%s%" PRId64 " %" PRId64 " %s\n", since_word,
                       smarthost->since, smarthost->next, smarthost->name);
    if (smarthost->refused > 0) {
        buf_add_format(out, "%s%" PRIu64 " %" PRIu64 " ", refused_word,
                       smarthost->refused, smarthost->tried);
        put_field(out, smarthost->refusal);
        buf_add_char(out, '\n');
    }
    buf_add_format(out, "%s%s %s %" PRIu64 " %" PRIu64 " ", smarthost_word,
                   smarthost->name, smarthost_states[smarthost->state],
                   smarthost->workers, smarthost->jobs);
    put_field(out, smarthost->reason);
    buf_add_char(out, '\n');
}

void protocol_put_trouble(struct buf *out,
                          const struct trouble_status *trouble)
{
    if (trouble->remedy != NULL && *trouble->remedy != '\0') {
        buf_add_text(out, remedy_word);
        put_field(out, trouble->remedy);
        buf_add_char(out, '\n');
    }
    buf_add_format(out, "%s%s %s %" PRIu64 " ", trouble_word, trouble->place,
                   trouble_kinds[trouble->kind].name, trouble->count);
    put_field(out, trouble->text);
    buf_add_char(out, '\n');
}

/* Are there so many numbers here, each with a blank after it? */
static bool has_numbers(const char *text, int count)
{
    for (; count > 0; count--) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || text[digits] != ' ')
            return false;
        text += digits + 1;
    }
    return true;
}

/* Is "STATE WORKERS JOBS " here? */
static bool is_condition(const char *text)
{
    for (size_t i = 0; i < SMARTHOST_STATES; i++) {
        size_t length = strlen(smarthost_states[i]);
        if (strncmp(text, smarthost_states[i], length) == 0 &&
            text[length] == ' ')
            return has_numbers(text + length + 1, 2);
    }
    return false;
}

static bool take_number(char **text, uint64_t *number)
{
    return text_to_number(next_word(text), INT64_MAX, number);
}

static enum smarthost_state smarthost_state_of(const char *word)
{
    size_t i = 0;

    while (i + 1 < SMARTHOST_STATES && strcmp(word, smarthost_states[i]) != 0)
        i++;
    return (enum smarthost_state)i;
}

/* A name may hold blanks: it ends where a state and two numbers follow. */
static bool parse_smarthost(char *text, struct smarthost_status *smarthost)
{
    char *end = strchr(text, ' ');

    while (end != NULL && !is_condition(end + 1))
        end = strchr(end + 1, ' ');
    if (end == NULL)
        return false;
    *end++ = '\0';
    smarthost->name = text;
    smarthost->state = smarthost_state_of(next_word(&end));
    bool parsed = take_number(&end, &smarthost->workers) &&
                  take_number(&end, &smarthost->jobs);
    smarthost->reason = end;
    return parsed;
}

static bool parse_since(char *text, struct smarthost_status *smarthost)
{
    uint64_t since, next;

    if (!take_number(&text, &since) || !take_number(&text, &next))
        return false;
    smarthost->since = (int64_t)since;
    smarthost->next = (int64_t)next;
    smarthost->name = text;
    return true;
}

static bool parse_refused(char *text, struct smarthost_status *smarthost)
{
    bool parsed = take_number(&text, &smarthost->refused) &&
                  take_number(&text, &smarthost->tried);

    smarthost->refusal = text;
    return parsed;
}

static enum trouble_kind trouble_kind_of(const char *word)
{
    size_t i = 0;

    while (i < TROUBLE_KIND_OTHER && strcmp(word, trouble_kinds[i].name) != 0)
        i++;
    return (enum trouble_kind)i;
}

static bool parse_trouble(char *text, struct trouble_status *trouble)
{
    trouble->place = next_word(&text);
    trouble->kind = trouble_kind_of(next_word(&text));
    bool parsed = take_number(&text, &trouble->count);
    trouble->text = text;
    return parsed;
}

static bool parse_figure(char *text, struct figure_status *figure)
{
    figure->name = next_word(&text);
    return text_to_number(text, UINT64_MAX, &figure->value);
}

void protocol_parse_status(char *text, struct status_line *line)
{
    *line = (struct status_line){ .kind = STATUS_UNKNOWN };
    if (text_starts(text, smarthost_word)) {
        if (parse_smarthost(text + strlen(smarthost_word), &line->smarthost))
            line->kind = STATUS_SMARTHOST;
    } else if (text_starts(text, since_word)) {
        if (parse_since(text + strlen(since_word), &line->smarthost))
            line->kind = STATUS_SINCE;
    } else if (text_starts(text, refused_word)) {
        if (parse_refused(text + strlen(refused_word), &line->smarthost))
            line->kind = STATUS_REFUSED;
    } else if (text_starts(text, remedy_word)) {
        line->kind = STATUS_REMEDY;
        line->trouble.remedy = text + strlen(remedy_word);
    } else if (text_starts(text, trouble_word)) {
        if (parse_trouble(text + strlen(trouble_word), &line->trouble))
            line->kind = STATUS_TROUBLE;
    } else if (parse_figure(text, &line->figure)) {
        line->kind = STATUS_FIGURE;
    }
}

/* Changes */

static const char held_word[] = "held ";

void protocol_put_changes(struct buf *out, const struct changes *changes)
{
    if (changes->held > 0)
        buf_add_format(out, "%s%" PRIu64 "\n", held_word, changes->held);
    buf_add_format(out, "%" PRIu64, changes->done);
    if (changes->left > 0)
        buf_add_format(out, " %" PRIu64, changes->left);
    buf_add_char(out, '\n');
}

bool protocol_parse_changes(char *text, struct changes *changes)
{
    uint64_t held;

    if (text_starts(text, held_word)) {
        if (text_to_number(text + strlen(held_word), SIZE_MAX / 2, &held))
            changes->held = held;
        return false;
    }
    return take_number(&text, &changes->done) &&
           (*text == '\0' || take_number(&text, &changes->left));
}

/* Outcomes */

static const char *const wait_words[WAIT_KINDS] = {
    [WAIT_SENT] = "sent",
    [WAIT_DEFERRED] = "deferred",
    [WAIT_BOUNCED] = "bounced",
    [WAIT_REMOVED] = "removed",
};

void protocol_put_outcome(struct buf *out, const struct wait_outcome *outcome)
{
    buf_add_format(out, "%s ", wait_words[outcome->kind]);
    put_field(out, outcome->address);
    buf_add_format(out, " %s ", outcome->status);
    put_field(out, outcome->text);
    buf_add_char(out, '\n');
}

/* Octets of a status code that is a separate word; 0 if there is none. */
static size_t status_length(const char *text)
{
    static const char digits[] = "0123456789";
    size_t length = strspn(text, digits);

    if (*text == '-')
        return text[1] == ' ' ? 1 : 0;
    for (int i = 0; i < 2; i++) {
        size_t count = text[length] != '.' ? 0
                       : strspn(text + length + 1, digits);
        if (length == 0 || count == 0)
            return 0;
        length += 1 + count;
    }
    return text[length] == ' ' || text[length] == '\0' ? length : 0;
}

/* The blank after an address, before a status code; NULL if there is none. */
static char *end_of_address(char *text, bool has_quotes)
{
    bool quoted = false;

    for (; *text != '\0'; text++) {
        if (*text == '\\' && quoted && text[1] != '\0')
            text++;
        else if (*text == '"' && has_quotes)
            quoted = !quoted;
        else if (*text == ' ' && !quoted && status_length(text + 1) > 0)
            return text;
    }
    return NULL;
}

bool protocol_parse_outcome(char *text, struct wait_outcome *outcome)
{
    const char *word = next_word(&text);
    char *end = end_of_address(text, true);
    size_t kind = 0;

    /* A refused text that is not an address may lack a quote. */
    if (end == NULL)
        end = end_of_address(text, false);
    while (kind < WAIT_KINDS && strcmp(word, wait_words[kind]) != 0)
        kind++;
    if (kind == WAIT_KINDS || end == NULL)
        return false;
    outcome->kind = (enum wait_kind)kind;
    *end++ = '\0';
    outcome->address = text;
    outcome->status = next_word(&end);
    outcome->text = end;
    return true;
}

/* Refusals, and what comes before an answer */

void protocol_put_progress(struct buf *out, size_t done, size_t all)
{
    buf_add_format(out, "%s%zu %zu\n", progress_word, done, all);
}

bool protocol_parse_progress(const char *line, uint64_t *done, uint64_t *all)
{
    if (!text_starts(line, progress_word))
        return false;
    char *copy = alloc_string(line + strlen(progress_word));
    char *rest = copy;
    bool parsed = take_number(&rest, done) && take_number(&rest, all);
    free(copy);
    return parsed;
}

void protocol_put_again(struct buf *out)
{
    buf_add_text(out, again_word);
    buf_add_char(out, '\n');
}

bool protocol_is_again(const char *line)
{
    return strcmp(line, again_word) == 0;
}

void protocol_put_refusal(struct buf *out, const char *format, ...)
{
    va_list args;

    buf_add_text(out, error_word);
    va_start(args, format);
    buf_add_vformat(out, format, args);
    va_end(args);
    buf_add_char(out, '\n');
}

const char *protocol_refusal(const char *line)
{
    return text_starts(line, error_word) ? line + strlen(error_word) : NULL;
}
