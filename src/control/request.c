#include "control/request.h"

#include <string.h>

#include "util/alloc.h"
#include "util/random.h"
#include "util/text.h"

enum argument { NONE, MESSAGES, FILTER, ID };

static const struct rule {
    const char *name;
    enum argument argument;
    bool restricted;
} requests[REQUESTS] = {
    [REQUEST_LIST]    = { "list",    NONE,     false },
    [REQUEST_STATUS]  = { "status",  NONE,     false },
    [REQUEST_FLUSH]   = { "flush",   NONE,     false },
    [REQUEST_RUN]     = { "run",     FILTER,   false },
    [REQUEST_RETRY]   = { "retry",   MESSAGES, false },
    [REQUEST_HOLD]    = { "hold",    MESSAGES, true  },
    [REQUEST_RELEASE] = { "release", MESSAGES, true  },
    [REQUEST_REMOVE]  = { "remove",  MESSAGES, false },
    [REQUEST_WAIT]    = { "wait",    ID,       false },
    [REQUEST_RELOAD]  = { "reload",  NONE,     true  },
    [REQUEST_REQUEUE] = { "requeue", ID,       true  },
};

char *request_compose(enum request request, const char *argument)
{
    const struct rule *rule = &requests[request];

    return rule->argument == NONE ? alloc_string(rule->name)
                                  : alloc_format("%s %s", rule->name, argument);
}

/* The arguments of hold and its like. */
static bool is_messages(const char *argument)
{
    return strcmp(argument, "all") == 0 || random_is_id(argument);
}

char *request_filter(const struct message_filter *filter)
{
    char *argument = alloc_format("%s%c %s", filter->without ? "!" : "",
                                  filter->part, filter->text);

    if (filter->part == 'I')    /* mailq prints capitals */
        text_lower_all(strchr(argument, ' '));
    return argument;
}

bool request_parse_filter(const char *argument, struct message_filter *filter)
{
    filter->without = *argument == '!';
    argument += filter->without;
    if (*argument == '\0' || strchr("IRS", *argument) == NULL ||
        argument[1] != ' ')
        return false;
    filter->part = *argument;
    filter->text = argument + 2;
    return true;
}

static bool is_taken(enum argument kind, const char *argument)
{
    struct message_filter filter;

    switch (kind) {
    case NONE:
        return *argument == '\0';
    case MESSAGES:
        return is_messages(argument);
    case FILTER:
        return request_parse_filter(argument, &filter);
    case ID:
        return random_is_id(argument);
    }
    return false;
}

bool request_parse(char *line, struct request_line *parsed,
                   const char **refusal)
{
    const char *name = strsep(&line, " ");
    const char *argument = line != NULL ? line : "";

    *refusal = "unknown request";
    for (size_t i = 0; i < REQUESTS; i++) {
        if (strcmp(name, requests[i].name) != 0)
            continue;
        *parsed = (struct request_line){ .request = (enum request)i,
                                         .argument = argument };
        *refusal = "unknown argument";
        return is_taken(requests[i].argument, argument);
    }
    return false;
}

bool request_is_restricted(enum request request)
{
    return requests[request].restricted;
}
