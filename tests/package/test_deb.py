"""Debian's package: what is in it, and what installing, upgrading, swapping,
removing and purging it do."""

import os
import pathlib
import platform
import pty
import re
import select
import subprocess

import pytest

from conftest import AGENTS, PASSWORD, USER
from lib import completion
from lib.harness import ROOT
from lib.wire import PATIENCE
from root import SPOOL, Syslog, package

CONFIGURATION = "etc/postrider/postrider.conf"
ANSWERS = "etc/postrider/smarthost.conf"
SECRET = "etc/postrider/secrets/password"
OLD_SECRET = "etc/postrider/password"       # of older versions


# The file

def test_lintian_finds_nothing(deb):
    changes = next(deb.parent.glob(f"{deb.stem}.changes"))
    # Those of Debian 12 and 13 know an older policy and older watch files.
    release = platform.freedesktop_os_release().get("VERSION_ID")
    unknown = ("--suppress-tags",
               "newer-standards-version,missing-debian-watch-file-standard")
    result = subprocess.run(
        ["lintian", "--allow-root", "--display-info", "--fail-on",
         "error,warning,info", *(unknown if release in ("12", "13") else ()),
         changes],
        capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not re.search(r"^[EWI]:", result.stdout, re.M)


def test_building_it_again_makes_the_same(deb, tmp_path):
    subprocess.run([ROOT / "packaging/build-deb", tmp_path], check=True,
                   stdout=subprocess.DEVNULL, timeout=600, env={
                       **os.environ,
                       "DEB_BUILD_OPTIONS": "noautodbgsym nocheck"})
    assert (tmp_path / deb.name).read_bytes() == deb.read_bytes()


def test_it_is_a_mail_transport_agent(deb):
    for name in ("Provides", "Conflicts", "Replaces"):
        assert field(deb, name) == "mail-transport-agent"


def test_nothing_in_it_has_a_set_id_bit(deb):
    listing = subprocess.run(["dpkg-deb", "-c", deb], check=True, text=True,
                             capture_output=True).stdout.splitlines()
    assert len(listing) > 20
    for line in listing:
        mode, owner = line.split()[:2]
        assert "s" not in mode.lower() and owner == "root/root", line


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], check=True, text=True,
                          capture_output=True).stdout.strip()


# Installing

def test_installed_without_a_word_it_queues_for_everybody(installed):
    log = Syslog(installed)
    installed.send(user="www-data")
    assert installed.listed() == 1
    installed.start("postrider", "daemon")
    log.wait_for("uid=33 from=<www-data@")
    installed.send(user="nobody")
    assert installed.listed() == 2
    assert not (installed / ANSWERS).exists()
    assert not (installed / SECRET).exists()


def test_no_upgrade_asks_about_the_configuration(installed):
    """The init script is a conffile, as policy has it: nothing edits that."""
    conffiles = installed.run("dpkg-query", "-Wf", "${Conffiles}", "postrider")
    assert re.fullmatch(r"\s*/etc/init\.d/postrider [0-9a-f]+\s*", conffiles)
    assert not (installed / CONFIGURATION).exists()
    assert (installed / "usr/share/doc/postrider/postrider.conf").exists()
    assert installed.run("dpkg", "--verify", "postrider") == ""
    assert installed.mode("etc/postrider") == "root:root 755"


def test_the_spool_has_its_modes(installed):
    assert installed.mode(SPOOL) == "root:root 755"
    assert installed.mode(f"{SPOOL}/drop") == "postrider:postrider 3733"
    for name in ("queue", "state", "failed"):
        assert installed.mode(f"{SPOOL}/{name}") == "postrider:postrider 700"
    assert installed.run("getent", "group", "postrider").split(":")[3] == "\n"


@pytest.mark.parametrize("other", ["bsd-mailx", "cron", "at", "mutt"])
def test_no_other_agent_comes_with_programs_that_mail(installed, other):
    plan = installed.run("apt-get", "-sq", "install", other)
    assert f"Inst {other} " in plan
    assert not re.search("Inst exim|Inst postfix|Remv postrider", plan)


def test_with_systemd_the_units_are_enabled(bare):
    bare.apt("install", "systemd")
    bare.apt("install", "/tmp/postrider.deb")
    wanted = {"/".join(path.parts[-2:])
              for path in (bare / "etc/systemd/system").glob("*/postrider*")}
    assert wanted == {"multi-user.target.wants/postrider.service",
                      "sockets.target.wants/postrider.socket"}
    assert "standalone" not in bare.run("dpkg-query", "-Wf", "${Package}\n")


def test_systemd_can_be_installed_later(installed):
    plan = installed.run("apt-get", "-sq", "install", "systemd")
    assert "Inst systemd " in plan and "Remv postrider" not in plan


@pytest.mark.parametrize("shell", completion.FILES)
def test_each_shell_finds_its_completions(installed, deb, shell):
    installed.install(next(deb.parent.glob("postrider-oauth_*.deb")))
    installed.apt("install", "bash-completion" if shell == "bash" else shell)
    for program in ("postrider", "postrider-oauth"):
        said = installed.run(*completion.command(shell, [program, "st"], ""))
        assert completion.offered(said) == ["status"]


# Units are started as Debian's policy has it; systemctl only notes it down.

def fake_systemd(root):
    (root / "run/systemd/system").mkdir(parents=True)
    script = root / "usr/bin/systemctl"
    script.write_text('#!/bin/sh\necho "$*" >>/tmp/systemctl\n'
                      'case $* in *is-enabled*) echo enabled ;; esac\n')
    script.chmod(0o755)


def told(root):
    """The units that systemctl was told anything about since, by verb."""
    note = root / "tmp/systemctl"
    verbs = {}
    for line in note.read_text().splitlines():
        words = [word for word in line.split() if not word.startswith("--")]
        verbs.setdefault(words[0], set()).update(words[1:])
    note.unlink()
    return verbs


def test_daemon_and_socket_start_restart_and_stop(bare, deb, tmp_path):
    fake_systemd(bare)
    units = {"postrider.service", "postrider.socket"}
    bare.install(deb)
    new = told(bare)
    assert new["preset"] == new["start"] == units       # preset enables
    assert new["try-restart"] == {"cronie.service"}
    bare.install(package(deb, tmp_path, "9.0"))
    upgraded = told(bare)
    assert upgraded["restart"] == units and "try-restart" not in upgraded
    bare.apt("remove", "postrider")
    assert told(bare)["stop"] >= units


# What debconf is told

def trust(root, certificates):
    """The authority of the fake smarthost, as an administrator adds it."""
    (root / "usr/local/share/ca-certificates/fake.crt").write_bytes(
        pathlib.Path(certificates.ca).read_bytes())
    root.run("update-ca-certificates")


def test_preseeded_it_delivers(bare, deb, smarthost, certificates):
    trust(bare, certificates)
    bare.preseed(f"{smarthost.host}:{smarthost.port}", USER, PASSWORD)
    bare.install(deb)
    bare.start("postrider", "daemon")
    bare.send("bob@b.example")
    message = smarthost.wait_for_messages(1)[0]
    assert message.recipients == ["bob@b.example"]
    assert message.user == USER


def test_the_password_is_the_daemons_alone(bare, deb):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    assert bare.mode(SECRET) == "postrider:postrider 400"
    assert bare.mode("etc/postrider/secrets") == "root:postrider 710"
    assert (bare / SECRET).read_text() == PASSWORD + "\n"
    bare.run("cat", "/" + SECRET, user="www-data", status=1)
    bare.run("ls", "/etc/postrider/secrets", user="postrider", status=2)
    assert bare.run("cat", "/" + SECRET, user="postrider") == PASSWORD + "\n"
    for path in (bare / "var").rglob("*"):
        if path.is_file():
            assert b"ses'ame" not in path.read_bytes(), path


def test_the_answers_stand_in_a_file_of_their_own(bare, deb):
    bare.preseed("smtp.example.com:465", '\\odd "one"', PASSWORD)
    bare.install(deb)
    assert bare.mode(ANSWERS) == "root:root 644"
    text = (bare / ANSWERS).read_text()
    assert text[text.index("\nsmarthost"):] == r'''
smarthost "main" {
    host = "smtp.example.com"
    port = 465
    tls = implicit
    user = "\\odd \"one\""
    password_file = "/etc/postrider/secrets/password"
}
'''
    assert bare.run("dpkg", "--verify", "postrider") == ""
    bare.send()


@pytest.mark.parametrize("host, user, reason", [
    ('smtp.example.com" {', USER, 'smtp.example.com" { is not HOST or HOST:'),
    ("smtp.example.com:0", USER, "port = 0: "),
    ("smtp.example.com:99999", USER, "port = 99999: "),
    ("..", USER, r"host = \.\.: "),
    ("smtp.example.com", "relay\x01", "control character"),
    ("smtp.example.com", "relay\\n}", "a quote is not closed"),
])
def test_answers_that_cannot_be_loaded_are_named_and_mail_is_queued(
        bare, deb, host, user, reason):
    bare.preseed(host, "", PASSWORD)
    bare.run("debconf-communicate", text="CAPB escape\n"
             f"SET postrider/user {user}\n")
    said = bare.install(deb)
    assert re.search(f"(?m)^postrider: .*{reason}.*: the answers are not "
                     "taken; give others: dpkg-reconfigure postrider$", said)
    assert names(bare) == set()
    bare.send()
    assert bare.listed() == 1


def names(root):
    """The files in /etc/postrider."""
    folder = root / "etc/postrider"
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file()}


@pytest.mark.parametrize("end", ["exit 1", "kill -TERM $PPID"])
@pytest.mark.parametrize("owner", ["root:root", "postrider:postrider"])
def test_an_interrupted_installation_leaves_no_drafts(bare, deb, owner, end):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    chown = bare / "usr/bin/chown"
    ours = chown.read_bytes()
    chown.write_text(f'#!/bin/sh\n[ "$1" != {owner} ] || {end}\n')
    (bare / "tmp/postrider.deb").write_bytes(deb.read_bytes())
    bare.apt("install", "/tmp/postrider.deb", status=100)
    assert names(bare) <= {"smarthost.conf"}
    chown.write_bytes(ours)
    bare.run("dpkg", "--configure", "--pending")
    assert names(bare) == {"smarthost.conf", "secrets/password"}
    assert bare.mode(SECRET) == "postrider:postrider 400"


class Terminal:
    """Somebody who installs packages by hand."""

    def __init__(self, root, *command):
        self.control, side = pty.openpty()
        self.process = root.start(
            "env", "DEBIAN_FRONTEND=teletype", "TERM=dumb", *command,
            stdin=side, stdout=side, stderr=side, start_new_session=True)
        os.close(side)
        self.seen = ""

    def read_until(self, pattern):
        """All up to there; None is the end of the program."""
        text = ""
        while pattern is None or not re.search(pattern, text):
            assert select.select([self.control], [], [], PATIENCE)[0], text
            try:
                text += os.read(self.control, 4096).decode()
            except OSError:             # the other side is closed
                assert pattern is None, text
                break
        self.seen += text
        return text

    def answer(self, question, text):
        self.read_until(question)
        os.write(self.control, text.encode() + b"\n")

    def end(self):
        self.read_until(None)
        os.close(self.control)
        assert self.process.wait(PATIENCE) == 0, self.seen


INSTALL = ("apt-get", "-qy", "install", "/tmp/postrider.deb")


def test_one_question_is_asked_and_need_not_be_answered(bare):
    terminal = Terminal(bare, *INSTALL)
    terminal.answer("Smarthost for outgoing mail: $", "")
    terminal.end()
    assert "User name" not in terminal.seen
    assert not (bare / ANSWERS).exists()
    bare.send()


def test_an_answer_brings_three_more_questions(bare):
    terminal = Terminal(bare, *INSTALL)
    terminal.answer("Smarthost for outgoing mail: $", "smtp.example.com")
    terminal.answer("User name at the smarthost: $", USER)
    terminal.answer("Password at the smarthost: ", PASSWORD)
    terminal.answer("Mail address for root: $", "ops@example.com")
    terminal.end()
    text = (bare / ANSWERS).read_text()
    assert '"smtp.example.com"' in text
    assert 'local_recipient = "ops@example.com"\n' in text
    assert (bare / SECRET).read_text() == PASSWORD + "\n"


def test_where_mail_to_root_goes_can_be_preseeded(bare, deb):
    bare.preseed("smtp.example.com", root="ops@example.com")
    bare.install(deb)
    assert "user ops@example.com" in bare.run("sendmail", "-bv", "root")
    (bare / CONFIGURATION).write_text('local_recipient = "me@example.net"\n')
    assert "user me@example.net" in bare.run("sendmail", "-bv", "root")


@pytest.mark.parametrize("path, text", [
    ("etc/aliases", "root: me@example.net\n"),
    (CONFIGURATION, 'local_recipient = "me@example.net"\n')])
def test_who_has_said_where_roots_mail_goes_is_not_asked(bare, path, text):
    (bare / path).parent.mkdir(exist_ok=True)
    (bare / path).write_text(text)
    terminal = Terminal(bare, *INSTALL)
    terminal.answer("Smarthost for outgoing mail: $", "smtp.example.com")
    terminal.answer("User name at the smarthost: $", "")
    terminal.end()
    assert "for root" not in terminal.seen
    assert "user me@example.net" in bare.run("sendmail", "-bv", "root")


def test_an_address_that_is_none_is_refused(bare, deb):
    bare.preseed("smtp.example.com", root="ops")
    said = bare.install(deb)
    assert "local_recipient = ops: " in said and "are not taken" in said
    assert not (bare / ANSWERS).exists()


def test_the_answer_for_root_can_be_changed(bare, deb):
    bare.preseed("smtp.example.com", root="ops@example.com")
    bare.install(deb)
    reconfigure(bare, "smtp.example.com", recipient="you@example.com")
    assert 'local_recipient = "you@example.com"\n' in \
        (bare / ANSWERS).read_text()
    reconfigure(bare, "smtp.example.com")
    assert "local_recipient" not in (bare / ANSWERS).read_text()


def reconfigure(root, host, password="", recipient=""):
    terminal = Terminal(root, "dpkg-reconfigure", "postrider")
    terminal.answer("Smarthost for outgoing mail: $", host)
    if host:
        terminal.answer("User name at the smarthost: $", USER)
        terminal.answer("Password at the smarthost: ", password)
        terminal.answer("Mail address for root: $", recipient)
    terminal.end()
    return terminal.seen


def test_answers_can_be_changed_and_the_rest_of_the_file_is_kept(bare, deb):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    text = (bare / ANSWERS).read_text()
    mine = text.replace("host = ", "timeout = 1m\n    host = ")
    (bare / ANSWERS).write_text(mine)
    old = bare / (ANSWERS + ".old")

    reconfigure(bare, "smtp.example.com")
    assert (bare / ANSWERS).read_text() == mine and not old.exists()
    said = reconfigure(bare, "smtp.example.net:0")
    assert "port = 0: " in said and "the answers are not taken" in said
    assert (bare / ANSWERS).read_text() == mine and not old.exists()
    reconfigure(bare, "smtp.example.net")
    theirs = text.replace("smtp.example.com", "smtp.example.net")
    assert (bare / ANSWERS).read_text() == theirs
    assert old.read_text() == mine
    assert (bare / SECRET).read_text() == PASSWORD + "\n"
    reconfigure(bare, "")
    assert not (bare / ANSWERS).exists()
    assert old.read_text() == theirs


def test_setup_does_what_the_question_left_open(installed, smarthost,
                                                certificates):
    trust(installed, certificates)
    installed.send()
    installed.run("postrider", "setup", "--host", smarthost.host, "--port",
                  str(smarthost.port), "--user", USER, "--password-file", "-",
                  text=PASSWORD + "\n")
    assert installed.mode(SECRET) == "postrider:postrider 400"
    installed.start("postrider", "daemon")
    assert smarthost.wait_for_messages(1)[0].user == USER


def test_nothing_is_asked_about_a_smarthost_of_the_administrator(installed):
    (installed / CONFIGURATION).write_text(
        'smarthost "own" {\n    host = "smtp.example.com"\n}\n')
    terminal = Terminal(installed, "dpkg-reconfigure", "postrider")
    terminal.end()
    assert "marthost" not in terminal.seen
    assert not (installed / ANSWERS).exists()


def test_a_rule_that_names_a_smarthost_is_no_smarthost(installed):
    (installed / CONFIGURATION).write_text(
        'sender "*" {\n    smarthost = "main"\n}\n')
    reconfigure(installed, "smtp.example.com")
    assert '"smtp.example.com"' in (installed / ANSWERS).read_text()
    installed.send()


# Upgrading, removing, swapping

def test_an_upgrade_keeps_configuration_queue_and_answers(bare, deb, tmp_path):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    with (bare / CONFIGURATION).open("a") as file:
        file.write("domain = mine.example\n")
    before = [(bare / path).read_bytes()
              for path in (CONFIGURATION, ANSWERS, SECRET)]
    bare.send()
    bare.install(package(deb, tmp_path, "9.0"))
    assert bare.run("dpkg-query", "-Wf", "${Version}", "postrider") == "9.0"
    assert [(bare / path).read_bytes()
            for path in (CONFIGURATION, ANSWERS, SECRET)] == before
    assert bare.mode(SECRET) == "postrider:postrider 400"
    assert bare.listed() == 1


def test_a_password_stays_where_an_older_version_wrote_it(bare, deb, tmp_path):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    (bare / SECRET).rename(bare / OLD_SECRET)
    (bare / ANSWERS).write_text((bare / ANSWERS).read_text().replace(
        "/" + SECRET, "/" + OLD_SECRET))
    bare.install(package(deb, tmp_path, "9.0"))
    reconfigure(bare, "smtp.example.net", "another")
    assert f'password_file = "/{OLD_SECRET}"' in (bare / ANSWERS).read_text()
    assert (bare / OLD_SECRET).read_text() == "another\n"
    assert bare.mode(OLD_SECRET) == "postrider:postrider 400"
    assert not (bare / SECRET).exists()


EDITED = [
    'smarthost "main" {\n\thost = "smtp.example.com"\n}\n',
    'smarthost "main" {\n    host = smtp.example.com\n}\n',
    'smarthost "main" {\n    host = "smtp.example.com"\n'
    '    user = "me"     # not the other\n    auth = none\n}\n',
    'smarthost "a" {\n    host = "smtp.example.com"\n}\n'
    'smarthost "b" {\n    host = "smtp.example.net"\n}\n',
]


@pytest.mark.parametrize("text", EDITED)
def test_what_was_edited_stays_until_another_answer(bare, deb, tmp_path, text):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    (bare / ANSWERS).write_text(text)
    bare.install(package(deb, tmp_path, "9.0"))
    assert (bare / ANSWERS).read_text() == text
    bare.send()
    reconfigure(bare, "")
    assert (bare / ANSWERS).read_text() == text
    reconfigure(bare, "smtp.example.org")
    assert 'host = "smtp.example.org"' in (bare / ANSWERS).read_text()
    assert (bare / (ANSWERS + ".old")).read_text() == text


def test_an_upgrade_does_not_bring_back_what_was_removed(bare, deb, tmp_path):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    for path in (ANSWERS, SECRET):
        (bare / path).unlink()
    bare.install(package(deb, tmp_path, "9.0"))
    assert not (bare / ANSWERS).exists()
    assert not (bare / SECRET).exists()


def test_removed_and_back_it_delivers_what_was_queued(bare, deb, smarthost,
                                                      certificates):
    trust(bare, certificates)
    bare.preseed(f"{smarthost.host}:{smarthost.port}", USER, PASSWORD)
    bare.install(deb)
    bare.send()
    bare.apt("remove", "postrider")
    assert len(bare.mail()) == 1
    assert (bare / SECRET).exists() and (bare / ANSWERS).exists()
    assert not (bare / "usr/sbin/sendmail").exists()
    bare.install(deb)
    bare.start("postrider", "daemon")
    assert smarthost.wait_for_messages(1)[0].recipients == ["bob@b.example"]


@pytest.mark.parametrize("agent", AGENTS)
def test_another_agent_takes_its_place_and_gives_it_back(installed, deb, agent):
    installed.send()
    ours = (installed / "usr/sbin/sendmail").read_bytes()
    installed.apt("install", agent)
    state = installed.run("dpkg-query", "-Wf", "${Status}", "postrider")
    assert state == "deinstall ok config-files"
    theirs = installed.run("readlink", "-f", "/usr/sbin/sendmail").strip()
    assert (installed / theirs).read_bytes() != ours
    installed.install(deb)
    state = installed.run("dpkg-query", "-Wf", "${Status}", agent)
    assert "ok installed" not in state
    assert (installed / "usr/sbin/sendmail").read_bytes() == ours
    assert installed.listed() == 1


def test_removed_it_names_the_mail_that_waits(installed):
    assert "mail waits" not in installed.run(
        "apt-get", "-qy", "-s", "remove", "postrider")
    installed.send()
    installed.send()
    said = installed.apt("remove", "postrider")
    assert f"postrider: mail waits in /{SPOOL} (messages: 2)" in said


def test_nothing_is_said_of_an_empty_queue(installed):
    assert "mail waits" not in installed.apt("remove", "postrider")


@pytest.mark.parametrize("agent, name", [
    ("exim4", "exim4/input/1abcde-000000000Ab-0001-H"),
    ("postfix", "postfix/deferred/A/A1B2C3D4E5"),
    ("dma", "dma/M123456.5678"),
    ("nullmailer", "nullmailer/queue/1700000000.1234"),
    ("sendmail", "mqueue/qfxAB123456789012"),
])
def test_mail_that_another_agent_has_left_is_named(bare, deb, agent, name):
    left = bare / "var/spool" / name
    left.parent.mkdir(parents=True)
    left.write_text("hello\n")
    said = bare.install(deb)
    assert re.search(rf"postrider: {agent} has left mail in /var/spool/\S+ "
                     r"\(messages: 1\)", said), said
    checked = bare.run("postrider", "check", status=78)
    assert re.search(rf"left mail: warning: {agent} has left 1 message in "
                     r"/var/spool/\S+, ", checked), checked


# Purging

def test_the_init_script_starts_and_stops_the_daemon(installed):
    """Without systemd, as sysvinit calls it."""
    installed.run("/etc/init.d/postrider", "start")
    assert "is running" in installed.run("/etc/init.d/postrider", "status")
    installed.run("/etc/init.d/postrider", "reload")
    installed.run("/etc/init.d/postrider", "stop")
    installed.run("/etc/init.d/postrider", "status", status=3)


def run_its_own_test(root, name):
    script = ROOT / "packaging/debian/tests" / name
    (root / "tmp/test").write_bytes(script.read_bytes())
    (root / "tmp/test").chmod(0o755)
    root.run("/tmp/test")


@pytest.mark.parametrize("name, needed", [("send", "python3"), ("purge", "")])
def test_the_package_has_tests_of_its_own(installed, name, needed):
    """autopkgtest(1) runs these: see test_archive.py."""
    if needed:
        installed.apt("install", needed)
    run_its_own_test(installed, name)


def test_its_own_test_sends_by_the_daemon_that_runs(installed):
    """As sysvinit has started it when the package was installed."""
    installed.apt("install", "python3")
    installed.run("/etc/init.d/postrider", "start")
    run_its_own_test(installed, "send")
    assert "is running" in installed.run("/etc/init.d/postrider", "status")
    installed.run("/etc/init.d/postrider", "stop")


def test_purged_nothing_is_left(bare, deb):
    bare.preseed("smtp.example.com", USER, PASSWORD)
    bare.install(deb)
    (bare / "var/lib/postrider").mkdir(exist_ok=True)
    for name in ("password", "password-other", "client-secret",
                 "postrider.conf", "smarthost.conf"):
        for suffix in (".old", ".new", "." + "0123456789abcdef" * 2):
            (bare / "etc/postrider" / (name + suffix)).write_text("left\n")
            if name.startswith(("password", "client-secret")):
                (bare / "etc/postrider/secrets" / (name + suffix)).write_text(
                    "left\n")
    (bare / "etc/postrider/secrets/password-other").write_text("secret\n")
    (bare / "etc/postrider/password-other").write_text("secret\n")
    (bare / "etc/postrider/smarthost.conf.asked").write_text("left\n")
    bare.apt("purge", "postrider")
    left = [path for folder in ("etc", "var", "run", "usr", "lib")
            for path in (bare / folder).rglob("*postrider*")
            if not path.is_relative_to(bare / "usr/share/lintian")]
    assert left == []
    assert "postrider/" not in bare.run("debconf-show", "postrider")


def test_purged_the_tokens_go(installed, deb):
    installed.install(next(deb.parent.glob("postrider-oauth_*.deb")))
    tokens = installed / "var/lib/postrider/oauth"
    tokens.mkdir(parents=True)
    (tokens / "m365.json").write_text("{}\n")
    installed.apt("remove", "postrider-oauth")
    assert tokens.exists()
    installed.apt("purge", "postrider-oauth")
    assert not tokens.exists()


def test_purged_the_files_of_others_stay(installed):
    theirs = {"tls.key", "tls.old", "passwords", "password.txt",
              "postrider.conf.0123", "secrets/tls.key"}
    for name in theirs:
        (installed / "etc/postrider" / name).write_text("mine\n")
    installed.apt("purge", "postrider")
    assert names(installed) == theirs


@pytest.mark.parametrize("delivering", [False, True])
def test_purged_mail_is_kept_and_named(installed, deb, delivering):
    log = Syslog(installed)
    installed.send()
    if delivering:                      # it is in queue then, not in drop
        daemon = installed.start("postrider", "daemon")
        log.wait_for("uid=33 from=<www-data@")
        daemon.terminate()
        assert daemon.wait(PATIENCE) == 0
    said = installed.apt("purge", "postrider")
    assert f"postrider: /{SPOOL} is kept: there is mail in it" in said
    assert len(installed.mail()) == 1
    assert not (installed / "etc/postrider").exists()
    installed.install(deb)
    assert installed.listed() == 1
