"""Smarthosts that do not do what their EHLO lists, or lose count."""

import pytest

from lib.harness import message

TO = "b@b.example"


def submit(queue, count, to=TO):
    for number in range(count):
        queue.sendmail(to, stdin=message(f"number {number}\n")).expect(0)


def bodies(host):
    return sorted(m.body.decode().strip() for m in host.messages)


def said(host, command):
    return [line for session in host.sessions for line in session.commands
            if line.startswith(command)]


@pytest.mark.parametrize("extensions", [
    ["PIPELINING", "CHUNKING"], ["CHUNKING"],
])
def test_chunking_that_is_not_known(queue, make_smarthost, extensions):
    """A gateway passes the keyword on, and answers BDAT and each line of the
    chunk as commands. No message is refused for that, none comes twice."""
    host = make_smarthost(extensions=extensions)
    host.replies["BDAT"] = lambda session, argument: \
        b"502 5.5.1 what?\r\n" + b"500 5.5.1 what?\r\n" * 9
    queue.write_config(host, connections=1)
    submit(queue, 12)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(12)
        assert bodies(host) == sorted(f"number {n}" for n in range(12))
        assert daemon.count("smarthost host0 lists CHUNKING, ") == 1
        assert daemon.count("status=deferred") == 0
        (shown,) = queue.status()["smarthosts"]
        assert shown["state"] == "up" and "CHUNKING" in shown["reason"]
        attempts = len(said(host, "BDAT"))
        submit(queue, 3)
        daemon.wait_until_removed(15)
        assert len(said(host, "BDAT")) == attempts

    # The next daemon knows it, until the EHLO is another.
    with queue.daemon() as daemon:
        (shown,) = queue.status()["smarthosts"]
        assert "CHUNKING" in shown["reason"]
        submit(queue, 3)
        daemon.wait_until_removed(3)
        assert len(said(host, "BDAT")) == attempts
        assert daemon.count("lists CHUNKING") == 0
    del host.replies["BDAT"]
    host.extensions.append("X-NEW")
    with queue.daemon() as daemon:
        submit(queue, 1)
        daemon.wait_until_removed(1)
        assert len(said(host, "BDAT")) == attempts + 1
        (shown,) = queue.status()["smarthosts"]
        assert shown["reason"] == ""
    with queue.daemon() as daemon:
        (shown,) = queue.status()["smarthosts"]
        assert shown["reason"] == ""


def test_size_that_is_not_known(queue, make_smarthost):
    host = make_smarthost(extensions=["PIPELINING", "SIZE 100000"])
    host.replies["MAIL"] = lambda session, argument: \
        "501 5.5.4 syntax" if "SIZE" in argument else None
    queue.write_config(host)
    with queue.daemon() as daemon:
        submit(queue, 3)
        daemon.wait_until_removed(3)
        assert daemon.count("lists SIZE") == 1
    assert bodies(host) == ["number 0", "number 1", "number 2"]


def test_extensions_ignored(queue, smarthost):
    queue.write_config(smarthost, extensions_ignored=[
        "CHUNKING", "pipelining", "SIZE"])
    with queue.daemon() as daemon:
        submit(queue, 2)
        daemon.wait_until_removed(2)
    assert not said(smarthost, "BDAT") and len(said(smarthost, "DATA")) == 2
    assert not [line for line in said(smarthost, "MAIL") if "SIZE" in line]
    assert all(len(flight) == 1 for session in smarthost.sessions
               for flight in session.flights)


def test_one_reply_too_many(queue, make_smarthost):
    """What was refused is never taken for sent, since its answer was another
    command's."""
    host = make_smarthost(extensions=["PIPELINING", "CHUNKING"])
    host.replies["BDAT"] = [b"250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n",
                            "554 5.6.0 refused"]
    queue.write_config(host, connections=1)
    submit(queue, 4)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(4)
        assert not daemon.find(r"status=sent \(250 2\.1\.")
        assert not daemon.find("status=bounced.*RSET")
    # The fake does not keep the one that it answers in octets.
    assert len(set(bodies(host))) == 3


def test_a_code_of_its_own(queue, make_smarthost):
    """571 is a refusal like another: the messages beside it arrive once."""
    host = make_smarthost(extensions=["PIPELINING", "CHUNKING"])
    host.recipients["no@b.example"] = "571 5.7.1 not here"
    queue.write_config(host, connections=1)
    submit(queue, 4)
    submit(queue, 1, "no@b.example")
    submit(queue, 3)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(9)        # and the report
        assert daemon.count("to=<no@b.example>.*status=bounced") == 1
        assert daemon.count("status=deferred") == 0
    assert len(host.messages) == 8


def test_a_line_that_is_no_reply(queue, make_smarthost):
    """It concerns one message of a window; the others are heard."""
    host = make_smarthost(extensions=["PIPELINING", "CHUNKING"])
    host.recipients["odd@b.example"] = [b"what was that?\r\n"]
    queue.write_config(host, connections=1)
    submit(queue, 3)
    submit(queue, 1, "odd@b.example")
    submit(queue, 3)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(7)
    assert bodies(host) == sorted(
        ["number 0", "number 0", "number 0", "number 1", "number 1",
         "number 2", "number 2"])


def test_what_follows_a_command_is_dropped(queue, make_smarthost):
    """A proxy passes PIPELINING on, and drops what comes after a command."""
    host = make_smarthost(extensions=["PIPELINING"])
    host.replies["MAIL"] = drop_the_rest
    queue.write_config(host, connections=1, timeout="1s")
    submit(queue, 2)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(2)
        assert daemon.count("lists PIPELINING") == 1
    assert bodies(host) == ["number 0", "number 1"]


def drop_the_rest(session, argument):
    session.connection.buffer.clear()


def test_forgotten_hyphen(queue, make_smarthost):
    """Two lines of a refusal without a hyphen: the recipient after it is not
    the one that is refused."""
    host = make_smarthost(extensions=["PIPELINING"])
    host.recipients["no@b.example"] = lambda session, argument: \
        b"550 5.1.1 no such user\r\n550 5.1.1 see the manual\r\n"
    queue.write_config(host)
    with queue.daemon() as daemon:
        queue.sendmail("no@b.example", TO, "c@b.example",
                       stdin=message()).expect(0)
        daemon.wait_until_removed(2)        # and the report
        assert daemon.count("status=bounced") == 1
        assert daemon.count("to=<no@b.example>.*status=bounced") == 1
    first = next(m for m in host.messages if m.reverse_path)
    assert first.recipients == [TO, "c@b.example"]
    assert len(host.messages) == 2
