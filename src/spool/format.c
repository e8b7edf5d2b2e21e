#include "spool/format.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/random.h"
#include "util/text.h"

#define UPGRADE "upgrade postrider"

/* "WORD VERSION ID": where the version is; NULL if text does not begin so. */
static const char *find_version(const struct format *format, const char *text)
{
    size_t word = strlen(format->word);

    if (!text_starts(text, format->word) || text[word] != ' ' ||
        text[word + 1] == '0')
        return NULL;
    size_t digits = strspn(text + word + 1, "0123456789");
    return digits > 0 && text[word + 1 + digits] == ' ' ? text + word + 1
                                                        : NULL;
}

static bool read_id(const char *text, const char *wanted, char *id)
{
    size_t length = strnlen(text, RANDOM_ID_LENGTH);

    memcpy(id, text, length);
    id[length] = '\0';
    return random_is_id(id) && (wanted == NULL || strcmp(id, wanted) == 0);
}

bool format_check_start(const struct format *format, const char *text,
                        const char *wanted, char *id, struct error *err)
{
    const char *version = find_version(format, text);
    char found[RANDOM_ID_LENGTH + 1];
    uint64_t number;

    if (version == NULL)
        return error_set(err, FAULT_DATA, "it does not begin with \"%s %u\"",
                         format->word, format->version);
    size_t digits = strcspn(version, " ");
    if (!read_id(version + digits + 1, wanted, found))
        return error_set(err, FAULT_DATA, "it is not the file it claims to "
                         "be");
    char *shown = alloc_bytes(version, digits);
    bool newer = !text_to_number(shown, format->version, &number);
    char end = version[digits + 1 + RANDOM_ID_LENGTH];
    if (newer && (end == '\n' || end == ' ')) {
        error_set(err, FAULT_NEWER, "it has version %.20s, and this program "
                  "knows up to %u", shown, format->version);
        error_remedy(err, UPGRADE);
    } else if (newer || end != '\n') {
        error_set(err, FAULT_DATA, "its first line is wrong");
    } else if (id != NULL) {
        memcpy(id, found, sizeof found);
    }
    free(shown);
    return !newer && end == '\n';
}

bool format_check_unknown(const char *line, struct error *err)
{
    size_t length = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (length == 0 || *line < 'a' ||
        (line[length] != ' ' && line[length] != '\0'))
        return error_set(err, FAULT_DATA, "a line without a keyword");
    if (text_starts(line, "opt-"))
        return true;
    return error_set(err, FAULT_NEWER, "a newer version wrote it, with \"%.*s"
                     "\"", length < 40 ? (int)length : 40, line) ||
           error_remedy(err, UPGRADE);
}
