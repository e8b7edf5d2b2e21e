"""Completions of the shells: each shell is asked, and none knows less than the
programs."""

import re
import shutil
import subprocess

import pytest

from lib import completion
from lib.harness import message
from lib.queue import as_root

SHELLS = [pytest.param(shell, marks=pytest.mark.skipif(
    shutil.which(shell) is None, reason=f"no {shell}"))
    for shell in completion.FILES]
PROGRAMS = ("postrider", "postrider-oauth")
OAUTH_SECTIONS = 'oauth "m365" {\n}\n    oauth "my own" {\n}\n'


class Shells:
    """Shells at work in their own folder."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def run(self, command):
        result = subprocess.run(command, cwd=self.folder, timeout=60,
                                env=self.environment, capture_output=True,
                                text=True, check=True)
        assert result.stderr == ""
        return result.stdout

    def __call__(self, shell, *words):
        """What is offered for the last word."""
        return completion.offered(self.run(completion.command(shell, words)))


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    return tmp_path_factory.mktemp("zsh") / "dump"


def shells_with(programs, folder, dump):
    """Shells that find postrider in this folder."""
    environment = programs.environment()
    environment["DUMP"] = str(dump)
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    # Otherwise fish writes into it, and reads what is there.
    environment["XDG_DATA_HOME"] = str(programs.folder / "data")
    return Shells(programs.folder, environment)


@pytest.fixture
def complete(programs, dump):
    """With a postrider that has two messages, one that it has given up, and
    three providers."""
    stub = programs.folder / "bin" / "postrider"
    stub.parent.mkdir()
    stub.write_text("""#!/bin/sh
case "$*" in
"queue list --json") printf '{"queue_id": "%s", "state": "held"}\\n' aa1 bb2 ;;
"queue list --failed")
    echo "-Queue ID-                        --Size-- ----Arrival Time----"
    echo "CC3       199 Sun Nov 29 23:32:21  alice@example.com"
    echo "                               bob@example.com"
    echo "-- 1 Kbytes in 1 Request." ;;
"setup --list-providers")
    echo "gmail            Gmail          smtp.gmail.com"
    echo "gmx              GMX            mail.gmx.net"
    echo "ses              Amazon SES     email-smtp.REGION.amazonaws.com" ;;
*) echo "what?" >&2; exit 64 ;;
esac
""")
    stub.chmod(0o755)
    programs.write_config([25, 26],
                          extra='smarthost "the last" {\n}\n' + OAUTH_SECTIONS)
    for name in ("ssmtp.conf", "ssmtp old.conf", "a folder/file"):
        (programs.folder / "files" / name).parent.mkdir(parents=True,
                                                        exist_ok=True)
        (programs.folder / "files" / name).touch()
    complete = shells_with(programs, stub.parent, dump)
    complete.folder /= "files"
    return complete


CASES = [
    ("st", ["status"]),
    ("--", ["--help", "--version"]),
    ("queue re", ["release", "remove", "requeue", "resubmit", "retry"]),
    ("queue list --", ["--failed", "--json"]),
    ("queue show a", ["aa1"]),
    ("queue show aa1 ", ["bb2"]),
    ("queue hold ", ["aa1", "all", "bb2"]),
    ("queue hold all ", []),
    ("queue remove b", ["bb2"]),
    ("queue remove bb2 ", ["aa1"]),
    ("queue retry --wait ", ["aa1", "all", "bb2"]),
    ("queue requeue ", ["CC3", "all"]),
    ("queue flush ", []),
    ("check --j", ["--json"]),
    ("test --to ", []),
    ("test --smarthost ", ["host0", "host1", "the last"]),
    ("test --smarthost host1", ["host1"]),
    ("setup --provider ", ["gmail", "gmx", "ses"]),
    ("setup --provider gm", ["gmail", "gmx"]),
    ("setup --tls ", ["implicit", "none", "starttls"]),
    ("setup --print --tls i", ["implicit"]),
    ("setup --auth x", ["xoauth2"]),
    ("setup --pass", ["--password-command", "--password-file"]),
    ("setup --password-file ssmtp.", ["ssmtp.conf"]),
    ("import --from e", ["esmtp"]),
    ("import --wr", ["--write"]),
    ("import ss", ["ssmtp old.conf", "ssmtp.conf"]),
    ("copy ", ["a folder"]),
    ("nonsense ", []),
]
OAUTH_CASES = [
    ("l", ["login", "logout"]),
    ("--", ["--help", "--version"]),
    ("token ", ["m365", "my own"]),
    ("login my", ["my own"]),
    ("login m365 --", ["--device", "--paste"]),
    ("status --", ["--json"]),
    ("token m365 --", ["--refused"]),
    ("token --refused ", []),
    ("logout -", []),
    ("nonsense ", []),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line, offered", [
    *((f"postrider {line}", offered) for line, offered in CASES),
    *((f"postrider-oauth {line}", offered) for line, offered in OAUTH_CASES)])
def test_offers(complete, shell, line, offered):
    found = complete(shell, *line.split(" "))
    assert [name.rstrip("/") for name in found] == offered


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
@pytest.mark.parametrize("line, made", [
    ("postrider st", "postrider status "),
    ("postrider setup --tls i", "postrider setup --tls implicit "),
    ("postrider import ssmtp\\ o", "postrider import ssmtp\\ old.conf "),
    ("postrider-oauth token m365 --", "postrider-oauth token m365 --refused "),
])
def test_zsh_completes_the_line(complete, line, made):
    words = completion.line_after([line])
    assert complete.run(words) == made + "\n"


# bash offers these before a "-", too.
@pytest.mark.parametrize("words, offered", [
    (["queue", "list", ""], ["--failed", "--json"]),
    (["queue", "retry", ""], ["--wait", "aa1", "all", "bb2"]),
    (["status", ""], ["--alive", "--check", "--json", "--ready"]),
    (["direct", "-"], ["-q", "-v"]),
    (["test", "--"], ["--smarthost", "--to"]),
])
def test_bash_offers_options(complete, words, offered):
    assert complete("bash", "postrider", *words) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_no_configuration_is_no_trouble(complete, programs, shell):
    programs.config.unlink()
    assert complete(shell, "postrider", "test", "--smarthost", "host") == []
    assert complete(shell, "postrider-oauth", "token", "") == []


@as_root
@pytest.mark.parametrize("shell", SHELLS)
def test_offers_messages_of_the_queue(queue, dump, shell):
    queue.write_config(9)
    queue.sendmail("bob@b.example", stdin=message()).expect(0)
    complete = shells_with(queue, queue.build, dump)
    listed = queue.postrider("queue", "list", "--json").stdout.decode()
    ids = re.findall(r'"queue_id": "([^"]+)"', listed)
    assert complete(shell, "postrider", "queue", "show", ids[0][0]) == ids
    assert len(ids) == 1


@pytest.mark.parametrize("shell", SHELLS)
def test_offers_providers(programs, dump, shell):
    complete = shells_with(programs, programs.build, dump)
    listed = programs.postrider("setup", "--list-providers")
    ids = {line.split()[0] for line in listed.stdout.decode().splitlines()}
    assert set(complete(shell, "postrider", "setup", "--provider", "")) == ids


def printed(program, *arguments):
    result = subprocess.run([program, *arguments], capture_output=True,
                            text=True, timeout=30, check=False)
    return result.stdout + result.stderr


def rows(text):
    """{name: the rest of the line}, of a list of commands."""
    return dict(re.findall(r"(?m)^  ([a-z]+) (.*)$", text))


def options(text):
    return set(re.findall(r"--[a-z-]+", text))


def known(program):
    """[(words, what the program shows that may follow them)]"""
    commands = rows(printed(program, "--help"))
    yield [""], set(commands)
    for command in commands:
        text = printed(program, command, "--help")
        if command == "queue":
            yield [command, ""], set(rows(text))
            for action, row in rows(text).items():
                yield [command, action, "--"], options(row)
        else:
            yield [command, "--"], options(text)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_knows_every_command_and_option(programs, dump, shell, program):
    if not (programs.build / program).exists():
        pytest.skip(f"no {program}")
    complete = shells_with(programs, programs.build, dump)
    for words, wanted in known(programs.build / program):
        if wanted:
            assert set(complete(shell, program, *words)) >= wanted, words


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_syntax(shell, program):
    path = completion.COMPLETIONS / completion.FILES[shell].format(program)
    subprocess.run([shell, "-n", path], check=True, timeout=30)
