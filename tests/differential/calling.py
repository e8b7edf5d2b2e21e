"""Run a program over a case, as its client: what is sent next waits until the
program has read all, and what it leaves in the background is waited for."""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import termios
import threading
import time

from differential.outcome import Outcome

PATIENCE = 20           # seconds; a program that takes longer hangs
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C",
               "NAME": "root"}
PR_SET_CHILD_SUBREAPER = 36


class Nothing:
    """No input, for a command that is not a case."""
    pieces, is_smtp = (b"",), False


def call(command, case, environment=None):
    """Run a program over the input of a case, which it gets at once."""
    with tempfile.TemporaryFile() as output, \
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output,
                             stderr=subprocess.STDOUT, cwd="/",
                             env=environment or ENVIRONMENT) as process:
        hung = threading.Timer(PATIENCE, process.kill)
        hung.start()
        marks = []              # where the output was before each piece
        for piece in case.pieces:
            if len(case.pieces) > 1:
                _wait_until_read(process)
            marks.append(os.fstat(output.fileno()).st_size)
            try:
                process.stdin.write(piece)
                process.stdin.flush()
            except BrokenPipeError:
                break
        if len(case.pieces) > 1:
            _wait_until_read(process)
            marks.append(os.fstat(output.fileno()).st_size)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        hung.cancel()
        output.seek(0)
        text = output.read()
    return Outcome(process.returncode, [],
                   _replies(text, marks) if case.is_smtp else (), 0, text)


def _replies(text, marks):
    """The last lines of the replies between these places of the output."""
    return tuple(tuple(line.decode("latin1").strip() for line in re.findall(
        rb"(?m)^[2-5][0-9][0-9](?: .*)?\r?$", text[start:end]))
        for start, end in zip([0, *marks], [*marks, None]))


def _wait_until_read(process):
    """Until it has read all that it was sent, and waits for more: so a client
    can go on that does not know whether there will be a reply."""
    while process.poll() is None:
        unread = fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4)
        if not any(unread) and _waits_for_input(process.pid):
            return
        time.sleep(0.0003)


# read, poll, ppoll, select, pselect6; of an architecture that lacks one it is
# never seen.
READ, POLLS, SELECTS = {
    "x86_64": (0, (7, 271), (23, 270)),
    "aarch64": (63, (73,), (72,))}.get(os.uname().machine, (None, (), ()))


def _waits_for_input(pid):
    """Is it in a call that waits for its standard input? One that only looks
    whether there is any has no time to wait."""
    try:
        text = pathlib.Path(f"/proc/{pid}/syscall").read_text()
        words = [int(word, 0) for word in text.split()] \
            if not text.startswith("running") else []
        if len(words) < 6:
            return False
        number, first, second, third, _, fifth = words[:6]
        if number == READ:
            return first == 0
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            if number in POLLS:
                return third != 0 and any(
                    struct.unpack_from("i", _read(memory, first + 8 * n, 4))
                    == (0,) for n in range(min(second, 64)))
            return number in SELECTS and second != 0 and \
                _read(memory, second, 1)[0] & 1 == 1 and \
                (fifth == 0 or any(_read(memory, fifth, 16)))
    except (OSError, IndexError, struct.error):     # it has gone on since
        return False


def _read(memory, place, length):
    return os.pread(memory.fileno(), length, place)


def adopt():
    """Become the parent of all that loses its own."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children():
    found = []
    for task in pathlib.Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):    # a thread that ended
            found += (task / "children").read_text().split()
    return found


def _root_of(pid):
    """Where it was chrooted; None if it has ended."""
    try:
        return os.readlink(f"/proc/{pid}/root")
    except OSError:
        return None


def wait_for_processes_in(root):
    """Until none is left in this root: what delivers in the background has
    become a child of this process by adopt()."""
    while any(_root_of(pid) == root for pid in _children()):
        time.sleep(0.001)
