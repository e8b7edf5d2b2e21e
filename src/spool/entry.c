#include "spool/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/header.h"
#include "spool/draft.h"
#include "spool/format.h"
#include "spool/queue_file.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/io.h"
#include "util/text.h"

#define ENVELOPE_STEP 4096      /* octets read at a time */
#define START_LENGTH 128        /* octets that hold the first line */

/* The start of a file, read once: a small message is in it as a whole. */
struct head {
    const char *data;
    size_t length;
    uint64_t size;              /* of the file */
};

static bool report_damage(struct error *err, const char *what)
{
    return error_set(err, FAULT_DATA, "message file is damaged: %s", what);
}

/* The frame is right, but this cannot be sent. */
static void note_flaw(struct entry *entry, const char *what)
{
    entry_blame(entry, "5.6.0", what);
}

/* As io_read_at(). */
static ssize_t read_part(const struct entry *entry, const struct head *head,
                         char *part, size_t length, uint64_t at)
{
    if (at + length > head->length)
        return io_read_at(entry->fd, part, length, (off_t)at);
    memcpy(part, head->data + at, length);
    return (ssize_t)length;
}

/* Of another version, nothing else may be known. */
static bool read_first_line(struct entry *entry, const struct head *head,
                            const char *name, struct error *err)
{
    static const struct format format = { "postrider", DRAFT_VERSION };
    char start[START_LENGTH + 1] = "";

    memcpy(start, head->data,
           head->length < START_LENGTH ? head->length : START_LENGTH);
    return format_check_start(&format, start, name, entry->id, err);
}

/* All of the file up to the empty line after the envelope. */
static bool read_envelope(struct entry *entry, const struct head *head,
                          uint64_t size, struct buf *text, struct error *err)
{
    const char *end;

    buf_add(text, head->data, head->length);
    end = memmem(text->data, text->length, "\n\n", 2);
    while (end == NULL) {
        size_t seen = text->length > 0 ? text->length - 1 : 0;
        char *room = buf_reserve(text, ENVELOPE_STEP);
        if (room == NULL || text->length >= size)
            return report_damage(err, "the envelope does not end");
        ssize_t done = io_read_at(entry->fd, room, ENVELOPE_STEP,
                                  (off_t)text->length);
        if (done == -1)
            return error_sys(err, FAULT_IO, "read message file");
        if (done == 0)
            return report_damage(err, "the envelope does not end");
        text->length += (size_t)done;
        end = memmem(text->data + seen, text->length - seen, "\n\n", 2);
    }
    text->length = (size_t)(end + 1 - text->data);
    return text->length < DRAFT_ENVELOPE_MAX ||
           report_damage(err, "the envelope is too large");
}

/* The lines of the envelope after the first. */
static bool parse_envelope(struct entry *entry, struct buf *text,
                           struct error *err)
{
    char *line = strchr(text->data, '\n') + 1;
    char *end = text->data + text->length;

    while (line < end) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        *stop = '\0';
        if (!entry_read_line(entry, line, (size_t)(stop - line), err))
            return false;
        line = stop + 1;
    }
    if (entry->envelope.count == 0)
        note_flaw(entry, "it has no recipient");
    return true;
}

struct end_line {
    uint64_t content_length;
    uint32_t sum;
    bool is_8bit;
};

/* Written by us with a fixed form, so it is read to the letter. */
static bool parse_end_line(struct end_line *end, const char *line,
                           struct error *err)
{
    char *digits = alloc_bytes(line + 4, 20);
    bool right = memcmp(line, "END ", 4) == 0 &&
                 text_to_number(digits, DRAFT_CONTENT_MAX,
                                &end->content_length);

    free(digits);
    for (size_t i = 25; right && i < 33; i++) {
        int digit = text_hex_value(line[i]);
        right = digit != -1;
        if (right)
            end->sum = end->sum << 4 | (uint32_t)digit;
    }
    end->is_8bit = line[34] == '8';
    if (!right || line[24] != ' ' || line[33] != ' ' || line[35] != '\n' ||
        (line[34] != '7' && line[34] != '8'))
        return report_damage(err, "it is not complete");
    return true;
}

/* Does every line of these octets end with CRLF, as far as can be seen? Only
 * the last CR may still wait for its LF. before: the octet before these. */
static bool has_wire_ends(const char *data, size_t length, char before)
{
    const char *end = data + length;
    const char *found;

    for (const char *p = data;
         (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        if ((p > data ? p[-1] : before) != '\r')
            return false;
    if (before == '\r' && *data != '\n')
        return false;
    for (const char *p = data;
         (found = memchr(p, '\r', (size_t)(end - p))) != NULL &&
         found + 1 < end; p = found + 1)
        if (found[1] != '\n')
            return false;
    return true;
}

/* The line of spool/queue_file.h, if the file of *size octets ends with one:
 * it is taken off *size. */
static bool read_queued_line(struct entry *entry, const struct head *head,
                             uint64_t *size, struct error *err)
{
    char line[QUEUE_LINE_LENGTH + 1] = "";
    uint64_t received, uid;

    if (*size <= QUEUE_LINE_LENGTH + DRAFT_END_LENGTH)
        return true;
    uint64_t start = *size - QUEUE_LINE_LENGTH;
    if (read_part(entry, head, line, QUEUE_LINE_LENGTH, start) !=
        QUEUE_LINE_LENGTH)
        return error_sys(err, FAULT_IO, "read message file");
    if (memcmp(line, "QUEUED ", 7) != 0)
        return true;
    bool right = line[27] == ' ' && line[38] == '\n' &&
                 memchr(line, '\0', QUEUE_LINE_LENGTH) == NULL;
    line[27] = line[38] = '\0';
    if (!right || !text_to_number(line + 7, INT64_MAX, &received) ||
        !text_to_number(line + 28, UINT32_MAX, &uid))
        return report_damage(err, "its last line");
    entry->queued = true;
    entry->received = (int64_t)received;
    entry->uid = (uid_t)uid;
    *size = start;
    return true;
}

static bool read_end(struct entry *entry, const struct head *head,
                     uint64_t size, struct error *err)
{
    char line[DRAFT_END_LENGTH];
    struct end_line end = { 0 };
    uint64_t body_end = size - DRAFT_END_LENGTH;

    ssize_t done = read_part(entry, head, line, sizeof line, body_end);
    if (done == -1)
        return error_sys(err, FAULT_IO, "read message file");
    if (done != (ssize_t)sizeof line)
        return report_damage(err, "it is not complete");
    if (!parse_end_line(&end, line, err))
        return false;
    if (entry->content_start > body_end ||
        end.content_length != body_end - entry->content_start)
        return report_damage(err, "wrong length");
    entry->content_length = end.content_length;
    entry->sum = end.sum;
    entry->is_8bit = end.is_8bit;
    return true;
}

/* Where the octets end that the sum is of. */
static uint64_t end_of_content(const struct entry *entry)
{
    return entry->content_start + entry->content_length;
}

bool entry_is_verified(const struct entry *entry,
                       const struct entry_progress *progress)
{
    return progress->done == end_of_content(entry);
}

struct entry_progress entry_progress(const struct entry *entry)
{
    return (struct entry_progress){
        .start = entry->content_start, .end = end_of_content(entry),
    };
}

static void verify_hole(struct entry_progress *progress, uint64_t end)
{
    progress->sum = crc32c_zeros(progress->sum, end - progress->done);
    if (end > progress->start) {
        progress->has_bare_ends |= progress->before == '\r';
        progress->before = '\0';
    }
    progress->done = end;
}

static void verify_data(struct entry_progress *progress, const char *data,
                        size_t length)
{
    progress->sum = crc32c(progress->sum, data, length);
    if (progress->done >= progress->start) {
        progress->has_bare_ends = progress->has_bare_ends ||
                               !has_wire_ends(data, length, progress->before);
        progress->before = data[length - 1];
    }
    progress->done += length;
}

void entry_verify_octets(struct entry_progress *progress, uint64_t at,
                         const char *data, size_t length)
{
    if (at > progress->done)
        verify_hole(progress, at < progress->end ? at : progress->end);
    while (length > 0 && progress->done < progress->end) {
        /* Lines count from the start of the content. */
        uint64_t stop = progress->done < progress->start ? progress->start
                                                         : progress->end;
        uint64_t rest = stop - progress->done;
        size_t part = rest < length ? (size_t)rest : length;
        verify_data(progress, data, part);
        data += part;
        length -= part;
    }
}

/* Has the file the right sum? And has its content lines as they go over the
 * wire? Another program can have written it; and where a line ends with less
 * than CRLF, some smarthosts see the end of the message, and commands of a
 * stranger's after it (CVE-2023-51764 and its like). */
static bool end_of_verification(struct entry *entry,
                                const struct entry_progress *progress,
                                struct error *err)
{
    if (progress->sum != entry->sum)
        return report_damage(err, "wrong checksum");
    entry->has_bare_ends = progress->has_bare_ends || progress->before == '\r';
    if (entry->has_bare_ends)
        note_flaw(entry, "a line of it does not end with CRLF");
    return true;
}

bool entry_verify(struct entry *entry, struct entry_progress *progress,
                  uint64_t octets, struct error *err)
{
    const struct entry_progress first = entry_progress(entry);
    const uint64_t end = first.end;
    char *block = alloc_resize(NULL, IO_BLOCK, 1);
    ssize_t step = 1;

    if (progress->start != first.start || progress->end != end)
        *progress = first;
    for (uint64_t read = 0; read < octets && progress->done < end && step > 0;
         read += (uint64_t)step) {
        uint64_t start, stop;
        io_find_data(entry->fd, progress->done, end, &start, &stop);
        if (start > progress->done)
            verify_hole(progress, start);
        if (start == end)
            break;
        uint64_t rest = stop - start;
        step = io_read_at(entry->fd, block,
                          rest < IO_BLOCK ? (size_t)rest : IO_BLOCK,
                          (off_t)start);
        if (step > 0)
            entry_verify_octets(progress, start, block, (size_t)step);
    }
    free(block);
    if (step == -1)
        return error_sys(err, FAULT_IO, "read message file");
    if (step == 0)
        return report_damage(err, "it is not complete");
    return progress->done < end || end_of_verification(entry, progress, err);
}

static bool verify_all(struct entry *entry, const struct head *head,
                       struct error *err)
{
    struct entry_progress progress = entry_progress(entry);

    if (head->length >= progress.end)
        entry_verify_octets(&progress, 0, head->data, head->length);
    return entry_verify(entry, &progress, UINT64_MAX, err);
}

/* The frame first, then what it holds. */
static bool read_frame(struct entry *entry, const struct head *head,
                       const char *name, bool whole, struct error *err)
{
    uint64_t size = head->size;
    struct buf text;

    if (size <= DRAFT_END_LENGTH)
        return report_damage(err, "it is not complete");
    if (!read_first_line(entry, head, name, err) ||
        !read_queued_line(entry, head, &size, err))
        return false;
    buf_init(&text, DRAFT_ENVELOPE_MAX + ENVELOPE_STEP);
    bool right = read_envelope(entry, head, size, &text, err);
    entry->content_start = text.length + 1;
    right = right && read_end(entry, head, size, err) &&
            (!whole || verify_all(entry, head, err)) &&
            parse_envelope(entry, &text, err);
    buf_free(&text);
    return right;
}

static bool read_entry(struct entry *entry, const char *name, bool whole,
                       struct error *err)
{
    char data[ENVELOPE_STEP];
    struct stat status;

    if (fstat(entry->fd, &status) == -1)
        return error_sys(err, FAULT_IO, "examine message file");
    if (!S_ISREG(status.st_mode))
        return report_damage(err, "it is not complete");
    entry->uid = status.st_uid;
    uint64_t size = (uint64_t)status.st_size;
    ssize_t length = io_read_at(entry->fd, data, size < sizeof data
                                ? (size_t)size : sizeof data, 0);
    if (length == -1)
        return error_sys(err, FAULT_IO, "read message file");
    const struct head head = { data, (size_t)length, size };
    return read_frame(entry, &head, name, whole, err);
}

static struct entry *new_entry(int fd)
{
    struct entry *entry = alloc_zero(1, sizeof *entry);

    entry->fd = fd;
    entry->original = -1;
    return entry;
}

static struct entry *keep_if(bool right, struct entry *entry)
{
    if (right)
        return entry;
    entry_free(entry);
    return NULL;
}

static struct entry *open_entry(int fd, const char *name, bool whole,
                                struct error *err)
{
    struct entry *entry = new_entry(fd);

    return keep_if(read_entry(entry, name, whole, err), entry);
}

struct entry *entry_of_octets(int fd, const char *data, size_t length,
                              const char *name, struct error *err)
{
    const struct head head = { data, length, length };
    struct entry *entry = new_entry(fd);

    return keep_if(read_frame(entry, &head, name, true, err), entry);
}

struct entry *entry_open(int fd, const char *name, struct error *err)
{
    return open_entry(fd, name, true, err);
}

struct entry *entry_reopen(int fd, const char *name, struct error *err)
{
    return open_entry(fd, name, false, err);
}

bool entry_check(const struct entry *entry, struct error *err)
{
    return entry->flaw == NULL ||
           error_set(err, FAULT_DATA, "%s", entry->flaw);
}

bool entry_read_sender(int fd, uid_t *uid)
{
    static const struct head none = { .length = 0 };
    struct entry entry = { .fd = fd };
    struct error ignored;
    struct stat status;

    if (fstat(fd, &status) == -1)
        return false;
    uint64_t size = (uint64_t)status.st_size;
    if (!read_queued_line(&entry, &none, &size, &ignored) || !entry.queued)
        return false;
    *uid = entry.uid;
    return true;
}

uid_t entry_user(const struct entry *entry, uid_t owner)
{
    return entry->has_claim && owner == geteuid() ? entry->claimed_uid
                                                  : owner;
}

static bool read_end_line(const struct entry *entry,
                          char line[DRAFT_END_LENGTH])
{
    return io_read_at(entry->fd, line, DRAFT_END_LENGTH, (off_t)(
                      entry->content_start + entry->content_length)) ==
           DRAFT_END_LENGTH;
}

struct io_blocks entry_blocks(const struct entry *entry, uint64_t from,
                              uint64_t to)
{
    return io_blocks(entry->fd, entry->content_start + from,
                     entry->content_start + to);
}

/* Octets of the field at the beginning, with its continuation lines; 0: its end
 * is not there, or it is none. */
static size_t field_length(const char *text, size_t length)
{
    size_t end = 0;

    if (!header_line_is_field(text, length))
        return 0;
    do {
        const char *stop = memchr(text + end, '\n', length - end);
        if (stop == NULL)
            return 0;
        end = (size_t)(stop + 1 - text);
        if (end == length)
            return 0;
    } while (text[end] == ' ' || text[end] == '\t');
    return end;
}

void entry_header(const struct entry *entry, struct header *header)
{
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);

    if (io_blocks_next(&blocks)) {
        const char *text = blocks.data;
        size_t left = blocks.length, length;
        while ((length = field_length(text, left)) > 0) {
            header_append_raw(header, text, length);
            text += length;
            left -= length;
        }
    }
    (void)io_blocks_end(&blocks);
}

bool entry_is_same(const struct entry *one, const struct entry *other)
{
    char line[DRAFT_END_LENGTH], other_line[DRAFT_END_LENGTH];

    return strcmp(one->id, other->id) == 0 && one->uid == other->uid &&
           read_end_line(one, line) && read_end_line(other, other_line) &&
           memcmp(line, other_line, sizeof line) == 0;
}

void entry_free(struct entry *entry)
{
    if (entry == NULL)
        return;
    io_close(&entry->fd);
    io_close(&entry->original);
    envelope_free(&entry->envelope);
    free(entry->flaw);
    free(entry);
}
