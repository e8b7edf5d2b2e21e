/*
 * commands.h - the subcommands of postrider(8)
 */
#ifndef POSTRIDER_POSTRIDER_COMMANDS_H
#define POSTRIDER_POSTRIDER_COMMANDS_H

/* Each gets its name as argv[0] and returns the exit status. */
int command_direct(int argc, char **argv);
int command_daemon(int argc, char **argv);
int command_worker(int argc, char **argv);
int command_queue(int argc, char **argv);
int command_status(int argc, char **argv);

/* Print "postrider: text" and return the exit status of the fault. */
struct error;
int command_fail(const struct error *err);

#endif
