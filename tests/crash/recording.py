"""The operations on the disk of one scenario, in the order in which the kernel
did them, from a trace by strace(1)."""

import collections
import pathlib
import re
import shutil
import subprocess
import sys

from crash.contents import Told

PLAY = pathlib.Path(__file__).parent / "play.py"

# A call that changes files and is not among these shows at the end: the files
# that the operations make are compared with those that are there.
CALLS = ("openat openat2 link linkat rename renameat renameat2 unlink unlinkat "
         "write pwrite64 writev ftruncate sendfile copy_file_range fsync "
         "fdatasync sync_file_range")

Create = collections.namedtuple("Create", "path file")      # a name appears
Rename = collections.namedtuple("Rename", "path to")
Unlink = collections.namedtuple("Unlink", "path")
Write = collections.namedtuple("Write", "file data")        # at the end
Truncate = collections.namedtuple("Truncate", "file size")
Sync = collections.namedtuple("Sync", "file folder")        # one of the two

NAMES = (Create, Rename, Unlink)
DATA = (Write, Truncate)

LINE = re.compile(r"(\d+) +(.*)")
RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})+)>")
RESULT = re.compile(r"\) += (-?\d+)")


def octets(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Recording:
    """Operations, and the files that were there before."""

    def __init__(self, scenario, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o755)
        trace = self.folder / "trace"
        subprocess.run(
            ["strace", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-o", trace,
             "-e", "trace=" + ",".join(CALLS.split()),
             sys.executable, PLAY, scenario, self.folder], check=True)
        self.initial = read_files(self.folder / "initial")
        reader = _Reader(self.initial)
        with trace.open() as lines:
            for line in lines:
                reader.line(line)
        self.operations = reader.operations
        final = read_files(self.folder / "final")
        assert reader.files() == final, \
            f"{scenario}: the trace does not have all that was done"
        shutil.rmtree(self.folder)


def read_files(spool):
    """{"drop/ID": octets} of all files there."""
    return {str(path.relative_to(spool)): path.read_bytes()
            for path in spool.rglob("*") if path.is_file()}


class _Reader:
    """Each file is a number, as names come and go."""

    def __init__(self, initial):
        self.operations = []
        self._spool = None
        self._unfinished = {}
        self._linked = {}               # (pid, descriptor) -> path of a file
        self._known = {path: number for number, path in enumerate(initial)}
        self._content = dict(enumerate(initial.values()))
        self._names = dict(self._known)

    def files(self):
        return {path: self._content[file]
                for path, file in self._names.items()}

    def line(self, line):
        match = LINE.match(line)
        if not match:
            return
        process, text = match.groups()
        if text.endswith("<unfinished ...>"):
            self._unfinished[process] = text[:-len("<unfinished ...>")].rstrip()
            return
        resumed = RESUMED.match(text)
        if resumed:
            text = self._unfinished.pop(process, "") + resumed.group(1)
        result = RESULT.search(text)
        name = text.partition("(")[0]
        if result and int(result.group(1)) >= 0:
            self._call(process, name, text, int(result.group(1)))

    def _call(self, process, name, text, result):
        strings = [octets(t) for t in HEX.findall(text)]
        descriptors = [(int(number), octets(path).decode())
                       for number, path in DESCRIPTOR.findall(text)]
        if name == "write" and descriptors[0][1].endswith("/events"):
            self._told(strings[0].decode().split())
        elif self._spool:
            handler = getattr(self, "_" + name.rstrip("0123456789"), None)
            assert handler or not self._is_ours(descriptors), text
            if handler:
                handler(process, text, strings, descriptors, result)

    def _told(self, words):
        if words[0] == "start":
            self._spool = words[1]
        elif words[0] == "end":
            self._spool = None
        else:
            self.operations.append(Told(*words[:3], tuple(words[3:])))

    def _is_ours(self, descriptors):
        return any(path.startswith(self._spool) for _, path in descriptors)

    def _path(self, folder, name):
        """In the spool, or None."""
        name = name.decode()
        path = name if name.startswith("/") else f"{folder}/{name}"
        return self._within(path)

    def _within(self, path):
        if not path.startswith(self._spool + "/"):
            return None
        return path[len(self._spool) + 1:]

    def _file(self, descriptor):
        """The file's number, or None for one that is not ours."""
        return self._known.get(self._within(descriptor[1]))

    def _new(self):
        self._content[len(self._content)] = b""
        return len(self._content) - 1

    # System calls

    def _openat(self, process, text, strings, descriptors, _):
        opened = descriptors[-1]
        if "O_TMPFILE" in text:
            path = self._within(opened[1])
            if path:
                self._known[path] = self._new()
                self._linked[process, opened[0]] = path
            return
        path = self._path(descriptors[0][1], strings[0])
        if path is None or "O_CREAT" not in text and "O_TRUNC" not in text:
            return
        if path not in self._names:
            self._names[path] = self._known[path] = self._new()
            self.operations.append(Create(path, self._names[path]))
        elif "O_TRUNC" in text and self._content[self._names[path]]:
            self._cut(self._names[path], 0)

    def _write(self, process, text, strings, descriptors, result):
        file = self._file(descriptors[0])
        if file is not None:
            self._append(file, strings[0][:result])

    def _sendfile(self, process, text, strings, descriptors, result):
        to, source = map(self._file, descriptors[:2])
        if to is not None:
            begin = len(self._content[to])
            self._append(to, self._content[source][begin:begin + result])

    def _ftruncate(self, process, text, strings, descriptors, _):
        file = self._file(descriptors[0])
        if file is not None:
            self._cut(file, int(text.rsplit(", ", 1)[1].partition(")")[0]))

    def _append(self, file, data):
        self._content[file] += data
        self.operations.append(Write(file, data))

    def _cut(self, file, size):
        self._content[file] = self._content[file][:size]
        self.operations.append(Truncate(file, size))

    def _fsync(self, process, text, strings, descriptors, _):
        file = self._file(descriptors[0])
        folder = self._within(descriptors[0][1] + "/")
        if file is not None:
            self.operations.append(Sync(file, None))
        elif folder is not None:
            self.operations.append(Sync(None, folder.strip("/")))

    _fdatasync = _fsync

    def _linkat(self, process, text, strings, descriptors, _):
        to = self._path(descriptors[-1][1], strings[-1])
        if to is None:
            return
        source = strings[0].decode()
        number = re.fullmatch("/proc/self/fd/([0-9]+)", source)
        path = self._linked[process, int(number[1])] if number \
            else self._path(descriptors[0][1], strings[0])
        self._names[to] = self._known[to] = self._known[path]
        self.operations.append(Create(to, self._names[to]))

    def _renameat(self, process, text, strings, descriptors, _):
        path = self._path(descriptors[0][1], strings[0])
        to = self._path(descriptors[-1][1], strings[1])
        if path in self._names:
            self._names[to] = self._known[to] = self._names.pop(path)
            self.operations.append(Rename(path, to))

    def _unlinkat(self, process, text, strings, descriptors, _):
        path = self._path(descriptors[0][1], strings[0])
        if self._names.pop(path, None) is not None:
            self.operations.append(Unlink(path))
