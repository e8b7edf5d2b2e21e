"""What a process has: user and groups, no limits, and open descriptors, by what
they are."""

import collections
import ctypes
import os
import pathlib
import re
import socket

from lib.queue import DAEMON

CAPABILITIES = "CapPrm", "CapInh", "CapAmb"
LIMITS = {"core files": ("Max core file size", "0".__ne__),
          "processes": ("Max processes", "0".__ne__),
          "memory": ("Max address space", "unlimited".__eq__)}
GETFD = 438             # pidfd_getfd(2), which Python has not
FAMILIES = {socket.AF_UNIX: "Unix", socket.AF_INET: "IPv4",
            socket.AF_INET6: "IPv6"}
TYPES = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagrams",
         socket.SOCK_SEQPACKET: "packets"}


def identity(pid):
    """A line for each user, group and capability that it has, and each limit
    that it has not."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    status = dict(re.findall(r"(?m)^(\w+):[ \t]*(.*)$", text))
    groups = {*status["Gid"].split(), *status["Groups"].split()}
    lines = [f"user {_ours(uid, DAEMON.pw_uid)}"
             for uid in sorted(set(status["Uid"].split()))] + \
        [f"group {_ours(gid, DAEMON.pw_gid)}" for gid in sorted(groups)]
    lines += [f"{name} {status[name]}" for name in CAPABILITIES
              if int(status[name], 16)]
    return lines + _not_limited(pid)


def _not_limited(pid):
    """What it may use as it likes, and whether others of its user may look at
    its memory."""
    process = pathlib.Path(f"/proc/{pid}")
    hard = {line[:26].strip(): line[26:].split()[1] for line in
            (process / "limits").read_text().splitlines()[1:]}
    found = [f"no limit of {what}" for what, (row, unlimited) in LIMITS.items()
             if unlimited(hard[row])]
    if (process / "mem").stat().st_uid == DAEMON.pw_uid:
        found.append("memory for others of its user")
    return found


def _ours(number, daemon):
    return "<daemon's>" if int(number) == daemon else number


def held(pid, named):
    """A line for each kind, with how many there are of it; `named` puts names
    into the place of paths."""
    lines = collections.Counter()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(entry).removesuffix(" (deleted)")
        if target.startswith("socket:"):
            lines["hold socket of " + _socket(pid, int(entry.name))] += 1
        elif target.startswith("/"):
            flags = int(re.search(r"flags:\s+(\d+)", pathlib.Path(
                f"/proc/{pid}/fdinfo/{entry.name}").read_text())[1], 8)
            mode = ("to read", "to write", "to read and write")[flags & 3]
            lines[f"hold {named(target)} {mode}"] += 1
        else:
            lines["hold " + target.partition(":[")[0]] += 1
    return sorted(line + (f", {count} times" if count > 1 else "")
                  for line, count in lines.items())


def _socket(pid, number):
    process = os.pidfd_open(pid)
    fd = ctypes.CDLL(None).syscall(GETFD, process, number, 0)
    os.close(process)
    with socket.socket(fileno=fd) as peer:
        text = f"{FAMILIES[peer.family]}, {TYPES[peer.type]}"
        return text + (", listening" if peer.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else "")
