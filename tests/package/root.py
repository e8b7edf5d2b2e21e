"""A separate Debian, which the tests of the package install it into.

A Root is an overlay above another folder, so that it is there at once and
nothing of what a test does stays. Commands run in it by chroot(8).
"""

import os
import pathlib
import re
import socket
import subprocess
import threading

from lib.wire import PATIENCE

SPOOL = "var/spool/postrider"


class Root:
    def __init__(self, lower, folder):
        """Above these folders, the highest first; the new one takes what is
        written. `layers` is what a Root above this one needs, once it is
        closed."""
        self.path = folder / "root"
        self.layers = [folder / "upper", *lower]
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        self._mount("-t", "overlay", "overlay", self.path, "-o",
                    f"lowerdir={':'.join(map(str, lower))},"
                    f"upperdir={folder}/upper,workdir={folder}/work")
        self._mount("-t", "proc", "proc", self.path / "proc")
        self._mount("-t", "devpts", "-o", "newinstance,ptmxmode=666",
                    "devpts", self.path / "dev/pts")
        self.processes = []

    @staticmethod
    def _mount(*arguments):
        subprocess.run(["mount", *arguments], check=True)

    def close(self):
        for process in self.processes:
            process.terminate()
            process.wait(PATIENCE)
        subprocess.run(["umount", "--recursive", "--lazy", self.path],
                       check=True)

    def __truediv__(self, path):
        return self.path / str(path).lstrip("/")

    def command(self, arguments, user="root"):
        return ["chroot", f"--userspec={user}", str(self.path), *arguments]

    @staticmethod
    def environment(**changes):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                "DEBIAN_FRONTEND": "noninteractive", "HOME": "/", **changes}

    def run(self, *arguments, user="root", text="", status=0, **environment):
        """What it prints; the test fails if it ends with another status."""
        result = subprocess.run(
            self.command(arguments, user), input=text, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
            env=self.environment(**environment), check=False)
        assert result.returncode == status, \
            f"{' '.join(arguments)}: {result.returncode}\n{result.stdout}"
        return result.stdout

    def start(self, *arguments, user="root", **options):
        process = subprocess.Popen(self.command(arguments, user),
                                   env=self.environment(), **options)
        self.processes.append(process)
        return process

    def apt(self, *arguments, **environment):
        return self.run("apt-get", "-qy", "--no-install-recommends",
                        "-oDpkg::Options::=--force-confold", *arguments,
                        **environment)

    def install(self, deb):
        """Install this file, or this version of the package."""
        name = f"/tmp/{deb.name}"
        (self / name).write_bytes(deb.read_bytes())
        return self.apt("install", name)

    def preseed(self, smarthost, user="", password="", root=""):
        lines = (f"postrider postrider/smarthost string {smarthost}",
                 f"postrider postrider/user string {user}",
                 f"postrider postrider/password password {password}",
                 f"postrider postrider/root string {root}")
        self.run("debconf-set-selections", text="\n".join(lines) + "\n")

    def send(self, recipient="bob@b.example", user="www-data"):
        self.run("sendmail", recipient, user=user,
                 text="Subject: hello\n\nhello\n")

    def listed(self):
        """How many messages mailq shows."""
        return self.run("mailq").count("@b.example")

    def mail(self):
        """The names of the files that are mail."""
        return [path for folder in ("drop", "queue", "failed")
                for path in (self / SPOOL / folder).glob("*")]

    def mode(self, path):
        """owner:group mode, as stat(1) in there has it."""
        return self.run("stat", "-c", "%U:%G %a", path).strip()


class Syslog:
    """What programs in a root say to syslog."""

    def __init__(self, root):
        self.path = root / "dev/log"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        os.chmod(self.path, 0o666)
        self.lines = []
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while line := self.socket.recv(65536).decode():
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def wait_for(self, pattern):
        def find():
            return any(re.search(pattern, line) for line in self.lines)
        with self.changed:
            assert self.changed.wait_for(find, PATIENCE), "".join(self.lines)


def package(deb, folder, version, changes=None):
    """A package like this one with another version; changes maps paths in it
    to functions from the old text to the new."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    changed = {"DEBIAN/control": lambda text: re.sub(
        r"(?m)^Version: .*$", f"Version: {version}", text), **(changes or {})}
    for name, change in changed.items():
        path = pathlib.Path(tree / name)
        path.write_text(change(path.read_text()))
    result = folder / f"postrider_{version}_all.deb"
    subprocess.run(["dpkg-deb", "-b", "-Znone", tree, result], check=True,
                   stdout=subprocess.DEVNULL)
    return result
