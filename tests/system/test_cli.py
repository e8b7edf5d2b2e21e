"""The command line of sendmail: every option, name and exit status.

Everything here runs sendmail with a stand-in for `postrider direct`
(lib/front.py); what the stand-in gets is what would be delivered.
"""

import os
import pty
import subprocess
import sys
import threading
import time

import pytest

from lib.front import Draft, Front, install
from lib.harness import message, wire
from lib.wire import localhost

TO = "bob@b.example"


def words(text):
    """Arguments in one string; '' is an empty one."""
    return ["" if word == "''" else word for word in text.split()]


# Options that let the message pass

ACCEPTED = """
-t | -i | -oi | -o~i | -ti | -it | -oitrue | -m | -om | -n | -s | -T | -U | -G
-c | -v | -ov | -x | -E | -J | -Efoo | -cimnsv | -bm | -b~m | -ba | -tbm
-f~a@a.example | -fa@a.example | -ra@a.example | -r~a@a.example | -f~''
-f~<> | -f<> | -f~a@x~-f~b@x | -f~a@x~-r~b@x | -tifa@x | -F~Name | -FName
-F~'' | -F~-t | -B8BITMIME | -B~7BIT | -Bwhatever | -N~never | -Nfailure
-N~failure,delay | -NSUCCESS,Failure,DELAY | -R~full | -R~hdrs | -Rhdrs
-RFULL | -V~id42 | -Vid+2D | -h~0 | -h7 | -h~50 | -em | -ep | -eq | -ew | -ee
-e~m | -oem | -oep | -oeq | -oew | -oee | -oex | -odi | -odb | -odq | -odd
-odf | -d | -d8 | -d0-99.1 | -dany.thing | -d0.1 | -D/no/such | -D~/no/such
-X/no/such | -X~/no/such | -C/no/such | -C~/no/such | -Ac | -Am | -A~c
-oA/no/such | -oQ/no/such | -o~Q/no/such | -O~QueueDirectory=/no/such
-OQueueDirectory=/no/such | -O~DeliveryMode=i | -O~DeliveryMode=background
-OErrorMode=q | -O~PidFile=/no/such | -O~nonsense | -O~'' | -pESMTP
-p~ESMTP:host | -L~tag | -Ltag | -M~rSMTP | -MrSMTP | -Q~-i | -Qreason | -Q~why
-- | -i~-- | -t~-- | -oem~-oi~-- | -odi~-oem~-oi~-t | -oMrlocal | -o7
-t~-t~-i~-i | -FCronDaemon~-odi~-oem | -FAnacron~-odi
""".replace("\n", "|").split("|")


@pytest.mark.parametrize("text", [a.strip() for a in ACCEPTED if a.strip()])
def test_option_lets_the_message_pass(front, text):
    arguments = words(text.replace("~", " "))
    result = front.sendmail(*arguments, TO, stdin=message()).expect(0)
    assert front.arguments()[0] == "direct"
    assert front.draft().recipients == [TO]
    assert front.draft().body == b"hello\r\n"
    if "-d0.1" not in arguments:
        assert result.stdout == b""
    assert result.stderr == b""


# The command lines of real callers, as they were recorded

CALLERS = [
    "-t -i",
    "-t -i -fbounce.tag@app.example",
    "-t -i -oi -fbounce.tag@app.example -t",
    "-t -i -f bounce+tag=x@app.example -F Shop",
    "-FCronDaemon -i -B8BITMIME -oem " + TO,
    "-FCronDaemon -i -odi -oem -oi -t -f root",
    "-FAnacron -odi root",
    "-i -B8BITMIME alice",
    "-i -f sender@app.example -- to1@dest.example to2@dest.example",
    "-i -- root",
    "-oi -f sender@app.example -t",
    "-oem -oi -f sender@app.example -- to1@dest.example",
    "-oem -oi -f bounce+tag=x@app.example -N failure,delay -R hdrs -- "
    + TO,
    "-oi -fbounce+tag=x@app.example -- to1@dest.example bcc@hidden.example",
    "-t -oi -oem -fsender@app.example",
    "-oi -t -odq",
    "-i -t -f bounce.tag@app.example --",
    "-i -f bounce+tag\\=x@app.example -- to1@dest.example",
    "-i -N never to1@dest.example to2@dest.example",
    "-f bounce+tag=x@app.example -i to1@dest.example",
    "-odi ops@dest.example",
    "-i -t -F \"Reminder",
    "-f alice -- orig@app.example",
    "-i -f <> -- orig@app.example",
    "-oi -f '' fwd@dest.example",
    "-bm -em -ep -oep " + TO,
    "ops@dest.example,bob",
]


@pytest.mark.parametrize("text", CALLERS)
def test_real_callers_are_served(front, text):
    result = front.sendmail(*words(text), stdin=message()).expect(0)
    assert front.draft().recipients
    assert (result.stdout, result.stderr) == (b"", b"")


# Mistakes

USAGE = [
    ("-Z " + TO, "unknown option -Z"),
    ("-tZ", "unknown option -Z"),
    ("-k", "unknown option -k"),
    ("-1 " + TO, "unknown option -1"),
    ("--nonsense " + TO, "unknown option --nonsense"),
    (TO + " -t", "must precede"),
    (TO + " -v", "must precede"),
    (TO + " --", "must precede"),
    ("-", "must precede"),
    ("-bx " + TO, "bad mode"),
    ("-b '' " + TO, "bad mode"),
    ("-N maybe " + TO, "-N maybe"),
    ("-N never,failure " + TO, "-N never,failure"),
    ("-N '' " + TO, "-N"),
    ("-N " + TO, "-N " + TO),
    ("-R all " + TO, "-R all"),
    ("-R full -R hdrs " + TO, "twice"),
    ("-V a=b " + TO, "xtext"),
    ("-V '' " + TO, "xtext"),
    ("-h many " + TO, "number"),
    ("-h '' " + TO, "number"),
    ("-h -1 " + TO, "number"),
    ("-odx " + TO, "delivery mode"),
    ("-O DeliveryMode=x " + TO, "delivery mode"),
    ("-qsometimes", "time"),
    ("''", "Recipient names must be specified"),
    (",", "Recipient names must be specified"),
    ("", "Recipient names must be specified"),
    ("-i", "Recipient names must be specified"),
    ("-i --", "Recipient names must be specified"),
    ("-bm", "Recipient names must be specified"),
    ("-bv", "Recipient names must be specified"),
    ("-bt", "only Sendmail"),
    ("-bl", "only Sendmail"),
    ("-bz", "only Sendmail"),
] + [("-" + letter, "option requires an argument")
     for letter in "ABbCDeFfhLMNOopRrVX"] + [
    ("-ti" + letter, "option requires an argument") for letter in "fFNR"]


@pytest.mark.parametrize("text, says", USAGE)
def test_mistake_is_a_usage_error(front, text, says):
    result = front.sendmail(*words(text), stdin=message()).expect(64)
    assert says in result.errors
    assert result.errors.startswith("sendmail: ")
    assert result.stdout == b""
    assert not front.handed_over


def test_unknown_option_shows_usage(front):
    result = front.sendmail("-Z", TO, stdin=message()).expect(64)
    assert "usage: sendmail" in result.errors


@pytest.mark.parametrize("arguments", [["-F"], ["-Z"], []])
def test_probing_caller_is_not_kept(front, arguments):
    """netdata runs `sendmail -F` and keeps standard input open."""
    ours, theirs = os.pipe()
    try:
        result = front.sendmail(*arguments, stdin=ours, limit=15)
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.status in (64, 69)
    assert 1 <= result.seconds < 8


@pytest.mark.parametrize("arguments", [
    ["-oeq", "-h51", TO], ["-eq", "-h51", TO], ["-O", "ErrorMode=q", "-h51",
     TO], ["-oeq", "-Z", TO], ["-oeq", "-f", "-bad@x", TO]])
def test_quiet_mode_leaves_only_the_status(front, arguments):
    front.write_config(settings={"log": "syslog"})
    result = front.sendmail(*arguments, stdin=message())
    assert result.status in (64, 65, 69)
    assert (result.stdout, result.stderr) == (b"", b"")


REFUSALS = [
    (64, ["-Z", TO], {}),
    (64, ["-F"], {}),
    (64, [], {}),
    (64, [TO, "-t"], {}),
    (65, ["-f", "-x@y", TO], {}),
    (65, ["--", "-x@y"], {}),
    (65, ["a\nb@b.example"], {}),
    (69, ["-h", "51", TO], {}),
    (69, ["-h", "99999999999999999999", TO], {}),
    (78, [TO], {"settings": {"nonsense": "1"}}),
    (75, [TO], {"settings": {"delivery": "queue", "spool": "/no/such"}}),
    (78, [TO], {"smarthost": None}),
    (65, [TO], {"settings": {"message_size_limit": "1k"}}),
]


@pytest.mark.parametrize("status, arguments, config", REFUSALS)
def test_refused_message_is_read_to_its_end(front, status, arguments, config):
    """Callers die of SIGPIPE otherwise."""
    front.write_config(**config)
    ours, theirs = os.pipe()
    broken = []

    def write():
        try:
            with open(theirs, "wb") as out:
                out.write(message(b"x" * 70 + b"\n"))
                out.flush()
                time.sleep(0.2)
                for _ in range(20):
                    out.write(b"y" * 50000 + b"\n")
        except BrokenPipeError as error:
            broken.append(error)
    writer = threading.Thread(target=write)
    writer.start()
    with open(ours, "rb") as stdin:
        result = front.sendmail(*arguments, stdin=stdin)
    writer.join()
    result.expect(status)
    assert not broken and not front.handed_over
    assert result.errors.count("\n") == 1 + result.errors.count("usage:")


def test_refusal_is_logged_with_the_uid(front):
    result = front.sendmail("-oeq", "--", "-x@y", stdin=message()).expect(65)
    assert f"NOQUEUE: reject: uid={os.getuid()}: " in result.errors


def test_refusal_is_not_told_twice(front):
    result = front.sendmail("--", "-x@y", stdin=message()).expect(65)
    assert result.errors.count("\n") == 1


# Nothing an attacker gives as an argument touches a file

@pytest.mark.parametrize("option", [
    "-X{}", "-X {}", "-D{}", "-D {} -d99", "-C{}", "-oQ{}", "-oA{}",
    "-O QueueDirectory={}", "-OAliasFile={}", "-OPidFile={}", "-oH{}",
    "-OLogFile={}", "-bm -X{} -oQ{}", "-d0-99.100 -D{}"])
def test_no_option_creates_a_file(front, option):
    trap = front.folder / "trap"
    front.sendmail(*option.format(trap, trap).split(), TO,
                   stdin=message()).expect(0)
    assert not trap.exists()
    assert front.draft().recipients == [TO]


@pytest.mark.parametrize("option", ["-C{}", "-C {}", "-OConfigFile={}"])
def test_no_option_chooses_a_configuration(front, option):
    other = front.folder / "other.conf"
    other.write_text('domain = "evil.example"\nredirect_all = "x@evil"\n')
    front.sendmail(*option.format(other).split(), "-f", "me", TO,
                   stdin=message()).expect(0)
    assert front.draft().recipients == [TO]
    assert front.draft().reverse_path == "me@a.example"


# Names

@pytest.mark.parametrize("name", ["mailq", "/usr/bin/mailq", "-mailq",
                                  "../bin/mailq"])
def test_mailq_by_any_path(front, name):
    result = run_as(front, name)
    assert (result.returncode, result.stdout) == (0, b"Mail queue is empty\n")


@pytest.mark.parametrize("name, status, says", [
    ("newaliases", 0, b"aliases"), ("/usr/bin/newaliases", 0, b"aliases"),
    ("hoststat", 0, b"no host status"), ("purgestat", 0, b"no host status"),
    ("sendmail", 64, b"Recipient names"),
    ("/usr/lib/sendmail", 64, b"Recipient names"),
    ("", 64, b"Recipient names")])
def test_name_chooses_the_task(front, name, status, says):
    result = run_as(front, name)
    assert result.returncode == status
    assert says in result.stdout + result.stderr


def run_as(front, name, *arguments):
    # With a cwd, since without Python may use its posix_spawn(), which takes
    # no empty name.
    return subprocess.run([name, *arguments], check=False, timeout=30, cwd="/",
                          executable=front.build / "sendmail",
                          env=front.environment(), stdin=subprocess.DEVNULL,
                          capture_output=True)


@pytest.mark.parametrize("link", ["mailq", "newaliases", "hoststat"])
def test_links_work(front, link):
    result = subprocess.run([front.build / link], env=front.environment(),
                            stdin=subprocess.DEVNULL, timeout=30,
                            capture_output=True, check=False)
    assert result.returncode == 0 and result.stderr == b""


def test_name_does_not_tell_where_postrider_is(front):
    result = subprocess.run(["/nowhere/sendmail", TO], input=message(),
                            executable=front.build / "sendmail", timeout=30,
                            env=front.environment(), check=False)
    assert result.returncode == 0
    assert front.draft().recipients == [TO]


# Modes

@pytest.mark.parametrize("text, status, out, err", [
    ("-bp", 0, "Mail queue is empty\n", ""),
    ("-bp -v", 0, "Mail queue is empty\n", ""),
    ("-bp -qI42", 0, "Mail queue is empty\n", ""),
    ("-bP", 0, "0\n", ""),
    ("-q", 0, "", ""),
    ("-q -v", 0, "", ""),
    ("-q0", 0, "", ""),
    ("-qf", 0, "", ""),
    ("-qp", 0, "", ""),
    ("-qIabc", 0, "", ""),
    ("-q!Rabc", 0, "", ""),
    ("-q30m", 0, "", ""),
    ("-q 30m", 0, "", ""),
    ("-q1h30m", 0, "", ""),
    ("-qGgroup", 0, "", ""),
    ("-qQ", 0, "", ""),
    ("-qL", 0, "", ""),
    ("-bC", 0, "no errors\n", ""),
    ("-bh", 0, "no host status\n", ""),
    ("-bH", 0, "no host status\n", ""),
    ("-bi", 0, " 0 aliases\n", ""),
    ("-I", 0, " 0 aliases\n", ""),
    ("-bs", 0, "220 ", ""),
    ("-bs -odb -oem -om", 0, "220 ", ""),
    ("--version", 0, "Postrider", ""),
    ("-t --version", 0, "Postrider", ""),
    ("-d0.1", 0, "Postrider", ""),
    ("-bt -d0.1", 0, "Postrider", ""),
    ("-d0.1 -bp", 0, "Postrider)\nMail queue is empty\n", ""),
    ("--help", 0, "usage: sendmail", ""),
])
def test_mode(front, text, status, out, err):
    result = front.sendmail(*words(text)).expect(status)
    assert out in result.stdout.decode()
    assert err in result.errors
    assert result.errors.count("\n") == (1 if err else 0)
    assert not front.handed_over


@pytest.mark.parametrize("text", ["-bp", "-bP", "-bi", "-bC", "-bv " + TO,
                                  "-q", "--help", "--version", "-bh"])
def test_mode_without_message_reads_no_input(front, text):
    ours, theirs = os.pipe()
    with open(ours, "rb") as stdin:
        result = front.sendmail(*words(text), stdin=stdin, limit=10)
    os.close(theirs)
    assert result.seconds < 2


def test_version_is_told_before_the_message_goes(front):
    result = front.sendmail("-d0.1", TO, stdin=message()).expect(0)
    assert b"Postrider" in result.stdout
    assert front.draft().recipients == [TO]


@pytest.mark.parametrize("text", ["-bd", "-bD", "-bd -q30m"])
def test_daemon_is_handed_over(front, text):
    """One that ends before it has started gives its exit status."""
    front.sendmail(*words(text), env={"FRONT_STATUS": "78"}).expect(78)
    assert front.arguments() == ["daemon"]


NOT_THE_DAEMON = """\
"$PYTHON" -c '
import os, socket
name = os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", name)'
exit 78
"""


def stand_in(front, script):
    """The folder of a sendmail with that script in the place of postrider."""
    build = front.folder / "build"
    build.mkdir()
    install(build)
    (build / "postrider").write_text(f"#!/bin/sh\n{script}")
    return build


def test_only_the_daemon_says_that_it_has_started(front):
    """Its notices have a name that any user can send to."""
    front.build = stand_in(front, NOT_THE_DAEMON)
    front.sendmail("-bd", env={"PYTHON": sys.executable}).expect(78)


def test_daemon_has_no_descriptor_of_its_caller(front):
    """One that is a lock, or a pipe, would stay open as long as it runs."""
    front.build = stand_in(front, "[ ! -e /proc/$$/fd/7 ] && exit 78\n")
    result = shell(front, '"$0" -bd 7</dev/null')
    assert result.returncode == 78


def test_smtpd_is_the_daemon(front):
    front.run("smtpd", env={"FRONT_STATUS": "77"}).expect(77)
    assert front.arguments() == ["daemon"]


@pytest.fixture
def queueing(front):
    """With a spool of the test's own, and no daemon."""
    spool = front.folder / "spool"
    (spool / "drop").mkdir(parents=True)
    (spool / "drop").chmod(0o3733)
    front.write_config(settings={
        "delivery": "queue", "spool": str(spool),
        "control": str(front.folder / "control")})
    return front


@pytest.mark.parametrize("text", ["", "-odb", "-odq", "-odi", "-odd", "-v"])
def test_message_is_dropped(queueing, text):
    """-odi finds no daemon to wait for, and the message is queued all the same.
    """
    result = queueing.sendmail(*words(text), TO, stdin=message()).expect(0)
    (path,) = (queueing.folder / "spool" / "drop").iterdir()
    draft = Draft(path.read_bytes())
    assert draft.id == path.name
    assert draft.recipients == [TO]
    assert draft.content == wire(message())
    assert path.stat().st_mode & 0o7777 == 0o640
    told = f"queued as {draft.id}\n" if text == "-v" else ""
    assert (result.stdout.decode(), result.stderr) == (told, b"")
    assert not queueing.handed_over


@pytest.mark.parametrize("arguments, stdin, status", [
    (["-f", "-x@y", TO], b"x\n", 65), (["-Z", TO], b"x\n", 64),
    (["-t"], b"Subject: x\n\nb\n", 64), (["-h51", TO], b"x\n", 69)])
def test_refused_message_leaves_nothing_in_the_drop(queueing, arguments,
                                                    stdin, status):
    queueing.sendmail(*arguments, stdin=stdin).expect(status)
    assert list((queueing.folder / "spool" / "drop").iterdir()) == []


@pytest.mark.parametrize("text", ["-q", "-qIabc", "-bp", "-bP"])
def test_queue_without_a_daemon_is_told(front, text):
    front.write_config(settings={
        "delivery": "queue", "spool": "/no/such",
        "control": str(front.folder / "control")})
    result = front.sendmail(text).expect(69)
    assert "no daemon listens" in result.errors
    assert result.errors.count("\n") == 1 and result.stdout == b""


# -bv

ALIASES = 'root: admin@example.com\nteam: alice, carl@c.example\n' \
          'pipe: "|/bin/cat"\n'


@pytest.mark.parametrize("address, lines", [
    ("root", ["root... deliverable: mailer smtp, host HOST, user "
              "admin@example.com"]),
    ("team", ["team... deliverable: mailer smtp, host HOST, user "
              "alice@a.example",
              "team... deliverable: mailer smtp, host HOST, user "
              "carl@c.example"]),
    ("x@y.example", ["x@y.example... deliverable: mailer smtp, host "
                     "HOST, user x@y.example"]),
    ("alice, root", ["alice... deliverable: mailer smtp, host HOST, "
                     "user alice@a.example",
                     "root... deliverable: mailer smtp, host HOST, "
                     "user admin@example.com"]),
])
def test_verify_shows_what_becomes_of_it(front, address, lines):
    front.write_aliases(ALIASES)
    result = front.sendmail("-bv", address).expect(0)
    host = f"[{localhost()}]"
    assert result.stdout.decode().splitlines() == [
        line.replace("HOST", host) for line in lines]
    assert not front.handed_over


@pytest.mark.parametrize("addresses", [["pipe"], ["x@y", "pipe"], ["a b@c. d"],
                                       ["--", "-x@y"], ["x@", "y@z"]])
def test_verify_tells_the_undeliverable(front, addresses):
    front.write_aliases(ALIASES)
    result = front.sendmail("-bv", *addresses).expect(67)
    assert b"undeliverable: " in result.stdout
    assert not front.handed_over


def test_verify_without_aliases(front):
    front.write_aliases(ALIASES)
    result = front.sendmail("-bv", "-n", "root").expect(0)
    assert b"user root@a.example" in result.stdout


@pytest.mark.parametrize("name, rule, reports", [
    ("root", "", ""),
    ("root", 'sender "root" { address = "team@localhost" }\n',
     "root... reports about its mail go to alice@a.example\n"
     "root... reports about its mail go to carl@c.example\n"),
    ("bob", 'sender "*" { address = "noreply@a.example" }\n',
     "bob... reports about its mail go to noreply@a.example\n"),
    ("x@y.example", 'sender "*" { address = "noreply@a.example" }\n', ""),
])
def test_verify_tells_where_reports_go(front, name, rule, reports):
    front.write_aliases(ALIASES)
    front.write_config(2525, extra=rule)
    result = front.sendmail("-bv", name).expect(0)
    assert result.stdout.decode().count("\n") == 1
    assert result.errors == reports


# newaliases

@pytest.mark.parametrize("text, status, says", [
    ("root: a@b\n", 0, "1 aliases"),
    ("", 0, "0 aliases"),
    (ALIASES, 78, "aliases:3"),
    ("root: a@b\nnonsense\n", 78, "aliases:2"),
])
def test_newaliases_checks(front, text, status, says):
    front.write_aliases(text)
    result = front.run("newaliases").expect(status)
    assert says in result.stdout.decode() + result.errors


# Handing over

@pytest.mark.parametrize("status", [0, 65, 67, 69, 75, 76, 77, 78])
def test_exit_status_is_that_of_the_delivery(front, status):
    front.sendmail(TO, stdin=message(),
                   env={"FRONT_STATUS": str(status)}).expect(status)


@pytest.mark.parametrize("text, arguments", [
    ("", ["direct"]), ("-v", ["direct", "-v"]), ("-ov", ["direct", "-v"]),
    ("-oeq", ["direct", "-q"]), ("-v -eq", ["direct", "-v", "-q"]),
    ("-odi", ["direct"]), ("-odq", ["direct"]), ("-oem", ["direct"])])
def test_delivery_gets_what_concerns_it(front, text, arguments):
    front.sendmail(*words(text), TO, stdin=message()).expect(0)
    assert front.arguments() == arguments


def test_missing_postrider_is_a_system_error(front, tmp_path):
    lonely = tmp_path / "sendmail"
    lonely.write_bytes((front.build / "sendmail").read_bytes())
    lonely.chmod(0o755)
    if os.path.exists("/usr/sbin/postrider"):
        pytest.skip("postrider is installed")
    result = subprocess.run([lonely, TO], input=message(), check=False,
                            env=front.environment(), capture_output=True)
    assert result.returncode == 71
    assert b"/usr/sbin/postrider" in result.stderr


@pytest.mark.parametrize("text", [TO, "-bd", "-bD"])
def test_libraries_of_the_caller_are_its_own(front, text):
    """XAMPP, for example, has another OpenSSL in a folder of its own."""
    front.build = stand_in(front, '[ -z "$LD_LIBRARY_PATH" ] && exit 78\n')
    env = {"LD_LIBRARY_PATH": str(front.folder)}
    front.sendmail(text, stdin=message(), env=env).expect(78)


# The state a process is born into

def shell(front, script, **options):
    return subprocess.run(
        ["/bin/sh", "-c", script, front.build / "sendmail"], check=False,
        env=front.environment(), timeout=30, **options)


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_descriptors_do_not_reach_the_message(front, closing):
    result = shell(front, f'exec "$0" -v {TO} {closing}',
                   input=message())
    assert result.returncode == 0
    assert front.draft().body == b"hello\r\n"


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_errors_without_descriptors_have_a_status(front, closing):
    result = shell(front, f'exec "$0" -Z {TO} {closing}',
                   input=message())
    assert result.returncode == 64


def test_closed_input_is_no_message(front):
    result = shell(front, f'exec "$0" {TO} <&-')
    assert result.returncode in (66, 74, 75)
    assert not front.handed_over


def test_directory_as_input_is_no_message(front):
    result = shell(front, f'exec "$0" {TO} < /')
    assert result.returncode in (66, 74, 75)
    assert not front.handed_over


def test_empty_input_is_a_message(front):
    front.sendmail(TO, stdin=b"").expect(0)
    assert front.draft().body == b""
    assert front.draft().fields("To") == ["undisclosed-recipients:;"]


@pytest.mark.parametrize("mask", ["0", "077", "0177", "0777"])
def test_umask_does_not_matter(front, mask):
    ready = front.folder / "draft"
    ready.touch()
    (front.folder / "arguments").touch()
    result = shell(front, f'umask {mask}; exec "$0" {TO}',
                   input=message())
    assert result.returncode == 0
    assert front.draft().recipients == [TO]


def test_lying_environment_is_not_believed(front):
    front.sendmail(TO, stdin=message(From=None), env={
        "USER": "liar", "LOGNAME": "liar"}).expect(0)
    assert "liar" not in front.draft().reverse_path
    assert b"iar" not in front.draft().header


def test_bare_environment_is_enough(front):
    result = subprocess.run(
        [front.build / "sendmail", TO], input=message(), check=False,
        env={"POSTRIDER_CONFIG": str(front.config),
             "FRONT_FOLDER": str(front.folder)}, capture_output=True)
    assert result.returncode == 0
    assert front.draft().recipients == [TO]


@pytest.mark.skipif(os.getuid() != 0, reason="changes the user")
def test_user_without_an_entry_is_his_number(front_folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("number")
    place.chmod(0o755)
    front = Front(place, front_folder)
    front.write_config()
    front.config.chmod(0o644)
    os.chown(place, 54321, 54321)
    front.sendmail(TO, stdin=message(From=None), user=54321,
                   group=54321).expect(0)
    assert front.draft().reverse_path == "54321@a.example"
    assert front.draft().fields("From") == ["54321@a.example"]


def test_message_typed_on_a_terminal(front):
    """It ends with a lone dot, as people are used to."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [front.build / "sendmail", TO], stdin=theirs, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=front.environment())
    os.close(theirs)
    os.write(ours, b"Subject: typed\n\nline\n.\n")
    try:
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert front.draft().fields("Subject") == ["typed"]
    assert front.draft().body == b"line\r\n"


def test_mistake_on_a_terminal_does_not_wait(front):
    ours, theirs = pty.openpty()
    started = time.monotonic()
    status = subprocess.run([front.build / "sendmail", "-Z"], stdin=theirs,
                            env=front.environment(), check=False, timeout=20,
                            capture_output=True).returncode
    os.close(ours)
    os.close(theirs)
    assert status == 64 and time.monotonic() - started < 1.5
