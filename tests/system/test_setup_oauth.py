"""postrider setup with OAuth: a client, a login, and a session with both."""

import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import urllib.parse

import pytest

from lib.harness import ROOT, message
from lib.issuer import Answer, refusal, tokens
from lib.machine import machine_etc, run_on_machine
from lib.oauth import REFRESH, SECRET
from lib.terminal import Terminal

USER = "reports@example.com"
FILTER = ROOT / "tests" / "lib" / "refusing.py"
DEVICE = {"device_code": "device-1", "user_code": "ABCD-EFGH",
          "verification_uri": "https://login.example/device", "interval": 1,
          "expires_in": 60}


class Provider:
    """A provider with a smarthost, and an authorization server whose login is
    accepted at once."""

    def __init__(self, issuer, smarthost, folder):
        self.issuer, self.smarthost = issuer, smarthost
        self.presets = folder / "providers"
        self.presets.write_text(f"""id: microsoft
short: ms
name: A Provider
host: {smarthost.host}
port: {smarthost.port}
auth: xoauth2
sender: account
token-url: {issuer.url}/{{tenant}}/token
device-url: {issuer.url}/{{tenant}}/devicecode
authorize-url: {issuer.url}/{{tenant}}/authorize
scope: mail.send offline_access

id: goggle
name: Goggle
host: {smarthost.host}
port: {smarthost.port}
password: an app password
token-url: {issuer.url}/token
authorize-url: {issuer.url}/auth
scope: mail
client-secret: yes
""", encoding="utf-8")
        self.presets.chmod(0o644)
        self.accept()

    def accept(self, access="access-1"):
        self.issuer.answers[:] = [Answer(DEVICE), tokens(
            access, refresh_token=REFRESH, refresh_token_expires_in=604800)]

    def arguments(self, *more):
        return ["setup", "--providers", str(self.presets), "--tls-ca-file",
                self.smarthost.certificates.ca, "--root-to", USER, *more]


@pytest.fixture
def provider(issuer, make_smarthost, programs):
    smarthost = make_smarthost(tls="starttls", auth=["LOGIN", "XOAUTH2"],
                               users={USER: "access-1"})
    return Provider(issuer, smarthost, programs.folder)


MICROSOFT = ["--provider", "ms", "--address", USER, "--tenant",
             "contoso.example", "--client-id", "an-application"]


def set_up(programs, provider, *arguments, **options):
    return programs.postrider(*provider.arguments("--direct", *arguments),
                              **options)


def kept(programs):
    folder = programs.folder / ".local/state/postrider/oauth"
    return sorted(path.name for path in folder.glob("*.json"))


def test_one_command_and_a_login_suffice(programs, provider, issuer):
    secret = programs.secret("the-secret", SECRET)
    result = set_up(programs, provider, *MICROSOFT, "--device",
                    "--client-secret-file", str(secret)).expect(0)
    assert b"https://login.example/device" in result.stdout
    assert b"ABCD-EFGH" in result.stdout
    assert b"new login needed by" in result.stdout
    host, url = provider.smarthost, issuer.url + "/contoso.example"
    assert programs.config.read_text() == f"""\
# Written by postrider setup; postrider.conf(5) is the reference.
domain = "example.com"
local_recipient = "{USER}"
delivery = direct

oauth "ms" {{
    token_url = "{url}/token"
    device_url = "{url}/devicecode"
    authorize_url = "{url}/authorize"
    client_id = "an-application"
    scope = "mail.send offline_access"
    tls_ca_file = "{host.certificates.ca}"
    client_secret_file = "{programs.folder}/client-secret"
}}

# A Provider
smarthost "main" {{
    host = "{host.host}"
    port = {host.port}
    tls_ca_file = "{host.certificates.ca}"
    auth = xoauth2
    user = "{USER}"
    oauth = "ms"
}}

# Reports to senders: only the account may send.
sender "<>" {{
    address = "{USER}"
}}

sender "*" {{
    address = "{USER}"
}}
"""
    copy = programs.folder / "client-secret"
    assert copy.read_text() == SECRET
    assert stat.S_IMODE(copy.stat().st_mode) == 0o400
    assert SECRET not in result.stdout.decode() + result.errors
    assert issuer.forms[1]["client_secret"] == SECRET
    assert host.sessions[0].user == USER and not host.messages
    programs.sendmail("root", stdin=message("hello")).expect(0)
    assert host.messages[0].recipients == [USER]
    assert len(issuer.forms) == 2


def test_a_secret_without_files_in_memory(programs, provider, issuer):
    """What postrider-oauth is to read is in files without a name then."""
    secret = programs.secret("the-secret", SECRET)
    programs.run(
        "/usr/bin/python3", FILTER, "memfd_create",
        programs.build / "postrider", *provider.arguments(
            "--direct", *MICROSOFT, "--device", "--client-secret-file",
            str(secret))).expect(0)
    assert issuer.forms[1]["client_secret"] == SECRET
    assert provider.smarthost.sessions[0].user == USER


def test_a_login_by_paste(programs, provider, issuer):
    """The program that logs in has the terminal for itself."""
    issuer.answers[:] = [tokens(refresh_token=REFRESH)]
    secret = programs.secret("the-secret", SECRET)
    setup = subprocess.Popen(
        [programs.build / "postrider", *provider.arguments(
            "--direct", "--provider", "goggle", "--address", USER,
            "--client-id", "an-application", "--client-secret-file",
            str(secret), "--paste")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=programs.environment(), cwd=programs.folder)
    url = next(line for line in setup.stdout if line.startswith("https://"))
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    _, errors = setup.communicate(
        f"{query['redirect_uri']}?code=1&state={query['state']}\n", timeout=60)
    assert setup.returncode == 0, errors
    assert 'oauth = "goggle"' in programs.config.read_text()


def test_a_login_that_is_refused_leaves_all_as_it_was(programs, provider,
                                                      issuer):
    issuer.answers[:] = [Answer(DEVICE), refusal("access_denied")]
    result = set_up(programs, provider, *MICROSOFT).expect(77)
    assert "access_denied" in result.errors
    assert "nothing is written" in result.errors
    assert not programs.config.exists() and not provider.smarthost.sessions


def test_a_token_that_is_refused_leaves_all_as_it_was(programs, provider):
    provider.smarthost.replies["AUTH"] = "535 5.7.3 Authentication unsuccessful"
    result = set_up(programs, provider, *MICROSOFT).expect(77)
    assert "new permissions take up to two hours" in result.errors
    assert not programs.config.exists()


def test_a_login_of_before_goes_on_until_all_is_written(programs, provider):
    set_up(programs, provider, *MICROSOFT).expect(0)
    assert kept(programs) == ["ms.json"]
    provider.accept("wrong")
    other = [*MICROSOFT, "--replace", "--user", "other@example.com"]
    set_up(programs, provider, *other).expect(77)
    assert kept(programs) == ["ms-2.json", "ms.json"]
    programs.sendmail("root", stdin=message("hello")).expect(0)
    provider.accept()
    set_up(programs, provider, *MICROSOFT, "--replace").expect(0)
    assert 'oauth "ms" {' in programs.config.read_text()


def test_without_a_test_the_login_is_what_is_left(programs, provider, issuer):
    result = set_up(programs, provider, *MICROSOFT, "--no-test").expect(0)
    assert b"Now: postrider-oauth login ms\n" in result.stdout
    assert issuer.forms == []
    programs.run("postrider-oauth", "login", "ms").expect(0)
    programs.sendmail("root", stdin=message("hello")).expect(0)


def test_the_package_is_named_if_it_is_missing(programs, provider):
    folder = programs.folder / "alone"
    folder.mkdir()
    shutil.copy(programs.build / "postrider", folder)
    programs.build = folder
    result = set_up(programs, provider, *MICROSOFT).expect(78)
    assert "install the package postrider-oauth" in result.errors


@pytest.mark.parametrize("arguments, text", [
    (["--provider", "ms"], "--client-id is missing: Application (client) ID"),
    (["--provider", "ms", "--client-id", "a"], "--tenant is missing"),
    (["--provider", "ms", "--client-id", "a", "--tenant", "a/b"],
     "--tenant a/b: must be an ID or a domain"),
    (["--provider", "goggle", "--client-id", "a"],
     "--client-secret-file is missing"),
    (["--provider", "goggle", "--tenant", "a", "--password-file", "-"],
     "--client-id is missing"),
    (["--host", "h.example", "--client-id", "a"], "give --provider"),
    ([*MICROSOFT, "--password-file", "-"], "takes the place of a password"),
    ([*MICROSOFT, "--auth", "none"], "with --auth none"),
    ([*MICROSOFT, "--device", "--paste"], "exclude each other")])
def test_what_is_missing(programs, provider, arguments, text):
    result = set_up(programs, provider, "--address", USER,
                    *arguments).expect(64)
    assert text in result.errors


AS_ROOT = 'mount -t tmpfs none /var/lib && "$@" && ' \
    'stat -c "%n %u %a" /var/lib/postrider/oauth/ms.json ' \
    '/etc/postrider/secrets/client-secret'


def test_the_daemons_user_has_the_tokens(programs, provider):
    with tempfile.TemporaryDirectory() as name:
        public = pathlib.Path(name)
        public.chmod(0o755)
        authority = public / "ca.pem"
        shutil.copy(provider.smarthost.certificates.ca, authority)
        authority.chmod(0o644)
        secret = programs.secret("the-secret", SECRET)
        (machine_etc(programs) / "postrider").mkdir()
        result = run_on_machine(
            programs, {"postrider": 990}, "sh", "-c", AS_ROOT, "sh",
            programs.build / "postrider", *provider.arguments(),
            *MICROSOFT, "--tls-ca-file", str(authority),
            "--client-secret-file", str(secret), 
            POSTRIDER_CONFIG="/etc/postrider/postrider.conf",
            HOME="/root")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "/var/lib/postrider/oauth/ms.json 990 600\n" in result.stdout
    assert "/etc/postrider/secrets/client-secret 990 400\n" in result.stdout
    assert re.search(r"(?m)^Now: .*postrider", result.stdout)
    assert provider.smarthost.sessions[0].user == USER


def test_a_person_logs_in_once_more(programs, provider, issuer):
    """The first login is of the wrong account; the second one is right."""
    provider.accept("wrong")
    issuer.answers += [tokens("wrong"), *issuer.answers]
    issuer.answers[-1] = tokens("access-1", refresh_token=REFRESH)
    terminal = Terminal(programs, *provider.arguments(
        "--direct", "--provider", "ms")[1:])
    terminal.answer("Your mail address", USER)
    terminal.answer("Application (client) ID", "an-application")
    terminal.answer("Directory (tenant) ID", "contoso.example")
    terminal.expect(f"Log in as {USER}.")
    terminal.expect("ABCD-EFGH")
    terminal.expect("535 5.7.8")
    terminal.answer("Which answer to change: host, port, tls, "
                    "certificate, user, login, "
                    "address, nothing? [login]", "")
    terminal.answer("Paste an address this time, instead of entering a code?",
                    "n")
    terminal.expect("ABCD-EFGH")
    terminal.answer("Send a test message to", "n")
    assert terminal.end() == 0
    assert 'client_id = "an-application"' in programs.config.read_text()
