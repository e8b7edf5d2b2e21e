/*
 * commands.h - the subcommands of postrider(8)
 */
#ifndef POSTRIDER_POSTRIDER_COMMANDS_H
#define POSTRIDER_POSTRIDER_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Each gets its name as argv[0] and returns the exit status. */
int command_direct(int argc, char **argv);
int command_daemon(int argc, char **argv);
int command_check(int argc, char **argv);
int command_queue(int argc, char **argv);
int command_status(int argc, char **argv);
int command_setup(int argc, char **argv);
int command_test(int argc, char **argv);
int command_import(int argc, char **argv);
int command_copy(int argc, char **argv);

/* Root becomes the user that owns the spool; others stay who they are. The
 * directory of the control socket is made for that user. */
struct config;
bool become_daemon_user(const struct config *config, struct error *err);

/* The name that the word is a slip of the fingers away from, or NULL. It is the
 * first member of each of count rows, of size octets. */
const char *command_nearest(const char *word, const void *rows, size_t count,
                            size_t size);

/* Print "postrider: text" and return the exit status of the fault. */
int command_fail(const struct error *err);

#endif
