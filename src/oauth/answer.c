#include "oauth/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/lines.h"
#include "util/text.h"

struct answer {
    json_t *root;
};

struct answer *answer_parse(const char *text, size_t length, struct error *err)
{
    size_t mark = lines_mark_length(text, length);
    json_error_t unsaid;        /* it repeats the text, where tokens may be */
    json_t *root = json_loadb(text + mark, length - mark,
                              JSON_REJECT_DUPLICATES, &unsaid);

    if (!json_is_object(root)) {
        error_set(err, FAULT_PROTOCOL, "the answer is not one JSON object");
        json_decref(root);
        return NULL;
    }
    struct answer *answer = alloc_zero(1, sizeof *answer);
    answer->root = root;
    return answer;
}

void answer_free(struct answer *answer)
{
    if (answer == NULL)
        return;
    json_decref(answer->root);
    free(answer);
}

const char *answer_text(const struct answer *answer, const char *name)
{
    return json_string_value(json_object_get(answer->root, name));
}

const char *answer_token(const struct answer *answer, const char *name)
{
    const char *text = answer_text(answer, name);
    size_t length = text == NULL ? 0 : strlen(text);

    if (length == 0 || length > ANSWER_TOKEN_MAX)
        return NULL;
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return NULL;
    return text;
}

int64_t answer_seconds(const struct answer *answer, const char *name,
                       int64_t max)
{
    const json_t *value = json_object_get(answer->root, name);
    uint64_t number = 0;

    if (json_is_string(value)) {
        if (!text_to_number(json_string_value(value), UINT64_MAX, &number))
            return 0;
    } else if (json_is_integer(value) && json_integer_value(value) > 0) {
        number = (uint64_t)json_integer_value(value);
    } else if (json_is_real(value) && json_real_value(value) >= 1) {
        number = json_real_value(value) < (double)max
                 ? (uint64_t)json_real_value(value) : (uint64_t)max;
    }
    return number < (uint64_t)max ? (int64_t)number : max;
}

bool answer_has_code(const struct answer *answer, long code)
{
    const json_t *codes = json_object_get(answer->root, "error_codes");
    const json_t *item;
    size_t i;

    json_array_foreach(codes, i, item)
        if (json_integer_value(item) == code)
            return true;
    return false;
}
