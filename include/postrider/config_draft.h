/*
 * config_draft.h - a configuration that is about to be written
 *
 * `postrider setup` makes one of answers, `postrider import` of another
 * program's files. Values are plain text: quoting is recipe_print()'s matter.
 * Passwords are kept apart, are wiped with the recipe, and are never printed.
 */
#ifndef POSTRIDER_POSTRIDER_CONFIG_DRAFT_H
#define POSTRIDER_POSTRIDER_CONFIG_DRAFT_H

#include <stdbool.h>
#include <stdio.h>

#include "util/error.h"

struct config;
struct recipe;              /* fields: recipe_parts.h */

struct recipe *recipe_new(void);
void recipe_free(struct recipe *recipe);                /* NULL is allowed */

/* What follows belongs to this section: kind "smarthost" or "sender". One that
 * is there already is continued. Before the first call it belongs to the top
 * of the file. */
void recipe_section(struct recipe *recipe, const char *kind, const char *name);

/* A key of the section; a key set twice keeps the last value. A value of NULL
 * or "" sets nothing. A value with a control character is refused by
 * recipe_check(). */
void recipe_set(struct recipe *recipe, const char *key, const char *value);

/* A comment line in front of the next key or section. */
void recipe_remark(struct recipe *recipe, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The password of the smarthost section: copied. Where it will stand is
 * decided by recipe_install(). */
void recipe_password(struct recipe *recipe, const char *password);

/* The text of postrider.conf(5), with the password_file lines of a
 * configuration installed at path. */
void recipe_print(const struct recipe *recipe, const char *path, FILE *out);

/* Would postrider take it? FAULT_CONFIG with the line, as of path. */
bool recipe_check(const struct recipe *recipe, const char *path,
                  struct error *err);

/* The configuration as it would be once installed, with the passwords in
 * memory, for user alone: to try it before. It is good as long as the recipe,
 * in this process and its children. NULL with FAULT_CONFIG. */
struct config *recipe_load(struct recipe *recipe, const char *path,
                           const char *user, struct error *err);

/*
 * Write the configuration to path (0644) and each password to a file of its
 * own where secrets.h has it (0400, owned by user if this process is root, else
 * by the caller, as without user, NULL or ""; "password", or "password-NAME" if
 * there are several), together, as install.h has it. An existing file is kept
 * as FILE.old if replace, else it is FAULT_CREATE with what to do.
 */
bool recipe_install(const struct recipe *recipe, const char *path,
                    const char *user, bool replace, struct error *err);

#endif
