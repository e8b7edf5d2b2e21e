"""What an attacker would do in a process: acts, as payload_acts.c knows them.

<names> are those of the world (world.py), which differ from run to run."""

FILES = (
    "/etc/passwd", "/etc/shadow", "/etc/ssl/certs/ca-certificates.crt",
    "<configuration>", "<aliases>", "<password file>", "<tokens>",
    "<another file of the daemon's user>", "<program>",
    "<message in drop/>", "<message of a client in drop/>",
    "<message in queue/>", "<its state>", "<message in failed/>", "<journal>",
    "<metrics>", "/proc/self/environ", "/proc/self/mem",
    "/proc/<launcher>/environ", "/proc/<launcher>/mem",
    "/proc/<stranger>/environ", "/proc/<stranger>/mem",
    "/proc/<stranger>/cmdline", "/proc/sys/kernel/core_pattern",
    "/sys/kernel/profiling", "/dev/kmsg", "/dev/urandom", "/dev/mem")
FOLDERS = (
    "/", "/etc", "/tmp", "/dev/shm", "/var/tmp", "/proc", "/sys",
    "<folder of the daemon's user>", "<spool>", "<drop/>", "<queue/>",
    "<state/>", "<failed/>", "<run folder>", "<metrics' folder>",
    "<passwords' folder>", "<tokens' folder>")
PRECIOUS = ("<message in drop/>", "<message of a client in drop/>",
            "<message in queue/>", "<its state>", "<message in failed/>",
            "<journal>", "<tokens>", "<metrics>", "<password file>",
            "<another file of the daemon's user>", "<control socket>")
PROCESSES = ("<launcher>", "<manager>", "<worker>", "<stranger>")

# Family, type and protocol.
SOCKETS = {
    "socket of Unix, stream": "1 1 0", "socket of Unix, datagram": "1 2 0",
    "socket of Unix, packets": "1 5 0",
    "socket of IPv4, TCP": "2 1 0", "socket of IPv4, UDP": "2 2 0",
    "socket of IPv6, TCP": "10 1 0", "socket of IPv4, MPTCP": "2 1 262",
    "socket of IPv4, raw": "2 3 1", "socket of netlink": "16 3 0",
    "socket of netlink, netfilter": "16 3 12", "socket of packets": "17 3 3",
    "socket of AF_ALG": "38 5 0", "socket of vsock": "40 1 0",
    "socket of Bluetooth": "31 3 1", "socket of SCTP": "2 1 132",
    "socket of XDP": "44 3 0"}


def _each(words, objects):
    return [f"{word} {thing}" for word in words for thing in objects]


def acts(place):
    """In this order: what destroys something comes last. `place` is the
    process's own name among PROCESSES, which is not another process."""
    others = [process for process in PROCESSES if process != place]
    return [
        *_each(["see", "read", "write"], FILES),
        *_each(["list", "watch"], FOLDERS),
        *SOCKETS,
        *_each(["connect", "bind"], ["<smarthost's port>", "<other port>"]),
        "connect-fast <other port>", "bind 0", "datagram <other port>",
        *_each(["connect-unix"], ["<control socket>", "<other socket>",
                                  "@<abstract name>"]),
        *_each(["signal", "trace", "peek", "take-descriptor", "read-limit",
                "priority"], others),
        "fork", "map-code", "write-code", "make-user-namespace", "mount /mnt",
        "change-root /tmp", "be-root", "add-key", "make-ring", "make-bpf-map",
        "count-events", "handle-faults", "read-kernel-log",
        "make-message-queue", "use-32-bit-entry", "show-memory",
        "control /dev/urandom",
        *_each(["create", "make-folder", "make-symlink", "make-fifo",
                "bind-unix"],
               [f"{folder}/new-{{}}" for folder in FOLDERS
                if folder not in ("/", "/proc", "/sys")]),
        *_each(["create-unnamed"], ["/tmp", "/dev/shm", "<drop/>",
                                    "<queue/>"]),
        *_each(["change-mode", "change-times"], PRECIOUS),
        "link <message in drop/> to <queue/>/linked",
        "link <message in queue/> to <failed/>/linked",
        "link <password file> to <failed/>/linked-password",
        "link <message in queue/> to <folder of the daemon's user>/linked",
        "move <message in failed/> to <queue/>/moved",
        "move <queue/>/moved to <message in failed/>",
        "move <message in drop/> to <queue/>/moved-from-drop",
        "move <message in queue/> to /tmp/new-{}",
        *_each(["truncate", "remove"], PRECIOUS),
        "execute /bin/true", "execute <program>"]
