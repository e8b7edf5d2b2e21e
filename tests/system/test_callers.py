"""Real programs' calls of sendmail: their arguments, octets and environment.

Recorded from the programs of Debian 12. What leaves the front-end is final
(the relay changes nothing), so most are run with the stand-in of lib/front.py.
"""

import os
import resource
import signal
import socket
import time

import pytest

from lib.harness import message, wire
from lib.queue import as_root, message_file, random_id, user

BODY = "Grüße\n..two dots\n.one\nFrom here\ntrailing  \n\n.\nbehind it\n"
TO = ["to1@dest.example", "to2@dest.example"]
FROM = "bounce+tag=x@app.example"


@pytest.fixture
def front(front):
    front.write_config(settings={"domain": "example.com"})
    return front


def mixed(header):
    """As PHP 8 writes it: CRLF after its own fields."""
    return header.replace("\n", "\r\n")


CRON = ("From: root (Cron Daemon)\nTo: alice\nSubject: Cron <alice@web1> job\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
        "Content-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n"
        "X-Cron-Env: <LOGNAME=alice>\n\n")
PHP = ("To: to1@dest.example, to2@dest.example\n"
       "Subject: =?UTF-8?Q?=C3=9Cbung?=\nFrom: Shop <sender@app.example>\n"
       "Bcc: bcc@hidden.example\n\n")
COMPLETE = ("From: sender@app.example\nTo: to1@dest.example,\n"
            " to2@dest.example\nSubject: Hi\nMessage-ID: <1@app.example>\n"
            "Date: Tue, 24 Nov 2026 08:27:29 +0100\n\n")
NODEMAILER = COMPLETE.replace("Subject", "Bcc: bcc@hidden.example\nSubject")

# name, arguments, standard input, reverse-path, recipients, From
CALLS = [
    ("cron", ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "alice"],
     CRON + BODY, None, ["alice@example.com"],
     "root@example.com (Cron Daemon)"),
    ("cron with a list",
     ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "ops@dest.example,bob"],
     CRON + BODY, None, ["ops@dest.example", "bob@example.com"], None),
    ("cronie", ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f",
                "alice"],
     CRON + BODY, "alice@example.com", ["alice@example.com"], None),
    ("anacron", ["-FAnacron", "-odi", "root"],
     "From: Anacron <root>\nTo: root\nSubject: x\n\nok\n", None,
     ["root@example.com"], "Anacron <root@example.com>"),
    ("at", ["-i", "alice"], "Subject: Output from your job 1\nTo: alice\n\n"
     + BODY, None, ["alice@example.com"], None),
    ("sudo", ["-t"], "To: root\nFrom: alice\nAuto-Submitted: auto-generated\n"
     "Subject: *** SECURITY ***\n\nok\n", None, ["root@example.com"],
     "alice@example.com"),
    ("mail() of PHP 8, header fields as an array", ["-t", "-i", "-f" + FROM],
     mixed(PHP) + BODY, FROM, TO + ["bcc@hidden.example"],
     "Shop <sender@app.example>"),
    ("mail() of PHP 8, mixed line ends", ["-t", "-i"],
     "To: to1@dest.example\r\nSubject: x\r\nFrom: sender@app.example\n"
     "X-Two: a\n b\r\n\r\n" + BODY, None, TO[:1], "sender@app.example"),
    ("mail() of PHP with -F", ["-t", "-i", "-f", FROM, "-F", "Shop"],
     "To: to1@dest.example\r\nSubject: x\r\n\r\n" + BODY, FROM, TO[:1],
     f"Shop <{FROM}>"),
    ("PHPMailer", ["-t", "-i", "-oi", "-fbounce.tag@app.example", "-t"],
     PHP + BODY, "bounce.tag@app.example", TO + ["bcc@hidden.example"], None),
    ("Symfony without -i doubles dots", ["-f" + FROM, "--", *TO],
     COMPLETE + BODY.replace("\n.", "\n.."), FROM, TO, None),
    ("s-nail", ["-i", "-f", FROM, "--", *TO], COMPLETE + BODY, FROM, TO, None),
    ("bsd-mailx", ["-i", "-t"], "To: to1@dest.example\nSubject: x\n\n" + BODY,
     None, TO[:1], None),
    ("mailutils", ["-oi", "-f", FROM, "-t"], COMPLETE + BODY, FROM, TO, None),
    ("mutt", ["-oem", "-oi", "-f", FROM, "-N", "failure,delay", "-R", "hdrs",
              "--", *TO], COMPLETE + BODY, FROM, TO, None),
    ("git send-email", ["-f", FROM, "-i", *TO], COMPLETE + BODY, FROM, TO,
     None),
    ("MIME::Lite", ["-t", "-oi", "-oem", "-fsender@app.example"], PHP + BODY,
     "sender@app.example", TO + ["bcc@hidden.example"], None),
    ("Email::Sender", ["-i", "-f", FROM, "--", *TO], COMPLETE + BODY, FROM, TO,
     None),
    ("Mail::Box", ["-i", "bcc@hidden.example", *TO], NODEMAILER + BODY, None,
     ["bcc@hidden.example", *TO], None),
    ("mime-construct", ["-oi", ",".join(TO), "cc@dest.example"],
     COMPLETE + BODY, None, [*TO, "cc@dest.example"], None),
    ("Ruby mail", ["-i", "-f", "bounce.tag@app.example", "--", *TO],
     COMPLETE + BODY, "bounce.tag@app.example", TO, None),
    ("Ruby mail, escaped in vain", ["-i", "-f", "bounce+tag\\=x@app.example",
                                    "--", *TO], COMPLETE + BODY, FROM, TO,
     None),
    ("Ruby mail :exim", ["-i", "-t", "-f", "bounce.tag@app.example", "--"],
     COMPLETE + BODY, "bounce.tag@app.example", TO, None),
    ("Python's SMTP policy", ["-t", "-oi", "-f", FROM], mixed(PHP + BODY),
     FROM, TO + ["bcc@hidden.example"], None),
    ("nodemailer", ["-i", "-f", "sender@app.example", *TO,
                    "bcc@hidden.example"], mixed(NODEMAILER + BODY),
     "sender@app.example", TO + ["bcc@hidden.example"], None),
    ("calendar", ["-i", "-t", "-F", '"Reminder Service"'],
     "From: alice (Reminder Service)\nTo: alice\nSubject: x\n\n" + BODY, None,
     ["alice@example.com"], "alice@example.com (Reminder Service)"),
    ("vacation", ["-f", "alice", "--", "orig@app.example"],
     "Subject: away\nTo: orig@app.example\n\nok\n", "alice@example.com",
     ["orig@app.example"], None),
    ("Dovecot's vacation", ["-i", "-f", "<>", "--", "orig@app.example"],
     mixed(COMPLETE + BODY), "", ["orig@app.example"], None),
    ("maildrop", ["-oi", "-f", "", "fwd@dest.example"], COMPLETE + BODY, "",
     ["fwd@dest.example"], None),
    ("arpwatch", ["-odi", "ops@dest.example"],
     "From: arpwatch (Arpwatch web1)\nTo: ops@dest.example\nSubject: x\n\nok\n",
     None, ["ops@dest.example"], "arpwatch@example.com (Arpwatch web1)"),
    ("smartd", ["-i", "-t"], "To: root\nSubject: SMART error\n\n" + BODY, None,
     ["root@example.com"], None),
]


@pytest.mark.parametrize("arguments, text, reverse_path, recipients, author",
                         [c[1:] for c in CALLS], ids=[c[0] for c in CALLS])
def test_what_is_meant_is_handed_over(front, arguments, text, reverse_path,
                                      recipients, author):
    front.sendmail(*arguments, stdin=text).expect(0)
    draft = front.draft()
    assert sorted(draft.recipients) == sorted(recipients)
    if reverse_path is not None:
        assert draft.reverse_path == reverse_path
    assert b"hidden.example" not in draft.content
    for name in ("From", "Date", "Message-ID", "Subject"):
        assert len(draft.fields(name)) == 1, name
    if author is not None:
        assert draft.fields("From") == [author]
    body = wire(BODY if "dots" in text else "ok\n")
    assert draft.body == body


def test_mutt_means_a_list_behind_its_n(front):
    front.sendmail("-oem", "-oi", "-N", "failure,delay", "-R", "hdrs", "--",
                   "b@b.example", stdin=message()).expect(0)
    draft = front.draft()
    assert draft.notify == {"b@b.example": "FAILURE,DELAY"}
    assert draft.settings["ret"] == "hdrs"


# What callers leave for the process

def block_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK,
                           {signal.SIGCHLD, signal.SIGTSTP, signal.SIGPIPE})


PROCESSES = {
    "mutt's blocked signals": block_signals,
    "swaks's ignored children":
        lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    "mailutils's closed output": lambda: (os.close(1), os.close(2)),
    "all of the output closed, many others open":
        lambda: (os.close(1), os.close(2),
                 [os.set_inheritable(os.dup(0), True) for _ in range(50)]),
    "logwatch's umask": lambda: os.umask(0o177),
    "a umask of all": lambda: os.umask(0o777),
    "few descriptors":
        lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)),
}


@pytest.mark.parametrize("prepare", PROCESSES.values(), ids=PROCESSES)
def test_message_passes_whatever_process_it_comes_from(front, prepare):
    front.sendmail("-i", "-t", stdin=COMPLETE + BODY,
                   preexec_fn=prepare).expect(0)
    assert front.draft().body == wire(BODY)


@pytest.mark.parametrize("prepare", PROCESSES.values(), ids=PROCESSES)
def test_message_passes_into_the_queue_all_the_same(queue, prepare):
    queue.write_config(2525)
    queue.sendmail("-i", "-t", stdin=COMPLETE + BODY,
                   preexec_fn=prepare).expect(0)
    name, = queue.names("drop")
    assert wire(BODY) in (queue.drop / name).read_bytes()
    assert (queue.drop / name).stat().st_mode & 0o7777 == 0o640


def test_standard_input_that_is_closed_is_no_empty_message(front):
    result = front.sendmail("-i", "b@b.example", stdin=None,
                            preexec_fn=lambda: os.close(0))
    result.expect(66)
    assert not front.handed_over


def test_message_from_a_socket_as_node_has_it(front):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall((COMPLETE + BODY).encode())
        ours.shutdown(socket.SHUT_WR)
        front.sendmail("-i", *TO, stdin=theirs).expect(0)
    assert front.draft().body == wire(BODY)


@as_root
def test_uid_without_passwd_entry_has_a_number_for_a_name(queue, smarthost):
    queue.write_config(smarthost)
    queue.sendmail("-i", "b@b.example", stdin="Subject: x\n\nhello\n",
                   env={"HOME": None}, **user(54321)).expect(0)
    with queue.daemon():
        arrived, = smarthost.wait_for_messages(1)
    assert arrived.reverse_path == "54321@a.example"


# An environment that is not the user's own

@as_root
def test_environment_does_not_speak_for_a_set_user_id_program(queue):
    """One that runs sendmail as root, while its caller made the environment."""
    queue.write_config(2525, settings={"hostname": "evil.example"})

    def become_root_in_effect():
        os.setresuid(4001, 0, 0)

    result = queue.sendmail("-bv", "root", preexec_fn=become_root_in_effect,
                            env={"HOME": str(queue.folder)})
    assert b"a.example" not in result.stdout + result.stderr, str(result)
    queue.sendmail("-bv", "x").expect(0)


# -bs

SESSION = (b"HELO x\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"
           b"DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n")


def test_smtp_client_hears_why_and_the_log_stays_a_log(programs, smarthost):
    programs.write_config(smarthost)
    smarthost.recipients["b@b.example"] = "554 5.7.1 looks like spam"
    result = programs.sendmail("-bs", stdin=SESSION).expect(0)
    reply = result.stdout.splitlines()[-2]
    assert reply.startswith(b"554 5.0.0 b@b.example: refused by ")
    assert b"5.7.1 looks like spam" in reply
    assert result.outcome("b@b.example")[0] == "bounced"


def test_dialogue_is_not_what_an_smtp_client_hears(programs, smarthost):
    programs.write_config(smarthost)
    smarthost.replies["MAIL"] = ["451 4.3.0 later"]
    result = programs.sendmail("-bs", "-v", stdin=SESSION).expect(0)
    assert b"451 4.3.0 b@b.example: deferred by " in result.stdout
    assert b"MAIL FROM:<a@a.example>" in result.stderr


def test_smtp_client_that_reads_no_errors_is_answered(programs, smarthost):
    """Its pipe is full, and it does not read there before it has a reply."""
    programs.write_config(smarthost)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    inner, outer = socket.socketpair()
    with inner, outer:
        outer.sendall(SESSION)
        pid = os.posix_spawn(
            str(programs.build / "sendmail"), ["sendmail", "-bs"],
            programs.environment(),
            file_actions=[(os.POSIX_SPAWN_DUP2, inner.fileno(), 0),
                          (os.POSIX_SPAWN_DUP2, inner.fileno(), 1),
                          (os.POSIX_SPAWN_DUP2, writing, 2)])
        inner.close()
        outer.settimeout(30)
        received = b""
        while b"221 " not in received:
            received += outer.recv(4096)
    os.close(writing)
    os.close(reading)
    os.waitpid(pid, 0)
    assert b"250 2.0.0 Ok: sent" in received


# Message files that another program has written

SMUGGLED = b"MAIL FROM:<x@x.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\n"


@pytest.mark.parametrize("content", [
    b"Subject: x\r\n\r\nx\n.\n" + SMUGGLED,
    b"Subject: x\r\n\r\nx\n.\r\n" + SMUGGLED,
    b"Subject: x\r\n\r\nx\r.\r\n" + SMUGGLED,
    b"Subject: x\r\n\r\nx\r\n.\r" + SMUGGLED,
    b"\n.\r\n",
    b"\r\n\r",
    b"\r\n" + b"x" * 65534 + b"\n\r\n",
    b"\r\n" + b"x" * 65533 + b"\r\r\n",
])
def test_line_without_crlf_is_returned_with_it(queue, smarthost, content):
    """Never sent as it is, where it could be taken for commands."""
    queue.write_config(smarthost)
    bad, good = random_id(), random_id()
    queue.write_drop(bad, message_file(bad, content=content))
    queue.write_drop(good, message_file(
        good, content=b"\r\n" + b"x" * 65533 + b"\r\n"))
    with queue.daemon() as daemon:
        daemon.wait_until_removed(3)
    (report,) = [m for m in smarthost.messages if not m.reverse_path]
    assert len(smarthost.messages) == 2
    assert report.recipients == ["a@a.example"]
    assert b"does not end with CRLF" in report.content
    assert not report.content.replace(b"\r\n", b"").count(b"\n")
    assert not report.content.replace(b"\r\n", b"").count(b"\r")


# Nobody waits for what does not answer

def test_daemon_that_hangs_holds_no_caller_up(queue):
    queue.write_config(2525)
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(queue.control))
        control.listen(0)
        waiting = []
        for _ in range(2):                      # its backlog is full
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            client.connect_ex(str(queue.control))
            waiting.append(client)
        started = time.monotonic()
        queue.sendmail("-odi", "b@b.example", stdin=message()).expect(0)
        assert time.monotonic() - started < 20
        for client in waiting:
            client.close()
    assert len(queue.names("drop")) == 1


# Much of everything does not take long

MANY = {
    "recipients": "To: " + ",\n ".join(f"u{i}@b.example"
                                       for i in range(100000)),
    "recipients without domain": "To: " + ",\n ".join(
        f"u{i}" for i in range(100000)),
    "fields": "To: a@b.example\n" + "X: y\n" * 100000 + "X: z",
    "blind copies": "Bcc: a@b.example\n" * 100000 + "X: z",
    "resent fields": "Resent-To: a@b.example\n" * 100000 + "X: z",
    "nested comments": "To: " + "(" * 200000 + ")" * 200000 + " a@b.example",
    "groups": "To: " + "g:;" * 200000 + "a@b.example",
    "routes": "To: <" + "@a," * 200000 + "@a:a@b.example>",
    "blank folds": "To: a@b.example" + "\n " * 200000 + ", c@b.example",
}


@pytest.mark.parametrize("redirect", ["", "staging@x.example"])
@pytest.mark.parametrize("header", MANY.values(), ids=MANY)
def test_hostile_header_is_read_in_linear_time(front, header, redirect):
    front.write_config(settings={"redirect_all": redirect})
    front.sendmail("-t", stdin=header + "\n\nhello\n", limit=15).expect(0)
    assert front.draft().recipients


# Arguments and header fields of an attacker

@pytest.mark.parametrize("arguments", [
    ["-f", "a@a.example\r\nRCPT TO:<evil@x.example>", "b@b.example"],
    ["-f", "a@a.example\nto - - evil@x.example", "b@b.example"],
    ["b@b.example\nto - - evil@x.example"],
    ["--", "-oQ/tmp"],
    ["-N", "never\nto - - evil@x.example", "b@b.example"],
    ["-V", "id\nto - - evil@x.example", "b@b.example"],
    ["-R", "full\n", "b@b.example"],
    ["\"a b\"@b.example>\r\nDATA\r\n"],
    ["|touch /tmp/x"],
    ["\"unclosed"],
])
def test_hostile_argument_is_refused_in_one_line(front, arguments):
    result = front.sendmail(*arguments, stdin=message()).expect(64, 65)
    assert not front.handed_over
    assert result.stderr.decode().isprintable() or \
        all(line.isprintable() for line in result.errors.splitlines())


@pytest.mark.parametrize("address", [":include:/etc/passwd", "|/bin/sh",
                                     "/etc/passwd"])
def test_address_opens_no_file_and_runs_no_program(front, address):
    result = front.sendmail("-t", address, stdin=message(To=address))
    for name in front.handed_over and front.draft().recipients or []:
        assert name.endswith("@example.com")
    assert b"root:" not in result.stdout + result.stderr


def test_full_name_brings_no_field_with_it(front):
    front.sendmail("-F", "x\r\nBcc: evil@x.example\r\n\r\nbody", "-f",
                   "a@a.example", "b@b.example",
                   stdin="Subject: x\n\nhello\n").expect(0)
    draft = front.draft()
    assert len(draft.fields("From")) == 1
    assert not draft.fields("Bcc")
    assert draft.body == b"hello\r\n"


@pytest.mark.parametrize("target", [":include:/no/such", "<", "|/bin/sh"])
def test_broken_alias_is_a_fault_and_no_more(front, target):
    """Nothing is left to send it to; else the others get it."""
    front.write_aliases(f"root: {target}\n")
    front.sendmail("root", stdin=message()).expect(78)
    assert not front.handed_over
    front.write_aliases(f"root: ops@x.example, {target}\n")
    front.sendmail("root", stdin=message()).expect(0)
    assert "ops@x.example" in front.draft().recipients
