#include "util/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/unistd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/text.h"

/* The tables were made for these, all little-endian: the low half of an
 * argument comes first, and mmap takes its arguments in registers. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#if defined __x86_64__ && !defined __ILP32__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __i386__
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined __aarch64__ && !defined __ILP32__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __arm__ && defined __ARM_EABI__
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined __powerpc64__
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#endif
#endif

#ifdef ARCHITECTURE

/* The last call that was looked at: set_mempolicy_home_node of Linux 6.1. The
 * numbers of later calls are greater, and the same on all of the above. */
#define LAST_NUMBER 450

#ifndef SECCOMP_RET_KILL_PROCESS        /* before Linux 4.14 */
#define SECCOMP_RET_KILL_PROCESS SECCOMP_RET_KILL
#endif

/* The first rule that fits decides; without one the process ends. */
enum verdict {
    ALLOW,
    ALLOW_IF,               /* the argument has this value */
    ALLOW_WITHOUT,          /* the argument has none of these bits */
    ALLOW_SELF,             /* the argument is this process's id */
    REFUSE                  /* fails, with this value as errno */
};

struct rule {
    int number;
    enum verdict verdict;
    uint32_t value;
    unsigned argument;      /* counted from 0; its low 32 bits count */
};

static const struct rule everybody[] = {
    /* Memory, never with code that was made at run time. */
    { __NR_brk, ALLOW, 0, 0 },
#ifdef __NR_mmap2
    { __NR_mmap2, ALLOW_WITHOUT, PROT_EXEC, 2 },
#else
    { __NR_mmap, ALLOW_WITHOUT, PROT_EXEC, 2 },
#endif
    { __NR_mprotect, ALLOW_WITHOUT, PROT_EXEC, 2 },
    { __NR_munmap, ALLOW, 0, 0 },
    { __NR_mremap, ALLOW, 0, 0 },
    { __NR_madvise, ALLOW, 0, 0 },
    { __NR_futex, ALLOW, 0, 0 },

    /* The process itself: signal handlers, abort(), its end. */
    { __NR_rt_sigaction, ALLOW, 0, 0 },
    { __NR_rt_sigprocmask, ALLOW, 0, 0 },
    { __NR_rt_sigreturn, ALLOW, 0, 0 },
    { __NR_restart_syscall, ALLOW, 0, 0 },
    { __NR_getpid, ALLOW, 0, 0 },
    { __NR_getppid, ALLOW, 0, 0 },
    { __NR_gettid, ALLOW, 0, 0 },
    { __NR_getuid, ALLOW, 0, 0 },
    { __NR_geteuid, ALLOW, 0, 0 },
    { __NR_getgid, ALLOW, 0, 0 },
    { __NR_getegid, ALLOW, 0, 0 },
    { __NR_tgkill, ALLOW_SELF, 0, 0 },
    { __NR_tkill, ALLOW_SELF, 0, 0 },           /* musl's */
    { __NR_exit, ALLOW, 0, 0 },
    { __NR_exit_group, ALLOW, 0, 0 },

    /* What libraries ask about the machine: qsort() its memory, getrandom()
     * its processors. */
    { __NR_sysinfo, ALLOW, 0, 0 },
    { __NR_sched_getaffinity, ALLOW, 0, 0 },
    { __NR_getrandom, ALLOW, 0, 0 },

    /* Time, where it is no matter of the vDSO. */
    { __NR_clock_gettime, ALLOW, 0, 0 },
    { __NR_clock_getres, ALLOW, 0, 0 },
    { __NR_gettimeofday, ALLOW, 0, 0 },
    { __NR_clock_nanosleep, ALLOW, 0, 0 },
    { __NR_nanosleep, ALLOW, 0, 0 },

    /* Descriptors that are open. */
    { __NR_read, ALLOW, 0, 0 },
    { __NR_readv, ALLOW, 0, 0 },
    { __NR_pread64, ALLOW, 0, 0 },
    { __NR_write, ALLOW, 0, 0 },
    { __NR_writev, ALLOW, 0, 0 },
    { __NR_pwrite64, ALLOW, 0, 0 },
    { __NR_lseek, ALLOW, 0, 0 },
    { __NR_close, ALLOW, 0, 0 },
    { __NR_ppoll, ALLOW, 0, 0 },

    /* Sockets that are open, and descriptors that come through them. */
    { __NR_sendto, ALLOW, 0, 0 },
    { __NR_sendmsg, ALLOW, 0, 0 },
    { __NR_recvfrom, ALLOW, 0, 0 },
    { __NR_recvmsg, ALLOW, 0, 0 },
    { __NR_shutdown, ALLOW, 0, 0 },
    { __NR_getsockopt, ALLOW, 0, 0 },
    { __NR_setsockopt, ALLOW, 0, 0 },
    { __NR_getsockname, ALLOW, 0, 0 },
    { __NR_getpeername, ALLOW, 0, 0 },

    /* fstat() is one of these, with an empty path. */
    { __NR_fstat, ALLOW, 0, 0 },
    { __NR_statx, ALLOW, 0, 0 },

    /* stdio asks whether it writes to a terminal, malloc names its memory,
     * sysconf() asks for limits: they do without an answer. */
    { __NR_ioctl, REFUSE, ENOTTY, 0 },
    { __NR_prctl, REFUSE, EINVAL, 0 },
    { __NR_prlimit64, REFUSE, EPERM, 0 },

    /* 64-bit architectures. */
#ifdef __NR_newfstatat
    { __NR_newfstatat, ALLOW, 0, 0 },
#endif
#ifdef __NR_fcntl
    { __NR_fcntl, ALLOW, 0, 0 },
#endif
    /* Those that are older than arm64. */
#ifdef __NR_poll
    { __NR_poll, ALLOW, 0, 0 },
#endif
#ifdef __NR_time
    { __NR_time, ALLOW, 0, 0 },
#endif
#ifdef __NR_send
    { __NR_send, ALLOW, 0, 0 },
    { __NR_recv, ALLOW, 0, 0 },
#endif
    /* 32-bit architectures: wide offsets, ids and times. */
#ifdef __NR_fcntl64
    { __NR_fcntl64, ALLOW, 0, 0 },
    { __NR__llseek, ALLOW, 0, 0 },
    { __NR_fstat64, ALLOW, 0, 0 },
    { __NR_fstatat64, ALLOW, 0, 0 },
    { __NR_sigreturn, ALLOW, 0, 0 },
    { __NR_getuid32, ALLOW, 0, 0 },
    { __NR_geteuid32, ALLOW, 0, 0 },
    { __NR_getgid32, ALLOW, 0, 0 },
    { __NR_getegid32, ALLOW, 0, 0 },
#endif
#ifdef __NR_clock_gettime64
    { __NR_clock_gettime64, ALLOW, 0, 0 },
    { __NR_clock_getres_time64, ALLOW, 0, 0 },
    { __NR_clock_nanosleep_time64, ALLOW, 0, 0 },
    { __NR_futex_time64, ALLOW, 0, 0 },
    { __NR_ppoll_time64, ALLOW, 0, 0 },
#endif
};

static const struct rule manager[] = {
    /* The spool, the metrics file. */
    { __NR_openat, ALLOW, 0, 0 },
    { __NR_openat2, ALLOW, 0, 0 },
    { __NR_getdents64, ALLOW, 0, 0 },
    { __NR_unlinkat, ALLOW, 0, 0 },
    { __NR_linkat, ALLOW, 0, 0 },
    { __NR_renameat2, ALLOW, 0, 0 },
    { __NR_mkdirat, ALLOW, 0, 0 },
    { __NR_readlinkat, ALLOW, 0, 0 },
    { __NR_faccessat, ALLOW, 0, 0 },
    { __NR_fsync, ALLOW, 0, 0 },
    { __NR_fdatasync, ALLOW, 0, 0 },
    { __NR_ftruncate, ALLOW, 0, 0 },
    { __NR_fchmod, ALLOW, 0, 0 },
    { __NR_flock, ALLOW, 0, 0 },
    { __NR_umask, ALLOW, 0, 0 },
    { __NR_memfd_create, ALLOW, 0, 0 },

    /* The poll loop. */
    { __NR_inotify_init1, ALLOW, 0, 0 },
    { __NR_inotify_add_watch, ALLOW, 0, 0 },
    { __NR_inotify_rm_watch, ALLOW, 0, 0 },
    { __NR_signalfd4, ALLOW, 0, 0 },

    /* The control socket and the listeners, the log, sd_notify(3): nothing
     * that leads out of the machine. */
    { __NR_accept4, ALLOW, 0, 0 },
    { __NR_socket, ALLOW_IF, AF_UNIX, 0 },
    { __NR_socketpair, ALLOW_IF, AF_UNIX, 0 },
    { __NR_connect, ALLOW, 0, 0 },
#ifdef __NR_socketcall
    /* i386 as its C library does it; the family is out of sight here. */
    { __NR_socketcall, ALLOW, 0, 0 },
#endif

    /* Workers. */
    { __NR_kill, ALLOW, 0, 0 },
    { __NR_wait4, ALLOW, 0, 0 },
    { __NR_waitid, ALLOW, 0, 0 },

    { __NR_faccessat2, ALLOW, 0, 0 },
#ifdef __NR_renameat
    { __NR_renameat, ALLOW, 0, 0 },
#endif
#ifdef __NR_open
    { __NR_open, ALLOW, 0, 0 },
    { __NR_stat, ALLOW, 0, 0 },
    { __NR_lstat, ALLOW, 0, 0 },
    { __NR_access, ALLOW, 0, 0 },
    { __NR_unlink, ALLOW, 0, 0 },
    { __NR_rmdir, ALLOW, 0, 0 },
    { __NR_link, ALLOW, 0, 0 },
    { __NR_rename, ALLOW, 0, 0 },
    { __NR_mkdir, ALLOW, 0, 0 },
    { __NR_readlink, ALLOW, 0, 0 },
#endif
#ifdef __NR_fcntl64
    { __NR_stat64, ALLOW, 0, 0 },
    { __NR_lstat64, ALLOW, 0, 0 },
    { __NR_ftruncate64, ALLOW, 0, 0 },
#endif
};

static const struct rule worker[] = {
    /*
     * No files and no other peers. A C library may try of its own accord: the
     * log's socket after syslogd started anew, the time zone, a module. It
     * gets an error, since a worker that died between the final dot and its
     * reply would leave a duplicate.
     */
    { __NR_openat, REFUSE, EACCES, 0 },
    { __NR_faccessat, REFUSE, EACCES, 0 },
    { __NR_readlinkat, REFUSE, EACCES, 0 },
    { __NR_socket, REFUSE, EACCES, 0 },
    { __NR_connect, REFUSE, EACCES, 0 },
#ifdef __NR_open
    { __NR_open, REFUSE, EACCES, 0 },
    { __NR_access, REFUSE, EACCES, 0 },
    { __NR_readlink, REFUSE, EACCES, 0 },
    { __NR_stat, REFUSE, EACCES, 0 },
#endif
#ifdef __NR_socketcall
    { __NR_socketcall, ALLOW_IF, 6, 0 },        /* getsockname */
    { __NR_socketcall, ALLOW_IF, 7, 0 },        /* getpeername */
    { __NR_socketcall, ALLOW_IF, 9, 0 },        /* send */
    { __NR_socketcall, ALLOW_IF, 10, 0 },       /* recv */
    { __NR_socketcall, ALLOW_IF, 11, 0 },       /* sendto */
    { __NR_socketcall, ALLOW_IF, 12, 0 },       /* recvfrom */
    { __NR_socketcall, ALLOW_IF, 13, 0 },       /* shutdown */
    { __NR_socketcall, ALLOW_IF, 14, 0 },       /* setsockopt */
    { __NR_socketcall, ALLOW_IF, 15, 0 },       /* getsockopt */
    { __NR_socketcall, ALLOW_IF, 16, 0 },       /* sendmsg */
    { __NR_socketcall, ALLOW_IF, 17, 0 },       /* recvmsg */
    { __NR_socketcall, REFUSE, EACCES, 0 },
#endif
};

/* The program for the kernel, in its classic BPF. */
struct program {
    struct sock_filter *items;
    unsigned short count;
};

static void put(struct program *program, struct sock_filter instruction)
{
    program->items = alloc_resize(program->items, program->count + 1u,
                                  sizeof instruction);
    program->items[program->count++] = instruction;
}

static void put_load(struct program *program, size_t offset)
{
    put(program, (struct sock_filter)
                 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Go on with the next instruction if the comparison holds, else skip some. */
static void put_if(struct program *program, int comparison, uint32_t value,
                   uint8_t skip)
{
    put(program, (struct sock_filter)
                 BPF_JUMP((unsigned short)(BPF_JMP | comparison | BPF_K),
                          value, 0, skip));
}

static void put_return(struct program *program, uint32_t action)
{
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Allow if the argument fits; else go on with the number in the register. */
static void put_condition(struct program *program, const struct rule *rule)
{
    enum { BEHIND = 4 };        /* instructions from the number to the next */

    put_if(program, BPF_JEQ, (uint32_t)rule->number, BEHIND);
    put_load(program, offsetof(struct seccomp_data, args) +
                      rule->argument * sizeof(uint64_t));
    if (rule->verdict == ALLOW_WITHOUT)
        put(program, (struct sock_filter)
                     BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, rule->value, 1, 0));
    else
        put_if(program, BPF_JEQ, rule->verdict == ALLOW_SELF
                                 ? (uint32_t)getpid() : rule->value, 1);
    put_return(program, SECCOMP_RET_ALLOW);
    put_load(program, offsetof(struct seccomp_data, nr));
}

static void put_rule(struct program *program, const struct rule *rule)
{
    switch (rule->verdict) {
    case ALLOW:
        put_if(program, BPF_JEQ, (uint32_t)rule->number, 1);
        put_return(program, SECCOMP_RET_ALLOW);
        break;
    case REFUSE:
        put_if(program, BPF_JEQ, (uint32_t)rule->number, 1);
        put_return(program, SECCOMP_RET_ERRNO | rule->value);
        break;
    case ALLOW_IF:
    case ALLOW_WITHOUT:
    case ALLOW_SELF:
        put_condition(program, rule);
        break;
    }
}

static void put_rules(struct program *program, const struct rule *rules,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_rule(program, &rules[i]);
}

static struct program compile(enum seccomp_profile profile)
{
    struct program program = { NULL, 0 };

    /* Numbers mean something else to another architecture's entry. */
    put_load(&program, offsetof(struct seccomp_data, arch));
    put(&program, (struct sock_filter)
                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    put_return(&program, SECCOMP_RET_KILL_PROCESS);

    put_load(&program, offsetof(struct seccomp_data, nr));
    put_rules(&program, everybody, COUNT(everybody));
    if (profile == SECCOMP_MANAGER)
        put_rules(&program, manager, COUNT(manager));
    else
        put_rules(&program, worker, COUNT(worker));
    put_if(&program, BPF_JGT, LAST_NUMBER, 1);
    put_return(&program, SECCOMP_RET_ERRNO | ENOSYS);
    put_return(&program, SECCOMP_RET_KILL_PROCESS);
    return program;
}

bool seccomp_enforce_always(enum seccomp_profile profile, struct error *err)
{
    struct program program = compile(profile);
    const struct sock_fprog filter = { program.count, program.items };
    bool done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;

    if (!done)
        error_sys(err, FAULT_SYSTEM, "seccomp: restrict the process");
    free(program.items);
    return done;
}

#else

bool seccomp_enforce_always(enum seccomp_profile profile, struct error *err)
{
    (void)profile;
    return error_set(err, FAULT_SYSTEM, "seccomp: no table for this "
                     "architecture");
}

#endif

#ifndef __has_feature           /* clang's */
#define __has_feature(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
bool seccomp_enforce(enum seccomp_profile profile, struct error *err)
{
    (void)profile;
    return error_set(err, FAULT_SYSTEM, "seccomp: not with sanitizers, which "
                     "make system calls of their own");
}
#else
bool seccomp_enforce(enum seccomp_profile profile, struct error *err)
{
    return seccomp_enforce_always(profile, err);
}
#endif
