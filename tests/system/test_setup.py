"""postrider setup: what it asks, what it writes, and what it leaves alone."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

import pytest

from lib.harness import ROOT
from lib.machine import machine_etc, run_on_machine
from lib.nameserver import Nameserver
from lib.terminal import PATIENCE, Terminal

PROVIDERS = ROOT / "etc" / "providers"
FILTER = ROOT / "tests" / "lib" / "refusing.py"
ADDRESS, PASSWORD = "relay@example.com", "opensesame"


@pytest.fixture
def host(tls_smarthost, programs):
    """A provider of a.example and example.com: the usual fake smarthost."""
    tls_smarthost.presets = programs.folder / "providers"
    tls_smarthost.presets.write_text(f"""id: test
name: Test Mail
domains: example.com a.example
host: {tls_smarthost.host}
port: {tls_smarthost.port}
password: an app password
sender: account

id: robot
name: Robots
host: smtp.{{region}}.example.net
region: north
login: the access key
password: the secret key

id: tokens
name: Tokens
host: smtp.example.net
auth: xoauth2
""", encoding="utf-8")
    return tls_smarthost


def run(programs, host, *arguments, **options):
    return programs.postrider(
        "setup", "--direct", "--providers", str(host.presets), "--tls-ca-file",
        host.certificates.ca, *arguments, **options)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# Without a person

def test_an_address_and_a_password_suffice(programs, host):
    result = run(programs, host, "--address", ADDRESS, "--password-file",
                   "-", "--root-to", "ops@b.example", stdin=PASSWORD + "\n")
    result.expect(0)
    assert programs.config.read_text() == f"""\
# Written by postrider setup; postrider.conf(5) is the reference.
local_recipient = "ops@b.example"
delivery = direct

# Test Mail
smarthost "main" {{
    host = "{host.host}"
    port = {host.port}
    tls_ca_file = "{host.certificates.ca}"
    user = "{ADDRESS}"
    password_file = "{programs.folder}/password"
}}

# Reports to senders: only the account may send.
sender "<>" {{
    address = "{ADDRESS}"
}}

sender "*" {{
    address = "{ADDRESS}"
}}
"""
    secret = programs.folder / "password"
    assert secret.read_text() == PASSWORD
    assert (mode(programs.config), mode(secret)) == (0o644, 0o400)
    assert PASSWORD not in result.stdout.decode() + result.errors
    assert b"Written: " + bytes(programs.config) in result.stdout
    # It was tried, and nothing was sent.
    assert host.sessions[0].user == ADDRESS
    assert not host.messages

    programs.sendmail("root", stdin="hello\n").expect(0)
    message, = host.wait_for_messages(1)
    assert message.recipients == ["ops@b.example"]
    assert message.reverse_path == ADDRESS


def test_a_password_without_files_in_memory(programs, host):
    """A kernel before 3.17, or a filter, has no memfd_create(2)."""
    place = programs.folder / "temporary"
    place.mkdir()
    programs.run(
        "/usr/bin/python3", FILTER, "memfd_create",
        programs.build / "postrider", "setup", "--direct", "--providers",
        str(host.presets), "--tls-ca-file", host.certificates.ca, "--address",
        ADDRESS, "--password-file", "-", stdin=PASSWORD,
        env={"TMPDIR": str(place)}).expect(0)
    assert host.sessions[0].user == ADDRESS
    assert (programs.folder / "password").read_text() == PASSWORD
    assert not list(place.iterdir())


def test_a_test_message_is_sent_when_asked_for(programs, host):
    run(programs, host, "--address", ADDRESS, "--password-file", "-",
          "--test-to", "bob@b.example", stdin=PASSWORD).expect(0)
    message, = host.wait_for_messages(1)
    assert message.recipients == ["bob@b.example"]


def test_a_wrong_password_leaves_all_as_it_was(programs, host):
    programs.config.write_text('# mine\n')
    result = run(programs, host, "--replace", "--address", ADDRESS,
                   "--password-file", "-", stdin="wrong").expect(77)
    assert "nothing is written, the test failed: " in result.errors
    assert "wrong" not in result.errors.replace("wrong password", "")
    assert programs.config.read_text() == "# mine\n"
    assert sorted(p.name for p in programs.folder.iterdir()) == \
        ["postrider.conf", "providers"]


def test_no_test_writes_without_a_connection(programs, host):
    run(programs, host, "--no-test", "--address", ADDRESS,
          "--password-file", "-", stdin="wrong").expect(0)
    assert not host.sessions
    assert (programs.folder / "password").read_text() == "wrong"


# What the smarthost takes from whom

def only_senders(*allowed):
    def judge(_, argument):
        path = argument.partition("<")[2].partition(">")[0]
        return None if path in allowed else "553 5.7.1 not your address"
    return judge


ACCOUNT = ("--provider", "plain", "--address", ADDRESS, "--domain",
           "example.com")


@pytest.fixture
def account(host):
    """A provider that says nothing of its senders, and takes one alone."""
    text = host.presets.read_text().replace("sender: account\n", "")
    host.presets.write_text(text.replace("id: test", "id: plain"))
    host.replies["MAIL"] = only_senders(ADDRESS)
    return host


def login():
    return pwd.getpwuid(os.getuid()).pw_name


def test_a_sender_that_is_refused_names_rewrite(programs, account):
    result = run(programs, account, *ACCOUNT, "--password-file", "-",
                 stdin=PASSWORD).expect(69)
    assert re.search(rf"nothing is written, the test failed: .* refuses the "
                     rf"sender <{login()}@example\.com>: 553 5\.7\.1 .*; "
                     rf"--rewrite sends everything as {ADDRESS}$",
                     result.errors)
    assert not programs.config.exists()

    run(programs, account, *ACCOUNT, "--password-file", "-", "--rewrite",
        stdin=PASSWORD).expect(0)
    text = programs.config.read_text()
    for match in "<>", "*":
        assert f'sender "{match}" {{\n    address = "{ADDRESS}"\n' in text
    assert text.index('"<>"') < text.index('"*"'), "the first one counts"


def test_a_sender_that_is_refused_can_be_left(programs, account):
    result = run(programs, account, *ACCOUNT, "--password-file", "-",
                 "--no-rewrite", stdin=PASSWORD).expect(0)
    assert "warning: " in result.errors and "553 5.7.1" in result.errors
    assert 'sender "' not in programs.config.read_text()


@pytest.mark.parametrize("reply, sections", [("", ["<>", "*"]), ("n", [])])
def test_a_person_is_asked_about_the_sender(programs, account, reply,
                                            sections):
    terminal = ask(programs, account, *ACCOUNT, "--root-to", ADDRESS)
    terminal.expect("Password: ")
    os.write(terminal.master, PASSWORD.encode() + b"\n")
    terminal.expect("553 5.7.1 not your address")
    terminal.answer(f"It refuses {login()}@example.com as sender. Send "
                    f"everything as {ADDRESS}? [Y/n]", reply)
    terminal.answer("Send a test message to", "n")
    assert terminal.end() == 0
    assert re.findall('sender "(.*)" ', programs.config.read_text()) == \
        sections


def test_only_the_null_reverse_path_is_refused(programs, account):
    account.replies["MAIL"] = only_senders(ADDRESS, f"{login()}@example.com")
    told = run(programs, account, *ACCOUNT, "--password-file", "-",
               stdin=PASSWORD).expect(0).errors
    assert re.findall('sender "(.*)" ', programs.config.read_text()) == ["<>"]
    assert f"reports leave from {ADDRESS}" in " ".join(told.split())


def test_where_roots_mail_goes_is_kept(programs, host):
    """Also what an installer was told, which does not count any more."""
    programs.config.write_text('local_recipient = "ops@b.example"\n')
    arguments = ("--replace", "--address", ADDRESS, "--password-file", "-")
    run(programs, host, *arguments, stdin=PASSWORD).expect(0)
    kept = 'local_recipient = "ops@b.example"\n'
    assert kept in programs.config.read_text()
    run(programs, host, *arguments, "--root-to", "me@b.example",
        stdin=PASSWORD).expect(0)
    assert kept not in programs.config.read_text()


def test_a_smaller_limit_is_written(programs, host):
    host.extensions = ["SIZE 1000000"]
    result = run(programs, host, "--address", ADDRESS, "--password-file", "-",
                 stdin=PASSWORD).expect(0)
    assert "message_size_limit = 1000000\n" in programs.config.read_text()
    assert "1000000 octets at most" in result.errors


def test_a_login_that_is_offered_and_not_used(programs, host):
    host.require_auth = False
    result = run(programs, host, "--host", host.host, "--port",
                 str(host.port)).expect(0)
    assert "warning: it offers AUTH " in result.errors
    assert "--auth none" in result.errors


def test_the_dialogue_is_shown_when_asked_for(programs, host):
    arguments = ("--replace", "--address", ADDRESS, "--password-file", "-")
    result = run(programs, host, *arguments, stdin=PASSWORD).expect(0)
    shown = result.stdout.decode()
    assert "EHLO" not in shown and " ms  " not in shown
    assert re.search(r"(?m)^  MAIL FROM:<relay@example.com>: 250 ", shown)
    assert all(len(line) < 80 for line in shown.splitlines()
               if not line.startswith("Written"))
    result = run(programs, host, *arguments, "-v", stdin=PASSWORD).expect(0)
    assert re.search(r" ms  EHLO \S+: 250 ", result.stdout.decode())


# What is there already

def test_what_is_there_is_replaced_only_when_told(programs, host):
    before = 'smarthost "old" {\n    host = "old.example.net"\n}\n'
    programs.config.write_text(before)
    arguments = ("--address", ADDRESS, "--password-file", "-")
    result = run(programs, host, *arguments, stdin=PASSWORD).expect(73)
    assert f"{programs.config} exists: --replace keeps it as" in result.errors
    assert not host.sessions
    assert programs.config.read_text() == before

    run(programs, host, "--replace", *arguments, stdin=PASSWORD).expect(0)
    old = programs.folder / "postrider.conf.old"
    assert old.read_text() == before
    assert "Test Mail" in programs.config.read_text()


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=EIO"])
@pytest.mark.parametrize("step", range(1, 6))
def test_a_new_password_never_meets_an_old_smarthost(programs, host, fault,
                                                     step):
    """Whichever renaming is the last: else workers would offer it there."""
    before = 'smarthost "old" {\n    host = "old.example.net"\n}\n'
    programs.config.write_text(before)
    secret = programs.folder / "password"
    secret.write_text("old")
    subprocess.run(
        ["strace", "-qq", "-o", programs.folder / "trace",
         "-e", "trace=/^rename", "-e", f"inject=/^rename:{fault}:when={step}",
         ROOT / "build" / "postrider", "setup", "--direct", "--providers",
         host.presets, "--no-test", "--replace", "--address", ADDRESS,
         "--password-file", "-"], input=PASSWORD, text=True, check=False,
        capture_output=True, env=programs.environment(), timeout=PATIENCE)
    is_old = programs.config.read_text() == before
    password = secret.read_text() if secret.exists() else ""
    assert password in (("old", "") if is_old else (PASSWORD, ""))
    if fault == "error=EIO" and is_old:
        assert password == "old", "it comes back"


def test_a_password_that_is_there_stays(programs, host):
    secret = programs.secret("password", "of something else")
    result = run(programs, host, "--address", ADDRESS, "--password-file", "-",
                 stdin=PASSWORD).expect(73)
    assert f"{secret} exists: --replace keeps it as" in result.errors
    assert secret.read_text() == "of something else\n"
    assert not programs.config.exists() and not host.sessions


def test_a_file_without_a_smarthost_makes_way(programs, host):
    programs.config.write_text('# as the package ships it\n')
    run(programs, host, "--address", ADDRESS, "--password-file", "-",
          stdin=PASSWORD).expect(0)
    assert "Test Mail" in programs.config.read_text()
    assert (programs.folder / "postrider.conf.old").exists()


def test_print_writes_nothing_and_connects_nowhere(programs, host):
    result = run(programs, host, "--print", "--address", ADDRESS).expect(0)
    assert b'smarthost "main" {' in result.stdout
    assert f'password_file = "{programs.folder}/password"'.encode() in \
        result.stdout
    assert not programs.config.exists() and not host.sessions


@pytest.mark.parametrize("arguments, line", [
    ((), 'host = "smtp.north.example.net"'),
    (("--region", "south"), 'host = "smtp.south.example.net"'),
])
def test_a_region_is_part_of_the_host(programs, host, arguments, line):
    result = run(programs, host, "--print", "--provider", "robot",
                   "--user", "AKIA", *arguments).expect(0)
    assert line.encode() in result.stdout
    assert b'user = "AKIA"' in result.stdout
    assert b"sender" not in result.stdout


@pytest.mark.parametrize("arguments, tls", [
    (["--provider", "outlook", "--port", "465"], "implicit"),
    (["--provider", "gmail", "--port", "587"], None),
    (["--provider", "gmail"], "implicit"),
    (["--host", "h.example", "--port", "465", "--tls", "none"], "none"),
])
def test_the_port_tells_how_tls_begins(programs, arguments, tls):
    result = programs.postrider(
        "setup", "--providers", str(PROVIDERS), "--print", "--address",
        "me@d.example", "--password-command", "true", *arguments).expect(0)
    assert re.findall(r"tls = (\w+)", result.stdout.decode()) == \
        ([tls] if tls else [])


@pytest.mark.parametrize("provider, connections", [
    ("outlook", ["3"]), ("gmail", [])])
def test_providers_that_take_few_connections(programs, provider, connections):
    result = programs.postrider(
        "setup", "--providers", str(PROVIDERS), "--print", "--address",
        "me@d.example", "--password-command", "true", "--provider",
        provider).expect(0)
    assert re.findall(r"connections = (\S+)", result.stdout.decode()) == \
        connections


def test_any_host_can_be_said(programs, host):
    result = run(programs, host, "--print", "--host", "mx.c.example",
                   "--port", "465", "--address", "a@c.example", "--rewrite",
                   "--domain", "d.example", "--hostname", "w.d.example",
                   "--password-command", "pass show mail").expect(0)
    assert result.stdout.decode().split("\n", 1)[1] == f"""\
hostname = "w.d.example"
domain = "d.example"
delivery = direct

smarthost "main" {{
    host = "mx.c.example"
    port = 465
    tls = implicit
    tls_ca_file = "{host.certificates.ca}"
    user = "a@c.example"
    password_command = "pass show mail"
}}

sender "*" {{
    address = "a@c.example"
}}
"""


def test_a_smarthost_may_want_no_password(programs, host):
    result = run(programs, host, "--print", "--host", "mx.c.example",
                   "--tls", "none").expect(0)
    assert b"user" not in result.stdout and b"password" not in result.stdout
    assert b"tls = none" in result.stdout


@pytest.mark.parametrize("arguments, status, text", [
    (["--print"], 64, "--address is missing"),
    (["--address", "nobody"], 65, '"nobody": it has no domain'),
    (["--test-to", "bob"], 65, '--test-to: address "bob": it has no domain'),
    (["--root-to", "-x@y"], 65, "--root-to: "),
    (["--address", ADDRESS], 64, "--password-file is missing: an app pass"),
    (["--provider", "x"], 64, "--provider x: not known"),
    (["--host", "h.example", "--address", ADDRESS], 64,
     "--password-file is missing: the password of " + ADDRESS),
    (["--provider", "test"], 64, "--address is missing"),
    (["--provider", "robot"], 64, "--user is missing: the access key"),
    (["--provider", "tokens", "--address", ADDRESS, "--print"], 64,
     "--password-command is missing: A program that prints the OAuth"),
    (["--host", "h.example", "--password-file", "x"], 64, "--user is missing"),
    (["--host", "h.example", "--rewrite"], 64, "--address is missing"),
    (["--host", "h.example", "--user", "u", "--password-file", "none"], 66,
     "none: No such file"),
    (["--host", "a b", "--print"], 78, 'smarthost "main": host = a b'),
    (["--host", "h.example", "--port", "0", "--print"], 78, "port = 0"),
    (["--host", "h", "--provider", "test"], 64, "exclude each other"),
    (["--rewrite", "--no-rewrite"], 64, "exclude each other"),
    (["--password-file", "a", "--password-command", "b"], 64, "exclude"),
    (["--password", "secret"], 64, "bad option --password"),
    (["--output", ""], 64, "--output needs a file"),
    (["--host", "h.example", "--no-test", "--output", "providers/x/y"], 73,
     "make folder "),
    (["--host"], 64, "--host needs an argument"),
    (["me@a.example"], 64, 'not "me@a.example"'),
])
def test_what_is_wrong_is_said(programs, host, arguments, status, text):
    result = run(programs, host, *arguments).expect(status)
    assert text in result.errors
    assert len(result.errors.splitlines()) == 1
    assert not programs.config.exists()


def as_administrator(programs, users, *arguments, stdin):
    """Run setup as root of a machine that has these users besides root."""
    return run_on_machine(programs, users, programs.build / "postrider",
                          "setup", *arguments, stdin=stdin)


def test_the_daemons_user_owns_the_password(programs):
    result = as_administrator(
        programs, {"postrider": 990}, "--host", "h.example", "--user", "u",
        "--password-file", "-", "--no-test", stdin=PASSWORD)
    assert result.returncode == 0, result.stderr
    assert "delivery = queue\n" in programs.config.read_text()
    secret = programs.folder / "password"
    assert (secret.stat().st_uid, mode(secret)) == (990, 0o400)
    assert programs.config.stat().st_uid == 0
    assert re.search(r"(?m)^Now: .*postrider", result.stdout)


def set_up_machine(programs, *arguments):
    """What the machine's own configuration and its passwords become."""
    result = as_administrator(
        programs, {"postrider": 990}, "--output",
        "/etc/postrider/postrider.conf", "--host", "h.example", "--user", "u",
        "--password-file", "-", "--no-test", *arguments, stdin=PASSWORD)
    assert result.returncode == 0, result.stderr
    return result


def owner_and_mode(path):
    status = path.stat()
    return status.st_uid, status.st_gid, mode(path)


@pytest.mark.parametrize("before", [None, 0o700, 0o755])
def test_the_machines_password_is_in_a_folder_of_its_own(programs, before):
    """The units of the sockets hide it; the daemon can only enter."""
    folder = machine_etc(programs) / "postrider"
    if before is not None:
        (folder / "secrets").mkdir(parents=True)
        (folder / "secrets").chmod(before)
    result = set_up_machine(programs)
    assert "Written: /etc/postrider/secrets/password\n" in result.stdout
    assert 'password_file = "/etc/postrider/secrets/password"\n' in \
        (folder / "postrider.conf").read_text()
    assert owner_and_mode(folder / "secrets") == (0, 990, 0o710)
    secret = folder / "secrets" / "password"
    assert owner_and_mode(secret) == (990, 990, 0o400)
    set_up_machine(programs, "--replace")
    assert owner_and_mode(secret.with_suffix(".old")) == (990, 990, 0o400)
    assert owner_and_mode(folder) == (0, 0, 0o755)


def test_a_password_beside_an_old_configuration_stays_as_it_is(programs):
    """So the old configuration, which names it, can come back."""
    folder = machine_etc(programs) / "postrider"
    folder.mkdir()
    secret, config = folder / "password", folder / "postrider.conf"
    secret.write_text("old")
    secret.chmod(0o400)
    os.chown(secret, 990, 990)
    before = 'smarthost "main" { host = "old.example" user = "u" ' \
        'password_file = "/etc/postrider/password" }\n'
    config.write_text(before)
    set_up_machine(programs, "--replace")
    assert secret.read_text() == "old"
    assert owner_and_mode(secret) == (990, 990, 0o400)
    assert (folder / "postrider.conf.old").read_text() == before
    assert (folder / "secrets" / "password").read_text() == PASSWORD
    assert sorted(path.name for path in folder.iterdir()) == \
        ["password", "postrider.conf", "postrider.conf.old", "secrets"]


@pytest.fixture
def public():
    """A folder that all users can enter; the test's own only root can."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        yield folder


def set_up_queue(programs, host, authority, *arguments):
    return as_administrator(
        programs, {"postrider": 990}, "--host", host.host, "--port",
        str(host.port), "--tls-ca-file", str(authority), "--user", ADDRESS,
        "--password-file", "-", *arguments, stdin=PASSWORD)


def test_the_session_is_the_daemons(programs, host, public):
    """He can read the password, wherever it is before it has its place."""
    authority = public / "ca.pem"
    shutil.copy(host.certificates.ca, authority)
    authority.chmod(0o644)
    result = set_up_queue(programs, host, authority, "--test-to",
                          "bob@b.example")
    assert result.returncode == 0, result.stderr
    assert result.stdout.index("connected") < result.stdout.index("Written:")
    assert host.sessions[0].user == ADDRESS
    message, = host.wait_for_messages(1)
    assert message.reverse_path.startswith("root@")


def test_what_only_root_can_read_is_no_use(programs, host, public):
    authority = public / "ca.pem"
    shutil.copy(host.certificates.ca, authority)
    for path, mode_ in ((authority, 0o600), (public, 0o700)):
        authority.chmod(0o644)
        path.chmod(mode_)
        result = set_up_queue(programs, host, authority)
        assert result.returncode == 78, result.stderr
        assert re.search(r"nothing is written, the test failed: .*: Permission "
                         r"denied; let user postrider read it$", result.stderr)
    assert not programs.config.exists() and not host.sessions


# The machine's own spool, and a daemon that has no smarthost yet; then a
# command.
WITH_DAEMON = """
mount -t tmpfs none /var/spool
install -d -m 755 /var/spool/postrider
install -d -o 990 -g 990 -m 3733 /var/spool/postrider/drop
for folder in queue state failed; do
    install -d -o 990 -g 990 -m 700 /var/spool/postrider/$folder
done
programs=$1
shift
echo "127.0.1.1 $(uname -n).example.net $(uname -n)" >>/etc/hosts
echo 'log = stderr' >/etc/postrider/postrider.conf
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 "$programs"/postrider daemon \
    </dev/null >/dev/null 2>daemon.log &
daemon=$!
until grep -q 'daemon: started' daemon.log; do sleep 0.1; done
for recipient in bob1@b.example bob2@b.example bob3@b.example root; do
    printf 'Subject: %s\n\n.' $recipient | "$programs"/sendmail -i $recipient
done
until "$programs"/mailq </dev/null | grep -q "in 4 Requests"; do
    sleep 0.1
done
export programs daemon
"$@"
status=$?
kill $daemon
wait $daemon
exit $status
"""


def test_mail_that_waited_leaves_and_setup_says_so(programs, host, public):
    """Nothing is left to do: the daemon reads what was written."""
    authority = public / "ca.pem"
    shutil.copy(host.certificates.ca, authority)
    authority.chmod(0o644)
    host.recipients["bob2@b.example"] = "451 4.7.1 greylisted"
    (machine_etc(programs) / "postrider").mkdir()
    result = run_on_machine(
        programs, {"postrider": 990}, "sh", "-c", WITH_DAEMON, "sh",
        programs.build, programs.build / "postrider", "setup", "--output",
        "/etc/postrider/postrider.conf", "--host", host.host,
        "--port", str(host.port),
        "--tls-ca-file", str(authority), "--user", ADDRESS, "--password-file",
        "-", "--domain", "d.example", "--root-to", "ops@d.example",
        stdin=PASSWORD, POSTRIDER_CONFIG="/etc/postrider/postrider.conf")
    log = (programs.folder / "daemon.log").read_text()
    assert result.returncode == 0, result.stdout + result.stderr + log
    assert "The daemon has read it.\n" in result.stdout, result.stdout + log
    told = " ".join(result.stderr.split())
    assert "has been addressed again: 4 messages" in told, told + log
    assert "Of the mail that waited, 3 messages have left, and 1 waits: " \
        in told, told + log
    assert "451 4.7.1 greylisted" in told
    assert sorted(message.recipients for message in host.messages) == \
        [["bob1@b.example"], ["bob3@b.example"], ["ops@d.example"]]
    for message in host.messages:
        assert message.reverse_path == "root@d.example"
        assert re.search(r"\broot@d\.example\b", message.fields("From")[0])
        assert message.body == b".\r\n"


BY_HAND = """
rm /etc/postrider/postrider.conf
cat >/etc/postrider/$0
"$programs"/postrider queue resubmit && kill -HUP $daemon || exit
until "$programs"/mailq </dev/null | grep -q empty; do sleep 0.1; done
"""


@pytest.mark.parametrize("name", ["postrider.conf", "smarthost.conf"])
def test_mail_that_waited_for_a_configuration_by_hand(programs, smarthost,
                                                      name):
    (machine_etc(programs) / "postrider").mkdir()
    result = run_on_machine(
        programs, {"postrider": 990}, "env", "-u", "POSTRIDER_CONFIG", "sh",
        "-c", WITH_DAEMON, "sh", programs.build, "sh", "-c", BY_HAND, name,
        stdin=f"""
local_recipient = "ops@d.example"
smarthost "main" {{
    host = "{smarthost.host}" port = {smarthost.port} tls = none auth = none
}}
sender "root" {{ address = "web@d.example" }}
""")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == "4 submitted again\n"
    messages = smarthost.wait_for_messages(4)
    assert sorted(message.recipients[0] for message in messages) == [
        "bob1@b.example", "bob2@b.example", "bob3@b.example", "ops@d.example"]
    for message in messages:
        assert message.reverse_path == "web@d.example"


def test_without_the_daemons_user_nothing_is_written(programs):
    result = as_administrator(
        programs, {}, "--host", "h.example", "--user", "u",
        "--password-file", "-", "--no-test", stdin=PASSWORD)
    assert result.returncode == 78
    assert "there is no user postrider to own" in result.stderr
    assert not programs.config.exists()


def test_presets_are_as_they_say(programs):
    """Each of etc/providers makes a configuration that is taken."""
    listed = programs.postrider("setup", "--providers", str(PROVIDERS),
                                "--list-providers").expect(0)
    ids = [line.split()[0] for line in listed.stdout.decode().splitlines()]
    assert len(ids) == len(set(ids)) >= 30
    for wanted in ("gmail outlook microsoft365 fastmail icloud yahoo qq 163 "
                   "yandex zoho gmx mailbox proton-bridge ses sendgrid mailgun "
                   "postmark brevo mailjet").split():
        assert wanted in ids
    text = PROVIDERS.read_text()
    domains = re.findall(r"(?m)^domains: (.*)$", text)
    every = " ".join(domains).split()
    assert len(every) == len(set(every))
    for preset in ids:
        programs.postrider(
            "setup", "--providers", str(PROVIDERS), "--print", "--provider",
            preset, "--address", "me@d.example", "--user", "u",
            "--password-command", "true").expect(0)


# With a person

def ask(programs, host, *arguments):
    return Terminal(programs, "--direct", "--providers", str(host.presets),
                    "--tls-ca-file", host.certificates.ca, *arguments)


def test_a_person_is_asked_for_everything(programs, host):
    terminal = ask(programs, host)
    terminal.answer("Your mail address", "nobody")
    terminal.answer("it has no domain\r\nYour mail address", ADDRESS)
    terminal.answer("That is Test Mail. Right? [Y/n]", "")
    terminal.type_secret(PASSWORD)
    terminal.answer(f"other local users [{ADDRESS}]",
                    "ops@b.example")
    terminal.answer("Send a test message to ops@b.example? [Y/n]", "y")
    assert terminal.echoes()
    assert terminal.end() == 0
    assert PASSWORD not in terminal.seen
    assert 'local_recipient = "ops@b.example"' in programs.config.read_text()
    assert (programs.folder / "password").read_text() == PASSWORD
    message, = host.wait_for_messages(1)
    assert message.recipients == ["ops@b.example"]


def answer_with_wrong_password(programs, host):
    terminal = ask(programs, host, "--address", ADDRESS)
    terminal.answer("That is Test Mail. Right?", "y")
    terminal.type_secret("wrong")
    terminal.answer("other local users", "")
    return terminal


AGAIN = ("Which answer to change: host, port, tls, certificate, user, "
         "password, address, nothing?")


def test_a_wrong_password_can_be_typed_again(programs, host):
    terminal = answer_with_wrong_password(programs, host)
    terminal.answer(AGAIN + " [password]", "")
    terminal.type_secret(PASSWORD)
    terminal.answer(f"Send a test message to {ADDRESS}? [Y/n]", "no")
    assert terminal.end() == 0
    assert (programs.folder / "password").read_text() == PASSWORD
    assert not host.messages


def test_a_failed_test_can_be_overruled(programs, host):
    terminal = answer_with_wrong_password(programs, host)
    terminal.answer(AGAIN, "nothing")
    terminal.answer("Write the configuration anyway? [y/N]", "YES")
    assert terminal.end() == 0
    assert (programs.folder / "password").read_text() == "wrong"


@pytest.mark.parametrize("refusal", ["", "no", "N"])
def test_nothing_is_written_when_the_person_gives_up(programs, host, refusal):
    terminal = answer_with_wrong_password(programs, host)
    terminal.answer(AGAIN, "nothing")
    terminal.answer("Write the configuration anyway? [y/N]", "yep")
    terminal.answer("Please type y or n.\r\nWrite the configuration "
                    "anyway? [y/N]", refusal)
    assert terminal.end() == 77
    assert "nothing is written" in terminal.seen
    assert not programs.config.exists()


def test_a_private_authority_costs_one_answer(programs, host):
    authority = shutil.copy(host.certificates.ca, programs.folder)
    terminal = Terminal(
        programs, "--direct", "--providers", str(host.presets), "--host",
        host.host, "--port", str(host.port), "--address", ADDRESS, "--user",
        ADDRESS, "--root-to", ADDRESS, "--password-command",
        "echo " + PASSWORD)
    terminal.expect("issued by an authority that is not trusted")
    terminal.answer(AGAIN + " [certificate]", "")
    terminal.answer("The file (PEM) of its authority", authority)
    terminal.answer("Send a test message to", "n")
    assert terminal.end() == 0
    assert f'tls_ca_file = "{authority}"' in programs.config.read_text()


def free_port():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return closed.getsockname()[1]


def test_a_wrong_port_costs_one_answer(programs, host):
    terminal = ask(programs, host, "--host", host.host, "--port",
                   str(free_port()), "--address", ADDRESS, "--user", ADDRESS,
                   "--root-to", ADDRESS)
    terminal.expect("It wants the password of this login name")
    terminal.expect("Password: ")
    os.write(terminal.master, PASSWORD.encode() + b"\n")
    terminal.expect("Connection refused")
    terminal.answer(AGAIN + " [port]", "p")         # or is it the password?
    terminal.answer(AGAIN + " [port]", "po")
    terminal.answer("Port [587]", str(host.port))
    terminal.answer("Send a test message to", "n")
    assert terminal.end() == 0
    assert f"port = {host.port}\n" in programs.config.read_text()
    assert host.sessions[0].user == ADDRESS


def test_a_host_is_looked_up_when_it_is_typed(programs, host):
    terminal = ask(programs, host)
    terminal.answer("Your mail address", "ann@[192.0.2.1]")
    terminal.answer("Smarthost, or a provider", "smtp.invalid")
    terminal.expect("smtp.invalid")
    terminal.answer("Use it anyway? [y/N]", "n")
    terminal.answer("Smarthost, or a provider", host.host)
    terminal.answer("Port [587]", str(host.port))
    terminal.answer("Login name", ADDRESS)
    terminal.expect("Password: ")
    os.write(terminal.master, PASSWORD.encode() + b"\n")
    terminal.answer("other local users", "")
    terminal.answer("Send everything as", "n")
    terminal.answer("Send a test message to", "n")
    assert terminal.end() == 0
    assert f'host = "{host.host}"' in programs.config.read_text()


def test_an_old_file_is_asked_about_first(programs, host):
    programs.config.write_text('smarthost "a" {\n    host = "b.example"\n}\n')
    terminal = ask(programs, host)
    terminal.answer("exists. Replace it", "")
    assert terminal.end() == 73
    assert "b.example" in programs.config.read_text()


def test_an_unknown_domain_leads_to_a_host(programs, host):
    terminal = ask(programs, host, "--no-test")
    # No name server answers for a domain that cannot be.
    terminal.answer("Your mail address", "ann@[192.0.2.1]")
    terminal.answer("Smarthost, or a provider (? lists them)", "?")
    terminal.expect("robot            Robots")
    terminal.answer("Smarthost, or a provider (? lists them)", "mx c")
    terminal.expect("host = mx c: must be a host name or an address")
    terminal.answer("Smarthost, or a provider (? lists them)", "mx.c.example")
    terminal.answer("Port [587]", "0")
    terminal.expect("port = 0: must be 1 to 65535")
    terminal.answer("Port [587]", "465")
    terminal.answer("Login name [ann@[192.0.2.1]]", "-")
    terminal.answer("other local users", "ops")
    terminal.expect("local_recipient = ops: must be one complete address")
    terminal.answer("other local users", "")
    terminal.answer("Send everything as ann@[192.0.2.1]", "n")
    assert terminal.end() == 0
    text = programs.config.read_text()
    assert 'host = "mx.c.example"' in text and "tls = implicit" in text
    assert "user" not in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_terminal_right(programs, host, number):
    terminal = ask(programs, host, "--address", ADDRESS)
    terminal.answer("That is Test Mail. Right?", "y")
    terminal.expect("Password: ")
    if number == signal.SIGINT:
        os.write(terminal.master, b"\x03")
    else:
        terminal.process.send_signal(number)
    assert terminal.process.wait(PATIENCE) == -number
    assert terminal.echoes()
    assert not programs.config.exists()
    os.close(terminal.master)


def test_a_host_without_more_is_asked_about(programs, host):
    terminal = ask(programs, host, "--no-test", "--host", "mx.c.example")
    terminal.answer("Your mail address", "ann@c.example")
    terminal.answer("Login name [ann@c.example]", "")
    terminal.expect("It wants the password of this login name")
    terminal.expect("Password: ")
    os.write(terminal.master, PASSWORD.encode() + b"\n")
    terminal.answer("other local users [ann@c.example]", "")
    assert terminal.end() == 0
    text = programs.config.read_text()
    assert 'user = "ann@c.example"' in text and 'domain = "c.example"' in text
    assert 'local_recipient = "ann@c.example"' in text


def test_an_end_of_input_is_no_answer(programs, host):
    terminal = ask(programs, host)
    terminal.expect("Your mail address: ")
    os.write(terminal.master, b"\x04")
    assert terminal.end() == 66
    assert "no answer" in terminal.seen


# What a domain says of itself

@pytest.fixture
def ask_names(programs, may_mount):
    """Run setup where a name server of our own knows these records."""
    def ask(records, *arguments):
        with Nameserver(records) as names:
            return programs.postrider("setup", "--direct", "--print",
                                      *arguments, preexec_fn=names.use)
    return ask


def domain(name, *targets):
    return {name + ".c.example": [("SRV", *target) for target in targets]}


IMPLICIT, STARTTLS = "_submissions._tcp", "_submission._tcp"


@pytest.mark.parametrize("records, lines", [
    (domain(IMPLICIT, (0, 0, 465, "smtp.c.example")),
     ['host = "smtp.c.example"', "port = 465", "tls = implicit"]),
    (domain(STARTTLS, (0, 0, 587, "mx.c.example")),
     ['host = "mx.c.example"', "port = 587", "tls = starttls"]),
    (domain(IMPLICIT, (0, 0, 0, "."))
     | domain(STARTTLS, (0, 0, 587, "mx.c.example")),
     ['host = "mx.c.example"', "port = 587", "tls = starttls"]),
    (domain(IMPLICIT, (20, 0, 465, "late.c.example"),
            (10, 0, 4465, "soon.c.example"))
     | domain(STARTTLS, (0, 0, 587, "mx.c.example")),
     ['host = "soon.c.example"', "port = 4465", "tls = implicit"]),
])
def test_a_domain_says_where_its_mail_goes_out(ask_names, records, lines):
    result = ask_names(records, "--address", "ann@c.example").expect(0)
    shown = result.stdout.decode()
    for line in lines:
        assert f"    {line}\n" in shown
    assert 'domain = "c.example"' in shown
    assert 'user = "ann@c.example"' in shown


def test_a_host_elsewhere_must_be_said(ask_names):
    result = ask_names(domain(IMPLICIT, (0, 0, 465, "smtp.evil.example")),
                       "--address", "ann@c.example").expect(64)
    assert "another domain: if that is right, give --host smtp.evil.example " \
        "--port 465" in result.errors
    assert result.stdout == b""


def test_a_domain_may_say_nothing(ask_names):
    result = ask_names({}, "--address", "ann@c.example").expect(64)
    assert "--host or --provider is missing" in result.errors
