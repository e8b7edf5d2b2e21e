"""A spool, its daemon, and callers of any uid.

    def test_example(queue, smarthost):
        queue.write_config(smarthost)
        with queue.daemon() as daemon:
            queue.sendmail("b@b.example", stdin=message()).expect(0)
            smarthost.wait_for_messages(1)
            daemon.wait_until_empty()

As root the daemon becomes DAEMON, and callers can be anybody; as somebody
else all are the same user, and tests marked `as_root` are left out. Nothing
here sleeps: what is waited for is a line of the log, an event of the fake
smarthost, or a change of a folder.
"""

import contextlib
import json
import os
import pathlib
import pty
import pwd
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest

from .harness import Programs, SANITIZER, kill_group

PATIENCE = 60           # seconds; the end of a test that has gone wrong
IS_ROOT = os.getuid() == 0
DAEMON = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.getuid())
ALICE, BOB = 4001, 4002         # callers without a passwd entry

as_root = pytest.mark.skipif(not IS_ROOT, reason="needs several users")

FOLDERS = {"drop": 0o3733, "queue": 0o700, "state": 0o700, "failed": 0o700}
ID = re.compile("[0-9a-f]{32}")
NAMES = ("mailq", "newaliases")


def user(uid):
    """Arguments for subprocess: run as this user, without other groups."""
    return {"user": uid, "group": uid, "extra_groups": []} if IS_ROOT else {}


class Daemon:
    """A running `postrider daemon`, and what it says."""

    def __init__(self, queue, env=None, **popen):
        environment = queue.environment(env)
        # A process whose memory cannot be looked at cannot look for leaks.
        environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        self.queue = queue
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [str(queue.build / "postrider"), "daemon"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=environment, cwd="/",
            start_new_session=True, **popen)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    pid = property(lambda self: self.process.pid)
    log = property(lambda self: "\n".join(self.lines))

    def _read(self):
        with self.process.stderr as stream:
            for line in stream:
                with self._changed:
                    self.lines.append(
                        line.decode("utf-8", "backslashreplace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.lines)

    def find(self, pattern, after=0):
        for line in self.lines[after:]:
            if match := re.search(pattern, line):
                return match
        return None

    def mark(self):
        """The place where the log is now, for `after`."""
        return len(self.lines)

    def wait(self, condition, timeout=PATIENCE):
        """Until condition() is true; asked whenever a line has come, and now
        and then: files come and go without one."""
        end = time.monotonic() + timeout
        while not (value := condition()) and time.monotonic() < end:
            with self._changed:
                if self._ended:
                    value = condition()
                    break
                self._changed.wait(0.1)
        assert value, "the daemon was waited for in vain:\n" + self.log
        return value

    def wait_for(self, pattern, times=1, after=0, timeout=PATIENCE):
        """Until so many lines match; returns the first match."""
        self.wait(lambda: sum(bool(re.search(pattern, line)) for line in
                              self.lines[after:]) >= times, timeout)
        return self.find(pattern, after)

    def wait_until_removed(self, count, after=0, timeout=PATIENCE):
        """Until so many messages are done with."""
        return self.wait_for(": removed$", count, after, timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def wait_end(self, timeout=PATIENCE):
        """Its exit status, when it has ended by itself."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        assert not SANITIZER.search(self.log.encode()), self.log
        return status

    def stop(self, expected=0):
        """SIGTERM, and everything in order."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.wait_end()
        assert status == expected, f"exit {status}\n{self.log}"

    def kill(self):
        """SIGKILL to it alone: its manager follows, and its workers find out
        for themselves."""
        managers = [os.pidfd_open(pid) for pid in self.managers()]
        self.process.kill()
        self.process.wait(PATIENCE)
        for manager in managers:
            select.select([manager], [], [], PATIENCE)
            os.close(manager)

    def clean_up(self):
        kill_group(self.process)
        self.process.wait(PATIENCE)

    def children(self, name):
        """pids of its children that are called so."""
        def is_called(pid):
            try:
                return pathlib.Path(f"/proc/{pid}/comm").read_text() == \
                    name + "\n"
            except (FileNotFoundError, ProcessLookupError):
                return False                    # it has ended since

        path = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text().split()
                if is_called(pid)]

    def managers(self):
        return self.children("postrider-mgr")

    def workers(self):
        return self.children("postrider-wrk")

    def cpu_time(self):
        """Seconds that it and its manager have used so far."""
        ticks = 0
        for pid in (self.pid, *self.managers()):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text() \
                .rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


class Queue(Programs):
    """The programs with their own spool, where any user finds them."""

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="postrider-"))
        self.folder.chmod(0o755)
        self.spool = self.folder / "spool"
        self.drop = self.spool / "drop"
        self.run_folder = self.folder / "run"
        self.control = self.run_folder / "control"
        self.daemons = []
        self.copy_build(links=NAMES)
        self.make_spool()

    def make_spool(self):
        self.spool.mkdir(mode=0o755)
        self.make_folders()
        self.run_folder.mkdir(mode=0o755)
        self.give(self.run_folder)

    def make_folders(self):
        for name, mode in FOLDERS.items():
            folder = self.spool / name
            folder.mkdir()
            self.give(folder)
            folder.chmod(mode)

    @staticmethod
    def give(path):
        """Make it the daemon's."""
        if IS_ROOT:
            os.chown(path, DAEMON.pw_uid, DAEMON.pw_gid)

    def secret(self, name, text):
        path = super().secret(name, text)
        self.give(path)
        return path

    def write_config(self, smarthost=None, settings=None, **options):
        merged = {"delivery": "queue", "spool": str(self.spool),
                  "control": str(self.control), "user": DAEMON.pw_name,
                  "retry_first": "1s", "retry_longest": "2s"}
        merged.update(settings or {})
        return super().write_config(smarthost, settings=merged, **options)

    def section(self, host, number, keys):
        """As in the harness; authorities where the daemon can read them."""
        section = super().section(host, number, keys)
        if "tls_ca_file" in section:
            copy = self.folder / f"ca{number}.pem"
            shutil.copyfile(section["tls_ca_file"], copy)
            copy.chmod(0o644)
            section["tls_ca_file"] = str(copy)
        return section

    def write_aliases(self, text):
        super().write_aliases(text)
        (self.folder / "aliases").chmod(0o644)

    @contextlib.contextmanager
    def daemon(self, ready=True, env=None, **popen):
        """A daemon that is stopped in order at the end, if it runs still."""
        daemon = self.start(ready, env, **popen)
        yield daemon
        daemon.stop()

    def start(self, ready=True, env=None, **popen):
        daemon = Daemon(self, env, **popen)
        self.daemons.append(daemon)
        if ready:
            daemon.wait_for("daemon: started")
        return daemon

    def close(self):
        for daemon in self.daemons:
            daemon.clean_up()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Submission

    def submit(self, *arguments, stdin, **options):
        """Store a message; returns its queue-id, if no daemon runs."""
        before = set(self.names("drop"))
        self.sendmail(*arguments, stdin=stdin, **options).expect(0)
        (new,) = set(self.names("drop")) - before
        return new

    def run_other(self, command, stdin=b"", **popen):
        """Run any command, as Programs.run does with ours."""
        return self.run(self.which(command[0]), *command[1:], stdin=stdin,
                        **popen)

    def open(self, program, *arguments, **popen):
        """A program whose standard input is a pipe."""
        return subprocess.Popen(
            [str(self.build / program), *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=self.environment(), **popen)

    @staticmethod
    def which(name):
        return shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") or name

    # Looking

    def names(self, folder):
        return sorted(os.listdir(self.spool / folder))

    def files(self):
        """All there is: {"drop": [...], "queue": [...], ...}."""
        return {folder: self.names(folder) for folder in FOLDERS}

    def is_empty(self):
        """Nothing is left anywhere, but journals of workers that live."""
        return not any(
            name for folder in FOLDERS for name in self.names(folder)
            if not name.startswith("journal."))

    def listing(self, **options):
        """The queue as `postrider queue list --json` has it."""
        result = self.postrider("queue", "list", "--json", **options)
        result.expect(0)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def status(self):
        result = self.postrider("status", "--json").expect(0)
        return json.loads(result.stdout)

    # Message files of the test's own making

    def write_drop(self, name, data, uid=None, mode=0o640):
        """A file in drop/ as sendmail would leave it; returns its path."""
        path = self.drop / (".t" + name)
        path.write_bytes(data)
        if IS_ROOT:
            os.chown(path, ALICE if uid is None else uid, DAEMON.pw_gid)
        path.chmod(mode)
        return path.rename(self.drop / name)


def write_over(path, data):
    """As its owner does it. Where fs.protected_regular is set, a file of
    another user in such a folder opens without O_CREAT only."""
    with open(path, "r+b") as file:
        file.truncate()
        file.write(data)


def on_terminal(queue, *arguments, env=None, program="postrider",
                stdin=subprocess.DEVNULL):
    """What it prints there, in lines without trailing blanks."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(queue.build / program), *arguments],
                               stdin=stdin, stdout=slave, stderr=slave,
                               env=queue.environment(env))
    os.close(slave)
    text = b""
    with contextlib.suppress(OSError):      # EIO: the other end is closed
        while octets := os.read(master, 65536):
            text += octets
    os.close(master)
    process.wait(30)
    return [line.rstrip() for line in text.decode().splitlines()]


def crc32c(data):
    value = 0xffffffff
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


def message_file(queue_id, recipients=("b@b.example",), sender="a@a.example",
                 content=b"Subject: made by hand\r\n\r\nhello\r\n", lines=(),
                 inner=None, length=None, wrong_sum=False):
    """The octets of a message file, right unless told otherwise."""
    head = f"postrider 1 {inner or queue_id}\nfrom {sender}\n"
    head += "".join(f"to - - {r}\n" for r in recipients)
    head += "".join(line + "\n" for line in lines) + "\n"
    body = head.encode("utf-8", "surrogateescape") + content
    count = len(content) if length is None else length
    checksum = crc32c(body) ^ wrong_sum
    return body + b"END %020d %08x 7\n" % (count, checksum)


def sealed(data):
    """A message file whose envelope was changed, with the right sum."""
    body = data[:-36]
    return body + data[-36:-11] + b"%08x" % crc32c(body) + data[-3:]


def random_id():
    return os.urandom(16).hex()


def queued_line(received=None, uid=None):
    """The last line of a file in queue/."""
    return b"QUEUED %020d %010d\n" % (
        int(time.time()) if received is None else received,
        (ALICE if IS_ROOT else os.getuid()) if uid is None else uid)


def limit_file_size(octets):
    """For preexec_fn: files may not grow beyond this."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))
