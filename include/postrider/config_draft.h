/*
 * config_draft.h - a configuration that is about to be written
 *
 * `postrider setup` makes one of answers, `postrider import` of another
 * program's files. Values are plain text, which config_draft_print() quotes.
 * Passwords are kept apart, are wiped with the draft, and are never printed.
 */
#ifndef POSTRIDER_POSTRIDER_CONFIG_DRAFT_H
#define POSTRIDER_POSTRIDER_CONFIG_DRAFT_H

#include <stdbool.h>
#include <stdio.h>

#include "util/error.h"

struct config;
struct config_draft;        /* fields: src/postrider/config_draft.c */

struct config_draft *config_draft_new(void);
void config_draft_free(struct config_draft *draft);     /* NULL is allowed */

/* The keys that follow belong to this section: kind "smarthost", "sender" or
 * "oauth". One that is there already is continued. Before the first call they
 * belong to the top of the file. */
void config_draft_section(struct config_draft *draft, const char *kind,
                          const char *name);

/* A key of the section; a key set twice keeps the last value. A value of NULL
 * or "" sets nothing. A value with a control character is refused by
 * config_draft_check(). */
void config_draft_set(struct config_draft *draft, const char *key,
                      const char *value);

/* A comment line before the next key or section. */
void config_draft_remark(struct config_draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The password of the smarthost section, or the client's secret of the oauth
 * section: copied. Its path is decided by config_draft_install(). */
void config_draft_password(struct config_draft *draft, const char *password);

/* The text of postrider.conf(5), with the password_file lines of a
 * configuration installed at path. */
void config_draft_print(const struct config_draft *draft, const char *path,
                        FILE *out);

/* Would postrider take it? FAULT_CONFIG with the line, as of path. */
bool config_draft_check(const struct config_draft *draft, const char *path,
                        struct error *err);

/* The configuration as it would be once installed, with the passwords in
 * memory, for user alone: to try it before. It is good as long as the draft,
 * in this process and its children. NULL with FAULT_CONFIG. */
struct config *config_draft_load(struct config_draft *draft, const char *path,
                                 const char *user, struct error *err);

/* Have $POSTRIDER_CONFIG lead to the configuration, for programs that this
 * process and its children start as long as there is the draft: postrider-oauth
 * with the secrets of oauth sections, which are in memory, too. */
bool config_draft_share(struct config_draft *draft, const char *path,
                        const char *user, struct error *err);

/*
 * Write the configuration to path (0644) and each password to a file of its own
 * where secrets.h has it (0400, owned by user if this process is root, else by
 * the caller, as without user, NULL or ""; "password", or "password-NAME" if
 * there are several; "client-secret" in the same way), together, as install.h
 * has it. An existing file is kept as FILE.old if replace, else it is
 * FAULT_CREATE with what to do.
 */
bool config_draft_install(const struct config_draft *draft, const char *path,
                          const char *user, bool replace, struct error *err);

/* After that: print the file and those of its passwords, and have the daemon,
 * if it needs one, read it; or print what is to be done for that. */
void config_draft_report(const char *path);

#endif
