/*
 * aliases.h - local names and where their mail goes: aliases(5)
 *
 * Lines `name: address, address`, continued by leading white space, comments
 * with #, quoted names, `:include:/absolute/file` for lists of addresses.
 * Programs and files as destinations are refused, each by itself, since
 * Postrider delivers nothing locally; /dev/null takes what is to be discarded.
 * Names are alike in any case.
 */
#ifndef POSTRIDER_MAIL_ALIASES_H
#define POSTRIDER_MAIL_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* Where what is wrong with an alias has no remedy of its own. */
#define ALIASES_REMEDY "correct that, then run newaliases"

struct aliases;             /* fields: aliases_table.h */
struct recipients;
struct strings;

/*
 * Read an aliases file. One that does not exist is an empty one; lines that
 * are not an alias are left out. FAULT_CONFIG for anything but a text file,
 * FAULT_TEMPORARY when it exists and cannot be read.
 */
struct aliases *aliases_load(const char *path, struct error *err);
void aliases_free(struct aliases *aliases);             /* NULL is allowed */

/* Is the file as it was when it was read? Those that it includes are read at
 * each use, unless they are kept. */
bool aliases_is_current(const struct aliases *aliases);

/*
 * The destinations of a local name, expanded until none is an alias, in found,
 * which is empty before: addresses or bare names without alias. A destination
 * that cannot be served (a program, a file, an :include: that cannot be read, a
 * text that is not an address) is among its flaws, and so is the name itself if
 * no address comes of it. False if the name is not an alias. A name among its
 * own addresses is an address itself, as in `root: root, ops@x`. An alias that
 * several ways lead to is expanded once; an address may be found several times.
 */
struct local_names {
    const char *host;       /* name@host, name@first-label, name@localhost */
    const char *kernel_name;    /* name@first-label of this, too; or NULL */
    bool host_has_mailboxes;    /* elsewhere: it is the domain of mail, too */
};
bool aliases_expand(const struct aliases *aliases, const char *name,
                    const struct local_names *local,
                    struct recipients *found);

/*
 * The local name of an address, without quotes and in lower
 * case: a bare name, name@localhost (.localdomain, too), name@host, name@ its
 * first label. NULL if it belongs elsewhere. The caller frees it.
 */
char *local_name_of(const char *address, const struct local_names *local);

/* The same for an address whose name is known to have no alias: where the host
 * has mailboxes elsewhere, name@host is one of them. */
char *local_name_without_alias(const char *address,
                               const struct local_names *local);

/* From now on, files that are included are read once; those that the aliases
 * name are read now, and what is wrong with one is found when it is used. */
void aliases_keep_files(struct aliases *aliases,
                        const struct local_names *local);

/*
 * Call problem for all that is wrong in the file, once each, with its place:
 * what no mail can go to, lines and names that cannot be used, names given
 * twice. All are FAULT_CONFIG.
 */
typedef void aliases_problem(void *context, const struct error *problem);
void aliases_check(const struct aliases *aliases,
                   const struct local_names *local, aliases_problem *problem,
                   void *context);

/* Line i, counted from 0, of those that were found to be wrong when the file
 * was read: true with FAULT_CONFIG in problem; false if there are fewer. */
bool aliases_is_junk(const struct aliases *aliases, size_t i,
                     struct error *problem);

size_t aliases_count(const struct aliases *aliases);

#endif
