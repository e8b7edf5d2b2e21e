/*
 * error.h - what went wrong, in one line, and what the process exits with
 *
 * A function that can fail returns bool and takes a struct error last. The
 * line that fails sets it; callers pass it on, perhaps with a prefix; the top
 * level prints it or logs it. The texts name the thing, the place and the
 * remedy, and never hold a secret.
 */
#ifndef POSTRIDER_UTIL_ERROR_H
#define POSTRIDER_UTIL_ERROR_H

#include <stdbool.h>

/* Why something failed. The exit status of each is in src/util/error.c. */
enum fault {
    FAULT_NONE,
    FAULT_USAGE,            /* the command line is wrong */
    FAULT_DATA,             /* the message or an address is wrong */
    FAULT_SIZE,             /* the message is too large */
    FAULT_INPUT,            /* standard input cannot be read at all */
    FAULT_RECIPIENT,        /* the smarthost does not know the recipient */
    FAULT_HOST,             /* the recipient's domain does not exist */
    FAULT_UNAVAILABLE,      /* refused for good, for another reason */
    FAULT_SOFTWARE,         /* our mistake */
    FAULT_SYSTEM,           /* the system lacks what must be there */
    FAULT_CREATE,           /* a file the user asked for cannot be made */
    FAULT_IO,               /* no space, read or write error: try later */
    FAULT_TEMPORARY,        /* try later */
    FAULT_PROTOCOL,         /* the peer broke the protocol */
    FAULT_PERMISSION,       /* not allowed; credentials refused */
    FAULT_CONFIG,           /* the configuration is wrong */
    FAULT_NEWER,            /* a file written by a newer version than this
                             * program: it stays as it is */
    FAULT_LAST = FAULT_NEWER
};

/* How far the way to a server went before it failed. Of several failures the
 * one that went furthest is reported. */
enum reach {
    REACH_NONE,             /* not a matter of a connection */
    REACH_UNREACHABLE,      /* there is no route */
    REACH_TIMED_OUT,        /* no answer to the attempt to connect */
    REACH_REFUSED,          /* the attempt was answered */
    REACH_CONNECTED,        /* the connection was there */
    REACH_TLS,              /* ... and its TLS failed */
    REACH_REPLY             /* ... and the server gave the reason */
};

struct error {
    enum fault fault;
    enum reach reach;       /* set after the text; error_set() resets it */
    char text[1024];        /* one line, valid UTF-8, no control character */
};

/*
 * Set fault and text. What is longer than the text is cut; control characters
 * and bytes that are not UTF-8 are shown as \xNN, so arguments may be hostile.
 * Always returns false, so that the line that fails can return it.
 */
bool error_set(struct error *err, enum fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno appended. If descriptors or memory
 * are short, FAULT_CONFIG becomes FAULT_TEMPORARY: that passes by itself. */
bool error_sys(struct error *err, enum fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " in front of a text that is set. Returns false. */
bool error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Append to the text, without ": ". What is too long is cut. Returns false. */
bool error_append(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The <sysexits.h> status of a fault; 0 for FAULT_NONE. */
int error_exit_status(enum fault fault);

#endif
