"""Mail with tokens: a smarthost with the key oauth, and a fake issuer."""

import pytest

from lib.harness import message
from lib.issuer import refusal
from lib.oauth import OAuth, age


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


@pytest.mark.parametrize("keys, words", [
    ({"oauth": "other"}, 'no section oauth "other"'),
    ({"oauth": "m365", "password_command": "pass"}, "only one of"),
    ({"oauth": "m365", "auth": "plain"}, "xoauth2 or oauthbearer"),
    ({"oauth": "m365", "user": None}, "user is missing")])
def test_a_wrong_smarthost(oauth, tls_smarthost, programs, keys, words):
    programs.write_config(tls_smarthost, extra=oauth.section(), password=None,
                          **keys)
    assert words in programs.sendmail("-bC").expect(78).errors
