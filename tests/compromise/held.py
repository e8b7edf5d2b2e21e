"""The open descriptors of a process, by what they are."""

import ctypes
import os
import pathlib
import re
import socket

GETFD = 438             # pidfd_getfd(2), which Python has not
FAMILIES = {socket.AF_UNIX: "Unix", socket.AF_INET: "IPv4",
            socket.AF_INET6: "IPv6"}
TYPES = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagrams",
         socket.SOCK_SEQPACKET: "packets"}


def held(pid, named):
    """A line for each kind; `named` puts names into the place of paths."""
    lines = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(entry).removesuffix(" (deleted)")
        if target.startswith("socket:"):
            lines.add("hold socket of " + _socket(pid, int(entry.name)))
        elif target.startswith("/"):
            flags = int(re.search(r"flags:\s+(\d+)", pathlib.Path(
                f"/proc/{pid}/fdinfo/{entry.name}").read_text())[1], 8)
            mode = ("to read", "to write", "to read and write")[flags & 3]
            lines.add(f"hold {named(target)} {mode}")
        else:
            lines.add("hold " + target.partition(":[")[0])
    return sorted(lines)


def _socket(pid, number):
    process = os.pidfd_open(pid)
    fd = ctypes.CDLL(None).syscall(GETFD, process, number, 0)
    os.close(process)
    with socket.socket(fileno=fd) as peer:
        text = f"{FAMILIES[peer.family]}, {TYPES[peer.type]}"
        return text + (", listening" if peer.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else "")
