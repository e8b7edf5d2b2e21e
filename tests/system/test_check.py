"""`postrider check`: what is wrong with a machine, and what can be done."""

import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from lib.harness import message
from lib.machine import machine_etc, run_on_machine
from lib.queue import (ALICE, DAEMON, as_root, message_file, on_terminal,
                       queued_line, random_id, user)

NO_DAEMON = 69          # where all else is right, or only doubtful
USER, PASSWORD = "relay@example.com", "opensesame"
LINE = re.compile(r"([a-z ]+): (ok|warning|error|not checked): (.+)")


def all_findings(result):
    """[(topic, severity, text with remedy)]"""
    found = []
    for line in result.stdout.decode().splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        found.append(match.groups())
    return found


def findings(result):
    """But for what is true of the tests' own folder: /tmp may be in memory."""
    return [f for f in all_findings(result)
            if "is on tmpfs" not in f[2] and f[0] != "total"]


def trouble(result):
    return [f for f in findings(result) if f[1] != "ok"]


@pytest.fixture
def good(queue, tls_smarthost):
    """A queue about which nothing is to be said, but that no daemon runs."""
    configure(queue, tls_smarthost)
    return queue


def configure(queue, smarthost, settings=None, **options):
    wanted = {"local_recipient": "admin@example.com", **(settings or {})}
    queue.write_config(smarthost, settings=wanted, **options)
    queue.config.chmod(0o644)


def test_all_is_well(good):
    with good.daemon():
        result = good.postrider("check").expect(0)
    assert trouble(result) == [], str(result)
    topics = {topic for topic, _, _ in findings(result)}
    assert topics >= {"configuration", "smarthosts", "names", "root", "spool",
                      "programs", "daemon", "queue", "failed", "password",
                      "tls", "lookup", "group"}
    assert PASSWORD.encode() not in result.stdout + result.stderr


@pytest.mark.parametrize("keys, warned", [
    ({"port": 587}, True), ({"port": 465, "tls": "implicit"}, True),
    ({"port": 587, "auth": "none"}, False), ({"port": 25}, False)])
def test_a_submission_port_without_a_user(queue, smarthost, keys, warned):
    configure(queue, smarthost, **{"auth": None, **keys})
    result = queue.postrider("check")
    found = [text for topic, severity, text in findings(result)
             if topic == "smarthosts" and severity == "warning" and
             "no user is set" in text]
    assert bool(found) == warned, str(result)
    assert all("or auth = none" in text for text in found)


def test_mailboxes_of_the_hosts_name(queue, smarthost):
    """A server called as its domain, whose mailboxes are at a provider."""
    queue.write_aliases("root: admin@c.example\n")
    configure(queue, smarthost, {"hostname": "example.com",
                                 "domain": "example.com"})
    result = queue.postrider("check")
    assert any(topic == "names" and severity == "ok" and
               "both example.com: mail for NAME@example.com leaves" in text
               for topic, severity, text in findings(result)), str(result)
    for name, goes_to in [("info@example.com", "info@example.com"),
                          ("root@example.com", "admin@c.example"),
                          ("info", "admin@example.com"),
                          ("info@localhost", "admin@example.com")]:
        queue.sendmail("-bv", name).expect(0)
        assert queue.sendmail("-bv", name).stdout.decode().endswith(
            f"user {goes_to}\n")


@pytest.mark.parametrize("aliases, extra, goes_to", [
    ("root: admin@c.example, two@c.example\n", "",
     "admin@c.example, and others"),
    ("", "", "admin@example.com"),
    ("root: admin@c.example\n", 'sender "*" { address = "shop@c.example" }\n',
     "shop@c.example"),
])
def test_where_reports_go(queue, smarthost, aliases, extra, goes_to):
    queue.write_aliases(aliases)
    configure(queue, smarthost, extra=extra)
    assert ("root", "ok", "reports about mail that root sent go to " +
            goes_to) in findings(queue.postrider("check"))


def test_no_daemon_is_an_error(good):
    result = good.postrider("check").expect(NO_DAEMON)
    ((topic, severity, text),) = trouble(result)
    assert (topic, severity) == ("daemon", "error")
    assert "mail is kept, and not delivered; systemctl start" in text


def test_problems_are_last(queue, smarthost):
    """Above the total; --strict makes warnings count."""
    configure(queue, smarthost, settings={"hostname": "web1"})
    result = queue.postrider("check").expect(NO_DAEMON)
    order = [severity for _, severity, _ in all_findings(result)]
    assert order == sorted(order, key=["ok", "not checked", "warning",
                                       "error"].index)
    topic, severity, text = all_findings(result)[-1]
    assert (topic, severity) == ("total", "error")
    assert re.fullmatch("1 error, [12] warnings?", text)
    with queue.daemon():
        queue.postrider("check").expect(0)
        queue.postrider("check", "--strict").expect(78)
        result = queue.postrider("check", "--json", "--strict").expect(78)
        assert all(f["topic"] != "total" for f in json.loads(result.stdout))


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_on_a_terminal(good, no_colour):
    """Lines fit, and severities have colours if they may."""
    lines = on_terminal(good, "check", env={"NO_COLOR": no_colour})
    plain = [re.sub("\\x1b\\[[0-9]*m", "", line) for line in lines]
    assert max(line.count("") - 1 for line in plain if "/" not in line) <= 80
    assert (plain == lines) == (no_colour == "1")
    assert ("total: \x1b[31merror\x1b[m: " in lines[-1]) == (no_colour == "")


def test_mail_that_no_daemon_delivers_is_an_error(good):
    good.submit("b@b.example", stdin=message())
    result = good.postrider("check").expect(69)
    ((topic, severity, text),) = trouble(result)
    assert (topic, severity) == ("daemon", "error")
    assert "1 message is not delivered; systemctl start" in text


def test_no_smarthost(queue):
    configure(queue, None)
    result = queue.postrider("check").expect(78)
    assert ("smarthosts", "error",
            "there is none: no mail can leave; run postrider setup") \
        in findings(result)


@pytest.mark.parametrize("text, line, words", [
    ("", None, "no such file"),
    ('domain = "a.example"\nsmarthost "x" {\n    prt = 25\n}\n', 3,
     'unknown key "prt"'),
    ('smarthost "x" { host = "a.example" }\nsender "*" { smarthost = "y" }\n',
     2, 'no section smarthost "y"'),
])
def test_configuration_that_cannot_be_read(queue, text, line, words):
    if text:
        queue.config.write_text(text)
    place = f"{queue.config}:{line}: " if line else ""
    result = queue.postrider("check").expect(78)
    ((topic, severity, told),) = findings(result)
    assert (topic, severity) == ("configuration", "error")
    assert told.startswith(place) and words in told
    (found,) = json.loads(queue.postrider("check", "--json").expect(78).stdout)
    assert found.get("line") == line
    if line:
        assert found["file"] == str(queue.config)
        assert str(queue.config) not in found["text"]


def chmod(name, mode):
    return lambda queue: (queue.folder / name).chmod(mode)


def remove_drop(queue):
    queue.drop.rmdir()


def give_folder_away(queue):
    queue.folder.chmod(0o777)


def give_config_away(queue):
    os.chown(queue.config, ALICE, ALICE)


def other_sendmail(queue):
    path = queue.folder / "bin" / "sendmail"
    path.unlink()
    shutil.copy("/bin/true", path)


def no_sendmail(queue):
    (queue.folder / "bin" / "sendmail").unlink()


def fail_message(queue):
    (queue.spool / "failed" / random_id()).write_text("x")


def old_message(queue):
    name = random_id()
    path = queue.spool / "queue" / name
    path.write_bytes(message_file(name)
                     + queued_line(int(time.time()) - 5 * 3600))
    queue.give(path)


def bad_aliases(queue):
    queue.write_aliases("root: admin@example.com\nx: |/bin/sh\n")


def loop_aliases(queue):
    queue.write_aliases("root: postmaster\npostmaster: root\n")


def give_password_folder_away(queue):
    folder = queue.folder / "secrets"
    folder.mkdir()
    folder.chmod(0o777)
    (queue.folder / "password0").rename(folder / "password0")
    text = queue.config.read_text().replace("/password0", "/secrets/password0")
    queue.config.write_text(text)


def empty_password(queue):
    (queue.folder / "password0").write_text("\n")


def no_password(queue):
    (queue.folder / "password0").unlink()


def roots_password(queue):
    os.chown(queue.folder / "password0", 0, 0)
    (queue.folder / "password0").chmod(0o400)


def shut_password_in(queue):
    give_password_folder_away(queue)
    (queue.folder / "secrets").chmod(0o700)


def roots_open_password(queue):
    os.chown(queue.folder / "password0", 0, 0)
    (queue.folder / "password0").chmod(0o644)


def no_authorities(queue):
    (queue.folder / "ca0.pem").write_text("nothing\n")


BROKEN = [
    (chmod("postrider.conf", 0o666), "configuration", "error", 78,
     r"others can write it; chmod go-w \S+$"),
    (chmod("postrider.conf", 0o600), "configuration", "error", 78,
     r"not all who send mail can read it .*; .*chmod 644 "),
    (give_folder_away, "configuration", "error", 78,
     r"others can write \S+, and put another file .*; chmod go-w "),
    (give_config_away, "configuration", "error", 78,
     rf"belongs to uid {ALICE}, who can send all mail elsewhere; chown 0 "),
    (chmod("spool", 0o777), "spool", "error", 78, r"mode 0777; chmod 0755 "),
    (chmod("spool/drop", 0o1777), "spool", "error", 78,
     r"spool/drop has mode 1777; chmod 3733 "),
    (chmod("spool/state", 0o755), "spool", "error", 78, r"; chmod 0700 "),
    (remove_drop, "spool", "error", 78, r"drop does not exist; install -d "),
    (chmod("password0", 0o644), "password", "error", 78,
     r"host0: \S+password0: others can read it \(mode 0644\); chmod 400 "),
    (roots_open_password, "password", "error", 78,
     rf"\(mode 0644\); chown {DAEMON.pw_name} \S+ && chmod 400 \S+$"),
    (give_password_folder_away, "password", "error", 78,
     r"others can write \S+/secrets, and put another file .*; chmod go-w "),
    (empty_password, "password", "error", 78, r"is empty"),
    (no_password, "password", "error", 78, r"no such file; write the secret "
     rf"into it, owned by {DAEMON.pw_name}, mode 400$"),
    (roots_password, "password", "error", 77,
     rf"password0: Permission denied; chown {DAEMON.pw_name} \S+ && chmod 400"),
    (shut_password_in, "password", "error", 77,
     r"password0: Permission denied; "
     rf"let {DAEMON.pw_name} enter its folder, or run this as root$"),
    (no_authorities, "tls", "error", 78, r"ca0\.pem: holds no PEM certificate"),
    (chmod("ca0.pem", 0o600), "tls", "error", 78,
     rf"tls_ca_file = \S+: Permission denied; let user {DAEMON.pw_name} read"),
    (other_sendmail, "programs", "error", 78,
     r"sendmail is another program: mail does not come here; remove the other"),
    (no_sendmail, "programs", "error", 78, r"; reinstall the package"),
    (chmod("bin/sendmail", 0o4755), "programs", "error", 78,
     r"has a set-id bit, which it does not need; chmod ug-s "),
    (fail_message, "failed", "error", 69,
     r"1 message could neither be delivered nor returned; look "),
    (old_message, "queue", "warning", 69,
     r"1 message, the oldest since 5 hours \(no attempt yet\); mailq"),
    (bad_aliases, "aliases", "error", 78,
     r"aliases:2: .*runs no programs; give an address"),
    (loop_aliases, "root", "error", 78,
     r"this alias has no recipient.*; correct that, then run newaliases"),
]


@as_root
@pytest.mark.parametrize("spoil, topic, severity, status, words", BROKEN)
def test_what_is_broken_is_said(good, spoil, topic, severity, status, words):
    spoil(good)
    result = good.postrider("check").expect(status)
    told = [text for t, s, text in findings(result) if (t, s) ==
            (topic, severity)]
    assert any(re.search(words, text) for text in told), str(result)
    rest = [f for f in trouble(result) if f[0] not in (topic, "daemon")]
    assert all(f[0] in ("aliases", "spool", "password") for f in rest), rest
    objects = json.loads(good.postrider("check", "--json").stdout)
    assert any(o["topic"] == topic and o["severity"] == severity
               for o in objects)
    assert PASSWORD.encode() not in result.stdout + result.stderr


# Settings that work, but may not be what is meant.
DOUBTFUL = [
    (dict(settings={"hostname": "web1"}), "names",
     r"hostname is web1: .*; set hostname"),
    (dict(settings={"domain": "web1"}), "names", r"domain is web1: .*"),
    (dict(settings={"local_recipient": ""}), "root",
     r"mail for root goes to root@a\.example, which may not be a mailbox; set "),
    (dict(settings={"redirect_all": "me@example.com"}), "root",
     r"all mail goes to me@example\.com, whatever its recipients; remove"),
    (dict(host="smtp.invalid"), "lookup", r"smtp\.invalid"),
    (dict(extra='sender "*" { address = "a@b.example" }\nsender "bob" '
                '{ address = "c@b.example" }\n'), "senders",
     r'sender "bob" is never used'),
    (dict(settings={"metrics": "/nonexistent/metrics"}), "metrics",
     r"/nonexistent/metrics cannot be written: .*; give the daemon"),
    (dict(settings={"listen": ["/nonexistent/socket"]}), "sockets",
     r"/nonexistent/socket: No such file"),
    (dict(settings={"listen": ["127.0.0.1:1"]}), "sockets",
     r"127\.0\.0\.1:1: no process listens"),
]


@pytest.mark.parametrize("options, topic, words", DOUBTFUL)
def test_what_is_doubtful_is_a_warning(queue, smarthost, options, topic,
                                       words):
    configure(queue, smarthost, **options)
    result = queue.postrider("check").expect(NO_DAEMON)
    assert any(t == topic and s == "warning" and re.search(words, text)
               for t, s, text in findings(result)), str(result)


@as_root
def test_mail_that_the_daemon_does_not_take(queue, smarthost, clock):
    """A minute is enough for one that works."""
    configure(queue, smarthost, settings={"message_size_limit": "1k"})
    name = random_id()
    with queue.daemon() as daemon:
        queue.write_drop(name, message_file(
            name, sender="", content=b"Subject: x\r\n\r\n" + b"x\r\n" * 500))
        queue.sendmail("-q").expect(0)
        daemon.wait_for("drop: 1 message ")
        for seconds, severities in ((0, []), (61, ["error"])):
            clock.turn(seconds)
            result = queue.postrider("check", env=clock.environment)
            found = [severity for _, severity, text in findings(result)
                     if "longer than a minute" in text]
            assert found == severities, str(result)


def test_a_spool_that_does_not_last(good):
    """Nor has it room, in a separate mount namespace."""
    result = good.run_other(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=1m,mode=755"
         f" none {good.spool} && {good.build}/postrider check"])
    if b"unshare" in result.stderr or b"mount:" in result.stderr:
        pytest.skip("no mount namespaces here")
    told = [text for t, s, text in all_findings(result)
            if (t, s) == ("file system", "warning")]
    assert len(told) == 2, str(result)
    assert "is on tmpfs: queued mail is lost" in told[0]
    assert "1 MB are free; make room, or lower" in told[1]


@pytest.mark.parametrize("command, words", [
    ("mount -t tmpfs -o size=512k,mode=755 none {spool}",
     r"{spool} is full: 512 KB and \d+ files are free; make room"),
    ("mount -t tmpfs -o nr_inodes=1,mode=755 none {spool}",
     r"{spool} is full: \d+ KB and 0 files are free; make room"),
    ("mount --bind {spool} {spool} && mount -o remount,bind,ro {spool}",
     r"{spool} is read-only: no mail is accepted; mount it for writing")])
def test_a_spool_that_takes_no_mail(good, command, words):
    result = good.run_other(
        ["unshare", "--mount", "sh", "-c", command.format(spool=good.spool) +
         f" && {good.build}/postrider check"])
    if b"unshare" in result.stderr or b"mount:" in result.stderr:
        pytest.skip("no mount namespaces here")
    told = [text for t, s, text in all_findings(result)
            if (t, s) == ("file system", "error")]
    assert len(told) == 1, str(result)
    assert re.search(words.format(spool=good.spool), told[0]), told


def test_no_spool_is_one_finding(good):
    """Not one for each folder that would be in it."""
    shutil.rmtree(good.spool)
    told = [text for t, s, text in findings(good.postrider("check"))
            if (t, s) == ("spool", "error")]
    assert len(told) == 1 and "make it as postrider(8) describes" in told[0], told


def test_clear_text_is_a_warning(queue):
    configure(queue, 25, host="192.0.2.1")
    result = queue.postrider("check").expect(NO_DAEMON)
    assert any(t == "smarthosts" and s == "warning" and "tls = none" in text
               for t, s, text in findings(result)), str(result)


@pytest.mark.parametrize("keys, words", [
    (dict(port=465, tls="starttls"),
     "port 465 is for TLS at once, .*; set tls = implicit"),
    (dict(port=587, tls="implicit"),
     "port 587 is for STARTTLS, .*; set tls = starttls, or port = 465"),
    (dict(port=25, tls="implicit"), "port 25 is for STARTTLS"),
    (dict(host="_submission._tcp.a.example", tls="implicit"),
     "is for STARTTLS, .*; set tls = starttls$"),
    (dict(host="_submission._tcp.a.example", port=None, tls="implicit"),
     "a.example is for STARTTLS, .*; set tls = starttls$"),
    (dict(port=465, tls=None), None),
    (dict(port=465, tls="implicit"), None),
    (dict(port=2465, tls="implicit"), None),
    (dict(port=587, tls=None), None),
])
def test_a_port_for_another_kind_of_tls(queue, keys, words):
    configure(queue, 25, **{"host": "192.0.2.1", **keys})
    told = [text for topic, severity, text
            in findings(queue.postrider("check"))
            if (topic, severity) == ("smarthosts", "warning")]
    assert len(told) == (words is not None), told
    assert not told or re.search(words, told[0]), told


@pytest.mark.parametrize("written, words", [
    (b"\xef\xbb\xbfopensesame\n", None),
    (b"open\xef\xbb\xbfsesame\n", "holds a byte order mark"),
    (b"opensesame \n", "ends with a blank"),
    (b'"opensesame"\n', "begins with a quote"),
    (b"open\xc2\xa0sesame\n", "holds a no-break space"),
    (b"opensesame\r\n", None),
    ("\ufeffopensesame\n".encode("utf-16-le"), "is in UTF-16; store it in"),
])
def test_a_password_with_something_unseen(good, written, words):
    (good.folder / "password0").write_bytes(written)
    result = good.postrider("check")
    told = [text for topic, severity, text in findings(result)
            if topic == "password" and severity != "ok"]
    assert len(told) == (words is not None), told
    assert not told or ("password0" in told[0] and words in told[0]), told
    assert b"sesame" not in result.stdout


def test_a_byte_order_mark_is_named(good):
    (good.folder / "password0").write_bytes(b"\xef\xbb\xbfopensesame\n")
    assert any(topic == "password" and severity == "ok" and
               text.endswith("begins with a byte order mark, which is left out")
               for topic, severity, text in findings(good.postrider("check")))


def test_a_user_with_something_unseen(queue, tls_smarthost):
    configure(queue, tls_smarthost, user=USER + " ")
    result = queue.postrider("check").expect(NO_DAEMON)
    assert any(t == "password" and s == "warning" and
               "host0: user ends with a blank" in text
               for t, s, text in findings(result)), str(result)


def test_a_password_in_the_configuration(queue, tls_smarthost):
    configure(queue, tls_smarthost, password=None,
              password_command=f"/bin/echo {PASSWORD}")
    result = queue.postrider("check").expect(NO_DAEMON)
    assert any(t == "smarthosts" and s == "warning" and "only prints" in text
               for t, s, text in findings(result)), str(result)
    assert PASSWORD.encode() not in result.stdout + result.stderr


def test_a_password_command_that_fails(queue, tls_smarthost):
    configure(queue, tls_smarthost, password=None,
              password_command="/nonexistent/program")
    result = queue.postrider("check").expect(75, 78)
    assert any(t == "password" and s == "error" and "/nonexistent/" in text
               for t, s, text in findings(result)), str(result)


@pytest.mark.parametrize("certificate, status, words", [
    ("client", NO_DAEMON, None), ("expired", 78, "expired [0-9]+ days ago")])
def test_client_certificates(queue, make_smarthost, certificates, certificate,
                             status, words):
    host = make_smarthost(tls="starttls")
    copy = queue.folder / "client.pem"
    shutil.copy(certificates.path(certificate), copy)
    queue.give(copy)
    copy.chmod(0o400)
    configure(queue, host, tls_cert_file=str(copy))
    result = queue.postrider("check").expect(status)
    told = [text for t, s, text in findings(result)
            if t == "tls" and s == "error"]
    assert (not told) if words is None else re.search(words, told[0])


def test_no_certificate_authorities(queue, make_smarthost):
    configure(queue, make_smarthost(tls="starttls"), tls_ca_file=None)
    result = queue.postrider("check", env={
        "SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent",
    }).expect(78)
    assert ("tls", "error", "host0: no certificate authorities found; install "
            "ca-certificates or set tls_ca_file") in findings(result)


def test_a_certificate_that_expires_soon(queue, make_smarthost):
    host = make_smarthost(tls="starttls")
    configure(queue, host)
    path = queue.folder / "soon.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    "/dev/null", "-subj", "/CN=soon", "-days", "3", "-out",
                    path], check=True, capture_output=True)
    shutil.copy(path, queue.folder / "ca0.pem")
    result = queue.postrider("check").expect(NO_DAEMON)
    assert any(t == "tls" and s == "warning" and
               re.search("expires in [23] days", text)
               for t, s, text in findings(result)), str(result)


def test_a_smarthost_that_refuses_the_password(queue, tls_smarthost):
    configure(queue, tls_smarthost, password="wrong")
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_for("AUTH .* refused")
        result = queue.postrider("check").expect(77)
    assert any(t == "daemon" and s == "error" and "host0 is parked: " in text
               for t, s, text in findings(result)), str(result)


def test_a_smarthost_that_refuses_messages(queue, smarthost):
    """Most of the last ones, and not a wrong recipient now and then."""
    configure(queue, smarthost)
    smarthost.replies["MAIL"] = lambda session, argument: \
        "553 5.7.1 not owned by user" if "shop" in argument else None
    told = "smarthost host0: 3 of the last 5 messages were refused: 553 5.7.1 " \
        "not owned by user"
    with queue.daemon() as daemon:
        for sender in ("a", "shop", "a", "shop", "shop"):
            assert told not in queue.postrider("check").stdout.decode()
            queue.sendmail("-odi", "-N", "never", "-f", f"{sender}@a.example",
                           "b@b.example", stdin=message()).expect(0, 69)
        found = [text for t, s, text in
                 findings(queue.postrider("check").expect(69))
                 if (t, s) == ("daemon", "error")]
        assert found and told in found[0], found
        assert "postrider test shows the dialogue" in found[0]
        (host,) = queue.status()["smarthosts"]
        assert (host["refused"], host["refused_of"]) == (3, 5)
        assert host["refusal"].startswith("553 5.7.1 not owned by user")
        for _ in range(2):
            queue.sendmail("-odi", "-f", "a@a.example", "b@b.example",
                           stdin=message()).expect(0)
        assert "refused" not in queue.postrider("check").stdout.decode()
        assert daemon.count("status=bounced") == 3


def test_a_smarthost_that_is_down(queue):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        configure(queue, closed.getsockname()[1], host="127.0.0.1")
        with queue.daemon() as daemon:
            queue.sendmail("b@b.example", stdin=message()).expect(0)
            daemon.wait_for("is down")
            result = queue.postrider("check").expect(69)
    assert any(t == "daemon" and s == "error" and "host0 is down: " in text
               and text.endswith(
                   "; correct that, then run: postrider queue flush")
               for t, s, text in findings(result)), str(result)


@as_root
def test_anybody_may_ask(good):
    """What the user cannot see is not an error."""
    result = good.postrider("check", **user(ALICE)).expect(NO_DAEMON)
    unseen = {t for t, s, text in findings(result) if s == "not checked"
              and text.endswith("; run as root")}
    assert unseen == {"spool", "queue", "failed", "password"}
    assert {t for t, s, _ in trouble(result)} == unseen | {"daemon"}


@as_root
def test_the_daemons_user_sees_all(good):
    result = good.postrider("check", **user(DAEMON.pw_uid)
                            ).expect(NO_DAEMON)
    assert {t for t, _, _ in trouble(result)} == {"daemon"}, str(result)


def test_a_secret_that_all_can_read(programs, tls_smarthost):
    """Docker's; right where a container has one user. It is used all the
    same."""
    programs.write_config(tls_smarthost)
    (programs.folder / "password0").chmod(0o444)
    result = programs.postrider("check").expect(0)
    (text,) = [text for topic, severity, text in findings(result)
               if topic == "password" and severity == "warning"]
    assert re.search(r"host0: \S+/password0: all users .* can read it; ", text)
    programs.sendmail("bob@b.example", stdin=message()).expect(0)
    (sent,) = tls_smarthost.wait_for_messages(1)
    assert sent.user == USER


@as_root
def test_a_secret_of_a_group(queue, tls_smarthost):
    """Kubernetes': the program's user has the group besides its own."""
    queue.write_config(tls_smarthost, settings={"delivery": "direct"})
    secret = queue.folder / "password0"
    os.chown(secret, 0, 2000)
    secret.chmod(0o440)
    caller = {"user": ALICE, "group": ALICE, "extra_groups": [2000]}
    queue.sendmail("bob@b.example", stdin=message(), **caller).expect(0)
    (sent,) = tls_smarthost.wait_for_messages(1)
    assert sent.user == USER
    secret.chmod(0o460)
    queue.sendmail("bob@b.example", stdin=message(), **caller).expect(78)
    secret.chmod(0o440)
    queue.sendmail("bob@b.example", stdin=message(), **user(ALICE)).expect(77)


def test_direct_delivery_needs_no_spool(programs, tls_smarthost):
    programs.write_config(tls_smarthost,
                          settings={"local_recipient": "x@b.example"})
    result = programs.postrider("check").expect(0)
    topics = {topic for topic, _, _ in findings(result)}
    assert not topics & {"spool", "daemon", "queue", "failed", "group"}
    assert "password" in topics


def test_json_holds_any_name(queue, smarthost):
    folder = os.fsencode(queue.folder) + b'/a"b\\c\xff\n'
    os.mkdir(folder, 0o755)
    configure(queue, smarthost)
    config = folder + b"/postrider.conf"
    shutil.copy(queue.config, config)
    os.chmod(config, 0o666)
    env = {"POSTRIDER_CONFIG": os.fsdecode(config)}
    text = queue.postrider("check", "--json", env=env).expect(78).stdout
    found = json.loads(text)
    assert any(f["topic"] == "configuration" and f["severity"] == "error"
               and r'a"b\c\xff' in f["text"] for f in found)
    assert all(set(f) - {"line"} == {"topic", "severity", "text", "remedy",
                                     "file"} for f in found)
    lines = queue.postrider("check", env=env).expect(78).stdout
    assert all(LINE.fullmatch(line) for line in lines.decode().splitlines())


@pytest.mark.parametrize("settings, topic, remedy", [
    ('host = "mx:587"', "configuration", "set the port with the key port"),
    ('host = "m\u00fcx"', "configuration", "give its xn-- form"),
    # The words of advice are part of a name here.
    ('host = "a.example" tls_ca_file = "{folder}/a: set b: add c.pem"',
     "tls", ""),
])
def test_json_has_the_parts_as_they_are(queue, settings, topic, remedy):
    settings = settings.format(folder=queue.folder)
    queue.config.write_text('domain = "a.example"\ndelivery = direct\n'
                            f'smarthost "x" {{ {settings} }}\n')
    queue.config.chmod(0o644)
    found = json.loads(queue.postrider("check", "--json").stdout)
    (error,) = [f for f in found
                if f["topic"] == topic and f["severity"] == "error"]
    assert error["remedy"] == remedy
    assert (error["file"], error["line"]) == (str(queue.config), 3)
    assert 'smarthost "x": ' in error["text"]
    assert remedy == "" or remedy not in error["text"]
    assert "add c.pem" in error["text"] or topic != "tls"


def test_an_alias_that_is_wrong_has_its_place(good):
    bad_aliases(good)
    found = json.loads(good.postrider("check", "--json").stdout)
    (error,) = [f for f in found if f["topic"] == "aliases"]
    assert error["file"].endswith("/aliases") and error["line"] == 2
    assert error["text"] == "|/bin/sh: Postrider runs no programs"
    assert error["remedy"] == "give an address"


def test_a_refusal_of_mail_has_its_remedy(good):
    loop_aliases(good)
    found = json.loads(good.postrider("check", "--json").stdout)
    errors = [f for f in found if f["topic"] == "root"
              and f["severity"] == "error"]
    assert [f["line"] for f in errors] == [1, 2]
    for error in errors:
        assert " is refused: " in error["text"]
        assert error["remedy"] == "correct that, then run newaliases"


def test_a_user_that_does_not_exist(queue):
    """The remedy makes one who cannot log in."""
    configure(queue, 25, settings={"user": "no-such-user"})
    result = queue.postrider("check").expect(78)
    assert ("group", "error", 'user "no-such-user" does not exist; useradd '
            "--system --user-group --shell /usr/sbin/nologin no-such-user") \
        in findings(result)


def test_usage(programs):
    result = programs.postrider("check", "--nonsense").expect(64)
    assert "usage: postrider check [--json]" in result.errors


@as_root
@pytest.mark.parametrize("place, is_hidden", [
    ("secrets/mail", True), ("password", True), ("password.old", True),
    ("mail.key", False), ("password-main", False), ("secrets/link", False),
])
def test_a_password_that_servers_of_socket_units_could_read(queue, place,
                                                            is_hidden):
    folder = machine_etc(queue) / "postrider"
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "link").symlink_to("../elsewhere")
    (folder / place).write_text(PASSWORD)
    (folder / place).chmod(0o400)
    os.chown(folder / place, DAEMON.pw_uid, DAEMON.pw_gid)
    text = 'smarthost "main" {\n    host = "127.0.0.1"\n    user = "u"\n' \
        f'    password_file = "/etc/postrider/{place}"\n}}\n'
    (folder / "postrider.conf").write_text(text)
    result = run_on_machine(
        queue, {"postrider": DAEMON.pw_uid}, queue.build / "postrider",
        "check", POSTRIDER_CONFIG="/etc/postrider/postrider.conf")
    assert "password: ok: main: " in result.stdout, result.stdout
    told = f"password: warning: main: password_file = /etc/postrider/{place} " \
        "is not hidden from the servers of postrider.socket; move it to " \
        "/etc/postrider/secrets/\n"
    assert (told in result.stdout) is not is_hidden, result.stdout
