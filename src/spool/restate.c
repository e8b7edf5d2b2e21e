#include "spool/restate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/draft.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"


static void add_wire_lines(struct buf *out, const char *data, size_t length,
                           bool *after_cr)
{
    for (size_t i = 0; i < length; i++) {
        bool lf = data[i] == '\n';
        if (data[i] == '\r' || (lf && !*after_cr))
            buf_add_text(out, "\r\n");
        else if (!lf)
            buf_add_char(out, data[i]);
        *after_cr = data[i] == '\r';
    }
}

/* Octets of a text's header section, with the empty line. */
static size_t header_length(const struct buf *text)
{
    const char *end = memmem(text->data, text->length, "\r\n\r\n", 4);

    if (text_starts(text->data, "\r\n"))
        return 2;
    return end == NULL ? text->length : (size_t)(end + 4 - text->data);
}

/* The message, or its header section as far as that is in one block, with all
 * line ends CRLF. */
static bool add_content(struct draft *draft, const struct entry *entry,
                        bool whole, struct error *err)
{
    struct io_blocks blocks = entry_blocks(entry, 0,
                                           entry->content_length);
    bool after_cr = false, added = true;
    struct buf lines;

    buf_init(&lines, SIZE_MAX);
    while (added && io_blocks_next(&blocks)) {
        buf_clear(&lines);
        add_wire_lines(&lines, blocks.data, blocks.length, &after_cr);
        added = draft_add(draft, lines.data, whole
                          ? lines.length : header_length(&lines), err);
        if (!whole)
            break;
    }
    buf_free(&lines);
    if (!io_blocks_end(&blocks))
        return error_sys(err, FAULT_IO, "read the message");
    return added;
}

struct entry *restate_entry(const struct entry *entry, bool whole, int folder,
                            struct error *err)
{
    struct draft *draft = draft_new_report(entry->id, folder, err);
    struct envelope env = entry->envelope;
    struct entry *other = NULL;

    if (!whole)
        env.dsn_return = RETURN_HEADERS;
    if (draft != NULL && draft_envelope(draft, &env, err) &&
        add_content(draft, entry, whole, err) &&
        draft_end(draft, entry->is_8bit, err))
        other = entry_open(fcntl(draft_descriptor(draft), F_DUPFD_CLOEXEC, 0),
                           entry->id, err);
    draft_free(draft);
    if (other != NULL && entry->flaw != NULL)
        entry_blame(other, entry->flaw_status, entry->flaw);
    return other;
}
