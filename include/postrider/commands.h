/*
 * commands.h - the subcommands of postrider(8)
 */
#ifndef POSTRIDER_POSTRIDER_COMMANDS_H
#define POSTRIDER_POSTRIDER_COMMANDS_H

/* Each gets its name as argv[0] and returns the exit status. */
int command_direct(int argc, char **argv);

#endif
