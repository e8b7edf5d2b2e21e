/*
 * recipe_parts.h - what a recipe is made of; for recipe*.c only
 */
#ifndef POSTRIDER_POSTRIDER_RECIPE_PARTS_H
#define POSTRIDER_POSTRIDER_RECIPE_PARTS_H

#include <stddef.h>

#include "util/secret.h"
#include "util/strings.h"

struct buf;

struct setting {
    char *key;
    char *value;
    struct strings remarks;         /* in front of it */
};

struct section {
    char *kind;                     /* "" for the top of the file */
    char *name;
    struct strings remarks;
    struct setting *settings;
    size_t count;
    struct secret password;
    int memory;                     /* holds the password for recipe_load() */
};

struct recipe {
    struct section *sections;       /* the first is the top */
    size_t count;
    size_t current;
    struct strings remarks;         /* of what comes next */
};

/* Append the text of the configuration, as of path. */
void recipe_add_text(struct buf *out, const struct recipe *recipe,
                     const char *path);

/* Where the section's password will stand; NULL if it has none. The caller
 * frees it. */
char *recipe_password_path(const struct recipe *recipe,
                           const struct section *section, const char *path);

#endif
