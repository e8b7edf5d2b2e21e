"""What systemd and AppArmor are told about the programs.

systemd itself seldom runs where tests do: its tools judge the units, and strace
shows whether the programs keep to what the units allow.
"""

import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess

import pytest
from lib.harness import ROOT
from lib.queue import ALICE, DAEMON, FOLDERS, IS_ROOT, as_root, user

UNITS = ROOT / "packaging" / "systemd"
PROFILES = ROOT / "packaging" / "apparmor"
SERVICES = ["postrider.service", "postrider@.service",
            "postrider-smtp@.service", "postrider-queue@.service"]
FAILURE = "postrider-failure@.service"
EXPOSURE = 13           # tenths, as systemd-analyze counts them
TO = "b@b.example"


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None,
                              reason=f"needs {program}")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=60, **options)


# The units

@needs("systemd-analyze")
@pytest.mark.parametrize("name", [*SERVICES, FAILURE])
def test_little_is_exposed(name):
    result = run("systemd-analyze", "security", "--offline=true",
                 f"--threshold={EXPOSURE}", UNITS / name)
    assert result.returncode == 0, result.stdout


@needs("systemd-analyze")
def test_units_are_valid(queue):
    """As they are installed: with the programs where they are."""
    names = [path.name for path in UNITS.glob("postrider*.*")]
    for name in names:
        text = (UNITS / name).read_text().replace("/usr/sbin", str(queue.build))
        (queue.folder / name).write_text(text)
    assert set(SERVICES) < set(names)
    result = run("systemd-analyze", "verify", "--man=no",
                 *(queue.folder / name for name in names))
    assert (result.returncode, result.stdout) == (0, "")


def test_a_second_queue_has_the_same_sandbox():
    """Only its places and its order differ."""
    own = ("Description=", "After=", "RequiresMountsFor=", "ReadWritePaths=",
           "Environment=POSTRIDER_CONFIG=", "Also=")
    first, second = (
        [line for line in (UNITS / name).read_text().splitlines()
         if not line.startswith(own)]
        for name in ("postrider.service", "postrider-queue@.service"))
    assert first == second


def command(key, instance):
    """The command of the unit for failures, as systemd makes it."""
    text = (UNITS / FAILURE).read_text().replace("\\\n", " ")
    words = shlex.split(re.search(rf"(?m)^{key}=(.*)$", text).group(1))
    assert not any("\\" in word for word in words), "would be an escape"
    return [word.replace("$$", "$").replace("%i", instance) for word in words]


@as_root
def test_failure_of_a_unit_is_mailed(queue, smarthost):
    """With its status and its last lines, whatever these have."""
    queue.write_config(smarthost, settings={"local_recipient": TO})
    tools = queue.folder / "tools"
    tools.mkdir()
    for name in ("systemctl", "journalctl"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*"\n'
                                  'echo .; echo café; exit 3\n',
                                  encoding="utf-8")
        (tools / name).chmod(0o755)
    queue.folder.chmod(0o755)
    run_it = [word.replace("/usr/sbin", str(queue.build)) for word in
              command("ExecStart", "back\\x2dup@a.service")]
    environment = queue.environment()
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    result = run(*run_it, env=environment, **user(DAEMON.pw_uid))
    assert (result.returncode, result.stdout) == (0, "")
    with queue.daemon():
        (received,) = smarthost.wait_for_messages(1)
    assert received.recipients == [TO]
    text = received.content.decode()
    assert f"Subject: back\\x2dup@a.service failed on {os.uname().nodename}" \
        in text
    assert re.search(r"(?m)^systemctl status .* back\\x2dup@a\.service\r$",
                     text)
    assert re.search(r"(?m)^journalctl .*--lines=50 --unit=back\\x2dup@a\."
                     r"service\r\n\.\r\ncafé\r$", text)


@pytest.mark.parametrize("instance, goes_on", [
    ("backup.service", True), ("postrider.service", True),
    (FAILURE.replace("@", "@backup.service"), False),
])
def test_failure_of_its_own_is_not_mailed(instance, goes_on):
    result = run(*command("ExecCondition", instance))
    assert (result.returncode == 0) == goes_on, result.stdout


@needs("systemd-sysusers")
def test_user_is_made(tmp_path):
    (tmp_path / "etc").mkdir()
    result = run("systemd-sysusers", f"--root={tmp_path}",
                 UNITS / "sysusers.d" / "postrider.conf")
    assert result.returncode == 0, result.stdout
    (entry,) = (tmp_path / "etc" / "passwd").read_text().splitlines()
    name, _, uid, gid, *_, home, shell = entry.split(":")
    assert (name, home) == ("postrider", "/var/lib/postrider")
    assert shell.endswith("/nologin") and 0 < int(uid) < 1000
    (group,) = (tmp_path / "etc" / "group").read_text().splitlines()
    assert group == f"postrider:x:{gid}:"


@pytest.fixture(name="tmpfiles")
def fixture_tmpfiles(queue):
    """Runs systemd-tmpfiles on a root in which the daemon is postrider."""
    (queue.folder / "etc").mkdir()
    (queue.folder / "etc" / "passwd").write_text(
        "root:x:0:0::/:/bin/sh\n"
        f"postrider:x:{DAEMON.pw_uid}:{DAEMON.pw_gid}::/:/bin/sh\n")
    (queue.folder / "etc" / "group").write_text(
        f"root:x:0:\npostrider:x:{DAEMON.pw_gid}:\n")

    def tmpfiles(*options, lines=""):
        extra = queue.folder / "extra.conf"
        extra.write_text(lines)
        result = run("systemd-tmpfiles", f"--root={queue.folder}", *options,
                     UNITS / "tmpfiles.d" / "postrider.conf", extra)
        assert result.returncode == 0, result.stdout
    return tmpfiles


@as_root
@needs("systemd-tmpfiles")
def test_spool_is_made_as_the_daemon_wants_it(queue, tmpfiles):
    tmpfiles("--create")
    queue.spool = queue.folder / "var/spool/postrider"
    queue.control = queue.folder / "run/postrider/control"
    queue.write_config()
    for name, mode in FOLDERS.items():
        assert (queue.spool / name).stat().st_mode & 0o7777 == mode
    with queue.daemon() as daemon:
        assert "started: 0 queued" in daemon.log
        assert queue.control.is_socket()


@as_root
@needs("systemd-tmpfiles")
def test_mail_is_never_cleaned_away(queue, tmpfiles):
    """However old, and whatever a line for the folder above says."""
    tmpfiles("--create")
    spool = queue.folder / "var/spool"
    kept = [spool / "postrider" / folder / ("0" * 32) for folder in FOLDERS]
    for path in [*kept, spool / "litter"]:
        path.write_text("old")
        os.utime(path, (0, 0))
    tmpfiles("--clean", "--remove", lines="d /var/spool 0755 root root 1s -\n")
    assert all(path.exists() for path in kept)


def directives(name, key):
    """The values of a unit's directive, in order."""
    return re.findall(rf"(?m)^{key}=(.*)$", (UNITS / name).read_text())


def system_calls(groups):
    """The system calls in groups as SystemCallFilter= has them."""
    calls = set()
    for word in groups:
        if not word.startswith("@"):
            calls.add(word)
            continue
        listed = run("systemd-analyze", "syscall-filter", word).stdout
        calls |= system_calls(re.findall(r"(?m)^    ([a-z@][^ #\n]*)$",
                                         listed))
    return calls


def allowed_calls(name):
    allowed = set()
    for value in directives(name, "SystemCallFilter"):
        if value.startswith("~"):
            allowed -= system_calls(value[1:].split())
        else:
            allowed |= system_calls(value.split())
    return allowed


# AppArmor

@needs("apparmor_parser")
@pytest.mark.parametrize("name", ["postrider", "postrider-sendmail"])
def test_profile_is_valid(name):
    result = run("apparmor_parser", "-QT", PROFILES / name)
    assert result.returncode == 0, result.stdout


@needs("apparmor_parser")
def test_callers_can_include_what_they_need(tmp_path):
    profile = tmp_path / "caller"
    profile.write_text("include <tunables/global>\n"
                       "profile caller /usr/bin/caller {\n"
                       "  include <abstractions/postrider>\n}\n")
    result = run("apparmor_parser", "-QT", "-I", PROFILES, profile)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_unit_enters_a_profile_there_is(name):
    (profile,) = directives(name, "AppArmorProfile")
    assert profile.startswith("-")      # it need not be loaded
    assert re.search(rf"(?m)^profile {profile[1:]} ",
                     (PROFILES / profile[1:]).read_text())


# What the programs do, against what the units allow

# Asked for in vain, and no harm done: no core by LimitCORE=, and where there
# is not a list of interfaces, all families of addresses are tried.
DISPENSABLE = {"setrlimit", "prlimit64"}
DISPENSABLE_FAMILIES = {"AF_NETLINK"}


class Trace:
    """Programs under strace; plain builds, since sanitizers do other things."""

    def __init__(self, queue):
        self.queue, self.count = queue, 0
        self.real = queue.folder / "real"
        self.real.mkdir(mode=0o755)
        for name in ("sendmail", "postrider"):
            shutil.copy(ROOT / "build" / name, self.real / name)
            path = queue.build / name
            path.unlink()
            path.write_text(
                f'#!/bin/sh\nexec strace -f -qq -o {queue.folder}/trace.$$'
                f' {"-u " + DAEMON.pw_name if IS_ROOT else ""}'
                f' {self.real}/{name} "$@"\n')
            path.chmod(0o755)

    def lines(self):
        return [line for path in sorted(self.queue.folder.glob("trace.*"))
                for line in path.read_text(errors="replace").splitlines()]

    def calls(self):
        found = {match[1] for line in self.lines()
                 if (match := re.match(r"\d+ +([a-z_0-9]+)\(", line))}
        assert "execve" in found
        return found - DISPENSABLE

    def families(self):
        return {match[1] for line in self.lines() if (match := re.match(
            r"\d+ +socket(?:pair)?\((AF_[A-Z0-9]+)", line))
                } - DISPENSABLE_FAMILIES


def client(path, *lines, uid=None):
    """What an SMTP client of this user reads, which sends all at once."""
    code = ("import socket, sys\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[1])\n"
            "s.sendall(sys.stdin.buffer.read())\n"
            "while data := s.recv(65536):\n"
            "    sys.stdout.buffer.write(data)\n")
    result = subprocess.run(
        ["/usr/bin/python3", "-c", code, str(path)],
        input="".join(line + "\r\n" for line in lines).encode(),
        stdout=subprocess.PIPE, timeout=60, check=True,
        **(user(uid) if uid is not None else {}))
    return result.stdout.decode()


TRANSACTION = ["EHLO client.example", "MAIL FROM:<a@a.example>",
               f"RCPT TO:<{TO}>", "DATA", "From: a@a.example",
               "Subject: hello", "", "hello", "."]
CHUNKS = ["MAIL FROM:<a@a.example>", f"RCPT TO:<{TO}>", "BDAT 16",
          "Subject: hello", "BDAT 9 LAST", "", "hello"]


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return path.read_text().split()


@needs("strace")
@needs("systemd-analyze")
def test_daemon_keeps_to_its_unit(queue, tls_smarthost):
    """With TLS, a password_command, SMTP, metrics, a reload."""
    trace = Trace(queue)
    path = queue.run_folder / "submit"
    queue.write_config(tls_smarthost, password=None,
                       password_command="/bin/echo opensesame",
                       settings={"listen": [str(path)],
                                 "metrics": str(queue.run_folder / "m.prom")})
    with queue.daemon() as daemon:
        assert "Ok: queued" in client(path, *TRANSACTION, "QUIT")
        daemon.wait_until_removed(1)
        (pid,) = map(int, children(daemon.pid))     # below strace
        os.kill(pid, signal.SIGHUP)
        daemon.wait_for("daemon: started", 2)
        os.kill(pid, signal.SIGTERM)
        daemon.wait_end()
    assert len(tls_smarthost.messages) == 1
    assert trace.calls() - allowed_calls("postrider.service") == set()
    (families,) = directives("postrider.service", "RestrictAddressFamilies")
    assert trace.families() - set(families.split()) == set()


@needs("strace")
@needs("systemd-analyze")
@pytest.mark.parametrize("name", SERVICES[1:])
def test_server_keeps_to_its_unit(queue, name):
    """With chunks, and an alias file that is included."""
    trace = Trace(queue)
    queue.write_config(2525)
    (queue.folder / "list").write_text("c@c.example, d@d.example\n")
    queue.write_aliases(f"list: :include:{queue.folder}/list\n")
    ours, theirs = socket.socketpair()
    with subprocess.Popen([str(queue.build / "sendmail"), "-bs"],
                          stdin=theirs, stdout=theirs,
                          env=queue.environment()) as process:
        theirs.close()
        ours.sendall("".join(line + "\r\n" for line in [
            *TRANSACTION, *CHUNKS, "EXPN list", "QUIT"]).encode())
        with ours.makefile() as replies:
            heard = replies.read()
        ours.close()
    assert process.returncode == 0
    assert heard.count("Ok: queued") == 2 and "<d@d.example>" in heard
    assert len(queue.names("drop")) == 2
    assert trace.calls() - allowed_calls(name) == set()
    assert trace.families() <= set(*map(str.split, directives(
        name, "RestrictAddressFamilies")))


# Socket units, and the daemon beside them

@pytest.fixture(name="unit_socket")
def fixture_unit_socket(queue):
    """postrider.socket, as systemd-socket-activate does it: the path."""
    path = queue.run_folder / "submit"
    if not shutil.which("systemd-socket-activate"):
        pytest.skip("needs systemd-socket-activate")
    with subprocess.Popen(
            ["systemd-socket-activate", "--accept", "--inetd", "-l", str(path),
             f"--setenv=POSTRIDER_CONFIG={queue.config}",
             *(["/usr/bin/setpriv", f"--reuid={DAEMON.pw_uid}",
                f"--regid={DAEMON.pw_gid}", "--clear-groups"]
               if IS_ROOT else []),
             str(queue.build / "sendmail"), "-bs"],
            stderr=subprocess.PIPE, text=True) as process:
        assert "Listening on" in process.stderr.readline()
        path.chmod(0o666)                           # SocketMode=
        yield path
        process.kill()
        process.stderr.read()


def test_daemon_leaves_its_path_to_a_socket_unit(queue, smarthost,
                                                  unit_socket):
    queue.write_config(smarthost, settings={"listen": [str(unit_socket)]})
    uid = ALICE if IS_ROOT else os.getuid()
    with queue.daemon() as daemon:
        assert daemon.find(f"{unit_socket}: left to another"), daemon.log
        replies = client(unit_socket, *TRANSACTION, "QUIT", uid=uid)
        assert "Ok: queued" in replies
        daemon.wait_until_removed(1)
        # The server says whose it is, and the daemon's user is believed.
        assert daemon.find(f": uid={uid} from=<a@a.example>")
    # And no other user: the socket is there, and takes mail without a daemon.
    assert "Ok: queued" in client(unit_socket, *TRANSACTION, *CHUNKS, "QUIT",
                                  uid=uid)
    assert len(queue.names("drop")) == 2
    with queue.daemon() as daemon:
        daemon.wait_until_removed(2)


@as_root
def test_socket_of_a_stranger_is_no_unit(queue):
    """Mail is not left to the first that comes."""
    path = queue.run_folder / "submit"
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(path))
        stranger.listen()
        os.chown(path, ALICE, ALICE)
        path.chmod(0o777)
        queue.write_config(settings={"listen": [str(path)]})
        result = queue.postrider("daemon")
    result.expect(os.EX_CONFIG)
    assert f"{path} is in use" in result.errors


def test_second_daemon_is_refused(queue):
    queue.write_config(settings={"listen": [str(queue.run_folder / "submit")]})
    with queue.daemon():
        result = queue.postrider("daemon").expect(os.EX_CONFIG)
    assert "in use by another daemon" in result.errors


@as_root
def test_socket_of_a_unit_started_later_stays(queue):
    """systemd puts its socket in place of ours."""
    path = queue.run_folder / "submit"
    queue.write_config(settings={"listen": [str(path)]})
    with queue.daemon():
        path.unlink()
        with socket.socket(socket.AF_UNIX) as unit:
            unit.bind(str(path))
    assert path.is_socket()
    with queue.daemon():        # no process listens there any more
        assert "220 " in client(path, "QUIT")
    assert not path.exists()
