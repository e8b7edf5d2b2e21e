#include "config/config_parse.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_check.h"
#include "config/config_keys.h"
#include "config/config_values.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/lines.h"
#include "util/text.h"

/*
 * First the text is made fit for libconfuse, which puts variables of the
 * environment into strings, although the environment belongs to the caller of
 * sendmail; forgives a missing brace, quote or end of a comment; drops
 * characters that it does not know; and miscounts lines after a comment.
 */
struct scan {
    const char *path;
    const char *text;
    size_t length;
    size_t at;
    unsigned line;
    size_t depth;           /* of braces */
    unsigned brace_line;    /* of the outermost open one */
    struct buf *out;
};

static bool fault_at(const struct scan *s, unsigned line, const char *text,
                     struct error *err)
{
    return error_set(err, FAULT_CONFIG, "%s", text) ||
           error_at(err, s->path, line);
}

static char peek(const struct scan *s, size_t ahead)
{
    return s->length - s->at > ahead ? s->text[s->at + ahead] : '\0';
}

static void skip_line(struct scan *s)
{
    while (s->at < s->length && s->text[s->at] != '\n')
        s->at++;
}

static bool skip_block(struct scan *s, struct error *err)
{
    unsigned start = s->line;

    for (s->at += 2; s->at < s->length; s->at++) {
        if (peek(s, 0) == '*' && peek(s, 1) == '/') {
            s->at += 2;
            buf_add_char(s->out, ' ');
            return true;
        }
        if (peek(s, 0) == '\n') {
            s->line++;
            buf_add_char(s->out, '\n');
        }
    }
    return fault_at(s, start, "this comment is never closed", err);
}

/* Octets that mean nothing inside quotes nor outside of them, at once. */
static void copy_ordinary(struct scan *s)
{
    const char *start = s->text + s->at;
    size_t length = 0, rest = s->length - s->at;

    while (length < rest && (text_is_alpha(start[length]) ||
                             text_is_digit(start[length]) ||
                             start[length] == ' ' || start[length] == '_'))
        length++;
    buf_add(s->out, start, length);
    s->at += length;
}

static bool copy_string(struct scan *s, struct error *err)
{
    char quote = s->text[s->at++];

    buf_add_char(s->out, quote);
    while (copy_ordinary(s), s->at < s->length) {
        char c = s->text[s->at++];
        if (c == '\n')
            break;
        if (text_is_control(c) && c != '\t')
            return fault_at(s, s->line, "control character", err);
        if (quote == '"' && c == '$' && peek(s, 0) == '{')
            buf_add_char(s->out, '\\');
        buf_add_char(s->out, c);
        if (c == quote)
            return true;
        if (c == '\\' && (peek(s, 0) == '\n' || !text_is_control(peek(s, 0)))) {
            s->line += peek(s, 0) == '\n';
            buf_add_char(s->out, s->text[s->at++]);
        }
    }
    return fault_at(s, s->line, "a quote is not closed on this line", err);
}

/* The end of the last token decides whether a slash starts a comment. */
static bool is_token_start(const struct scan *s)
{
    char last = s->out->length == 0 ? ' ' : s->out->data[s->out->length - 1];

    return strchr(" \t\n{}=,\"'", last) != NULL;
}

static void count_brace(struct scan *s, char c)
{
    if (c == '{' && s->depth++ == 0)
        s->brace_line = s->line;
    if (c == '}' && s->depth > 0)
        s->depth--;
}

/* Outside of quotes and comments. */
static bool copy_plain(struct scan *s, struct error *err)
{
    char c = peek(s, 0), next = peek(s, 1);

    if (c == '\r' && next == '\n')
        c = ' ';
    if (text_is_control(c) && c != '\t' && c != '\n')
        return fault_at(s, s->line, "control character", err);
    if (c == '*' || (c == '+' && next != '='))
        return fault_at(s, s->line, c == '*' ? "\"*\" must be inside quotes"
                                     : "\"+\" must be inside quotes", err);
    if (c == '$' && next == '{')
        return fault_at(s, s->line, "\"${\" must be inside quotes; variables "
                        "of the environment are not expanded", err);
    count_brace(s, c);
    buf_add_char(s->out, c);
    s->at++;
    s->line += c == '\n';
    return true;
}

static bool step(struct scan *s, struct error *err)
{
    char c = peek(s, 0), next = peek(s, 1);

    if (c == '"' || c == '\'')
        return copy_string(s, err);
    if (c == '/' && next == '*' && is_token_start(s))
        return skip_block(s, err);
    if (c == '#' || (c == '/' && next == '/' && is_token_start(s))) {
        skip_line(s);
        return true;
    }
    return copy_plain(s, err);
}

/* Append the text to out, with the same lines: comments blanked, "${" inside
 * quotes protected. */
static bool prepare_text(struct buf *out, const char *path, const char *text,
                         size_t length, struct error *err)
{
    struct scan s = { .path = path, .text = text, .length = length,
                      .at = lines_mark_length(text, length), .line = 1,
                      .out = out };

    while (copy_ordinary(&s), s.at < s.length)
        if (!step(&s, err))
            return false;
    if (s.depth > 0)
        return fault_at(&s, s.brace_line, "this \"{\" is never closed", err);
    return true;
}

enum { SECTIONS = CONFIG_OAUTH + 1 };   /* and the top */

/*
 * The data of the callbacks. libconfuse hands them nothing of ours, so the
 * first option of every section, whose name no file can hold, points here.
 */
struct reading {
    struct config *config;
    struct options {
        const struct config_keys *keys;
        size_t *rows;           /* which of them have an option, in order */
        size_t count;
    } options[SECTIONS];
    size_t first_sender, first_oauth;   /* of this file */
    const unsigned *decided;    /* lines of the keys at the top that the file
                                 * before this one has set: they stay */
    const cfg_t *top;
    const cfg_t *section;       /* the last one that was begun */
    struct error *err;          /* FAULT_NONE until something is wrong */
};

enum { OPTION_READING, OPTION_FIRST_KEY };

#define SHORT_TEXT 8192         /* octets: few of the keys are in it */

static struct reading *reading_of(const cfg_t *cfg)
{
    return (struct reading *)cfg->opts[OPTION_READING].simple_value.ptr;
}

static enum config_section section_of(const cfg_t *cfg)
{
    if (cfg == reading_of(cfg)->top)
        return CONFIG_TOP;
    for (int i = CONFIG_SMARTHOST; i <= CONFIG_OAUTH; i++)
        if (strcmp(cfg->name,
                   config_keys_of((enum config_section)i)->section) == 0)
            return (enum config_section)i;
    return CONFIG_TOP;
}

static bool blame(const cfg_t *cfg, unsigned line)
{
    struct reading *reading = reading_of(cfg);

    return config_place_prefix(reading->err, &(struct config_place){
        .path = reading->config->source, .line = line,
        .section = section_of(cfg), .title = cfg->title });
}

static bool begin_smarthost(struct config *config, const char *title,
                            unsigned line, struct error *err)
{
    if (!config_check_name(title, err))
        return false;
    config_add_smarthost(config, title, line);
    return true;
}

static bool begin_sender(struct config *config, const char *title,
                         unsigned line, struct error *err)
{
    if (!config_check_match(title, err))
        return false;
    config_add_sender(config, title, line);
    return true;
}

static bool begin_oauth(struct config *config, const char *title,
                        unsigned line, struct error *err)
{
    if (!config_check_oauth_name(title, err))
        return false;
    config_add_oauth(config, title, line);
    return true;
}

/* Has this file such a section already? For senders, of which there may be
 * thousands, see config_check_titles(). */
static bool has_section(const struct reading *reading,
                        enum config_section section, const char *title)
{
    const struct config *config = reading->config;

    if (section == CONFIG_SMARTHOST)
        return config_smarthost(config, title) != NULL;
    for (size_t i = reading->first_oauth; i < config->oauth_count; i++)
        if (section == CONFIG_OAUTH &&
            strcmp(config->oauths[i].name, title) == 0)
            return true;
    return false;
}

/* libconfuse reports a section by its first key, or at its end. The line of
 * the top is still that of the opening brace at the first key. */
static bool begin_section(const cfg_t *cfg)
{
    static bool (*const begin[])(struct config *, const char *, unsigned,
                                 struct error *) = {
        [CONFIG_SMARTHOST] = begin_smarthost,
        [CONFIG_SENDER] = begin_sender,
        [CONFIG_OAUTH] = begin_oauth,
    };
    struct reading *reading = reading_of(cfg);
    unsigned line = (unsigned)reading->top->line;
    enum config_section section = section_of(cfg);

    if (section == CONFIG_TOP || cfg == reading->section)
        return true;
    reading->section = cfg;
    if (has_section(reading, section, cfg->title))
        return config_refuse_title(reading->config, cfg->title, line,
                                   reading->err);
    return begin[section](reading->config, cfg->title, line, reading->err) ||
           blame(cfg, line);
}

/* Where the values and the lines of the section being read go. */
static void *object_of(const cfg_t *cfg, unsigned **lines)
{
    struct config *config = reading_of(cfg)->config;
    struct smarthost *host;
    struct sender_rule *rule;
    struct oauth *oauth;

    switch (section_of(cfg)) {
    case CONFIG_SMARTHOST:
        host = &config->smarthosts[config->smarthost_count - 1];
        *lines = host->lines;
        return host;
    case CONFIG_SENDER:
        rule = &config->senders[config->sender_count - 1];
        *lines = rule->lines;
        return rule;
    case CONFIG_OAUTH:
        oauth = &config->oauths[config->oauth_count - 1];
        *lines = oauth->lines;
        return oauth;
    case CONFIG_TOP:
        break;
    }
    *lines = config->lines;
    return config;
}

static bool is_decided(const cfg_t *cfg, size_t index)
{
    return section_of(cfg) == CONFIG_TOP &&
           reading_of(cfg)->decided[index] != 0;
}

static int take_value(cfg_t *cfg, cfg_opt_t *option, const char *text,
                      void *result)
{
    struct reading *reading = reading_of(cfg);
    const struct options *options = &reading->options[section_of(cfg)];
    size_t index = options->rows[option - cfg->opts - OPTION_FIRST_KEY];
    const struct config_key *key = &options->keys->keys[index];
    unsigned *lines;

    if (!begin_section(cfg))
        return -1;
    *(const char **)result = text;      /* libconfuse's own copy, for lists */
    if (is_decided(cfg, index))
        return 0;
    char *object = object_of(cfg, &lines);
    lines[index] = (unsigned)cfg->line;
    if (!config_keys_take(key, text, object, reading->err)) {
        blame(cfg, (unsigned)cfg->line);
        return -1;
    }
    return 0;
}

/* Lists are libconfuse's to keep: it knows = from +=. */
static void copy_lists(const cfg_t *cfg)
{
    const struct options *options =
        &reading_of(cfg)->options[section_of(cfg)];
    unsigned *lines;
    char *object = object_of(cfg, &lines);

    for (size_t i = 0; i < options->count; i++) {
        size_t row = options->rows[i];
        const struct config_key *key = &options->keys->keys[row];
        if (key->kind != CONFIG_LIST || is_decided(cfg, row))
            continue;
        cfg_opt_t *option = &cfg->opts[OPTION_FIRST_KEY + i];
        /* An empty list has no value that could leave its line. */
        if ((option->flags & CFGF_MODIFIED) != 0 && lines[row] == 0)
            lines[row] = 1;
        for (unsigned item = 0; item < cfg_opt_size(option); item++)
            strings_add((void *)(object + key->offset),
                        cfg_opt_getnstr(option, item));
    }
}

/* After the closing brace of the last section of this option. Its values are
 * copied: libconfuse, which would compare the title with those of all to come,
 * need not keep it. */
static int end_section(cfg_t *cfg, cfg_opt_t *option)
{
    struct reading *reading = reading_of(cfg);
    struct config *config = reading->config;
    cfg_t *section = cfg_opt_getnsec(option, cfg_opt_size(option) - 1);

    if (!begin_section(section))
        return -1;
    copy_lists(section);
    bool is_right = true;
    if (section_of(section) == CONFIG_SMARTHOST)
        is_right = config_complete_smarthost(
            config, &config->smarthosts[config->smarthost_count - 1],
            reading->err);
    else if (section_of(section) == CONFIG_OAUTH)
        is_right = config_check_oauth(
            config, &config->oauths[config->oauth_count - 1], reading->err);
    if (!is_right)
        return -1;
    reading->section = NULL;
    cfg_opt_rmnsec(option, cfg_opt_size(option) - 1);
    return 0;
}

/* libconfuse's texts with one name in them, and ours. */
static const struct {
    const char *theirs;
    const char *ours;
} texts[] = {
    { "unexpected token '%s'", "\"%s\" is not expected here" },
    { "missing equal sign after option '%s'", "\"=\" is missing after %s" },
    { "attempt to append to non-list option '%s'",
      "%s is not a list: use = instead of +=" },
    { "missing title for section '%s'",
      "%s needs a name in quotes: smarthost \"main\" {" },
    { "missing opening brace for section '%s'",
      "\"{\" is missing after the name of this %s section" },
};

static void set_error(cfg_t *cfg, const char *format, va_list args)
{
    struct error *err = reading_of(cfg)->err;

    if (strcmp(format, "no such option '%s'") == 0) {
        config_keys_unknown(section_of(cfg), va_arg(args, const char *), err);
        return;
    }
    for (size_t i = 0; i < COUNT(texts); i++)
        if (strcmp(format, texts[i].theirs) == 0) {
            error_set(err, FAULT_CONFIG, texts[i].ours,
                      va_arg(args, const char *));
            return;
        }
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    error_set(err, FAULT_CONFIG, "%s", text);
}

static void take_error(cfg_t *cfg, const char *format, va_list args)
{
    if (reading_of(cfg)->err->fault != FAULT_NONE)
        return;
    set_error(cfg, format, args);
    blame(cfg, (unsigned)cfg->line);
}

/* The keys of the section that the text may set: libconfuse copies all options
 * for each section. */
static void choose_keys(struct options *options, enum config_section section,
                        const char *text)
{
    bool is_long = strnlen(text, SHORT_TEXT) == SHORT_TEXT;

    options->keys = config_keys_of(section);
    options->rows = alloc_zero(options->keys->count, sizeof *options->rows);
    for (size_t i = 0; i < options->keys->count; i++)
        if (is_long || strstr(text, options->keys->keys[i].name) != NULL)
            options->rows[options->count++] = i;
}

/* The options of a section, and room for more after them. */
static cfg_opt_t *make_options(struct reading *reading,
                               enum config_section section, size_t more)
{
    const struct options *from = &reading->options[section];
    cfg_opt_t *options = alloc_zero(OPTION_FIRST_KEY + from->count + more + 1,
                                    sizeof *options);

    options[OPTION_READING] = (cfg_opt_t){
        .name = " ", .type = CFGT_PTR,
        .simple_value.ptr = (void **)reading };
    for (size_t i = 0; i < from->count; i++) {
        const struct config_key *key = &from->keys->keys[from->rows[i]];
        bool is_list = key->kind == CONFIG_LIST;
        options[OPTION_FIRST_KEY + i] = (cfg_opt_t){
            .name = key->name, .type = CFGT_STR,
            .flags = CFGF_NODEFAULT | (is_list ? CFGF_LIST : CFGF_NONE),
            .parsecb = take_value };
    }
    return options;
}

/* Those of the top, with the sections that the text may have. */
static cfg_opt_t *make_top(struct reading *reading, const char *text)
{
    cfg_opt_t *top = make_options(reading, CONFIG_TOP, SECTIONS - 1);
    cfg_opt_t *next = top + OPTION_FIRST_KEY +
                      reading->options[CONFIG_TOP].count;

    for (int i = CONFIG_SMARTHOST; i < SECTIONS; i++) {
        const char *name = config_keys_of((enum config_section)i)->section;
        if (strstr(text, name) == NULL)
            continue;
        *next++ = (cfg_opt_t){
            .name = name, .type = CFGT_SEC, .flags = CFGF_MULTI | CFGF_TITLE,
            .subopts = make_options(reading, (enum config_section)i, 0),
            .validcb = end_section };
    }
    return top;
}

static void free_options(cfg_opt_t *top)
{
    for (const cfg_opt_t *option = top; option->name != NULL; option++)
        if (option->type == CFGT_SEC)
            free(option->subopts);
    free(top);
}

static bool parse(struct reading *reading, cfg_t *top, const char *text)
{
    reading->top = top;
    cfg_set_error_function(top, take_error);
    if (cfg_parse_buf(top, text) != CFG_SUCCESS) {
        if (reading->err->fault == FAULT_NONE) {
            error_set(reading->err, FAULT_CONFIG, "syntax error");
            blame(top, (unsigned)top->line);
        }
        return false;
    }
    copy_lists(top);
    return config_check_titles(reading->config, reading->first_sender,
                               reading->err);
}

static bool read_options(struct reading *reading, const char *text)
{
    cfg_opt_t *options = make_top(reading, text);
    cfg_t *top = cfg_init(options, CFGF_NONE);      /* makes its own copy */
    bool done = top != NULL ? parse(reading, top, text)
                            : error_set(reading->err, FAULT_SYSTEM,
                                        "out of memory");

    if (top != NULL)
        cfg_free(top);
    free_options(options);
    return done;
}

static bool parse_prepared(struct config *config, const char *text,
                           struct error *err)
{
    const size_t count = config_keys_of(CONFIG_TOP)->count;
    unsigned *decided = alloc_zero(count, sizeof *decided);
    struct reading reading = { .config = config, .decided = decided,
                               .first_sender = config->sender_count,
                               .first_oauth = config->oauth_count,
                               .err = err };

    memcpy(decided, config->lines, count * sizeof *decided);
    for (int i = 0; i < SECTIONS; i++)
        choose_keys(&reading.options[i], (enum config_section)i, text);
    err->fault = FAULT_NONE;
    bool done = read_options(&reading, text);
    for (int i = 0; i < SECTIONS; i++)
        free(reading.options[i].rows);
    free(decided);
    return done;
}

bool config_parse(struct config *config, const char *text, size_t length,
                  struct error *err)
{
    struct buf prepared;

    buf_init(&prepared, SIZE_MAX);
    bool done = prepare_text(&prepared, config->source, text, length,
                             err) &&
                parse_prepared(config, prepared.data, err);
    buf_free(&prepared);
    return done;
}
