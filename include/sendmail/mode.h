/*
 * mode.h - what sendmail is to do: by its name, and by -b and -q
 */
#ifndef POSTRIDER_SENDMAIL_MODE_H
#define POSTRIDER_SENDMAIL_MODE_H

#include <stdbool.h>

enum mode {
    MODE_DELIVER,           /* -bm, the default; -ba */
    MODE_SMTP,              /* -bs */
    MODE_VERIFY,            /* -bv */
    MODE_ALIASES,           /* -bi, newaliases */
    MODE_QUEUE_LIST,        /* -bp, mailq */
    MODE_QUEUE_COUNT,       /* -bP */
    MODE_QUEUE_RUN,         /* -q */
    MODE_DAEMON,            /* -bd, -bD, smtpd */
    MODE_CHECK,             /* -bC */
    MODE_HOST_STATUS,       /* -bh, -bH, hoststat, purgestat */
    MODE_UNKNOWN,           /* -bt, -bl, -bz: what Sendmail alone can do */
    MODE_VERSION,           /* --version, and -d0.1 without a task */
    MODE_HELP               /* --help */
};

/* The mode of a letter after -b. False if there is none. */
bool mode_of_letter(const char *letter, enum mode *mode);

/*
 * The mode that goes with a program's name: newaliases, mailq, ...; with a path
 * before it, or a '-' as login shells have it. MODE_DELIVER otherwise.
 */
enum mode mode_of_name(const char *name);

#endif
