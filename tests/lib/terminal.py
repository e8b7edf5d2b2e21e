"""postrider setup, with a person at a terminal.

    def test_example(programs):
        terminal = Terminal(programs, "--direct")
        terminal.answer("Your mail address", "you@example.com")
        assert terminal.end() == 0
"""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios

from .harness import SANITIZER

PATIENCE = 60           # seconds; the end of a test that has gone wrong


class Terminal:
    """A person at their own terminal."""

    def __init__(self, programs, *arguments, command="setup"):
        self.master, slave = pty.openpty()
        self.folder = programs.folder   # a long name that cannot be folded
        self.seen = self.whole = ""

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(
            [str(programs.build / "postrider"), command, *arguments],
            stdin=slave, stdout=slave, stderr=slave, cwd=programs.folder,
            env=programs.environment(), start_new_session=True,
            preexec_fn=take_terminal)
        os.close(slave)

    def read(self):
        ready, _, _ = select.select([self.master], [], [], PATIENCE)
        assert ready, f"nothing comes after:\n{self.seen}"
        try:
            data = os.read(self.master, 4096)
        except OSError:
            data = b""                  # the other side is closed
        self.seen += data.decode()
        self.whole += data.decode()
        return data

    def expect(self, text):
        """Wait until text is shown, whose lines may be folded; what came before
        is gone."""
        pattern = re.compile(re.escape(text).replace(r"\ ", r"\s+"))
        while not (match := pattern.search(self.seen)):
            assert self.read(), f"no {text!r} in:\n{self.seen}"
        before = self.seen[:match.start()]
        self.seen = self.seen[match.end():]
        return before

    def answer(self, question, text):
        before = self.expect(question)
        self.expect(": ")
        os.write(self.master, text.encode() + b"\n")
        return before

    def type_secret(self, text):
        self.expect("It wants an app password. Nothing is shown")
        self.expect("Password: ")
        assert not self.echoes()
        os.write(self.master, text.encode() + b"\n")

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def end(self):
        while self.read():
            pass
        status = self.process.wait(PATIENCE)
        os.close(self.master)
        for line in self.whole.splitlines():
            assert len(line) < 80 or str(self.folder) in line, line
        assert not SANITIZER.search(self.seen.encode()), self.seen
        return status
