/*
 * process.h - this process, made safe; its account; children that it reads
 */
#ifndef POSTRIDER_UTIL_PROCESS_H
#define POSTRIDER_UTIL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct error;

/*
 * First of all in main(): open descriptors 0 to 2 where they are closed (0 as
 * something that fails on read: a closed standard input is an error, not an
 * empty message), ignore SIGPIPE and SIGXFSZ, set SIGCHLD back to its default,
 * empty the signal mask, set umask 077.
 */
void process_start(void);

/* No core dump and no ptrace: before the first secret is read. */
void process_hide_memory(void);

/* The name that ps(1) and the like show, up to 15 octets. */
void process_be_called(const char *name);

/* In a child: when that parent ends, however that comes, this process gets the
 * signal. */
void process_end_with(pid_t parent, int signal);

/* In a child, which inherits more than it should: close what is open above 2,
 * but for these. False: that cannot be known. */
bool process_close_all_but(const int *fds, size_t count);

/* Absolute path of the running executable, from /proc, as argv[0] may be any
 * link, or no path at all; and of the program of that name in the same folder.
 * NULL if that is unknown. The caller frees it. */
char *process_executable(void);
char *process_beside(const char *name);

/*
 * The passwd entry of a uid. /etc/passwd is read first, name services are
 * asked only for what is not there. NULL members if there is no entry.
 */
struct account {
    char *login;
    char *full_name;        /* GECOS up to the comma, & replaced */
    char *home;
};
void process_account(uid_t uid, struct account *account);
void account_free(struct account *account);

/* Run a program with this one's input and output, and wait for it: its wait(2)
 * status. -1: it could not be started, by errno. */
int process_run(char *const *arguments, char *const *environment);

/* A child whose output is read. */
struct process_child {
    pid_t pid;                  /* 0: this process is the child */
    int output;                 /* its end of the pipe, or the parent's */
    bool has_group;             /* it leads its own process group */
};

/* Where the errors of a program go. */
enum process_errors {
    PROCESS_ERRORS_OURS,        /* where ours go */
    PROCESS_ERRORS_NOWHERE,
    PROCESS_ERRORS_READ         /* into its output */
};

/*
 * Run a program, found as execvp(3) does: its standard input is /dev/null, its
 * output comes to us, signals are as programs expect them, and it leads a group
 * that can be killed as one. Returns 0 or an errno.
 */
int process_spawn(struct process_child *child, char *const *arguments,
                  char *const *environment, enum process_errors errors);

/* fork(2): the child writes to its output, and ends by _exit(2). False with
 * errno. */
bool process_fork(struct process_child *child);

/* Append all that it writes. False with FAULT_TEMPORARY if it writes more than
 * the limit of out, or not all before the deadline. */
bool process_read(const struct process_child *child, struct buf *out,
                  int64_t deadline, struct error *err);

/* Its wait status, -1 if that is not known. A child that has not ended before
 * the deadline is killed; a deadline of 0 has passed. */
int process_end(struct process_child *child, int64_t deadline);

/* Is this a container, as far as its makers mark it? */
bool process_is_in_container(void);

#endif
