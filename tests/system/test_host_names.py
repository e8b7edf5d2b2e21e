"""What the machine is called, and what servers take as such a name."""

import re

import pytest

from lib.harness import message
from lib.machine import machine_etc, run_on_machine

CALL_IT = """
printf %s "$0" > /proc/sys/kernel/hostname && printf %s "$HOSTS" >> /etc/hosts
exec "$@"
"""


class Machine:
    """One without a hostname or domain in its configuration."""

    def __init__(self, programs, smarthost):
        self.programs, self.smarthost = programs, smarthost
        self.configure()

    def configure(self, text=""):
        self.programs.write_config(self.smarthost, settings={
            "local_recipient": "", "aliases": ""})
        config = self.programs.config
        lines = config.read_text().splitlines(keepends=True)
        config.write_text(text + "".join(
            line for line in lines
            if not line.startswith(("hostname", "domain"))))

    def write_mailname(self, text):
        (machine_etc(self.programs) / "mailname").write_bytes(text)

    def run(self, name, program, *arguments, hosts="", stdin=b""):
        return run_on_machine(
            self.programs, {}, "unshare", "-u", "sh", "-c", CALL_IT, name,
            str(self.programs.build / program), *arguments,
            stdin=stdin.decode(), HOSTS=hosts)

    def send(self, name, *arguments, **options):
        arguments = arguments or ("root",)
        result = self.run(name, "sendmail", *arguments,
                          stdin=message(From=None, Message_ID=None), **options)
        assert result.returncode == 0, result.stderr
        return self.smarthost.messages[-1], self.smarthost.commands()[0]

    def check(self, name):
        result = self.run(name, "postrider", "check")
        return result.returncode, [
            line for line in result.stdout.splitlines()
            if line.startswith(("names:", "configuration:"))]


@pytest.fixture
def machine(programs, smarthost):
    return Machine(programs, smarthost)


UNUSABLE = ["shop_web_1", "(none)", "localhost", "localhost.localdomain",
            "a" * 64, "-web1", "web1-.example.com", "web..example.com",
            "x.localhost", "localhost6.localdomain6", "192.0.2.1", "we b",
            "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"]


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_name_that_no_server_takes(machine, name):
    sent, hello = machine.send(name)
    assert hello == "EHLO [127.0.0.1]"
    assert sent.reverse_path == "root@localhost" or \
        sent.reverse_path == f"root@{name}" == "root@localhost.localdomain"
    status, names = machine.check(name)
    assert status == 78
    assert any(re.match("names: error: .*; set hostname = ", line)
               for line in names), names
    assert any(re.match("names: error: .*; set domain = ", line)
               for line in names), names


@pytest.mark.parametrize("name", ["shop_web_1", "localhost", "(none)"])
def test_a_domain_helps(machine, name):
    machine.write_mailname(b"example.com\n")
    sent, hello = machine.send(name)
    assert hello == "EHLO [127.0.0.1]"
    assert sent.reverse_path == "root@example.com"


@pytest.mark.parametrize("name, called", [
    ("web1.weave.local.", "web1.weave.local"),
    ("web1.example.com", "web1.example.com"),
    ("web1", "web1"),
    ("a" * 63, "a" * 63),
])
def test_a_name_that_servers_take(machine, name, called):
    sent, hello = machine.send(name)
    assert hello == "EHLO " + called
    assert sent.reverse_path == "root@" + called
    assert sent.fields("Message-ID")[0].endswith("@" + called + ">")


@pytest.mark.parametrize("hosts, called", [
    ("127.0.1.1 web1.example.com shop_web_1\n", "web1.example.com"),
    ("127.0.1.1 web_1.example.com web1.example.com shop_web_1\n",
     "web1.example.com"),
    ("127.0.1.1 localhost.localdomain shop_web_1\n", "[127.0.0.1]"),
    ("127.0.1.1 web1.example.com. shop_web_1\n", "web1.example.com"),
])
def test_names_of_hosts_are_proved_too(machine, hosts, called):
    assert machine.send("shop_web_1", hosts=hosts)[1] == "EHLO " + called


@pytest.mark.parametrize("text, domain", [
    (b"example.com\n", "example.com"),
    (b"\xef\xbb\xbfexample.com\r\n", "example.com"),
    (b"example.com \t\r\r\n", "example.com"),
    (b"example.com   # ours\n", "example.com"),
    (b"example.com# ours\n", "example.com"),
    (b"# the domain of mail\n\n  example.com\nother.example\n",
     "example.com"),
    (b"example.com.\n", "example.com"),
    (b"example.com", "example.com"),
    (b"b\xc3\xbccher.example\n", "b\xfccher.example"),
    (b"shop_web_1\n", "web1.example.com"),
    (b"localhost\n", "web1.example.com"),
    (b"-x.example.com\n", "web1.example.com"),
    (b"", "web1.example.com"),
    (b"# nothing\n", "web1.example.com"),
])
def test_mailname(machine, text, domain):
    machine.smarthost.extensions.append("SMTPUTF8")
    machine.write_mailname(text)
    assert machine.send("web1.example.com")[0].reverse_path == \
        "root@" + domain


def test_a_mailname_that_is_not_used_is_said(machine):
    machine.write_mailname(b"shop_web_1\n")
    status, names = machine.check("web1.example.com")
    assert status == 78
    assert any("names: error: /etc/mailname: " in line and "shop_web_1" in line
               for line in names), names


@pytest.mark.parametrize("key", ["hostname", "domain"])
@pytest.mark.parametrize("name", ["shop_web_1", "a" * 64, "-web1", "(none)"])
def test_a_key_that_no_server_takes(machine, key, name):
    machine.configure(f'{key} = "{name}"\n')
    result = machine.run("web1.example.com", "sendmail", "bob@b.example",
                         stdin=message())
    assert result.returncode == 78
    assert f"postrider.conf:1: {key} = {name}: must be " in result.stderr
    status, lines = machine.check("web1.example.com")
    assert status == 78
    assert any(f"{key} = {name}: must be " in line for line in lines), lines


def test_a_key_that_is_localhost(machine):
    machine.configure('hostname = "localhost"\ndomain = "localhost"\n')
    assert machine.send("web1.example.com")[1] == "EHLO [127.0.0.1]"
    status, names = machine.check("web1.example.com")
    assert status == 78
    assert sum("names: error: " in line for line in names) == 2, names


@pytest.mark.parametrize("name", ["web1.localdomain", "web1.fritz.LAN",
                                  "ip-10-0-0-1.ec2.internal"])
def test_a_domain_that_is_not_in_the_dns(machine, name):
    _, names = machine.check(name)
    assert any(f"names: warning: domain is {name}, which the public DNS does "
               "not have" in line for line in names), names


def test_a_final_dot_of_a_key_is_cut(machine):
    machine.configure('hostname = "w.example.com."\ndomain = "example.com."\n')
    sent, hello = machine.send("web1")
    assert hello == "EHLO w.example.com"
    assert sent.reverse_path == "root@example.com"


@pytest.mark.parametrize("name, address", [
    ("shop_web_1", "root@shop_web_1"), ("web1.local", "root@web1"),
    ("shop_web_1", "root@localhost"), ("web1", "root@web1"),
])
def test_mail_to_what_the_machine_calls_itself_is_local(machine, name,
                                                        address):
    machine.configure('local_recipient = "admin@example.com"\n')
    text = machine.programs.config.read_text()
    machine.programs.config.write_text(
        text.replace('local_recipient = ""\n', ""))
    machine.send(name, address)
    assert machine.smarthost.messages[-1].recipients == ["admin@example.com"]
