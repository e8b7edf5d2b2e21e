"""Postfix, Exim and OpenSMTPD as smarthosts: a message arrives octet for
octet through each, and every refusal has its exit status.

Needs root and what packaging/fetch-servers unpacks. Without, the tests are
skipped; POSTRIDER_SERVERS_REQUIRED=1 makes that a failure.
"""

import re
import socket
import uuid

import pytest

from lib.exim import Exim
from lib.harness import message, wire, without
from lib.opensmtpd import OpenSMTPD
from lib.postfix import Postfix
from lib.servers import (DOMAIN, PASSWORD, RECIPIENTS, USER, UTF8_RECIPIENT,
                         Authority, running)

ALICE, BOB, CAROL = RECIPIENTS
NOBODY = "nobody@" + DOMAIN
PORTS = ("port", "port_plain", "port_implicit")

# sysexits.h
OK, NOUSER, UNAVAILABLE, TEMPFAIL, NOPERM = 0, 67, 69, 75, 77

# Whatever a relay on the way may spoil. RFC 5321 promises lines of 998 octets;
# OpenSMTPD takes 65,000, and the other two whatever comes.
BODY = "\n".join([
    "Grüße aus Köln, déjà vu, 日本語, 🐎",
    ".", "..", ".one dot first", "..two", " .", "", ".",
    "From the start of a line", ">From too", "To: not@a.field", "-- ",
    "trailing blanks and a tab  \t", "\ta tab first", "",
    "a" * 998, "b" * 999, "." + "c" * 2500, "d " * 1500,
    "ö" * 1024 + "x", "e" * 60000,
    "=3D =C3=A4 =\n=?utf-8?q?=C3=A4?=", "", "", "."]).encode() + (
        b"\n8 bits that are no UTF-8: \xe4\xf6\xfc \x80\xff\xfe\x01\x7f\n\n")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session", params=(Postfix, Exim, OpenSMTPD),
                ids=lambda s: s.name)
def server(request, authority):
    """Each server in turn, started once."""
    with running(request.param, authority) as started:
        yield started


def localhost():
    """By name; a root that was just made may have no /etc/hosts."""
    try:
        socket.getaddrinfo("localhost", None)
        return "localhost"
    except socket.gaierror:
        return "127.0.0.1"


@pytest.fixture
def configure(programs, server, authority):
    """Write a configuration with the server as smarthost."""
    def write(port="port", **keys):
        section = {
            "host": localhost(), "auth": "auto", "user": USER,
            "password": PASSWORD, "tls_ca_file": authority.ca,
            "tls": "implicit" if port == "port_implicit" else "starttls"}
        section.update(keys)
        programs.write_config(getattr(server, port), **section)
    write()
    return write


@pytest.fixture
def token():
    """To know this test's message by: in its Message-ID."""
    return uuid.uuid4().hex


def with_token(token, body=BODY, **fields):
    """A message with everything in its header that could be missing, of a type
    that leaves as it is, however long its lines are."""
    fields.setdefault("Subject", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=,\n and folded")
    return message(body, Message_ID=f"<{token}@a.example>",
                   MIME_Version="1.0",
                   Content_Type='multipart/mixed; boundary="none"',
                   Content_Transfer_Encoding="8bit", **fields)


def arrived(server, token, recipients):
    """What arrived, the same for each of these recipients and no other,
    without the trace fields on top."""
    deliveries = server.sink.wait(token.encode(), recipients)
    reached = sorted(r for d in deliveries for r in d.recipients)
    assert reached == sorted(recipients)
    contents = {untraced(d.content) for d in deliveries}
    assert len(contents) == 1
    return contents.pop(), deliveries[0].sender


def untraced(content):
    """Without the server's Received and ours, and what OpenSMTPD adds."""
    trace = re.match(rb"(?:(?:Received|Return-Path|Delivered-To):.*\r\n"
                     rb"(?:[ \t].*\r\n)*)*", content).group(0)
    assert len(re.findall(rb"(?m)^Received:", trace)) == 2
    return content[len(trace):]


def assert_nothing_arrives(server, token):
    """After a message that is sent now has arrived, nothing else has."""
    server.fence()
    assert server.sink.find(token.encode()) == []


@pytest.mark.parametrize("port", PORTS)
def test_message_arrives_octet_for_octet(programs, server, configure, token,
                                         port):
    configure(port)
    text = with_token(token, To=f"Alice <{ALICE}>", Cc=BOB,
                      Bcc=f"hidden:\n {CAROL};")
    programs.sendmail("-t", "-i", "-f", "from@a.example",
                      stdin=text).expect(OK)
    content, sender = arrived(server, token, [ALICE, BOB, CAROL])
    assert content == without(wire(text), "Bcc")
    assert sender == "from@a.example"


def test_crlf_input_arrives_the_same(programs, server, configure, token):
    text = with_token(token)
    programs.sendmail("-i", ALICE, stdin=wire(text)).expect(OK)
    assert arrived(server, token, [ALICE])[0] == wire(text)


def test_message_of_20_megabytes(programs, server, configure, token):
    body = b"".join(b".%07d %s\n" % (n, b"x" * 68) for n in range(270000))
    assert len(body) > 20_000_000
    text = with_token(token, body)
    programs.sendmail("-i", ALICE, BOB, stdin=text).expect(OK)
    assert arrived(server, token, [ALICE, BOB])[0] == wire(text)


def test_null_reverse_path(programs, server, configure, token):
    programs.sendmail("-i", "-f", "<>", ALICE,
                      stdin=with_token(token)).expect(OK)
    assert arrived(server, token, [ALICE])[1] == ""


def test_dsn_parameters_are_taken(programs, server, configure, token):
    programs.sendmail("-i", "-N", "failure,delay", "-R", "hdrs", "-V", "id+2B1",
                      ALICE, stdin=with_token(token)).expect(OK)
    arrived(server, token, [ALICE])


@pytest.mark.parametrize("auth", ("login", "plain", "cram-md5",
                                  "scram-sha-256", "scram-sha-512"))
def test_mechanism(programs, server, configure, token, auth):
    """The password has signs beyond ASCII: they are sent as UTF-8."""
    if auth not in server.mechanisms:
        pytest.skip(f"{server.name} does not offer {auth}")
    configure(auth=auth)
    programs.sendmail("-i", ALICE, stdin=with_token(token)).expect(OK)
    arrived(server, token, [ALICE])


@pytest.mark.parametrize("auth", ("auto", "login", "plain"))
def test_wrong_password(programs, server, configure, token, auth):
    configure(auth=auth, password="no such word")
    result = programs.sendmail("-i", ALICE, stdin=with_token(token))
    result.expect(NOPERM)
    assert "no such word" not in result.errors
    assert_nothing_arrives(server, token)


def test_without_authentication(programs, server, configure, token):
    """The server refuses to relay; what it says is passed on."""
    configure(auth="none")
    result = programs.sendmail("-i", ALICE, stdin=with_token(token))
    result.expect(UNAVAILABLE, NOPERM)
    assert f"to=<{ALICE}>" in result.errors
    assert_nothing_arrives(server, token)


@pytest.mark.parametrize("port", ("port", "port_implicit"))
def test_untrusted_certificate(programs, server, configure, certificates,
                               token, port):
    configure(port, tls_ca_file=certificates.ca)
    result = programs.sendmail("-i", ALICE, stdin=with_token(token))
    result.expect(TEMPFAIL)
    assert "certificate" in result.errors
    assert_nothing_arrives(server, token)


def test_refused_recipient_does_not_cost_the_others(programs, server,
                                                    configure, token):
    text = with_token(token)
    result = programs.sendmail("-i", ALICE, NOBODY, CAROL, stdin=text)
    result.expect(NOUSER, UNAVAILABLE)
    assert result.outcome(NOBODY)[1].startswith("5.")
    assert result.outcome(ALICE)[0] == "sent"
    assert arrived(server, token, [ALICE, CAROL])[0] == wire(text)


def test_all_recipients_refused(programs, server, configure, token):
    result = programs.sendmail("-i", NOBODY, "none@" + DOMAIN,
                               stdin=with_token(token))
    result.expect(NOUSER, UNAVAILABLE)
    assert_nothing_arrives(server, token)


def test_line_that_is_too_long_for_opensmtpd(programs, server, configure,
                                             token):
    """65,536 octets. The others take it. OpenSMTPD says 500 within the
    message and closes: an answer or a broken session, as the timing has it."""
    text = with_token(token, b"x" * 65536 + b"\n")
    result = programs.sendmail("-i", ALICE, stdin=text)
    if isinstance(server, OpenSMTPD):
        result.expect(UNAVAILABLE, TEMPFAIL)
        assert_nothing_arrives(server, token)
    else:
        result.expect(OK)
        assert arrived(server, token, [ALICE])[0] == wire(text)


@pytest.mark.parametrize("port", PORTS)
def test_uses_what_the_server_offers(programs, server, configure, token,
                                     port):
    configure(port)
    result = programs.sendmail("-v", "-i", ALICE, stdin=with_token(token))
    result.expect(OK)
    offers = isinstance(server, (Postfix, Exim)) and port != "port_plain"
    assert bool(re.search(r"\bBDAT \d", result.errors)) == offers
    assert bool(re.search(r"\bDATA\b", result.errors)) != offers
    assert PASSWORD not in result.errors
    arrived(server, token, [ALICE])
    if isinstance(server, Exim):
        line = re.search(rf"<= .*id={token}@.*", server.read(server.log))
        assert (" K " in line.group(0)) == offers, line.group(0)


def test_utf8_address(programs, server, configure, token):
    """Goes where SMTPUTF8 is offered, and has a clear end elsewhere."""
    text = with_token(token)
    result = programs.sendmail("-i", UTF8_RECIPIENT, ALICE, stdin=text)
    if isinstance(server, OpenSMTPD):
        assert result.status not in (OK, TEMPFAIL), str(result)
        assert "5.6.7" in result.errors
    else:
        result.expect(OK)
        content, _ = arrived(server, token, [UTF8_RECIPIENT, ALICE])
        assert content == wire(text)
