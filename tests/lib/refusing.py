"""A program some of whose system calls are refused, as containers and old
service managers do with calls that they do not know:

    /usr/bin/python3 refusing.py openat2,memfd_create program argument...

The filter (seccomp(2)) answers EPERM; children of the program have it, too.
"""

import ctypes
import os
import platform
import struct
import sys

# Numbers of x86-64; those from 424 on are the same everywhere.
NUMBERS = {"openat2": 437, "faccessat2": 439}
if platform.machine() == "x86_64":
    NUMBERS |= {"memfd_create": 319, "getrandom": 318, "inotify_init1": 294,
                "fsync": 74, "linkat": 265, "flock": 73}
elif platform.machine() == "aarch64":
    NUMBERS |= {"memfd_create": 279, "getrandom": 278, "inotify_init1": 26,
                "fsync": 82, "linkat": 37, "flock": 32}

EPERM = 1
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06     # of linux/filter.h
ALLOW, REFUSE = 0x7fff0000, 0x00050000 | EPERM


class Program(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refuse(numbers):
    """For this process and all that come of it."""
    steps = [(LOAD, 0, 0, 0)]
    for ahead, number in zip(range(len(numbers), 0, -1), numbers):
        steps.append((JUMP_IF_EQUAL, ahead, 0, number))
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(steps), code)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                  ctypes.byref(program), 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    refuse([NUMBERS[name] for name in sys.argv[1].split(",")])
    os.execv(sys.argv[2], sys.argv[2:])
