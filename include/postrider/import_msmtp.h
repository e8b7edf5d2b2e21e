/*
 * import_msmtp.h - the commands of an msmtp account, translated
 */
#ifndef POSTRIDER_POSTRIDER_IMPORT_MSMTP_H
#define POSTRIDER_POSTRIDER_IMPORT_MSMTP_H

#include <stdbool.h>

struct import;
struct import_identity;
struct import_settings;

void import_msmtp_keep(struct import *import, struct import_settings *settings,
                       const char *key, const char *argument);

/* The account as an identity, which the caller frees. The usual account's
 * sender becomes that of all users. */
void import_msmtp_identity(struct import *import, const char *name,
                           const struct import_settings *settings,
                           bool is_usual, struct import_identity *identity);

/* A switch without an argument is on. */
bool import_msmtp_is_on(const struct import_settings *settings,
                        const char *key, bool usual);

/* ~ is the home of the user that imports. The caller frees it. NULL gives
 * NULL. */
char *import_msmtp_path(const char *path);

/* What the usual account sets at the top of the file. */
void import_msmtp_top(struct import *import,
                      const struct import_settings *settings);

#endif
