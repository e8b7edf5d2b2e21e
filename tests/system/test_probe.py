"""`postrider test`: a session with a smarthost, step by step."""

import itertools
import os
import re
import socket
import subprocess

import pytest

from lib.queue import as_root
from lib.smarthost import CLOSE, SILENT

USER, PASSWORD = "relay@example.com", "opensesame"
TO = "bob@b.example"


def steps(result):
    """What came of each step, without its time."""
    return re.findall(rb"(?m)^ *[0-9]+\.[0-9] ms  (.*)$", result.stdout)


def test_shows_each_step(programs, tls_smarthost, certificates):
    programs.write_config(tls_smarthost)
    result = programs.postrider("test").expect(0)
    text = result.stdout.decode()
    head, *_, last = text.splitlines()
    assert re.fullmatch(r"smarthost host0: \S+ port \d+, STARTTLS, "
                        r"relay@example\.com", head)
    assert re.fullmatch(r"smarthost host0: ok, \d+ ms", last)
    wanted = [
        rf"password of {USER} fetched",
        r"\S+ has the address(es)? (127\.0\.0\.1|::1)",
        r"connected to \S+\[[0-9a-f.:]+\]:\d+",
        r"greeting: 220 smtp\.test ESMTP",
        r"EHLO client\.example: 250 smtp\.test .*SIZE 104857600.* STARTTLS",
        r"STARTTLS: 220 2\.0\.0 go ahead",
        r"TLSv1\.[23] with \S+, verified",
        r"certificate: CN=server for localhost, smtp\.test, 127\.0\.0\.1, ::1"
        r", issued by CN=Postrider test ca, valid until 2049-12-31 "
        r"\(in \d+ days\), SHA-256 " + certificates.fingerprint("server"),
        r"EHLO client\.example: 250 smtp\.test .* AUTH LOGIN PLAIN",
        r"AUTH (LOGIN|PLAIN).*: 235 2\.7\.0 welcome",
        r"QUIT: 221 2\.0\.0 bye",
    ]
    found = [line.decode() for line in steps(result)]
    at = 0
    for pattern in wanted:
        while at < len(found) and not re.search(pattern, found[at]):
            at += 1
        assert at < len(found), f"no {pattern} in order in\n{text}"
    assert not tls_smarthost.messages


@pytest.mark.parametrize("extensions", [
    [], ["PIPELINING", "SIZE 1000000"], ["PIPELINING", "CHUNKING"]])
def test_sends_a_message(programs, make_smarthost, extensions):
    host = make_smarthost(extensions=extensions)
    programs.write_config(host, extra='sender "root" { address = '
                          '"ops@a.example" name = "Ops" }\nsender "*" '
                          '{ address = "ops@a.example" }\n')
    result = programs.postrider("test", "--to", TO).expect(0)
    (sent,) = host.messages
    assert sent.reverse_path == "ops@a.example"
    assert sent.recipients == [TO]
    assert sent.fields("Subject") == ["Postrider test from client.example"]
    (sender,), (date,), (message_id,) = map(
        sent.fields, ("From", "Date", "Message-ID"))
    assert "ops@a.example" in sender and date
    assert re.fullmatch(r"<\d{14}\.[0-9a-f]{32}@client\.example>", message_id)
    assert sent.fields("To") == [TO]
    assert b"postrider test" in sent.body
    shown = b"\n".join(steps(result))
    assert re.search(rb"MAIL FROM:<ops@a\.example>.*: 250 2\.1\.0 ok", shown)
    assert re.search(rb"RCPT TO:<bob@b\.example>.*: 250 2\.1\.5 ok", shown)
    assert re.search(rb"(the message|BDAT \d+ LAST): 250 2\.0\.0 accepted",
                     shown)


def test_tells_of_a_smaller_limit(programs, make_smarthost):
    host = make_smarthost(extensions=["SIZE 1000000"])
    programs.write_config(host)
    result = programs.postrider("test").expect(0)
    assert b"set message_size_limit = 1000000\n" in result.stdout
    programs.write_config(host, settings={"message_size_limit": 1000000})
    result = programs.postrider("test").expect(0)
    assert b"message_size_limit" not in result.stdout


def senders_tried(session):
    return [line for line in session.commands
            if line.startswith(("MAIL", "RSET", "RCPT"))]


def test_says_mail_from_as_mail_of_root_will(programs, smarthost):
    """And nothing more: no recipient is named."""
    programs.write_config(smarthost)
    result = programs.postrider("test").expect(0)
    (session,) = smarthost.sessions
    assert senders_tried(session) == [
        "MAIL FROM:<root@a.example>", "RSET", "MAIL FROM:<>", "RSET"]
    shown = b"\n".join(steps(result))
    assert b"MAIL FROM:<root@a.example>: 250 2.1.0 ok" in shown
    programs.write_config(smarthost, extra='sender "<>" { address = '
                          '"b@a.example" }\nsender "*" { address = '
                          '"ops@a.example" }\n')
    programs.postrider("test").expect(0)
    assert senders_tried(smarthost.sessions[1]) == [
        "MAIL FROM:<ops@a.example>", "RSET"]


@pytest.mark.parametrize("reply, status, line", [
    ("553 5.7.1 not your address", 69,
     r"refuses the sender <root@a\.example>: 553 5\.7\.1 not your address; "),
    ("450 4.1.8 domain not found", 75,
     r"defers the sender <root@a\.example>: 450 4\.1\.8 domain not found"),
])
def test_a_sender_that_is_refused_is_a_failure(programs, smarthost, reply,
                                               status, line):
    programs.write_config(smarthost)
    smarthost.replies["MAIL"] = reply
    result = programs.postrider("test").expect(status)
    assert re.search(line, result.errors)
    assert b": ok" not in result.stdout


def only_senders(*allowed):
    def judge(_, argument):
        path = argument.partition("<")[2].partition(">")[0]
        return None if path in allowed else "550 5.7.1 not yours"
    return judge


def test_warns_of_a_refused_null_reverse_path(programs, smarthost):
    programs.write_config(smarthost)
    smarthost.replies["MAIL"] = only_senders("root@a.example", "ops@a.example")
    result = programs.postrider("test").expect(0)
    assert b'warning: it refuses the null reverse-path' in result.stdout
    programs.write_config(smarthost, extra='sender "*" { address = '
                          '"ops@a.example" }\n')
    result = programs.postrider("test").expect(0)
    assert b"warning" not in result.stdout, "reports go from that address"


def test_warns_of_a_login_that_is_offered(programs, make_smarthost):
    host = make_smarthost(auth=["LOGIN", "PLAIN"], require_auth=False)
    programs.write_config(host, user=None, password=None,
                          password_in_clear=None)
    result = programs.postrider("test").expect(0)
    assert b"warning: it offers AUTH LOGIN PLAIN, and no user is set; set " \
        in result.stdout
    programs.write_config(host, user=None, password=None,
                          password_in_clear=None, auth="none")
    result = programs.postrider("test").expect(0)
    assert b"warning" not in result.stdout


def test_redirects_like_all_mail(programs, smarthost):
    programs.write_config(smarthost, settings={"redirect_all": "me@b.example"})
    programs.postrider("test", "--to", TO).expect(0)
    (sent,) = smarthost.messages
    assert sent.recipients == ["me@b.example"]
    assert sent.fields("X-Original-To") == [TO]


@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "CRAM-MD5",
                                       "SCRAM-SHA-256"])
def test_never_shows_secrets(programs, make_smarthost, mechanism):
    """Not even when a smarthost repeats them."""
    for reply in (None, f"535 5.7.8 {PASSWORD} is wrong"):
        host = make_smarthost(tls="starttls", auth=[mechanism])
        if reply is not None:
            host.users = {USER: "another"}
        programs.write_config(host, password=PASSWORD)
        result = programs.postrider("test").expect(0 if reply is None else 77)
        shown = result.stdout + result.stderr
        assert PASSWORD.encode() not in shown
        (session,) = host.sessions
        start = session.commands.index("STARTTLS") + 2
        exchange = itertools.takewhile(
            lambda line: not line.startswith(("MAIL", "QUIT")),
            session.commands[start:])
        for word in " ".join(exchange).split():
            assert word.encode() not in shown or word in (
                "AUTH", mechanism), word


# Failures: what is wrong with the smarthost or the configuration, the exit
# status, and what the line on standard error says.
FAILURES = [
    (dict(tls="starttls", certificate="wrong-name"), {}, {}, 75,
     r"is for other\.test, not for \S+; set host to a name"),
    (dict(tls="starttls", certificate="expired"), {}, {}, 75,
     r"expired on 2020-02-01; its administrator must renew it"),
    (dict(tls="starttls", certificate="future"), {}, {}, 75,
     r"not valid before .*; is the clock"),
    (dict(tls="starttls", certificate="other-signed"), {}, {}, 75,
     r"not trusted .*; set tls_ca_file"),
    (dict(tls="starttls", certificate="self-signed"), {}, {}, 75,
     r"self-signed and not trusted, SHA-256 [0-9a-f]{64}; set tls_ca_file or "
     "tls_fingerprint"),
    (dict(tls="none"), {}, dict(tls="starttls"), 75,
     r"offers no STARTTLS; set tls = implicit"),
    (dict(tls="none"), {}, dict(tls="implicit"), 75,
     # Its greeting may come before the handshake, or it closes in a shock.
     r"(does not speak TLS on this port|data before the TLS handshake); .*"
     r"set tls = starttls|connection "),
    (dict(tls="implicit"), {}, dict(tls="starttls", timeout="1s"), 75,
     r"no answer within 1 s; if it wants TLS at once .* tls = implicit"),
    (dict(), dict(GREETING=SILENT), dict(timeout="1s"), 75,
     r"no answer within 1 s; if it wants"),
    (dict(), dict(GREETING="554 5.3.2 no service"), {}, 75,
     r"greeting: 554 5\.3\.2 no service; .*try again later"),
    (dict(), dict(EHLO=CLOSE), {}, 75, r"connection closed by the server"),
    (dict(tls="starttls", auth=["LOGIN"]), {}, dict(password="wrong"), 77,
     r"AUTH LOGIN refused: 535 5\.7\.8 .*; .*app password"),
    (dict(tls="starttls", auth=["LOGIN"]),
     dict(AUTH="534 5.7.9 Application-specific password required."), {}, 77,
     r"; make an app password"),
    (dict(tls="starttls", auth=["LOGIN"]),
     dict(AUTH="535 5.7.139 Authentication unsuccessful, basic authentication "
               "is disabled."), {}, 77,
     r"; it takes no passwords: set oauth in their place"),
    (dict(tls="starttls", auth=["XOAUTH2"]), {}, dict(auth="login"), 77,
     r"offers AUTH XOAUTH2, and auth = login fits none"),
    (dict(), dict(MAIL="550 5.7.1 not your address"), {}, 69,
     r"refuses the sender <\S+@a\.example>: 550 5\.7\.1 not your address; "
     r'send from an address of the account: sender "\*"'),
    (dict(), dict(MAIL="530 5.7.0 Authentication required"), {}, 77,
     r"530 5\.7\.0 Authentication required; set [^;]*user and password_file"),
    (dict(), dict(MAIL="550 SMTP AUTH is required"), {}, 77,
     r" takes no mail: .*: 550 SMTP AUTH is required; set tls = starttls or "),
    (dict(), dict(RCPT="550 5.1.1 no such user"), {}, 67,
     r"refuses the recipient <bob@b\.example>: 550 5\.1\.1 no such user; "
     r"check the address"),
    (dict(), dict(RCPT="554 5.7.1 Relay access denied"), {}, 69,
     r"relays for known senders only"),
    (dict(), dict(RCPT="451 4.7.1 greylisted"), {}, 75,
     r"defers the recipient <bob@b\.example>: 451 4\.7\.1 greylisted"),
    (dict(), dict(END="554 5.2.252 SendAsDenied"), {}, 69,
     r"refuses the message: 554 5\.2\.252 SendAsDenied; send from"),
]


@pytest.mark.parametrize("options, replies, keys, status, line", FAILURES)
def test_failure_with_remedy(programs, make_smarthost, options, replies, keys,
                             status, line):
    options.setdefault("extensions", ["PIPELINING"])
    host = make_smarthost(**options)
    host.replies.update(replies)
    if keys.get("tls") == "implicit" or options.get("tls") == "implicit":
        host.violation = lambda text: None      # it sees nonsense
    programs.write_config(host, **keys)
    result = programs.postrider("test", "--to", TO).expect(status)
    (error,) = result.errors.splitlines()
    assert error.startswith("postrider: smarthost host0: ")
    assert re.search(line, error), error
    assert b": ok" not in result.stdout
    assert not host.messages


def test_refused_connection(programs):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        programs.write_config(closed.getsockname()[1], host="127.0.0.1")
        result = programs.postrider("test").expect(75)
    assert re.search(r"connect to 127\.0\.0\.1 port \d+: Connection refused; "
                     r"check host and port", result.errors)


def test_unknown_name(programs):
    programs.write_config(25, host="smtp.invalid")
    result = programs.postrider("test").expect(75)
    assert re.search(r"look up host smtp\.invalid: .*; (check host|is the net)",
                     result.errors)


def test_each_smarthost_is_tried(programs, make_smarthost):
    good, bad = make_smarthost(), make_smarthost()
    bad.replies["GREETING"] = "421 4.3.2 not now"
    programs.write_config([bad, good])
    result = programs.postrider("test").expect(75)
    assert b"smarthost host1: ok" in result.stdout
    assert len(result.errors.splitlines()) == 1
    result = programs.postrider("test", "--smarthost", "host1").expect(0)
    assert b"host0" not in result.stdout


@pytest.mark.parametrize("arguments, status, line", [
    (("--smarthost", "other"), 64, 'has no section smarthost "other"'),
    (("--to", "not an address"), 65, "--to not an address: "),
    (("--to",), 64, "usage: postrider test"),
    (("extra",), 64, "usage: postrider test"),
    (("--nonsense",), 64, "usage: postrider test"),
])
def test_wrong_arguments(programs, smarthost, arguments, status, line):
    programs.write_config(smarthost)
    result = programs.postrider("test", *arguments).expect(status)
    assert line in result.errors
    assert not smarthost.sessions


def test_no_smarthost(programs):
    programs.write_config()
    result = programs.postrider("test").expect(78)
    assert "no smarthost is configured; run postrider setup" in result.errors


@as_root
def test_reads_the_authorities_as_the_daemon(queue, tls_smarthost):
    queue.write_config(tls_smarthost)
    (queue.folder / "ca0.pem").chmod(0o600)
    result = queue.postrider("test").expect(78)
    assert re.search(r"tls_ca_file \S+: Permission denied; let user nobody "
                     r"read it$", result.errors), result.errors


@as_root
def test_reads_the_password_as_the_daemon(queue, tls_smarthost):
    """Root could read any file; what counts is what the daemon can."""
    queue.write_config(tls_smarthost)
    queue.postrider("test", "--to", TO).expect(0)
    (sent,) = tls_smarthost.messages
    assert sent.reverse_path == "root@a.example"
    os.chown(queue.folder / "password0", 0, 0)
    result = queue.postrider("test").expect(77)
    assert re.search(r"password0: Permission denied; chown nobody \S+ && chmod "
                     r"400 \S+$", result.errors), result.errors
    assert queue.is_empty()


def at_a_terminal(programs, *arguments):
    """A running program, and what it writes to its terminal, as it comes."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [str(programs.build / "postrider"), *arguments],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env=programs.environment(), start_new_session=True)
    os.close(theirs)

    def wait_for(pattern):
        nonlocal text
        while not re.search(pattern, text):
            text += os.read(ours, 4096).decode()
        return text
    text = ""
    return process, wait_for


def test_a_person_sees_what_is_waited_for(programs, smarthost):
    programs.write_config(smarthost)
    gate = smarthost.hold("GREETING")
    process, wait_for = at_a_terminal(programs, "test")
    shown = wait_for(r"5 s   waiting for the greeting\r\n")
    assert "tls = implicit" not in shown
    wait_for(r"10 s   a server that wants TLS at once, .* sends none: then set "
             r"tls = implicit")
    gate.set()
    wait_for(r"greeting: 220 .*\n(.*\n)*.*: ok, \d+ ms")
    assert process.wait() == 0


def test_a_program_does_not(programs, smarthost):
    programs.write_config(smarthost, timeout="6s")
    smarthost.replies["GREETING"] = SILENT
    result = programs.postrider("test").expect(75)
    assert b"waiting for" not in result.stdout
