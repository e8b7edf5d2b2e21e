#include "util/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/unistd.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/sanitizer.h"
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

/* Of clone(2): new ones of mounts, names, users, processes, networks... */
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
                    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#ifndef SECCOMP_RET_KILL_PROCESS        /* before Linux 4.14 */
#define SECCOMP_RET_KILL_PROCESS SECCOMP_RET_KILL
#endif

/* The first rule that fits decides, those of the profile before the common
 * ones; without one it is the profile's default. */
enum verdict {
    ALLOW,
    ALLOW_IF,               /* the argument has this value */
    ALLOW_WITHOUT,          /* the argument has none of these bits */
    ALLOW_SELF,             /* the argument is this process's id */
    REFUSE,                 /* fails, with this value as errno */
    REFUSE_WITH             /* fails with EACCES if the argument has any of
                             * these bits */
};

struct rule {
    int number;
    enum verdict verdict;
    uint32_t value;
    unsigned argument;      /* counted from 0; its low 32 bits count */
};

#define CALL(name) { __NR_##name, ALLOW, 0, 0 }
#define DENIED(name) { __NR_##name, REFUSE, EPERM, 0 }

static const struct rule everybody[] = {
    /* Memory, never with code that was made at run time. */
    CALL(brk),
#ifdef __NR_mmap2
    { __NR_mmap2, ALLOW_WITHOUT, PROT_EXEC, 2 },
#else
    { __NR_mmap, ALLOW_WITHOUT, PROT_EXEC, 2 },
#endif
    { __NR_mprotect, ALLOW_WITHOUT, PROT_EXEC, 2 },
    CALL(munmap), CALL(mremap), CALL(madvise), CALL(futex),

    /* The process itself: signal handlers, abort(), its end. */
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(restart_syscall), CALL(getpid), CALL(getppid), CALL(gettid),
    CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
    { __NR_tgkill, ALLOW_SELF, 0, 0 },
    { __NR_tkill, ALLOW_SELF, 0, 0 },           /* musl's */
    CALL(exit), CALL(exit_group),

    /* Questions of libraries about the machine: qsort() its memory, getrandom()
     * its processors. */
    CALL(sysinfo), CALL(sched_getaffinity), CALL(getrandom),

    /* Time, where the vDSO does not have it. */
    CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday),
    CALL(clock_nanosleep), CALL(nanosleep),

    /* Descriptors that are open. */
    CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev),
    CALL(pwrite64), CALL(lseek), CALL(close), CALL(ppoll),

    /* Sockets that are open, and descriptors that come through them. With
     * MSG_FASTOPEN these connect, which landlock(7) does not see. */
    { __NR_sendto, REFUSE_WITH, MSG_FASTOPEN, 3 },
    { __NR_sendmsg, REFUSE_WITH, MSG_FASTOPEN, 2 },
    CALL(sendto), CALL(sendmsg), CALL(recvfrom), CALL(recvmsg), CALL(shutdown),
    CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername),

    /* fstat() is one of these, with an empty path. */
    CALL(fstat), CALL(statx),

    /* stdio asks whether it writes to a terminal, malloc names its memory,
     * sysconf() asks for limits: they do without an answer. */
    { __NR_ioctl, REFUSE, ENOTTY, 0 },
    { __NR_prctl, REFUSE, EINVAL, 0 },
    DENIED(prlimit64),

    /* 64-bit architectures. */
#ifdef __NR_newfstatat
    CALL(newfstatat),
#endif
#ifdef __NR_fcntl
    CALL(fcntl),
#endif
    /* Those that are older than arm64. */
#ifdef __NR_poll
    CALL(poll),
#endif
#ifdef __NR_time
    CALL(time),
#endif
#ifdef __NR_send
    CALL(send), CALL(recv),
#endif
    /* 32-bit architectures: wide offsets, ids and times. */
#ifdef __NR_fcntl64
    CALL(fcntl64), CALL(_llseek), CALL(fstat64), CALL(fstatat64),
    CALL(sigreturn), CALL(getuid32), CALL(geteuid32), CALL(getgid32),
    CALL(getegid32),
#endif
#ifdef __NR_clock_gettime64
    CALL(clock_gettime64), CALL(clock_getres_time64),
    CALL(clock_nanosleep_time64), CALL(futex_time64), CALL(ppoll_time64),
#endif
    /* The calls for sockets as i386's C library makes them. */
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
#endif
};

static const struct rule manager[] = {
    /* The spool, the metrics file. */
    CALL(openat), CALL(openat2), CALL(getdents64), CALL(unlinkat),
    CALL(linkat), CALL(renameat2), CALL(readlinkat), CALL(faccessat),
    CALL(faccessat2), CALL(fsync), CALL(fdatasync), CALL(ftruncate),
    CALL(fchmod), CALL(memfd_create), CALL(fstatfs),

    /* The control socket and the listeners, the log: nothing that leads
     * out of the machine. */
    CALL(accept4),
    { __NR_socket, ALLOW_IF, AF_UNIX, 0 },
    { __NR_socketpair, ALLOW_IF, AF_UNIX, 0 },
    CALL(connect),
#ifdef __NR_socketcall
    /* Here the family is out of sight. */
    { __NR_socketcall, ALLOW_IF, 1, 0 },        /* socket */
    { __NR_socketcall, ALLOW_IF, 3, 0 },        /* connect */
    { __NR_socketcall, ALLOW_IF, 8, 0 },        /* socketpair */
    { __NR_socketcall, ALLOW_IF, 18, 0 },       /* accept4 */
#endif

    /* The same on older and on 32-bit architectures. */
#ifdef __NR_renameat
    CALL(renameat),
#endif
#ifdef __NR_open
    CALL(open), CALL(stat), CALL(lstat), CALL(access), CALL(unlink),
    CALL(rmdir), CALL(link), CALL(rename), CALL(readlink),
#endif
#ifdef __NR_fcntl64
    CALL(stat64), CALL(lstat64), CALL(ftruncate64), CALL(fstatfs64),
#endif
};

/*
 * A call that is missing here fails, and ends nothing: libraries find another
 * way, and a session that cannot be opened has cost nothing.
 */
static const struct rule opening[] = {
    /* Once more, when the session is open. */
    { __NR_prctl, ALLOW_IF, PR_SET_NO_NEW_PRIVS, 0 },
    { __NR_prctl, ALLOW_IF, PR_SET_SECCOMP, 0 },

    /* Certificates, the time zone of the log. */
    CALL(openat), CALL(getdents64), CALL(faccessat), CALL(faccessat2),
    CALL(readlinkat),

    /* TCP, and nothing like it that landlock(7) does not see: MPTCP, SMC, SCTP.
     * The log, whose socket is Unix's, is connected. */
    { __NR_socket, REFUSE_WITH,
      ~(uint32_t)(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC), 1 },
    { __NR_socket, REFUSE_WITH, ~(uint32_t)IPPROTO_TCP, 2 },
    { __NR_socket, ALLOW_IF, AF_INET, 0 },
    { __NR_socket, ALLOW_IF, AF_INET6, 0 },
    CALL(connect), CALL(bind),

    /* The same on older and on 32-bit architectures. */
#ifdef __NR_open
    CALL(open), CALL(stat), CALL(lstat), CALL(access), CALL(readlink),
#endif
#ifdef __NR_fcntl64
    CALL(stat64), CALL(lstat64),
#endif
#ifdef __NR_socketcall
    { __NR_socketcall, ALLOW_IF, 1, 0 },        /* socket */
    { __NR_socketcall, ALLOW_IF, 2, 0 },        /* bind */
    { __NR_socketcall, ALLOW_IF, 3, 0 },        /* connect */
#endif
};

static const struct rule worker[] = {
    /*
     * No files and no other peers. A C library may try unasked: the
     * log's socket after syslogd started again, the time zone, a module. It
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
    { __NR_socketcall, REFUSE, EACCES, 0 },
#endif
};

static const struct rule server[] = {
    /* A message: in memory, in a temporary file, in the drop directory. */
    CALL(memfd_create), CALL(openat), CALL(linkat), CALL(renameat2),
    CALL(unlinkat), CALL(fsync), CALL(fchmod), CALL(fstatfs), CALL(umask),
    CALL(faccessat), CALL(faccessat2), CALL(readlinkat),

    /* No peer but the client. The log's socket is made again when syslogd has
     * been: that fails, and no message with it. */
    { __NR_socket, REFUSE, EACCES, 0 },
    { __NR_connect, REFUSE, EACCES, 0 },

    /* The same on older and on 32-bit architectures. */
#ifdef __NR_renameat
    CALL(renameat),
#endif
#ifdef __NR_open
    CALL(open), CALL(stat), CALL(lstat), CALL(access), CALL(link),
    CALL(rename), CALL(unlink), CALL(readlink),
#endif
#ifdef __NR_fcntl64
    CALL(stat64), CALL(lstat64), CALL(fstatfs64),
#endif
#ifdef __NR_socketcall
    { __NR_socketcall, REFUSE, EACCES, 0 },
#endif
};

/*
 * All but what no client of a server needs, as it is not known what the
 * libraries of this one do: other programs and processes, the rights of files,
 * the parts of the kernel that have had most faults.
 */
static const struct rule client[] = {
    DENIED(execve), DENIED(execveat),
    DENIED(ptrace), DENIED(kcmp),
    DENIED(process_vm_readv),
    DENIED(process_vm_writev),
    DENIED(pidfd_open),
    DENIED(setpriority),

    DENIED(fchmodat), DENIED(fchownat),
    DENIED(utimensat), DENIED(mknodat),
    DENIED(setxattr), DENIED(lsetxattr),
    DENIED(removexattr),
    DENIED(lremovexattr),    /* ACLs are attributes */
    DENIED(inotify_add_watch),
    DENIED(fanotify_mark),
#ifdef __NR_chmod
    DENIED(chmod), DENIED(chown),
    DENIED(lchown),
    DENIED(mknod), DENIED(utimes),
#endif
#ifdef __NR_chown32
    DENIED(chown32), DENIED(lchown32),
#endif
#ifdef __NR_futimesat
    DENIED(futimesat),
#endif
#ifdef __NR_utime
    DENIED(utime),
#endif
#ifdef __NR_utimensat_time64
    DENIED(utimensat_time64),
#endif

    /* Namespaces: of what has no other bits, threads are made. A library that
     * cannot have clone3() takes clone(). */
    DENIED(unshare), DENIED(setns),
    { __NR_clone3, REFUSE, ENOSYS, 0 },
    { __NR_clone, REFUSE_WITH, NAMESPACES, 0 },
    DENIED(mount), DENIED(umount2),
    DENIED(chroot), DENIED(pivot_root),
    DENIED(fsopen), DENIED(open_tree),
    DENIED(move_mount),

    DENIED(bpf), DENIED(userfaultfd),
    DENIED(perf_event_open),
    DENIED(io_uring_setup),
    DENIED(add_key), DENIED(keyctl),
    DENIED(request_key),
    DENIED(personality),
    DENIED(syslog),
#ifdef __NR_msgget
    DENIED(msgget), DENIED(semget),
    DENIED(shmget),
#endif
#ifdef __NR_ipc
    DENIED(ipc),             /* i386: these three, too */
#endif
#ifdef __NR_socket
    { __NR_socket, ALLOW_IF, AF_UNIX, 0 },
    { __NR_socket, REFUSE_WITH, ~(uint32_t)0x1f, 2 },   /* DCCP, SCTP, MPTCP */
    { __NR_socket, ALLOW_IF, AF_INET, 0 },
    { __NR_socket, ALLOW_IF, AF_INET6, 0 },
    { __NR_socket, ALLOW_IF, AF_NETLINK, 0 },   /* which addresses it has */
    { __NR_socket, REFUSE, EAFNOSUPPORT, 0 },
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

/* Decide if the argument fits; else go on with the number in the register. */
static void put_condition(struct program *program, const struct rule *rule)
{
    enum { AFTER = 4 };         /* instructions from the number to the next */

    put_if(program, BPF_JEQ, (uint32_t)rule->number, AFTER);
    put_load(program, offsetof(struct seccomp_data, args) +
                      rule->argument * sizeof(uint64_t));
    if (rule->verdict == REFUSE_WITH)
        put_if(program, BPF_JSET, rule->value, 1);
    else if (rule->verdict == ALLOW_WITHOUT)
        put(program, (struct sock_filter)
                     BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, rule->value, 1, 0));
    else
        put_if(program, BPF_JEQ, rule->verdict == ALLOW_SELF
                                 ? (uint32_t)getpid() : rule->value, 1);
    put_return(program, rule->verdict == REFUSE_WITH
                        ? SECCOMP_RET_ERRNO | EACCES : SECCOMP_RET_ALLOW);
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
    case REFUSE_WITH:
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

static const struct {
    const struct rule *rules;
    size_t count;
    uint32_t otherwise;         /* what becomes of calls without a rule */
    bool only_these;            /* everybody's rules do not count */
} profiles[] = {
    [SECCOMP_MANAGER] = { manager, COUNT(manager), SECCOMP_RET_KILL_PROCESS,
                          false },
    [SECCOMP_WORKER] = { worker, COUNT(worker), SECCOMP_RET_KILL_PROCESS,
                         false },
    [SECCOMP_SERVER] = { server, COUNT(server), SECCOMP_RET_KILL_PROCESS,
                         false },
    [SECCOMP_OPENING] = { opening, COUNT(opening), SECCOMP_RET_ERRNO | EPERM,
                          false },
    [SECCOMP_CLIENT] = { client, COUNT(client), SECCOMP_RET_ALLOW, true },
};

static struct program compile(enum seccomp_profile profile)
{
    struct program program = { NULL, 0 };

    /* Numbers mean something else to another architecture's entry. */
    put_load(&program, offsetof(struct seccomp_data, arch));
    put(&program, (struct sock_filter)
                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    put_return(&program, SECCOMP_RET_KILL_PROCESS);

    put_load(&program, offsetof(struct seccomp_data, nr));
    put_rules(&program, profiles[profile].rules, profiles[profile].count);
    if (!profiles[profile].only_these)
        put_rules(&program, everybody, COUNT(everybody));
    put_if(&program, BPF_JGT, LAST_NUMBER, 1);
    put_return(&program, SECCOMP_RET_ERRNO | ENOSYS);
    put_return(&program, profiles[profile].otherwise);
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

#if SANITIZED
bool seccomp_enforce(enum seccomp_profile profile, struct error *err)
{
    (void)profile;
    return error_set(err, FAULT_SYSTEM, "seccomp: not with sanitizers, which "
                     "make other system calls");
}
#else
bool seccomp_enforce(enum seccomp_profile profile, struct error *err)
{
    return seccomp_enforce_always(profile, err);
}
#endif
