"""OAuth with real servers: oidc-provider gives tokens, Dovecot takes them.

Needs root and what packaging/fetch-servers unpacks. Without, the tests are
skipped; POSTRIDER_SERVERS_REQUIRED=1 makes that a failure.
"""

import base64
import binascii
import contextlib
import json
import re
import time
import uuid

import pytest

from lib.clock import Clock
from lib.dovecot import Dovecot
from lib.harness import message
from lib.oauth import OAuth, age
from lib.oidc_provider import (MAILBOX, SCOPE, SECRET, OidcProvider,
                               certified)
from lib.queue import as_root
from lib.servers import Authority, running

pytestmark = as_root
RECIPIENT = "bob@dest.test"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
LOG_IN_AGAIN = "log in again: postrider-oauth login m365"

# A token that lives for so many seconds is renewed when a half of them is
# left: time enough to take it to Dovecot on a machine that is busy.
BRIEF = 6
MANY = 1000


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Of yesterday: a clock that is slow by an hour finds it valid, too."""
    folder = tmp_path_factory.mktemp("authority")
    clock = Clock(folder)
    clock.turn(-86400)
    return Authority(folder, clock)


@pytest.fixture(scope="module")
def issuer(authority):
    """With a client that has the authority's key: it is one of RSA."""
    with running(lambda authority, _: OidcProvider(
            authority, lives={"brief": BRIEF}, clients=[
                certified("certified", authority.ca)]), authority) as server:
        yield server


@pytest.fixture(scope="module")
def dovecot(authority, issuer):
    with running(lambda authority, sink: Dovecot(authority, sink, issuer),
                 authority) as server:
        yield server


class Account(OAuth):
    """A mailbox of Dovecot's, for which the issuer gives tokens."""

    def __init__(self, programs, issuer, dovecot):
        self.dovecot = dovecot
        super().__init__(programs, issuer, dovecot.authority)
        self.configure(device_url=issuer.url + "/device/auth",
                       authorize_url=issuer.url + "/auth",
                       revoke_url=issuer.url + "/token/revocation",
                       client_id="postrider", scope=SCOPE + " offline_access")

    def configure(self, smarthost=(), **keys):
        """With these keys of the smarthost, and these of the oauth section."""
        self.keys.update(keys)
        self.programs.write_config(
            self.dovecot.port, extra=self.section(), **{
                "inet": "ipv4", "tls": "starttls", "auth": "auto",
                "tls_ca_file": self.dovecot.authority.ca, "user": MAILBOX,
                "oauth": "m365", **dict(smarthost)})

    def act_alone(self, client, **keys):
        """No person logs in, but the client does."""
        path = self.programs.secret("client-secret", SECRET)
        self.configure(client_id=client, flow="client_credentials",
                       scope=SCOPE, client_secret_file=str(path), **keys)

    def act_by_key(self, authority):
        """The same with a key in the place of the secret."""
        with open(authority.ca_key, encoding="ascii") as file:
            key = self.programs.secret("client.key", file.read())
        certificate = self.keys["tls_ca_file"]
        self.configure(client_id="certified", flow="client_credentials",
                       scope=SCOPE, client_key_file=str(key),
                       client_cert_file=certificate)

    def log_in(self, env=None):
        """By an address that is pasted, as it is quick."""
        assert self.paste(self.issuer.browser(), env) == (0, "")

    def paste(self, browser, env=None):
        """Exit status and errors of a login in that browser."""
        process = self.start("login", "m365", "--paste", env=env)
        url = next(line for line in process.stdout
                   if line.startswith(self.issuer.url)).strip()
        _, errors = process.communicate(browser.open(url) + "\n", timeout=60)
        return process.returncode, errors

    def enter(self, browser):
        """The same by a code that is entered there; and the last page."""
        process = self.start("login", "m365", "--device")
        url, code = re.search(
            r"Open (\S+) in any browser, and enter the code (\S+)$",
            process.stdout.readline()).groups()
        assert url == self.issuer.url + "/device"
        page = browser.enter(url, code)
        _, errors = process.communicate(timeout=60)
        return process.returncode, errors, page

    def send(self, token=None):
        """Hand a message to sendmail; returns what is in no other one."""
        token = token or uuid.uuid4().hex
        self.programs.sendmail("-i", "-f", MAILBOX, RECIPIENT,
                               stdin=message(token + "\n")).expect(0)
        return token

    def arrived(self, token):
        """How the session logged in that brought it to Dovecot."""
        delivery, = self.dovecot.sink.wait(token.encode(), [RECIPIENT])
        assert delivery.sender == MAILBOX
        return re.findall(r"(?:Login|Logged in): user=<reports@example\.com>, "
                          r"method=(\w+)",
                          self.dovecot.read(self.dovecot.log))[-1]


@pytest.fixture
def account(programs, issuer, dovecot):
    """With direct delivery."""
    return Account(programs, issuer, dovecot)


@pytest.fixture
def waiting(queue, issuer, dovecot):
    """With a queue; the login is made."""
    made = Account(queue, issuer, dovecot)
    made.log_in()
    return made


def test_a_login_by_device(account, issuer):
    before = issuer.count("granted", DEVICE)
    status, errors, page = account.enter(issuer.browser())
    assert (status, errors) == (0, "") and "Success" in page
    assert issuer.count("granted", DEVICE) == before + 1
    assert account.arrived(account.send()) == "OAUTHBEARER"


@pytest.mark.parametrize("auth, method", [
    ("auto", "OAUTHBEARER"), ("xoauth2", "XOAUTH2"),
    ("oauthbearer", "OAUTHBEARER")])
def test_a_login_by_paste(account, auth, method):
    account.configure({"auth": auth})
    account.log_in()
    assert account.arrived(account.send()) == method


@pytest.mark.parametrize("way", [Account.enter, Account.paste])
def test_a_person_who_does_not_agree(account, issuer, way):
    status, errors, *_ = way(account, issuer.browser(agrees=False))
    assert status == 77 and "access_denied" in errors, errors
    assert account.kept() is None


def test_a_logout(account, issuer):
    account.log_in()
    kept = account.kept()
    tokens = [kept["access_token"], kept["refresh_token"]]
    assert all(issuer.knows(token) for token in tokens)
    account.run("logout", "m365").expect(0)
    assert not any(issuer.knows(token) for token in tokens)
    assert LOG_IN_AGAIN in account.token().expect(77).errors


def test_no_token_is_shown(account):
    account.log_in()
    age(account, 3600)
    token = uuid.uuid4().hex
    result = account.programs.sendmail("-v", "-i", "-f", MAILBOX, RECIPIENT,
                                       stdin=message(token + "\n")).expect(0)
    account.arrived(token)
    kept = account.kept()
    secrets = [kept["refresh_token"].encode(), kept["access_token"].encode()]
    shown = result.stdout + result.stderr
    for word in re.findall(rb"[A-Za-z0-9+/]{8,}=*", shown):
        with contextlib.suppress(binascii.Error):
            shown += base64.b64decode(word)
    assert b"AUTH OAUTHBEARER" in shown
    assert not any(secret in shown for secret in secrets)


def test_renewal_with_rotation(account, issuer):
    account.log_in()
    first = account.kept()
    for _ in range(3):
        before = account.kept()
        age(account, 3600)
        account.arrived(account.send())
        after = account.kept()
        assert after["refresh_token"] != before["refresh_token"]
        assert after["access_token"] != before["access_token"]
    # As from a backup: the server takes it for stolen, and ends the login.
    path = account.state / "m365.json"
    path.write_text(json.dumps(first))
    age(account, 3600)
    result = account.token().expect(77)
    assert "invalid_grant" in result.errors and LOG_IN_AGAIN in result.errors
    account.log_in()
    account.arrived(account.send())


@pytest.mark.parametrize("client_auth", ["body", "basic"])
def test_an_application_of_its_own(account, issuer, client_auth):
    before = issuer.count("granted", "client_credentials", "service")
    account.act_alone("service", client_auth=client_auth)
    for _ in range(2):
        account.arrived(account.send())
    assert issuer.count("granted", "client_credentials", "service") == \
        before + 1


def test_an_application_with_a_certificate(account, issuer, authority):
    before = issuer.count("granted", "client_credentials", "certified")
    account.act_by_key(authority)
    account.arrived(account.send())
    age(account, 3600)
    account.arrived(account.send())
    assert issuer.count("granted", "client_credentials", "certified") == \
        before + 2


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_what_is_signed_by_a_wrong_clock(account, authority, clock, seconds):
    account.act_by_key(authority)
    clock.turn(seconds)
    result = account.token(env=clock.environment).expect(77)
    assert "invalid_client" in result.errors
    assert "the clock of this machine" in result.errors
    clock.turn(0)
    account.arrived(account.send())


def test_tokens_that_do_not_last(waiting, issuer):
    """All mail goes while twenty sessions at a time use tokens that are good
    for some seconds; there is one renewal in half a life."""
    account = waiting
    account.configure({"connections": 20, "messages_per_connection": 10},
                      client_id="brief")
    account.log_in()
    age(account, BRIEF)
    before = issuer.count("granted", "refresh_token", "brief")
    token = uuid.uuid4().hex
    text = message(token + "\n").replace(b"\n", b"\r\n").decode() + ".\r\n"
    sent = f"MAIL FROM:<{MAILBOX}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n{text}"
    started = time.monotonic()
    with account.programs.daemon() as daemon:
        result = account.programs.sendmail(
            "-bs", stdin="EHLO x\r\n" + sent * MANY + "QUIT\r\n").expect(0)
        assert result.stdout.count(b"\r\n250 2.0.0 ") == MANY, result
        daemon.wait_until_removed(MANY, timeout=120)
        took = time.monotonic() - started
        assert daemon.count("status=deferred") == 0, daemon.log
        assert daemon.count("status=sent") == MANY
    assert len(account.dovecot.sink.find(token.encode())) == MANY
    renewals = issuer.count("granted", "refresh_token", "brief") - before
    # Its times are whole seconds: half a life may be one less.
    assert 1 <= renewals <= took / (BRIEF / 2 - 1) + 1
    assert issuer.count("refused", "refresh_token", "brief") == 0


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_a_token_that_is_revoked(account, issuer, auth):
    """The login stays: another token is asked for, and mail goes."""
    account.configure({"auth": auth})
    account.log_in()
    before = issuer.count("granted", "refresh_token")
    issuer.revoke(account.kept()["access_token"])
    assert account.arrived(account.send()) == auth.upper()
    assert issuer.count("granted", "refresh_token") == before + 1


def test_a_login_that_is_revoked(waiting, issuer):
    """Mail is parked with one sentence, and goes after the next login."""
    account = waiting
    account.configure({"messages_per_connection": 1})
    with account.programs.daemon() as daemon:
        account.arrived(account.send())
        issuer.revoke(account.kept()["refresh_token"])
        tokens = [account.send() for _ in range(3)]
        daemon.wait_for(LOG_IN_AGAIN)
        assert daemon.count("is parked") == 1
        assert not any(account.dovecot.sink.find(token.encode())
                       for token in tokens)
        mark = daemon.mark()
        account.log_in()
        daemon.wait_until_removed(3, after=mark)
        for token in tokens:
            account.arrived(token)


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_that_is_wrong(waiting, issuer, clock, seconds):
    """By an hour, and then set: the login stays, and mail goes."""
    account = waiting
    account.configure(client_id="brief")
    clock.turn(seconds)
    account.log_in(env=clock.environment)
    with account.programs.daemon(env=clock.environment) as daemon:
        account.arrived(account.send())
        clock.turn(0)
        account.arrived(account.send())
        clock.turn(seconds)
        account.arrived(account.send())
        daemon.wait_until_removed(3)
        assert daemon.count("status=deferred") == 0, daemon.log
