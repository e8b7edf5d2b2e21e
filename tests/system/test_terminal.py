"""What reaches a terminal: no octet of a stranger's that it would obey."""

import json
import socket
import threading

import pytest

from lib.harness import message
from lib.queue import on_terminal
from lib.smarthost import Smarthost

CSI, OVERRIDE, ISOLATE = "\u009b", "\u202e", "\u2066"
DISGUISES = [CSI, OVERRIDE, ISOLATE, "\u200e", "\u061c", "\u2028"]
HOSTILE = "x\u009b31m\u202e\u00ad\ufeff\U000e0041\x1b[2J\x07"
SHOWN = r"x\xc2\x9b31m\xe2\x80\xae\xc2\xad\xef\xbb\xbf\xf3\xa0\x81\x81" \
    r"\x1b[2J\x07"


def is_harmless(octets):
    text = octets.decode()          # which raw C1 would not be
    return not any(c in text for c in HOSTILE.replace("31m", "")
                   .replace("[2J", "").replace("x", "")) and \
        not any(0x80 <= ord(c) < 0xa0 for c in text)


@pytest.mark.parametrize("character", DISGUISES)
@pytest.mark.parametrize("address", ["x%sy@b.example", "x@b%sy.example",
                                     '"x %s"@b.example'])
def test_no_address_has_it(programs, smarthost, character, address):
    programs.write_config(smarthost)
    for arguments in ([address % character],
                      ["-f", address % character, "r@b.example"],
                      ["-bv", address % character]):
        result = programs.sendmail("--", *arguments, stdin=message()) \
            if len(arguments) == 1 else \
            programs.sendmail(*arguments, stdin=message())
        result.expect(65, 67)
        assert "that terminals show as something else" in \
            result.errors + result.stdout.decode()
        assert is_harmless(result.stdout + result.stderr)
    assert not smarthost.messages


def test_joiners_are_letters(programs):
    """Persian has the one, names of several scripts the other."""
    with Smarthost() as smarthost:
        programs.write_config(smarthost)
        for joiner in "\u200c\u200d":
            programs.sendmail(f"x{joiner}y@b.example",
                              stdin=message()).expect(0)
        assert len(smarthost.messages) == 2


@pytest.mark.parametrize("raw", [b"x\x9b31m@b.example", b"x\xff@b.example"])
def test_octets_that_are_no_text(programs, smarthost, raw):
    programs.write_config(smarthost)
    result = programs.sendmail("-bv", raw).expect(67)
    assert is_harmless(result.stdout + result.stderr)


@pytest.fixture
def liar(queue):
    """A daemon that has such names in its queue, as an older one may."""
    queue.write_config(settings={"delivery": "queue"})
    fields = ["0" * 32, "-", "0", "10", "0", "1", HOSTILE, HOSTILE,
              HOSTILE, HOSTILE]
    lines = {b"list": "\t".join(fields) + "\n",
             b"status": "queued 1\nsmarthost main up 0 0 " + HOSTILE + "\n"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(queue.control))
        listener.listen()

        def answer():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, client.makefile("rb") as request:
                    asked = request.readline().strip()
                    client.sendall(lines[asked].encode())
        thread = threading.Thread(target=answer)
        thread.start()
        yield queue
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("program, arguments", [
    ("sendmail", ["-bp"]), ("postrider", ["queue"]),
    ("postrider", ["queue", "show", "0" * 32]), ("postrider", ["status"]),
])
def test_queue_is_shown(liar, program, arguments):
    result = liar.run(program, *arguments).expect(0)
    assert is_harmless(result.stdout + result.stderr)
    assert SHOWN in result.stdout.decode()


def test_json_holds_it_escaped(liar):
    result = liar.postrider("queue", "list", "--json").expect(0)
    assert is_harmless(result.stdout)
    assert r"x\u009b31m\u202e\u00ad\ufeff\udb40\udc41\u001b[2J\u0007" in \
        result.stdout.decode()
    item = json.loads(result.stdout)
    assert item["sender"] == item["reason"] == item["recipients"][1] == HOSTILE
    result = liar.postrider("status", "--json").expect(0)
    assert is_harmless(result.stdout)
    assert json.loads(result.stdout)["smarthosts"][0]["reason"] == HOSTILE


def test_import_shows_it(programs):
    """And what it writes means the same."""
    path = programs.folder / "ssmtp.conf"
    path.write_text(f"mailhub=smtp.example.com\nAuthUser={CSI}31m{OVERRIDE}\n"
                    "AuthPass=secret\n")
    result = programs.postrider("import", str(path)).expect(0)
    assert is_harmless(result.stdout + result.stderr)
    assert rb'user = "\xc2\x9b31m\xe2\x80\xae"' in result.stdout


def test_dialogue_is_shown(programs, smarthost):
    smarthost.recipients["r@b.example"] = f"550 5.1.1 {HOSTILE[:6]}"
    programs.write_config(smarthost)
    result = programs.sendmail("-v", "r@b.example", stdin=message())
    assert is_harmless(result.stdout + result.stderr)
    assert SHOWN[:13] in result.errors
    result = programs.postrider("test", "--to", "r@b.example")
    assert is_harmless(result.stdout + result.stderr)
    assert SHOWN[:13] in result.errors + result.stdout.decode()


def test_large_message_shows_how_far_it_is(programs, smarthost):
    """In one line, which is gone at the end; and nowhere else."""
    programs.write_config(smarthost)
    large = programs.folder / "large"
    large.write_bytes(message(body=40000 * (b"y" * 76 + b"\n")))
    with large.open("rb") as stream:
        lines = on_terminal(programs, "-v", "b@b.example", program="sendmail",
                            stdin=stream)
    shown = [line for line in lines if " MB sent" in line]
    assert shown == ["1 of 2 MB sent\x1b[K", "2 of 2 MB sent\x1b[K"], lines
    assert lines[lines.index(shown[-1]) + 1].startswith("\x1b[K< 250 ")
    with large.open("rb") as stream:
        quiet = programs.sendmail("-v", "b@b.example", stdin=stream).expect(0)
    assert b"MB sent" not in quiet.stderr + quiet.stdout
