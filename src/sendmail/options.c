#include "sendmail/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/text.h"

#define COMMAND_TIMEOUT_MAX 86400     /* seconds */

/* The text after a letter: -t, -f path or -fpath, -q or -q30m or -q 30m
 * (but not the next word if that is an option), -d or -d0.1. */
enum argument { NONE, REQUIRED, OPTIONAL, ATTACHED };

/* The effect of an option: it sets a bool, keeps its value, or calls a function
 * with it. */
struct effect {
    enum { NO_EFFECT, SET_FLAG, KEEP_TEXT, CALL } kind;
    size_t offset;                  /* in struct options */
    bool (*call)(struct options *opt, const char *value, struct error *err);
};

#define IGNORED { .kind = NO_EFFECT }
#define FLAG(member) \
    { .kind = SET_FLAG, .offset = offsetof(struct options, member) }
#define TEXT(member) \
    { .kind = KEEP_TEXT, .offset = offsetof(struct options, member) }
#define CALLS(function) { .kind = CALL, .call = (function) }

static bool apply_effect(const struct effect *effect, struct options *opt,
                         const char *value, struct error *err)
{
    void *member = (char *)opt + effect->offset;

    switch (effect->kind) {
    case NO_EFFECT:
        break;
    case SET_FLAG:
        *(bool *)member = true;
        break;
    case KEEP_TEXT:
        *(const char **)member = value;
        break;
    case CALL:
        return effect->call(opt, value, err);
    }
    return true;
}

static bool set_mode(struct options *opt, const char *value, struct error *err)
{
    if (!mode_of_letter(value, &opt->mode))
        return error_set(err, FAULT_USAGE, "bad mode -b%s", value);
    opt->mode_letter = value[0];
    return true;
}

static bool set_aliases_mode(struct options *opt, const char *value,
                             struct error *err)
{
    (void)value;
    return set_mode(opt, "i", err);
}

static bool set_ignore_dots(struct options *opt, const char *value,
                            struct error *err)
{
    (void)err;
    /* Sendmail's word for no: -oiFalse. */
    opt->message.dots = value != NULL && *value != '\0' &&
                        strchr("fFnN0", *value) != NULL;
    return true;
}

static bool set_dsn_notify(struct options *opt, const char *value,
                           struct error *err)
{
    return notify_parse(value, &opt->message.notify, err) ||
           error_prefix(err, "-N %s", value);
}

static bool set_dsn_return(struct options *opt, const char *value,
                           struct error *err)
{
    if (opt->message.dsn_return != RETURN_UNSPECIFIED)
        return error_set(err, FAULT_USAGE, "-R given twice");
    return dsn_return_parse(value, &opt->message.dsn_return, err) ||
           error_prefix(err, "-R %s", value);
}

static bool set_envelope_id(struct options *opt, const char *value,
                            struct error *err)
{
    if (*value == '\0' || !xtext_check(value))
        return error_set(err, FAULT_USAGE, "-V %s: must be xtext (RFC 3461 "
                         "section 4) of 1 to 100 characters", value);
    opt->message.envelope_id = value;
    return true;
}

/* Numbers that are too large are numbers still, and show a loop. */
static bool set_hops(struct options *opt, const char *value, struct error *err)
{
    uint64_t hops;

    if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
        return error_set(err, FAULT_USAGE, "-h %s: must be a number", value);
    if (!text_to_number(value, SUBMIT_HOPS_MAX, &hops))
        hops = SUBMIT_HOPS_MAX + 1;
    opt->message.hops = (unsigned)hops;
    return true;
}

static bool check_tag(struct options *opt, const char *value,
                      struct error *err)
{
    (void)opt;
    return !text_has_control(value, strlen(value)) ||
           error_set(err, FAULT_USAGE, "-L %s: must be printable", value);
}

/* -d0.1 shows the version; all other debugging has no effect. */
static bool set_debugging(struct options *opt, const char *value,
                          struct error *err)
{
    (void)err;
    if (value != NULL && strcmp(value, "0.1") == 0)
        opt->show_version = true;
    return true;
}

static bool set_error_mode(struct options *opt, const char *value,
                           struct error *err)
{
    (void)err;
    /* Sendmail ignores what it does not know here, and so callers may. */
    if (*value != '\0' && strchr("pmwqe", *value) != NULL)
        opt->error_mode = *value;
    return true;
}

static bool set_delivery_mode(struct options *opt, const char *value,
                              struct error *err)
{
    /* f, foreground, is the LSB's; d, defer, is a queue without look-ups. */
    if (*value == '\0' || strchr("bifqd", *value) == NULL)
        return error_set(err, FAULT_USAGE, "bad delivery mode -od%s", value);
    opt->delivery_mode = *value == 'f' ? 'i' : *value == 'd' ? 'q' : *value;
    return true;
}

static bool set_queue_run(struct options *opt, const char *value,
                          struct error *err)
{
    const char *what = value == NULL ? "" : value;
    uint64_t interval;

    if (*what != '\0' && strchr("fpIRSGQL!", *what) == NULL &&
        !text_to_duration(what, &interval))
        return error_set(err, FAULT_USAGE, "-q%s: must be a time as in 30m, "
                         "or one of f p I R S G Q L", what);
    opt->queue_run = what;
    return true;
}

/* An invalid time counts as not given, as elsewhere. */
static bool set_command_timeout(struct options *opt, const char *value,
                                struct error *err)
{
    uint64_t seconds;

    (void)err;
    if (text_to_duration(value, &seconds) && seconds > 0 &&
        seconds <= COMMAND_TIMEOUT_MAX)
        opt->command_timeout = (unsigned)seconds;
    return true;
}

/* Options proper: -oXvalue. Those that are not here have no effect. */
static const struct setting {
    char letter;
    const char *long_name;          /* with -O name=value; NULL for none */
    struct effect effect;
} settings[] = {
    { 'd', "DeliveryMode",    CALLS(set_delivery_mode)   },
    { 'e', "ErrorMode",       CALLS(set_error_mode)      },
    { 'i', NULL,              CALLS(set_ignore_dots)     },
    { 'v', NULL,              FLAG(verbose)              },
    { 0,   "Timeout.command", CALLS(set_command_timeout) },
    { 0,   "ConnectionsFile", TEXT(connections_file)     },
};

static bool set_short(struct options *opt, const char *value,
                      struct error *err)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (*value != '\0' && *value == settings[i].letter)
            return apply_effect(&settings[i].effect, opt, value + 1, err);
    return true;
}

static bool set_long(struct options *opt, const char *value, struct error *err)
{
    size_t length = strcspn(value, "=");

    for (size_t i = 0; i < COUNT(settings); i++)
        if (settings[i].long_name != NULL && value[length] == '=' &&
            strlen(settings[i].long_name) == length &&
            text_equal_case_n(value, settings[i].long_name, length))
            return apply_effect(&settings[i].effect, opt, value + length + 1,
                                err);
    return true;
}

/* The letters of Sendmail 8.17, and relics that callers still give. */
static const struct rule {
    char letter;
    enum argument argument;
    struct effect effect;
} rules[] = {
    { 'A', REQUIRED, IGNORED },                 /* which file Sendmail reads */
    { 'B', REQUIRED, IGNORED },                 /* the content decides */
    { 'b', REQUIRED, CALLS(set_mode) },
    { 'C', REQUIRED, IGNORED },                 /* opens no file */
    { 'c', NONE,     IGNORED },
    { 'D', REQUIRED, IGNORED },                 /* opens no file */
    { 'd', ATTACHED, CALLS(set_debugging) },
    { 'E', ATTACHED, IGNORED },                 /* Sony NEWS */
    { 'e', REQUIRED, CALLS(set_error_mode) },
    { 'F', REQUIRED, TEXT(message.full_name) },
    { 'f', REQUIRED, TEXT(message.reverse_path) },
    { 'G', NONE,     FLAG(message.gateway) },
    { 'h', REQUIRED, CALLS(set_hops) },
    { 'I', NONE,     CALLS(set_aliases_mode) },
    { 'i', NONE,     CALLS(set_ignore_dots) },
    { 'J', ATTACHED, IGNORED },                 /* Sony NEWS */
    { 'L', REQUIRED, CALLS(check_tag) },
    { 'M', REQUIRED, IGNORED },
    { 'm', NONE,     IGNORED },
    { 'N', REQUIRED, CALLS(set_dsn_notify) },   /* RFC 3461 section 4.1 */
    { 'n', NONE,     FLAG(message.no_aliases) },
    { 'O', REQUIRED, CALLS(set_long) },
    { 'o', REQUIRED, CALLS(set_short) },
    { 'p', REQUIRED, IGNORED },
    { 'Q', OPTIONAL, IGNORED },
    { 'q', OPTIONAL, CALLS(set_queue_run) },
    { 'R', REQUIRED, CALLS(set_dsn_return) },   /* RFC 3461 section 4.3 */
    { 'r', REQUIRED, TEXT(message.reverse_path) },
    { 's', NONE,     IGNORED },
    { 'T', NONE,     IGNORED },
    { 't', NONE,     FLAG(message.extract) },
    { 'U', NONE,     FLAG(message.utf8) },
    { 'V', REQUIRED, CALLS(set_envelope_id) },  /* RFC 3461 section 4.4 */
    { 'v', NONE,     FLAG(verbose) },
    { 'X', REQUIRED, IGNORED },                 /* opens no file */
    { 'x', NONE,     IGNORED },                 /* AIX mailx */
};

static const struct rule *find_rule(char letter)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (rules[i].letter == letter)
            return &rules[i];
    return NULL;
}

/*
 * One word of options: letters in a row, the last of which may take the rest
 * of the word, or the next word, as its value. next is moved over that.
 */
static bool parse_word(struct options *opt, const char *word, char ***next,
                       struct error *err)
{
    for (; *word != '\0'; word++) {
        const struct rule *rule = find_rule(*word);
        const char *value = word[1] != '\0' ? word + 1 : NULL;
        char *following = **next;

        if (rule == NULL && *word == '-')       /* a long one */
            return error_set(err, FAULT_USAGE, "unknown option -%.100s", word);
        if (rule == NULL)
            return error_set(err, FAULT_USAGE, "unknown option -%c", *word);
        if (rule->argument == NONE) {
            if (!apply_effect(&rule->effect, opt, NULL, err))
                return false;
            continue;
        }
        if (value == NULL && following != NULL &&
            (rule->argument == REQUIRED ||
             (rule->argument == OPTIONAL && following[0] != '-'))) {
            value = following;
            (*next)++;
        }
        if (value == NULL && rule->argument == REQUIRED)
            return error_set(err, FAULT_USAGE,
                             "option requires an argument -- '%c'", *word);
        return apply_effect(&rule->effect, opt, value, err);
    }
    return true;
}

/* A recipient cannot be an option; one that looks so is a mistake, unless it
 * was announced by --, and then address_check refuses it. */
static bool check_operands(char *const *operands, struct error *err)
{
    for (; *operands != NULL; operands++)
        if ((*operands)[0] == '-' && strchr(*operands, '@') == NULL)
            return error_set(err, FAULT_USAGE, "%s: options must precede "
                             "the recipients", *operands);
    return true;
}

static bool parse_words(struct options *opt, char **words, struct error *err)
{
    while (*words != NULL && (*words)[0] == '-' && (*words)[1] != '\0') {
        const char *word = *words++;

        if (strcmp(word, "--") == 0) {
            opt->message.recipients = words;
            return true;
        }
        if (strcmp(word, "--version") == 0 || strcmp(word, "--help") == 0) {
            opt->mode = word[2] == 'v' ? MODE_VERSION : MODE_HELP;
            return true;
        }
        if (!parse_word(opt, word + 1, &words, err))
            return false;
    }
    opt->message.recipients = words;
    return check_operands(words, err);
}

/* -d0.1 is printed before a task, and is one itself where there is none. */
static bool is_version_only(const struct options *opt)
{
    bool no_task = opt->mode == MODE_UNKNOWN ||
                   (opt->mode == MODE_DELIVER && !opt->message.extract &&
                    *opt->message.recipients == NULL);

    return opt->show_version && no_task;
}

bool options_parse(struct options *opt, int argc, char **argv,
                   struct error *err)
{
    static char *const none[] = { NULL };

    *opt = (struct options){
        .mode = argc > 0 ? mode_of_name(argv[0]) : MODE_DELIVER,
        .error_mode = 'p',
        .message = { .uid = getuid(), .source = STDIN_FILENO, .dots = true,
                     .recipients = none,
                     .own_name = secure_getenv("NAME") },
    };
    if (argc > 0 && !parse_words(opt, argv + 1, err))
        return false;
    if (opt->mode == MODE_DELIVER && opt->queue_run != NULL)
        opt->mode = MODE_QUEUE_RUN;
    if (is_version_only(opt))
        opt->mode = MODE_VERSION;
    return true;
}

bool options_quiet(const struct options *opt)
{
    return opt->error_mode == 'q';
}
