/*
 * config_keys.h - every key of the configuration file, a row each
 *
 * A row holds where the value goes, how its text is read and what the key has
 * when the file does not set it. config_parse.c turns the rows into options
 * of libconfuse; a new key is a row, and a paragraph in postrider.conf(5).
 */
#ifndef POSTRIDER_CONFIG_CONFIG_KEYS_H
#define POSTRIDER_CONFIG_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum config_section {
    CONFIG_TOP, CONFIG_SMARTHOST, CONFIG_SENDER, CONFIG_OAUTH
};

/* The type of the member in memory. */
enum config_kind { CONFIG_PLAIN, CONFIG_STRING, CONFIG_LIST };

struct config_word {
    const char *word;
    unsigned value;
};

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;                  /* of the member in its struct */
    /* Read text into member. False with a text of what is allowed:
     * "must be true or false". Of a list, text is one element. */
    bool (*take)(const struct config_key *key, const char *text, void *member,
                 struct error *err);
    const char *initial;            /* taken when the key is not set */
    const struct config_word *words;    /* ends with a NULL word */
    uint64_t min, max;
    const char *allowed;            /* for texts: "must be a size ..." */
    bool hidden;                    /* its value is shown in no text */
};

struct config_keys {
    const char *section;            /* "smarthost"; "" at the top */
    const struct config_key *keys;
    size_t count;
};

const struct config_keys *config_keys_of(enum config_section section);

/* The struct's members as the keys have them when the file sets none, and the
 * other way round. */
void config_keys_init(enum config_section section, void *object);
void config_keys_free(enum config_section section, void *object);

/* Read text into its member of object, the section's struct. False with
 * "KEY = TEXT: must be ...". */
bool config_keys_take(const struct config_key *key, const char *text,
                      void *object, struct error *err);

/* Can the text be a value of that key, whatever others are set? The same text
 * if not. */
bool config_keys_check(enum config_section section, const char *name,
                       const char *text, struct error *err);

/* The line of a key, from the lines that were kept; 0 if it is not set. */
unsigned config_keys_line(enum config_section section, const unsigned *lines,
                          const char *name);

/* `unknown key "prot"; did you mean port?` Returns false. */
bool config_keys_unknown(enum config_section section, const char *name,
                         struct error *err);

/* Add the place, FILE:LINE, and put `smarthost "main": ` before what is wrong.
 * The fault is FAULT_CONFIG from here on. Returns false. */
struct config_place {
    const char *path;
    unsigned line;
    enum config_section section;
    const char *title;
};
bool config_place_prefix(struct error *err, const struct config_place *place);

#endif
