"""What senders are told: bounces, delays, success; and what is not told."""

import email
import email.policy
import re
import signal

import pytest

from lib.harness import message
from lib.queue import ALICE, as_root, message_file, random_id, user

SENDER = "a@a.example"
NEVER = "never@b.example"


def parse(sent):
    """The parts of a report, checked for what all reports have in common."""
    report = email.message_from_bytes(sent.content,
                                      policy=email.policy.SMTP)
    assert not report.defects, report.defects
    assert sent.reverse_path == ""
    assert report["Auto-Submitted"] == "auto-replied"
    assert re.fullmatch(r".*<[^@<>]+@[^@<>]+>", report["From"])
    assert report["Date"] and report["Message-ID"]
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    text, status, original = report.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    return report, text, status.get_payload(), original


@pytest.fixture
def host(smarthost):
    """A smarthost without DSN, which refuses one recipient."""
    smarthost.extensions.remove("DSN")
    smarthost.recipients[NEVER] = "550 5.1.1 <never@b.example>: nobody here"
    return smarthost


def test_bounce(queue, host):
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, "good@b.example", NEVER,
                       stdin=message("the body\n"), **user(ALICE)).expect(0)
        daemon.wait_until_removed(2)
        assert queue.is_empty(), queue.files()
    first, bounce = host.messages
    assert first.recipients == ["good@b.example"]
    assert bounce.recipients == [SENDER]
    report, text, status, original = parse(bounce)
    assert report["To"] == SENDER
    assert NEVER in text.get_content() and "nobody here" in text.get_content()
    assert "good@b.example" not in text.get_content()
    about, recipient = status
    assert about["Reporting-MTA"] == "dns; client.example"
    assert about["Arrival-Date"]
    assert recipient["Final-Recipient"] == "rfc822; never@b.example"
    assert recipient["Action"] == "failed"
    assert recipient["Status"] == "5.1.1"
    assert recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
    assert recipient["Remote-MTA"].startswith("dns; ")
    assert original.get_content_type() == "message/rfc822"
    assert original.get_content()["Subject"] == "a test"
    assert original.get_content().get_content() == "the body\r\n"


def bounced(queue, host, *arguments, stdin=None, count=2):
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, *arguments, stdin=stdin or
                       message("the body\n")).expect(0)
        daemon.wait_until_removed(count)
        assert queue.is_empty(), queue.files()
    return host.messages


def test_headers_only(queue, host):
    (bounce,) = bounced(queue, host, "-R", "hdrs", NEVER)
    *_, original = parse(bounce)
    assert original.get_content_type() == "text/rfc822-headers"
    assert b"Subject: a test" in bounce.content
    assert b"the body" not in bounce.content


def test_full_if_asked_for(queue, host):
    body = "".join(f"line {i} of a message\n" for i in range(5000))
    (bounce,) = bounced(queue, host, "-R", "full", NEVER,
                        stdin=message(body))
    assert b"line 4999 of" in bounce.content


def test_header_of_a_large_message(queue, host):
    """Unasked, more than 50 KB does not come back."""
    body = "".join(f"line {i} of a message\n" for i in range(5000))
    (bounce,) = bounced(queue, host, NEVER, stdin=message(body))
    *_, original = parse(bounce)
    assert original.get_content_type() == "text/rfc822-headers"
    assert len(bounce.content) < 10000


def test_notify_never(queue, host):
    assert bounced(queue, host, "-N", "never", NEVER, count=1) == []


def test_envelope_id(queue, host):
    (bounce,) = bounced(queue, host, "-V", "shop-17", NEVER)
    _, _, (about, _), _ = parse(bounce)
    assert about["Original-Envelope-Id"] == "shop-17"


def test_success_where_the_smarthost_has_no_dsn(queue, host):
    message_sent, report = bounced(queue, host, "-N", "success",
                                   "good@b.example")
    assert report.recipients == [SENDER]
    _, _, (_, recipient), original = parse(report)
    assert recipient["Action"] == "relayed"
    assert recipient["Final-Recipient"] == "rfc822; good@b.example"
    assert original.get_content_type() == "text/rfc822-headers"


def test_success_is_the_smarthosts_matter(queue, smarthost):
    (sent,) = bounced(queue, smarthost, "-N", "success", "good@b.example",
                      count=1)
    assert sent.recipient_parameters["good@b.example"]["NOTIFY"] == "SUCCESS"


def test_8bit_content(queue, host):
    (bounce,) = bounced(queue, host, NEVER,
                        stdin=message("grüße\n".encode()))
    assert "BODY" in bounce.parameters
    assert "grüße".encode() in bounce.content


def test_many_recipients_one_bounce(queue, host):
    names = [f"r{i}@b.example" for i in range(30)]
    for name in names[:20]:
        host.recipients[name] = "550 5.1.1 nobody"
    first, bounce = bounced(queue, host, *names)
    _, _, (_, *recipients), _ = parse(bounce)
    assert len(recipients) == 20 and len(first.recipients) == 10


def test_very_many_recipients(queue, host):
    """A report that lists them all would be too large for a smarthost."""
    names = [f"r{i:04}@b.example" for i in range(250)]
    for name in names:
        host.recipients[name] = "550 5.1.1 nobody"
    (bounce,) = bounced(queue, host, *names)
    _, text, (_, *recipients), _ = parse(bounce)
    assert len(recipients) == 100
    assert text.get_content().count("nobody") == 100
    assert "150 more recipients" in text.get_content()


def test_from_of_a_sender_rule(queue, host):
    """A smarthost that checks addresses must accept the report, too."""
    queue.write_config(host, extra='sender "*" {\n'
                       '    address = "shop@example.com"\n}\n')
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == ["shop@example.com"]
    assert "shop@example.com" in parse(bounce)[0]["From"]


def test_double_bounce_to_postmaster(queue, host):
    """The report cannot be delivered: postmaster's alias gets it, once."""
    queue.write_aliases("postmaster: boss@c.example\n")
    host.recipients[SENDER] = "550 5.1.1 no such sender"
    (copy,) = bounced(queue, host, NEVER, count=3)
    assert copy.recipients == ["boss@c.example"]
    _, _, (_, recipient), original = parse(copy)
    assert recipient["Final-Recipient"] == "rfc822; " + SENDER


def test_double_bounce_without_postmaster(queue, host):
    """Nothing is dropped in silence."""
    host.recipients[SENDER] = "550 5.1.1 no such sender"
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, NEVER, stdin=message()).expect(0)
        daemon.wait_for("is in .*/failed now")
        daemon.wait_until_removed(1)
        assert queue.names("drop") == queue.names("queue") == []
    assert len([n for n in queue.names("failed")
                if not n.endswith(".state")]) == 1
    with queue.daemon() as daemon:
        pass                            # it stays there, and quiet
    assert not host.messages
    assert len(host.sessions) <= 2


def test_triple_bounce(queue, host):
    """The postmaster's alias is refused, too: that is the end."""
    queue.write_aliases("postmaster: boss@c.example\n")
    host.recipients[SENDER] = "550 5.1.1 no such sender"
    host.recipients["boss@c.example"] = "550 5.1.1 no such boss"
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, NEVER, stdin=message()).expect(0)
        daemon.wait_for("is in .*/failed now")
        daemon.wait_until_removed(2)
    assert not host.messages
    assert daemon.count("failed now") == 1


def test_null_sender_is_never_told(queue, host):
    queue.write_aliases("postmaster: boss@c.example\n")
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "<>", NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    (copy,) = host.messages
    assert copy.recipients == ["boss@c.example"]


# Where a report goes: to the place of mail for the name it was completed from

@pytest.mark.parametrize("sender, settings, goes_to", [
    ("root", {}, ["admin@c.example"]),
    ("ROOT", {}, ["admin@c.example"]),
    ("list", {}, ["one@c.example", "two@c.example"]),
    ("root", {"local_recipient": "me@c.example"}, ["admin@c.example"]),
    ("daemon", {"local_recipient": "me@c.example"}, ["me@c.example"]),
    ("root@client.example", {}, ["admin@c.example"]),
    ("root@localhost", {}, ["admin@c.example"]),
    # A mailbox of the domain, as far as we know; and what is not an alias.
    ("root@a.example", {"local_recipient": "me@c.example"},
     ["root@a.example"]),
    ("daemon", {}, ["daemon@a.example"]),
    ("broken", {}, ["broken@a.example"]),
])
def test_report_to_a_local_name(queue, host, sender, settings, goes_to):
    (queue.folder / "list").write_text("one@c.example\ntwo@c.example\n")
    (queue.folder / "list").chmod(0o644)
    queue.write_aliases("root: admin@c.example\n"
                        f"list: :include:{queue.folder}/list\n"
                        'broken: "|/bin/false"\n')
    queue.write_config(host, settings=settings)
    with queue.daemon() as daemon:
        queue.sendmail("-f", sender, NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == goes_to
    assert parse(bounce)[0]["To"].split("@")[0] == sender.split("@")[0]


def test_report_to_the_user_who_called(queue, host):
    queue.write_config(host, settings={"local_recipient": "me@c.example"})
    with queue.daemon() as daemon:
        queue.sendmail(NEVER, stdin=message(), **user(ALICE)).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == ["me@c.example"]


@as_root
@pytest.mark.parametrize("sender, goes_to", [
    ("root", "admin@c.example"), ("root@a.example", "root@a.example"),
    ('"a b"', "quoted@c.example"),
])
def test_report_to_a_local_name_over_a_socket(queue, host, sender, goes_to):
    """The daemon's own socket is another way in, and no other sender."""
    queue.write_aliases('root: admin@c.example\n"a b": quoted@c.example\n')
    queue.write_config(host, settings={
        "listen": [str(queue.run_folder / "submit")]})
    with queue.daemon() as daemon:
        queue.drop.chmod(0o700)
        queue.sendmail("-f", sender, NEVER, stdin=message(),
                       **user(ALICE)).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == [goes_to]


def test_report_to_the_address_of_a_rule(queue, host):
    """That is complete, whatever the name was."""
    queue.write_config(host, settings={"local_recipient": "me@c.example"},
                       extra='sender "*" { address = "shop@a.example" }\n')
    with queue.daemon() as daemon:
        queue.sendmail(NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == ["shop@a.example"]


def test_double_bounce_to_local_recipient(queue, host):
    host.recipients[SENDER] = "550 5.1.1 no such sender"
    queue.write_config(host, settings={"local_recipient": "me@c.example"})
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(3)
    (copy,) = host.messages
    assert copy.recipients == ["me@c.example"]


# redirect_all holds for whatever leaves

REDIRECT = {"redirect_all": "dev@b.example"}


def test_redirection_of_reports(queue, host):
    host.recipients["dev@b.example"] = ["550 5.2.2 full"]
    queue.write_config(host, settings=REDIRECT)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "customer@real.example", "other@real.example",
                       stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == ["dev@b.example"]
    assert bounce.fields("X-Original-To") == ["customer@real.example"]
    assert daemon.find(r"to=<dev@b\.example>, orig_to=<customer@real\.example>")


def test_redirection_whoever_wrote_the_file(queue, host):
    """Callers can have their own configuration, or none."""
    name = random_id()
    queue.write_config(host, settings=REDIRECT)
    queue.write_drop(name, message_file(name, (
        "one@real.example", "dev@b.example", "two@real.example")))
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
    (sent,) = host.messages
    assert sent.recipients == ["dev@b.example"]
    assert sent.fields("X-Original-To") == ["one@real.example, "
                                            "two@real.example"]
    assert not any("real.example" in command for session in host.sessions
                   for command in session.commands)


def test_redirection_that_is_deferred(queue, host):
    """It is one recipient in the place of several, until it is accepted."""
    name = random_id()
    host.recipients["dev@b.example"] = ["450 4.2.0 later"]
    queue.write_config(host, settings=REDIRECT)
    queue.write_drop(name, message_file(name, ("one@real.example",
                                               "two@real.example")))
    with queue.daemon() as daemon:
        daemon.wait_for("orig_to=<.*status=deferred", times=2)
        daemon.wait_until_removed(1)
    assert [m.recipients for m in host.messages] == [["dev@b.example"]]
    assert daemon.count("orig_to=<.*status=sent") == 2


def test_redirection_leaves_no_trace_where_sendmail_did_it(queue, host):
    queue.write_config(host, settings=REDIRECT)
    with queue.daemon() as daemon:
        queue.sendmail("x@real.example", stdin=message()).expect(0)
        daemon.wait_until_removed(1)
    (sent,) = host.messages
    assert sent.fields("X-Original-To") == ["x@real.example"]


# A null reverse-path that the smarthost refuses

def refuse_null(session, argument):
    """As a smarthost that takes only its account."""
    *_, mail = (line for line in session.commands if line.startswith("MAIL"))
    return "550 5.7.1 not your account" if "<>" in mail else None


@pytest.mark.parametrize("rule", ["<>", "*"])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
@pytest.mark.parametrize("extensions", [[], ["PIPELINING"],
                                        ["PIPELINING", "CHUNKING"]])
def test_refused_null_sender(queue, make_smarthost, rule, stage, extensions):
    """The report goes once more, from the address of the account."""
    host = make_smarthost(extensions=extensions)
    host.recipients[NEVER] = "550 5.1.1 nobody"
    host.replies[stage] = refuse_null
    queue.write_config(host, extra=f'sender "{SENDER}" {{\n}}\n'
                       f'sender "{rule}" {{\n'
                       '    address = "account@a.example"\n}\n')
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    (bounce,) = host.messages
    assert bounce.recipients == [SENDER]
    assert bounce.reverse_path == "account@a.example"
    assert daemon.count("notification") == 1


@pytest.mark.parametrize("extensions", [["PIPELINING"],
                                        ["PIPELINING", "CHUNKING"]])
def test_refused_null_senders_in_a_row(queue, make_smarthost, extensions):
    host = make_smarthost(extensions=extensions)
    host.replies["MAIL"] = refuse_null
    queue.write_config(host, connections=1, extra=
                       'sender "*" { address = "account@a.example" }\n')
    for number in range(9):
        queue.write_drop(f"{number:032x}", message_file(
            f"{number:032x}", (f"r{number}@b.example",), sender=""))
    with queue.daemon() as daemon:
        daemon.wait_until_removed(9)
    assert sorted(m.recipients[0] for m in host.messages) == \
        [f"r{number}@b.example" for number in range(9)]
    assert all(m.reverse_path == "account@a.example" for m in host.messages)


def test_null_sender_with_an_address_of_its_own(queue, host):
    """Of any sender; and it is still reported to the postmaster alone."""
    queue.write_aliases("postmaster: boss@c.example\n")
    queue.write_config(host, extra='sender "<>" {\n'
                       '    address = "account@a.example"\n}\n')
    with queue.daemon() as daemon:
        queue.sendmail("-f", "<>", "good@b.example", NEVER,
                       stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    first, copy = host.messages
    assert first.reverse_path == copy.reverse_path == "account@a.example"
    assert first.recipients == ["good@b.example"]
    assert copy.recipients == ["boss@c.example"]
    assert b"account@a.example" in copy.header


def test_no_report_of_a_report(queue, host):
    """That is refused from the account's address, too."""
    host.replies["MAIL"] = lambda session, argument: \
        None if SENDER in argument else "550 5.7.1 no"
    queue.write_config(host, extra=f'sender "{SENDER}" {{\n}}\n'
                       'sender "*" { address = "account@a.example" }\n')
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, NEVER, stdin=message()).expect(0)
        daemon.wait_for("is in .*/failed now")
    assert not host.messages
    assert daemon.count("notification") == 1
    assert [c.split()[1] for s in host.sessions for c in s.commands
            if c.startswith("MAIL")] == \
        [f"FROM:<{SENDER}>", "FROM:<>", "FROM:<account@a.example>"]


@as_root
def test_newaliases_has_the_daemon_read_them(queue, host):
    """When root says so, and if they are right."""
    queue.write_aliases("root: old@c.example\n")
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.write_aliases("root: new@c.example\nbad line\n")
        queue.sendmail("-bi").expect(78)
        queue.write_aliases("root: new@c.example\n")
        queue.sendmail("-bi", **user(ALICE)).expect(0)
        queue.sendmail("-f", "root", NEVER, stdin=message()).expect(0)
        daemon.wait_for("aliases has changed: reports use the old aliases")
        daemon.wait_until_removed(2)
        before = daemon.mark()
        queue.sendmail("-bi").expect(0)
        daemon.wait_for("daemon: started", after=before)
        queue.sendmail("-f", "root", NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2, after=before)
        assert daemon.count("daemon: started") == 2
    assert [m.recipients for m in host.messages] == \
        [["old@c.example"], ["new@c.example"]]


def test_aliases_that_changed(queue, host):
    """They count from the next reload, and until then the log says so."""
    queue.write_aliases("root: old@c.example\n")
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.write_aliases("root: new@c.example, and@c.example\n")
        queue.sendmail("-f", "root", NEVER, stdin=message()).expect(0)
        daemon.wait_for("aliases has changed: reports use the old aliases")
        daemon.wait_until_removed(2)
        before = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon: started", after=before)
        queue.sendmail("-f", "root", NEVER, stdin=message()).expect(0)
        daemon.wait_until_removed(2, after=before)
    assert [m.recipients for m in host.messages] == \
        [["old@c.example"], ["new@c.example", "and@c.example"]]


def test_delay_warning(queue, host):
    """Told once that it is late; still tried, and delivered in the end."""
    queue.write_config(host, settings={"delay_warning": "1s",
                                       "expire_after": "1h"})
    host.recipients["later@b.example"] = "451 4.2.0 not now"
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, "later@b.example",
                       stdin=message("the body\n")).expect(0)
        daemon.wait_for("sender delay notification")
        (warning,) = host.wait_for_messages(1)
        before = daemon.mark()
        queue.sendmail("-q").expect(0)
        daemon.wait_for("status=deferred", after=before)
        del host.recipients["later@b.example"]
        queue.sendmail("-q").expect(0)
        daemon.wait_until_removed(2)
    assert daemon.count("delay notification") == 1
    _, text, (_, recipient), original = parse(warning)
    assert recipient["Action"] == "delayed"
    assert recipient["Status"].startswith("4.")
    assert recipient["Will-Retry-Until"]
    assert b"the body" not in warning.content
    assert host.messages[1].recipients == ["later@b.example"]


def test_expiry(queue, host):
    queue.write_config(host, settings={"delay_warning": "0",
                                       "expire_after": "2s"})
    host.recipients["later@b.example"] = "451 4.2.0 not now"
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, "later@b.example",
                       stdin=message()).expect(0)
        daemon.wait_until_removed(2)
        assert queue.is_empty()
    (bounce,) = host.messages
    assert bounce.recipients == [SENDER]
    _, text, (_, recipient), _ = parse(bounce)
    assert recipient["Action"] == "failed"
    assert recipient["Status"] == "4.4.7"
    assert "not now" in text.get_content()


def test_expiry_while_the_smarthost_is_down(queue, make_smarthost):
    """Never tried itself, it expires all the same; the bounce waits."""
    queue.write_config(1, settings={"delay_warning": "0",
                                    "expire_after": "2s"})
    with queue.daemon() as daemon:
        queue.sendmail("-f", SENDER, "b@b.example", stdin=message()).expect(0)
        daemon.wait_for("non-delivery notification")
        daemon.wait_until_removed(1)
        (item,) = queue.listing()
        assert item["sender"] == "" and item["recipients"] == [SENDER]
