"""The files of tests/callers/cases; README.md describes the format."""

import dataclasses
import platform
import re

# Keys that a case has once, and what they are if not given.
KEYS = {
    "users": "alice",           # each of them runs the script
    "from": "{user}@example.com",
    "to": "to1@dest.example",   # envelope recipients
    "messages": "1",            # how many come, all the same to the checks
    "body": "body",             # a file of tests/callers/data
    "exit": "0",
    "output": "",               # a pattern that standard output matches
    "daemon": "",               # runs as root from before the script until ...
    "direct": "no",             # yes: once more with delivery = direct
}
LISTS = ("field", "holds", "parameter")      # may be given several times


@dataclasses.dataclass
class Case:
    caller: str
    name: str
    settings: dict
    script: str = ""

    def __getitem__(self, key):
        return self.settings[key]

    def words(self, key):
        return self.settings[key].split()


@dataclasses.dataclass
class Caller:
    """A program: what must be installed, how it is set up, its cases."""
    name: str
    packages: list
    setup: str
    cases: list
    debian: list        # the releases that have the packages; none: all


class Reader:
    """Lines of a file, taken one after the other."""

    def __init__(self, path):
        self.path = path
        self.caller = Caller(path.name, [], "", [], [])
        self.common = {**KEYS, **{key: () for key in LISTS}}
        self.block = None           # what an indented line is appended to

    def read(self):
        for number, line in enumerate(
                self.path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                self.take(line)
            except ValueError as error:
                raise SystemExit(f"{self.path}:{number}: {error}") from None
        cases = self.caller.cases
        if not cases or not all(case.script for case in cases):
            raise SystemExit(f"{self.path}: a case without a script, or none")
        return self.caller

    def take(self, line):
        if line.startswith("    ") or not line:
            self.append(line[4:] + "\n")
            return
        if line.startswith("#"):
            return
        match = re.fullmatch(r"([a-z]+):\s*(.*)", line)
        if not match:
            raise ValueError("neither a key nor part of a script")
        self.set(*match.groups())

    def append(self, line):
        if self.block == "setup":
            self.caller.setup += line
        elif self.block == "script":
            self.caller.cases[-1].script += line if line.strip() or \
                self.caller.cases[-1].script else ""
        elif line.strip():
            raise ValueError("a script belongs to a case or to setup")

    def set(self, key, value):
        if key == "packages":
            self.caller.packages += value.split()
        elif key == "debian":
            self.caller.debian += value.split()
        elif key == "setup":
            self.block = "setup"
        elif key == "case":
            self.caller.cases.append(
                Case(self.caller.name, value, dict(self.common)))
            self.block = "script"
        elif key in KEYS:
            self.settings()[key] = value
        elif key in LISTS:
            self.settings()[key] += (value,)
        else:
            raise ValueError(f"unknown key {key}")

    def settings(self):
        """Those of the case, or what all cases of the file begin with."""
        cases = self.caller.cases
        return cases[-1].settings if cases else self.common


def read_callers(folder, names=()):
    """The callers of these names, or all of them; without those that this
    host's release of Debian does not have."""
    paths = [folder / name for name in names] or sorted(folder.iterdir())
    release = platform.freedesktop_os_release().get("VERSION_ID")
    return [caller for caller in (Reader(path).read() for path in paths)
            if not caller.debian or release in caller.debian]
