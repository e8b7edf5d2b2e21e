/*
 * error.h - what went wrong, in one line, and what the process exits with
 *
 * A function that can fail returns bool and takes a struct error last. The
 * line that fails sets it, with all that is known there; callers pass it on,
 * perhaps with a prefix; the top level prints its text or logs it. Programs
 * decide by the other members: the text is for people, and never holds a
 * secret.
 *
 *     return error_set(err, FAULT_CONFIG, "%s: others can read it", path) ||
 *            error_remedy(err, "chmod o= %s", path);
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
    FAULT_TLS,              /* there is no TLS that can be trusted: try later */
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
    REACH_CERTIFICATE,      /* ... as the server's certificate is not trusted */
    REACH_REPLY             /* ... and the server gave the reason */
};

struct error {
    enum fault fault;
    enum reach reach;       /* set by assignment, as far as it is known */
    int number;             /* errno of the system call that failed; or 0 */
    struct {
        int code;           /* of the SMTP reply that is the cause; 0: none
                             * is */
        char status[16];    /* its enhanced status code; or "" */
    } reply;
    char file[512];         /* the place: name; "" for no file */
    unsigned line;          /* ... and line, from 1 on */
    char what[1024];        /* the thing, and what is wrong with it */
    char remedy[512];       /* what can be done; "" if that is not known */
    char text[1024];        /* all of it: "FILE:LINE: what; remedy" */
};

/*
 * Set fault and what is wrong, and forget all else. Each of the texts is one
 * line of valid UTF-8: control characters and bytes that are not UTF-8 are
 * shown as \xNN, so arguments may be hostile. A longer text is cut, in the
 * whole text at the end of what is wrong, so that the remedy stays.
 *
 * These functions return false, so that the line that fails can return it.
 */
bool error_set(struct error *err, enum fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno appended. If descriptors or memory
 * are short, FAULT_CONFIG becomes FAULT_TEMPORARY: that passes by itself. */
bool error_sys(struct error *err, enum fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Add to an error that is set: what can be done about it. */
bool error_remedy(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ... the line of a file. */
bool error_at(struct error *err, const char *file, unsigned line);

/* ... the reply that is the cause; status is "" if it has none. */
bool error_reply(struct error *err, int code, const char *status);

/* Put "prefix: " before what is wrong. */
bool error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Append to what is wrong, without ": ". */
bool error_append(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The fault that a refusal for good with this enhanced status code (RFC 3463)
 * is; "" if there is none. */
enum fault error_refusal_fault(const char *status);

/* The <sysexits.h> status of a fault; 0 for FAULT_NONE. */
int error_exit_status(enum fault fault);

#endif
