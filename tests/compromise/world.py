"""A daemon at work, its neighbours, and each of its processes where a hostile
peer has its attention."""

import contextlib
import json
import mmap
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from lib.compiler import compile_c
from lib.harness import message, setting
from lib.queue import DAEMON, ID, Queue, message_file, random_id, user
from lib.smarthost import Smarthost

HERE = pathlib.Path(__file__).parent
PATIENCE = 60           # seconds; the end of a run that has gone wrong
TO, LATER, SLOW = "b@b.example", "later@b.example", "slow@a.example"
# A login whose access token has no life left.
TOKENS = {"version": 1, "client_id": "an-application", "access_token": "old",
          "obtained": 1, "expires": 2, "refresh_token": "x", "login": 1}

# struct shared of payload_load.c
STATE, PROCESS, PLAN, REPORT = 0, 4, 8, 8 + 65536
SIZE = REPORT + 131072
WANTED, TAKEN, LOOKED_AT, DONE = range(1, 5)


def build_payload(folder):
    library = folder / "payload.so"
    sources = sorted(HERE.glob("payload_*.c"))
    compile_c("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC",
              "-o", library, *sources, "-ldl")
    return library


class Payload:
    """The memory that is shared with the payload."""

    def __init__(self, folder):
        path = folder / "payload"
        path.write_bytes(bytes(SIZE))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)
        self.environment = {"LD_PRELOAD": str(build_payload(folder)),
                            "POSTRIDER_PAYLOAD": str(path)}

    def close(self):
        self._memory.close()

    def take(self, process):
        """Its descriptors stay as they are from now on."""
        self._memory[STATE:PLAN] = struct.pack("=ii", WANTED, process)
        self._wait(TAKEN)

    def run(self, plan):
        """[(text, errno)] of what the payload reports."""
        text = "\n".join(plan).encode() + b"\0"
        self._memory[PLAN:PLAN + len(text)] = text
        self._memory[STATE:PROCESS] = struct.pack("=i", LOOKED_AT)
        self._wait(DONE)
        return [(text, int(error)) for text, _, error in
                (line.rpartition("\t")
                 for line in self._report().splitlines())]

    def _wait(self, state):
        end = time.monotonic() + PATIENCE
        while self._memory[STATE:PROCESS] != struct.pack("=i", state):
            assert time.monotonic() < end, \
                "the payload was waited for in vain:\n" + "\n".join(
                    self._report().splitlines()[-5:])
            time.sleep(0.01)

    def _report(self):
        return self._memory[REPORT:].partition(b"\0")[0].decode()


class Silent:
    """A server that takes connections, and says nothing."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._peers = []

    def wait_for_client(self):
        self._listener.settimeout(PATIENCE)
        self._peers.append(self._listener.accept()[0])
        return self._peers[-1]

    def close(self):
        for peer in [self._listener, *self._peers]:
            peer.close()


class World:
    """`names` has what acts are done to: a name in <> and what it is here."""

    def __init__(self, build):
        self._open = contextlib.ExitStack()
        # Below /tmp, a server has the rights of temporary files.
        tempfile.tempdir = "/dev/shm"
        os.environ["POSTRIDER_BUILD"] = str(build)
        self.queue = Queue()
        self._open.callback(self.queue.close)
        shutil.copy(build / "compromise" / "sendmail",
                    self.queue.build / "sendmail")
        self.payload = Payload(self.queue.folder)
        self._open.callback(self.payload.close)
        self.smarthost = self._open.enter_context(Smarthost())
        self.smarthost.recipients[LATER] = "450 4.2.1 not now"
        self.silent, self.issuer = Silent(), Silent()
        self._open.callback(self.silent.close)
        self._open.callback(self.issuer.close)
        self.names = {}
        self._make_neighbours()

    def close(self):
        self._open.close()

    # What there is beside the daemon

    def _folder(self, name, owner=True):
        path = self.queue.folder / name
        path.mkdir(mode=0o700)
        if owner:
            self.queue.give(path)
        return path

    def _file(self, path, mode=0o600):
        path.write_bytes(b"precious\n")
        path.chmod(mode)
        self.queue.give(path)
        return path

    def _make_neighbours(self):
        own = self._folder("own")
        passwords, tokens = self._folder("secrets"), self._folder("oauth")
        metrics = self._folder("metrics")
        self.queue.write_aliases("root: b@b.example\n")
        other = self._open.enter_context(socket.socket(socket.AF_UNIX))
        other.bind(str(self.queue.folder / "other"))
        (self.queue.folder / "other").chmod(0o777)
        other.listen()
        abstract = self._open.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind("\0" + self.queue.folder.name)
        abstract.listen()
        self._stranger = subprocess.Popen(["sleep", "3600"],
                                          **user(DAEMON.pw_uid))
        self._open.callback(self._stranger.wait)
        self._open.callback(self._stranger.kill)
        spool = self.queue.spool
        self.names |= {
            "configuration": self.queue.config,
            "aliases": self.queue.folder / "aliases",
            "password file": self._file(passwords / "password", 0o400),
            "tokens": tokens / "m365.json",
            "another file of the daemon's user": self._file(own / "file"),
            "program": self.queue.build / "postrider",
            "metrics": metrics / "metrics", "metrics' folder": metrics,
            "passwords' folder": passwords, "tokens' folder": tokens,
            "folder of the daemon's user": own,
            "spool": spool, "run folder": self.queue.run_folder,
            "drop/": spool / "drop", "queue/": spool / "queue",
            "state/": spool / "state", "failed/": spool / "failed",
            "control socket": self.queue.control,
            "other socket": self.queue.folder / "other",
            "abstract name": self.queue.folder.name,
            "stranger": self._stranger.pid,
            "smarthost's port": self.smarthost.port,
            "other port": self._other_port(),
        }

    def _other_port(self):
        other = self._open.enter_context(
            socket.create_server(("127.0.0.1", 0)))
        return other.getsockname()[1]

    # The daemon

    def start(self):
        """A daemon at work: a message in each folder, a worker that waits for
        more mail, and a login that is being renewed."""
        spool, submit = self.queue.spool, self.queue.run_folder / "submit"
        newer, clients, failed = random_id(), random_id(), random_id()
        self._file(spool / "failed" / failed)
        for name in newer, clients:
            self.queue.write_drop(name, message_file(name).replace(
                b"postrider 1", b"postrider 9", 1))
        # As a server leaves it there for a client of the daemon's socket.
        self.queue.give(spool / "drop" / clients)
        self.queue.write_config(
            [self.smarthost, self.silent.port], extra=self._more_sections(),
            settings={"metrics": str(self.names["metrics"]),
                      "listen": [str(submit)], "retry_first": "1h",
                      "retry_longest": "1h"})
        # Of root's groups it must keep none.
        daemon = self.queue.start(env=self.payload.environment,
                                  extra_groups=[0])
        for recipient in (LATER, TO):
            self.queue.sendmail(recipient, stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        daemon.wait_until_removed(1)
        assert self.issuer.wait_for_client().recv(1), "no ClientHello"
        queued, = (name for name in self.queue.names("queue")
                   if ID.fullmatch(name))
        journal, = (name for name in self.queue.names("state")
                    if name.startswith("journal."))
        worker, = daemon.workers()
        self.names |= {
            "message in drop/": spool / "drop" / newer,
            "message of a client in drop/": spool / "drop" / clients,
            "message in queue/": spool / "queue" / queued,
            "its state": spool / "state" / queued,
            "message in failed/": spool / "failed" / failed,
            "journal": spool / "state" / journal,
            "launcher": daemon.pid, "manager": daemon.managers()[0],
            "worker": worker}
        self.daemon = daemon

    def _more_sections(self):
        """A sender whose smarthost is silent, and a login that is stale."""
        tokens = self.names["tokens"]
        keys = {"token_url": f"https://localhost:{self.issuer.port}/token",
                "client_id": "an-application", "scope": "send",
                "device_url": f"https://localhost:{self.issuer.port}/device",
                "state": str(tokens.parent), "renew": "24s"}
        tokens.write_text(json.dumps(
            {**TOKENS, "token_url": keys["token_url"]}))
        self.queue.give(tokens)
        tokens.chmod(0o600)
        return f'sender "{SLOW}" {{ smarthost = "host1" }}\n' \
            'oauth "m365" {\n' + "".join(
                "    " + setting(*key) for key in keys.items()) + "}\n"

    # Its processes, by the names of the table: each returns a pid

    def manager(self):
        return self.names["manager"]

    def worker(self):
        return self.names["worker"]

    def opening_worker(self):
        """One whose smarthost has not yet said anything."""
        self.queue.sendmail("-f", SLOW, TO, stdin=message()).expect(0)
        self.silent.wait_for_client()
        pid, = set(self.daemon.workers()) - {self.names["worker"]}
        return pid

    def server(self):
        """sendmail -bs, as it has greeted its client."""
        client = self._open.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(str(self.queue.run_folder / "submit"))
        assert client.recv(4) == b"220 "
        pid, = self.daemon.children("sendmail")
        return pid

    def renewal(self):
        """The launcher's child that has a login renewed."""
        pid, = self.daemon.children("postrider-rnw")
        return pid

    def oauth(self):
        """postrider-oauth, as it waits for an authorization server."""
        pid, = children(self.renewal(), "postrider-oauth")
        return pid


def children(pid, name):
    """Its children of that name."""
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()
            if pathlib.Path(f"/proc/{child}/comm").read_text() == name + "\n"]
