/*
 * readdress.h - mail that was accepted before there was a smarthost
 *
 * It has the names that this machine could give it: root@web1 as sender and as
 * recipient, which mean nothing elsewhere. Once a configuration has more, each
 * message is submitted anew, as its sender would do it now, and the one that
 * waits is removed after that: a stop in between leaves both.
 */
#ifndef POSTRIDER_POSTRIDER_READDRESS_H
#define POSTRIDER_POSTRIDER_READDRESS_H

#include <stddef.h>

struct config;

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

#endif
