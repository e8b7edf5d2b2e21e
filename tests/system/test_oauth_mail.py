"""Mail with tokens: a smarthost with the key oauth, and a fake issuer."""

import re
import shutil

import pytest

from lib.harness import message
from lib.issuer import Answer, refusal, tokens
from lib.oauth import OAuth, age

USER = "reports@example.com"


def test_mail_goes_with_a_token(oauth, make_smarthost, programs):
    host = make_smarthost(tls="starttls", auth=["LOGIN", "PLAIN", "XOAUTH2"],
                          users={"reports@example.com": "access-1"})
    oauth.log_in()
    programs.write_config(host, extra=oauth.section(), password=None,
                          oauth="m365")
    programs.sendmail("-f", "a@a.example", "b@b.example",
                      stdin=message("hello")).expect(0)
    assert host.messages[0].recipients == ["b@b.example"]
    age(oauth, 3600)
    oauth.issuer.answers[:] = [refusal("invalid_grant")]
    result = programs.sendmail("-f", "a@a.example", "b@b.example",
                               stdin=message("hello"))
    result.expect(75, 77)
    assert "log in again: postrider-oauth login m365" in result.errors


def test_mail_that_waits_for_a_login_goes_after_it(queue, issuer, certificates,
                                                   make_smarthost):
    host = make_smarthost(tls="starttls", auth=["XOAUTH2"],
                          users={"reports@example.com": "access-1"})
    oauth = OAuth(queue, issuer, certificates)
    queue.write_config(host, extra=oauth.section(), password=None,
                       oauth="m365")
    with queue.daemon() as daemon:
        queue.submit("b@b.example", stdin=message("hello"))
        daemon.wait_for("log in again: postrider-oauth login m365")
        oauth.log_in()
        daemon.wait_until_removed(1)
    assert host.messages[0].recipients == ["b@b.example"]


def test_a_token_goes_into_no_mechanism_for_passwords(oauth, make_smarthost,
                                                      programs):
    host = make_smarthost(tls="starttls", auth=["LOGIN", "PLAIN"],
                          users={"reports@example.com": "access-1"})
    oauth.log_in()
    programs.write_config(host, extra=oauth.section(), password=None,
                          oauth="m365")
    programs.sendmail("-f", "a@a.example", "b@b.example",
                      stdin=message("hello")).expect(75, 77)
    assert host.messages == []


@pytest.mark.parametrize("refusal_", [
    "500 5.5.1 what?", "502 5.5.1 no", "504 5.5.4 not this one",
    "534 5.7.9 too weak", "535 5.7.8 no", "454 4.7.0 later"])
def test_no_refusal_leads_a_token_to_a_password(oauth, make_smarthost,
                                                programs, refusal_):
    host = make_smarthost(
        tls="starttls", users={USER: "access-1"},
        auth=["LOGIN", "PLAIN", "SCRAM-SHA-256", "CRAM-MD5", "XOAUTH2",
              "OAUTHBEARER"])
    host.replies["AUTH"] = lambda *_: refusal_
    oauth.log_in()
    oauth.issuer.answers[:] = [tokens("access-2")]
    programs.write_config(host, extra=oauth.section(), password=None,
                          oauth="m365")
    programs.sendmail("-f", "a@a.example", "b@b.example",
                      stdin=message("hello")).expect(75, 77)
    assert {command.split()[1] for command in host.commands()
            if command.startswith("AUTH ")} <= {"XOAUTH2", "OAUTHBEARER"}


@pytest.mark.parametrize("keys, words", [
    ({"oauth": "other"}, 'no section oauth "other"'),
    ({"oauth": "m365", "password_command": "pass"}, "only one of"),
    ({"oauth": "m365", "auth": "plain"}, "xoauth2 or oauthbearer"),
    ({"oauth": "m365", "user": None}, "user is missing")])
def test_a_wrong_smarthost(oauth, tls_smarthost, programs, keys, words):
    programs.write_config(tls_smarthost, extra=oauth.section(), password=None,
                          **keys)
    assert words in programs.sendmail("-bC").expect(78).errors


# What goes wrong before there is a token

# An answer, or None where the program is not installed; the exit status of
# direct delivery, and what becomes of the smarthost.
TROUBLES = [
    (Answer(b"", 503), 75, "503", "is down"),
    (refusal("invalid_grant"), 77, "log in again: postrider-oauth login m365",
     "is parked"),
    (None, 78, "install the package postrider-oauth", "is parked")]


def spoil(mail, answer):
    age(mail.oauth, 3600)
    mail.oauth.issuer.answers[:] = [answer]
    if answer is None:
        (mail.programs.build / "postrider-oauth").unlink()


@pytest.mark.parametrize("answer, status, words, _", TROUBLES)
def test_what_is_wrong_is_the_exit_status(programs, issuer, certificates,
                                          make_smarthost, answer, status,
                                          words, _):
    programs.copy_build()
    mail = Mail(programs, issuer, certificates, make_smarthost)
    spoil(mail, answer)
    assert words in mail.send().expect(status).errors


@pytest.mark.parametrize("answer, _, words, state", TROUBLES)
def test_what_is_wrong_is_the_state_of_the_smarthost(queued, answer, _, words,
                                                     state):
    spoil(queued, answer)
    with queued.programs.daemon() as daemon:
        queued.programs.sendmail("b@b.example",
                                 stdin=message("hello")).expect(0)
        daemon.wait_for(f"smarthost host0 {state}.*{words}")
        assert daemon.count("status=bounced") == 0
    assert queued.host.sessions == []


# A token that the smarthost refuses

def login_of(host):
    """The tokens that were sent, in order."""
    return [credential.password for session in host.sessions
            for credential in session.credentials]


class Mail:
    """A smarthost that takes the token "renewed", and a login whose token,
    good by its life, is another one."""

    def __init__(self, programs, issuer, certificates, make_smarthost,
                 mechanism="XOAUTH2"):
        self.host = make_smarthost(tls="starttls", auth=["LOGIN", mechanism],
                                   users={USER: "renewed"})
        self.programs = programs
        self.oauth = OAuth(programs, issuer, certificates)
        programs.write_config(self.host, extra=self.oauth.section(),
                              password=None, oauth="m365")
        self.oauth.log_in(access="refused")
        issuer.answers[:] = [tokens("renewed")]

    def send(self):
        return self.programs.sendmail("-f", "a@a.example", "b@b.example",
                                      stdin=message("hello"))


@pytest.fixture
def mail(programs, issuer, certificates, make_smarthost):
    return Mail(programs, issuer, certificates, make_smarthost)


@pytest.fixture
def queued(queue, issuer, certificates, make_smarthost):
    return Mail(queue, issuer, certificates, make_smarthost)


LONG = "long" * 600             # so long that it follows an empty challenge


@pytest.mark.parametrize("mechanism, token", [
    ("XOAUTH2", "refused"), ("XOAUTH2", LONG), ("OAUTHBEARER", "refused"),
    ("OAUTHBEARER", LONG)], ids=len)
def test_a_refused_token_is_renewed_and_tried_once_more(
        programs, issuer, certificates, make_smarthost, mechanism, token):
    mail = Mail(programs, issuer, certificates, make_smarthost, mechanism)
    mail.oauth.log_in(access=token)
    issuer.answers[:] = [tokens("renewed")]
    mail.send().expect(0)
    assert login_of(mail.host) == [token, "renewed"]
    assert len(mail.host.sessions) == 2 and len(issuer.forms) == 1
    mail.send().expect(0)
    assert login_of(mail.host)[2:] == ["renewed"]


def test_a_refused_token_is_renewed_once_only(mail, issuer):
    mail.host.users[USER] = "another"
    errors = mail.send().expect(77).errors
    assert "log in again: postrider-oauth login m365 (as reports@example.com)" \
        in errors
    assert "password_command" not in errors
    assert login_of(mail.host) == ["refused", "renewed"]
    assert len(issuer.forms) == 1


def test_a_refused_token_that_cannot_be_renewed(mail, issuer):
    issuer.answers[:] = [refusal("invalid_grant")]
    errors = mail.send().expect(77).errors
    assert "log in again: postrider-oauth login m365" in errors
    issuer.answers[:] = [Answer(b"", 503)]
    mail.oauth.log_in(access="refused")
    issuer.answers[:] = [Answer(b"", 503)]
    mail.send().expect(75)
    assert login_of(mail.host) == ["refused", "refused"]


@pytest.mark.parametrize("reply", [
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
    "disabled for the Tenant.",
    "550 5.7.30 Basic authentication is not supported for Client Submission.",
    "535 5.7.0 Too many bad auth attempts",
    "454 4.7.0 Temporary authentication failure"])
def test_what_no_other_token_would_change(mail, issuer, reply):
    mail.host.replies["AUTH"] = reply
    mail.send().expect(75, 77)
    assert len(mail.host.sessions) == 1 and issuer.forms == []


def test_a_refused_token_of_an_application(mail, issuer):
    mail.oauth.use_secret(flow="client_credentials")
    mail.programs.write_config(mail.host, extra=mail.oauth.section(),
                               password=None, oauth="m365")
    mail.host.users[USER] = "another"
    issuer.answers[:] = [tokens("first"), tokens("second")]
    errors = mail.send().expect(77).errors
    assert login_of(mail.host) == ["refused", "first"]
    assert "log in" not in errors
    assert 'application of oauth "m365" send as reports@example.com?' in errors


def test_postrider_test_renews_a_refused_token(mail):
    result = mail.programs.postrider("test").expect(0)
    assert b"535 5.7.8" in result.stdout
    assert b"another one is asked for" in result.stdout
    assert login_of(mail.host) == ["refused", "renewed"]


def test_the_daemon_renews_a_refused_token(queued, issuer):
    queue, host = queued.programs, queued.host
    with queue.daemon() as daemon:
        queue.submit("b@b.example", stdin=message("hello"))
        daemon.wait_until_removed(1)
        assert daemon.count("parked") == daemon.count("is down") == 0
        assert daemon.count("another one is asked for") == 1
    assert login_of(host) == ["refused", "renewed"]
    assert len(issuer.forms) == 1
    assert host.messages[0].recipients == ["b@b.example"]


def test_the_daemon_parks_a_smarthost_that_refuses_the_next_token(queued,
                                                                 issuer):
    queue, host = queued.programs, queued.host
    host.users[USER] = "good"
    with queue.daemon() as daemon:
        queue.submit("b@b.example", stdin=message("hello"))
        daemon.wait_for("is parked.*log in again: postrider-oauth login m365 "
                        r"\(as reports@example.com\)")
        assert login_of(host) == ["refused", "renewed"]
        queued.oauth.log_in(access="good")
        daemon.wait_until_removed(1)
        assert daemon.count("is parked") == 1
    assert login_of(host)[2:] == ["good"]


def test_many_workers_make_one_renewal(queued, issuer):
    """Each message has a session of its own, and so a token is asked for."""
    queue, host, oauth = queued.programs, queued.host, queued.oauth
    queue.write_config(host, extra=oauth.section(), password=None,
                       oauth="m365", messages_per_connection=1)
    oauth.log_in(access="old", expires_in=60)
    age(oauth, 35)
    issuer.answers[:] = [tokens("renewed", expires_in=60)]
    for _ in range(20):
        queue.submit("b@b.example", stdin=message("hello"))
    with queue.daemon() as daemon:
        daemon.wait_until_removed(20)
    assert len(host.sessions) >= 20
    assert len(issuer.forms) == 1 and set(login_of(host)) == {"renewed"}


def test_many_workers_with_a_refused_token(queued, issuer):
    """It is refused while sessions are open: all go on with the next one."""
    queue, host, oauth = queued.programs, queued.host, queued.oauth
    queue.write_config(host, extra=oauth.section(), password=None,
                       oauth="m365", messages_per_connection=1)
    host.users[USER] = "refused"
    with queue.daemon() as daemon:
        for _ in range(20):
            queue.sendmail("b@b.example", stdin=message("hello")).expect(0)
        host.wait_for_messages(5)
        host.users[USER] = "renewed"
        daemon.wait_until_removed(20)
        assert daemon.count("parked") == daemon.count("is down") == 0
    assert len(host.messages) == 20 and len(issuer.forms) == 1


# A login that no mail uses

def test_the_daemon_renews_an_idle_login(queued, issuer):
    """The first time comes after a twenty-fourth of `renew`."""
    queue, oauth = queued.programs, queued.oauth
    oauth.configure(renew="24s")
    age(oauth, 3600)
    queue.write_config(queued.host, extra=oauth.section(), password=None,
                       oauth="m365")
    with queue.daemon() as daemon:
        daemon.wait(lambda: oauth.kept()["access_token"] == "renewed")
    assert len(issuer.forms) == 1 and queued.host.sessions == []


def test_an_idle_login_that_has_ended_is_an_alert(queued, issuer):
    queue, oauth = queued.programs, queued.oauth
    oauth.configure(renew="24s")
    age(oauth, 3600)
    issuer.answers[:] = [refusal("invalid_grant")]
    queue.write_config(queued.host, extra=oauth.section(), password=None,
                       oauth="m365")
    with queue.daemon() as daemon:
        daemon.wait_for("oauth m365: its login cannot be renewed: .*"
                        "log in again: postrider-oauth login m365")


def test_check_and_status_show_that_a_login_is_needed(queued, issuer):
    queue = queued.programs
    spoil(queued, refusal("invalid_grant"))
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message("hello")).expect(0)
        daemon.wait_for("is parked")
        for command in ("check", "status"):
            result = queue.postrider(command)
            assert "log in again: postrider-oauth login m365" in \
                result.stdout.decode() + result.errors, str(result)


def test_check_shows_that_a_client_certificate_ends(mail, certificates):
    """Its key is in the same file."""
    path = mail.programs.folder / "client.pem"
    shutil.copy(certificates.path("expired"), path)
    path.chmod(0o600)
    mail.oauth.configure(flow="client_credentials", client_key_file=str(path),
                         client_cert_file=str(path))
    mail.programs.write_config(mail.host, extra=mail.oauth.section(),
                               password=None, oauth="m365")
    output = mail.programs.postrider("check").expect(78).stdout.decode()
    assert re.search(r"oauth m365: client_cert_file = \S+ expired [0-9]+ days "
                     "ago", output), output
