"""What can be done about a refusal is the same wherever it is reported, and
fits the reply and what is configured."""

import re

import pytest

from lib.harness import message

TO = "bob@b.example"
USER, PASSWORD = "relay@example.com", "opensesame"
LOGIN = dict(tls="starttls", auth=["PLAIN"])
TOKEN = dict(tls="starttls", auth=["XOAUTH2"], users={USER: PASSWORD})
# What follows for any reason.
ANY_CASE = "; (correct that, then|postrider test shows where it fails).*"
SENDER = r'send from an address of the account: sender "\*" \{'

# The smarthost, its replies, keys; the reply as it is shown, and what follows.
CASES = [
    ({}, dict(MAIL="530 5.7.0 Must issue a STARTTLS command first"), {},
     "STARTTLS command first", r"set tls = starttls(?! or| if)"),
    (LOGIN, dict(MAIL="530 5.7.0 Must issue a STARTTLS command first"), {},
     "STARTTLS command first", None),
    (LOGIN, dict(AUTH="535 5.7.139 Authentication unsuccessful, "
                 "SmtpClientAuthentication is disabled for the Tenant. Visit "
                 "https://aka.ms/smtp_auth_disabled"), {},
     "smtp_auth_disabled", "let its administrator enable authenticated SMTP "
     ".*connector.*port = 25, auth = none.*another smarthost"),
    (LOGIN, dict(AUTH="550 5.7.30 Basic authentication is not supported for "
                 "Client Submission."), {},
     "Client Submission.", r"it takes no passwords: set oauth in their place.*"
     "let its administrator enable .*connector.*another smarthost"),
    (TOKEN, dict(AUTH="535 5.7.139 Authentication unsuccessful, basic "
                 "authentication is disabled."), dict(auth="xoauth2"),
     "is disabled.", "let its administrator enable authenticated SMTP "
     ".*connector.*another smarthost"),
    (TOKEN, dict(AUTH="535 5.7.8 no"), dict(auth="xoauth2"),
     "535 5.7.8 no", "the access token may have expired"),
    ({}, dict(EHLO="501 5.5.4 invalid HELO argument",
              HELO="501 5.5.4 invalid HELO argument"), {},
     "invalid HELO argument", "set hostname"),
    ({}, dict(RCPT="553 5.7.1 <a@a.example>: Sender address rejected: not "
              "owned by user relay@example.com"), {},
     "not owned by user relay@example.com", SENDER),
    ({}, dict(RCPT="554 5.7.1 Client host [192.0.2.7] blocked using "
              "list.example"), {},
     "blocked using list.example", "the address that this machine has on the "
     "Internet is on a block list"),
    ({}, dict(MAIL="550 5.7.1 smtp-relay.example: refused"), {},
     "smtp-relay.example: refused", None),
]


def fits(line, shown, advice):
    rest = line.split(shown, 1)[1]
    if advice is None:
        return not re.search(";|set |check ", rest)
    return re.match("; " + advice, rest)


@pytest.mark.parametrize("options, replies, keys, shown, advice", CASES)
def test_by_hand(programs, make_smarthost, options, replies, keys, shown,
                 advice):
    host = make_smarthost(**options)
    host.replies.update(replies)
    programs.write_config(host, **keys)
    result = programs.sendmail("-f", "a@a.example", TO, stdin=message())
    assert result.status
    lines = [line for line in result.errors.splitlines() if shown in line]
    assert len(lines) == 2          # the log, and the line for the caller
    (line,) = programs.postrider("test", "--to", TO).errors.splitlines()
    for line in [*lines, line]:
        assert fits(line, shown, advice), line


@pytest.mark.parametrize("options, replies, keys, shown, advice", CASES)
def test_of_the_daemon(queue, make_smarthost, options, replies, keys, shown,
                       advice):
    host = make_smarthost(**options)
    host.replies.update(replies)
    queue.write_config(host, **keys)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "a@a.example", TO, stdin=message()).expect(0)
        lines = [daemon.wait_for(re.escape(shown)).string]
        daemon.wait_for("is (parked|down)|status=bounced")
        if daemon.find("is parked"):
            lines += [line for line in queue.postrider("check").expect(77)
                      .stdout.decode().splitlines() if shown in line]
            assert len(lines) == 2
    for line in lines:
        line = re.sub(ANY_CASE, "", line)
        assert fits(line, shown, advice), line


def test_login_that_may_come_with_tls(programs, make_smarthost):
    host = make_smarthost(tls="starttls", auth=["PLAIN"])
    programs.write_config(host, tls="none", auth="scram-sha-256", user=USER,
                          password=PASSWORD)
    line = programs.postrider("test").expect(77).errors
    assert "offers no AUTH, and auth = scram-sha-256; set tls = starttls" \
        in line
    assert "auth = none" not in line


def test_status_of_a_token(programs, make_smarthost):
    host = make_smarthost(**TOKEN)
    programs.write_config(host, auth="xoauth2", password="expired")
    line = programs.sendmail(TO, stdin=message()).expect(77).errors
    assert re.search(r"AUTH XOAUTH2 refused: 535 .* \(status invalid_token\); "
                     "the access token may have expired", line), line


def test_of_a_caller_that_waits_and_of_the_queue(queue, make_smarthost):
    """The report to the sender quotes the reply as it is."""
    sender = "553 5.7.1 <a@a.example>: Sender address rejected: not owned by me"
    domain = "450 4.1.8 <a@a.example>: Sender address rejected: Domain not found"
    host = make_smarthost()
    host.recipients[TO] = sender
    host.recipients["eve@b.example"] = domain
    queue.write_config(host, settings={"retry_first": "1h",
                                       "retry_longest": "1h"})
    with queue.daemon() as daemon:
        refused = queue.sendmail("-odi", "-f", "a@a.example", TO,
                                 stdin=message()).expect(69).errors
        assert re.search(re.escape(sender[10:]) + "; " + SENDER, refused)
        (report,) = host.wait_for_messages(1)
        text = b" ".join(report.body.split())
        assert b"not owned by me" in text and b"send from" not in text
        queue.sendmail("-f", "a@a.example", "eve@b.example",
                       stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        (waiting,) = queue.listing()
        wanted = re.escape(domain) + "; send from a domain that the DNS knows"
        assert re.search(wanted, waiting["reason"])
    (waiting,) = queue.listing()        # from the file
    assert re.search(wanted, waiting["reason"])
