"""The fake smarthost does what tests rely on, seen with smtplib."""

import base64
import smtplib
import socket
import ssl

import pytest

from lib.smarthost import CLOSE, RESET, SILENT
from lib.wire import bind_one

USER, PASSWORD = "relay@example.com", "opensesame"
TEXT = b"Subject: x\r\n\r\n.one\r\n..two\r\nend\r\n"


def client(host, address="127.0.0.1"):
    return smtplib.SMTP(address, host.port, "client.example", timeout=20)


def trusting(certificates):
    return ssl.create_default_context(cafile=certificates.ca)


def test_takes_a_message_and_its_envelope(smarthost):
    with client(smarthost) as smtp:
        smtp.sendmail("a@a.example", ["b@b.example", "c@b.example"], TEXT,
                      ["BODY=8BITMIME"])
    message = smarthost.wait_for_messages(1)[0]
    assert message.reverse_path == "a@a.example"
    assert message.recipients == ["b@b.example", "c@b.example"]
    assert message.parameters == {"BODY": "8BITMIME", "SIZE": str(len(TEXT))}
    assert message.content == TEXT
    assert message.fields("subject") == ["x"]
    assert message.tls is None


@pytest.mark.skipif(bind_one("ipv6", 0) is None, reason="no IPv6 here")
def test_listens_on_ipv6_too(smarthost):
    with client(smarthost, "::1") as smtp:
        assert smtp.noop()[0] == 250


def test_starttls_and_login(tls_smarthost, certificates):
    with client(tls_smarthost, tls_smarthost.host) as smtp:
        smtp.starttls(context=trusting(certificates))
        smtp.login(USER, PASSWORD)
        smtp.sendmail("a@a.example", "b@b.example", TEXT)
    session = tls_smarthost.wait_for_sessions(1)[0]
    assert session.tls.startswith("TLSv1.")
    assert session.sni == (None if tls_smarthost.host[0].isdigit()
                           else tls_smarthost.host)
    assert session.user == USER and session.messages[0].content == TEXT
    assert b"STARTTLS\r\n" in session.received_in_clear
    assert b"Subject" not in session.received_in_clear
    assert b"Subject" in session.received


def test_implicit_tls(make_smarthost, certificates):
    host = make_smarthost(tls="implicit")
    with smtplib.SMTP_SSL(host.host, host.port, "client.example",
                          timeout=20, context=trusting(certificates)) as smtp:
        smtp.sendmail("a@a.example", "b@b.example", TEXT)
    assert host.wait_for_messages(1)[0].tls


@pytest.mark.parametrize("name, trusted", [
    ("server", True), ("expired", False), ("future", False),
    ("wrong-name", False), ("wrong-use", False), ("other-signed", False),
    ("self-signed", False), ("wildcard", False)])
def test_certificates_are_what_they_are_called(make_smarthost, certificates,
                                               name, trusted):
    host = make_smarthost(tls="starttls", certificate=name)
    smtp = client(host, host.host)
    try:
        if trusted:
            smtp.starttls(context=trusting(certificates))
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                smtp.starttls(context=trusting(certificates))
    finally:
        smtp.close()


@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "CRAM-MD5"])
def test_mechanisms_of_smtplib(make_smarthost, mechanism):
    host = make_smarthost(auth=[mechanism], users={USER: PASSWORD})
    with client(host) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(USER, "wrong")
        smtp.login(USER, PASSWORD)
    session = host.wait_for_sessions(1)[0]
    assert [c.accepted for c in session.credentials][-1]
    assert not session.credentials[0].accepted
    assert {c.mechanism for c in session.credentials} == {mechanism}


@pytest.mark.parametrize("mechanism, response, accepted", [
    ("XOAUTH2", "user=%s\x01auth=Bearer %s\x01\x01", True),
    ("OAUTHBEARER", "n,a=%s,\x01host=h\x01auth=Bearer %s\x01\x01", True),
    ("XOAUTH2", "user=%s\x01auth=Bearer x%s\x01\x01", False)])
def test_tokens(make_smarthost, mechanism, response, accepted):
    host = make_smarthost(auth=[mechanism], users={USER: PASSWORD})
    text = base64.b64encode((response % (USER, PASSWORD)).encode()).decode()
    with client(host) as smtp:
        smtp.ehlo()
        code = smtp.docmd("AUTH " + mechanism, text)[0]
        if not accepted:
            assert code == 334
            code = smtp.docmd("")[0]
        assert code == (235 if accepted else 535)


def test_replies_are_settable(smarthost):
    smarthost.replies["MAIL"] = ["451 4.3.0 later", "452 4.3.1 full"]
    smarthost.recipients["eve@b.example"] = "550 5.1.1 no such\nuser"
    smarthost.replies["END"] = lambda session, message: "554 5.6.0 spam"
    with client(smarthost) as smtp:
        smtp.ehlo()
        assert smtp.mail("a@a.example")[0] == 451
        assert smtp.mail("a@a.example")[0] == 452
        assert smtp.mail("a@a.example")[0] == 250
        assert smtp.rcpt("eve@b.example") == (550, b"5.1.1 no such\nuser")
        assert smtp.rcpt("bob@b.example")[0] == 250
        assert smtp.data(TEXT)[0] == 554
    assert smarthost.messages == []


@pytest.mark.parametrize("reply, raised", [
    (CLOSE, smtplib.SMTPServerDisconnected),
    (RESET, smtplib.SMTPServerDisconnected),
    (SILENT, smtplib.SMTPServerDisconnected)])
def test_connections_end_as_told(smarthost, reply, raised):
    smarthost.replies["NOOP"] = reply
    smtp = client(smarthost)
    smtp.sock.settimeout(0.2)
    with pytest.raises(raised):
        smtp.noop()
    smtp.close()


def test_holds_a_reply_until_told(smarthost):
    gate = smarthost.hold("NOOP")
    with client(smarthost) as smtp:
        smtp.sock.sendall(b"NOOP\r\n")
        smarthost.wait_for_command("NOOP")
        smtp.sock.settimeout(0.05)
        with pytest.raises(socket.timeout):
            smtp.sock.recv(100)
        smtp.sock.settimeout(20)
        gate.set()
        assert smtp.sock.recv(100).startswith(b"250")


def test_chunks(smarthost):
    with client(smarthost) as smtp:
        smtp.ehlo()
        smtp.mail("a@a.example")
        smtp.rcpt("b@b.example")
        smtp.send(b"BDAT 5\r\nA: b\rBDAT 7 LAST\r\n\n\r\n.x\r\n")
        assert smtp.getreply()[0] == 250
        assert smtp.getreply()[0] == 250
    message = smarthost.wait_for_messages(1)[0]
    assert message.content == b"A: b\r\n\r\n.x\r\n"
    assert message.chunks == [5, 7]


@pytest.mark.parametrize("octets", [
    b"NOOP\n", b"MAIL FROM:<a@b> SIZE=1\r\n", b"NOOP\r\nNOOP\r\n", b"XYZ\r\n",
    b"AUTH LOGIN\r\n", b"STARTTLS\r\n", b"DATA\r\n"])
def test_notices_what_is_forbidden(make_smarthost, octets):
    host = make_smarthost(extensions=[])
    smtp = client(host)
    smtp.ehlo()
    smtp.send(octets)
    smtp.getreply()
    smtp.close()
    host.wait_for_sessions(1)
    assert host.violations
    host.violations.clear()
