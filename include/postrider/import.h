/*
 * import.h - another program's configuration, made into a draft
 *
 * Each format is a file of src/postrider, import_NAME.c, with a row in
 * import.c. It reads lines, collects their settings in accounts, and writes
 * those as smarthost and sender sections. A setting without a counterpart is
 * reported on standard error, with its line: none is dropped in silence.
 */
#ifndef POSTRIDER_POSTRIDER_IMPORT_H
#define POSTRIDER_POSTRIDER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config_keys.h"
#include "util/error.h"
#include "util/strings.h"

struct config_draft;

/* One run, and the place that is being read: notes name it. */
struct import {
    struct config_draft *draft;
    const char *file;
    unsigned line;                  /* 0: no line in particular */
    const char *key;                /* NULL: none in particular */
    struct strings obstacles;       /* places of what keeps mail from leaving as
                                     * before; owned */
    bool is_own;                    /* a user's configuration, without daemon */
};

/* `FILE:LINE: KEY: text` on standard error. */
void import_note(const struct import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, and it matters: the import ends with another exit status, and
 * nothing is installed. */
void import_obstacle(struct import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Take one line, without its end; it may be changed. All is UTF-8 or not as
 * the file has it, without control characters but tabs.
 */
typedef bool import_line(struct import *import, void *into, char *line,
                         struct error *err);

/* Read a file of at most 1 MB; a missing last line end and CRLF are fine. The
 * file is left as import->file, its memory is wiped. FAULT_CONFIG. */
bool import_lines(struct import *import, const char *path, import_line *take,
                  void *into, struct error *err);

/* The first line of a file without blanks around it, or NULL. Caller frees. */
char *import_first_line(const char *path);

/* Without blanks at both ends; the text is changed. */
char *import_trim(char *text);

/* The keys of a smarthost section; the names are in import_account.c. */
enum import_value {
    IMPORT_HOST, IMPORT_PORT, IMPORT_TLS, IMPORT_CA_FILE, IMPORT_FINGERPRINT,
    IMPORT_CERT_FILE, IMPORT_KEY_FILE, IMPORT_AUTH, IMPORT_USER,
    IMPORT_PASSWORD, IMPORT_PASSWORD_COMMAND, IMPORT_PASSWORD_IN_CLEAR,
    IMPORT_SOURCE_ADDRESS, IMPORT_TIMEOUT, IMPORT_VALUES,
    IMPORT_OTHER,                   /* the format's own code looks at it */
    IMPORT_REFUSED,                 /* an obstacle, unless empty, for why */
    IMPORT_NOTHING,                 /* no counterpart, or see why */
    IMPORT_IF_OFF, IMPORT_IF_ON     /* the same, if it is "off", or on */
};

/* A setting that the other program knows. The last of a list has no name. */
struct import_key {
    const char *name;
    enum import_value becomes;
    const char *why;
};

struct import_setting {
    char *key;
    char *value;
    unsigned line;
};

/* The settings of a file or of an account in it; { 0 } is empty. */
struct import_settings {
    struct import_setting *items;
    size_t count;
};

/* Keep a setting if one of the keys (in any case) has it, else note why not.
 * One that is set twice keeps the last value. */
void import_keep(struct import *import, const struct import_key *keys,
                 struct import_settings *settings, const char *key,
                 const char *value);
/* Add all of from, which override those of the same keys. */
void import_settings_copy(struct import_settings *to,
                          const struct import_settings *from);
void import_settings_free(struct import_settings *settings);

/* NULL if it is not set. */
const struct import_setting *import_find(const struct import_settings *all,
                                         const char *key);
const char *import_text(const struct import_settings *all, const char *key);

/* Notes are about this setting from now on; NULL: about the file. */
void import_at(struct import *import, const struct import_setting *setting);

/* A server and how it was talked to, as the other program did it. */
struct import_account {
    char *name;                     /* of the section to be */
    char *values[IMPORT_VALUES];    /* as in postrider.conf(5); NULL: not set */
    unsigned lines[IMPORT_VALUES];  /* where they were found */
    bool was_optional;              /* TLS only if the server offered it */
    bool was_unchecked;             /* any certificate did */
};

/* Set a value; NULL or "" takes it away. It is copied. */
void import_value(struct import *import, struct import_account *account,
                  enum import_value which, const char *value);
/* Set those that become values of the account, as keys has it, and note those
 * that it refuses. */
void import_fill(struct import *import, struct import_account *account,
                 const struct import_key *keys,
                 const struct import_settings *settings);
void import_account_copy(struct import_account *to,
                         const struct import_account *from);
void import_account_free(struct import_account *account);

/* Would both be the same section, but for its name? */
bool import_account_equal(const struct import_account *a,
                          const struct import_account *b);

/* A key at the top of the file, or of the sender section that is open. A value
 * that Postrider would refuse is left out, with a note. */
void import_set(struct import *import, enum config_section section,
                const char *key, const char *value);

/* The alias that gets what no other one does, in that aliases file, becomes
 * local_recipient. */
void import_other_names(struct import *import, const char *path,
                        const char *alias);

/* Write the smarthost section, and note what differs from before. */
void import_smarthost(struct import *import,
                      const struct import_account *account);

/* Write a sender section. Values that are NULL or "" are left out. A match that
 * the configuration refuses is an obstacle. */
void import_sender(struct import *import, const char *match,
                   const char *address, const char *name,
                   const char *smarthost);

/* A server that is chosen by the sender of a message. */
struct import_identity {
    struct import_account account;
    char *from;                     /* an address, "@domain", or NULL */
    unsigned line;                  /* where it was found */
    char *full_name;                /* or NULL */
};

/* Write the smarthost sections and the sender sections that choose as the
 * other program did: the usual identity unless another has the address. */
void import_identities(struct import *import,
                       const struct import_identity *identities, size_t count,
                       size_t usual);
void import_identities_free(struct import_identity *identities, size_t count);

/* Programs that made their caller wait: a user's own configuration has them
 * wait still, the system's, in /etc, queues. */
void import_delivery(struct import *import);

/* The formats: read path, write the draft. FAULT_CONFIG if there is nothing
 * that could be translated. */
typedef bool import_format(struct import *import, const char *path,
                           struct error *err);
import_format import_ssmtp, import_msmtp, import_dma, import_nullmailer,
              import_esmtp;

#endif
