/*
 * readdress.h - mail that was accepted before there was a smarthost
 *
 * It has the names that this machine could give it: root@web1 as sender and as
 * recipient, which mean nothing elsewhere. Once a configuration has more, each
 * message is submitted again, as its sender would do it now, and the one that
 * waits is removed after that: a stop in between leaves both.
 */
#ifndef POSTRIDER_POSTRIDER_READDRESS_H
#define POSTRIDER_POSTRIDER_READDRESS_H

#include <stddef.h>

struct buf;
struct config;
struct envelope;
struct strings;

struct readdressed {
    size_t done;
    size_t left;            /* that stay as they are */
};

/*
 * Do that with all that waits, is not held and was not tried yet, by the file
 * that config is from. Only root can; the daemon has to run, and must not have
 * read that file yet.
 */
struct readdressed readdress_all(const struct config *config);

/*
 * The parts. host is what completed local names; NULL if this machine has no
 * such name.
 *
 * The command line that the sender of that envelope would use, to arguments.
 */
void readdress_arguments(const struct envelope *env, const char *host,
                         struct strings *arguments);

/* The header section of a message, as far as it is in text, to out, with the
 * host taken off its authors. Returns its length in text. */
size_t readdress_header(struct buf *out, const struct buf *text,
                        const char *host);

#endif
