"""Completions of the shells: bash is asked, zsh and fish are read, and none
knows less than the programs."""

import pathlib
import re
import shutil
import subprocess

import pytest

from lib.harness import ROOT, message
from lib.queue import as_root

COMPLETIONS = ROOT / "packaging" / "completions"
SHELLS = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish"}
PROGRAMS = ("postrider", "postrider-oauth")

# What bash does at a tab, for the words of its arguments after the first, which
# is the file of the completion.
ASK = """
. "$1"; completed=${1##*/}; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
"_${completed//-/_}" "$1"
[ "${#COMPREPLY[@]}" -eq 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""


class Shell:
    """bash at work in its own folder, with this program as postrider."""

    def __init__(self, folder, environment, program="postrider"):
        self.folder, self.environment = folder, environment
        self.program = program

    def __call__(self, *words, completed="postrider"):
        """What is offered for the last word."""
        result = subprocess.run(
            ["bash", "--norc", "-c", ASK, "bash", COMPLETIONS / completed,
             self.program, *words],
            cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=30, check=True)
        assert result.stderr == ""
        return result.stdout.splitlines()


@pytest.fixture
def complete(programs):
    """bash with a postrider that has two messages and three providers."""
    stub = programs.folder / "bin" / "postrider"
    stub.parent.mkdir()
    stub.write_text("""#!/bin/sh
case "$*" in
"queue list --json") printf '{"queue_id": "%s", "state": "held"}\\n' aa1 bb2 ;;
"setup --list-providers")
    echo "gmail            Gmail          smtp.gmail.com"
    echo "gmx              GMX            mail.gmx.net"
    echo "ses              Amazon SES     email-smtp.REGION.amazonaws.com" ;;
*) echo "what?" >&2; exit 64 ;;
esac
""")
    stub.chmod(0o755)
    environment = programs.environment()
    environment["PATH"] = f"{stub.parent}:{environment['PATH']}"
    return Shell(programs.folder, environment)


CASES = [
    (["st"], ["status"]),
    (["--"], ["--help", "--version"]),
    (["queue", "re"], ["release", "retry", "remove", "requeue", "resubmit"]),
    (["queue", "list", ""], ["--json", "--failed"]),
    (["queue", "show", ""], ["aa1", "bb2"]),
    (["queue", "hold", ""], ["all", "aa1", "bb2"]),
    (["queue", "remove", "b"], ["bb2"]),
    (["queue", "remove", "bb2", ""], []),
    (["queue", "flush", ""], []),
    (["status", ""], ["--json", "--check", "--alive", "--ready"]),
    (["check", "--j"], ["--json"]),
    (["direct", "-"], ["-q", "-v"]),
    (["test", "--"], ["--to", "--smarthost"]),
    (["test", "--to", ""], []),
    (["setup", "--provider", ""], ["gmail", "gmx", "ses"]),
    (["setup", "--provider", "gm"], ["gmail", "gmx"]),
    (["setup", "--tls", ""], ["starttls", "implicit", "none"]),
    (["setup", "--print", "--tls", "i"], ["implicit"]),
    (["setup", "--auth", "x"], ["xoauth2"]),
    (["setup", "--pass"], ["--password-file", "--password-command"]),
    (["import", "--from", "e"], ["esmtp"]),
    (["import", "--wr"], ["--write"]),
    (["daemon", ""], []),
    (["nonsense", ""], []),
]


@pytest.mark.parametrize("words, offered", CASES,
                         ids=[" ".join(words) for words, _ in CASES])
def test_bash(complete, words, offered):
    assert complete(*words) == offered


def test_bash_offers_files(complete):
    for name in ("ssmtp.conf", "ssmtp old.conf"):
        (complete.folder / name).touch()
    assert sorted(complete("import", "ss")) == ["ssmtp old.conf", "ssmtp.conf"]
    assert complete("setup", "--password-file", "ssmtp.") == ["ssmtp.conf"]


def test_bash_offers_smarthosts_of_the_configuration(complete, programs):
    programs.write_config([25, 26], extra='smarthost "the last" {\n')
    assert complete("test", "--smarthost", "") == ["host0", "host1",
                                                   "the\\ last"]
    assert complete("test", "--smarthost", "host1") == ["host1"]
    programs.config.unlink()
    assert complete("test", "--smarthost", "host") == []


OAUTH_SECTIONS = 'oauth "m365" {\n}\n    oauth "my own" {\n}\n'

OAUTH_CASES = [
    (["l"], ["login", "logout"]),
    (["--"], ["--help", "--version"]),
    (["token", ""], ["m365", "my\\ own"]),
    (["login", "my"], ["my\\ own"]),
    (["login", "m365", "--"], ["--device", "--paste"]),
    (["status", "-"], ["--json"]),
    (["token", "m365", "--"], ["--refused"]),
    (["token", "--refused", ""], []),
    (["logout", "-"], []),
    (["nonsense", ""], []),
]


@pytest.mark.parametrize("words, offered", OAUTH_CASES,
                         ids=[" ".join(words) for words, _ in OAUTH_CASES])
def test_bash_for_tokens(complete, programs, words, offered):
    programs.write_config(25, extra=OAUTH_SECTIONS)
    assert complete(*words, completed="postrider-oauth") == offered


@as_root
def test_bash_offers_messages_of_the_queue(queue):
    queue.write_config(9)
    queue.sendmail("bob@b.example", stdin=message()).expect(0)
    asked = Shell(queue.folder, queue.environment(), queue.build / "postrider")
    offered = asked("queue", "show", "")
    listed = queue.postrider("queue", "list", "--json").stdout.decode()
    assert offered == re.findall(r'"queue_id": "([^"]+)"', listed) != []


def test_bash_offers_providers(programs):
    asked = Shell(programs.folder, programs.environment(),
                  programs.build / "postrider")
    listed = programs.postrider("setup", "--list-providers")
    ids = [line.split()[0] for line in listed.stdout.decode().splitlines()]
    assert asked("setup", "--provider", "") == ids


def known(programs, program):
    """Every command and option that the program tells of."""
    if program == "postrider-oauth":
        return known_of_oauth(programs.build / program)
    usage = programs.postrider("--help").expect(0).stdout.decode()
    words = set(re.findall(r"(?m)^  ([a-z]+) ", usage))
    for arguments in (["setup", "--help"], ["import"], ["test", "--help"],
                      ["status", "-x"], ["check", "-x"]):
        result = programs.postrider(*arguments)
        words |= set(re.findall(r"--[a-z-]+",
                                result.stdout.decode() + result.errors))
    return words - {"--list", "--password"}


def known_of_oauth(program):
    def printed(*arguments):
        result = subprocess.run([program, *arguments], capture_output=True,
                                text=True, timeout=30, check=False)
        return result.stdout + result.stderr

    commands = re.findall(r"(?m)^  ([a-z]+) ", printed("--help"))
    return {*commands, *(option for command in commands for option in
                         re.findall("--[a-z]+", printed(command, "-x")))}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_knows_every_command_and_option(programs, shell, program):
    if not (programs.build / program).exists():
        pytest.skip(f"no {program}")
    path = COMPLETIONS / SHELLS[shell].format(program)
    text = path.read_text(encoding="utf-8")
    if shell == "fish":
        text = re.sub(r"-l ([a-z-]+)", r"--\1", text)
    missing = [word for word in sorted(known(programs, program))
               if not re.search(rf"(?<![a-z-]){word}(?![a-z-])", text)]
    assert missing == []


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_syntax(shell, program):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    path = COMPLETIONS / SHELLS[shell].format(program)
    subprocess.run([shell, "-n", path], check=True, timeout=30)


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
@pytest.mark.parametrize("line, offered", [
    ("postrider st", ["status"]),
    ("postrider queue hold ", ["aa1", "all", "bb2"]),
    ("postrider queue list --", ["--failed", "--json"]),
    ("postrider setup --provider g", ["gmail", "gmx"]),
    ("postrider test --smarthost ", ["host0"]),
    ("postrider import --from e", ["esmtp"]),
    ("postrider-oauth st", ["status"]),
    ("postrider-oauth token ", ["m365", "my own"]),
    ("postrider-oauth token m365 ", []),
    ("postrider-oauth login --", ["--device", "--paste"]),
])
def test_fish(complete, programs, line, offered):
    programs.write_config(25, extra=OAUTH_SECTIONS)
    result = subprocess.run(
        ["fish", "--no-config", "-c",
         f"source {COMPLETIONS}/{line.split()[0]}.fish; complete -C '{line}'"],
        env=complete.environment, cwd=pathlib.Path(complete.folder),
        capture_output=True, text=True, timeout=30, check=True)
    assert [found.split("\t")[0] for found in result.stdout.splitlines()] \
        == offered
