/*
 * resubmit.h - a message that waits elsewhere, submitted as its sender would
 */
#ifndef POSTRIDER_POSTRIDER_RESUBMIT_H
#define POSTRIDER_POSTRIDER_RESUBMIT_H

#include <stdbool.h>
#include <sys/types.h>

struct strings;

/*
 * Run sendmail as that user, with these arguments (its name is the first one),
 * and what is left of content as standard input. config_path is that of the
 * configuration; "": the usual one. Only root can do that. False: it did not
 * accept the message, and has printed the reason on standard error, unless the
 * user does not exist.
 */
bool resubmit(uid_t uid, const char *config_path,
              const struct strings *arguments, int content);

#endif
