"""Running the programs, and looking at what came of it.

    def test_example(programs, tls_smarthost):
        programs.write_config(tls_smarthost)
        result = programs.sendmail("-f", "a@a.example", "b@b.example",
                                   stdin=message("hello"))
        result.expect(0)
        assert tls_smarthost.messages[0].recipients == ["b@b.example"]
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from .wire import localhost

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 60              # seconds; a program that takes longer hangs

SANITIZER = re.compile(
    rb"AddressSanitizer|LeakSanitizer|runtime error:|MemorySanitizer")


def build_directory():
    """$POSTRIDER_BUILD, else the sanitized build if there is one."""
    named = os.environ.get("POSTRIDER_BUILD")
    if named:
        return pathlib.Path(named).resolve()
    sanitized = ROOT / "build" / "sanitized"
    return sanitized if (sanitized / "sendmail").exists() else ROOT / "build"


class Result:
    """How a program ended, and what it wrote."""

    def __init__(self, arguments, status, stdout, stderr, seconds):
        self.arguments, self.status = arguments, status
        self.stdout, self.stderr = stdout, stderr
        self.seconds = seconds

    @property
    def errors(self):
        """Standard error as text."""
        return self.stderr.decode("utf-8", "backslashreplace")

    def expect(self, *statuses):
        """Fail, showing everything, unless the status is one of these."""
        assert self.status in statuses, \
            f"exit status {self.status}, not {statuses}\n{self}"
        return self

    def outcome(self, address):
        """(status word, enhanced code, smarthost's words) from the log."""
        found = outcomes(self.errors).get(address, [])
        assert len(found) == 1, f"{len(found)} outcomes of {address}\n{self}"
        return found[0]

    def __str__(self):
        return (f"$ {' '.join(map(printable, self.arguments))}\n"
                f"exit {self.status} after {self.seconds:.2f} s\n"
                f"stdout: {self.stdout!r}\nstderr:\n{self.errors}")


def printable(argument):
    return os.fsdecode(argument) if isinstance(argument, (bytes, os.PathLike)) \
        else str(argument)


OUTCOME = re.compile(r"to=<(?P<to>[^>]*)>.*?, dsn=(?P<dsn>[0-9.]+), "
                     r"status=(?P<status>[a-z]+)(?: \((?P<words>.*)\))?$", re.M)


def outcomes(log):
    """address -> [(status, enhanced code, words)] of the log's lines."""
    found = {}
    for match in OUTCOME.finditer(log):
        found.setdefault(match["to"], []).append(
            (match["status"], match["dsn"], match["words"] or ""))
    return found


class Programs:
    """The built programs, run in a folder of the test's own."""

    def __init__(self, folder, build=None):
        self.build = pathlib.Path(build or build_directory())
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "postrider.conf"

    def copy_build(self, links=()):
        """Use copies in the folder: other users may not get to the build."""
        copies = self.folder / "bin"
        copies.mkdir(mode=0o755)
        for name in ("sendmail", "postrider", "postrider-oauth"):
            if (self.build / name).exists():
                shutil.copy(self.build / name, copies / name)
        for name in links:
            (copies / name).symlink_to("sendmail")
        self.build = copies

    @property
    def available(self):
        return all((self.build / name).exists()
                   for name in ("sendmail", "postrider"))

    # Configuration

    def write_config(self, smarthost=None, settings=None, extra="", **keys):
        """Write postrider.conf: direct delivery, log on standard error.

        smarthost  a Smarthost: host, port, tls, user and password follow it;
                   a list of them makes several sections; or a port number
        settings   top-level keys that differ: {"domain": "b.example"}
        extra      text to append, for example sender sections
        keys       keys of (each) smarthost section; None leaves one out;
                   password="..." is written to a file for password_file
        """
        top = {"hostname": "client.example", "domain": "a.example",
               "aliases": str(self.folder / "aliases"),
               "delivery": "direct", "log": "stderr"}
        top.update(settings or {})
        text = "".join(setting(k, v) for k, v in top.items())
        if smarthost is None:
            hosts = []
        else:
            hosts = smarthost if isinstance(smarthost, list) else [smarthost]
        for number, host in enumerate(hosts):
            section = self.section(host, number, dict(keys))
            text += f'smarthost "host{number}" {{\n'
            text += "".join("    " + setting(k, v) for k, v in section.items())
            text += "}\n"
        self.config.write_text(text + extra, encoding="utf-8")
        return self.config

    def section(self, host, number, keys):
        """The keys of one smarthost section."""
        if isinstance(host, int):
            section = {"host": localhost(), "port": host, "tls": "none",
                       "auth": "none"}
        else:
            section = {"host": host.host, "port": host.port, "tls": host.tls,
                       "auth": "auto" if host.auth else "none"}
            if host.tls != "none":
                section["tls_ca_file"] = host.certificates.ca
            if host.auth:
                user = next(iter(host.users))
                section["user"] = user
                keys.setdefault("password", host.users[user])
                if host.tls == "none":
                    section["password_in_clear"] = True
        section["timeout"] = "20s"
        password = keys.pop("password", None)
        if password is not None:
            section["password_file"] = str(
                self.secret(f"password{number}", password))
        section.update(keys)
        return {k: v for k, v in section.items() if v is not None}

    def secret(self, name, text):
        """A file that only its owner can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    def write_aliases(self, text):
        (self.folder / "aliases").write_text(text, encoding="utf-8")

    # Running

    def environment(self, env=None):
        """What programs get: nothing but this, and what the test adds."""
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder),
                 "LANG": "C", "POSTRIDER_CONFIG": str(self.config),
                 "ASAN_OPTIONS": "exitcode=99:abort_on_error=0:"
                                 "detect_stack_use_after_return=1",
                 "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:"
                                  "exitcode=99"}
        for name in ("LSAN_OPTIONS", "LLVM_PROFILE_FILE"):
            if name in os.environ:
                clean[name] = os.environ[name]
        clean.update(env or {})
        return {k: v for k, v in clean.items() if v is not None}

    def sendmail(self, *arguments, **options):
        return self.run("sendmail", *arguments, **options)

    def postrider(self, *arguments, **options):
        return self.run("postrider", *arguments, **options)

    def run(self, program, *arguments, stdin=b"", env=None, limit=LIMIT,
            **popen):
        """Run a program to its end, or fail the test after `limit` s.

        stdin is octets, text, or anything subprocess takes. A sanitizer's
        report fails the test, too.
        """
        command = [str(self.build / program), *arguments]
        if isinstance(stdin, str):
            stdin = stdin.encode()
        feed = stdin if isinstance(stdin, bytes) else None
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE if feed is not None else stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment(env), cwd=self.folder,
            start_new_session=True, **popen)
        started = time.monotonic()
        try:
            stdout, stderr = process.communicate(feed, timeout=limit)
        except subprocess.TimeoutExpired:
            kill_group(process)
            stdout, stderr = process.communicate()
            raise AssertionError(str(Result(
                command, f"none: killed after {limit} s", stdout, stderr,
                time.monotonic() - started))) from None
        finally:
            kill_group(process)
        result = Result(command, process.returncode, stdout, stderr,
                        time.monotonic() - started)
        assert not SANITIZER.search(stderr), str(result)
        return result


def kill_group(process):
    """End the process and what it has started: all of one session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def setting(key, value):
    """A line of configuration; strings are quoted."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (list, tuple)):
        value = "{" + ", ".join(quoted(str(v)) for v in value) + "}"
    elif not isinstance(value, int):
        value = quoted(str(value))
    return f"{key} = {value}\n"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Messages

def message(body="hello\n", **fields):
    """A complete message, with LF line ends; fields as in From="...",
    Message_ID=None (left out)."""
    header = {"From": "alice@a.example", "To": "bob@b.example",
              "Subject": "a test", "Date": "Tue, 24 Nov 2026 08:27:29 +0100",
              "Message-ID": "<test@a.example>"}
    header.update({k.replace("_", "-"): v for k, v in fields.items()})
    lines = [f"{k}: {v}\n" for k, v in header.items() if v is not None]
    if isinstance(body, str):
        body = body.encode()
    return "".join(lines).encode() + b"\n" + body


def wire(text):
    """The same octets with CRLF line ends."""
    if isinstance(text, str):
        text = text.encode()
    return re.sub(rb"\r\n|\r|\n", b"\r\n", text)


def without(content, *names):
    """A message without the fields of these names, folding included."""
    header, rest = re.match(rb"(?s)((?:.+\r\n)*)(.*)", content).groups()
    for name in names:
        header = re.sub(rb"(?im)^" + re.escape(name.encode())
                        + rb"[ \t]*:.*\r\n(?:[ \t].*\r\n)*", b"", header)
    return header + rest
