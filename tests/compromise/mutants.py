"""The sandbox made wider in one place: what must be found."""

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    process: str        # where it shows
    file: str
    old: str
    new: str

    @property
    def changes(self):
        return ((self.file, self.old, self.new),)


SECCOMP, CONFINE = "src/util/seccomp.c", "src/relay/confine.c"
OAUTH = "src/oauth/client_confine.c"
SMTP = "src/sendmail/smtp_confine.c"
LANDLOCK, PROCESS = "src/util/landlock.c", "src/util/process.c"
DAEMON, USER = "src/postrider/daemon.c", "src/util/user.c"

MUTANTS = (
    Mutant("the manager may make folders", "manager", SECCOMP,
           "CALL(openat2), CALL(getdents64),",
           "CALL(openat2), CALL(getdents64), CALL(mkdirat),"),
    Mutant("the manager may connect over TCP", "manager", SECCOMP,
           "{ __NR_socketpair, ALLOW_IF, AF_UNIX, 0 },",
           "{ __NR_socketpair, ALLOW_IF, AF_UNIX, 0 },\n"
           "    { __NR_socket, ALLOW_IF, AF_INET, 0 },"),
    Mutant("the manager may write into drop/", "manager", CONFINE,
           '{ "drop", LANDLOCK_REMOVE }', '{ "drop", LANDLOCK_CHANGE }'),
    Mutant("the manager reads /etc", "manager", CONFINE,
           "allow_spool(rules, config->spool);",
           "allow_spool(rules, config->spool);\n"
           '    landlock_allow(rules, "/etc", LANDLOCK_READ);'),
    Mutant("the manager may signal another process's thread", "manager",
           SECCOMP, "{ __NR_tgkill, ALLOW_SELF, 0, 0 },", "CALL(tgkill),"),
    Mutant("the manager may have pairs of any sockets", "manager", SECCOMP,
           "{ __NR_socketpair, ALLOW_IF, AF_UNIX, 0 },\n    CALL(connect),",
           "CALL(socketpair),\n    CALL(connect),"),
    Mutant("the manager keeps the launcher's end of their socket", "manager",
           DAEMON, "        close(ends[0]);\n", ""),
    Mutant("the daemon keeps the groups of root", "manager", USER,
           "initgroups(user->pw_name, user->pw_gid) == -1 ||\n", ""),
    Mutant("a worker may open files", "worker", SECCOMP,
           "{ __NR_openat, REFUSE, EACCES, 0 },", "CALL(openat),"),
    Mutant("all may fork", "worker", SECCOMP,
           "CALL(exit), CALL(exit_group),",
           "CALL(exit), CALL(exit_group), CALL(clone),"),
    Mutant("a worker is not shut in once its session is open", "worker",
           CONFINE, "(void)seccomp_enforce(SECCOMP_WORKER, &err);",
           "(void)err;"),
    Mutant("a worker that opens its session has UDP", "opening-worker",
           SECCOMP, "~(uint32_t)(SOCK_STREAM |",
           "~(uint32_t)(SOCK_DGRAM | SOCK_STREAM |"),
    Mutant("it connects to any port", "opening-worker", CONFINE,
           "(void)landlock_enforce(rules, 0, &err);",
           "(void)landlock_enforce(rules, LANDLOCK_LEAVE_TCP, &err);"),
    Mutant("it connects by sending", "opening-worker", SECCOMP,
           "{ __NR_sendto, REFUSE_WITH, MSG_FASTOPEN, 3 },", ""),
    Mutant("it connects by sending a message", "opening-worker", SECCOMP,
           "{ __NR_sendmsg, REFUSE_WITH, MSG_FASTOPEN, 2 },", ""),
    Mutant("it has no filter", "opening-worker", CONFINE,
           "(void)seccomp_enforce(SECCOMP_OPENING, &err);", "(void)err;"),
    Mutant("a server may start programs", "server", SECCOMP,
           "CALL(linkat), CALL(renameat2),\n    CALL(unlinkat), CALL(fsync)",
           "CALL(linkat), CALL(renameat2),\n    CALL(execve), CALL(fsync)"),
    Mutant("a server reads drop/", "server", SMTP,
           "landlock_allow(rules, drop, LANDLOCK_CREATE);",
           "landlock_allow(rules, drop, LANDLOCK_CREATE);\n"
           "    landlock_allow(rules, drop, LANDLOCK_READ);"),
    Mutant("a server empties files", "server", LANDLOCK,
           "handled.fs |= FS_TRUNCATE;", "{ }"),
    Mutant("a server takes any memory", "server", SMTP,
           "    (void)setrlimit(RLIMIT_AS, &memory);\n", "    (void)memory;\n"),
    Mutant("a server may have processes", "server", SMTP,
           "    (void)setrlimit(RLIMIT_NPROC, &none);\n", ""),
    Mutant("postrider-oauth asks drivers", "oauth", LANDLOCK,
           "handled.fs |= FS_IOCTL_DEV;", "{ }"),
    Mutant("the memory of postrider-oauth is shown", "oauth", PROCESS,
           "    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);\n", ""),
    Mutant("postrider-oauth reads the spool", "oauth", OAUTH,
           "landlock_allow_system(rules);",
           "landlock_allow_system(rules);\n"
           "    landlock_allow(rules, clients[0].config->spool, "
           "LANDLOCK_READ);"),
    Mutant("postrider-oauth may send signals", "oauth", OAUTH,
           "LANDLOCK_LEAVE_TCP,",
           "LANDLOCK_LEAVE_TCP | LANDLOCK_LEAVE_SIGNALS,"),
    Mutant("postrider-oauth may trace processes", "oauth", SECCOMP,
           "DENIED(ptrace), ", ""),
)
