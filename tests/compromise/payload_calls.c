/*
 * payload_calls.c - every system call, with arguments that do nothing
 *
 * All are -1, which is not a descriptor, address, flag or process: the kernel
 * refuses that with an errno of its own, which shows that the call has reached
 * it. Where -1 would do something, or a filter looks at it, another row says.
 */
#include "payload.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBERS 512             /* Linux 6.18 has calls up to 469 */

/* These do not come back: every process may end, and wait. uretprobe and uprobe
 * are the kernel's own: no filter sees them, and elsewhere they are SIGILL. */
static const int left_out[] = {
    SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
#ifdef __x86_64__
    SYS_pause, 335, 336,
#endif
};

static long word;

static const struct {
    int number;
    long arguments[6];
} rows[] = {
    { SYS_mmap,       { 0, 0, PROT_READ, 0, 0, 0 } },
    { SYS_mprotect,   { -1, 0, PROT_READ } },
    { SYS_futex,      { (long)&word, FUTEX_WAKE, 0 } },
    { SYS_socket,     { AF_UNIX, -1, -1 } },
    { SYS_socketpair, { AF_UNIX, -1, -1, -1 } },
    { SYS_sendto,     { -1, -1, -1, 0, -1, -1 } },
    { SYS_sendmsg,    { -1, -1, 0 } },
    { SYS_msgget,     { 0x7ffffff, 0 } },
#ifdef __x86_64__
    { SYS_modify_ldt, { 0, 0, 0 } },
#endif
};

/* With the arguments for which a filter refuses what it allows otherwise. */
static const struct {
    const char *name;
    int number;
    long arguments[4];
} forms[] = {
    { "sendto-that-connects",  SYS_sendto,     { -1, -1, -1, MSG_FASTOPEN } },
    { "sendmsg-that-connects", SYS_sendmsg,    { -1, -1, MSG_FASTOPEN } },
    { "socketpair-of-IPv4",    SYS_socketpair, { AF_INET, -1, -1, -1 } },
};

static int is_left_out(int number)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i] == number)
            return 1;
    return 0;
}

/* Calls whose argument is this process, which is not known before. */
static int try_on_self(int number)
{
    if (number == SYS_tgkill)
        return syscall(number, getpid(), getpid(), -1) == -1 ? errno : 0;
    if (number == SYS_tkill)
        return syscall(number, getpid(), -1) == -1 ? errno : 0;
    return -1;
}

static int try_number(int number)
{
    int result = try_on_self(number);

    if (result != -1)
        return result;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].number == number) {
            const long *a = rows[i].arguments;
            return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1
                   ? errno : 0;
        }
#ifdef __x86_64__
    /* A child that shares this stack must not return. */
    if (number == SYS_fork || number == SYS_vfork) {
        long pid;
        __asm__ volatile("syscall; test %%eax, %%eax; jnz 1f;"
                         "xor %%edi, %%edi; mov $60, %%eax; syscall; 1:"
                         : "=a"(pid) : "a"((long)number)
                         : "rcx", "r11", "rdi", "memory");
        return pid < 0 ? (int)-pid : 0;
    }
#endif
    return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) == -1 ? errno : 0;
}

static void try_forms(void)
{
    char text[64];
    long parent = getppid();

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const long *a = forms[i].arguments;
        snprintf(text, sizeof text, "call %s", forms[i].name);
        payload_report(text, syscall(forms[i].number, a[0], a[1], a[2], a[3],
                                     -1L, -1L) == -1 ? errno : 0);
    }
    /* Signal 0 is only a question. */
    payload_report("call tgkill-of-another",
                   syscall(SYS_tgkill, parent, parent, 0) == -1 ? errno : 0);
    payload_report("call tkill-of-another",
                   syscall(SYS_tkill, parent, 0) == -1 ? errno : 0);
}

void payload_try_calls(void)
{
    char text[32];

    if (!payload_is_filtered()) {
        payload_report("filter none", 0);
        return;
    }
    for (int number = 0; number < NUMBERS; number++) {
        if (is_left_out(number))
            continue;
        snprintf(text, sizeof text, "call %d", number);
        payload_report(text, try_number(number));
    }
    try_forms();
    umask(077);
}
