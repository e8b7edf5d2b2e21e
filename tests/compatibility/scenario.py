"""A spool with a message in every state that there is, written by programs of
any version, and what must become of each."""

import collections
import contextlib
import os
import pathlib
import shutil
import signal

from lib.harness import message
from lib.queue import DAEMON, IS_ROOT, ALICE, Queue
from lib.smarthost import Smarthost

SPOOLS = pathlib.Path(__file__).parent / "spools"
LATER, NEVER = "451 4.2.1 later", "550 5.1.1 no such user"
GONE = "gone@b.example"
SENDER = "a@a.example"

# Subject: who gets it from whoever finds the spool. None for a report to the
# sender, whose subject is the reporter's.
EXPECTED = {
    "partly": ["late@b.example"],
    "held": ["held@b.example"],
    "dsn": ["late@b.example"],
    "utf8": ["caf\u00e9@b.example"],
    "null": ["late@b.example"],
    "given-up": [GONE],
    "accepted": [],
    "dropped": ["b@b.example"],
    "dropped-dsn": ["b@b.example", "c@b.example"],
    "dropped-long": ["b@b.example"],
    "dropped-routed": ["b@b.example"],
    "dropped-local": ["b@b.example"],
    "dropped-flaw": ["b@b.example"],
    None: [SENDER],
}
# Of these the sender gets a report, too, with this text.
FLAWED = {"dropped-flaw": b"runs no programs"}
# What a version from before the first release loses, of what later ones write.
LOST = {"d469047": {"dropped-flaw"}}


class Spool:
    """One, of the programs in a folder."""

    def __init__(self, build):
        os.environ["POSTRIDER_BUILD"] = str(build)
        self.queue = Queue()
        self.subjects = set(EXPECTED)
        self.held = 0           # messages that were held until they were let go
        self.smarthost = Smarthost(extensions=["SMTPUTF8", "8BITMIME", "DSN"])

    def close(self):
        self.smarthost.close()
        self.queue.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def use(self, build):
        """Other programs, in the place of these."""
        for name in ("sendmail", "postrider"):
            copy = self.queue.build / name
            copy.unlink()
            shutil.copy(build / name, copy)

    def configure(self):
        """The keys that all versions have, and no second attempt."""
        self.queue.write_aliases("prog: |/bin/false\n")
        self.queue.write_config(
            self.smarthost, settings={"retry_first": "1h",
                                      "retry_longest": "1h",
                                      "expire_after": "5d"},
            extra='sender "routed@a.example" { smarthost = "host0" }\n')

    def _submit(self, subject, *recipients, options=(), body="hello\n"):
        self.queue.sendmail(
            "-f", SENDER, *options, "--", *recipients,
            stdin=message(body, Subject=subject),
            **({"user": ALICE, "group": ALICE, "extra_groups": []}
               if IS_ROOT else {})).expect(0)

    def write(self):
        """All of it: by a daemon that is killed, and after it."""
        for recipient in ("late@b.example", "held@b.example",
                          "caf\u00e9@b.example", SENDER):
            self.smarthost.recipients[recipient] = LATER
        self.smarthost.recipients[GONE] = NEVER
        self.configure()
        daemon = self.queue.start()
        self._submit("held", "held@b.example")
        held = daemon.wait_for("([0-9a-f]{32}): to=.*status=deferred")[1]
        self.queue.postrider("queue", "hold", held).expect(0)
        self._submit("partly", "now@b.example", "late@b.example")
        self._submit("dsn", "late@b.example",
                     options=["-N", "failure,delay", "-R", "hdrs",
                              "-V", "an-id"])
        self._submit("utf8", "caf\u00e9@b.example")
        self._submit("null", "late@b.example", options=["-f", "<>"])
        daemon.wait_for("status=deferred", times=5)
        # Nobody can be told of it: it goes to failed/.
        self._submit("given-up", "now@b.example", GONE, options=["-f", "<>"])
        daemon.wait_for("cannot be delivered")
        # Its report to the sender is deferred, too.
        self._submit("refused", GONE)
        daemon.wait_for(f"to=<{SENDER}>.*status=deferred")
        daemon.wait_until_removed(1)
        self._kill_after_delivery(daemon)
        self._submit("dropped", "b@b.example")
        self._submit("dropped-dsn", "b@b.example", "c@b.example",
                     options=["-N", "never", "-V", "another"])
        self._submit("dropped-long", "b@b.example", body="y" * 2000 + "\n")
        self._submit("dropped-routed", "b@b.example",
                     options=["-f", "routed@a.example"])
        self._submit("dropped-local", "b@b.example", options=["-f", "alice"])
        self._submit("dropped-flaw", "b@b.example", "prog")
        self.smarthost.recipients.clear()
        self.smarthost.messages.clear()

    def _kill_after_delivery(self, daemon):
        """The journal alone has that a message was accepted."""
        gate = self.smarthost.hold("MAIL")
        self._submit("accepted", "b@b.example", "c@b.example",
                     options=["-f", "accepted@a.example"])
        queue_id = daemon.wait_for("([0-9a-f]{32}):.* from=<accepted@")[1]
        self.smarthost.wait_for_command("MAIL FROM:<accepted@a.example>")
        manager, = daemon.managers()
        os.kill(manager, signal.SIGSTOP)
        gate.set()
        daemon.wait(lambda: any(
            queue_id in path.read_text()
            for path in self.queue.spool.glob("state/journal.*")))
        os.kill(manager, signal.SIGKILL)
        daemon.kill()

    # What a daemon makes of it

    def received(self):
        """{(subject, recipient): how often}"""
        found = collections.Counter()
        for mail in self.smarthost.messages:
            subject = subject_of(mail.content)
            for recipient in mail.recipients:
                found[subject if subject in EXPECTED else None,
                      recipient] += 1
        return found

    def put(self, folder):
        """The files of a folder of `spools`, as they were."""
        made = int((folder / "made").read_text().split()[0])
        there = {None}
        for path in sorted(folder.glob("*/*")):
            place = self.queue.spool / path.parent.name / path.name
            data = path.read_bytes()
            there.add(subject_of(data.partition(b"\n\n")[2]))
            place.write_bytes(data)
            os.utime(place, (made, made))
            is_dropped = path.parent.name == "drop"
            place.chmod(0o640 if is_dropped else 0o600)
            if IS_ROOT:
                os.chown(place, ALICE if is_dropped else DAEMON.pw_uid,
                         DAEMON.pw_gid)
        self.subjects = there & set(EXPECTED)
        return made

    def run(self, env=None, is_older=False):
        """A daemon, until it has nothing more to do; its log. What is held or
        was given up is let go; an older one may keep what it cannot read."""
        self.configure()
        daemon = self.queue.start(env=env)
        if not is_older:
            self.queue.postrider("queue", "requeue", "all", env=env)
            held = [entry["queue_id"] for entry in self.queue.listing(env=env)
                    if entry["state"] == "held"]
            self.held = len(held)
            for queue_id in held:
                self.queue.postrider("queue", "release", queue_id,
                                     env=env).expect(0)
        self.queue.sendmail("-q", env=env).expect(0)
        with contextlib.suppress(AssertionError):
            daemon.wait(self.queue.is_empty, timeout=4 if is_older else 15)
        daemon.stop()
        return daemon.lines

    def faults(self, with_reasons=True):
        """What has not become of it what must; a line each. The oldest programs
        have reasons of their own in a report."""
        received = self.received()
        wanted = collections.Counter(
            (subject, recipient) for subject in self.subjects
            for recipient in EXPECTED[subject])
        flawed = self.subjects & set(FLAWED)
        wanted[None, SENDER] += len(flawed)
        wrong = [f"no report has: {FLAWED[subject].decode()}"
                   for subject in sorted(flawed)
                   if with_reasons and not any(
                       FLAWED[subject] in mail.content
                       for mail in self.smarthost.messages)]
        if "held" in self.subjects and self.held != 1:
            wrong.append(f"{self.held} messages were held, not 1")
        return wrong + [
            f"{subject or 'the report'} to {recipient}: "
            f"{received[subject, recipient]} times, not "
            f"{wanted[subject, recipient]}"
            for subject, recipient in sorted(set(wanted) | set(received),
                                             key=str)
            if received[subject, recipient] != wanted[subject, recipient]]

    def kept(self):
        """{folder: names} of what it still has."""
        kept = {folder: [name for name in names
                         if not name.startswith("journal.")]
                for folder, names in self.queue.files().items()}
        return {folder: names for folder, names in kept.items() if names}


def subject_of(content):
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        name, _, value = line.decode("utf-8", "replace").partition(": ")
        if name.lower() == "subject":
            return value
    return ""
